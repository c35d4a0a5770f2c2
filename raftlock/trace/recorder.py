"""The recorder: gives what happens its number, time and place, and keeps the last of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from raftlock.trace.export import encode_event, encode_header, write_lines
from raftlock.trace.parts import Maker
from raftlock.trace.story import Story
from raftlock.trace.view import ClusterView
from raftlock.types import Json, Micros, NodeID, Note, TraceEvent

__all__ = ["Recorder"]


class Recorder:
    """One cluster's trace, of which the last `limit` events are kept; `dropped` counts the others.

    `clock` gives run time in microseconds, `wall` (live traces only) Unix milliseconds. The header
    is written first in a file and read by the view: ``nodes``, ``name``, ``timing``, ``timings``
    (``election_ms``, ``heartbeat_ms``, ``delay_ms``), ``modified``, and whatever else tells how to
    run this again.

    The picture is made from the moment on when somebody first asks for it, so that a simulation
    nobody watches does not pay for it. Not for several threads: everything here happens on the
    cluster's own loop.
    """

    __slots__ = (
        "_callbacks",
        "_clock",
        "_events",
        "_limit",
        "_makers",
        "_pending",
        "_seq",
        "_story",
        "_wall",
        "_watched",
        "header",
    )

    def __init__(
        self,
        header: Mapping[str, Json],
        clock: Callable[[], Micros],
        wall: Callable[[], int] | None = None,
        limit: int = 30_000,
    ) -> None:
        assert limit > 0, "a recorder must keep something"
        self.header = header
        self._clock = clock
        self._wall = wall
        self._limit = limit
        self._seq = 0
        self._events: deque[TraceEvent] = deque(maxlen=limit)
        self._pending: list[TraceEvent] = []
        self._makers: tuple[Maker, ...] = ()
        self._story = Story(header)
        self._watched = False
        self._callbacks: tuple[Callable[[TraceEvent], None], ...] = ()

    def emit(self, node: NodeID, note: Note, *, term: int = 0, cause: int = 0) -> int:
        """Record that `note` happened at `node` now; the number it was given.

        The note's data must not be changed afterwards. `term` is the node's current term, `cause`
        the number of the event that brought this one about.
        """
        self._seq = seq = self._seq + 1
        wall = self._wall() if self._wall else 0
        event = TraceEvent(
            seq, self._clock(), node, note.kind, term, note.data, cause, note.rule, wall
        )
        self._events.append(event)
        if self._watched:
            self._story.apply(event)
        else:
            self._pending.append(event)
            if len(self._pending) >= self._limit:
                self._catch_up()
        for callback in self._callbacks:
            callback(event)
        return seq

    @property
    def events(self) -> Sequence[TraceEvent]:
        """The events that are kept, oldest first. Read it before the next `emit`, or copy it."""
        return self._events

    @property
    def last_seq(self) -> int:
        """The number of the last event, 0 before the first."""
        return self._seq

    @property
    def dropped(self) -> int:
        """How many of the oldest events are no longer kept."""
        return self._seq - len(self._events)

    @property
    def story(self) -> Story:
        """The picture and the sentences; from the first asking on they follow every event."""
        if not self._watched:
            self._watched = True
            self._catch_up()
        return self._story

    @property
    def view(self) -> ClusterView:
        """The picture, which follows every event. Read it, never change it."""
        return self.story.view

    def now(self) -> Micros:
        """The run time now, in microseconds."""
        return self._clock()

    def wall_ms(self) -> int:
        """The wall clock now (Unix milliseconds), 0 in a trace that has none."""
        return self._wall() if self._wall else 0

    def since(self, seq: int, limit: int = 1_000) -> list[TraceEvent]:
        """The first `limit` kept events after number `seq`, oldest first."""
        start = max(0, seq - self.dropped)
        return list(islice(self._events, start, start + limit))

    def subscribe(self, callback: Callable[[TraceEvent], None]) -> Callable[[], None]:
        """Call `callback` with every event from now on, until the returned function is called.

        It is called inside `emit`, in the middle of what a node does: it must be quick, must not
        raise, and must not emit.
        """
        self._callbacks = (*self._callbacks, callback)

        def unsubscribe() -> None:
            self._callbacks = tuple(c for c in self._callbacks if c is not callback)

        return unsubscribe

    def to_lines(self) -> list[str]:
        """The trace as it stands in a file: a header line, then one line an event."""
        return [encode_header(self.header, self.dropped), *map(encode_event, self._events)]

    def write(self, path: Path | str) -> None:
        """Write the trace to a file, which is replaced whole or not at all. Raises `OSError`."""
        write_lines(Path(path), self.to_lines())

    def rewind(self, seq: int) -> None:
        """Forget every event after number `seq`: a simulation went back to where it was then.

        The picture is made anew from what is kept, when somebody next asks for it.
        """
        assert self.dropped <= seq <= self._seq, "what is no longer kept cannot be told again"
        while self._events and self._events[-1].seq > seq:
            self._events.pop()
        self._seq = seq
        self._begin_story()

    def show(self, makers: Sequence[Maker]) -> None:
        """Let the story have these parts too, told from the first event that is kept."""
        fresh = tuple(maker for maker in makers if maker not in self._makers)
        if fresh:
            self._makers += fresh
            self._begin_story()

    def _begin_story(self) -> None:
        self._story = Story(self.header, self._makers)
        self._pending = list(self._events)
        self._watched = False

    def _catch_up(self) -> None:
        for event in self._pending:
            self._story.apply(event)
        self._pending.clear()
