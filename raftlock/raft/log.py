"""A node's log in memory (paper sections 5.3 and 5.4): what it holds, not what it means.

The log knows no rule of Raft. It keeps its entries without a gap, from index 1 on or, once it was
compacted (section 7), from behind its `base`, of which it knows the place and nothing else. It
answers what stands where; whether an entry is committed, or on disk, is for others to know.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from raftlock.types.ids import Index, Millis, Term
from raftlock.types.log import LogEntry, SnapshotMetadata

__all__ = ["RaftLog"]

_NOTHING_BEFORE = SnapshotMetadata()


def _term_of(entry: LogEntry) -> Term:
    return entry.term


class RaftLog:
    """The entries of one node, by index. Only the core changes it; others may read."""

    __slots__ = ("_entries", "_offset", "base")

    def __init__(
        self, entries: Iterable[LogEntry] = (), base: SnapshotMetadata = _NOTHING_BEFORE
    ) -> None:
        self.base = base
        self._offset = int(base.last_included_index)
        self._entries: list[LogEntry] = []
        self.append(entries)

    @property
    def first_index(self) -> Index:
        """Where the first entry stands, or would."""
        return Index(self._offset + 1)

    @property
    def last_index(self) -> Index:
        """The index of the last entry there was, 0 if there never was one."""
        return Index(self._offset + len(self._entries))

    @property
    def last_term(self) -> Term:
        """The term of the last entry, 0 if there never was one."""
        return self._entries[-1].term if self._entries else self.base.last_included_term

    @property
    def last_stamp(self) -> Millis:
        """The cluster time of the last entry, 0 if there never was one."""
        return self._entries[-1].stamp if self._entries else self.base.last_included_stamp

    def term_at(self, index: Index) -> Term | None:
        """The term of the entry at `index`; 0 at index 0, ``None`` where the log knows nothing."""
        if index == self._offset:
            return self.base.last_included_term
        return self.entry(index).term if self._offset < index <= self.last_index else None

    def entry(self, index: Index) -> LogEntry:
        """The entry at `index`, which must be in the log."""
        assert self._offset < index <= self.last_index, index
        return self._entries[index - self._offset - 1]

    def entries(self, first: int, last: int) -> tuple[LogEntry, ...]:
        """The entries from `first` up to and including `last`, as many of them as there are."""
        assert first > self._offset, first
        return tuple(self._entries[first - self._offset - 1 : max(last - self._offset, 0)])

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
        return Index(self._offset + bisect_left(self._entries, term, key=_term_of) + 1)

    def last_index_of(self, term: Term) -> Index:
        """The last index whose term is `term` or less; the base's if there is none."""
        return Index(self._offset + bisect_right(self._entries, term, key=_term_of))

    def append(self, entries: Iterable[LogEntry]) -> None:
        """Add entries at the end; the first must have the index after the last."""
        for entry in entries:
            assert entry.index == self.last_index + 1, "a log has no gaps"
            self._entries.append(entry)

    def truncate(self, first: Index) -> None:
        """Drop the entry at `first` and all behind it."""
        assert self._offset < first <= self.last_index, first
        del self._entries[first - self._offset - 1 :]

    def place(self, index: Index) -> SnapshotMetadata:
        """The entry at `index` as a base."""
        if index == self._offset:
            return self.base
        entry = self.entry(index)
        return SnapshotMetadata(entry.index, entry.term, entry.stamp)

    def compact(self, base: SnapshotMetadata) -> None:
        """Forget the entries up to `base`; those behind it, if there are any, stay."""
        assert base.last_included_index >= self._offset, "what is forgotten does not come back"
        del self._entries[: base.last_included_index - self._offset]
        self.base, self._offset = base, int(base.last_included_index)
