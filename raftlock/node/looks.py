"""Looks at the lock table: which locks are wanted, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from raftlock.lock.locks import Lock
from raftlock.lock.rules import Hold
from raftlock.types.commands import LockInfo
from raftlock.types.ids import LockID, Millis

__all__ = ["LockFilter", "Look", "Page"]


@dataclass(frozen=True, slots=True)
class LockFilter:
    """Which locks are wanted; what is ``None`` or empty is not asked for.

    `lock_id` and `owner_id` are patterns: ``*`` is any text, ``?`` any character, ``[ab]`` one of
    these. `expires_within` is milliseconds of cluster time; every pair of `metadata` must be there.
    Of several who hold a lock together one has to be such a holder.
    """

    lock_id: str = ""
    owner_id: str = ""
    held: bool | None = None
    contested: bool | None = None
    expires_within: int | None = None
    metadata: Mapping[str, str] | None = None

    def matches(self, lock: Lock, now: Millis) -> bool:
        """Whether the lock is wanted, at cluster time `now`."""
        if self.lock_id and not fnmatchcase(lock.lock_id, self.lock_id):
            return False
        if self.held is not None and self.held is not bool(lock.holds):
            return False
        if self.contested is not None and self.contested is not bool(lock.queue):
            return False
        asks_for_holder = self.owner_id or self.expires_within is not None or self.metadata
        return not asks_for_holder or any(self._fits(hold, now) for hold in lock.holds.values())

    def _fits(self, hold: Hold, now: Millis) -> bool:
        if self.owner_id and not fnmatchcase(hold.owner_id, self.owner_id):
            return False
        if self.expires_within is not None and hold.deadline - now > self.expires_within:
            return False
        return (self.metadata or {}).items() <= dict(hold.metadata).items()


@dataclass(frozen=True, slots=True)
class Look:
    """One question about the table, checked."""

    call: str
    lock_id: LockID = LockID("")
    stale: bool = False
    must_exist: bool = False
    filter: LockFilter = LockFilter()
    limit: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the locks that are wanted, by name: those from `offset` on, of `total`."""

    locks: tuple[LockInfo, ...]
    total: int
    offset: int
