"""What the lock table answers, and how a lock stands: what lock/, node/ and client/ exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from raftlock.errors import ErrorCode
from raftlock.types.commands import LockOperation
from raftlock.types.ids import ClientID, Index, LockID, Millis, SessionID

__all__ = ["Holder", "LockChange", "Outcome", "OutcomeStatus", "QueuedWaiter"]


class OutcomeStatus(StrEnum):
    """What became of a request. All are final but `QUEUED`."""

    GRANTED = "granted"
    QUEUED = "queued"
    RELEASED = "released"
    RENEWED = "renewed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    SESSION_OPENED = "session_opened"
    SESSION_ENDED = "session_ended"
    REVOKED = "revoked"
    REFUSED = "refused"

    @property
    def is_final(self) -> bool:
        """Whether a retry of the request will be answered with the same for ever."""
        return self is not OutcomeStatus.QUEUED


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the lock table says to one request.

    `token` is the fencing token held (granted, renewed) or given up (released); where a hold was
    revoked a fresh one, larger than the holder's, that fences it out at once. `ttl` is the
    granted time to live in milliseconds; `stamp` is the cluster time of the entry that decided
    this, `enqueued_stamp` that of the entry which put the request into the queue (equal to `stamp`
    if it never queued): a holder counts its TTL from before its first attempt left plus their
    difference. `position` counts from 0, and `estimate` is about how long it takes until its turn
    (queued; no promise). `deadline` is when (cluster time) the grant expires or the wait ends.
    Of a session that was opened `ttl` is how long it lives unheard; not the table says so:
    the node fills it in. `expired` marks a retry answered after its grant had already ended. A
    refusal has its `code` and one `message` that says what to do. Where several locks were granted
    at once `tokens` has the token of each, and `token` is the largest. `slot` is the number of the
    permit that is held, from 1 on; `shared` says that others may hold it too.
    """

    status: OutcomeStatus
    op: LockOperation
    lock_id: LockID = LockID("")
    client_id: ClientID = ClientID("")
    session_id: SessionID = SessionID(0)
    sequence: int = 0
    request_id: str = ""
    token: Index = Index(0)
    ttl: Millis = Millis(0)
    stamp: Millis = Millis(0)
    enqueued_stamp: Millis = Millis(0)
    deadline: Millis = Millis(0)
    position: int = 0
    expired: bool = False
    waiter_promoted: bool = False
    code: ErrorCode = ErrorCode.OK
    message: str = ""
    estimate: Millis = Millis(0)
    tokens: Mapping[LockID, Index] = field(default_factory=dict)
    slot: int = 0
    shared: bool = False


@dataclass(frozen=True, slots=True)
class QueuedWaiter:
    """One waiter in grant order; `deadline` is cluster time, `index` the entry that enqueued it.

    What it waits for is the lock alone unless `shared`, or one of so many `permits`.
    """

    client_id: ClientID
    priority: int
    index: Index
    deadline: Millis
    enqueued_stamp: Millis
    request_id: str = ""
    shared: bool = False
    permits: int = 0


@dataclass(frozen=True, slots=True)
class Holder:
    """One of several who hold a lock; `slot` is the number of its permit, from 1 on, or 0."""

    client_id: ClientID
    token: Index
    deadline: Millis
    ttl: Millis
    slot: int = 0


@dataclass(frozen=True, slots=True)
class LockChange:
    """A lock as it stands after an entry touched it, and in a word why it changed.

    `owner_id` is empty and `token` 0 if nobody holds it. `deadline` is cluster time in
    milliseconds. `why` is one of granted, renewed, released, revoked, expired, queued,
    cancelled, timed_out, session_ended (of a waiter), promoted.

    Where it is held `shared`, or by `permits`, these are of the one who has held it longest, with
    the permit `slot`; `others` are the rest, in the order in which they got it.
    """

    lock_id: LockID
    owner_id: ClientID
    token: Index
    deadline: Millis
    ttl: Millis
    waiters: tuple[QueuedWaiter, ...]
    why: tuple[str, ...]
    shared: bool = False
    permits: int = 0
    slot: int = 0
    others: tuple[Holder, ...] = ()

    @property
    def holders(self) -> tuple[Holder, ...]:
        """All who hold it, in the order in which they got it."""
        if not self.owner_id:
            return ()
        first = Holder(self.owner_id, self.token, self.deadline, self.ttl, self.slot)
        return (first, *self.others)
