"""What a panel sends along with a verb, read with one clear sentence for whatever is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from raftlock.errors import InvalidArgument
from raftlock.types.events import Json

__all__ = ["Arguments", "LinkChange", "flag", "groups", "link_change", "names", "number", "text"]
__all__ += ["whole"]

Arguments = Mapping[str, Json]


def text(given: Arguments, key: str) -> str:
    """A text that is not empty."""
    value = given.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InvalidArgument(f"Name a {key}: the field is empty.")
    return value.strip()


def names(given: Arguments, key: str) -> list[str]:
    """A list of texts; none if it is left out."""
    value = given.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InvalidArgument(f"The field {key} must hold a list of names.")
    return [str(each) for each in value]


def number(given: Arguments, key: str, default: float | None = None) -> float:
    """A number."""
    value = given.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidArgument(f"The field {key} must hold a number.")
    return float(value)


def flag(given: Arguments, key: str) -> bool:
    """Whether it is so; not, if it is left out."""
    value = given.get(key, False)
    if not isinstance(value, bool):
        raise InvalidArgument(f"The field {key} must be true or false.")
    return value


def whole(given: Arguments, key: str) -> int:
    """A whole number, 0 if none is given."""
    value = number(given, key, 0.0)
    if not value.is_integer():
        raise InvalidArgument(f"The field {key} must hold a whole number.")
    return int(value)


class LinkChange(TypedDict):
    """What `link` of both kinds of cluster takes: seconds, and a part of 1; ``None`` keeps it."""

    delay: float | None
    jitter: float | None
    loss: float | None
    one_way: bool


def link_change(given: Arguments) -> LinkChange:
    """What shall become of a link: ``delay_ms``, ``jitter_ms``, ``loss_percent``, ``one_way``."""
    return LinkChange(
        delay=number(given, "delay_ms") / 1000 if "delay_ms" in given else None,
        jitter=number(given, "jitter_ms") / 1000 if "jitter_ms" in given else None,
        loss=number(given, "loss_percent") / 100 if "loss_percent" in given else None,
        one_way=given.get("one_way") is True,
    )


def groups(given: Arguments) -> list[Sequence[str]]:
    """The groups of a partition."""
    value = given.get("groups")
    found: list[Sequence[str]] = []
    for group in value if isinstance(value, list) else [None]:
        if not isinstance(group, list) or not all(isinstance(node, str) for node in group):
            raise InvalidArgument("A partition is a list of groups, each a list of nodes.")
        found.append([str(node) for node in group])
    return found
