"""What a check has found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from raftlock.types.events import Json

__all__ = ["Findings", "Violation"]


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


class Findings:
    """Where the checks put what they find while they look at event number `seq`."""

    __slots__ = ("found", "seq")

    def __init__(self) -> None:
        self.seq = 0
        self.found: list[Violation] = []

    def say(
        self,
        property_: str,
        sentence: str,
        *,
        index: int = 0,
        terms: Iterable[int] = (),
        nodes: Iterable[str] = (),
        seq: int = 0,
    ) -> None:
        """A property is broken: at the present event, or at the earlier one of that number."""
        at = seq or self.seq
        self.found.append(Violation(property_, sentence, at, index, tuple(terms), tuple(nodes)))

    def take(self) -> list[Violation]:
        """What was found since the last time."""
        found, self.found = self.found, []
        return found
