"""A served node's clock: the machine's own, which stands still while the machine is suspended.

A leader that slept must not have counted meanwhile: nothing was stamped, and its followers have
long chosen another. All processes of a machine count alike, so what they tell can be put in order.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from raftlock.types.ids import Micros

__all__ = ["ServedClock"]


class ServedClock:
    """Microseconds since the machine was started, on the running loop.

    `last_us` is what was read last: the moment of whatever is being done now. The trace is told
    that one, or two stamps could lie further apart than the events that tell of them.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.last_us = self.now_us()

    def now_us(self) -> Micros:
        """The time now."""
        self.last_us = Micros(time.monotonic_ns() // 1000)
        return self.last_us

    def call_at(self, at: Micros, function: Callable[[], None]) -> asyncio.TimerHandle:
        """Call `function` at that moment, or as soon after as the loop comes to it."""
        return self._loop.call_later(max(0, at - self.now_us()) / 1_000_000, function)

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call `function` in the next turn of the loop."""
        self._loop.call_soon(function)
