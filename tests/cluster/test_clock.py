"""LabClock: slow, stopped or starved, it never runs ahead and never goes back."""

from __future__ import annotations

import asyncio

import pytest

from raftlock.cluster.clock import LabClock
from raftlock.errors import InvalidArgument
from raftlock.types import Micros


class Hand:
    """The machine's clock, moved by hand."""

    def __init__(self) -> None:
        self.us = 1_000_000

    def __call__(self) -> int:
        return self.us * 1000


async def test_it_runs_with_the_machine_at_speed_one() -> None:
    hand = Hand()
    clock = LabClock(hand)
    hand.us += 30_000
    assert clock.now_us() == 30_000
    assert clock.now_ms() == 30


async def test_a_starved_loop_is_slow_motion() -> None:
    hand = Hand()
    clock = LabClock(hand)
    hand.us += 2_000_000
    assert clock.now_us() == 50_000


async def test_it_never_goes_back_when_the_machine_does() -> None:
    hand = Hand()
    clock = LabClock(hand)
    hand.us += 10_000
    assert clock.now_us() == 10_000
    hand.us -= 5_000
    await asyncio.sleep(0)
    assert clock.now_us() == 10_000
    hand.us += 1_000
    await asyncio.sleep(0)
    assert clock.now_us() == 11_000


async def test_a_turn_of_the_loop_is_one_moment() -> None:
    hand = Hand()
    clock = LabClock(hand)
    seen = [clock.now_us()]
    hand.us += 7_000
    seen.append(clock.now_us())
    await asyncio.sleep(0)
    assert [*seen, clock.now_us()] == [0, 0, 7_000]


@pytest.mark.parametrize(("speed", "passed"), [(1.0, 40_000), (0.5, 20_000), (0.01, 400)])
async def test_speed_slows_it(speed: float, passed: int) -> None:
    hand = Hand()
    clock = LabClock(hand)
    clock.set_speed(speed)
    hand.us += 40_000
    assert clock.now_us() == passed
    assert clock.speed == speed


async def test_no_fraction_is_lost_at_low_speed() -> None:
    hand = Hand()
    clock = LabClock(hand)
    clock.set_speed(0.001)
    for _ in range(10_000):
        hand.us += 1
        await asyncio.sleep(0)
        clock.now_us()
    assert clock.now_us() == 10


@pytest.mark.parametrize("speed", [0, -1, 1.5, 0.0001, float("nan"), float("inf")])
async def test_other_speeds_are_refused_and_change_nothing(speed: float) -> None:
    clock = LabClock(Hand())
    with pytest.raises(InvalidArgument):
        clock.set_speed(speed)
    assert clock.speed == 1.0


async def test_paused_it_stands_still_and_holds_what_is_due() -> None:
    hand = Hand()
    clock = LabClock(hand)
    called: list[str] = []
    clock.pause()
    hand.us += 40_000
    assert clock.now_us() == 0
    clock.call_soon(lambda: called.append("soon"))
    assert called == []
    clock.resume()
    await clock.sleep_until(clock.now_us())
    assert called == ["soon"]


async def test_timers_fire_in_order_of_time_then_of_calling() -> None:
    clock = LabClock()
    called: list[str] = []
    now = clock.now_us()
    clock.call_at(Micros(now + 2_000), lambda: called.append("later"))
    clock.call_at(Micros(now + 1_000), lambda: called.append("first"))
    clock.call_at(Micros(now + 1_000), lambda: called.append("second"))
    clock.call_at(Micros(now + 1_500), lambda: called.append("never")).cancel()
    await clock.sleep_until(Micros(now + 2_000))
    assert called == ["first", "second", "later"]


async def test_a_failing_timer_is_reported_and_the_clock_goes_on() -> None:
    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: reported.append(str(context["exception"]))
    )
    clock = LabClock()
    clock.call_at(Micros(0), lambda: 1 // 0)  # type: ignore[arg-type,return-value]
    await clock.sleep_until(Micros(clock.now_us() + 1_000))
    assert reported == ["integer division or modulo by zero"]


async def test_a_stopped_clock_calls_nothing() -> None:
    clock = LabClock()
    called: list[str] = []
    clock.call_at(Micros(1), lambda: called.append("late"))
    clock.stop()
    other = LabClock()
    await other.sleep_until(Micros(30_000))
    assert called == []


async def test_standing_still_it_can_be_pushed_to_the_next_thing() -> None:
    clock, done = LabClock(Hand()), []
    clock.pause()
    clock.call_at(Micros(9_000), lambda: done.append("b"))
    clock.call_at(Micros(5_000), lambda: done.append("gone")).cancel()
    clock.call_at(Micros(7_000), lambda: done.append("a"))
    assert clock.step()
    assert (done, clock.now_us()) == (["a"], 7_000)
    assert clock.step()
    assert (done, clock.now_us(), clock.paused) == (["a", "b"], 9_000, True)
    assert not clock.step()
    clock.call_at(Micros(1_000), lambda: done.append("late"))
    assert clock.step()
    assert (done[-1], clock.now_us()) == ("late", 9_000)


async def test_a_step_that_fails_is_told_and_is_over() -> None:
    clock, told = LabClock(Hand()), []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    clock.pause()
    clock.call_at(Micros(5), lambda: 1 // 0)
    assert clock.step()
    assert isinstance(told[0]["exception"], ZeroDivisionError)
