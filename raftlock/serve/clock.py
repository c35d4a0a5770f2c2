"""A served node's clock: the machine's own, which stands still while the machine is suspended.

A leader that slept must not have counted meanwhile: nothing was stamped, and its followers have
long chosen another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from raftlock.types.ids import Micros

__all__ = ["ServedClock"]


class ServedClock:
    """Microseconds since it was made, on the running loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = time.monotonic_ns()

    def now_us(self) -> Micros:
        """The time now."""
        return Micros((time.monotonic_ns() - self._began) // 1000)

    def call_at(self, at: Micros, function: Callable[[], None]) -> asyncio.TimerHandle:
        """Call `function` at that moment, or as soon after as the loop comes to it."""
        return self._loop.call_later(max(0, at - self.now_us()) / 1_000_000, function)

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call `function` in the next turn of the loop."""
        self._loop.call_soon(function)
