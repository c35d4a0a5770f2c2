"""Many processes, one stream: puts what nodes tell into one order, and into the trace.

Each node tells its own events in their order, by the machine's clock, which all processes of a
machine share. An event is written down once every node that is heard of has told all up to that
moment (each says the time when nothing happens), so the order is that of time. A node that stands
still, has gone, or is silent for too long is not waited for; what it tells afterwards is written
down at that moment. Whatever is late, no delivery stands before its sending: it waits for it, for
as long as the sender may still tell of it. What a node that was killed could not tell any more is
missing, and nothing is made up for it.

What happens in this process (what people do, what clients believe) goes through the same order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from raftlock.node.observing import TICK_US
from raftlock.trace.fields import number, text
from raftlock.trace.recorder import Recorder
from raftlock.types.events import Json, Note, TraceEvent
from raftlock.types.ids import Micros, NodeID

__all__ = ["Collector"]

SILENT_TURNS = 1_000_000 // TICK_US
"""For how many turns (half a second) a silent node is waited for. A turn is one in which this
process has listened: what it has slept through is nobody's silence."""

LATE_US = 100_000
"""By how much the clocks of two machines may differ, as they are known here."""

EXPECTED_TURNS = 6 * SILENT_TURNS
"""And for how many one that has only just begun."""

KEPT_NUMBERS = 100_000
"""Of how many of the last events it is known by which number a node calls them."""

_HERE = NodeID("")

_FROM_ELSEWHERE = frozenset({"deliver", "drop", "due", "dup"})
"""The kinds that tell of a message by the number that its sender gave to its sending."""


class _Clock(Protocol):
    def now_us(self) -> Micros: ...


@dataclass(slots=True)
class _Source:
    """One node: up to when it has told all, what it has told, whether it is waited for."""

    upto: int = 0
    last: int = 0
    quiet: int = 0
    queue: deque[TraceEvent] = field(default_factory=deque)
    expected: bool = False
    attached: bool = False
    still: bool = False

    @property
    def is_waited_for(self) -> bool:
        """Whether what happened since it was heard of last must wait for what it tells."""
        if self.expected:
            return self.quiet < EXPECTED_TURNS
        return self.attached and not self.still and self.quiet < SILENT_TURNS

    def may_tell_of(self, message: int, at: int) -> bool:
        """Whether it has yet to tell of its event of that number, which happened before `at`."""
        if message <= self.last:  # told, or else left out: before somebody looked, or by a gap
            return bool(self.queue) and self.queue[0].seq <= message
        if self.expected:
            return self.quiet < EXPECTED_TURNS
        return self.attached and self.quiet < SILENT_TURNS and self.upto < at + LATE_US


class Collector:
    """Writes into `recorder`, whose clock must be `moment`. All on one event loop."""

    def __init__(self, clock: _Clock) -> None:
        self._clock = clock
        self._sources: dict[NodeID, _Source] = {}
        self._own: deque[tuple[Micros, NodeID, Note]] = deque()
        self._numbers: dict[tuple[NodeID, int], int] = {}
        self._moment: int | None = None
        self._last = 0
        self._settling: list[tuple[Micros, asyncio.Future[None]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False
        self.recorder: Recorder

    def begin(self, recorder: Recorder) -> None:
        """Write down what comes, from now on."""
        self.recorder = recorder
        self._turn()

    def moment(self) -> Micros:
        """The time of what is being written down, and else the time now."""
        return Micros(self._moment) if self._moment is not None else self._clock.now_us()

    # ---- what is told ----

    def expect(self, node: NodeID) -> None:
        """A node begins now: it will soon tell what it does from now on."""
        source = self._sources.setdefault(node, _Source())
        source.expected, source.upto, source.quiet = True, self._clock.now_us(), 0

    def attach(self, node: NodeID) -> None:
        """A node is heard of from now on, and tells first what it has done before."""
        source = self._sources.setdefault(node, _Source())
        source.attached, source.expected, source.quiet = True, False, 0

    def detach(self, node: NodeID) -> None:
        """It has told all that it will."""
        if node in self._sources:
            self._sources[node].attached = self._sources[node].expected = False
            self._write()

    def hold(self, node: NodeID, *, still: bool) -> None:
        """It stands still, or goes on."""
        source = self._sources.setdefault(node, _Source())
        source.still, source.quiet = still, 0

    def heard(self, node: NodeID, at: Micros) -> None:
        """It has told all that happened up to `at`."""
        source = self._sources[node]
        source.upto, source.quiet = max(source.upto, at), 0
        self._write()

    def put(self, node: NodeID, event: TraceEvent) -> None:
        """It tells of an event; `t` in run time."""
        source = self._sources[node]
        source.queue.append(event)
        source.last = max(source.last, event.seq)
        self.heard(node, event.t)

    def tell(self, place: NodeID, note: Note) -> None:
        """Something has happened in this process."""
        self._own.append((self._clock.now_us(), place, note))

    def tell_first(self, place: NodeID, note: Note) -> None:
        """Something that stands before all that is not written down yet."""
        self._record(self._last, place, note, 0, 0)

    def has_to_tell_of(self, place: NodeID) -> bool:
        """Whether something that happened there in this process is not written down yet."""
        return any(each[1] == place for each in self._own)

    async def settled(self) -> None:
        """Wait until all that has happened up to now is written down."""
        now = self._clock.now_us()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._settling.append((now, done))
        self._write()
        await done

    def stop(self) -> None:
        """Write down no more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        for _, done in self._settling:
            if not done.done():
                done.set_result(None)
        self._settling.clear()

    # ---- the order ----

    def _turn(self) -> None:
        """Somebody may be silent: time passes all the same."""
        for source in self._sources.values():
            source.quiet += 1
        self._write()
        if not self._stopped:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(TICK_US / 2_000_000, self._turn)

    def _write(self) -> None:
        if self._stopped or not hasattr(self, "recorder"):
            return
        now = self._clock.now_us()
        upto = self._told_by_all(now)
        while (at := self._earliest()) is not None and at <= upto:
            node = self._next(at)
            if node is None:
                break
            self._take(node)
        if self._settling:
            waiting = self._settling
            self._settling = [each for each in waiting if each[0] > upto]
            for at, done in waiting:
                if at <= upto and not done.done():
                    done.set_result(None)

    def _told_by_all(self, now: int) -> int:
        """Up to when everybody who is waited for has told everything."""
        waited = (source.upto for source in self._sources.values() if source.is_waited_for)
        return min(now, *waited, now)

    def _earliest(self) -> int | None:
        """When the first happened of what is not written down."""
        told = (source.queue[0].t for source in self._sources.values() if source.queue)
        return min((*told, *(each[0] for each in islice(self._own, 1))), default=None)

    def _next(self, at: int) -> NodeID | None:
        """Whose first event comes next, of what happened at `at`; ``None``: it must wait.

        If it waits for the sending of a message, that comes first, and what its sender tells before
        that. The empty name is for what happened in this process.
        """
        if self._own and self._own[0][0] <= at:
            return _HERE
        node = next(
            name
            for name, source in self._sources.items()
            if source.queue and source.queue[0].t <= at
        )
        seen = {node}
        while (sender := self._awaited(self._sources[node].queue[0])) is not None:
            if not self._sources[sender].queue:
                return None
            if sender in seen:
                break  # no clock and no order could be right: better to go on
            seen.add(sender)
            node = sender
        return node

    def _awaited(self, event: TraceEvent) -> NodeID | None:
        """Who must tell of its sending before this event can be written down."""
        if event.kind != "deliver":
            return None
        sender = NodeID(text(event.data, "from"))
        source = self._sources.get(sender)
        if source is None or (sender, number(event.data, "id")) in self._numbers:
            return None
        return sender if source.may_tell_of(number(event.data, "id"), event.t) else None

    def _take(self, node: NodeID) -> None:
        if node == _HERE:
            at, place, note = self._own.popleft()
            self._record(at, place, note, 0, 0)
            return
        event = self._sources[node].queue.popleft()
        data, cause = event.data, self._numbers.get((node, event.cause), 0)
        if event.kind in _FROM_ELSEWHERE:
            sender = NodeID(text(data, "from"))
            message = self._numbers.get((sender, number(data, "id")), 0)
            data, cause = {**data, "id": message}, message
        note = Note(event.kind, data, event.rule)
        self._numbers[node, event.seq] = self._record(event.t, event.node, note, event.term, cause)
        if len(self._numbers) > KEPT_NUMBERS:
            del self._numbers[next(iter(self._numbers))]

    def _record(self, at: int, place: NodeID, note: Note, term: int, cause: int) -> int:
        self._moment = self._last = max(self._last, at)
        try:
            return self.recorder.emit(place, note, term=term, cause=cause)
        finally:
            self._moment = None


_TIMES: Mapping[str, str] = {
    "send": "deliver_at",
    "due": "deliver_at",
    "dup": "deliver_at",
    "timer_set": "deadline",
}
"""What else than its own time an event tells in its node's time."""


def shifted(event: TraceEvent, by: int) -> TraceEvent:
    """The event, in run time; `by` is what its node's clock shows when that begins."""
    data: Mapping[str, Json] = event.data
    field_name = _TIMES.get(event.kind, "")
    if field_name in data:
        data = {**data, field_name: max(0, number(data, field_name) - by)}
    return event._replace(t=Micros(max(0, event.t - by)), data=data)
