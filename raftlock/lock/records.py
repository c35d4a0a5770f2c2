"""The table's records as JSON: whole for a keyframe, and as fingerprints for the digest."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from typing import Generic, TypeVar

from raftlock.types import Json

__all__ = ["FingerprintSum", "as_json", "fingerprint", "fingerprint_of"]

Key = TypeVar("Key", bound=Hashable)

_FOR_PEOPLE = frozenset({"acquired_at", "enqueued_at", "last_modified", "message", "proposed_at"})
"""Left out of fingerprints: nothing is decided by them, and a sentence may be worded better."""

_PLAIN = (str, int, type(None))

_names: dict[type, tuple[str, ...]] = {}
"""The fields of each type of record met so far: looked up once, since each entry asks for them."""

_decisive: dict[type, tuple[str, ...]] = {}
"""Those of them that a fingerprint is of; none, if it is no type of record."""

_write = json.JSONEncoder(separators=(",", ":")).encode


def as_json(value: object) -> Json:
    """A record as JSON, field by field."""
    if isinstance(value, _PLAIN):
        return value
    if is_dataclass(value):
        kind = type(value)
        if kind not in _names:
            _names[kind] = tuple(item.name for item in fields(value))
        found: dict[str, Json] = {}
        for name in _names[kind]:
            item = getattr(value, name)
            found[name] = item if isinstance(item, _PLAIN) else as_json(item)
        return found
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    assert isinstance(value, Iterable), f"{type(value)} is no part of a record"
    return [as_json(item) for item in value]


def fingerprint(*parts: object) -> int:
    """64 bits that are equal for equal parts, on every platform and version of Python.

    A part is plain JSON, or a record whose fields are. What a record has for people is left out,
    and so are empty fields: then one that is added to it later changes no fingerprint of those that
    do not use it.
    """
    return _bits(_write([_plain(part) for part in parts]))


def fingerprint_of(numbers: tuple[int, ...]) -> int:
    """The same of whole numbers alone, some of which may be fingerprints: several times as fast."""
    return _bits(repr(numbers))


def _bits(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())


def _plain(part: object) -> object:
    kind = type(part)
    names = _decisive.get(kind)
    if names is None:
        found = fields(kind) if is_dataclass(kind) else ()
        names = tuple(item.name for item in found if item.name not in _FOR_PEOPLE)
        _decisive[kind] = names
    if not names:
        return part
    return {name: value for name in names if (value := getattr(part, name))}


class FingerprintSum(Generic[Key]):
    """64 bits over a set of records, for which only those that changed are looked at again.

    Each record's fingerprint has its key in it. Their sum does not depend on the order in which
    they came, and a table of thousands costs no more than what its last entry touched.
    """

    def __init__(self) -> None:
        self._known: dict[Key, int] = {}
        self._changed: set[Key] = set()
        self._sum = 0

    def note(self, key: Key) -> None:
        """The record of that key was changed, added or removed."""
        self._changed.add(key)

    def value(self, of: Callable[[Key], int | None]) -> int:
        """The sum now; `of` gives a record's fingerprint, ``None`` if there is none any more."""
        for key in self._changed:
            self._sum -= self._known.pop(key, 0)
            found = of(key)
            if found is not None:
                self._known[key] = found
                self._sum += found
        self._changed.clear()
        return self._sum % (1 << 64)
