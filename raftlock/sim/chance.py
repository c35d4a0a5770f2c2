"""Chance that hangs on names and not on order: what is drawn for one thing disturbs no other.

A simulation that drew everything from one stream would change all its later draws whenever one
fault is left out of its script, and a failing script could not be made shorter. So each message,
timer and client draws from a stream of its own, named by the run's seed and by what it is for.
"""

from __future__ import annotations

from zlib import crc32

from raftlock.raft.random64 import Random64

__all__ = ["PPM", "chance", "drawn_delay", "go_into", "keyed"]

PPM = 1_000_000
"""Parts per million, the unit of every chance."""

_GAMMA = 0x9E3779B97F4A7C15


def keyed(seed: int, *key: str | int) -> Random64:
    """The stream of that name in the run of that seed."""
    random = Random64(seed)
    for part in key:
        go_into(random, part)
    return random


def go_into(random: Random64, part: str | int) -> None:
    """Go from the stream of a name to the one of the name with `part` behind it."""
    number = part if isinstance(part, int) else crc32(part.encode())
    random.state ^= (number + 1) * _GAMMA & ((1 << 64) - 1)
    random.state = random.next()


def chance(random: Random64, ppm: int) -> bool:
    """Whether something happens that does so `ppm` times in a million."""
    return ppm > 0 and random.below(PPM) < ppm


# -ln(u) in thousandths for 32 values of u spread evenly over 0 to 1: no float, no mathematics
# library, and so the same delays on every platform.
_EXPONENTIAL: tuple[int, ...] = (4159, 3060, 2549, 2213, 1962, 1761, 1594, 1451, 1326, 1214, 1114)
_EXPONENTIAL += (1023, 940, 863)
_EXPONENTIAL += (792, 725, 662, 604, 548, 495, 445, 398, 352, 309, 267, 227, 189, 152, 116, 81)
_EXPONENTIAL += (48, 16)


def drawn_delay(random: Random64, mean_us: int) -> int:
    """A delay in microseconds, exponentially distributed: mostly short, now and then long."""
    step = _EXPONENTIAL[random.below(len(_EXPONENTIAL))]
    return mean_us * step // 1_000
