from __future__ import annotations

from raftlock.lock import Hold, LockRules
from raftlock.lock.locks import Lock
from raftlock.types import ClientID, Index, LockID, Millis


def lock() -> Lock:
    return Lock(LockID("build"), LockRules())


def test_a_lock_that_nobody_holds_or_waits_for_is_idle():
    free = lock()
    assert free.is_idle
    change = free.change(("released",))
    assert (change.owner_id, change.token, change.deadline, change.ttl) == ("", 0, 0, 0)
    assert (change.waiters, change.why) == ((), ("released",))
    assert free.dump() == {"lock_id": "build", "hold": None, "queue": [], "last_modified": 0}


def test_a_held_lock_shows_its_hold():
    held = lock()
    held.hold = Hold(ClientID("alice"), Index(7), Millis(9), Millis(5))
    held.touched(Millis(1))
    assert not held.is_idle
    change = held.change()
    assert (change.owner_id, change.token, change.deadline, change.ttl) == ("alice", 7, 9, 5)


def test_a_fingerprint_follows_what_was_touched():
    one = lock()
    free = one.fingerprint()
    one.hold = Hold(ClientID("alice"), Index(7), Millis(9), Millis(5))
    one.touched(Millis(1))
    held = one.fingerprint()
    assert held != free
    assert one.fingerprint() == held
    one.hold = None
    one.touched(Millis(2))
    assert one.fingerprint() == free
