"""The JSON of the original raftlock, for the five types that have tags there.

The original writes Go's ``encoding/json``: fields tagged ``omitempty`` are left out at their zero
value, and moments are RFC 3339 with up to nine digits after the second, ``0001-01-01T00:00:00Z``
where there is none. Here a moment is Unix milliseconds or ``None``; digits below are dropped.
Fields that this project adds are written only where they are not at their default, so that the
original reads what is written here; they are read back.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from raftlock.errors import LocalProtocolError, RemoteProtocolError
from raftlock.transport.values import as_object, encode, validated
from raftlock.types import (
    Command,
    HolderInfo,
    Json,
    LockInfo,
    Millis,
    PersistentState,
    SnapshotMetadata,
    WaiterInfo,
)

__all__ = ["format_moment", "from_original", "parse_moment", "to_original"]

T = TypeVar("T")

_Tagged = Command | LockInfo | HolderInfo | WaiterInfo | PersistentState | SnapshotMetadata

_ALWAYS: dict[type, frozenset[str]] = {
    Command: frozenset({"op", "lock_id", "client_id"}),
    LockInfo: frozenset(
        {
            *("lock_id", "owner_id", "version", "acquired_at", "expires_at"),
            *("waiter_count", "last_modified"),
        }
    ),
    WaiterInfo: frozenset({"client_id", "enqueued_at", "timeout_at", "priority", "position"}),
    HolderInfo: frozenset(
        {"client_id", "version", "acquired_at", "expires_at", "ttl", "remaining"}
    ),
    PersistentState: frozenset({"current_term", "voted_for"}),
    SnapshotMetadata: frozenset({"last_included_index", "last_included_term"}),
}
"""The fields without ``omitempty``: always written, and missing in no sample."""

_MOMENTS = frozenset({"acquired_at", "expires_at", "last_modified", "enqueued_at", "timeout_at"})
_NO_MOMENT = "0001-01-01T00:00:00Z"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC_3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:Z|([+-])(\d{2}):(\d{2}))", re.ASCII
)


def to_original(value: _Tagged) -> dict[str, Json]:
    """The value as the original's JSON."""
    always = _ALWAYS[type(value)]
    data: dict[str, Json] = {}
    for name, plain in encode(value).items():
        # Every field with `omitempty`, and every added one, has its zero value for default.
        if name not in always and not plain:
            continue
        data[name] = plain
        if name in _MOMENTS:
            moment: object = getattr(value, name)
            assert moment is None or isinstance(moment, int)
            data[name] = format_moment(None if moment is None else Millis(moment))
        elif isinstance(value, LockInfo) and name == "waiters_info":
            data[name] = [to_original(waiter) for waiter in value.waiters_info]
        elif isinstance(value, LockInfo) and name == "holders":
            data[name] = [to_original(holder) for holder in value.holders]
    return data


def from_original(kind: type[T], data: Json) -> T:
    """The value of that `kind` (one of the five) from the original's JSON, or from ours."""
    given = as_object(data, kind.__name__)
    for name in _ALWAYS[kind]:
        if name not in given:
            raise RemoteProtocolError(f"{kind.__name__} {name}: is missing.")
    return validated(kind, _plain(given))


def _plain(data: dict[str, Json]) -> dict[str, Json]:
    """The same object with its moments as milliseconds, as the dataclasses have them."""
    plain: dict[str, Json] = {}
    for name, value in data.items():
        if name in _MOMENTS:
            plain[name] = parse_moment(value)
        elif name in ("waiters_info", "holders") and isinstance(value, list):
            plain[name] = [_plain(as_object(each, "A waiter or holder")) for each in value]
        else:
            plain[name] = value
    return plain


def format_moment(moment: Millis | None) -> str:
    """A moment as the original writes it."""
    if moment is None:
        return _NO_MOMENT
    try:
        at = _EPOCH + timedelta(milliseconds=moment)
    except OverflowError as error:
        raise LocalProtocolError(f"{moment} ms lies outside the years 1 to 9999.") from error
    # Not strftime: it does not write years before 1000 with four digits everywhere.
    whole = at.replace(microsecond=0, tzinfo=None).isoformat()
    fraction = f".{at.microsecond:06d}".rstrip("0").rstrip(".")
    return f"{whole}{fraction}Z"


def parse_moment(text: Json) -> Millis | None:
    """The moment that the original wrote."""
    parts = _RFC_3339.fullmatch(text) if isinstance(text, str) else None
    if parts is None:
        raise RemoteProtocolError("A moment must be a text as RFC 3339 has it.")
    whole, fraction, sign, hours, minutes = parts.groups()
    try:
        at = datetime.fromisoformat(f"{whole}+00:00")
    except ValueError:
        raise RemoteProtocolError("There is no such moment.") from None
    seconds = (at - _EPOCH) // timedelta(seconds=1)
    if sign is not None:
        if int(hours) > 23 or int(minutes) > 59:
            raise RemoteProtocolError("There is no such offset from UTC.")
        offset = int(hours) * 3_600 + int(minutes) * 60
        seconds -= offset if sign == "+" else -offset
    # The zero time stands for no moment at all, in whatever zone it is told.
    if seconds == _ZERO_SECONDS and not int(fraction or 0):
        return None
    return Millis(seconds * 1_000 + int((fraction or "").ljust(9, "0")[:3]))


_ZERO_SECONDS = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
