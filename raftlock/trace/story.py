"""A trace retold: the picture, and the sentences that led to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from raftlock.trace.parts import Maker
from raftlock.trace.sentences import tell
from raftlock.trace.told import Line
from raftlock.trace.view import ClusterView
from raftlock.types import Json, TraceEvent

__all__ = ["Story"]

KEPT_LINES = 400
"""How many sentences are kept."""


class Story:
    """The fold of a trace into a `view` and its last `lines`, oldest first.

    `forgotten` is the last event whose sentence is no longer kept. `parts` are what else a frame
    shall hold.
    """

    __slots__ = ("forgotten", "lines", "parts", "view")

    def __init__(self, header: Mapping[str, Json], makers: Sequence[Maker] = ()) -> None:
        self.view = ClusterView(header)
        self.parts = [make(header) for make in makers]
        self.lines: deque[Line] = deque(maxlen=KEPT_LINES)
        self.forgotten = 0

    def copy(self) -> Story:
        """The same story, to be told on apart."""
        twin = Story(self.view.header)
        twin.view, twin.forgotten = self.view.copy(), self.forgotten
        twin.lines = self.lines.copy()
        twin.parts = [part.copy() for part in self.parts]
        return twin

    def apply(self, event: TraceEvent) -> None:
        """Tell one event and fold it in; the events of a trace come in their order."""
        told = tell(event, self.view)
        self.view.apply(event)
        for part in self.parts:
            part.apply(event)
        if told is not None:
            if len(self.lines) == KEPT_LINES:
                self.forgotten = self.lines[0].seq
            self.lines.append(
                Line(
                    event.seq,
                    event.t,
                    event.node,
                    event.kind,
                    told.text,
                    told.level,
                    event.rule,
                )
            )
