"""Reading a field of an event's data as what it should be.

Every reader here is total: a field that is missing or of another type reads as empty. A trace may
come from a file or from a newer node, and a picture with a blank in it is better than none.
"""

from __future__ import annotations

from collections.abc import Mapping

from raftlock.types import Json

__all__ = ["flag", "groups_of", "names", "number", "rows", "shorten", "text", "texts"]


def text(data: Mapping[str, Json], key: str) -> str:
    """The text under `key`, or an empty one."""
    value = data.get(key)
    return value if isinstance(value, str) else ""


def number(data: Mapping[str, Json], key: str) -> int:
    """The integer under `key`, or 0."""
    value = data.get(key)
    return value if type(value) is int else 0


def flag(data: Mapping[str, Json], key: str) -> bool:
    """Whether the field under `key` is true."""
    return data.get(key) is True


def rows(data: Mapping[str, Json], key: str) -> list[dict[str, Json]]:
    """The objects in the list under `key`."""
    value = data.get(key)
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def texts(value: Json) -> list[str]:
    """The texts in a list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def names(data: Mapping[str, Json], key: str) -> list[str]:
    """The texts in the list under `key`."""
    return texts(data.get(key))


def groups_of(data: Mapping[str, Json]) -> list[list[str]]:
    """The groups of a partition, without empty ones."""
    value = data.get("groups")
    groups = [texts(group) for group in value] if isinstance(value, list) else []
    return [group for group in groups if group]


def shorten(name: str, width: int = 24) -> str:
    """A name from outside, fit for one line: control characters replaced, the rest cut with ``…``.

    Markup stays as it is: whoever draws a text draws it as text.
    """
    if len(name) > width:
        name = name[: width - 1] + "…"
    return name if name.isprintable() else "".join(c if c.isprintable() else "�" for c in name)
