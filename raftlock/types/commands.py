"""What clients ask of the lock table, and what it tells people about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from raftlock.types.ids import ClientID, Index, LockID, Millis, SessionID

__all__ = [
    "BackoffAdvice",
    "Command",
    "HolderInfo",
    "LockInfo",
    "LockOperation",
    "SnapshotOperation",
    "WaiterInfo",
]


class LockOperation(StrEnum):
    """What a command does. The first five are the original's; those after them are added here."""

    ACQUIRE = "acquire"
    RELEASE = "release"
    RENEW = "renew"
    ENQUEUE_WAITER = "enqueue_waiter"
    CANCEL_WAIT = "cancel_wait"
    OPEN_SESSION = "open_session"
    END_SESSION = "end_session"
    REVOKE = "revoke"
    ACQUIRE_ALL = "acquire_all"


class SnapshotOperation(StrEnum):
    """What is done with a snapshot."""

    CREATE = "create"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Command:
    """One request to the lock table, as it stands in the log.

    `ttl`, `timeout` and `wait_timeout` are milliseconds; `version` is the fencing token that a
    release or renewal must name. The session fields make a retry find its answer (Raft thesis
    section 6.3): `sequence` numbers the session's requests, and `lowest_unanswered` tells the table
    which answers it may forget. `proposed_at` is the proposing node's wall clock (Unix
    milliseconds), for people to read; nothing decides by it. `lock_ids` are the locks of an
    ``acquire_all``, which has no `lock_id`.

    A lock is asked for alone unless `shared`, with all others who ask so (a read lock), or for one
    of so many `permits` (a counting semaphore).
    """

    op: LockOperation
    lock_id: LockID = LockID("")
    client_id: ClientID = ClientID("")
    ttl: Millis = Millis(0)
    version: Index = Index(0)
    priority: int = 0
    timeout: Millis = Millis(0)
    wait: bool = False
    wait_timeout: Millis = Millis(0)
    request_id: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    session_id: SessionID = SessionID(0)
    sequence: int = 0
    lowest_unanswered: int = 0
    proposed_at: Millis = Millis(0)
    lock_ids: tuple[LockID, ...] = ()
    shared: bool = False
    permits: int = 0


@dataclass(frozen=True, slots=True)
class HolderInfo:
    """One of those who hold a lock together, for people to read; the fields are as in `LockInfo`.

    `slot` is the number of its permit, from 1 on; 0 if it holds none.
    """

    client_id: ClientID
    version: Index
    acquired_at: Millis | None
    expires_at: Millis | None
    ttl: Millis
    remaining: Millis
    slot: int = 0


@dataclass(frozen=True, slots=True)
class WaiterInfo:
    """One waiter of a lock, for people to read. The moments are wall clock, Unix milliseconds.

    `position` counts from 0, the head of the queue. `shared` and `permits` say what it waits for.
    """

    client_id: ClientID
    enqueued_at: Millis | None
    timeout_at: Millis | None
    priority: int
    position: int
    shared: bool = False
    permits: int = 0


@dataclass(frozen=True, slots=True)
class LockInfo:
    """One lock, for people to read. The moments are wall clock (Unix milliseconds) or ``None``.

    An empty `owner_id` means that nobody holds it. `version` is the holder's fencing token.
    `waiters_info` has the head of the queue, `waiter_count` is its whole length. Added here: `ttl`
    is what the hold was last given, and `remaining` what is left of that, in milliseconds of
    cluster time when the lock was looked at. It is no promise: it may rise after a failover.

    A lock that is held `shared`, or by `permits`, may have several holders: `holders` has the first
    of them and `holder_count` says how many there are, while
    `owner_id` and what goes with it tell of the one that has held it longest.
    """

    lock_id: LockID
    owner_id: ClientID
    version: Index
    acquired_at: Millis | None
    expires_at: Millis | None
    waiter_count: int
    waiters_info: tuple[WaiterInfo, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    last_modified: Millis | None = None
    ttl: Millis = Millis(0)
    remaining: Millis = Millis(0)
    shared: bool = False
    permits: int = 0
    holder_count: int = 0
    holders: tuple[HolderInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class BackoffAdvice:
    """How long a client should wait before it asks again; durations in milliseconds."""

    initial_backoff: Millis
    max_backoff: Millis
    multiplier: float
    jitter_factor: float
    estimated_availability_in: Millis | None = None
