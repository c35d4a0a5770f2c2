"""Small pieces of English for the sentences: lists, ordinals, durations."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["and_list", "duration", "entries_text", "is_are", "ordinal", "times"]


def and_list(names: Sequence[str]) -> str:
    """``n1``, ``n1 and n2``, ``n1, n2 and n3``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def is_are(names: Sequence[str]) -> str:
    """The verb for that many."""
    return "is" if len(names) == 1 else "are"


def ordinal(number: int) -> str:
    """``1st``, ``2nd``, ``3rd``, ``11th``."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def times(ppm: int) -> str:
    """A factor in millionths as people write it: ``0.05x``, ``1x``."""
    whole, rest = divmod(ppm, 1_000_000)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".") + "x"


def duration(ms: int) -> str:
    """A time span in milliseconds: ``212 ms``, ``2.1 s``, ``90 s``, ``15 min``."""
    if ms < 1_000:
        return f"{ms} ms"
    if ms < 600_000:
        tenths = (ms + 50) // 100
        return f"{tenths // 10} s" if tenths % 10 == 0 else f"{tenths // 10}.{tenths % 10} s"
    return f"{(ms + 30_000) // 60_000} min"


def entries_text(first: int, last: int) -> str:
    """``entry 7`` or ``entries 5 to 7``."""
    return f"entry {last}" if first == last else f"entries {first} to {last}"
