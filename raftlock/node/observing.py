"""``raftlock.observe.v1``: a node tells its trace to who looks at it, event by event.

It says each event before it says anything else that follows from it: what others or clients have
heard of a node, its observers have been told, also if it is killed in that moment. The last events
are kept, so that who was cut off goes on where it was; who comes late, or wants no past but a
``picture``, is told first how the node stands (`picture.py`), behind a ``gap``.

The first frame of an observer is a request, and so is whatever else it asks::

    {"id": 1, "call": "observe", "params": {"after": 0}}
    {"id": 1, "result": {"node": "n1", "now": 8123456789, "laboratory": true}}
    {
        "seq": 1764240000000001,
        "t": 8123456790,
        "node": "n1",
        "kind": "term",
        "term": 2,
        "data": {"term": 2},
    }
    {"now": 8123500000}

Events are lines of a trace (`trace.export`), with the node's own numbers and the machine's own
clock; ``now`` comes if nothing has happened for a while. On a laboratory's node an observer may
also change its links, or end its process.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from raftlock.errors import (
    InvalidArgument,
    NotInThisRuntime,
    PermissionDenied,
    RateLimited,
    ServiceError,
)
from raftlock.trace.export import encode_event
from raftlock.transport import json_text
from raftlock.transport.codec import (
    ErrorInfo,
    Request,
    Response,
    decode_request,
    encode_response,
)
from raftlock.transport.limits import OBSERVE_FRAME_BYTES_MAX, TokenBucket
from raftlock.transport.links import Links
from raftlock.types.events import Json, Note, TraceEvent
from raftlock.types.ids import Micros, NodeID

__all__ = ["TICK_US", "Faults", "Observation", "Stream"]

KEPT_EVENTS = 5_000
"""How many events a node keeps for observers that were cut off."""

KEPT_IN_A_LABORATORY = 50_000
"""And in a laboratory, where all is to be seen: a node that comes back applies its log at once."""

ASKS_PER_SECOND, ASKS_BURST = 100, 200
"""How often one observer may ask for anything: what it is told it need not ask for."""

TICK_US = 40_000
"""After how long without an event an observer is told the time, in microseconds."""


class _Timer(Protocol):
    def cancel(self) -> None: ...


class _Clock(Protocol):
    @property
    def last_us(self) -> Micros: ...

    def now_us(self) -> Micros: ...

    def call_at(self, at: Micros, function: Callable[[], None], /) -> _Timer: ...


class _Line(Protocol):
    def send(self, text: str) -> bool: ...

    def abort(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Faults:
    """What may be done to a node on purpose: its links changed, its process ended."""

    links: Links
    die: Callable[[], None]


class Stream:
    """An `Emitter` that numbers a node's events, and tells them to whoever observes it.

    `first` is a number larger than any that this node has given before, in earlier runs of it too.
    A node in a laboratory keeps its events from the first on; any other begins to when somebody
    looks, so that nobody pays for what nobody sees. `also` hears each note; `about` are the node's
    times, as a trace's header has them.
    """

    def __init__(
        self,
        clock: _Clock,
        first: int,
        also: Callable[[NodeID, Note, int], None],
        about: Mapping[str, Json],
        faults: Faults | None = None,
    ) -> None:
        self._clock = clock
        self._number = self._begin = self._lost = first - 1
        self._also = also
        self.about = about
        self.faults = faults
        self._kept: deque[TraceEvent] | None = deque() if faults is not None else None
        self._kept_max = KEPT_EVENTS if faults is None else KEPT_IN_A_LABORATORY
        self._observers: tuple[Observation, ...] = ()

    def emit(self, node: NodeID, note: Note, *, term: int = 0, cause: int = 0) -> int:
        """Number it, keep it, and tell it."""
        self._number += 1
        if self._kept is not None:
            event = self._event(node, note, term, cause)
            self._kept.append(event)
            if len(self._kept) > self._kept_max:
                self._lost = self._kept.popleft().seq
            for observer in self._observers:
                observer.tell(event)
        self._also(node, note, term)
        return self._number

    def open(
        self, node: NodeID, line: _Line, picture: Callable[[], tuple[int, Iterable[Note]]]
    ) -> Observation:
        """Somebody wants to look. `picture` gives the node's term, and how it stands."""
        return Observation(self, node, line, picture)

    # ---- what an observation needs ----

    def now_us(self) -> Micros:
        """The machine's time."""
        return self._clock.now_us()

    def call_later(self, us: int, function: Callable[[], None]) -> _Timer:
        """Call it after so many microseconds."""
        return self._clock.call_at(Micros(self._clock.now_us() + us), function)

    def join(self, observer: Observation, after: int) -> list[TraceEvent] | None:
        """Tell `observer` all from now on; what it has missed, or ``None`` if that is not kept."""
        if self._kept is None:
            self._kept, self._lost = deque(), self._number
        self._observers = (*self._observers, observer)
        known = self._lost <= after <= self._number or (
            after < self._begin and self._lost == self._begin
        )
        return [event for event in self._kept if event.seq > after] if known else None

    def leave(self, observer: Observation) -> None:
        """It has gone."""
        self._observers = tuple(each for each in self._observers if each is not observer)

    def number(self, node: NodeID, note: Note, term: int) -> TraceEvent:
        """An event that is for one observer alone."""
        self._number += 1
        return self._event(node, note, term, 0)

    def _event(self, node: NodeID, note: Note, term: int, cause: int) -> TraceEvent:
        at = self._clock.last_us
        return TraceEvent(self._number, at, node, note.kind, term, note.data, cause, note.rule)


class Observation:
    """One observer's connection."""

    def __init__(
        self,
        stream: Stream,
        node: NodeID,
        line: _Line,
        picture: Callable[[], tuple[int, Iterable[Note]]],
    ) -> None:
        self._stream = stream
        self._node = node
        self._line = line
        self._picture = picture
        self._joined = self._gone = False
        self._told_at = 0
        self._timer: _Timer | None = None
        self._bucket = TokenBucket(stream.now_us(), ASKS_PER_SECOND, ASKS_BURST)

    def frame(self, text: str) -> None:
        """Answer one request. Raises `RemoteProtocolError`, which closes the connection."""
        request = decode_request(text)
        try:
            if not self._bucket.take(self._stream.now_us()):
                raise RateLimited(f"Ask less than {ASKS_PER_SECOND} times a second.")
            result = self._do(request)
        except ServiceError as error:
            self._line.send(encode_response(Response(request.id, error=ErrorInfo.of(error))))
            return
        self._line.send(encode_response(Response(request.id, result=result)))
        if request.call == "observe":
            self._begin(request.params)

    def closed(self) -> None:
        """Nobody looks any more."""
        self._gone = True
        self._stream.leave(self)
        if self._timer is not None:
            self._timer.cancel()

    def tell(self, event: TraceEvent) -> None:
        """Send one event."""
        text = encode_event(event)
        if len(text) > OBSERVE_FRAME_BYTES_MAX:
            # A log of many thousand entries: who comes again is told the last of them.
            self._line.abort()
            return
        self._told_at = event.t
        self._line.send(text)

    def _do(self, request: Request) -> dict[str, Json]:
        match request.call:
            case "observe":
                return self._welcome(request.params)
            case "get_links":
                _only(request.params)
                return self._laboratory().links.told()
            case "set_links":
                _only(request.params, "links")
                links = request.params.get("links")
                if not isinstance(links, dict):
                    raise InvalidArgument("links is what get_links gives.")
                self._laboratory().links.learn(links)
                return {}
            case "kill":
                _only(request.params)
                self._laboratory().die()
                return {}
        raise InvalidArgument(
            f"There is no call {request.call[:40]!r}: observe, get_links, set_links, kill."
        )

    def _laboratory(self) -> Faults:
        laboratory = self._stream.faults
        if laboratory is None:
            raise NotInThisRuntime(
                f"{self._node} serves people: start it with --laboratory to break it on purpose."
            )
        return laboratory

    def _welcome(self, params: Mapping[str, Json]) -> dict[str, Json]:
        _only(params, "after", "picture")
        _after(params)
        if not isinstance(params.get("picture", False), bool):
            raise InvalidArgument("picture is true or false.")
        if self._joined:
            raise PermissionDenied("You observe it already.")
        return {
            "node": self._node,
            "now": self._stream.now_us(),
            "laboratory": self._stream.faults is not None,
            **self._stream.about,
        }

    def _begin(self, params: Mapping[str, Json]) -> None:
        self._joined = True
        missed = self._stream.join(self, _after(params))
        if missed is None or params.get("picture") is True:
            term, notes = self._picture()
            self.tell(self._stream.number(self._node, _GAP, term))
            for note in notes:
                self.tell(self._stream.number(self._node, note, term))
        else:
            for event in missed:
                self.tell(event)
        self._tick()

    def _tick(self) -> None:
        if self._gone:
            return
        now = self._stream.now_us()
        if now - self._told_at >= TICK_US // 2:
            self._told_at = now
            self._line.send(json_text.write({"now": now}))
        self._timer = self._stream.call_later(TICK_US, self._tick)


_GAP = Note("gap", {"why": "it ran before it was looked at"})


def _after(params: Mapping[str, Json]) -> int:
    after = params.get("after", 0)
    if not isinstance(after, int) or isinstance(after, bool) or after < 0:
        raise InvalidArgument("after is the number of the last event that is known, or 0.")
    return after


def _only(params: Mapping[str, Json], *names: str) -> None:
    unknown = params.keys() - set(names)
    if unknown:
        raise InvalidArgument(f"There is no param {min(unknown)[:40]!r} here: leave it out.")
