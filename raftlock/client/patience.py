"""Asking again for a lock that somebody holds, as the service advises.

For who does not want to stand in the queue: no place is kept, and whoever asks at the right moment
gets it. Each pause is longer than the one before, by the factor and up to the longest that the
service has advised from how long the lock is usually held; a part of it is drawn, so that those who
were refused together do not come back together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from raftlock.errors import LockHeld, RaftLockError
from raftlock.types.commands import BackoffAdvice
from raftlock.types.ids import Millis

__all__ = ["DEFAULT_ADVICE", "ask_again", "pause_ms"]

T = TypeVar("T")

DEFAULT_ADVICE = BackoffAdvice(Millis(100), Millis(5_000), 2.0, 0.25)
"""Where the service gives none."""

_PARTS = 1_000


async def ask_again(
    attempt: Callable[[], Awaitable[T]],
    advise: Callable[[], Awaitable[BackoffAdvice]],
    pause: Callable[[Millis], Awaitable[None]],
    left: Callable[[], Millis],
    below: Callable[[int], int],
) -> T:
    """Try `attempt` until it comes to something else than `LockHeld`, or nothing is `left`.

    `left` is how many milliseconds there are for all of it, `below(n)` draws a number under `n`.
    The last refusal is raised.
    """
    tries = 0
    while True:
        try:
            return await attempt()
        except LockHeld:
            if left() <= 0:
                raise
        try:
            advice = await advise()
        except RaftLockError:
            advice = DEFAULT_ADVICE
        await pause(min(pause_ms(advice, tries, below), left()))
        tries += 1


def pause_ms(advice: BackoffAdvice, tries: int, below: Callable[[int], int]) -> Millis:
    """How long to wait after so many refusals before: as advised, give or take its jitter."""
    grown = advice.initial_backoff * advice.multiplier ** min(tries, 16)
    longest = max(advice.initial_backoff, min(grown, advice.max_backoff))
    share = 2 * below(_PARTS + 1) / _PARTS - 1  # from -1 to 1
    return Millis(max(1, round(longest * (1 + advice.jitter_factor * share))))
