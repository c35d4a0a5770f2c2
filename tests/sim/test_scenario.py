"""The scenarios of tests/scenarios hold; `raftlock scenario --rewrite` writes them anew."""

import pytest

from raftlock.cli import main
from raftlock.errors import InvalidArgument
from raftlock.sim.scenario import rewrite
from tests.house import ROOT

FOLDER = ROOT / "tests" / "scenarios"
FILES = sorted(FOLDER.glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_scenario_is_told_as_written(path):
    text = path.read_text(encoding="utf-8")
    assert rewrite(text) == text


def test_there_are_some():
    assert len(FILES) >= 10


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("> dance", "Line 1: There is no command 'dance'."),
        ("nodes 3\n> run far", "Line 2: 'far' should be a number."),
        ("> kill leader", "Line 1: There is no leader now."),
        ("hello", "Line 1: This is no command (>), no setting and no remark (#)."),
        (">", "Line 1: There is no command after the >."),
        ("> alice acquire", "Line 1: Which lock does alice mean?"),
        ("> cut n1", "Line 1: cut needs two nodes."),
        (
            "> alice acquire a speed=1",
            "Line 1: There is no option 'speed': ttl, wait, priority or work.",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(text, mistake):
    with pytest.raises(InvalidArgument) as caught:
        rewrite(text)
    assert caught.value.message == mistake


def test_the_command_compares_and_rewrites(tmp_path, capsys):
    path = tmp_path / "a.txt"
    path.write_text("nodes 1\n> wait for leader\n  nothing\n")
    assert main(["scenario", str(path)]) == 1
    assert "-  nothing" in capsys.readouterr().out
    assert main(["scenario", "--rewrite", str(path)]) == 0
    assert main(["scenario", str(path)]) == 0
    assert "as written" in capsys.readouterr().out
