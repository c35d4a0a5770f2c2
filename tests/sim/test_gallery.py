"""The scenes: each shows what it says, with its rule and without, and is played as it was made."""

import pytest

from raftlock.errors import InvalidArgument
from raftlock.sim import Scenario, add_scene, gallery, scene, scenes
from raftlock.sim.gallery import FOLDER, scene_named
from tests.house import ROOT

NAMES = [
    *("clean-election", "split-vote", "leader-kill", "stranded-leader", "divergence-repair"),
    *("crash-mid-replication", "stale-candidate", "double-vote-restart", "figure-8"),
    *("one-way-link", "disruptive-rejoin", "snapshot-catch-up", "stale-read", "lease-read-skew"),
    *("lost-reply-double-acquire", "gc-pause-overwrite", "ttl-at-failover", "priority-overtakes"),
    *("starvation-then-ageing", "two-lock-deadlock"),
]

# Without these nothing is broken that was promised; what is lost instead, the scenes' own
# expectations say.
HARMLESS = {"one-way-link", "disruptive-rejoin", "starvation-then-ageing"}


def test_they_are_the_twenty_in_their_order():
    assert [each.name for each in scenes()] == NAMES
    assert sorted(path.stem for path in FOLDER.glob("*.txt")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_with_its_rule_every_promise_holds(name):
    recorded = scene_named(name).recorded()
    assert recorded.broken is None
    assert len(recorded.stops) == len(scene_named(name).stops)


@pytest.mark.parametrize("name", NAMES)
def test_without_its_rule_that_promise_breaks(name):
    found = scene_named(name)
    recorded = found.recorded((found.rule,))
    broken = recorded.broken[0] if recorded.broken else ""
    assert broken == found.breaks
    assert bool(broken) == (name not in HARMLESS)
    assert len(recorded.stops) == len(found.stops_without)


@pytest.mark.parametrize("name", sorted(HARMLESS))
def test_where_no_promise_breaks_something_else_is_expected_without_the_rule(name):
    commands = [command for _, command in scene_named(name).commands]
    assert any(command.startswith("without expect") for command in commands)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_there_is_to_see(name):
    found = scene_named(name)
    assert found.sentence.endswith(".")
    assert len(found.sentence) <= 130
    assert 1 <= len(found.watch) <= 3
    assert len(found.teacher) == 3
    assert len(found.title) <= 40
    for stops in (found.stops, found.stops_without):
        assert len(stops) >= 3
        assert all(stop.text.endswith(".") and len(stop.text) <= 180 for stop in stops)
        asked = [stop.question for stop in stops if stop.question]
        for question in asked:
            assert question.text.endswith("?")
            assert 2 <= len(question.answers) <= 4
            assert question.right < len(question.answers)
        assert asked, "the hall is asked something"


@pytest.mark.parametrize("without_rule", [False, True])
@pytest.mark.parametrize("name", ["figure-8", "stranded-leader", "lease-read-skew"])
def test_played_it_is_told_as_it_was_recorded(name, without_rule):
    played = scene(name, without_rule=without_rule)
    off = (scene_named(name).rule,) if without_rule else ()
    recorded = scene_named(name).recorded(off)
    assert played.now == 0
    stops = []
    while len(stops) < len(recorded.stops):
        if played.pass_time(0.05):
            stops.append(played.recorder.last_seq)
    assert tuple(stops) == recorded.stops
    again = Scenario(scene=name, off=off).run()
    lines = played.recorder.to_lines()
    assert lines == again.recorder.to_lines()[: len(lines)]


def test_what_is_left_out_stands_in_the_trace_for_ever():
    for found in scenes():
        header = scene(found.name, without_rule=True).recorder.header
        told = [header["modified"], *header.get("left_out", [])]
        assert found.rule in told or found.rule == "ageing"
        header = scene(found.name).recorder.header
        assert not header["modified"]
        assert "left_out" not in header


def test_whoever_does_something_else_leaves_it():
    played = scene("leader-kill")
    played.run(3)
    assert played.to_come
    played.kill("n5")
    assert not played.to_come
    assert str(played.scenario).startswith("s=leader-kill&keep=0&a=3:kill:n5")


def test_for_the_panel_it_is_json_with_both_ways():
    told = scene_named("gc-pause-overwrite").to_json()
    assert told["rule"] == "NeverFence"
    assert told["with"]["broken"] is None
    assert told["without"]["broken"][0] == "stale write"
    assert len(told["with"]["events"]) == len(told["with"]["stops"])
    questions = [stop["question"] for stop in told["without"]["stops"] if stop["question"]]
    assert questions[0]["right"] == 2  # with the rule it is 0
    assert told["with"]["stops"][2]["question"]["right"] == 0


def test_a_scene_that_is_not_there_is_one_sentence():
    with pytest.raises(InvalidArgument, match=r"There is no scene 'tea'; there are clean-election"):
        scene("tea")


MINE = """title Mine
sentence A node votes twice.
rule VoteAgain
nodes 3
> wait for leader
> note It leads.
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "_added", {})
    path = tmp_path / "mine-1.txt"
    path.write_text(MINE)
    return path


def test_a_scene_of_one_s_own_is_there_like_all_others(mine):
    assert add_scene(mine).title == "Mine"
    assert scenes()[-1].name == "mine-1"
    assert len(scenes()) == 21
    assert str(scene("mine-1", without_rule=True).scenario) == "s=mine-1&off=VoteAgain"
    assert Scenario.parse("s=mine-1").run().leader
    mine.write_text(MINE.replace("title Mine", "title Yours") + "> run 1\n> note On.\n")
    add_scene(mine)
    assert scenes()[-1].title == "Yours"
    assert len(scene_named("mine-1").recorded().stops) == 2


def test_a_mistake_in_it_shows_when_it_is_added(mine):
    mine.write_text(MINE + "> without expect no leader\n")
    with pytest.raises(
        InvalidArgument, match=r"Scene mine-1 without VoteAgain, line 7: It is not so: no leader\."
    ):
        add_scene(mine)
    mine.write_text("title A\n")
    with pytest.raises(InvalidArgument, match="Scene mine-1: it needs a line with sentence"):
        add_scene(mine)
    with pytest.raises(InvalidArgument, match="not 'figure-8'"):
        add_scene(mine.with_name("figure-8.txt"))
    with pytest.raises(OSError, match="No such file"):
        add_scene(mine.with_name("other.txt"))


GOOD = "title A\nsentence B.\nrule VoteAgain\n> run 1\n> note Here.\n"


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("sentence B.\nrule VoteAgain\n", "it needs a line with title"),
        (GOOD + "tea time\n", "line 6 begins with 'tea', which is nothing"),
        (GOOD + "? Why?\n- So.\n= Because.\n", "a question needs a right answer"),
    ],
)
def test_a_mistake_in_a_scene_is_named(text, mistake):
    with pytest.raises(InvalidArgument, match=mistake):
        gallery._read("mine", text)


def test_each_scene_has_its_picture_in_both_themes():
    page = (ROOT / "docs" / "scenes.md").read_text(encoding="utf-8")
    for each in scenes():
        assert f'scene("{each.name}")' in page
        for theme in ("light", "dark"):
            assert f"images/scenes/{each.name}-{theme}.png" in page
            assert (ROOT / "docs" / "images" / "scenes" / f"{each.name}-{theme}.png").exists()
