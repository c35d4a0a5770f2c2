"""What the locks protect: a store that looks at the token of each write (the "fenced resource").

A lock with a TTL cannot keep a holder from acting late: its process may stop for minutes between
asking "is it mine?" and writing. The resource can, since tokens only grow: it refuses a write whose
token is older than one it has seen.
"""

from __future__ import annotations

from collections.abc import Mapping

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
        self._highest: dict[LockID, int] = {}

    @property
    def highest(self) -> Mapping[LockID, int]:
        """The highest token that each thing has seen."""
        return self._highest

    def take_over(self, highest: Mapping[LockID, int]) -> None:
        """Have seen these tokens."""
        self._highest.update(highest)

    def write(self, lock_id: LockID, token: int) -> bool:
        """A write arrives; whether it was taken."""
        highest = self._highest.get(lock_id, 0)
        if not self._rules.accepts(highest, token):
            return False
        self._highest[lock_id] = max(highest, token)
        return True
