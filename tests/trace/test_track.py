"""The marks of a run: what is marked, and that there are never too many."""

from raftlock import Simulation
from raftlock.trace.parts.track import KEPT_WHOLE, MARKS_MAX, Track
from raftlock.types import TraceEvent


def told(track, events):
    for event in events:
        track.apply(event)
    return track


def a_run():
    simulation = Simulation(nodes=3, seed=2, timing="lan")
    simulation.wait_for_leader()
    held = simulation.client("ann").acquire("door", ttl=5)
    simulation.kill(simulation.leader)
    simulation.wait_for_leader()
    simulation.cut("n1", "n2")
    return simulation.recorder, held


def test_what_people_look_for_is_marked():
    recorder, held = a_run()
    track = told(Track(recorder.header), recorder.events)
    words = {(kind, text) for _, _, kind, _, _, text in track.marks}
    leaders = [mark for mark in track.marks if mark[2] == "election"]
    assert len(leaders) == 2
    assert ("grant", f"ann holds door, token {held.token}") in words
    assert ("fault", f"{leaders[0][3]} was killed") in words
    assert ("fault", "cut") in words
    assert [mark[0] for mark in track.marks] == sorted(mark[0] for mark in track.marks)


def test_news_laid_behind_what_was_known_is_all_there_is():
    recorder, _ = a_run()
    track, known = Track(recorder.header), []
    for event in recorder.events:
        track.apply(event)
        if event.seq % 37 == 0:
            known += track.delta(known[-1][0] if known else 0) or []
            assert known == track.full()
    assert track.delta(recorder.last_seq) is None


def test_a_long_run_has_no_more_marks_than_a_page_can_hold():
    track = Track({})
    for seq in range(1, 20_001):
        data = {"index": seq} if seq % 50 else {"text": "here"}
        kind = "commit" if seq % 50 else "note"
        track.apply(TraceEvent(seq, seq, "n1", kind, 1, data, 0, "", 0))
        assert len(track.marks) <= MARKS_MAX
    last = [mark[0] for mark in track.marks[-KEPT_WHOLE:]]
    assert last == list(range(20_001 - KEPT_WHOLE, 20_001))
    assert sum(mark[2] == "note" for mark in track.marks) > 100
    assert track.delta(10) == {"all": track.full()}


def test_a_copy_goes_on_apart():
    track = told(Track({}), a_run()[0].events)
    before, twin = track.full(), track.copy()
    twin.apply(TraceEvent(9_999, 9, "n1", "note", 1, {"text": "more"}, 0, "", 0))
    assert track.full() == before
    assert len(twin.marks) == len(before) + 1
