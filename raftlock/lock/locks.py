"""One lock that is held or waited for."""

from __future__ import annotations

from itertools import islice

from raftlock.lock.records import as_json, fingerprint
from raftlock.lock.rules import Hold, LockRules
from raftlock.lock.waiters import WaitQueue
from raftlock.types import ClientID, Index, Json, LockChange, LockID, LockInfo, Millis, WaiterInfo

__all__ = ["WAITERS_SHOWN_MAX", "Lock"]

WAITERS_SHOWN_MAX = 100
"""How many waiters people are shown: what is told of a lock has to fit into one frame."""


class Lock:
    """One lock: its hold (``None`` while it is free) and its queue.

    Whoever changes either calls `touched` afterwards.
    """

    def __init__(self, lock_id: LockID, rules: LockRules) -> None:
        self.lock_id = lock_id
        self.hold: Hold | None = None
        self.queue = WaitQueue(rules)
        self._last_modified = Millis(0)
        self._fingerprint: int | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nobody holds it and nobody waits: then the table need not know it."""
        return self.hold is None and not self.queue

    def touched(self, wall: Millis) -> None:
        """The lock was changed; `wall` (Unix milliseconds) is for people."""
        self._last_modified = wall
        self._fingerprint = None

    def change(self, why: tuple[str, ...] = ()) -> LockChange:
        """The lock as it stands."""
        hold = self.hold or Hold(ClientID(""), Index(0), Millis(0), Millis(0))
        return LockChange(
            lock_id=self.lock_id,
            owner_id=hold.owner_id,
            token=hold.token,
            deadline=hold.deadline,
            ttl=hold.ttl,
            waiters=self.queue.places(),
            why=why,
        )

    def turn_in(self, position: int, now: Millis, usual: Millis) -> Millis:
        """About how long it takes until the waiter at `position` gets the lock.

        As long as it is usually held, for each turn before; but no longer than TTLs allow. A guess:
        holders renew, and whoever comes with a higher priority goes first.
        """
        left = max(0, self.hold.deadline - now) if self.hold else 0
        longest = left + sum(waiter.command.ttl for waiter in islice(self.queue, position))
        return Millis(min(longest, usual * (position + 1)) if usual else longest)

    def info(self, now: Millis, wall_offset: int | None) -> LockInfo:
        """The lock for people to read, at cluster time `now`, with the head of its queue.

        A wall clock is `wall_offset` ahead of cluster time, as far as the log says.
        """

        def on_the_wall(moment: Millis) -> Millis | None:
            return None if wall_offset is None else Millis(moment + wall_offset)

        hold = self.hold
        waiters = tuple(
            WaiterInfo(
                waiter.place.client_id,
                waiter.enqueued_at or None,
                on_the_wall(waiter.place.deadline),
                waiter.place.priority,
                position,
            )
            for position, waiter in enumerate(islice(self.queue, WAITERS_SHOWN_MAX))
        )
        return LockInfo(
            lock_id=self.lock_id,
            owner_id=hold.owner_id if hold else ClientID(""),
            version=hold.token if hold else Index(0),
            acquired_at=(hold.acquired_at or None) if hold else None,
            expires_at=on_the_wall(hold.deadline) if hold else None,
            waiter_count=len(self.queue),
            waiters_info=waiters,
            metadata=hold.metadata if hold else {},
            last_modified=self._last_modified or None,
            ttl=hold.ttl if hold else Millis(0),
            remaining=Millis(max(0, hold.deadline - now)) if hold else Millis(0),
        )

    def dump(self) -> Json:
        """The whole lock, for a keyframe; its queue in grant order."""
        return {
            "lock_id": self.lock_id,
            "hold": as_json(self.hold),
            "queue": as_json(self.queue),
            "last_modified": self._last_modified,
        }

    def fingerprint(self) -> int:
        """64 bits over the lock, computed anew only after it was touched."""
        if self._fingerprint is None:
            self._fingerprint = fingerprint(self.lock_id, self.hold, self.queue.fingerprints())
        return self._fingerprint
