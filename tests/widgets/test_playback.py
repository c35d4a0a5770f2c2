"""What panels do with prepared runs: scenes that stop, rules left out, runs that are shared."""

import asyncio

import pytest
from raftlock_widgets.playback import Playback, prepared

from raftlock import Simulation, scene
from raftlock.errors import InvalidArgument
from raftlock.sim.gallery import scene_named


@pytest.fixture
def playback():
    made = Playback(Simulation(nodes=3, seed=5, timing="lan"))
    yield made
    made.stop()


def do(playback, verb, **arguments):
    return playback.runner.call(playback.do(verb, **arguments))


def shown(playback):
    return next(branch for branch in playback.branches() if branch["shown"])


def until_it_stops(playback):
    async def wait():
        await asyncio.wait_for(playback._task, 30)

    playback.runner.call(wait())


def test_a_scene_opens_at_its_beginning_and_stops_by_itself(playback):
    assert "stands at its beginning" in do(playback, "scene", scene="leader-kill")
    assert shown(playback)["scene"] == {"name": "leader-kill", "without": False, "left": False}
    assert playback.shown.now == 0
    assert not playback.playing
    stops = scene_named("leader-kill").recorded().stops
    do(playback, "speed", value=10)
    for stop in stops[:2]:
        do(playback, "resume")
        until_it_stops(playback)
        assert playback.recorder.last_seq == stop
    do(playback, "stop_at", stop=1)
    assert playback.recorder.last_seq == stops[0]
    do(playback, "stop_at", stop=len(stops))
    assert playback.recorder.last_seq == stops[-1]
    do(playback, "stop_at", stop=0)
    assert playback.shown.now == 0
    with pytest.raises(InvalidArgument, match="This scene has 5 stops"):
        do(playback, "stop_at", stop=6)


def test_who_does_something_in_a_scene_leaves_it_and_it_stays_as_it_was(playback):
    do(playback, "scene", scene="leader-kill", without=True)
    do(playback, "stop_at", stop=1)
    do(playback, "kill", node="n4")
    left = shown(playback)
    assert left["scene"] == {"name": "leader-kill", "without": True, "left": True}
    with pytest.raises(InvalidArgument, match="This run is no scene"):
        do(playback, "stop_at", stop=2)
    do(playback, "choose", branch=left["id"] - 1)
    assert shown(playback)["scene"]["left"] is False
    do(playback, "stop_at", stop=2)


def test_a_run_that_cannot_go_on_says_so(playback):
    do(playback, "scene", scene="leader-kill", without=True)
    do(playback, "stop_at", stop=4)
    do(playback, "speed", value=10)
    do(playback, "resume")
    until_it_stops(playback)
    assert "The program itself gives up here" in shown(playback)["stuck"]


def test_a_rule_is_left_out_of_the_run_that_is_shown_and_put_back(playback):
    simulation = playback.shown
    simulation.wait_for_leader()
    simulation.client("ann").acquire("door", ttl=5)
    simulation.kill(simulation.leader)
    simulation.run(1)
    words = do(playback, "leave_out", rule="ForgetVote")
    assert words == "The same run without the rule: ForgetVote. Broken: durability."
    assert playback.recorder.header["modified"] == "ForgetVote"
    assert playback.recorder.header["seed"] == 5
    assert playback.shown.now == simulation.now
    words = do(playback, "leave_out", rule="ForgetVote")
    assert words == "The same run with ForgetVote in its place. No promise is broken in it."
    assert playback.recorder.to_lines()[1:] == simulation.recorder.to_lines()[1:]
    words = do(playback, "leave_out", rule="NeverFence")
    assert words.endswith("The recorded run of this rule shows what it is for.")
    with pytest.raises(InvalidArgument, match="no rule 'Tea'"):
        do(playback, "leave_out", rule="Tea")


def test_another_rule_can_be_left_out_of_a_scene_and_then_it_is_none(playback):
    do(playback, "scene", scene="starvation-then-ageing", without=True)
    do(playback, "stop_at", stop=3)
    words = do(playback, "leave_out", rule="ForgetTerm")
    assert words == "The same run without the rule: ForgetTerm. Broken: durability."
    assert shown(playback)["scene"] is None
    assert do(playback, "share") == "s=starvation-then-ageing&off=ageing,ForgetTerm"
    do(playback, "leave_out", rule="ForgetTerm")
    assert shown(playback)["scene"] == {
        "name": "starvation-then-ageing",
        "without": True,
        "left": False,
    }


def test_a_run_is_copied_as_a_text_and_opened_from_it(playback):
    do(playback, "resume")
    playback.shown.run(1)
    do(playback, "pause")
    playback.shown.kill("n1")
    playback.shown.run(0.5)
    text = do(playback, "share")
    assert ":kill:n1&to=" in text
    lines = playback.recorder.to_lines()[1:]
    do(playback, "open", text=text)
    assert playback.shown.now == 0
    playback.shown.run(playback.shown._timeline.furthest / 1_000_000)
    assert playback.recorder.to_lines()[1:] == lines
    with pytest.raises(InvalidArgument, match="There is no scene 'tea'"):
        do(playback, "open", text="s=tea")
    do(playback, "open", text="s=lease-read-skew")
    assert playback.speed == 0.1


def test_a_scene_that_starts_over_is_the_scene_again():
    playback = Playback(scene("figure-8"))
    do(playback, "stop_at", stop=2)
    do(playback, "heal")
    assert do(playback, "start_over") == "Started over: the scene stands at its beginning."
    do(playback, "stop_at", stop=5)
    playback.stop()


def test_a_scene_is_played_at_its_own_speed():
    playback = Playback(scene("lease-read-skew"))
    assert playback.speed == 0.1
    playback.stop()


def test_scenes_do_not_pile_up_and_other_runs_are_let_go_in_turn(playback):
    for _ in range(3):
        do(playback, "scene", scene="split-vote")
    assert len(playback.all) == 2
    for _ in range(15):
        do(playback, "break", rule="VoteAgain")
    assert len(playback.all) == 12
    assert shown(playback)["id"] == 11


def test_each_prepared_run_is_there_for_a_live_cluster_too():
    assert prepared("scene", {"scene": "figure-8"}).simulation.now == 0
    assert prepared("break", {"rule": "VoteAgain"}).simulation.now > 0
    assert prepared("open", {"text": "s=figure-8"}).speed == 1
