"""One lock that is held or waited for."""

from __future__ import annotations

from raftlock.lock.records import as_json, fingerprint
from raftlock.lock.rules import Hold, LockRules
from raftlock.lock.waiters import WaitQueue
from raftlock.types import ClientID, Index, Json, LockChange, LockID, Millis

__all__ = ["Lock"]


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
            self._fingerprint = fingerprint([self.lock_id, self.hold, self.queue])
        return self._fingerprint
