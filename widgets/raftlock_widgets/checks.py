"""What is promised, judged while the trace grows: the line of invariants under the picture.

The checks know nothing but the trace, and share no code with what they judge. They must see it from
its first event on: of a trace whose beginning is no longer kept nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from raftlock.check.checker import Checker
from raftlock.check.violation import Violation
from raftlock.trace.fields import shorten
from raftlock.types import Json, TraceEvent

__all__ = ["PROPERTIES", "Checks"]

PROPERTIES = {
    "Election Safety": "one leader a term",
    "one vote a term": "one vote a term",
    "Leader Append-Only": "leaders only append",
    "Log Matching": "logs agree",
    "Leader Completeness": "leaders have all that is committed",
    "State Machine Safety": "all apply the same",
    "commit rule": "committed means a majority has it",
    "durability": "what was promised is on disk",
    "monotone": "nothing goes backwards",
    "membership": "members change safely",
    "cluster time": "cluster time is right",
    "mutual exclusion": "one holder a lock",
    "fencing": "tokens only grow",
    "stale write": "no stale write is taken",
    "queue order": "queues are fair, none is lost",
    "TTL": "no lock ends early",
    "lease ends first": "holders stop in time",
    "exactly once": "no request counts twice",
    "answered once": "each request is answered",
    "bounds": "limits hold",
}
"""Each property that is checked, by its name, with a few words for it; in the order shown."""

SHOWN_TEXT = 300


class Checks:
    """The part ``checks`` of frames: how each property stands."""

    name = "checks"

    def __init__(self, header: Mapping[str, Json]) -> None:
        self._header = header
        self._checker: Checker | None = Checker(header)
        self._begun = False
        self._whole = True  # whether the trace was seen from its first event on
        self._seq = 0
        self._changed = 0
        self._counted = (0, 0)
        # What was found, in the order of the events at which it was: copies share the list.
        self._found: list[tuple[int, int, Violation, bool]] = []

    def apply(self, event: TraceEvent) -> None:
        """Judge one event more. A copy judges nothing: it tells what was known at its event."""
        self._seq = event.seq
        if not self._begun:
            self._begun, self._whole = True, event.seq == 1
            self._changed = event.seq
        if event.kind == "gap" and self._whole:
            self._whole, self._changed = False, event.seq
        checker = self._checker
        if checker is None or not self._whole:
            return
        checker.feed(event)
        counted = len(checker.violations), len(checker.expected)
        if counted != self._counted:
            fresh = [(each, False) for each in checker.violations[self._counted[0] :]]
            fresh += [(each, True) for each in checker.expected[self._counted[1] :]]
            self._found += [(event.seq, event.t, each, expected) for each, expected in fresh]
            self._counted, self._changed = counted, event.seq

    def full(self) -> Json:
        """A row a property: its name, its words, its state, and where it was broken first."""
        first: dict[str, tuple[int, Violation, bool]] = {}
        for seq, t, violation, expected in self._found:
            if seq <= self._seq:
                first.setdefault(violation.property, (t, violation, expected))
        names = [*PROPERTIES, *(name for name in first if name not in PROPERTIES)]
        return [self._row(name, first.get(name)) for name in names]

    def broken(self) -> Iterator[tuple[int, int, str]]:
        """Where each property broke first: the event that was judged, when it was, and words."""
        known: set[str] = set()
        for seq, t, violation, _ in self._found:
            if seq <= self._seq and violation.property not in known:
                known.add(violation.property)
                yield seq, t, f"{violation.property}: {shorten(violation.text, SHOWN_TEXT)}"

    def delta(self, seen: int) -> Json | None:
        """All of it, if anything was found."""
        return self.full() if self._changed > seen else None

    def copy(self) -> Checks:
        """The same findings, to be read at an event that is past."""
        twin = Checks(self._header)
        twin._checker, twin._found = None, self._found
        twin._begun, twin._whole = self._begun, self._whole
        twin._seq, twin._changed = self._seq, self._changed
        return twin

    def revive(self, events: Iterable[TraceEvent]) -> None:
        """It is the present again: what is kept up to now is judged anew."""
        self._checker, self._found, self._counted = Checker(self._header), [], (0, 0)
        self._begun = False
        for event in events:
            self.apply(event)

    def _row(self, name: str, found: tuple[int, Violation, bool] | None) -> Json:
        row: dict[str, Json] = {
            "property": name,
            "words": PROPERTIES.get(name, name),
            "state": "holds" if self._whole else "unknown",
        }
        if found is not None:
            t, violation, expected = found
            row |= {
                "t": t,
                "state": "expected" if expected else "broken",
                "seq": violation.seq,
                "text": shorten(violation.text, SHOWN_TEXT),
                "nodes": list(violation.nodes),
            }
        return row
