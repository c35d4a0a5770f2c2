"""One lock that is held or waited for."""

from __future__ import annotations

from itertools import chain, islice

from raftlock.lock.records import as_json, fingerprint
from raftlock.lock.rules import Hold, LockRules
from raftlock.lock.waiters import WaitQueue
from raftlock.types import ClientID, Holder, Index, Json, LockChange, LockID, Millis

__all__ = ["Lock"]

_NOBODYS = Hold(ClientID(""), Index(0), Millis(0), Millis(0))


class Lock:
    """One lock: its holds, in the order in which they were granted, and its queue.

    It has more than one hold only where it is shared or has permits. Whoever changes either calls
    `touched` afterwards.
    """

    def __init__(self, lock_id: LockID, rules: LockRules) -> None:
        self.lock_id = lock_id
        self.holds: dict[ClientID, Hold] = {}
        self.queue = WaitQueue(rules)
        self.last_modified = Millis(0)
        self._fingerprint: int | None = None

    @property
    def hold(self) -> Hold | None:
        """The hold, or the one granted first where there are several; ``None`` if it is free."""
        return next(iter(self.holds.values()), None)

    @property
    def is_idle(self) -> bool:
        """Whether nobody holds it and nobody waits: then the table need not know it."""
        return not self.holds and not self.queue

    @property
    def permits(self) -> int:
        """Of how many permits it is held or waited for; 0 if of none."""
        held = (hold.permits for hold in self.holds.values())
        return next(filter(None, chain(held, (each.permits for each in self.queue.places()))), 0)

    def free_slot(self) -> int:
        """The lowest number of a permit that nobody holds."""
        taken = {hold.slot for hold in self.holds.values()}
        return next(slot for slot in range(1, len(taken) + 2) if slot not in taken)

    def touched(self, wall: Millis) -> None:
        """The lock was changed; `wall` (Unix milliseconds) is for people."""
        self.last_modified = wall
        self._fingerprint = None

    def change(self, why: tuple[str, ...] = ()) -> LockChange:
        """The lock as it stands."""
        hold, *others = self.holds.values() or (_NOBODYS,)
        return LockChange(
            lock_id=self.lock_id,
            owner_id=hold.owner_id,
            token=hold.token,
            deadline=hold.deadline,
            ttl=hold.ttl,
            waiters=self.queue.places(),
            why=why,
            shared=hold.shared,
            permits=hold.permits,
            slot=hold.slot,
            others=tuple(
                Holder(each.owner_id, each.token, each.deadline, each.ttl, each.slot)
                for each in others
            ),
        )

    def turn_in(self, position: int, now: Millis, usual: Millis) -> Millis:
        """About how long it takes until the waiter at `position` gets the lock.

        As long as it is usually held, for each turn before; but no longer than TTLs allow. A guess:
        holders renew, who comes with a higher priority goes first, and several may go at once.
        """
        left = max((hold.deadline - now for hold in self.holds.values()), default=0)
        longest = max(0, left) + sum(each.command.ttl for each in islice(self.queue, position))
        return Millis(min(longest, usual * (position + 1)) if usual else longest)

    def dump(self) -> Json:
        """The whole lock, for a keyframe; its queue in grant order."""
        return {
            "lock_id": self.lock_id,
            "holds": as_json(self.holds.values()),
            "queue": as_json(self.queue),
            "last_modified": self.last_modified,
        }

    def fingerprint(self) -> int:
        """64 bits over the lock, computed anew only after it was touched."""
        if self._fingerprint is None:
            self._fingerprint = fingerprint(
                *(self.lock_id, self.hold, self.queue.fingerprints()),
                *list(self.holds.values())[1:],
            )
        return self._fingerprint
