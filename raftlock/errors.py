"""Every error of raftlock, one tree.

::

    RaftLockError
    ├── ServiceError              the service answered with an error code
    │   ├── LockHeld              101  somebody else holds it
    │   ├── LockNotHeld           102  nobody holds it
    │   ├── NotLockOwner          103  somebody else owns it
    │   ├── VersionMismatch       104  the fencing token is not the holder's
    │   ├── LockNotFound          105  there is no such lock
    │   ├── InvalidTTL            106
    │   ├── WaitQueueFull         107
    │   ├── NotWaiting            108  nothing to cancel
    │   ├── NotLeader             201  ask the leader named in details
    │   ├── NoLeader              202  nobody leads just now
    │   ├── ReplicationFailure    203  the proposal was overtaken: its outcome is unknown
    │   ├── Timeout               301  no answer in time: the outcome is unknown
    │   ├── RateLimited           302
    │   ├── Unavailable           303  no node could be reached
    │   ├── InternalError         304
    │   ├── InvalidArgument       305
    │   ├── PermissionDenied      306
    │   ├── Busy                  400
    │   ├── SessionExpired        401  open a new session; nothing was applied
    │   ├── NotInThisRuntime      402  this kind of cluster cannot do that
    │   ├── WaitTimedOut          403  the wait ended before the lock was free
    │   ├── WaitCancelled         404
    │   ├── TooMany               405  a table of the service is full
    │   └── Compacted             406  what is asked for is no longer kept
    ├── LockLost                  the lock ended while it was thought to be held
    ├── StaleToken                what the lock protects has seen a later holder
    ├── ClusterStopped            the cluster was stopped or replaced
    ├── UnknownNode               no node of that name (also an InvalidArgument)
    ├── ProtocolError
    │   ├── LocalProtocolError    this side broke the protocol: a bug here
    │   └── RemoteProtocolError   the other side sent something malformed
    ├── StorageError              the disk failed, or is damaged
    └── PanelsNotInstalled        pip install raftlock[notebook]

Codes up to 399 are the original raftlock's, under its numbers; those from 400 on are added here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

__all__ = [
    "Busy",
    "ClusterStopped",
    "Compacted",
    "ErrorCode",
    "InternalError",
    "InvalidArgument",
    "InvalidTTL",
    "LocalProtocolError",
    "LockHeld",
    "LockLost",
    "LockNotFound",
    "LockNotHeld",
    "NoLeader",
    "NotInThisRuntime",
    "NotLeader",
    "NotLockOwner",
    "NotWaiting",
    "PanelsNotInstalled",
    "PermissionDenied",
    "ProtocolError",
    "RaftLockError",
    "RateLimited",
    "RemoteProtocolError",
    "ReplicationFailure",
    "ServiceError",
    "SessionExpired",
    "StaleToken",
    "StorageError",
    "Timeout",
    "TooMany",
    "Unavailable",
    "UnknownNode",
    "VersionMismatch",
    "WaitCancelled",
    "WaitQueueFull",
    "WaitTimedOut",
    "error_from_code",
]


class ErrorCode(IntEnum):
    """The numbers by which the service names an error on the wire."""

    UNSPECIFIED = 0
    OK = 1
    LOCK_HELD = 101
    LOCK_NOT_HELD = 102
    NOT_LOCK_OWNER = 103
    VERSION_MISMATCH = 104
    LOCK_NOT_FOUND = 105
    INVALID_TTL = 106
    WAIT_QUEUE_FULL = 107
    NOT_WAITING = 108
    NOT_LEADER = 201
    NO_LEADER = 202
    REPLICATION_FAILURE = 203
    TIMEOUT = 301
    RATE_LIMITED = 302
    UNAVAILABLE = 303
    INTERNAL_ERROR = 304
    INVALID_ARGUMENT = 305
    PERMISSION_DENIED = 306
    BUSY = 400
    SESSION_EXPIRED = 401
    NOT_IN_THIS_RUNTIME = 402
    WAIT_TIMED_OUT = 403
    WAIT_CANCELLED = 404
    TOO_MANY = 405
    COMPACTED = 406


class RaftLockError(Exception):
    """The root of all errors of raftlock: one sentence that says what to do, and details.

    `details` is a mapping of short texts, for programs.
    """

    def __init__(self, message: str, details: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, str] = dict(details or {})


class ServiceError(RaftLockError):
    """The service answered with an error; `code` is its number on the wire."""

    code = ErrorCode.INTERNAL_ERROR


class LockHeld(ServiceError):
    """Somebody else holds the lock: wait for it, or ask again later."""

    code = ErrorCode.LOCK_HELD


class LockNotHeld(ServiceError):
    """Nobody holds the lock (it was released, or its TTL ended): acquire it first."""

    code = ErrorCode.LOCK_NOT_HELD


class NotLockOwner(ServiceError):
    """Somebody else owns the lock: stop using what it protects."""

    code = ErrorCode.NOT_LOCK_OWNER


class VersionMismatch(ServiceError):
    """The fencing token named is not the holder's: that hold has ended."""

    code = ErrorCode.VERSION_MISMATCH


class LockNotFound(ServiceError):
    """There is no such lock."""

    code = ErrorCode.LOCK_NOT_FOUND


class InvalidTTL(ServiceError):
    """The time to live is outside the allowed range."""

    code = ErrorCode.INVALID_TTL


class WaitQueueFull(ServiceError):
    """The lock's queue takes no more waiters: ask again later."""

    code = ErrorCode.WAIT_QUEUE_FULL


class NotWaiting(ServiceError):
    """The client is not in the lock's queue: there is nothing to cancel."""

    code = ErrorCode.NOT_WAITING


class NotLeader(ServiceError):
    """The node asked does not lead; `details` may have ``leader`` and its ``address``."""

    code = ErrorCode.NOT_LEADER


class NoLeader(ServiceError):
    """Nobody leads just now: ask again after an election timeout."""

    code = ErrorCode.NO_LEADER


class ReplicationFailure(ServiceError):
    """The proposal was overtaken by a new leader: ask again with the same request id."""

    code = ErrorCode.REPLICATION_FAILURE


class Timeout(ServiceError):
    """No answer in time. The outcome is unknown: ask again with the same request id."""

    code = ErrorCode.TIMEOUT


class RateLimited(ServiceError):
    """Too many requests a second: slow down."""

    code = ErrorCode.RATE_LIMITED


class Unavailable(ServiceError):
    """No node could be reached."""

    code = ErrorCode.UNAVAILABLE


class InternalError(ServiceError):
    """The service failed in a way it should not have: report it."""

    code = ErrorCode.INTERNAL_ERROR


class InvalidArgument(ServiceError, ValueError):
    """An argument is not of the allowed form; the sentence says which and why."""

    code = ErrorCode.INVALID_ARGUMENT


class UnknownNode(InvalidArgument):
    """The cluster has no node of that name; the sentence lists those it has."""


class PermissionDenied(ServiceError):
    """The caller's role does not allow that."""

    code = ErrorCode.PERMISSION_DENIED


class Busy(ServiceError):
    """The leader has too much uncommitted work: ask again later."""

    code = ErrorCode.BUSY


class SessionExpired(ServiceError):
    """The client's session is unknown: open a new one. Nothing was applied."""

    code = ErrorCode.SESSION_EXPIRED


class NotInThisRuntime(ServiceError):
    """This kind of cluster cannot do that; the sentence says why."""

    code = ErrorCode.NOT_IN_THIS_RUNTIME


class WaitTimedOut(ServiceError):
    """The wait ended before the lock was free; nothing is held and nobody waits."""

    code = ErrorCode.WAIT_TIMED_OUT


class WaitCancelled(ServiceError):
    """The wait was cancelled; nothing is held and nobody waits."""

    code = ErrorCode.WAIT_CANCELLED


class TooMany(ServiceError):
    """A table of the service is full: release something first."""

    code = ErrorCode.TOO_MANY


class Compacted(ServiceError):
    """The changes asked for are no longer kept: look at the locks, and watch from now on."""

    code = ErrorCode.COMPACTED


class LockLost(RaftLockError):
    """The lock ended while it was thought to be held: what was done under it may be stale."""


class StaleToken(RaftLockError):
    """What the lock protects has seen a later holder's token: stop, and acquire anew."""


class ClusterStopped(RaftLockError):
    """The cluster was stopped or replaced: make a new one."""


class ProtocolError(RaftLockError):
    """Somebody broke the wire protocol; only the two subclasses are raised."""


class LocalProtocolError(ProtocolError):
    """This side tried to break the protocol: a bug here."""


class RemoteProtocolError(ProtocolError):
    """The other side sent something malformed; its connection is closed, nothing else changes."""


class StorageError(RaftLockError):
    """The disk failed or is damaged: the node has stopped for good, its sentence says why."""


class PanelsNotInstalled(RaftLockError):
    """The panels are a separate part: ``pip install raftlock[notebook]``."""


_BY_CODE: dict[ErrorCode, type[ServiceError]] = {
    kind.code: kind
    for kind in (
        LockHeld,
        LockNotHeld,
        NotLockOwner,
        VersionMismatch,
        LockNotFound,
        InvalidTTL,
        WaitQueueFull,
        NotWaiting,
        NotLeader,
        NoLeader,
        ReplicationFailure,
        Timeout,
        RateLimited,
        Unavailable,
        InternalError,
        InvalidArgument,
        PermissionDenied,
        Busy,
        SessionExpired,
        NotInThisRuntime,
        WaitTimedOut,
        WaitCancelled,
        TooMany,
        Compacted,
    )
}


def error_from_code(
    code: int, message: str, details: Mapping[str, str] | None = None
) -> ServiceError:
    """The error that a service's answer means; an unknown code is an `InternalError`."""
    try:
        kind = _BY_CODE[ErrorCode(code)]
    except (ValueError, KeyError):
        return InternalError(f"{message} (error code {code})", details)
    return kind(message, details)
