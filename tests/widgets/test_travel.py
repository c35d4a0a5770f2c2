"""The cursor of the panels, and what is promised, in the present and in the past."""

import re
import threading
from pathlib import Path

import pytest
from raftlock_widgets.checks import PROPERTIES, Checks
from raftlock_widgets.parts import PARTS
from raftlock_widgets.playback import Playback
from raftlock_widgets.stream import Stream
from raftlock_widgets.travel import Travel, move

import raftlock.check
from raftlock import Simulation
from raftlock.errors import InvalidArgument, RaftLockError
from raftlock.sim.bench import witness_of
from raftlock.sim.mutants import mutant_named
from raftlock.types import TraceEvent


@pytest.fixture
def simulation():
    made = Simulation(nodes=3, seed=5, timing="lan")
    made.wait_for_leader()
    made.client("ann").acquire("door", ttl=5)
    made.kill(made.leader)
    made.wait_for_leader()
    made.recorder.show(PARTS)
    return made


class Screen:
    """A stream over a simulation, and everything that it sent."""

    def __init__(self, simulation):
        self.now, self.sent = 0.0, []
        self.simulation = simulation
        self.stream = Stream(lambda: simulation.recorder, self.sent.append, lambda _frame: None)
        self.stream.hello("page", 0.0)
        self.turn()

    @property
    def travel(self):
        return self.stream.travel

    def turn(self):
        self.now += 0.3
        self.stream.turn(self.now)
        return self.sent[-1]


def test_the_panels_look_at_the_present_until_they_are_told_otherwise(simulation):
    screen = Screen(simulation)
    cursor = screen.sent[-1]["cursor"]
    assert cursor["live"]
    assert cursor["seq"] == cursor["last"] == simulation.recorder.last_seq


def test_in_the_past_the_picture_stands_still_and_the_track_grows(simulation):
    screen = Screen(simulation)
    screen.travel.seek(simulation.recorder, 60)
    frame = screen.turn()
    assert frame["full"]
    assert frame["paused"]
    assert frame["cursor"]["seq"] == 60
    assert frame["t"] == simulation.recorder.events[59].t
    assert max(line["seq"] for line in frame["events"]) <= 60
    marks = frame["track"]
    assert marks[-1][0] > 60  # the track is the present's
    simulation.cut("n1", "n2")
    aside = screen.turn()
    assert not aside["full"]
    assert aside["cursor"]["last"] == simulation.recorder.last_seq
    assert [mark[2] for mark in aside["track"]] == ["fault"]
    assert "nodes" not in aside
    screen.travel.live()
    assert screen.turn()["full"]
    assert screen.sent[-1]["run"] == screen.sent[0]["run"]


def test_a_step_is_all_that_happened_at_one_place_at_one_time(simulation):
    recorder, travel = simulation.recorder, Travel()
    travel.shown(recorder)
    seen = []
    while travel.step(recorder, -1):
        seen.append(travel.past.seq)
    assert seen[-1] == 0
    there = [0, *(event.seq for event in recorder.events)]
    assert set(seen) <= set(there)
    for seq in seen:
        if 0 < seq < recorder.last_seq:
            one, other = recorder.events[seq - 1], recorder.events[seq]
            assert (one.t, one.node) != (other.t, other.node)
    forth = []
    while travel.step(recorder, 1):
        forth.append(travel.past.seq)
    assert forth == [*seen[::-1][1:], recorder.last_seq]


def jumps(travel, recorder, kind, by):
    """Where jumping leads, as long as it leads anywhere."""
    seen = []
    while True:
        try:
            travel.jump(recorder, kind, by)
        except InvalidArgument:
            return seen
        seen.append(travel.past.seq)


@pytest.mark.parametrize("kind", ["election", "term", "grant", "fault"])
def test_jumping_there_and_back(simulation, kind):
    recorder, travel = simulation.recorder, Travel()
    travel.shown(recorder)
    travel.seek(recorder, 0)
    forth = jumps(travel, recorder, kind, 1)
    back = [travel.past.seq, *jumps(travel, recorder, kind, -1)]
    assert forth
    assert forth == back[::-1]


@pytest.mark.parametrize(
    ("verb", "given"),
    [
        ("seek", {}),
        ("seek", {"seq": "x"}),
        ("jump", {"kind": "tea", "by": 1}),
        ("seek", {"t": 0.5}),
    ],
)
def test_what_is_wrong_is_one_sentence(simulation, verb, given):
    travel = Travel()
    cluster = Playback(simulation)
    with pytest.raises(RaftLockError) as caught:
        move(travel, cluster, verb, given)
    cluster.stop()
    assert caught.value.message.endswith(".")
    assert travel.past is None


def test_acting_in_the_past_makes_a_branch_and_keeps_the_other_future(simulation):
    playback = Playback(simulation)
    before = simulation.recorder.to_lines()
    playback.act_in_the_past(60)
    playback.runner.call(playback.do("cut", src="n1", dst="n2"))
    playback.stop()
    branch = simulation.shown
    assert branch is not simulation
    assert branch.branched_at >= 60
    assert simulation.recorder.to_lines() == before
    assert branch.recorder.to_lines()[1:60] == before[1:60]
    assert [each["shown"] for each in playback.branches()] == [False, True]


def test_time_goes_by_while_it_plays_and_not_otherwise(simulation):
    playback = Playback(simulation)
    before, moved = simulation.now, threading.Event()
    simulation.recorder.subscribe(
        lambda event: moved.set() if event.t > (before + 0.1) * 1_000_000 else None
    )
    assert playback.pace == (1.0, True)
    playback.runner.call(playback.do("resume"))

    assert moved.wait(30)
    playback.runner.call(playback.do("pause"))
    stands = simulation.now
    playback.runner.call(playback.do("speed", value=0.5))
    assert simulation.now == stands
    assert playback.pace == (0.5, True)
    playback.stop()


def test_while_a_cell_moves_it_the_panels_wait(simulation):
    playback = Playback(simulation)

    async def try_it():
        with playback.still() as still:
            return still

    assert playback.runner.call(try_it())
    with simulation.guard:
        assert not playback.runner.call(try_it())
    assert playback.runner.call(try_it())
    playback.stop()


# ---- promises ----


def test_what_holds_is_said_to_hold(simulation):
    rows = simulation.recorder.story.parts[1].full()
    assert [row["property"] for row in rows] == list(PROPERTIES)
    assert {row["state"] for row in rows} == {"holds"}


def test_a_broken_promise_is_told_from_its_event_on():
    recorder = witness_of(mutant_named("VoteAgain")).run().recorder
    recorder.show(PARTS)

    def states(story):
        return {row["state"] for row in story.parts[1].full()}

    rows = {row["property"]: row for row in recorder.story.parts[1].full()}
    broken = rows["one vote a term"]
    assert broken["state"] == "broken"
    assert broken["text"].endswith(".")
    assert states(recorder.at(broken["seq"] - 1)) == {"holds"}
    assert states(recorder.at(recorder.last_seq)) == {"holds", "broken"}
    # Gone back, it holds; gone on, it is found again.
    later = list(recorder.events)[broken["seq"] - 1 :]
    recorder.rewind(broken["seq"] - 1)
    assert states(recorder.story) == {"holds"}
    for event in later:
        recorder.emit(event.node, event, term=event.term, cause=event.cause)
    assert {row["property"]: row for row in recorder.story.parts[1].full()} == rows


def test_of_a_trace_without_its_beginning_nothing_is_claimed():
    made = Simulation(nodes=3, seed=5, timing="lan")
    made.run(1)
    part = Checks(made.recorder.header)
    for event in list(made.recorder.events)[10:]:
        part.apply(event)
    assert {row["state"] for row in part.full()} == {"unknown"}


def test_from_a_gap_on_nothing_is_claimed():
    made = Simulation(nodes=3, seed=5, timing="lan")
    made.run(1)
    part = Checks(made.recorder.header)
    for event in made.recorder.events:
        part.apply(event)
    assert {row["state"] for row in part.full()} == {"holds"}
    last = made.recorder.last_seq
    part.apply(TraceEvent(last + 1, 0, "n1", "gap", 0, {"why": "it ran before"}))
    assert {row["state"] for row in part.delta(last)} == {"unknown"}


def test_every_property_that_is_checked_has_words():
    said = set()
    for path in Path(raftlock.check.__file__).parent.glob("*.py"):
        source = path.read_text(encoding="utf-8")
        said |= set(re.findall(r'say\(\s*"([^"]+)"', source))
        said |= set(re.findall(r'return "([^"]+)", (?:holds|f)', source))
        said |= set(re.findall(r'property_ = "([^"]+)"', source))
    assert said
    assert said <= set(PROPERTIES)
