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


def as_json(value: object, *, decisive: bool = False) -> Json:
    """A record as JSON, field by field.

    With `decisive`, without what is for people and without empty fields: then a field that is
    added to a record later changes no fingerprint of those that do not use it.
    """
    if value is None or isinstance(value, str | int):
        return value
    if is_dataclass(value):
        items = ((item.name, getattr(value, item.name)) for item in fields(value))
        return {
            name: as_json(item, decisive=decisive)
            for name, item in items
            if not decisive or (item and name not in _FOR_PEOPLE)
        }
    if isinstance(value, Mapping):
        # Keys are data here (a user's metadata): none is ever left out.
        return {str(key): as_json(item, decisive=decisive) for key, item in value.items()}
    assert isinstance(value, Iterable), f"{type(value)} is no part of a record"
    return [as_json(item, decisive=decisive) for item in value]


def fingerprint(value: object) -> int:
    """64 bits that are equal for equal records, on every platform and version of Python."""
    text = json.dumps(as_json(value, decisive=True), separators=(",", ":"))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
