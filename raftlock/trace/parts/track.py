"""The track: what a run's timeline is painted with.

Each mark is ``[seq, t, kind, node, term, text]``, `kind` one of `KINDS`. A delta has the marks that
are new; the page lays them behind those it has. Of a long run's older marks every other one of the
commonest kind goes: the track shows where something is, the events say what.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from raftlock.trace.fields import flag, names, number, shorten, text
from raftlock.trace.tables import holders_of
from raftlock.types import Json, TraceEvent

__all__ = ["KINDS", "Track"]

KINDS = ("term", "election", "commit", "grant", "expiry", "fault", "violation", "note")

MARKS_MAX = 1_500
KEPT_WHOLE = 400
"""How many marks are kept at most, and of how many last ones none is let go."""

EXPIRED_MAX = 1_000
"""How many expiries are remembered: the other nodes come to each of them later."""

SHOWN_TEXT = 60

_QUIET_FAULTS = {"pause", "resume", "speed"}
_FATES = {
    "killed": "was killed",
    "frozen": "was frozen",
    "wiped": "lost its disk",
    "stopped": "stopped: its disk failed",
    "refused": "refused to start",
}


class Track:
    """The marks of a run."""

    name = "track"

    def __init__(self, header: Mapping[str, Json]) -> None:
        self.marks: list[tuple[int, int, str, str, int, str]] = []
        self._thinned = 0  # the event at which marks were last let go
        self._term = 0
        self._commit = 0
        self._tokens: dict[str, int] = {}
        self._held: dict[str, set[int]] = {}  # the tokens with which each lock was last held
        self._expired: dict[int, None] = {}  # the last tokens whose time ran out

    def apply(self, event: TraceEvent) -> None:
        """Mark an event that somebody may look for."""
        if event.term > self._term:
            self._term = event.term
            self._mark(event, "term", f"term {event.term}")
        data = event.data
        match event.kind:
            case "role":
                if text(data, "to") == "leader":
                    self._mark(event, "election", f"{event.node} leads term {event.term}")
            case "commit":
                index = number(data, "index")
                if index > self._commit:
                    self._commit = index
                    self._mark(event, "commit", f"entry {index} is committed")
            case "lock":
                self._lock(event)
            case "fault":
                what = text(data, "what")
                if what not in _QUIET_FAULTS:
                    self._mark(event, "fault", what)
            case "node":
                fate = _FATES.get(text(data, "what"))
                if fate:
                    self._mark(event, "fault", f"{event.node} {fate}")
            case "violation" | "note":
                self._mark(event, event.kind, text(data, "text"))

    def full(self) -> Json:
        """All marks that are kept."""
        return [list(mark) for mark in self.marks]

    def delta(self, seen: int) -> Json | None:
        """The marks after event `seen`; all of them if some were let go since."""
        if self._thinned > seen:
            return {"all": self.full()}
        fresh: list[Json] = []
        for mark in reversed(self.marks):
            if mark[0] <= seen:
                break
            fresh.append(list(mark))
        return fresh[::-1] or None

    def copy(self) -> Track:
        """The same track, to go on apart."""
        twin = Track({})
        twin.marks, twin._tokens = list(self.marks), dict(self._tokens)
        twin._held, twin._expired = dict(self._held), dict(self._expired)
        twin._thinned, twin._term, twin._commit = self._thinned, self._term, self._commit
        return twin

    def revive(self, events: Iterable[TraceEvent]) -> None:
        """A copy is as good as the first."""

    def _lock(self, event: TraceEvent) -> None:
        """A grant is marked where the first node applies it; the others come to it later."""
        data, lock = event.data, text(event.data, "lock")
        holders = [(number(one, "token"), text(one, "client")) for one in holders_of(data)]
        held = {token for token, _ in holders}
        known = self._tokens.get(lock, 0)
        if holders and max(held) < known:
            return
        over = sorted(self._held.get(lock, set()) - held) if "expired" in names(data, "why") else []
        self._held[lock] = held
        for token in over:
            if token not in self._expired:
                self._expired[token] = None
                self._mark(event, "expiry", f"the time of token {token} on {shorten(lock)} is over")
        while len(self._expired) > EXPIRED_MAX:
            del self._expired[next(iter(self._expired))]
        for token, client in holders:
            if token > known:
                self._tokens[lock] = max(token, self._tokens.get(lock, 0))
                verb = "shares" if flag(data, "shared") else "holds"
                words = f"{shorten(client)} {verb} {shorten(lock)}, token {token}"
                self._mark(event, "grant", words)

    def _mark(self, event: TraceEvent, kind: str, words: str) -> None:
        self.marks.append(
            (event.seq, event.t, kind, event.node, event.term, shorten(words, SHOWN_TEXT))
        )
        if len(self.marks) > MARKS_MAX:
            self._thin(event.seq)

    def _thin(self, seq: int) -> None:
        """Of the older marks every second one of the commonest kind goes."""
        old, new = self.marks[:-KEPT_WHOLE], self.marks[-KEPT_WHOLE:]
        commonest = Counter(mark[2] for mark in old).most_common(1)[0][0]
        gone = set([mark for mark in old if mark[2] == commonest][::2])
        self.marks = [mark for mark in old if mark not in gone] + new
        self._thinned = seq
