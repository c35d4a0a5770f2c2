"""The table's records as JSON: whole for a keyframe, and as fingerprints for the digest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from hashlib import blake2b

from raftlock.types import Json

__all__ = ["as_json", "fingerprint"]

_FOR_PEOPLE = frozenset({"acquired_at", "enqueued_at", "last_modified", "message", "proposed_at"})
"""Left out of fingerprints: nothing is decided by them, and a sentence may be worded better."""

_PLAIN = (str, int, type(None))

_names: dict[type, tuple[str, ...]] = {}
"""The fields of each type of record met so far: looked up once, since each entry asks for them."""


def as_json(value: object, *, decisive: bool = False) -> Json:
    """A record as JSON, field by field.

    With `decisive`, without what is for people and without empty fields: then a field that is
    added to a record later changes no fingerprint of those that do not use it.
    """
    if isinstance(value, _PLAIN):
        return value
    if is_dataclass(value):
        found: dict[str, Json] = {}
        kind = type(value)
        if kind not in _names:
            _names[kind] = tuple(item.name for item in fields(value))
        for name in _names[kind]:
            item = getattr(value, name)
            if not decisive or (item and name not in _FOR_PEOPLE):
                found[name] = item if isinstance(item, _PLAIN) else as_json(item, decisive=decisive)
        return found
    if isinstance(value, Mapping):
        # Keys are data here (a user's metadata): none is ever left out.
        return {str(key): as_json(item, decisive=decisive) for key, item in value.items()}
    assert isinstance(value, Iterable), f"{type(value)} is no part of a record"
    return [as_json(item, decisive=decisive) for item in value]


def fingerprint(value: object) -> int:
    """64 bits that are equal for equal records, on every platform and version of Python."""
    text = json.dumps(as_json(value, decisive=True), separators=(",", ":"))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
