"""Parts of a frame that are not everybody's: each folds the trace and tells what changed.

A part is made for a trace (its header is all it is given), sees every event in order, and gives its
value whole or only what changed since an event. Panels find it in the frame under its name.

- A maker is what makes one: a class whose ``__init__`` takes the header.
- What needs nothing but the trace is here; what judges a trace lives above, in check/. The panels
  say which they want.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, Self

from raftlock.types import Json, TraceEvent

__all__ = ["Maker", "Part"]


class Part(Protocol):
    """One part of a frame. It must not fail, whatever a trace holds."""

    @property
    def name(self) -> str:
        """Under which a frame has it."""
        ...

    def apply(self, event: TraceEvent) -> None:
        """Fold one event in."""
        ...

    def full(self) -> Json:
        """All of it, as a full frame has it."""
        ...

    def delta(self, seen: int) -> Json | None:
        """What changed after event `seen`; ``None`` if nothing did, and the page keeps its own."""
        ...

    def copy(self) -> Self:
        """The same, to be told on apart, and read."""
        ...

    def revive(self, events: Iterable[TraceEvent]) -> None:
        """This copy is the present again, a simulation went back; `events` led up to here."""
        ...


Maker = Callable[[Mapping[str, Json]], Part]
"""Makes a part for a trace with that header."""
