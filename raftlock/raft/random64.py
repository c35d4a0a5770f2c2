"""The core's only source of chance: a small integer generator, the same on every platform.

It is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): 64
bits of state, so that a keyframe can hold it and a replay draws the same timeouts (section 5.2).
"""

from __future__ import annotations

__all__ = ["Random64"]

_MASK = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio: consecutive states lie far apart


class Random64:
    """A stream of integers that is decided by `seed`. Not for secrets.

    `state` is all there is to it: read it to keep the place, set it to go on from there.
    """

    __slots__ = ("state",)

    def __init__(self, seed: int) -> None:
        self.state: int = seed & _MASK

    def next(self) -> int:
        """The next number, from 0 up to 2**64 - 1, each equally likely."""
        self.state = (self.state + _GAMMA) & _MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def below(self, n: int) -> int:
        """A number from 0 up to `n` - 1, each equally likely."""
        assert 0 < n <= _MASK + 1, n
        while True:
            drawn = self.next()
            result = drawn % n
            # The last multiples of n below 2**64 may not be followed by all n results: those
            # numbers would favour the small ones, so they are drawn again.
            if drawn - result <= _MASK + 1 - n:
                return result

    def between(self, low: int, high: int) -> int:
        """A number from `low` up to and including `high`, each equally likely."""
        assert low <= high, (low, high)
        return low + self.below(high - low + 1)
