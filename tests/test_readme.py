"""What the README says is true: its commands exist, its links lead somewhere, its Python runs."""

from __future__ import annotations

import re

from raftlock import Cluster
from tests.house import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_commands_are_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^    make (\w+)", README, re.MULTILINE):
        assert f".PHONY: {target}\n" in makefile


def test_the_links_and_pictures_lead_somewhere() -> None:
    local = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert len(local) >= 5
    for link in local:
        assert (ROOT / link).exists(), link


def test_the_verbs_it_names_exist() -> None:
    for verb in re.findall(r"\b(restart|freeze|thaw|cut|restore|link|pause|resume|heal)\b", README):
        assert callable(getattr(Cluster, verb))
    for panel in ("dashboard", "ring", "log", "locks"):
        assert callable(getattr(Cluster, panel))


def test_its_python_runs(monkeypatch) -> None:
    source, _ = PYTHON
    shown: list[str] = []
    monkeypatch.setattr(Cluster, "dashboard", lambda cluster: shown.append(repr(cluster)))
    # The same lines on a fast cluster; only the speed of the lesson is left out.
    fast = source.replace("Cluster(nodes=5)", 'Cluster(nodes=5, timing="lan")')
    names: dict[str, object] = {}
    try:
        exec(compile(fast, "README.md", "exec"), names)  # noqa: S102 - our own page
        held = names["held"]
        assert held.token == 0  # the block is over
        assert shown
    finally:
        names["cluster"].stop()


def test_its_simulation_runs(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    _, source = PYTHON
    names: dict[str, object] = {}
    exec(compile(source, "README.md", "exec"), names)  # noqa: S102 - our own page
    assert names["leader"] in names["run"].nodes
    names["run"].stop()
    assert (tmp_path / "run.html").read_text(encoding="utf-8").startswith("<!doctype html>")
