"""What the locks protect, as frames tell it."""

from raftlock.trace.parts.resources import SHOWN_RESOURCES, SHOWN_WRITES, Resources
from raftlock.types import TraceEvent
from raftlock.types.ids import Micros, NodeID


def written(seq, lock, client, token, *, accepted=True):
    data = {"lock": lock, "client": client, "token": token, "accepted": accepted}
    return TraceEvent(seq, Micros(seq * 1000), NodeID(""), "storage", 0, data)


def folded(*events):
    part = Resources({})
    for event in events:
        part.apply(event)
    return part


def test_a_refused_write_does_not_raise_what_was_seen():
    part = folded(
        written(1, "door", "ann", 33),
        written(2, "door", "bob", 34),
        written(3, "door", "ann", 33, accepted=False),
    )
    [row] = part.full()
    assert row["highest"] == 34
    assert [(w["client"], w["accepted"], w["over"]) for w in row["writes"]] == [
        ("ann", True, 0),
        ("bob", True, 33),
        ("ann", False, 34),
    ]


def test_a_stale_write_that_is_taken_shows_what_it_was_older_than():
    part = folded(written(1, "door", "bob", 34), written(2, "door", "ann", 33))
    [row] = part.full()
    assert row["highest"] == 34
    assert row["writes"][1]["token"] < row["writes"][1]["over"]


def test_only_writes_change_it():
    part = folded(written(5, "door", "ann", 1))
    part.apply(TraceEvent(6, Micros(0), NodeID("n1"), "commit", 1, {"index": 4}))
    assert part.delta(4) is not None
    assert part.delta(5) is None


def test_it_keeps_the_last_of_each_and_forgets_who_is_written_to_no_more():
    part = folded(*(written(k, "door", "ann", k) for k in range(1, 20)))
    assert len(part.full()[0]["writes"]) == SHOWN_WRITES
    for k in range(20, 20 + SHOWN_RESOURCES):
        part.apply(written(k, f"lock {k}", "ann", k))
    assert len(part.full()) == SHOWN_RESOURCES
    assert "door" not in {row["lock"] for row in part.full()}


def test_a_copy_goes_on_apart_and_nonsense_does_no_harm():
    part = folded(written(1, "door", "ann", 1))
    twin = part.copy()
    twin.apply(written(2, "door", "ann", 2))
    twin.apply(TraceEvent(3, Micros(0), NodeID(""), "storage", 0, {"token": "x", "lock": 7}))
    assert part.full()[0]["highest"] == 1
    assert twin.full()[0]["highest"] == 2
