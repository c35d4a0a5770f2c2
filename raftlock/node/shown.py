"""A lock for people to read: who holds it and who waits; as an answer, and as a trace tells it."""

from __future__ import annotations

from itertools import islice

from raftlock.lock.locks import Lock
from raftlock.lock.rules import Hold
from raftlock.lock.table import LockTable
from raftlock.types.answers import Holder, LockChange, QueuedWaiter
from raftlock.types.commands import HolderInfo, LockInfo, WaiterInfo
from raftlock.types.events import Json
from raftlock.types.ids import ClientID, Index, LockID, Millis

__all__ = ["HOLDERS_SHOWN_MAX", "SHOWN_MAX", "info_in", "lock_data", "lock_info"]

HOLDERS_SHOWN_MAX, SHOWN_MAX = 32, 100
"""How many holders and waiters are shown: what is told of a lock has to fit into one frame."""


def info_in(table: LockTable, lock_id: LockID, now: Millis) -> LockInfo:
    """A lock of that table; `now` is cluster time, as the leader knows it."""
    return lock_info(table.look(lock_id), max(now, table.clock), table.wall_offset)


def lock_info(lock: Lock, now: Millis, wall_offset: int | None) -> LockInfo:
    """The lock at cluster time `now`, with the first of its holders and the head of its queue.

    A wall clock is `wall_offset` ahead of cluster time, as far as the log says.
    """

    def on_the_wall(moment: Millis) -> Millis | None:
        return None if wall_offset is None else Millis(moment + wall_offset)

    def left(hold: Hold) -> Millis:
        return Millis(max(0, hold.deadline - now))

    hold = lock.hold
    holders = tuple(
        HolderInfo(
            each.owner_id,
            each.token,
            each.acquired_at or None,
            on_the_wall(each.deadline),
            each.ttl,
            left(each),
            each.slot,
        )
        for each in islice(lock.holds.values(), HOLDERS_SHOWN_MAX)
        if each.shared or each.permits
    )
    waiters = tuple(
        WaiterInfo(
            waiter.place.client_id,
            waiter.enqueued_at or None,
            on_the_wall(waiter.place.deadline),
            waiter.place.priority,
            position,
            waiter.place.shared,
            waiter.place.permits,
        )
        for position, waiter in enumerate(islice(lock.queue, SHOWN_MAX))
    )
    return LockInfo(
        lock_id=lock.lock_id,
        owner_id=hold.owner_id if hold else ClientID(""),
        version=hold.token if hold else Index(0),
        acquired_at=(hold.acquired_at or None) if hold else None,
        expires_at=on_the_wall(hold.deadline) if hold else None,
        waiter_count=len(lock.queue),
        waiters_info=waiters,
        metadata=hold.metadata if hold else {},
        last_modified=lock.last_modified or None,
        ttl=hold.ttl if hold else Millis(0),
        remaining=left(hold) if hold else Millis(0),
        shared=hold.shared if hold else False,
        permits=hold.permits if hold else 0,
        holder_count=len(lock.holds) if holders else 0,
        holders=holders,
    )


def lock_data(change: LockChange) -> dict[str, Json]:
    """A lock that an entry touched, as a trace tells of it."""
    return {
        "lock": change.lock_id,
        "owner": change.owner_id,
        "token": change.token,
        "deadline": change.deadline,
        "ttl": change.ttl,
        "why": list(change.why),
        "queue": [
            {
                "client": waiter.client_id,
                "priority": waiter.priority,
                "index": waiter.index,
                "deadline": waiter.deadline,
                **_terms_of(waiter),
            }
            for waiter in change.waiters
        ],
        **_terms_of(change),
        **({"slot": change.slot} if change.slot else {}),
        **({"others": [_other(each) for each in change.others]} if change.others else {}),
    }


def _terms_of(of: LockChange | QueuedWaiter) -> dict[str, Json]:
    """On which terms a lock is held or waited for; nothing if by one client alone."""
    return {"shared": True} if of.shared else {"permits": of.permits} if of.permits else {}


def _other(holder: Holder) -> dict[str, Json]:
    return {
        "client": holder.client_id,
        "token": holder.token,
        "deadline": holder.deadline,
        "ttl": holder.ttl,
        **({"slot": holder.slot} if holder.slot else {}),
    }
