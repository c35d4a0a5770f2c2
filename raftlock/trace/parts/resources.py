"""What the locks protect: which token each thing has seen, and the last writes to it.

A row a lock, in the order last written: ``{lock, highest, writes}``, and one for each of its
permits, with their number as `slot`. Each write is ``{seq, t, client, token, accepted, over}``;
`over` is the highest token that counts and was seen before it. A write whose token is lower than
that is refused where the rule holds; if one is accepted, that is what the rule is there to prevent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from raftlock.trace.fields import number, shorten, text
from raftlock.types import Json, TraceEvent

__all__ = ["Resources"]

SHOWN_WRITES = 6
"""How many of the last writes to one thing are told."""

SHOWN_RESOURCES = 24
"""How many things are told: those written to last."""


class _Write(NamedTuple):
    seq: int
    t: int
    client: str
    token: int
    accepted: bool
    over: int


class _Resource(NamedTuple):
    highest: int
    writes: tuple[_Write, ...]


class Resources:
    """The part ``resources`` of frames."""

    name = "resources"

    def __init__(self, _header: Mapping[str, Json]) -> None:
        self._known: dict[tuple[str, int], _Resource] = {}
        self._changed = 0

    def apply(self, event: TraceEvent) -> None:
        """Note a write."""
        if event.kind != "storage":
            return
        data = event.data
        lock, token, slot = text(data, "lock"), number(data, "token"), number(data, "slot")
        accepted = data.get("accepted") is True
        # Who holds a lock alone comes after all before; of a permit, only its own holders count.
        counts = [
            known.highest
            for (name, of), known in self._known.items()
            if name == lock and (slot == 0 or of in (0, slot))
        ]
        over = max(counts, default=0)
        before = self._known.pop((lock, slot), _Resource(0, ()))
        write = _Write(
            event.seq,
            event.t,
            shorten(text(data, "client")),
            token,
            accepted,
            over,
        )
        highest = max(before.highest, token) if accepted else before.highest
        self._known[lock, slot] = _Resource(highest, (*before.writes, write)[-SHOWN_WRITES:])
        while len(self._known) > SHOWN_RESOURCES:
            del self._known[next(iter(self._known))]
        self._changed = event.seq

    def full(self) -> Json:
        """A row a lock."""
        return [
            {
                "lock": shorten(lock),
                **({"slot": slot} if slot else {}),
                "highest": known.highest,
                "writes": [dict(write._asdict()) for write in known.writes],
            }
            for (lock, slot), known in self._known.items()
        ]

    def delta(self, seen: int) -> Json | None:
        """All of it, if there was a write."""
        return self.full() if self._changed > seen else None

    def copy(self) -> Resources:
        """The same, to go on apart."""
        twin = Resources({})
        twin._known, twin._changed = dict(self._known), self._changed
        return twin

    def revive(self, events: Iterable[TraceEvent]) -> None:
        """A copy is as good as the first."""
