"""Where a client's time comes from: a laboratory's clock, or the machine's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from raftlock.types.ids import Micros

__all__ = ["Clock", "MachineClock", "Timer"]


class Timer(Protocol):
    """Something that will be called."""

    def cancel(self) -> None:
        """Let it never happen."""


class Clock(Protocol):
    """Microseconds that never go back; `raftlock.cluster.clock.LabClock` is one."""

    def now_us(self) -> Micros:
        """The time now."""

    def call_at(self, at: Micros, function: Callable[[], None], /) -> Timer:
        """Call `function` on the event loop once the time is `at`."""


class MachineClock:
    """The machine's own clock, which runs on while the machine is suspended, where there is one.

    A holder's TTL goes on running in the cluster while the holder's lid is closed, so a clock that
    stood still meanwhile would leave it believing in a lock that is long gone.
    """

    def __init__(self) -> None:
        self._id = getattr(time, "CLOCK_BOOTTIME", None)

    def now_us(self) -> Micros:
        """Microseconds since the machine was started."""
        if self._id is None:
            return Micros(time.monotonic_ns() // 1000)
        return Micros(time.clock_gettime_ns(self._id) // 1000)

    def call_at(self, at: Micros, function: Callable[[], None], /) -> Timer:
        """Call `function` on the running loop at `at`; after a suspension possibly later."""
        delay = max(0, at - self.now_us()) / 1_000_000
        return asyncio.get_running_loop().call_later(delay, function)
