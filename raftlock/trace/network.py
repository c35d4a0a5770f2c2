"""The network as the trace shows it: links that are not plain, groups, messages on their way."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from raftlock.trace.messages import HEARTBEAT_LABELS
from raftlock.types import Json

__all__ = ["MILLION", "Flight", "LinkShape", "NetworkView"]

KEPT_NEWS = 2_000
"""How many sendings and losses are remembered, so that a delta can say what is new."""

KEPT_FLIGHTS = 2_000
"""How many messages on their way are kept; the oldest go first."""

MILLION = 1_000_000

LINGER = 1_000_000
"""Microseconds for which a message is still shown after its end."""


@dataclass(frozen=True, slots=True)
class LinkShape:
    """How one direction of a link behaves: milliseconds, and losses in a million messages."""

    delay_ms: int = 0
    jitter_ms: int = 0
    loss_ppm: int = 0


class Flight(NamedTuple):
    """One message from when it left (`t0`) to when it should arrive (`t1`), microseconds.

    `stop` is the moment up to which it travels if it is lost, else ``None``; `why` is then one of
    cut, loss, down, closed, taken. `id` is the number of the event that recorded its sending, or
    that of a second copy. Of what was moved by hand, `t0` is when that was, `done` the part of the
    way (in a million) that it had gone by then, and `held` whether it stays there.
    """

    id: int
    src: str
    dst: str
    type: str
    label: str
    t0: int
    t1: int
    fields: Mapping[str, Json]
    stop: int | None = None
    why: str = ""
    done: int = 0
    held: bool = False

    @property
    def end(self) -> int:
        """The moment after which the message does not move."""
        return self.t1 if self.stop is None else self.stop

    def way_at(self, now: int) -> int:
        """What part of the way it has gone at `now`, in a million."""
        if self.held:
            return self.done
        passed, whole = max(0, now - self.t0), max(1, self.t1 - self.t0)
        return min(MILLION, self.done + (MILLION - self.done) * passed // whole)

    @property
    def is_heartbeat(self) -> bool:
        """Whether the message only keeps a leader in office."""
        return self.label in HEARTBEAT_LABELS


class NetworkView:
    """Which messages could pass where, and which are on their way.

    A partition's `groups` cut every link between two of them; a node that no group names is in a
    group of the unnamed. `version` is the event that last changed a link or the groups, `forgotten`
    the last event whose news of messages is no longer remembered.
    """

    __slots__ = (
        "_group_of",
        "cuts",
        "flights",
        "forgotten",
        "groups",
        "news",
        "plain",
        "shapes",
        "told",
        "version",
    )

    def __init__(self, plain: LinkShape) -> None:
        self.plain = plain
        self.cuts: set[tuple[str, str]] = set()
        self.shapes: dict[tuple[str, str], LinkShape] = {}
        self.groups: tuple[tuple[str, ...], ...] = ()
        self.flights: dict[int, Flight] = {}
        self.news: deque[tuple[int, Flight]] = deque(maxlen=KEPT_NEWS)
        self.told: dict[tuple[str, str], str] = {}
        self.version = 0
        self.forgotten = 0
        self._group_of: dict[str, int] = {}

    def copy(self) -> NetworkView:
        """The same network, to go on apart."""
        twin = copy.copy(self)
        twin.cuts, twin.shapes, twin.told = set(self.cuts), dict(self.shapes), dict(self.told)
        twin._group_of = dict(self._group_of)  # noqa: SLF001 - its own twin
        twin.news, twin.flights = self.news.copy(), dict(self.flights)
        return twin

    def is_open(self, src: str, dst: str) -> bool:
        """Whether a message from `src` can reach `dst`, as far as the network goes."""
        return (src, dst) not in self.cuts and self._group_of.get(src) == self._group_of.get(dst)

    def both_ways(self, one: str, other: str) -> bool:
        """Whether `one` can ask `other` and hear the answer."""
        return self.is_open(one, other) and self.is_open(other, one)

    def shape(self, src: str, dst: str) -> LinkShape:
        """How the link from `src` to `dst` behaves."""
        return self.shapes.get((src, dst), self.plain)

    def cut(self, src: str, dst: str, *, one_way: bool) -> None:
        """Nothing passes from `src` to `dst` any more, nor back unless `one_way`."""
        self.cuts.update(_directions(src, dst, one_way=one_way))

    def restore(self, src: str, dst: str, *, one_way: bool) -> None:
        """Take back a cut."""
        self.cuts.difference_update(_directions(src, dst, one_way=one_way))

    def partition(self, groups: Iterable[Iterable[str]]) -> None:
        """Cut every link between two groups; this takes the place of an earlier partition."""
        self.groups = tuple(tuple(group) for group in groups)
        self._group_of = {
            node: number for number, group in enumerate(self.groups, 1) for node in group
        }

    def join(self, node: str, beside: str) -> None:
        """A new node comes into the group of `beside`, or else into the last one."""
        if self.groups and node not in self._group_of:
            place = self._group_of.get(beside, len(self.groups)) - 1
            groups = [list(group) for group in self.groups]
            groups[place].append(node)
            self.partition(groups)

    def forget(self, node: str) -> None:
        """A node is gone, and its links with it."""
        self.cuts = {pair for pair in self.cuts if node not in pair}
        self.shapes = {pair: shape for pair, shape in self.shapes.items() if node not in pair}
        self.told = {pair: why for pair, why in self.told.items() if node not in pair}
        groups = [[name for name in group if name != node] for group in self.groups]
        left = [group for group in groups if group]
        self.partition(left if len(left) > 1 else ())

    def heal(self) -> None:
        """Make every link as it was at first: no cut, no partition, plain delays, no loss."""
        self.cuts.clear()
        self.shapes.clear()
        self.partition(())

    def reshape(self, src: str, dst: str, shape: LinkShape) -> None:
        """From now on the link from `src` to `dst` behaves like `shape`."""
        if shape == self.plain:
            self.shapes.pop((src, dst), None)
        else:
            self.shapes[src, dst] = shape

    def send(self, seq: int, flight: Flight) -> None:
        """A message left."""
        self.flights[flight.id] = flight
        self._remember(seq, flight)
        if len(self.flights) > KEPT_FLIGHTS:
            self._tidy(flight.t0)

    def move(self, seq: int, message: int, now: int, due: int, *, held: bool) -> None:
        """Message number `message` arrives at `due` instead; while it is `held`, not at all."""
        flight = self.flights.get(message)
        if flight is None:
            return
        moved = flight._replace(
            done=flight.way_at(now), t0=now, t1=now if held else max(now, due), held=held
        )
        self.flights[message] = moved
        self._remember(seq, moved)

    def deliver(self, message: int) -> Flight | None:
        """Message number `message` arrived; ``None`` if its sending is not known."""
        flight = self.flights.pop(message, None)
        if flight:
            self.told.pop((flight.src, flight.dst), None)
        return flight

    def drop(self, seq: int, message: int, why: str, now: int) -> Flight | None:
        """Message number `message` will not arrive.

        What the link decides when the message leaves is shown half-way; what befalls it later stops
        it where it is.
        """
        flight = self.flights.get(message)
        if flight is None:
            return None
        way = max(0, flight.t1 - flight.t0)
        at_once = why in ("loss", "cut") and (now - flight.t0) * 10 <= way
        stop = flight.t0 + (way // 2 if at_once else min(max(0, now - flight.t0), way))
        flight = self.flights[message] = flight._replace(stop=stop, why=why)
        if not flight.is_heartbeat:
            self.told[flight.src, flight.dst] = why
        self._remember(seq, flight)
        return flight

    def in_flight(self, now: int) -> list[Flight]:
        """The messages on their way, and those lost a moment ago.

        Not those that should have arrived: a message may wait for its receiver to be thawed, or
        have died with a connection, which nobody tells.
        """
        return [
            flight for flight in self.flights.values() if flight.held or now <= flight.end + LINGER
        ]

    def news_since(self, seq: int) -> list[Flight]:
        """The messages sent or lost after event `seq`, each once, oldest first.

        Ask only for a `seq` not before `forgotten`.
        """
        fresh: dict[int, Flight] = {}
        for number, flight in reversed(self.news):
            if number <= seq:
                break
            fresh.setdefault(flight.id, flight)
        return [fresh[number] for number in sorted(fresh)]

    def _remember(self, seq: int, flight: Flight) -> None:
        if len(self.news) == KEPT_NEWS:
            self.forgotten = self.news[0][0]
        self.news.append((seq, flight))

    def _tidy(self, now: int) -> None:
        """Forget lost messages, then the oldest of all, until an eighth of the room is free."""
        self.flights = {
            f.id: f for f in self.flights.values() if not f.why or now <= f.end + LINGER
        }
        for message in list(self.flights)[: max(0, len(self.flights) - KEPT_FLIGHTS * 7 // 8)]:
            del self.flights[message]


def _directions(src: str, dst: str, *, one_way: bool) -> list[tuple[str, str]]:
    return [(src, dst)] if one_way else [(src, dst), (dst, src)]
