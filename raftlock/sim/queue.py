"""What is going to happen, in the order in which it will: virtual time is nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from raftlock.transport.codec import Request, Response
from raftlock.types.ids import LockID, Micros, NodeID
from raftlock.types.rpc import Message

__all__ = [
    "Alarm",
    "Arrival",
    "Clock",
    "Dial",
    "DiskDone",
    "Frame",
    "Happening",
    "HungUp",
    "Moved",
    "Reply",
    "ResourceWrite",
    "Schedule",
    "WakeNode",
]


class Clock:
    """The run's time in microseconds. It moves only when the world moves it."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = Micros(0)

    def now_us(self) -> Micros:
        """The time now."""
        return self.now


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message between nodes arrives; `number` is its sending's place in the trace."""

    src: NodeID
    dst: NodeID
    message: Message
    number: int


@dataclass(frozen=True, slots=True)
class WakeNode:
    """A node's deadline has come, unless it has another one by now."""

    node: NodeID
    life: int
    at: Micros


@dataclass(frozen=True, slots=True)
class DiskDone:
    """A node's disk has synced what it was given last."""

    node: NodeID
    life: int


@dataclass(frozen=True, slots=True)
class Dial:
    """A client's connection reaches a node, or finds nobody there."""

    client: str
    connection: int
    node: NodeID


@dataclass(frozen=True, slots=True)
class Frame:
    """A client's request arrives at a node."""

    client: str
    connection: int
    node: NodeID
    life: int
    request: Request


@dataclass(frozen=True, slots=True)
class Reply:
    """A node's answer arrives at a client; without a response, the news that it is connected."""

    client: str
    connection: int
    response: Response | None


@dataclass(frozen=True, slots=True)
class HungUp:
    """A client learns that its connection has ended."""

    client: str
    connection: int
    why: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A client learns which nodes there are now."""

    client: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something is due at a client, unless it is due at another time by now."""

    client: str
    at: Micros


@dataclass(frozen=True, slots=True)
class ResourceWrite:
    """A client's write arrives at what a lock protects; `leaves` if it is still at the client."""

    client: str
    lock: LockID
    token: int
    leaves: bool
    slot: int = 0


Happening = (
    Arrival | WakeNode | DiskDone | Dial | Frame | Reply | HungUp | Moved | Alarm | ResourceWrite
)


class Schedule:
    """Happenings by time; those of one moment in the order in which they were put in."""

    __slots__ = ("_heap", "_number")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Happening]] = []
        self._number = 0

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def next_at(self) -> Micros | None:
        """When the next one happens."""
        return Micros(self._heap[0][0]) if self._heap else None

    def put(self, at: int, happening: Happening) -> None:
        """Let it happen at that time."""
        self._number += 1
        heappush(self._heap, (at, self._number, happening))

    def find(self, wanted: Callable[[Happening], bool]) -> Happening | None:
        """The first one that is `wanted`; it stays."""
        found = self._first(wanted)
        return None if found is None else found[2]

    def take_out(self, wanted: Callable[[Happening], bool]) -> Micros:
        """Let the first one that is `wanted` not happen; gives when it would have."""
        found = self._first(wanted)
        assert found is not None, "ask `find` first"
        self._heap.remove(found)
        heapify(self._heap)
        return Micros(found[0])

    def _first(self, wanted: Callable[[Happening], bool]) -> tuple[int, int, Happening] | None:
        there = (entry for entry in self._heap if wanted(entry[2]))
        return min(there, key=lambda entry: entry[:2], default=None)

    def pop(self) -> tuple[Micros, Happening]:
        """Take out the next one, and its time."""
        at, _, happening = heappop(self._heap)
        return Micros(at), happening
