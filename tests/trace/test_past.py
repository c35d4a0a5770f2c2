"""Any moment that is kept can be told again, and is what it was then."""

import random

import pytest

from raftlock import Simulation
from raftlock.sim.network import Weather
from raftlock.trace.frame import FrameSource
from raftlock.trace.recorder import KEYFRAME_EVERY, Recorder
from raftlock.trace.story import Story


class Told:
    """A story as if it were being recorded."""

    def __init__(self, story):
        self.story = story

    def now(self):
        return self.story.view.now

    def wall_ms(self):
        return 0


def picture(story):
    return FrameSource(Told(story)).full()


def a_run(seed, seconds=6):
    simulation = Simulation(nodes=5, seed=seed, timing="lan", weather=Weather(loss_ppm=50_000))
    simulation.wait_for_leader()
    one, other = simulation.client("one"), simulation.client("other")
    held = one.acquire("door", ttl=1.5)
    other.submit("wait", "door", ttl=2)
    simulation.kill(simulation.leader)
    simulation.run(seconds / 2)
    simulation.partition(["n1", "n2"])
    simulation.run(seconds / 2)
    assert held.token
    return simulation


@pytest.mark.parametrize("seed", [1, 2])
def test_a_past_moment_is_what_was_told_then(seed):
    recorder = a_run(seed).recorder
    assert recorder.last_seq > 3 * KEYFRAME_EVERY
    draw = random.Random(seed)
    places = {draw.randint(1, recorder.last_seq) for _ in range(12)}
    places |= {1, KEYFRAME_EVERY, KEYFRAME_EVERY + 1, recorder.last_seq}
    story = Story(recorder.header)
    for event in recorder.events:
        story.apply(event)
        if event.seq in places:
            assert picture(recorder.at(event.seq)) == picture(story)


def test_looking_back_changes_nothing_of_the_present():
    recorder = a_run(3).recorder
    before = picture(recorder.story)
    past = recorder.at(700)
    for event in recorder.since(700, 400):
        past.apply(event)
    assert picture(recorder.story) == before
    assert picture(recorder.at(recorder.last_seq)) == before


def test_before_the_first_event_nothing_has_happened():
    recorder = a_run(4).recorder
    assert recorder.first == 0
    assert picture(recorder.at(0)) == picture(Story(recorder.header))


def test_what_is_no_longer_kept_is_refused():
    whole = a_run(5).recorder
    short = Recorder(whole.header, whole.now, limit=2 * KEYFRAME_EVERY)
    assert short.story.view.seq == 0
    for event in whole.events:
        short.emit(event.node, event, term=event.term, cause=event.cause)
    assert 0 < short.dropped <= short.first <= short.dropped + KEYFRAME_EVERY
    with pytest.raises(ValueError, match=f"from {short.first} to {short.last_seq}"):
        short.at(short.first - 1)
    with pytest.raises(ValueError, match="are kept"):
        short.at(short.last_seq + 1)
    for seq in (short.first, short.first + 1, short.last_seq):
        assert short.at(seq).view.nodes["n1"].term == whole.at(seq).view.nodes["n1"].term


def test_a_simulation_that_went_back_shows_what_was_then():
    simulation = a_run(6)
    last = simulation.recorder.last_seq
    seen = {seq: picture(simulation.recorder.at(seq)) for seq in (400, 1100)}
    for seq in (1100, 400):
        simulation.goto(seq)
        assert simulation.recorder.last_seq == seq
        assert picture(simulation.recorder.story) == {**seen[seq], "t": simulation.recorder.now()}
    simulation.goto(last)
    assert simulation.recorder.last_seq == last
