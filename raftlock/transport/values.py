"""The values of ``types/`` as JSON that a student can read, and back.

All fields are written under their own names, roles as words, durations in milliseconds, bytes in
base64. A command in the log is written as the JSON it is wherever that gives the same bytes back.
What comes in is validated against the dataclasses by pydantic: strict, no unknown field. It either
decodes or raises `RemoteProtocolError`. The original's own JSON of five of the types is in
`original`.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Mapping
from enum import IntEnum
from typing import TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from raftlock.errors import LocalProtocolError, RemoteProtocolError
from raftlock.transport import json_text
from raftlock.transport.limits import CLIENT_FRAME_BYTES_MAX
from raftlock.types import (
    AppendEntriesArgs,
    AppendEntriesReply,
    ApplyMsg,
    BackoffAdvice,
    Command,
    Configuration,
    Holder,
    HolderInfo,
    IndexOffsetPair,
    InstallSnapshotArgs,
    InstallSnapshotReply,
    Json,
    LockChange,
    LockInfo,
    LockRates,
    LockStats,
    LogEntry,
    NodeRole,
    Outcome,
    PeerConnectionStatus,
    PeerState,
    PersistentState,
    ProposalResult,
    ProposalStats,
    QueuedWaiter,
    RaftStatus,
    RequestVoteArgs,
    RequestVoteReply,
    Snapshot,
    SnapshotMetadata,
    TimeoutNow,
    WaiterInfo,
)

__all__ = ["as_object", "decode", "encode", "validated"]

T = TypeVar("T")


# ---- validation ----

# The dataclasses of types/ know nothing of pydantic; this is where it is told how to read them.
_CONFIG = ConfigDict(extra="forbid", strict=True, val_json_bytes="base64", ser_json_bytes="base64")
_VALIDATED: tuple[type, ...] = (
    Configuration,
    *(RequestVoteArgs, RequestVoteReply, AppendEntriesArgs, AppendEntriesReply),
    *(InstallSnapshotArgs, InstallSnapshotReply, TimeoutNow),
    *(LogEntry, PersistentState, Snapshot, SnapshotMetadata, IndexOffsetPair, ApplyMsg),
    *(Command, LockInfo, WaiterInfo, BackoffAdvice, Outcome, QueuedWaiter),
    *(RaftStatus, PeerState, PeerConnectionStatus, ProposalResult, ProposalStats),
    *(LockStats, LockRates, Holder, HolderInfo, LockChange),
)
_ADAPTERS: dict[type, TypeAdapter[object]] = {
    kind: TypeAdapter(kind) for kind in map(with_config(_CONFIG), _VALIDATED)
}


def as_object(value: Json, what: str) -> dict[str, Json]:
    """`value` if it is an object; `what` names it in the refusal."""
    if not isinstance(value, dict):
        raise RemoteProtocolError(f"{what} must be an object.")
    return value


def validated(kind: type[T], data: Json) -> T:
    """The value of that `kind` whose fields are `data`, with roles as numbers, bytes in base64."""
    try:
        # JSON, because pydantic's strict mode takes a list for a tuple only where it reads JSON.
        value = _ADAPTERS[kind].validate_json(json_text.write(data))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(step)[:32] for step in first["loc"][:6])
        raise RemoteProtocolError(
            f"{kind.__name__}{' ' if where else ''}{where}: {first['msg'][:120]}."
        ) from None
    except (LocalProtocolError, UnicodeEncodeError):
        raise RemoteProtocolError(f"{kind.__name__} is not JSON.") from None
    assert isinstance(value, kind)
    return value


# ---- commands in entries ----


def _command_fields(command: bytes) -> dict[str, Json]:
    """The field that holds a log entry's command: as JSON if that is exact, else in base64."""
    if not command:
        return {}
    try:
        text = command.decode()
        value = json_text.read(text, size_max=CLIENT_FRAME_BYTES_MAX, depth_max=_COMMAND_DEPTH_MAX)
    except (UnicodeDecodeError, RemoteProtocolError):
        value = None
    else:
        if isinstance(value, dict) and json_text.write(value) == text:
            return {"command": value}
    return {"command_b64": base64.b64encode(command).decode()}


_COMMAND_DEPTH_MAX = 4  # an entry's command is already at depth 5 of a frame


def _with_plain_command(data: dict[str, Json]) -> dict[str, Json]:
    """The same entry with its command in base64, as pydantic reads bytes."""
    given = [key for key in ("command", "command_b64") if key in data]
    if not given:
        return data
    if len(given) == 2:
        raise RemoteProtocolError("An entry has two commands.")
    plain = {key: value for key, value in data.items() if key != given[0]}
    value = data[given[0]]
    if given[0] == "command":
        command = json_text.write(as_object(value, "command")).encode()
    else:
        command = _from_base64(value)
    # Empty bytes are an empty entry, and those have neither field.
    if not command:
        raise RemoteProtocolError("An entry's command is empty.")
    return {**plain, "command": base64.b64encode(command).decode()}


def _from_base64(value: Json) -> bytes:
    if not isinstance(value, str):
        raise RemoteProtocolError("command_b64 must be a text.")
    try:
        return base64.b64decode(value.encode(), validate=True)
    except binascii.Error:
        raise RemoteProtocolError("command_b64 is not base64.") from None


# ---- values of the vocabulary ----


_RARE = frozenset(
    {
        *("configuration", "estimate", "is_transfer", "lock_ids", "locks", "round", "tokens"),
        *("holder_count", "holders", "others", "permits", "shared", "slot"),
    }
)
"""Fields that few messages use: written only there, so that the others read well."""


def encode(value: object) -> dict[str, Json]:
    """Any value type of ``types/`` as JSON: every field under its own name.

    Callbacks (`PendingProposal.result`) have no JSON and are left out.
    """
    assert dataclasses.is_dataclass(value)
    data: dict[str, Json] = {}
    for each in dataclasses.fields(value):
        content: object = getattr(value, each.name)
        if each.name == "command" and isinstance(content, bytes):
            data.update(_command_fields(content))
        elif not callable(content) and not (each.name in _RARE and content in (each.default, {})):
            data[each.name] = _plain(content)
    return data


def _plain(value: object) -> Json:
    match value:
        case NodeRole():
            return value.word
        case IntEnum():
            return int(value)
        case str():
            return str(value)
        case None | bool() | int() | float():
            return value
        case bytes():
            return base64.b64encode(value).decode()
        case tuple() | list():
            return [_plain(item) for item in value]
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
    return dict(encode(value))


def decode(kind: type[T], data: Json) -> T:
    """The value of that `kind` which `encode` wrote."""
    plain = as_object(data, kind.__name__)
    if kind in (LogEntry, ApplyMsg):
        plain = _with_plain_command(plain)
    elif kind is AppendEntriesArgs and isinstance(entries := plain.get("entries"), list):
        listed: list[Json] = [
            _with_plain_command(as_object(entry, "An entry")) for entry in entries
        ]
        plain = {**plain, "entries": listed}
    elif kind is RaftStatus and "role" in plain:
        plain = {**plain, "role": _role_number(plain["role"])}
    return validated(kind, plain)


def _role_number(word: Json) -> int:
    for role in NodeRole:
        if role.word == word:
            return int(role)
    raise RemoteProtocolError("role must be follower, candidate or leader.")
