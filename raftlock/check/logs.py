"""A node as the checks know it: its log in memory, and what of it is on its disk.

Folded from the trace alone: ``append`` and ``truncate`` change the log, a ``write`` collects what
was changed since the one before, and an ``fsync`` makes the writes up to its number durable.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from raftlock.trace.fields import number, rows, text
from raftlock.types.events import TraceEvent

__all__ = ["Entry", "NodeModel"]

Entry = tuple[int, int, int]
"""An entry's term, its command's checksum, its stamp."""


@dataclass(slots=True)
class _Write:
    number: int
    term: int | None
    voted_for: str
    changes: list[tuple[int, list[Entry]]]


@dataclass(slots=True)
class _Disk:
    term: int = 0
    voted_for: str = ""
    log: list[Entry] = field(default_factory=list)

    def perform(self, write: _Write) -> None:
        if write.term is not None:
            self.term, self.voted_for = write.term, write.voted_for
        for first, entries in write.changes:
            del self.log[first - 1 :]
            self.log += entries

    def copy(self) -> _Disk:
        return _Disk(self.term, self.voted_for, list(self.log))


class NodeModel:
    """One node over all its lives."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.disk = _Disk()
        self.log: list[Entry] = []
        self.role = "follower"
        self.term = 0
        self.commit = 0
        self.applied = 0
        self.wiped = False
        self._voted_for = ""
        self._changes: list[tuple[int, list[Entry]]] = []
        self._writes: deque[_Write] = deque()
        self._recovering = False

    def entry(self, index: int) -> Entry | None:
        """What its log in memory holds at `index`."""
        return self.log[index - 1] if 0 < index <= len(self.log) else None

    def has_durable(self, index: int, entry: Entry) -> bool:
        """Whether its disk holds that very entry at `index`."""
        return index <= len(self.disk.log) and self.disk.log[index - 1] == entry

    def begin(self) -> None:
        """It starts: what was not on disk is gone."""
        self.log, self.role, self.term, self._voted_for = [], "follower", 0, ""
        self.commit = self.applied = 0
        self._changes = []
        self._recovering = True

    def recover(self, event: TraceEvent) -> None:
        """What it tells of what it found on its disk."""
        if event.kind == "term":
            self.term = number(event.data, "term")
        elif event.kind == "vote":
            self._voted_for = text(event.data, "for")
        elif event.kind == "append":
            self.log = entries_of(event)

    def recovered(self) -> str:
        """Called when it begins to act. What is wrong with what it found, or nothing.

        A crash may leave any beginning of the writes that were not synced.
        """
        if not self._recovering:
            return ""
        self._recovering = False
        found = _Disk(self.term, self._voted_for, list(self.log))
        writes, self._writes = self._writes, deque()
        possible = self.disk.copy()
        while True:
            if possible == found:
                self.disk = found
                return ""
            if not writes:
                break
            possible.perform(writes.popleft())
        had, self.disk = self.disk, found
        return (
            f"{self.name} came back with term {found.term}, vote {found.voted_for or 'none'} and "
            f"{len(found.log)} entries, but its disk had promised term {had.term}, vote "
            f"{had.voted_for or 'none'} and {len(had.log)} entries."
        )

    def append(self, entries: list[Entry]) -> None:
        """Entries come to the end of its log."""
        self._changes.append((len(self.log) + 1, entries))
        self.log += entries

    def truncate(self, first: int) -> None:
        """Entries go."""
        self._changes.append((first, []))
        del self.log[first - 1 :]

    def write(self, event: TraceEvent) -> None:
        """What was changed is handed to the disk."""
        data = event.data
        term = number(data, "term") if "term" in data else None
        write = _Write(number(data, "write"), term, text(data, "voted_for"), self._changes)
        self._writes.append(write)
        self._changes = []

    def fsync(self, last: int) -> None:
        """Writes up to that number are durable."""
        while self._writes and self._writes[0].number <= last:
            self.disk.perform(self._writes.popleft())


def entries_of(event: TraceEvent) -> list[Entry]:
    """The entries of an ``append``."""
    return [
        (number(row, "term"), number(row, "sum"), number(row, "stamp"))
        for row in rows(event.data, "entries")
    ]
