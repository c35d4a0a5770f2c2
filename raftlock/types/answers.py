"""What the lock table answers, and how a lock stands: what lock/, node/ and client/ exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from raftlock.errors import ErrorCode
from raftlock.types.commands import LockOperation
from raftlock.types.ids import ClientID, Index, LockID, Millis, SessionID

__all__ = ["LockChange", "Outcome", "OutcomeStatus", "QueuedWaiter"]


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
    at once `tokens` has the token of each, and `token` is the largest.
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


@dataclass(frozen=True, slots=True)
class QueuedWaiter:
    """One waiter in grant order; `deadline` is cluster time, `index` the entry that enqueued it."""

    client_id: ClientID
    priority: int
    index: Index
    deadline: Millis
    enqueued_stamp: Millis
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class LockChange:
    """A lock as it stands after an entry touched it, and in a word why it changed.

    `owner_id` is empty and `token` 0 if nobody holds it. `deadline` is cluster time in
    milliseconds. `why` is one of granted, renewed, released, revoked, expired, queued,
    cancelled, timed_out, session_ended (of a waiter), promoted.
    """

    lock_id: LockID
    owner_id: ClientID
    token: Index
    deadline: Millis
    ttl: Millis
    waiters: tuple[QueuedWaiter, ...]
    why: tuple[str, ...]
