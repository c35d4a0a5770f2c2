"""Looks at the lock table: which locks are wanted, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from raftlock.lock.locks import Lock
from raftlock.types.commands import LockInfo
from raftlock.types.ids import LockID, Millis

__all__ = ["LockFilter", "Look", "Page"]


@dataclass(frozen=True, slots=True)
class LockFilter:
    """Which locks are wanted; what is ``None`` or empty is not asked for.

    `lock_id` and `owner_id` are patterns: ``*`` is any text, ``?`` any character, ``[ab]`` one of
    these. `expires_within` is milliseconds of cluster time; every pair of `metadata` must be there.
    """

    lock_id: str = ""
    owner_id: str = ""
    held: bool | None = None
    contested: bool | None = None
    expires_within: int | None = None
    metadata: Mapping[str, str] | None = None

    def matches(self, lock: Lock, now: Millis) -> bool:
        """Whether the lock is wanted, at cluster time `now`."""
        hold = lock.hold
        owner = hold.owner_id if hold is not None else ""
        if self.lock_id and not fnmatchcase(lock.lock_id, self.lock_id):
            return False
        if self.owner_id and not (owner and fnmatchcase(owner, self.owner_id)):
            return False
        if self.held is not None and self.held is not (hold is not None):
            return False
        if self.contested is not None and self.contested is not bool(lock.queue):
            return False
        if self.expires_within is not None and (
            hold is None or hold.deadline - now > self.expires_within
        ):
            return False
        wanted = (self.metadata or {}).items()
        return not wanted or (hold is not None and wanted <= dict(hold.metadata).items())


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
