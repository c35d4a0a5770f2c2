"""A trace as a file: a header line, then one line of JSON an event.

The form is fixed: the event's own fields in one order, keys inside sorted, no space, every
character beyond ASCII escaped, no float anywhere. The same trace is the same bytes on every
platform. Reading trusts nothing: whatever is not of this form is refused with the line and the
reason, and nothing of it is returned.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from raftlock.errors import InvalidArgument
from raftlock.trace.schema import fault_of
from raftlock.types import Json, Micros, NodeID, TraceEvent

__all__ = [
    "FORMAT",
    "VERSION",
    "Trace",
    "decode_event",
    "decode_header",
    "encode_event",
    "encode_header",
    "is_trace",
    "parse_lines",
    "read",
    "write_lines",
]

FORMAT = "raftlock trace"
VERSION = 1

LINE_LENGTH_MAX = 1 << 20
"""The longest line that is read, in characters."""

INTEGER_MAX = 2**53 - 1
"""Integers beyond this do not survive every reader of JSON."""

_KEYS = ("seq", "t", "node", "kind", "term", "data", "cause", "rule", "wall")
_NEEDED = _KEYS[:6]


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace that was read. `dropped` older events were no longer kept when it was written."""

    header: Mapping[str, Json]
    events: tuple[TraceEvent, ...]
    dropped: int = 0

    def to_lines(self) -> list[str]:
        """The trace as it stands in a file."""
        return [encode_header(self.header, self.dropped), *map(encode_event, self.events)]


def encode_event(event: TraceEvent) -> str:
    """The event as one line, without its end. Raises `InvalidArgument` for data that is not JSON.

    `cause`, `rule` and `wall` are left out when they say nothing.
    """
    line = (
        f'{{"seq":{event.seq},"t":{event.t},"node":{_dump(event.node)}'
        f',"kind":{_dump(event.kind)},"term":{event.term},"data":{_dump(event.data)}'
    )
    if event.cause:
        line += f',"cause":{event.cause}'
    if event.rule:
        line += f',"rule":{_dump(event.rule)}'
    if event.wall:
        line += f',"wall":{event.wall}'
    return line + "}"


def decode_event(line: str) -> TraceEvent:
    """The event of one line. Raises `InvalidArgument` with what is wrong with it."""
    row = _load(line)
    unknown = row.keys() - set(_KEYS)
    if unknown:
        raise InvalidArgument(f"unknown field {min(unknown)[:40]!r}")
    for key in _NEEDED:
        if key not in row:
            raise InvalidArgument(f"the field {key} is missing")
    data = row["data"]
    if not isinstance(data, dict):
        raise InvalidArgument("the field data must be an object")
    event = TraceEvent(
        seq=_integer(row, "seq"),
        t=Micros(_integer(row, "t")),
        node=NodeID(_text(row, "node")),
        kind=_text(row, "kind"),
        term=_integer(row, "term"),
        data=data,
        cause=_integer(row, "cause"),
        rule=_text(row, "rule"),
        wall=_integer(row, "wall"),
    )
    fault = fault_of(event)
    if fault:
        raise InvalidArgument(fault)
    return event


def encode_header(header: Mapping[str, Json], dropped: int = 0) -> str:
    """The first line. `dropped` is the number of events before the first that follows."""
    rest = {k: v for k, v in header.items() if k not in ("format", "version", "dropped")}
    tail = _dump(rest)[1:-1]
    head = f'{{"format":{_dump(FORMAT)},"version":{VERSION},"dropped":{dropped}'
    return f"{head},{tail}}}" if tail else head + "}"


def decode_header(line: str) -> tuple[dict[str, Json], int]:
    """The header, without what only a file needs, and the number of dropped events.

    Raises `InvalidArgument` if this is no trace, or one that a newer raftlock wrote.
    """
    row = _load(line)
    if row.pop("format", None) != FORMAT:
        raise InvalidArgument("this is not a raftlock trace")
    version = row.pop("version", None)
    if type(version) is not int or version < 1:
        raise InvalidArgument("the version must be an integer from 1 on")
    if version > VERSION:
        raise InvalidArgument(
            f"the trace has version {version} and this raftlock reads up to {VERSION}:"
            " use a newer raftlock"
        )
    dropped = _integer(row, "dropped")
    row.pop("dropped", None)
    return row, dropped


def parse_lines(lines: Iterable[str]) -> Trace:
    """A trace from its lines. Raises `InvalidArgument` that names the line and the reason."""
    header: dict[str, Json] | None = None
    dropped = last = 0
    events: list[TraceEvent] = []
    for place, line in enumerate(lines, 1):
        try:
            if header is None:
                header, dropped = decode_header(line)
                last = dropped
                continue
            event = decode_event(line)
            if event.seq <= last:
                raise InvalidArgument(f"event {event.seq} comes after event {last}")
        except InvalidArgument as error:
            raise InvalidArgument(f"Line {place} of the trace: {error.message}.") from error
        last = event.seq
        events.append(event)
    if header is None:
        raise InvalidArgument("The trace is empty: not even its header is there.")
    return Trace(header, tuple(events), dropped)


def is_trace(path: Path | str) -> bool:
    """Whether the file begins as a trace does. Raises `OSError`."""
    with Path(path).open("rb") as file:
        first = file.readline(LINE_LENGTH_MAX)
    return FORMAT.encode() in first


def read(path: Path | str) -> Trace:
    """Read a trace. Raises `OSError`, and `InvalidArgument` if the file is not a whole trace."""
    try:
        with Path(path).open(encoding="utf-8", newline="\n") as file:
            return parse_lines(iter(lambda: file.readline(LINE_LENGTH_MAX + 1), ""))
    except UnicodeDecodeError as error:
        raise InvalidArgument("The trace is not text in UTF-8.") from error


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a trace's lines to `path`, which is replaced whole or not at all. Raises `OSError`."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("w", encoding="ascii", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _dump(value: Json | Mapping[str, Json]) -> str:
    if isinstance(value, Mapping) and not isinstance(value, dict):
        value = dict(value)
    _check(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _check(value: object) -> None:
    """Refuse what another reader might read differently: floats, huge integers, odd keys."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise InvalidArgument(f"the key {key!r} must be a text")
            _check(inner)
    elif isinstance(value, list):
        for inner in value:
            _check(inner)
    elif isinstance(value, int):
        if abs(value) > INTEGER_MAX:
            raise InvalidArgument("an integer must lie within 2^53 of zero")
    elif value is not None and not isinstance(value, str):
        raise InvalidArgument(f"{type(value).__name__} has no place in a trace")


def _load(line: str) -> dict[str, Json]:
    """One object of strict JSON: no key twice, no float, no huge integer."""
    if len(line) > LINE_LENGTH_MAX:
        raise InvalidArgument(f"a line has at most {LINE_LENGTH_MAX} characters")
    try:
        row = _decoder.decode(line)
    except json.JSONDecodeError as error:
        raise InvalidArgument(f"not JSON: {error.msg} at column {error.colno}") from error
    except RecursionError as error:
        raise InvalidArgument("the JSON is nested too deep") from error
    if not isinstance(row, dict):
        raise InvalidArgument("a line must be a JSON object")
    return row


def _pairs(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise InvalidArgument("a key stands twice in an object")
    return row


def _whole(digits: str) -> int:
    # The length comes first: turning a long text into an integer takes long.
    if len(digits) > 17 or abs(int(digits)) > INTEGER_MAX:
        raise InvalidArgument("an integer must lie within 2^53 of zero")
    return int(digits)


def _no_float(text: str) -> float:
    raise InvalidArgument(f"{text[:20]} is not an integer")


_decoder = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_whole, parse_float=_no_float, parse_constant=_no_float
)


def _integer(row: Mapping[str, Json], key: str) -> int:
    value = row.get(key, 0)
    if type(value) is not int or value < 0:
        raise InvalidArgument(f"the field {key} must be an integer from 0 on")
    return value


def _text(row: Mapping[str, Json], key: str) -> str:
    value = row.get(key, "")
    if not isinstance(value, str):
        raise InvalidArgument(f"the field {key} must be a text")
    return value
