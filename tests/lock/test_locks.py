from __future__ import annotations

from raftlock.lock import Hold, LockRules
from raftlock.lock.locks import Lock
from raftlock.lock.waiters import Waiter
from raftlock.node.shown import SHOWN_MAX, lock_info
from raftlock.transport.codec import Response, encode_response
from raftlock.transport.limits import REPLY_BYTES_MAX
from raftlock.transport.original import to_original
from raftlock.types import (
    ClientID,
    Command,
    Index,
    LockID,
    LockInfo,
    LockOperation,
    Millis,
    QueuedWaiter,
    WaiterInfo,
)


def lock() -> Lock:
    return Lock(LockID("build"), LockRules())


def give(lock: Lock, *holds: Hold) -> None:
    lock.holds.update({hold.owner_id: hold for hold in holds})


def test_a_lock_that_nobody_holds_or_waits_for_is_idle():
    free = lock()
    assert free.is_idle
    change = free.change(("released",))
    assert (change.owner_id, change.token, change.deadline, change.ttl) == ("", 0, 0, 0)
    assert (change.waiters, change.why) == ((), ("released",))
    assert free.dump() == {"lock_id": "build", "holds": [], "queue": [], "last_modified": 0}


def test_a_held_lock_shows_its_hold():
    held = lock()
    give(held, Hold(ClientID("alice"), Index(7), Millis(9), Millis(5)))
    held.touched(Millis(1))
    assert not held.is_idle
    change = held.change()
    assert (change.owner_id, change.token, change.deadline, change.ttl) == ("alice", 7, 9, 5)


def test_a_fingerprint_follows_what_was_touched():
    one = lock()
    free = one.fingerprint()
    give(one, Hold(ClientID("alice"), Index(7), Millis(9), Millis(5)))
    one.touched(Millis(1))
    held = one.fingerprint()
    assert held != free
    assert one.fingerprint() == held
    one.holds.clear()
    one.touched(Millis(2))
    assert one.fingerprint() == free


def test_a_fingerprint_is_of_every_hold():
    def reader(name: str, token: int) -> Hold:
        return Hold(ClientID(name), Index(token), Millis(9), Millis(5), shared=True)

    one, two, other = lock(), lock(), lock()
    give(one, reader("alice", 7))
    give(two, reader("alice", 7), reader("bob", 8))
    give(other, reader("alice", 7), reader("bob", 9))
    assert len({each.fingerprint() for each in (one, two, other)}) == 3


def test_several_holders_as_people_see_them():
    pool = lock()
    give(
        pool,
        Hold(ClientID("alice"), Index(7), Millis(9_000), Millis(8_000), permits=3, slot=1),
        Hold(ClientID("bob"), Index(8), Millis(5_000), Millis(4_000), permits=3, slot=3),
    )
    info = lock_info(pool, Millis(4_000), 100)
    assert (info.owner_id, info.version, info.permits, info.holder_count) == ("alice", 7, 3, 2)
    seen = [(one.client_id, one.version, one.slot, one.remaining) for one in info.holders]
    assert seen == [("alice", 7, 1, 5_000), ("bob", 8, 3, 1_000)]
    assert [one.expires_at for one in info.holders] == [9_100, 5_100]
    assert pool.free_slot() == 2


def waiter(name: str, index: int, wall: int = 0) -> Waiter:
    place = QueuedWaiter(ClientID(name), 0, Index(index), Millis(60_000), Millis(1_000))
    return Waiter(place, Command(LockOperation.ACQUIRE), Millis(1_000), Millis(wall))


def test_a_free_lock_as_people_see_it():
    assert lock_info(lock(), Millis(5), None) == LockInfo(
        LockID("build"), ClientID(""), Index(0), None, None, 0
    )


def test_a_held_lock_as_people_see_it():
    held = lock()
    give(held, Hold(ClientID("alice"), Index(7), Millis(9_000), Millis(8_000), {"job": "7"}))
    held.queue.put(waiter("bob", 8))
    held.touched(Millis(0))
    assert lock_info(held, Millis(4_000), None) == LockInfo(
        LockID("build"),
        ClientID("alice"),
        Index(7),
        acquired_at=None,
        expires_at=None,
        waiter_count=1,
        waiters_info=(WaiterInfo(ClientID("bob"), None, None, 0, 0),),
        metadata={"job": "7"},
        ttl=Millis(8_000),
        remaining=Millis(5_000),
    )


def test_moments_on_the_wall_are_for_people():
    held = lock()
    give(held, Hold(ClientID("alice"), Index(7), Millis(9_000), Millis(8_000), {}, Millis(501_000)))
    held.queue.put(waiter("bob", 8, wall=502_000))
    held.touched(Millis(502_000))
    info = lock_info(held, Millis(10_000), 500_000)
    assert (info.acquired_at, info.expires_at, info.last_modified) == (501_000, 509_000, 502_000)
    assert info.waiters_info == (
        WaiterInfo(ClientID("bob"), Millis(502_000), Millis(560_000), 0, 0),
    )
    assert info.remaining == 0, "its time is over, though no entry has said so"


def test_what_is_told_of_a_lock_fits_into_a_reply():
    crowded = lock()
    metadata = {f"{key:02}" + "\U0001f512" * 62: "\U0001f512" * 256 for key in range(32)}
    for index in range(SHOWN_MAX + 50):
        name = ClientID(f"{index:04}" + "\U0001f512" * 252)
        give(crowded, Hold(name, Index(7), Millis(9), Millis(8), metadata, Millis(1), shared=True))
    for index in range(SHOWN_MAX + 50):
        crowded.queue.put(waiter(f"{index:04}" + "\U0001f512" * 252, index, wall=10**12))
    info = lock_info(crowded, Millis(0), 10**12)
    assert info.waiter_count == SHOWN_MAX + 50
    assert [it.position for it in info.waiters_info] == list(range(SHOWN_MAX))
    text = encode_response(Response(1, to_original(info)))
    assert len(text.encode()) < REPLY_BYTES_MAX
