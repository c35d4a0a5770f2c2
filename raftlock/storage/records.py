"""What the bytes of a log mean: records behind each other, each whole or not there at all. Pure.

A segment begins with one line that names its format. A record is::

    4 bytes   F7 'R' 'L' '1', by which a record is found again behind damage
    u32       length of what is written in it
    u32       CRC-32 of all that follows
    u64       number of its batch: what one sync made durable together
    u32       how many records of that batch follow
    ...       what is written: compact JSON

all little-endian. A record holds one whole `Persist`, so that a torn one leaves nothing of it. The
first record of a segment tells term, vote, base and snapshot again, and the last index of the log:
segments before it may go, and one that is gone without leave is noticed.
Snapshots are files of their own; the record names the file's size and checksum.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from raftlock.raft.effects import Persist
from raftlock.types.events import Json
from raftlock.types.ids import Index, Millis, NodeID, Term
from raftlock.types.log import LogEntry, PersistentState, Snapshot, SnapshotMetadata
from raftlock.types.membership import Configuration

__all__ = [
    "FORMAT",
    "Reference",
    "Scan",
    "Written",
    "any_later",
    "encode",
    "frame",
    "reference_to",
    "scan",
]

FORMAT = b"raftlock log 1\n"
"""The first line of a segment. A later form has another number, and is refused here."""

MAGIC = b"\xf7RL1"
_HEAD = Struct("<4sIIQI")
_NUMBERS = Struct("<QI")
RECORD_BYTES_MAX = 1 << 30


class Reference(NamedTuple):
    """A snapshot that lies in a file of its own: where it ends, its members, and how to know it."""

    metadata: SnapshotMetadata
    configuration: Configuration | None
    size: int
    checksum: int

    def matches(self, data: bytes) -> bool:
        """Whether these are the bytes that were meant."""
        return len(data) == self.size and zlib.crc32(data) == self.checksum

    def with_data(self, data: bytes) -> Snapshot:
        """The snapshot, once its bytes were read."""
        return Snapshot(self.metadata, data, self.configuration)


@dataclass(frozen=True, slots=True)
class Written:
    """What one record says: a `Persist` without its number, its snapshot as a reference.

    `last` is told by a segment's first record alone: where the log ended when it was begun.
    """

    state: PersistentState | None = None
    truncate_from: Index | None = None
    snapshot: Reference | None = None
    base: SnapshotMetadata | None = None
    entries: tuple[LogEntry, ...] = ()
    last: Index | None = None


class Scan(NamedTuple):
    """What was read of a segment: batch and meaning of each record, and where sense ended.

    `batch` is the one to which the record behind the last one belongs.
    """

    records: list[tuple[int, Written]]
    end: int
    whole: bool
    batch: int
    offsets: tuple[int, ...] = ()  # where each record begins

    @property
    def is_open(self) -> bool:
        """Whether the last record's batch goes on, with records that are not there."""
        return bool(self.records) and self.records[-1][0] == self.batch


def reference_to(snapshot: Snapshot) -> Reference:
    """How a record names a snapshot."""
    data = snapshot.data
    return Reference(snapshot.metadata, snapshot.configuration, len(data), zlib.crc32(data))


def encode(write: Persist | Written) -> bytes:
    """A write as a record's text."""
    told: dict[str, Json] = {}
    if write.state is not None:
        told["state"] = [write.state.current_term, write.state.voted_for]
    if write.truncate_from is not None:
        told["truncate"] = write.truncate_from
    if write.snapshot is not None:
        known = write.snapshot
        named = reference_to(known) if isinstance(known, Snapshot) else known
        told["snapshot"] = [
            _place(named.metadata),
            _members(named.configuration),
            named.size,
            named.checksum,
        ]
    if write.base is not None:
        told["base"] = _place(write.base)
    if write.entries:
        told["entries"] = [_entry(entry) for entry in write.entries]
    if isinstance(write, Written) and write.last is not None:
        told["last"] = write.last
    return json.dumps(told, separators=(",", ":")).encode()


def frame(batch: int, text: bytes, following: int = 0) -> bytes:
    """A record of `batch`, of which so many are `following` it."""
    checksum = zlib.crc32(_NUMBERS.pack(batch, following) + text)
    return _HEAD.pack(MAGIC, len(text), checksum, batch, following) + text


def scan(data: bytes, start: int, batch: int) -> Scan:
    """Read records from `start` on, up to the end or to the first that makes no sense.

    `batch` is what the first should belong to.
    """
    records: list[tuple[int, Written]] = []
    offsets: list[int] = []
    place = start
    while place < len(data):
        found = _record_at(data, place)
        if found is None:
            return Scan(records, place, whole=False, batch=batch, offsets=tuple(offsets))
        of, following, text = found
        try:
            records.append((of, _decode(text)))
        except (ValueError, TypeError, KeyError):
            return Scan(records, place, whole=False, batch=batch, offsets=tuple(offsets))
        offsets.append(place)
        batch = of if following else of + 1
        place += _HEAD.size + len(text)
    return Scan(records, place, whole=True, batch=batch, offsets=tuple(offsets))


def any_later(data: bytes, start: int, batch: int) -> bool:
    """Whether a whole record of a later batch than `batch` lies anywhere behind `start`."""
    place = data.find(MAGIC, start)
    while place >= 0:
        found = _record_at(data, place)
        if found is not None and found[0] > batch:
            return True
        place = data.find(MAGIC, place + 1)
    return False


def _record_at(data: bytes, place: int) -> tuple[int, int, bytes] | None:
    if len(data) - place < _HEAD.size:
        return None
    magic, length, checksum, batch, following = _HEAD.unpack_from(data, place)
    end = place + _HEAD.size + length
    if magic != MAGIC or length > RECORD_BYTES_MAX or end > len(data):
        return None
    text = data[place + _HEAD.size : end]
    if zlib.crc32(_NUMBERS.pack(batch, following) + text) != checksum:
        return None
    return batch, following, text


def _place(at: SnapshotMetadata) -> list[Json]:
    return [at.last_included_index, at.last_included_term, at.last_included_stamp]


def _members(members: Configuration | None) -> Json:
    if members is None:
        return None
    return [list(members.voters), list(members.learners), list(members.outgoing)]


def _entry(entry: LogEntry) -> list[Json]:
    command = b64encode(entry.command).decode()
    told: list[Json] = [entry.index, entry.term, entry.stamp, command]
    return told if entry.configuration is None else [*told, _members(entry.configuration)]


def _decode(text: bytes) -> Written:
    told = json.loads(text)
    if not isinstance(told, Mapping):
        raise TypeError("a record is a JSON object")
    state, snapshot, base = told.get("state"), told.get("snapshot"), told.get("base")
    cut, last = told.get("truncate"), told.get("last")
    return Written(
        PersistentState(Term(_int(state[0])), NodeID(str(state[1]))) if state else None,
        None if cut is None else Index(_int(cut)),
        _reference(*snapshot) if snapshot else None,
        _read_place(*base) if base else None,
        tuple(_read_entry(*each) for each in told.get("entries", ())),
        None if last is None else Index(_int(last)),
    )


def _reference(place: list[int], members: object, size: int, checksum: int) -> Reference:
    return Reference(_read_place(*place), _read_members(members), _int(size), _int(checksum))


def _read_place(index: int, term: int, stamp: int) -> SnapshotMetadata:
    return SnapshotMetadata(Index(_int(index)), Term(_int(term)), Millis(_int(stamp)))


def _read_members(told: object) -> Configuration | None:
    if told is None:
        return None
    if not isinstance(told, list):
        raise TypeError("members are lists of names")
    voters, learners, outgoing = (tuple(NodeID(str(name)) for name in part) for part in told)
    return Configuration(voters, learners, outgoing)


def _read_entry(
    index: int, term: int, stamp: int, command: str, members: object = None
) -> LogEntry:
    return LogEntry(
        Term(_int(term)),
        Index(_int(index)),
        b64decode(command, validate=True),
        Millis(_int(stamp)),
        _read_members(members),
    )


def _int(value: object) -> int:
    if type(value) is not int:
        raise ValueError("a whole number is wanted")
    return value
