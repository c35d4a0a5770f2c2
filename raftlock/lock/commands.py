"""Commands as bytes in the log: compact JSON that a person can read.

A command is an object whose keys are the fields of `Command`; a field at its default is left out.
Reading is strict: what is not exactly a command is a `RemoteProtocolError`, and nothing else is
ever raised, whatever the bytes are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache

from raftlock.errors import LocalProtocolError, RemoteProtocolError
from raftlock.lock.limits import COMMAND_BYTES_MAX, INTEGER_MAX
from raftlock.lock.refusals import Refusal, invalid, short
from raftlock.types.commands import Command, LockOperation
from raftlock.types.events import Json
from raftlock.types.ids import ClientID, Index, LockID, Millis, SessionID

__all__ = ["decode", "describe", "encode", "fields_of", "read_command"]

_FIELDS = tuple(field.name for field in fields(Command))
_KNOWN = frozenset(_FIELDS)
_OPERATIONS = {op.value: op for op in LockOperation}
_WORDS = {
    LockOperation.ACQUIRE: "acq {lock}→{client}",
    LockOperation.RELEASE: "rel {lock}←{client}",
    LockOperation.RENEW: "renew {lock}→{client}",
    LockOperation.ENQUEUE_WAITER: "wait {lock}→{client}",
    LockOperation.CANCEL_WAIT: "cancel {lock}→{client}",
    LockOperation.OPEN_SESSION: "session {client}",
    LockOperation.END_SESSION: "end session {whose}",
    LockOperation.REVOKE: "revoke {lock}",
    LockOperation.ACQUIRE_ALL: "acq {lock}→{client}",
}
_SHOWN = 14

_REMEMBERED = 256
"""How many commands are remembered: each is read when it comes, when it is applied, when it is told
of, and in a simulation by every node."""


def encode(command: Command) -> bytes:
    """The command's bytes; equal commands have equal bytes. `decode` gives it back.

    A text that is no Unicode (half a surrogate pair) is a `LocalProtocolError`.
    """
    found: dict[str, Json] = {}
    for name in _FIELDS:
        value = getattr(command, name)
        if value:  # every default is empty, zero or false
            found[name] = dict(sorted(value.items())) if name == "metadata" else value
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise LocalProtocolError("a command's texts must be valid Unicode: correct them") from error


def decode(data: bytes) -> Command:
    """The command that these bytes mean; a `RemoteProtocolError` says what is wrong with them."""
    return _decode(data)


def read_command(data: bytes) -> Command | Refusal | None:
    """What an entry asks: ``None`` for a tick, a refusal for bytes that are no command."""
    if not data:
        return None
    try:
        return decode(data)
    except RemoteProtocolError as error:
        return invalid(error.message)


@lru_cache(_REMEMBERED)
def _decode(data: bytes) -> Command:
    found = _parse(data)
    unknown = sorted(found.keys() - _KNOWN)
    if unknown:
        raise RemoteProtocolError(f"a command has no field {_quote(unknown[0])}: leave it out")
    return Command(
        op=_operation(found),
        lock_id=LockID(_text(found, "lock_id")),
        client_id=ClientID(_text(found, "client_id")),
        ttl=Millis(_number(found, "ttl")),
        version=Index(_number(found, "version")),
        priority=_number(found, "priority"),
        timeout=Millis(_number(found, "timeout")),
        wait=_flag(found, "wait"),
        wait_timeout=Millis(_number(found, "wait_timeout")),
        request_id=_text(found, "request_id"),
        metadata=_texts(found, "metadata"),
        session_id=SessionID(_number(found, "session_id")),
        sequence=_number(found, "sequence"),
        lowest_unanswered=_number(found, "lowest_unanswered"),
        proposed_at=Millis(_number(found, "proposed_at")),
        lock_ids=_names(found),
        shared=_flag(found, "shared"),
        permits=_number(found, "permits"),
    )


def describe(data: bytes) -> str:
    """A command in a few characters, as a cell of the log shows it: ``acq build→alice``.

    A shared one ends in ``r``, and one for one of three permits in ``/3``. Empty bytes are a
    ``tick``, bytes that are no command ``?``. Never raises.
    """
    if not data:
        return "tick"
    try:
        command = decode(data)
    except RemoteProtocolError:
        return "?"
    words = _WORDS[command.op].format(
        lock=short(" ".join(command.lock_ids) or command.lock_id, _SHOWN),
        client=short(command.client_id, _SHOWN),
        whose=short(command.client_id, _SHOWN) or command.session_id,
    )
    return words + (" r" if command.shared else f" /{command.permits}" if command.permits else "")


def fields_of(data: bytes) -> dict[str, Json]:
    """A command's fields as JSON, without those at their default; empty if it is no command."""
    try:
        decode(data)
        found: dict[str, Json] = json.loads(data)
    except RemoteProtocolError:
        return {}
    return found


def _quote(value: str) -> str:
    """A foreign text inside a sentence: bounded, on one line, and always printable."""
    return ascii(value[:32])


def _parse(data: bytes) -> dict[str, object]:
    if len(data) > COMMAND_BYTES_MAX:
        raise RemoteProtocolError(
            f"a command has at most {COMMAND_BYTES_MAX} bytes, this one has {len(data)}"
        )
    try:
        value: object = _DECODER.decode(data.decode())
    except (ValueError, RecursionError) as error:
        # Not the parser's own words: they change between versions of Python.
        raise RemoteProtocolError("a command is JSON text, and these bytes are not") from error
    if not isinstance(value, dict):
        raise RemoteProtocolError("a command is a JSON object, and this is none")
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise RemoteProtocolError(f"a command names {_quote(name)} twice: name it once")
        found[name] = value
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_unique)


def _operation(found: Mapping[str, object]) -> LockOperation:
    name = _text(found, "op")
    if name not in _OPERATIONS:
        known = ", ".join(_OPERATIONS)
        raise RemoteProtocolError(f"a command's op is one of {known}, not {_quote(name)}")
    return _OPERATIONS[name]


def _text(found: Mapping[str, object], name: str) -> str:
    value = found.get(name, "")
    if not isinstance(value, str) or not _is_unicode(value):
        raise RemoteProtocolError(f"a command's {name} is a text, in valid Unicode")
    return value


def _is_unicode(text: str) -> bool:
    """Whether a text can be written out again: JSON can spell half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number(found: Mapping[str, object], name: str) -> int:
    value = found.get(name, 0)
    least = -INTEGER_MAX if name == "priority" else 0
    # A bool is an int to Python, not to JSON.
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= INTEGER_MAX:
        raise RemoteProtocolError(
            f"a command's {name} is a whole number from {least} to {INTEGER_MAX}"
        )
    return value


def _flag(found: Mapping[str, object], name: str) -> bool:
    value = found.get(name, False)
    if not isinstance(value, bool):
        raise RemoteProtocolError(f"a command's {name} is true or false")
    return value


def _names(found: Mapping[str, object]) -> tuple[LockID, ...]:
    value = found.get("lock_ids", [])
    if not isinstance(value, list) or not all(isinstance(x, str) and _is_unicode(x) for x in value):
        raise RemoteProtocolError("a command's lock_ids are a list of texts, in valid Unicode")
    return tuple(map(LockID, value))


def _texts(found: Mapping[str, object], name: str) -> dict[str, str]:
    value = found.get(name, {})
    if not isinstance(value, dict):
        raise RemoteProtocolError(f"a command's {name} is an object of texts")
    for text in (*value, *value.values()):
        if not isinstance(text, str) or not _is_unicode(text):
            raise RemoteProtocolError(f"a command's {name} holds texts only, in valid Unicode")
    return value
