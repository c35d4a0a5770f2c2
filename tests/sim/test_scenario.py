"""The scenarios of tests/scenarios hold; `raftlock scenario --rewrite` writes them anew."""

import pytest

from raftlock.check.violation import Violation
from raftlock.cli import main
from raftlock.errors import InvalidArgument
from raftlock.sim import scenario, stage
from raftlock.sim.scenario import rewrite, rewrite_page
from raftlock.sim.stage import CLIENT_OPS, COMMANDS, SETTINGS
from raftlock.sim.timeline import Timeline
from tests.house import ROOT

FOLDER = ROOT / "tests" / "scenarios"
FILES = sorted(FOLDER.glob("*.txt"))
LINES_MAX = 75
PAGE = ROOT / "docs" / "scenarios.md"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_scenario_is_told_as_written(path):
    text = path.read_text(encoding="utf-8")
    assert rewrite(text) == text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_can_be_read_in_a_minute(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    first = next(place for place, line in enumerate(lines) if not line.startswith("#"))
    assert 1 <= first <= 5, "it begins with what there is to see"
    assert len(lines) <= LINES_MAX


def test_there_are_some():
    assert len(FILES) >= 28


def test_the_page_that_teaches_them_is_told_as_written():
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("```text\n") == 2
    assert rewrite_page(text) == text


def test_the_page_has_every_command_and_setting():
    text = PAGE.read_text(encoding="utf-8").replace("\\|", "|")
    for usage in COMMANDS.values():
        for way in usage.split(", or "):
            assert f"`{way}`" in text
    for word in (*SETTINGS, *CLIENT_OPS):
        assert f"`{word}" in text or f" {word} " in text


def test_whatever_can_be_written_is_listed():
    listed = " ".join(scenario.__doc__.split())
    for usage in COMMANDS.values():
        for way in usage.split(", or "):
            assert f"``{way}``" in listed
    for word in (*SETTINGS, *CLIENT_OPS):
        assert f"``{word}" in listed or f" {word} " in listed


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("nodes 3\n> run far", "Line 2: 'far' should be a number."),
        ("nodes three\n> run 1", "Line 2: nodes needs a whole number, not 'three'."),
        ("> step back", "Line 1: step needs a whole number, not 'back'."),
        ("> kill leader", "Line 1: There is no leader now."),
        ("> thaw frozen", "Line 1: No node is meant by 'frozen' now."),
        (
            "hello",
            "Line 1: This is no command (>), no remark (#) and none of the settings "
            + ", ".join(SETTINGS)
            + ".",
        ),
        ("> run 1\nseed 2", "Line 2: A setting stands before the first command."),
        (">", "Line 1: There is no command after the >."),
        ("> quietly", "Line 1: There is no command after the >."),
        ("> alice acquire", "Line 1: Which lock does alice mean?"),
        ("> cut n1", "Line 1: This command is written: cut A B, or cut A -> B."),
        ("> hold n1 n2", "Line 1: This command is written: hold A B SECONDS."),
        ("> kill n1 hard", "Line 1: This command is written: kill NODE [torn]."),
        ("> clock n1 5", "Line 1: This command is written: clock NODE +SECONDS."),
        ("> drift n1 fast", "Line 1: 'fast' should be a number."),
        ("> wipe n1 as learner", "Line 1: This command is written: wipe NODE [as voter]."),
        ("> back", "Line 1: This is the beginning: there is nothing to go back to."),
        (
            "> alice acquire a speed=1",
            "Line 1: There is no option 'speed': ttl, wait, priority or work.",
        ),
        (
            "rules VoteAgain\n> quietly run 1",
            "VoteAgain breaks nothing here: let more happen.",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(text, mistake):
    with pytest.raises(InvalidArgument) as caught:
        rewrite(text)
    assert caught.value.message == mistake


@pytest.mark.parametrize(
    ("text", "known"), [("> dance", "partition"), ("rules Kindness\n> run 1", "HalfIsEnough")]
)
def test_of_what_is_unknown_it_says_what_there_is(text, known):
    with pytest.raises(InvalidArgument, match=rf"Line \d: There is no .*{known}"):
        rewrite(text)


def told(text):
    return [line.strip() for line in rewrite(text).splitlines() if line.startswith("  ")]


def test_back_takes_sentences_back_and_step_tells_them_again():
    lines = told("> quietly wait for leader\n> back 2\n> step 2")
    undone = [line.removeprefix("undone: ") for line in lines if line.startswith("undone: ")]
    again = lines[len(undone) :]
    assert len(again) >= 2
    assert undone[::-1] == again


def test_after_a_step_back_all_may_go_otherwise():
    lines = told(
        "> quietly wait for leader\n> quietly back 5\n> kill n2\n> wait for leader\n> check"
    )
    assert lines[0].endswith("n2 was killed: its disk keeps its term, its vote and its log.")
    assert lines[-1] == "nothing is broken so far"


def test_links_are_cut_and_mended_one_way_and_both():
    verbs = ("quietly run 0.2", "cut n1 n2", "restore n1 -> n2", "restore n1 n2", "drop n1 n3")
    lines = told("\n".join(f"> {verb}" for verb in verbs))
    assert [line.split("  ")[1] for line in lines] == [
        "The link n1 ↔ n2 is cut.",
        "The link n1 → n2 works again.",
        "The link n1 ↔ n2 works again.",
        "What n1 sends n3 next will be lost.",
    ]


def test_office_goes_to_whoever_is_furthest_if_nobody_is_named():
    lines = told("> quietly wait for leader\n> quietly run 0.2\n> transfer")
    assert any("whoever has most of its log" in line for line in lines)


def test_what_the_cluster_refuses_is_told_and_is_no_mistake():
    lines = told("> quietly run 0.2\n> alice release printer")
    (line,) = lines
    assert line.startswith("refused: alice knows of no hold on 'printer' to release")


def test_where_nothing_more_is_told_a_step_says_so(monkeypatch):
    monkeypatch.setattr(stage, "_QUIET_MAX", 50)
    with pytest.raises(InvalidArgument, match="Line 3: Nothing more is told"):
        rewrite("nodes 1\n> quietly run 1\n> step")


def test_a_clock_that_drifts_is_told():
    (line,) = told("> quietly run 0.1\n> drift n2 -5")
    assert line == "0.100  The clock of n2 now runs 5 % too slow."


def test_of_members_it_says_who_has_a_vote_and_who_will_have_lost_it():
    lines = told("> quietly wait for leader\n> quietly run 0.2\n> quietly wipe n2\n> members")
    assert lines == ["voters: n1, n3", "learners: n2.2"]
    lines = told("> quietly wait for leader\n> quietly remove n3\n> quietly back 3\n> members")
    assert lines == ["voters: n1, n2", "and until that is done also: n1, n2, n3"]
    lines = told("nodes 1\n> quietly kill n1\n> members\n> locks")
    assert lines == ["all nodes are down", "all nodes are down"]


def test_a_long_run_is_told_in_pieces_and_has_no_way_back(monkeypatch):
    monkeypatch.setitem(Timeline.__init__.__kwdefaults__, "limit", 500)
    long = "> quietly run 0.3\n" * 10
    assert rewrite(long) == long
    with pytest.raises(InvalidArgument, match="Line 11: This run is too long to go back in"):
        rewrite(long + "> back")
    with pytest.raises(InvalidArgument, match="Line 1: So much at once cannot be told"):
        rewrite("> run 3")


HALF = "nodes 4\nrules HalfIsEnough\n> quietly run 0.3\n> partition n1 n2\n"


def test_what_a_broken_rule_breaks_is_told_where_it_shows_and_whenever_asked_for():
    lines = told(HALF + "> run 0.8\n> check")
    first = next(place for place, line in enumerate(lines) if line.startswith("! "))
    assert lines[first].startswith("! Election Safety: ")
    assert "it leads term" in lines[first - 1]
    assert lines.count(lines[first]) == 2


def test_what_a_lost_disk_brings_about_is_told_and_is_no_mistake():
    lines = told(
        "> quietly run 0.3\n> partition n1\n> quietly alice acquire a\n"
        "> quietly wipe n2 as voter\n> partition n3\n> run 0.5"
    )
    assert any(line.startswith("! Leader Completeness: ") for line in lines)


def test_what_only_the_whole_history_shows_is_told_at_the_end(monkeypatch):
    unexplained = Violation("linearizability", "No order explains it.", 1)
    monkeypatch.setattr(stage, "check_history", lambda _header, _events: [unexplained])
    run = "> quietly run 1\n# The end.\n"
    assert rewrite("rules VoteAgain\n" + run).splitlines()[-2:] == [
        "  ! linearizability: No order explains it.",
        "# The end.",
    ]
    with pytest.raises(InvalidArgument, match="linearizability is broken: No order explains it"):
        rewrite(run)


def test_remarks_alone_are_a_scenario():
    assert rewrite("# Nothing is done.\nnodes 3\n") == "# Nothing is done.\nnodes 3\n"


def test_the_command_compares_and_rewrites(tmp_path, capsys):
    path = tmp_path / "a.txt"
    path.write_text("nodes 1\n> wait for leader\n  nothing\n")
    assert main(["scenario", str(path)]) == 1
    assert "-  nothing" in capsys.readouterr().out
    assert main(["scenario", "--rewrite", str(path)]) == 0
    assert main(["scenario", str(path)]) == 0
    assert "as written" in capsys.readouterr().out


def test_the_command_takes_pages_too(tmp_path):
    page = tmp_path / "a.md"
    page.write_text("# Nobody yet\n\n```text\n> check\n```\n\n```text\n> locks\n```\n")
    assert main(["scenario", "--rewrite", str(page)]) == 0
    assert page.read_text() == (
        "# Nobody yet\n\n```text\n> check\n  0.000  n1 starts.\n  0.000  n2 starts.\n"
        "  0.000  n3 starts.\n  nothing is broken so far\n```\n\n```text\n> locks\n"
        "  0.000  n1 starts.\n  0.000  n2 starts.\n  0.000  n3 starts.\n  no lock is held\n```\n"
    )
