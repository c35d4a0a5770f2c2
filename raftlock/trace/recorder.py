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

__all__ = ["KEYFRAME_EVERY", "Recorder"]

KEYFRAME_EVERY = 500
"""After how many events a copy of the story is kept, from which any later event is soon reached."""


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
        "_keyframes",
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
        self._keyframes: list[Story] = []
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
            self._tell(event)
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

    def fork(self, header: Mapping[str, Json], clock: Callable[[], Micros]) -> Recorder:
        """Another recorder that has told all this one has, and goes on by itself."""
        twin = Recorder(header, clock, limit=self._limit)
        twin._seq, twin._makers, twin._watched = self._seq, self._makers, self._watched
        twin._events.extend(self._events)
        twin._pending = list(self._pending)
        twin._keyframes = list(self._keyframes)
        twin._story = self._story.copy()
        twin._story.view.header = header
        return twin

    def to_lines(self) -> list[str]:
        """The trace as it stands in a file: a header line, then one line an event."""
        return [encode_header(self.header, self.dropped), *map(encode_event, self._events)]

    def write(self, path: Path | str) -> None:
        """Write the trace to a file, which is replaced whole or not at all. Raises `OSError`."""
        write_lines(Path(path), self.to_lines())

    def rewind(self, seq: int) -> None:
        """Forget every event after number `seq`: a simulation went back to where it was then."""
        assert self.dropped <= seq <= self._seq, "what is no longer kept cannot be told again"
        while self._events and self._events[-1].seq > seq:
            self._events.pop()
        self._seq = seq
        while self._pending and self._pending[-1].seq > seq:
            self._pending.pop()
        if self._story.view.seq > seq:
            self._story, self._pending = self._nearest(seq)
            told = self._story.view.seq
            for part in self._story.parts:
                part.revive(event for event in self._events if event.seq <= told)
        while self._keyframes and self._keyframes[-1].view.seq > seq:
            self._keyframes.pop()
        if self._watched:
            self._catch_up()

    def at(self, seq: int) -> Story:
        """The story as it was just after event number `seq`, to be read, and told on apart.

        Raises `ValueError` if what happened then is no longer kept, or has not happened yet.
        """
        story = self.story  # all that was not told yet is told, with the copies that are kept of it
        if not self.first <= seq <= self._seq:
            raise ValueError(
                f"Only the events from {self.first} to {self._seq} are kept, not {seq}."
            )
        if seq == story.view.seq:
            return story.copy()
        past, events = self._nearest(seq)
        for event in events:
            past.apply(event)
        return past

    @property
    def first(self) -> int:
        """The number of the oldest event after which the story can be told still; 0: before all."""
        whole = (frame.view.seq for frame in self._keyframes if frame.view.seq >= self.dropped)
        return next(whole, self.dropped) if self.dropped else 0

    def _nearest(self, seq: int) -> tuple[Story, list[TraceEvent]]:
        """The story as it was some events before, and these events up to number `seq`."""
        known = [frame for frame in self._keyframes if self.dropped <= frame.view.seq <= seq]
        story = known[-1].copy() if known else Story(self.header, self._makers)
        missing = self.since(story.view.seq, seq - max(story.view.seq, self.dropped))
        return story, missing

    def show(self, makers: Sequence[Maker]) -> None:
        """Let the story have these parts too, told from the first event that is kept."""
        fresh = tuple(maker for maker in makers if maker not in self._makers)
        if fresh:
            self._makers += fresh
            self._begin_story()

    def _begin_story(self) -> None:
        self._story = Story(self.header, self._makers)
        self._keyframes = []
        self._pending = list(self._events)
        self._watched = False

    def _catch_up(self) -> None:
        for event in self._pending:
            self._tell(event)
        self._pending.clear()

    def _tell(self, event: TraceEvent) -> None:
        self._story.apply(event)
        if event.seq % KEYFRAME_EVERY == 0:
            frames = self._keyframes
            frames.append(self._story.copy())
            while frames[0].view.seq < self.dropped:
                frames.pop(0)  # what came after it is no longer kept
