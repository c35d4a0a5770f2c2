"""Messages that have crossed the socket, and wait for the moment at which they arrive.

A laboratory's delays are the receiver's: so a message on its way is here, where it can be reached.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from raftlock.transport.codec import PeerFrame
from raftlock.types.ids import Micros, NodeID

__all__ = ["Arrivals", "Coming"]


class _Timer(Protocol):
    def cancel(self) -> None: ...


class _Clock(Protocol):
    def now_us(self) -> Micros: ...

    def call_at(self, at: Micros, function: Callable[[], None], /) -> _Timer: ...

    def call_soon(self, function: Callable[[], None], /) -> None: ...


@dataclass(slots=True)
class Coming:
    """One message on its way: when it is `due`, unless it is `held`."""

    sender: NodeID
    frame: PeerFrame
    due: Micros
    held: bool = False
    timer: _Timer | None = None


class Arrivals:
    """The messages on their way to one node; `arrive` is called with each when it is due."""

    def __init__(self, clock: _Clock, arrive: Callable[[NodeID, PeerFrame], None]) -> None:
        self._clock = clock
        self._arrive = arrive
        self._coming: dict[int, Coming] = {}
        self._at_once: deque[Coming] = deque()
        self._copies: list[Coming] = []

    def put(self, sender: NodeID, frame: PeerFrame) -> None:
        """A message has crossed the socket."""
        now = self._clock.now_us()
        if frame.at is None or frame.at <= now:
            self._at_once.append(Coming(sender, frame, now))
            self._clock.call_soon(self._is_there)
            return
        self._wait(Coming(sender, frame, frame.at))

    def get(self, number: int) -> Coming | None:
        """A message that has not arrived yet, by the number of its sending."""
        return self._coming.get(number)

    @property
    def underway(self) -> tuple[Coming, ...]:
        """All that has not arrived yet, copies too: to be looked at only."""
        return (*self._at_once, *self._coming.values(), *self._copies)

    @property
    def held(self) -> tuple[int, ...]:
        """Those that wait until they are let go."""
        return tuple(number for number, each in self._coming.items() if each.held)

    def copy(self, coming: Coming, at: Micros) -> None:
        """Let it arrive once more, at `at`."""
        copy = Coming(coming.sender, coming.frame, at)
        self._copies.append(copy)
        self._clock.call_at(at, lambda: self._copy_is_due(copy))

    def move(self, coming: Coming, at: Micros) -> None:
        """Let it arrive at `at` instead."""
        self._stop(coming)
        coming.held, coming.due = False, at
        self._wait(coming)

    def hold(self, coming: Coming) -> None:
        """Let it not arrive until it is moved."""
        self._stop(coming)
        coming.held = True

    def drop(self, coming: Coming) -> None:
        """Let it never arrive."""
        self._stop(coming)
        del self._coming[coming.frame.id]

    def _wait(self, coming: Coming) -> None:
        number = coming.frame.id
        self._coming[number] = coming
        coming.timer = self._clock.call_at(coming.due, lambda: self._is_due(number))

    def _is_there(self) -> None:
        coming = self._at_once.popleft()
        self._arrive(coming.sender, coming.frame)

    def _copy_is_due(self, copy: Coming) -> None:
        self._copies.remove(copy)
        self._arrive(copy.sender, copy.frame)

    def _is_due(self, number: int) -> None:
        coming = self._coming.pop(number)
        self._arrive(coming.sender, coming.frame)

    def _stop(self, coming: Coming) -> None:
        if coming.timer is not None:
            coming.timer.cancel()
