"""The laboratory's clock: a live cluster that can be slowed down, stopped, and starved in peace."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable

from raftlock.errors import InvalidArgument
from raftlock.types.ids import Micros

__all__ = ["LabClock", "LabTimer"]

TURN_US = 20_000
"""The longest the clock goes unread, in microseconds of the machine's time."""

STRIDE_US_MAX = 50_000
"""The most that one reading may advance it. A kernel that was starved for two seconds has lived
through a moment of slow motion, not through a false election."""

SPEED_PPM_MIN = 1_000
SPEED_PPM_MAX = 1_000_000


class LabTimer:
    """Something to call at a moment; `cancel` makes it never happen."""

    __slots__ = ("_function", "at")

    def __init__(self, at: Micros, function: Callable[[], None]) -> None:
        self.at = at
        self._function: Callable[[], None] | None = function

    @property
    def cancelled(self) -> bool:
        """Whether it will never be called, or was already."""
        return self._function is None

    def cancel(self) -> None:
        """Forget it. Cancelling twice, or after it was called, does nothing."""
        self._function = None

    def fire(self) -> None:
        """Call it, once."""
        function, self._function = self._function, None
        if function is not None:
            function()


class LabClock:
    """Microseconds of run time, from 0, on one event loop; it only goes forward.

    A turn of the loop is one moment: what is read in it once stays so to its end. So what a node
    does, and the trace of it, are of one time, as they are in a simulation; else a check could
    find two stamps further apart than the events that tell of them.

    Everything in a laboratory takes its time from here, so `speed` slows all of it alike. Nothing
    here may be called from another thread than the loop's.
    """

    def __init__(self, read_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._read_ns = read_ns
        self._loop = asyncio.get_running_loop()
        self._last_us = read_ns() // 1000
        self._now_ppm_us = 0  # microseconds, times a million: no fraction is lost at any speed
        self._speed_ppm = SPEED_PPM_MAX
        self._paused = False
        self._timers: list[tuple[int, int, LabTimer]] = []
        self._order = itertools.count()
        self._handle: asyncio.TimerHandle | None = None
        self._handle_due = 0.0
        self._stopped = False
        self._held = False
        self._schedule()

    def now_us(self) -> Micros:
        """The run time now, in microseconds."""
        if not self._held:
            self._read()
            self._held = True
            self._loop.call_soon(self._release)
        return Micros(self._now_ppm_us // 1_000_000)

    def _release(self) -> None:
        self._held = False

    def _read(self) -> None:
        read_us = self._read_ns() // 1000
        passed = min(max(0, read_us - self._last_us), STRIDE_US_MAX)
        self._last_us = read_us
        if not self._paused:
            self._now_ppm_us += passed * self._speed_ppm

    def now_ms(self) -> int:
        """The run time now, in whole milliseconds."""
        return self.now_us() // 1000

    @property
    def paused(self) -> bool:
        """Whether it stands still."""
        return self._paused

    @property
    def speed_ppm(self) -> int:
        """How fast it runs, in millionths of real time."""
        return self._speed_ppm

    @property
    def speed(self) -> float:
        """How fast it runs: 1.0 is real time."""
        return self._speed_ppm / SPEED_PPM_MAX

    def set_speed(self, speed: float) -> None:
        """Run at `speed` times real time, from 0.001 to 1. Raises `InvalidArgument` beyond that."""
        if not SPEED_PPM_MIN <= speed * SPEED_PPM_MAX <= SPEED_PPM_MAX:  # also if it is no number
            raise InvalidArgument(f"The speed must be between 0.001 and 1, not {speed:g}.")
        self._read()
        self._speed_ppm = round(speed * SPEED_PPM_MAX)
        self._schedule()

    def pause(self) -> None:
        """Stand still: no timer fires until `resume`."""
        self._read()
        self._paused = True
        self._schedule()

    def resume(self) -> None:
        """Go on from where it stood."""
        self._read()
        self._paused = False
        self._schedule()

    def step(self) -> bool:
        """Go, though standing still, to the next moment at which something is due, and do that.

        Only the first of what is due then is done; false if nothing is due at any time.
        """
        assert self._paused, "a clock that runs needs no pushing"
        while self._timers:
            at, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled:
                self._now_ppm_us = max(self._now_ppm_us, at * 1_000_000)
                self._fire(timer)
                return True
        return False

    def call_at(self, at: Micros, function: Callable[[], None]) -> LabTimer:
        """Call `function` once the run time is `at` or later; equal moments keep their order."""
        timer = LabTimer(at, function)
        heapq.heappush(self._timers, (at, next(self._order), timer))
        self._schedule()
        return timer

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call `function` now; if the clock stands still, when it goes on."""
        if self._paused:
            self.call_at(self.now_us(), function)
        else:
            function()

    async def sleep_until(self, at: Micros) -> None:
        """Wait until the run time is `at`."""
        woken = asyncio.Event()
        timer = self.call_at(at, woken.set)
        try:
            await woken.wait()
        finally:
            timer.cancel()

    def stop(self) -> None:
        """Never call anything again."""
        self._stopped = True
        self._timers.clear()
        if self._handle is not None:
            self._handle.cancel()

    def _turn(self) -> None:
        self._handle = None
        self._held = False
        now = self.now_us()
        while self._timers and self._timers[0][0] <= now and not self._paused:
            self._fire(heapq.heappop(self._timers)[2])
        self._schedule()

    def _fire(self, timer: LabTimer) -> None:
        try:
            timer.fire()
        except Exception as error:  # noqa: BLE001 - one node's bug must not stop the clock
            self._loop.call_exception_handler(
                {"message": "a laboratory timer failed", "exception": error}
            )

    def _schedule(self) -> None:
        """Plan the next turn: when something is due, or soon enough to be read often."""
        if self._stopped or self._paused:
            return
        wait_us = TURN_US
        if self._timers:
            left = max(0, self._timers[0][0] - self._now_ppm_us // 1_000_000)
            wait_us = min(wait_us, left * 1_000_000 // self._speed_ppm + 1)
        due = self._loop.time() + wait_us / 1_000_000
        if self._handle is not None:
            if self._handle_due <= due:
                return
            self._handle.cancel()
        self._handle_due = due
        self._handle = self._loop.call_later(wait_us / 1_000_000, self._turn)
