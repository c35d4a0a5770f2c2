"""A node's log in memory (paper sections 5.3 and 5.4): what it holds, not what it means.

The log knows no rule of Raft. It keeps its entries without a gap from index 1 on, and answers what
stands where. Whether an entry is committed, or on disk, is for others to know.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from raftlock.types.ids import Index, Millis, Term
from raftlock.types.log import LogEntry

__all__ = ["RaftLog"]


def _term_of(entry: LogEntry) -> Term:
    return entry.term


class RaftLog:
    """The entries of one node, by index. Only the core changes it; others may read."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Iterable[LogEntry] = ()) -> None:
        self._entries: list[LogEntry] = []
        self.append(entries)

    @property
    def last_index(self) -> Index:
        """The index of the last entry, 0 if there is none."""
        return Index(len(self._entries))

    @property
    def last_term(self) -> Term:
        """The term of the last entry, 0 if there is none."""
        return self._entries[-1].term if self._entries else Term(0)

    @property
    def last_stamp(self) -> Millis:
        """The cluster time of the last entry, 0 if there is none."""
        return self._entries[-1].stamp if self._entries else Millis(0)

    def term_at(self, index: Index) -> Term | None:
        """The term of the entry at `index`; 0 before the first entry, ``None`` past the last."""
        if index == 0:
            return Term(0)
        return self.entry(index).term if 0 < index <= self.last_index else None

    def entry(self, index: Index) -> LogEntry:
        """The entry at `index`, which must be in the log."""
        assert 0 < index <= self.last_index, index
        return self._entries[index - 1]

    def entries(self, first: int, last: int) -> tuple[LogEntry, ...]:
        """The entries from `first` up to and including `last`, as many of them as there are."""
        assert first > 0, first
        return tuple(self._entries[first - 1 : max(last, 0)])

    def batch(self, first: int, count_max: int, bytes_max: int) -> tuple[LogEntry, ...]:
        """What a message may hold, from `first` on: at least one entry, if there is one."""
        entries = self.entries(first, first + count_max - 1)
        room = bytes_max
        for place, entry in enumerate(entries):
            room -= len(entry.command)
            if room < 0:
                return entries[: max(place, 1)]
        return entries

    def first_index_of(self, term: Term) -> Index:
        """The first index whose term is `term`, or where it would have to stand."""
        return Index(bisect_left(self._entries, term, key=_term_of) + 1)

    def last_index_of(self, term: Term) -> Index:
        """The last index whose term is `term` or less; 0 if there is none."""
        return Index(bisect_right(self._entries, term, key=_term_of))

    def append(self, entries: Iterable[LogEntry]) -> None:
        """Add entries at the end; the first must have the index after the last."""
        for entry in entries:
            assert entry.index == self.last_index + 1, "a log has no gaps"
            self._entries.append(entry)

    def truncate(self, first: Index) -> None:
        """Drop the entry at `first` and all behind it."""
        assert 0 < first <= self.last_index, first
        del self._entries[first - 1 :]
