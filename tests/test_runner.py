"""ThreadRunner: a loop of its own, and nothing left of it afterwards."""

from __future__ import annotations

import asyncio
import threading

import pytest

from raftlock.errors import ClusterStopped, Timeout
from raftlock.runner import ThreadRunner


async def where() -> str:
    return threading.current_thread().name


def test_it_runs_elsewhere_and_leaves_no_thread() -> None:
    before = threading.active_count()
    runner = ThreadRunner("elsewhere")
    assert runner.call(where()) == "elsewhere"
    runner.stop()
    assert threading.active_count() == before
    assert not runner.alive


def test_a_call_that_takes_too_long_is_cancelled_and_says_so() -> None:
    runner = ThreadRunner()
    cancelled = threading.Event()

    async def forever() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with pytest.raises(Timeout, match="No answer"):
        runner.call(forever(), timeout=0.01)
    assert cancelled.wait(5)
    runner.stop()


def test_what_still_runs_is_cancelled_at_the_end() -> None:
    runner = ThreadRunner()
    ended = threading.Event()

    async def forever() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    future = runner.submit(forever())
    runner.call(asyncio.sleep(0))
    runner.stop()
    assert ended.is_set()
    assert future.cancelled()


def test_after_the_end_it_refuses_in_a_sentence() -> None:
    runner = ThreadRunner()
    runner.stop()
    with pytest.raises(ClusterStopped, match="make a new one"):
        runner.call(where())


def test_waiting_for_itself_is_refused() -> None:
    runner = ThreadRunner()

    async def wrong() -> None:
        runner.call(where())

    with pytest.raises(RuntimeError, match="own thread"):
        runner.call(wrong())
    runner.stop()


async def test_a_cell_can_await_it() -> None:
    runner = ThreadRunner("elsewhere")
    assert await runner.run(where()) == "elsewhere"
    runner.stop()
