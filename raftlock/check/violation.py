"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass

from raftlock.types.events import Json

__all__ = ["Violation"]


@dataclass(frozen=True, slots=True)
class Violation:
    """A property that does not hold, in one sentence, and where.

    `seq` is the event at which it showed; `index`, `terms` and `nodes` say what of the log and whom
    it concerns (0 and empty if nothing in particular).
    """

    property: str
    text: str
    seq: int
    index: int = 0
    terms: tuple[int, ...] = ()
    nodes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """The data of a ``violation`` event."""
        return {
            "property": self.property,
            "text": self.text,
            "index": self.index,
            "terms": list(self.terms),
            "nodes": list(self.nodes),
        }
