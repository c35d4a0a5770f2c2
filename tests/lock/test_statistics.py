"""What the table counts (the model compares every count with its own; here are the stories)."""

from __future__ import annotations

import pytest

from raftlock.lock import Hold, LockMachine
from raftlock.lock.statistics import Statistics
from raftlock.types import ClientID, Index, LockStats, Millis
from tests.lock.bench import Bench


def test_a_day_in_the_life_of_a_table():
    bench = Bench()
    session = bench.open("bob")
    bench.acquire("alice", ttl=10, at=1)
    bench.renew("alice", at=2)
    bench.acquire("alice", at=3)
    bench.acquire("carol", at=3)  # refused
    bench.wait("bob", session_id=session, sequence=1, at=3)
    bench.wait("bob", session_id=session, sequence=1, at=3)  # a retry counts for nothing
    bench.wait("carol", timeout=1, at=3)
    bench.wait("dave", at=3)
    bench.cancel("dave", at=4)
    bench.acquire("erin", "other", at=4)
    now = bench.machine.stats()
    assert (now.held, now.waiting, now.contested, now.sessions) == (2, 2, 1, 1)
    bench.release("alice", at=6)
    bench.tick(at=60)
    assert bench.machine.stats() == LockStats(
        sessions=1,
        acquired=3,
        renewed=2,
        released=1,
        expired=2,
        waits_begun=3,
        waits_granted=1,
        waits_timed_out=1,
        waits_cancelled=1,
        refused=1,
        hold_time_total=Millis(5_000 + 10_000 + 10_000),
        hold_time_longest=Millis(10_000),
    )
    assert bench.machine.stats().hold_time_average == 8_333


def test_a_wait_that_a_newer_request_replaces_was_cancelled():
    bench = Bench()
    bench.acquire("alice")
    bench.wait("bob", request_id="one")
    bench.wait("bob", request_id="two")
    bench.wait("bob", request_id="two")
    stats = bench.machine.stats()
    assert (stats.waits_begun, stats.waits_cancelled, stats.waiting) == (2, 1, 1)


def test_counts_are_in_the_digest_and_in_snapshots():
    one, other = Bench(), Bench()
    for bench in (one, other):
        bench.acquire("alice")
    one.renew("bob", token=1)  # refused
    other.tick(at=0)
    assert one.machine.stats().refused == 1
    assert one.machine.all() == other.machine.all()
    assert one.machine.digest() != other.machine.digest()
    again = LockMachine()
    again.restore(one.machine.snapshot())
    assert (again.stats(), again.digest()) == (one.machine.stats(), one.machine.digest())


@pytest.mark.parametrize(("clock", "lasted"), [(4_000, 3_000), (5_000, 4_000), (9_000, 4_000)])
def test_a_hold_lasts_to_its_end_or_to_its_deadline(clock, lasted):
    hold = Hold(ClientID("a"), Index(1), Millis(5_000), Millis(4_000), granted_stamp=Millis(1_000))
    statistics = Statistics(hold_time_total=Millis(10), hold_time_longest=Millis(3_500))
    statistics.hold_ended(hold, Millis(clock), expired=clock > 5_000)
    assert statistics.hold_time_total == 10 + lasted
    assert statistics.hold_time_longest == max(lasted, 3_500)
    assert (statistics.released, statistics.expired) == ((0, 1) if clock > 5_000 else (1, 0))


def test_a_place_in_the_queue_comes_with_an_estimate():
    bench = Bench()
    bench.acquire("alice", ttl=10)
    assert bench.wait("bob", ttl=5, at=4).estimate == 6_000, "alice's time, as long as none ended"
    assert bench.wait("carol", ttl=5).estimate == 6_000 + 5_000
    assert bench.wait("first", ttl=5, priority=9).estimate == 6_000
    bench.release("alice", at=6)
    assert bench.machine.stats().hold_time_average == 6_000
    session = bench.open("dave")
    asked = {"session_id": session, "sequence": 1, "ttl": 5, "at": 8}
    assert bench.wait("dave", **asked).estimate == 3_000 + 5_000 + 5_000, "no more than TTLs allow"
    bench.renew("first", ttl=600, at=8)
    again = bench.wait("dave", **asked)
    assert (again.position, again.estimate) == (2, 3 * 6_000), "a retry is told the present state"
