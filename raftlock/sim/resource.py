"""What the locks protect: a store that looks at the token of each write (the "fenced resource").

A lock with a TTL cannot keep a holder from acting late: its process may stop for minutes between
asking "is it mine?" and writing. The resource can, since tokens only grow: it refuses a write whose
token is older than one it has seen.
"""

from __future__ import annotations

from collections.abc import Mapping

from raftlock.client.fencing import highest_for
from raftlock.types.ids import LockID

__all__ = ["Resource", "ResourceRules"]


class ResourceRules:
    """What the resource decides by; broken on purpose by a subclass."""

    def accepts(self, highest: int, token: int) -> bool:
        """Whether a write is taken: not one with a token below one that was seen.

        Without it a holder that was paused overwrites what its successor wrote.
        """
        return token >= highest


class Resource:
    """One protected thing a lock."""

    def __init__(self, rules: ResourceRules) -> None:
        self._rules = rules
        self._highest: dict[LockID, dict[int, int]] = {}

    @property
    def highest(self) -> Mapping[LockID, Mapping[int, int]]:
        """The highest token that each thing has seen, by the number of the permit (0: alone)."""
        return {lock: dict(slots) for lock, slots in self._highest.items()}

    def take_over(self, highest: Mapping[LockID, Mapping[int, int]]) -> None:
        """Have seen these tokens."""
        self._highest.update({lock: dict(slots) for lock, slots in highest.items()})

    def write(self, lock_id: LockID, token: int, slot: int = 0) -> bool:
        """A write arrives, of the holder of that permit where the lock has some; is it taken?"""
        highest = highest_for(self._highest.get(lock_id, {}), slot)
        if not self._rules.accepts(highest, token):
            return False
        slots = self._highest.setdefault(lock_id, {})
        slots[slot] = max(slots.get(slot, 0), token)
        return True
