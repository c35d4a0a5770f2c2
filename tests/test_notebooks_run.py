"""Every lesson runs from top to bottom, without a browser, in a kernel of this environment."""

from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient

from tests.house import ROOT

LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.name)
def test_a_lesson_runs(path, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    lesson = nbformat.read(path, as_version=4)
    NotebookClient(lesson, timeout=90, kernel_name="python3").execute(cwd=str(path.parent))
    shown = [output for cell in lesson.cells for output in cell.get("outputs", ())]
    widgets = [output for output in shown if "widget-view" in str(output.get("data", {}))]
    assert widgets, "a lesson shows at least one panel"


def test_there_are_lessons() -> None:
    assert [path.name for path in LESSONS][:1] == ["01-a-cluster-in-one-cell.ipynb"]
