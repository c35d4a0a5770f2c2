"""Asking again for a lock that is held, as the service advises."""

from __future__ import annotations

import asyncio

import pytest

from raftlock.client.patience import DEFAULT_ADVICE, ask_again, pause_ms
from raftlock.errors import InvalidArgument, LockHeld, Unavailable
from raftlock.types import BackoffAdvice, Millis
from tests.client.service import Service, turns


@pytest.mark.parametrize("tries", range(40))
@pytest.mark.parametrize("drawn", [0, 500, 1_000])
def test_a_pause_grows_as_advised_up_to_the_longest(tries: int, drawn: int):
    advice = BackoffAdvice(Millis(100), Millis(3_000), 2.0, 0.25)
    plain = min(100 * 2**tries, 3_000)
    found = pause_ms(advice, tries, lambda _: drawn)
    assert found == round(plain * (0.75 + drawn / 2_000))


class Table:
    """A lock that comes free at some moment, asked on a clock of its own."""

    def __init__(self, free_at: int, limit: int, advice: BackoffAdvice | Exception) -> None:
        self.now, self.free_at, self.limit, self.advice = 0, free_at, limit, advice
        self.asked: list[int] = []

    async def attempt(self) -> str:
        self.asked.append(self.now)
        if self.now < self.free_at:
            raise LockHeld("held")
        return "granted"

    async def advise(self) -> BackoffAdvice:
        if isinstance(self.advice, Exception):
            raise self.advice
        return self.advice

    async def pause(self, ms: Millis) -> None:
        self.now += ms

    def run(self) -> str:
        return asyncio.run(
            ask_again(
                self.attempt,
                self.advise,
                self.pause,
                lambda: Millis(self.limit - self.now),
                lambda n: n // 2,
            )
        )


def test_it_comes_when_the_lock_is_free():
    table = Table(1_000, 60_000, BackoffAdvice(Millis(400), Millis(2_000), 2.0, 0.5))
    assert table.run() == "granted"
    assert table.asked == [0, 400, 1_200]


def test_it_gives_up_in_time_and_asks_once_more_at_the_end():
    table = Table(10**9, 1_000, BackoffAdvice(Millis(400), Millis(2_000), 2.0, 0.5))
    with pytest.raises(LockHeld):
        table.run()
    assert table.asked == [0, 400, 1_000]


def test_without_advice_it_has_its_own():
    table = Table(250, 60_000, Unavailable("nobody there"))
    assert table.run() == "granted"
    assert table.asked == [0, 100, 300]
    assert DEFAULT_ADVICE.jitter_factor > 0


async def test_a_client_asks_again_until_it_is_free():
    service = Service()
    service.hold()
    async with service.client("alice") as alice:
        asking = asyncio.create_task(alice.acquire("build", 10, retry_for=30))
        await service.clock.run(3)
        assert not asking.done()
        assert service.waiters() == [], "it stands in no queue"
        service.free()
        await service.clock.run(10)
        assert (await asking).token == service.machine.info("build").token
        assert 3 < service.calls.count("acquire") < 15
        with pytest.raises(InvalidArgument, match="leave out wait"):
            await alice.acquire("build", 10, wait=True, retry_for=3)


async def test_a_caller_who_goes_away_asks_no_more():
    service = Service()
    service.hold()
    async with service.client("alice") as alice:
        asking = asyncio.create_task(alice.acquire("build", 10, retry_for=30))
        await service.clock.run(2)
        asking.cancel()
        await turns()
        count = service.calls.count("acquire")
        await service.clock.run(60)
        assert service.calls.count("acquire") == count
