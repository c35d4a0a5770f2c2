"""A node as it stands, told in the words of the trace: for who begins to look while it runs.

What is told so is no news: `rule` is ``Observed``, and a ``gap`` in the trace says that what came
before is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from raftlock.lock.table import LockTable
from raftlock.raft.node import Raft
from raftlock.types.events import Json, Note
from raftlock.types.ids import Index, Millis
from raftlock.types.log import LogEntry
from raftlock.types.membership import Configuration
from raftlock.types.roles import NodeRole

__all__ = ["ENTRIES_TOLD", "RULE", "picture"]

RULE = "Observed"

ENTRIES_TOLD = 500
"""How many of a log's last entries are told: as many as anybody looks at."""


class _Teller(Protocol):
    """What knows the words for entries, members and locks: the node's driver."""

    @property
    def raft(self) -> Raft:
        """The core."""
        ...

    @property
    def table(self) -> LockTable:
        """The lock table."""
        ...

    def entries_in_words(self, entries: Sequence[LogEntry]) -> list[Json]:
        """Entries as an ``append`` has them."""
        ...

    def members_in_fields(self, index: Index, members: Configuration) -> dict[str, Json]:
        """Members as a ``config`` has them."""
        ...

    def locks_in_fields(self) -> Iterator[dict[str, Json]]:
        """All locks as a ``lock`` has them."""
        ...


def picture(teller: _Teller, now: Millis) -> Iterator[Note]:
    """The notes that make a picture of the node as it is at `now`, the oldest first."""
    raft, table = teller.raft, teller.table
    yield Note("term", {"term": raft.current_term}, RULE)
    if raft.voted_for:
        yield Note("vote", {"for": raft.voted_for}, RULE)
    yield from _log(teller)
    index, members = raft.members
    yield Note("config", teller.members_in_fields(index, members), RULE)
    role: dict[str, Json] = {"from": "follower", "to": raft.role.word}
    role["leader"] = raft.leader_id
    if raft.role is NodeRole.LEADER:
        role["cluster_time"] = raft.cluster_time(now)
    yield Note("role", role, RULE)
    yield Note("leader", {"leader": raft.leader_id}, RULE)
    yield Note("commit", {"index": raft.commit_index}, RULE)
    applied = table.last_applied
    yield Note("restore", {"index": applied, "hash": table.digest()}, RULE)
    for lock in teller.locks_in_fields():
        yield Note("lock", lock, RULE)
    if applied:
        told: dict[str, Json] = {"index": applied, "hash": table.digest(), "stamp": table.clock}
        yield Note("apply", {**told, "term": raft.log.term_at(applied) or 0}, RULE)


def _log(teller: _Teller) -> Iterator[Note]:
    log = teller.raft.log
    first = max(log.first_index, log.last_index - ENTRIES_TOLD + 1)
    if first > 1:
        place = Index(first - 1)
        told: dict[str, Json] = {"index": place, "term": log.term_at(place) or 0, "bytes": 0}
        yield Note("install", told, RULE)
    entries = log.entries(first, log.last_index)
    if entries:
        yield Note("append", {"entries": teller.entries_in_words(entries)}, RULE)
