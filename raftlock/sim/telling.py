"""A run in sentences as it goes on, with what it breaks; and what is taken back if it goes back."""

from __future__ import annotations

from collections.abc import Iterator

from raftlock.check.checker import Checker
from raftlock.check.violation import Violation
from raftlock.errors import InvalidArgument
from raftlock.trace.recorder import Recorder
from raftlock.trace.sentences import tell
from raftlock.trace.view import ClusterView
from raftlock.types.events import TraceEvent

__all__ = ["Telling", "shown"]


def shown(violation: Violation) -> str:
    """A violation as a line of a scenario."""
    return f"! {violation.property}: {violation.text}"


class Telling:
    """The trace in sentences and in what it breaks, as far as it has gone; and back, if it goes."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._lines: list[tuple[int, str]] = []
        self._begin()

    def _begin(self) -> None:
        self._view = ClusterView(self._recorder.header)
        self._checker = Checker(self._recorder.header)
        self._seen = 0

    @property
    def count(self) -> int:
        """How many sentences there are."""
        return len(self._lines)

    @property
    def found(self) -> list[Violation]:
        """What was broken so far; also what had to be, since a disk was lost."""
        return [*self._checker.violations, *self._checker.expected]

    @property
    def disk_was_lost(self) -> bool:
        """Whether a node votes on that has forgotten what it promised."""
        return self._checker.disk_was_lost

    def end(self) -> None:
        """Nothing more comes: look at what is left open."""
        self._checker.end()

    def news(self) -> Iterator[str]:
        """What is told since the last call, and what is taken back; the first violation, too."""
        recorder = self._recorder
        if recorder.dropped > self._seen:
            raise InvalidArgument("So much at once cannot be told: let time run in smaller steps.")
        if recorder.last_seq < self._seen:
            if recorder.dropped:
                raise InvalidArgument("This run is too long to go back in: leave out what you can.")
            self._begin()
            for event in recorder.since(0, recorder.last_seq):
                self._sentence(event)
            while self._lines and self._lines[-1][0] > self._seen:
                yield f"undone: {self._lines.pop()[1]}"
        for event in recorder.since(self._seen, recorder.last_seq):
            sound = not self.found  # the first is told: the others follow from it
            told = self._sentence(event)
            if told:
                line = f"{event.t / 1_000_000:.3f}  {told}"
                self._lines.append((event.seq, line))
                yield line
            if sound and self.found:
                yield shown(self.found[0])

    def _sentence(self, event: TraceEvent) -> str:
        told = tell(event, self._view)
        self._view.apply(event)
        self._checker.feed(event)
        self._seen = event.seq
        return told.text if told is not None else ""
