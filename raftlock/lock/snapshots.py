"""The table as bytes, and back: what stands for the log that was compacted (Raft paper, section 7).

The bytes are the table's dump as compact JSON. Equal tables give equal bytes, and a table that is
read back has the digest of the one that was written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from raftlock.errors import ErrorCode, RemoteProtocolError
from raftlock.lock.deadlines import Deadline, Deadlines
from raftlock.lock.locks import Lock
from raftlock.lock.rules import Hold, LockRules
from raftlock.lock.sessions import Session, SessionTable
from raftlock.lock.statistics import Statistics
from raftlock.lock.waiters import Waiter
from raftlock.types.answers import Outcome, OutcomeStatus, QueuedWaiter
from raftlock.types.commands import Command, LockOperation
from raftlock.types.events import Json
from raftlock.types.ids import Index, LockID, Millis

__all__ = ["Image", "read", "write"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Image:
    """All that a table is made of."""

    clock: Millis
    last_applied: Index
    last_token: Index
    wall: Millis
    locks: dict[LockID, Lock]
    sessions: SessionTable
    deadlines: Deadlines
    statistics: Statistics


def write(dump: Mapping[str, Json], rules: LockRules) -> bytes:
    """The bytes of a table, given its dump."""
    kept = dict(dump) if rules.keeps_sessions() else {**dump, "sessions": []}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()


def read(data: bytes, rules: LockRules) -> Image:
    """The table that `data` was written of; raises `RemoteProtocolError` if it is no table."""
    try:
        found = json.loads(data)
        locks = [_lock(item, rules) for item in found["locks"]]
        sessions = SessionTable()
        for item in found["sessions"]:
            sessions.add(_session(item))
        return Image(
            clock=found["clock"],
            last_applied=found["last_applied"],
            last_token=found["last_token"],
            wall=found["wall"],
            locks={lock.lock_id: lock for lock in locks},
            sessions=sessions,
            deadlines=_deadlines(locks),
            statistics=_record(Statistics, _object(found["statistics"])),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RemoteProtocolError("The snapshot is not one of a lock table.") from None


# JSON has no types: what comes of `json.loads` is put into records field by field.


def _lock(item: Json, rules: LockRules) -> Lock:
    fields = _object(item)
    lock = Lock(LockID(_text(fields["lock_id"])), rules)
    for each in _list(fields["holds"]):
        hold = _record(Hold, _object(each))
        lock.holds[hold.owner_id] = hold
    for waiter in _list(fields["queue"]):
        lock.queue.put(_waiter(waiter))
    lock.touched(Millis(_number(fields["last_modified"])))
    return lock


def _waiter(item: Json) -> Waiter:
    fields = _object(item)
    command = _object(fields["command"])
    return Waiter(
        place=_record(QueuedWaiter, _object(fields["place"])),
        command=_record(Command, {**command, "op": LockOperation(_text(command["op"]))}),
        stamp=Millis(_number(fields["stamp"])),
        enqueued_at=Millis(_number(fields["enqueued_at"])),
    )


def _session(item: Json) -> Session:
    fields = _object(item)
    answers = {int(key): _outcome(value) for key, value in _object(fields["answers"]).items()}
    waits = {int(key): LockID(_text(value)) for key, value in _object(fields["waits"]).items()}
    return _record(Session, {**fields, "answers": answers, "waits": waits})


def _outcome(item: Json) -> Outcome:
    fields = _object(item)
    enums = {
        "status": OutcomeStatus(_text(fields["status"])),
        "op": LockOperation(_text(fields["op"])),
        "code": ErrorCode(_number(fields["code"])),
    }
    return _record(Outcome, {**fields, **enums})


def _deadlines(locks: Iterable[Lock]) -> Deadlines:
    deadlines = Deadlines()
    for lock in locks:
        for owner, hold in lock.holds.items():
            deadlines.set(Deadline(hold.deadline, lock.lock_id, owner, of_wait=False))
        for place in lock.queue.places():
            deadlines.set(Deadline(place.deadline, lock.lock_id, place.client_id, of_wait=True))
    return deadlines


def _record(kind: type[T], fields: Mapping[str, object]) -> T:
    return kind(**fields)  # a field too many or too few is a TypeError, and caught


def _object(item: Json) -> dict[str, Json]:
    if not isinstance(item, dict):
        raise TypeError
    return item


def _list(item: Json) -> list[Json]:
    if not isinstance(item, list):
        raise TypeError
    return item


def _number(item: Json) -> int:
    if not isinstance(item, int):
        raise TypeError
    return item


def _text(item: Json) -> str:
    if not isinstance(item, str):
        raise TypeError
    return item
