"""What crosses the wire, as JSON text that a student can read, and back.

A frame between nodes is one message, with the number of its sending in the trace::

    {"id":17,"type":"request_vote","message":{"term":2,"candidate_id":"n1", ...}}

A frame between a client and a node is a request or a response, told apart by who sends it::

    {"id":1,"call":"acquire","params":{"lock_id":"printer","client_id":"alice","ttl":10000}}
    {"id":1,"event":"queued","result":{"status":"queued","position":0, ...}}
    {"id":1,"error":{"code":201,"name":"NOT_LEADER","message":"...","details":{"leader":"n2"}}}

Whatever comes in is scanned first (`json_text.read`) and then validated (`values.decode`). It
either decodes or raises `RemoteProtocolError`; the caller closes that connection and nothing else
changes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from raftlock.errors import InvalidArgument, RemoteProtocolError, ServiceError, error_from_code
from raftlock.transport import json_text
from raftlock.transport.limits import (
    CLIENT_FRAME_BYTES_MAX,
    ID_CHARS_MAX,
    INTEGER_MAX,
    MEMBERS_MAX,
    PEER_FRAME_BYTES_MAX,
)
from raftlock.transport.values import as_object, decode, encode
from raftlock.types import (
    AppendEntriesArgs,
    AppendEntriesReply,
    Command,
    Configuration,
    InstallSnapshotArgs,
    InstallSnapshotReply,
    Json,
    LockOperation,
    LogEntry,
    Message,
    Micros,
    RequestVoteArgs,
    RequestVoteReply,
    TimeoutNow,
)

__all__ = [
    "MESSAGE_TYPES",
    "ErrorInfo",
    "PeerFrame",
    "Request",
    "Response",
    "command_from_params",
    "command_to_params",
    "decode_message",
    "decode_peer",
    "decode_request",
    "decode_response",
    "encode_message",
    "encode_peer",
    "encode_request",
    "encode_response",
]

MESSAGE_TYPES: Mapping[str, type[Message]] = {
    "request_vote": RequestVoteArgs,
    "request_vote_reply": RequestVoteReply,
    "append_entries": AppendEntriesArgs,
    "append_entries_reply": AppendEntriesReply,
    "install_snapshot": InstallSnapshotArgs,
    "install_snapshot_reply": InstallSnapshotReply,
    "timeout_now": TimeoutNow,
}
"""The names by which frames between nodes tell their messages apart."""

_TYPE_NAMES = {kind: name for name, kind in MESSAGE_TYPES.items()}


# ---- the frames ----


@dataclass(frozen=True, slots=True)
class PeerFrame:
    """One message between nodes.

    `id` is the trace's number of its sending, 0 if there is no trace. `at` is set in a laboratory
    only: the run time at which the receiver hands the message on.
    """

    id: int
    message: Message
    at: Micros | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks; `id` numbers the requests of one connection and comes back in answers."""

    id: int
    call: str
    params: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """An error as it crosses the wire: number, name, one sentence, and details for programs."""

    code: int
    name: str
    message: str
    details: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, error: ServiceError) -> ErrorInfo:
        """How `error` is told to a client."""
        return cls(int(error.code), error.code.name, error.message, error.details)

    def to_error(self) -> ServiceError:
        """The error to raise at the client."""
        return error_from_code(self.code, self.message, self.details)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer to the request of that `id`: either a `result` or an `error`.

    With an `event` (``queued``) it is news on the way, and the answer is still to come.
    """

    id: int
    result: Mapping[str, Json] | None = None
    error: ErrorInfo | None = None
    event: str | None = None


# ---- between nodes ----


def encode_message(message: Message) -> dict[str, Json]:
    """A message's fields; what kind it is stands beside them in the frame."""
    return encode(message)


def decode_message(kind: str, data: Json) -> Message:
    """The message of that kind (a key of `MESSAGE_TYPES`), with every field within its bounds."""
    if kind not in MESSAGE_TYPES:
        raise RemoteProtocolError("No such type of message.")
    message = decode(MESSAGE_TYPES[kind], data)
    _check_bounds(message)
    if isinstance(message, AppendEntriesArgs):
        for index, entry in enumerate(message.entries, message.prev_log_index + 1):
            _check_bounds(entry)
            if entry.index != index:
                raise RemoteProtocolError(f"entry {entry.index} stands where {index} belongs.")
    return message


def _check_bounds(value: Message | LogEntry) -> None:
    # Terms, indexes, stamps and offsets are all counted from 0.
    for each in dataclasses.fields(value):
        content: object = getattr(value, each.name)
        if isinstance(content, int) and not 0 <= content <= INTEGER_MAX:
            raise RemoteProtocolError(f"{each.name} is out of bounds.")
        if isinstance(content, str) and len(content) > ID_CHARS_MAX:
            raise RemoteProtocolError(f"{each.name} is too long.")
        if isinstance(content, Configuration) and not _is_within_bounds(content):
            raise RemoteProtocolError(f"{each.name} is too long.")


def _is_within_bounds(configuration: Configuration) -> bool:
    members = configuration.members
    return len(members) <= MEMBERS_MAX and all(len(name) <= ID_CHARS_MAX for name in members)


def encode_peer(frame: PeerFrame) -> str:
    """The frame's text."""
    data: dict[str, Json] = {"id": frame.id}
    if frame.at is not None:
        data["at"] = frame.at
    data["type"] = _TYPE_NAMES[type(frame.message)]
    data["message"] = encode_message(frame.message)
    return json_text.write(data)


def decode_peer(text: str) -> PeerFrame:
    """The frame that another node sent."""
    data = _fields(text, PEER_FRAME_BYTES_MAX, ("id", "at", "type", "message"))
    return PeerFrame(
        id=_count(data.get("id"), "id"),
        at=Micros(_count(data["at"], "at")) if "at" in data else None,
        message=decode_message(_text(data.get("type"), "type"), data.get("message")),
    )


# ---- fields of frames ----


def _fields(text: str, size_max: int, known: tuple[str, ...]) -> dict[str, Json]:
    data = as_object(json_text.read(text, size_max=size_max), "A frame")
    for key in data:
        if key not in known:
            raise RemoteProtocolError(f"A frame has no field '{key[:32]}'.")
    return data


def _count(value: Json, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise RemoteProtocolError(f"A frame's {what} must be a whole number from 0 on.")
    return value


def _text(value: Json, what: str) -> str:
    if not isinstance(value, str):
        raise RemoteProtocolError(f"A frame's {what} must be a text.")
    return value


# ---- between clients and nodes ----


def encode_request(request: Request) -> str:
    """The request's text."""
    params: dict[str, Json] = dict(request.params)
    return json_text.write({"id": request.id, "call": request.call, "params": params})


def decode_request(text: str) -> Request:
    """The request that a client sent; its params are looked at by `command_from_params`."""
    data = _fields(text, CLIENT_FRAME_BYTES_MAX, ("id", "call", "params"))
    return Request(
        id=_count(data.get("id"), "id"),
        call=_text(data.get("call"), "call"),
        params=as_object(data.get("params", {}), "A request's params"),
    )


def encode_response(response: Response) -> str:
    """The response's text, without the fields that it does not use."""
    data: dict[str, Json] = {"id": response.id}
    if response.event is not None:
        data["event"] = response.event
    if response.result is not None:
        data["result"] = dict(response.result)
    if response.error is not None:
        data["error"] = encode(response.error)
    return json_text.write(data)


def decode_response(text: str) -> Response:
    """The response that a node sent."""
    data = _fields(text, CLIENT_FRAME_BYTES_MAX, ("id", "event", "result", "error"))
    if ("result" in data) == ("error" in data):
        raise RemoteProtocolError("A response needs either a result or an error.")
    return Response(
        id=_count(data.get("id"), "id"),
        event=_text(data["event"], "event") if "event" in data else None,
        result=as_object(data["result"], "A result") if "result" in data else None,
        error=_error(as_object(data["error"], "An error")) if "error" in data else None,
    )


def _error(data: dict[str, Json]) -> ErrorInfo:
    details: dict[str, str] = {}
    for key, value in as_object(data.get("details", {}), "An error's details").items():
        details[key] = _text(value, "details")
    return ErrorInfo(
        code=_count(data.get("code"), "code"),
        name=_text(data.get("name"), "name"),
        message=_text(data.get("message"), "message"),
        details=details,
    )


def command_to_params(command: Command) -> dict[str, Json]:
    """The params of the request that asks for `command`: its fields, without those at default."""
    params: dict[str, Json] = {}
    for name, default in _COMMAND_DEFAULTS:
        value = getattr(command, name)
        if value != default:
            params[name] = dict(value) if name == "metadata" else value
    return params


_COMMAND_DEFAULTS = tuple(
    (each.name, getattr(Command(LockOperation.ACQUIRE), each.name))
    for each in dataclasses.fields(Command)
    if each.name != "op"
)


def command_from_params(call: str, params: Mapping[str, Json]) -> Command:
    """The command that a request asks for; `call` is its operation.

    A field that is unknown or of the wrong type raises `InvalidArgument`: it is answered, and the
    connection stays. The bounds are checked by `limits.check_command`.
    """
    data: Json = {**params, "op": call}
    try:
        return decode(Command, data)
    except RemoteProtocolError as error:
        raise InvalidArgument(f"The params do not fit the call: {error.message}") from None
