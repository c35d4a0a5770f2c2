"""Where entries come from: who wrote one first, when, and which majority had it when it counted.

A row an entry: ``{i, t, by, at, of, done}``; `by` is the leader that wrote it, `at` when (µs), `of`
the nodes that had it when it was first committed, and `done` when that was (0: not yet). A delta
has the rows that changed. Only the newest indexes are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from raftlock.trace.fields import number, rows, text
from raftlock.types import Json, TraceEvent

__all__ = ["Origins"]

KEPT_INDEXES = 60

_WRITERS = {"ClientRequest", "BecomeLeader", "ChangeMembers", "LeaveJoint"}
"""The actions in which a leader writes an entry of its own; whoever else appends one copies it."""


class _Row(NamedTuple):
    seq: int
    by: str
    at: int
    of: tuple[str, ...] = ()
    done: int = 0


class Origins:
    """The part ``origins`` of frames."""

    name = "origins"

    def __init__(self, _header: Mapping[str, Json]) -> None:
        self._rows: dict[tuple[int, int], _Row] = {}
        self._match: dict[str, dict[str, int]] = {}  # of each leader: how far each peer's log is
        self._terms: dict[str, dict[int, int]] = {}  # of each node: the term at each index
        self._commit = 0
        self._last = 0

    def apply(self, event: TraceEvent) -> None:
        """Note who writes an entry, who has it, and when it counts."""
        match event.kind:
            case "append":
                self._appended(event)
            case "truncate":
                first = number(event.data, "from")
                there = self._terms.get(event.node, {})
                self._terms[event.node] = {i: t for i, t in there.items() if i < first}
            case "node":
                self._terms.pop(event.node, None)  # what it has kept it tells again
            case "progress":
                peers = self._match.setdefault(event.node, {})
                peers[text(event.data, "peer")] = number(event.data, "match")
            case "role":
                self._match.pop(event.node, None)
            case "commit" if event.rule == "AdvanceCommitIndex":
                self._committed(event)

    def full(self) -> Json:
        """All rows that are kept."""
        return [_told(key, row) for key, row in self._rows.items()]

    def delta(self, seen: int) -> Json | None:
        """The rows that changed."""
        return [_told(key, row) for key, row in self._rows.items() if row.seq > seen] or None

    def copy(self) -> Origins:
        """The same, to go on apart."""
        twin = Origins({})
        twin._rows, twin._commit, twin._last = dict(self._rows), self._commit, self._last
        twin._terms = {node: dict(terms) for node, terms in self._terms.items()}
        twin._match = {node: dict(peers) for node, peers in self._match.items()}
        return twin

    def revive(self, events: Iterable[TraceEvent]) -> None:
        """A copy is as good as the first."""

    def _appended(self, event: TraceEvent) -> None:
        there = self._terms.setdefault(event.node, {})
        for entry in rows(event.data, "entries"):
            index, term = number(entry, "index"), number(entry, "term")
            there[index] = term
            if event.rule in _WRITERS:
                self._rows[index, term] = _Row(event.seq, event.node, event.t)
                self._last = max(self._last, index)
        gone = self._last - KEPT_INDEXES
        for key in [key for key in self._rows if key[0] <= gone]:
            del self._rows[key]
        if len(there) > 2 * KEPT_INDEXES:
            self._terms[event.node] = {i: t for i, t in there.items() if i > gone}

    def _committed(self, event: TraceEvent) -> None:
        """The leader's own log is durable up to there too, or it would not count itself."""
        index = number(event.data, "index")
        peers = self._match.get(event.node, {})
        terms = self._terms.get(event.node, {})
        for key, row in self._rows.items():
            if self._commit < key[0] <= index and terms.get(key[0]) == key[1]:
                have = (event.node, *sorted(peer for peer, to in peers.items() if to >= key[0]))
                self._rows[key] = row._replace(seq=event.seq, of=have, done=event.t)
        self._commit = max(self._commit, index)


def _told(key: tuple[int, int], row: _Row) -> Json:
    return {
        "i": key[0],
        "t": key[1],
        "by": row.by,
        "at": row.at,
        "of": list(row.of),
        "done": row.done,
    }
