"""Notebooks are kept without what running them left in them."""

import json

import pytest

from tests.house import ROOT, git, named

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def as_kept(path):
    """The notebook as git has it: a student may have run the one on disk, and may keep that."""
    kept = git("ls-files", "--", named(path))
    return json.loads(git("show", f":{named(path)}") if kept else path.read_text(encoding="utf-8"))


def test_the_first_lesson_is_there():
    assert "01-a-cluster-in-one-cell.ipynb" in [path.name for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_nothing_is_left_of_a_run(path):
    notebook = as_kept(path)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["outputs"] for cell in code if cell["outputs"]] == []
    assert [cell["execution_count"] for cell in code if cell["execution_count"]] == []
    assert "widgets" not in notebook["metadata"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_it_opens_without_a_question(path):
    # Any other name, and JupyterLab asks which kernel to start.
    assert as_kept(path)["metadata"]["kernelspec"]["name"] == "python3"
