"""The machine's clock."""

import asyncio
import time

from raftlock.client import MachineClock


def test_it_runs_on_while_the_machine_is_suspended(monkeypatch):
    clock = MachineClock()
    if hasattr(time, "CLOCK_BOOTTIME"):
        assert abs(clock.now_us() - time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000) < 1_000_000
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    other = MachineClock()
    assert abs(other.now_us() - time.monotonic_ns() // 1000) < 1_000_000


async def test_it_calls_when_it_is_time():
    clock = MachineClock()
    called = asyncio.Event()
    clock.call_at(clock.now_us() - 1, called.set)
    await called.wait()
    late = asyncio.Event()
    clock.call_at(clock.now_us() + 60_000_000, late.set).cancel()
    assert not late.is_set()
