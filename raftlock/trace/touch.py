"""What can be done by hand to a message that is on its way, and how the trace tells it."""

from __future__ import annotations

from collections.abc import Mapping

from raftlock.errors import InvalidArgument
from raftlock.types import Json

__all__ = ["DELAY_MS_MAX", "HOWS", "check_touch", "gone", "told_of_touch"]

HOWS = ("now", "drop", "delay", "duplicate", "hold", "release")
"""Let it arrive at once; take it away; let it arrive later; let a copy follow it; hold it on its
link; let it go, at once."""

DELAY_MS_MAX = 600_000


def check_touch(how: str, delay_ms: int) -> None:
    """Raises `InvalidArgument` if that cannot be done to any message."""
    if how not in HOWS:
        raise InvalidArgument(f"A message can be: {', '.join(HOWS)}; not {how[:24]!r}.")
    if how in {"delay", "duplicate"} and not 0 <= delay_ms <= DELAY_MS_MAX:
        raise InvalidArgument("A message's delay is from 0 to 600 s.")


def gone(number: int) -> InvalidArgument:
    """What is said of a message that cannot be reached."""
    return InvalidArgument(
        f"Message {number} is not on its way any more: it has arrived, or is lost."
    )


def told_of_touch(
    number: int, about: Mapping[str, Json], how: str, delay_ms: int
) -> dict[str, Json]:
    """The fault that tells of it; `about` has the message's ``from``, ``to`` and ``label``."""
    told: dict[str, Json] = {
        "id": number,
        "src": about["from"],
        "dst": about["to"],
        "label": about["label"],
        "how": how,
    }
    if how in {"delay", "duplicate"}:
        told["delay_ms"] = delay_ms
    return told
