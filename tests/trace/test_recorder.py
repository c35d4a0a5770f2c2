import pytest

from raftlock.trace.export import read
from raftlock.trace.recorder import Recorder
from raftlock.types import Micros, NodeID, Note, TraceEvent
from tests.trace.telling import Teller, header

N1 = NodeID("n1")
TERM = Note("term", {"term": 2}, "UpdateTerm")


def recorder(**settings):
    return Recorder(header(), lambda: Micros(7), **settings)


def test_an_event_gets_its_number_time_and_place():
    rec = recorder(wall=lambda: 1_700_000_000_000)
    assert rec.emit(N1, TERM, term=2, cause=0) == 1
    assert rec.emit(N1, TERM, term=2, cause=1) == 2
    assert rec.events[1] == TraceEvent(
        2, Micros(7), N1, "term", 2, {"term": 2}, 1, "UpdateTerm", 1_700_000_000_000
    )
    assert (rec.last_seq, rec.dropped) == (2, 0)
    assert (rec.now(), rec.wall_ms()) == (7, 1_700_000_000_000)


def test_a_trace_without_a_wall_clock():
    rec = recorder()
    rec.emit(N1, TERM)
    assert (rec.events[0].wall, rec.wall_ms()) == (0, 0)


def test_the_oldest_events_are_dropped_and_counted():
    rec = recorder(limit=3)
    for _ in range(5):
        rec.emit(N1, TERM)
    assert [event.seq for event in rec.events] == [3, 4, 5]
    assert (rec.dropped, rec.last_seq) == (2, 5)


@pytest.mark.parametrize(
    ("seq", "limit", "seqs"),
    [(0, 9, [3, 4, 5]), (3, 9, [4, 5]), (4, 9, [5]), (5, 9, []), (9, 9, []), (0, 2, [3, 4])],
)
def test_the_events_after_a_number(seq, limit, seqs):
    rec = recorder(limit=3)
    for _ in range(5):
        rec.emit(N1, TERM)
    assert [event.seq for event in rec.since(seq, limit)] == seqs


def test_the_picture_knows_also_what_was_dropped():
    rec = recorder(limit=2)
    for term in range(1, 8):
        rec.emit(N1, Note("term", {"term": term}), term=term)
    assert rec.view.nodes["n1"].term == 7
    assert [point.term for point in rec.view.nodes["n1"].points] == [7]


def test_from_the_first_asking_on_the_picture_follows():
    rec = recorder()
    rec.emit(N1, TERM)
    view = rec.view
    assert view.seq == 1
    rec.emit(N1, TERM)
    assert view.seq == 2
    assert rec.view is view
    assert rec.story.view is view


def test_whoever_subscribed_hears_each_event_until_he_no_longer_wants_to():
    rec = recorder()
    heard, seen = [], []
    leave = rec.subscribe(lambda event: heard.append(event.seq))
    rec.subscribe(lambda _: seen.append(rec.view.seq))
    rec.emit(N1, TERM)
    leave()
    leave()
    rec.emit(N1, TERM)
    assert heard == [1]
    assert seen == [1, 2]


def test_a_trace_is_written_and_read_back(tmp_path):
    teller = Teller(limit=20)
    teller.start().elect("n1", 1)
    path = tmp_path / "run.trace"
    teller.recorder.write(path)
    trace = read(path)
    assert trace.header == header()
    assert list(trace.events) == list(teller.recorder.events)
    assert trace.dropped == teller.recorder.dropped > 0
