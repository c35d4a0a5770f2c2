"""JSON as it crosses the wire: read with suspicion, written the same way every time.

Reading is the first scan of everything that comes from outside. It bounds size, depth, keys and
integers and refuses what two readers could take in two ways: duplicate keys, NaN and Infinity,
halves of surrogate pairs. Any text either gives a value or raises `RemoteProtocolError`.
"""

from __future__ import annotations

import json
import math

from raftlock.errors import LocalProtocolError, RemoteProtocolError
from raftlock.transport.limits import DEPTH_MAX, INTEGER_MAX, KEYS_MAX
from raftlock.types import Json

__all__ = ["read", "write"]

_DIGITS_MAX = len(str(-INTEGER_MAX))


def read(text: str, *, size_max: int, depth_max: int = DEPTH_MAX) -> Json:
    """The value that `text` stands for; `size_max` is in bytes of UTF-8."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise RemoteProtocolError("The text is not Unicode.") from None
    if size > size_max:
        raise RemoteProtocolError(f"The text has {size} bytes; {size_max} are allowed.")
    try:
        value: Json = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_fraction,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        raise RemoteProtocolError(f"Not JSON: {error.msg} at {error.pos}.") from None
    except RecursionError:
        raise RemoteProtocolError(f"JSON nested deeper than {depth_max}.") from None
    # Only an escape can bring half a surrogate pair into a text that is Unicode.
    _walk(value, depth_max, escapes="\\ud" in text or "\\uD" in text)
    return value


def write(value: Json) -> str:
    """`value` as compact JSON: the same value always gives the same text."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise LocalProtocolError(f"This cannot be written as JSON: {error}.") from error


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    if len(pairs) > KEYS_MAX:
        raise RemoteProtocolError(f"An object has {len(pairs)} keys; {KEYS_MAX} are allowed.")
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RemoteProtocolError("An object has the same key twice.")
    return found


def _integer(digits: str) -> int:
    # Long texts are refused unread: turning digits into a number takes quadratic time.
    if len(digits) > _DIGITS_MAX or abs(value := int(digits)) > INTEGER_MAX:
        raise RemoteProtocolError("A number is beyond 2^53 - 1.")
    return value


def _fraction(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise RemoteProtocolError("A number is too large.")
    return value


def _constant(name: str) -> Json:
    raise RemoteProtocolError(f"{name} is not JSON.")


def _walk(value: Json, depth_max: int, *, escapes: bool) -> None:
    level: list[Json] = [value]
    depth = 0
    while level:
        deeper: list[Json] = []
        for item in level:
            if isinstance(item, dict):
                if escapes:
                    deeper.extend(item)
                deeper.extend(item.values())
            elif isinstance(item, list):
                deeper.extend(item)
            elif escapes and isinstance(item, str):
                _check_pairs(item)
            if depth == depth_max and isinstance(item, dict | list):
                raise RemoteProtocolError(f"JSON nested deeper than {depth_max}.")
        level = deeper
        depth += 1


def _check_pairs(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RemoteProtocolError("A text has half a surrogate pair.") from None
