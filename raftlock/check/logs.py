"""A node as the checks know it: its log in memory, and what of it is on its disk.

Folded from the trace alone: ``append``, ``truncate``, ``snapshot``, ``install`` and ``compact``
change what is in memory, a ``write`` collects what was changed since the one before, and an
``fsync`` makes the writes up to its number durable.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from raftlock.check.members import Members
from raftlock.trace.fields import number, rows, text
from raftlock.types.events import TraceEvent

__all__ = ["Entry", "Log", "NodeModel", "entries_of"]

Entry = tuple[int, int, int]
"""An entry's term, its command's checksum, its stamp."""


@dataclass(slots=True)
class Log:
    """The entries behind `base`; those up to there were dropped, since a snapshot has them."""

    base: int = 0
    entries: list[Entry] = field(default_factory=list)

    @property
    def last(self) -> int:
        """The index of its last entry."""
        return self.base + len(self.entries)

    def entry(self, index: int) -> Entry | None:
        """The entry at `index`, if it is there."""
        return self.entries[index - self.base - 1] if self.base < index <= self.last else None

    def part(self, first: int, last: int) -> list[Entry]:
        """The entries from `first`, which lies behind the base, to `last`, as far as there are."""
        return self.entries[first - self.base - 1 : max(last - self.base, 0)]

    def truncate(self, first: int) -> None:
        """Drop the entries from `first` on."""
        del self.entries[max(first - self.base - 1, 0) :]

    def compact(self, base: int) -> None:
        """Drop the entries up to `base`."""
        if base > self.base:
            del self.entries[: base - self.base]
            self.base = base


@dataclass(slots=True)
class _Step:
    """A part of a write: a disk does the parts in order, and may stop between any two."""

    what: str
    number: int
    voted_for: str = ""
    entries: list[Entry] = field(default_factory=list)


@dataclass(slots=True)
class _Disk:
    term: int = 0
    voted_for: str = ""
    snapshot: int = 0
    log: Log = field(default_factory=Log)

    def perform(self, step: _Step) -> None:
        match step.what:
            case "state":
                self.term, self.voted_for = step.number, step.voted_for
            case "truncate":
                self.log.truncate(step.number)
            case "snapshot":
                self.snapshot = step.number
            case "base":
                self.log.compact(step.number)
            case _:
                self.log.truncate(step.number)
                self.log.entries += step.entries

    def could_become(self, found: _Disk, step: _Step) -> bool:
        """Whether it is as found after a part of `step`: then that part is done."""
        if step.what == "entries":
            had = max(found.log.last - step.number + 1, 0)
            self.perform(_Step("entries", step.number, "", step.entries[:had]))
            if self == found:
                return True
        self.perform(step)
        return self == found

    def __str__(self) -> str:
        kept = f"a snapshot up to {self.snapshot} and " if self.snapshot else ""
        entries = f"entries {self.log.base + 1} to {self.log.last}"
        entries = entries if self.log.entries else "no entries"
        return f"term {self.term}, vote {self.voted_for or 'none'}, {kept}{entries}"


class NodeModel:
    """One node over all its lives.

    `agreed` is up to where its log is known to be what was committed, so that nothing is compared
    twice. `members` are those it goes by, since the entry `members_index`. `is_gone` once it must
    not come back. `failures_due` is how often its disk may still fail it, `is_full` while it may
    at every write, `is_damaged` if it must not start over it.
    """

    def __init__(self, name: str, members: Members) -> None:
        self.name = name
        self.disk = _Disk()
        self.log = Log()
        self.role = "follower"
        self.term = 0
        self.commit = 0
        self.applied = 0
        self.snapshot = 0
        self.agreed = 0
        self.first_members: Members | None = None
        self.members = members
        self.members_index = 0
        self.is_gone = False
        self.comes_back_empty = False
        self.is_full = self.is_damaged = False
        self.failures_due = 0
        self._voted_for = ""
        self._changes: list[_Step] = []
        self._writes: deque[tuple[int, list[_Step]]] = deque()

    def has_durable(self, index: int, entry: Entry) -> bool:
        """Whether its disk holds that very entry at `index`, or a snapshot that stands for it."""
        log = self.disk.log
        if index <= log.base:
            return index <= self.disk.snapshot
        return index <= log.last and log.entries[index - log.base - 1] == entry

    # ---- its lives ----

    def begin(self) -> None:
        """It starts: what was not on disk is gone."""
        self.log, self.role, self.term, self._voted_for = Log(), "follower", 0, ""
        self.commit = self.applied = self.snapshot = self.agreed = 0
        self._changes = []

    def lose_disk(self) -> None:
        """There is nothing on its disk any more."""
        self.disk = _Disk()
        self._writes.clear()
        self.is_full = self.is_damaged = False
        self.failures_due = 0

    def recover(self, event: TraceEvent) -> None:
        """What it tells of what it found on its disk."""
        data = event.data
        match event.kind:
            case "term":
                self.term = number(data, "term")
            case "vote":
                self._voted_for = text(data, "for")
            case "install":
                self.snapshot = self.commit = self.log.base = number(data, "index")
                self.agreed = self.snapshot
            case _:
                listed = rows(data, "entries")
                base = number(listed[0], "index") - 1 if listed else self.snapshot
                self.log, self.agreed = Log(base, entries_of(event)), min(base, self.snapshot)

    def recovered(self) -> str:
        """Called when it begins to act. What is wrong with what it found, or nothing.

        A crash may leave any beginning of the writes that were not synced.
        """
        log = Log(self.log.base, list(self.log.entries))
        found = _Disk(self.term, self._voted_for, self.snapshot, log)
        writes, self._writes = self._writes, deque()
        had = str(self.disk)
        if self.disk == found:
            return ""
        for _, steps in writes:
            for step in steps:
                if self.disk.could_become(found, step):
                    return ""
        self.disk = found
        return f"{self.name} came back with {found}, but its disk had promised {had}."

    # ---- what changes ----

    def append(self, entries: list[Entry]) -> None:
        """Entries come to the end of its log."""
        self._changes.append(_Step("entries", self.log.last + 1, "", entries))
        self.log.entries += entries

    def truncate(self, first: int) -> None:
        """Entries go."""
        self._changes.append(_Step("truncate", first))
        self.log.truncate(first)
        self.agreed = min(self.agreed, first - 1)

    def install(self, index: int) -> None:
        """A snapshot takes the place of what is up to there."""
        self.snapshot = self.commit = index
        self.agreed = max(self.agreed, index)

    def compact(self, to: int) -> None:
        """Entries are dropped, for which a snapshot stands."""
        self._changes.append(_Step("base", to))
        self.log.compact(to)

    def write(self, event: TraceEvent) -> None:
        """What was changed is handed to the disk."""
        data, steps = event.data, self._changes
        if "snapshot" in data:
            # Before anything is dropped for it.
            places = [place for place, step in enumerate(steps) if step.what == "base"]
            snapshot = _Step("snapshot", number(data, "snapshot"))
            steps.insert(places[0] if places else len(steps), snapshot)
        if "term" in data:
            steps.insert(0, _Step("state", number(data, "term"), text(data, "voted_for")))
        self._writes.append((number(data, "write"), steps))
        self._changes = []

    def fsync(self, last: int) -> None:
        """Writes up to that number are durable."""
        while self._writes and self._writes[0][0] <= last:
            for step in self._writes.popleft()[1]:
                self.disk.perform(step)


def entries_of(event: TraceEvent) -> list[Entry]:
    """The entries of an ``append``."""
    return [
        (number(row, "term"), number(row, "sum"), number(row, "stamp"))
        for row in rows(event.data, "entries")
    ]
