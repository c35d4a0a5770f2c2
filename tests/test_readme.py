"""What the README says is true: its commands exist, its links lead somewhere, its Python runs."""

from __future__ import annotations

import asyncio
import re

from raftlock import Cluster
from tests.house import ROOT
from tests.serve.processes import Nodes, run

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
    source, _, _ = PYTHON
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
    _, source, _ = PYTHON
    names: dict[str, object] = {}
    exec(compile(source, "README.md", "exec"), names)  # noqa: S102 - our own page
    assert names["leader"] in names["run"].nodes
    names["run"].stop()
    assert (tmp_path / "run.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_its_client_runs(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    _, _, source = PYTHON
    nodes = Nodes(tmp_path, 1)  # in a folder that is called as on the page
    nodes.start()
    lines = "\n".join(f"    {line}" for line in source.splitlines() if "import" not in line)
    imports = "\n".join(line for line in source.splitlines() if "import" in line)
    names: dict[str, object] = {}
    try:
        program = f"{imports}\nasync def use():\n{lines}\n    return client\n"
        exec(compile(program, "README.md", "exec"), names)  # noqa: S102 - our own page
        client = asyncio.run(names["use"]())  # type: ignore[operator]
        assert client.client_id.startswith("client-")
    finally:
        nodes.stop()


def test_its_commands_for_the_service_are_there() -> None:
    section = README.partition("## As a service")[2].partition("## Checked")[0]
    told = set(re.findall(r"raftlock ([a-z]+) ", section)) - {"import"}
    assert {"init", "serve", "acquire", "status"} <= told
    code, out, _ = run("--help")
    assert code == 0
    for command in told | {"locks", "info", "watch", "release", "renew"}:
        assert re.search(rf"^ {{4}}{command}\b", out, re.MULTILINE), command
