"""What the table says when it refuses, or ends a wait: one sentence each, which says what to do."""

from __future__ import annotations

from typing import NamedTuple

from raftlock.errors import ErrorCode
from raftlock.lock.rules import Hold
from raftlock.lock.waiters import Waiter
from raftlock.types import ClientID, Command

__all__ = [
    "Refusal",
    "another_token",
    "cancelled",
    "forgotten",
    "held",
    "interval",
    "invalid",
    "not_held",
]
__all__ += ["not_waiting", "not_yours", "other_terms", "queue_full", "session_unknown", "short"]
__all__ += ["timed_out", "too_many_locks", "too_many_waits", "wrong_session"]


class Refusal(NamedTuple):
    """Why a request was not done: a code for programs, a sentence for people."""

    code: ErrorCode
    message: str


def short(name: str, length: int = 40) -> str:
    """A name as it is shown: whole if it has at most `length` characters."""
    return name if len(name) <= length else name[: length - 1] + "…"


def interval(ms: int) -> str:
    """A duration as a person would say it: ``250 ms``, ``5 s``, ``1.5 s``."""
    seconds, rest = divmod(ms, 1_000)
    return f"{seconds}.{rest:03d}".rstrip("0").rstrip(".") + " s" if seconds else f"{ms} ms"


def invalid(message: str) -> Refusal:
    """An argument is not of the allowed form."""
    return Refusal(ErrorCode.INVALID_ARGUMENT, message)


def _holder(command: Command, hold: Hold) -> str:
    return f"{short(hold.owner_id)} holds {short(command.lock_id)} with token {hold.token}"


def held(command: Command, hold: Hold) -> Refusal:
    """Somebody else holds the lock."""
    message = f"{_holder(command, hold)}: wait for it, or ask again later"
    return Refusal(ErrorCode.LOCK_HELD, message)


def other_terms(command: Command, *, shared: bool, permits: int) -> Refusal:
    """The lock is in use on other terms: shared or alone by the same client, or other permits."""
    terms = f"by one of {permits} permits" if permits else "shared" if shared else "alone"
    message = f"{short(command.lock_id)} is held or waited for {terms}: ask so, or give that up"
    return invalid(message)


def not_held(command: Command) -> Refusal:
    """Nobody holds the lock."""
    lock_id = short(command.lock_id)
    message = f"nobody holds {lock_id} (it was released, or its TTL ended): acquire it first"
    return Refusal(ErrorCode.LOCK_NOT_HELD, message)


def not_yours(command: Command, hold: Hold) -> Refusal:
    """The release or renewal names another owner or token than the holder's."""
    if hold.owner_id == command.client_id:
        advice = f"not {command.version}: name the token of its last grant"
        return Refusal(ErrorCode.VERSION_MISMATCH, f"{_holder(command, hold)}, {advice}")
    advice = f"not {short(command.client_id)}: stop using what it protects, and acquire it anew"
    return Refusal(ErrorCode.NOT_LOCK_OWNER, f"{_holder(command, hold)}, {advice}")


def another_token(command: Command, hold: Hold) -> Refusal:
    """What is to be revoked is held with another token by now."""
    message = f"{_holder(command, hold)}, not {command.version}: look at it again"
    return Refusal(ErrorCode.VERSION_MISMATCH, message)


def not_waiting(command: Command, hold: Hold | None) -> Refusal:
    """There is no wait to cancel."""
    if hold is not None and hold.owner_id == command.client_id:
        message = f"{_holder(command, hold)} and no longer waits: release it instead"
    else:
        client_id, lock_id = short(command.client_id), short(command.lock_id)
        message = f"{client_id} does not wait for {lock_id}: there is nothing to cancel"
    return Refusal(ErrorCode.NOT_WAITING, message)


def queue_full(command: Command, limit: int) -> Refusal:
    """The lock's queue takes no more."""
    message = f"{limit} clients wait for {short(command.lock_id)}, as many as may: ask again later"
    return Refusal(ErrorCode.WAIT_QUEUE_FULL, message)


def too_many_locks(limit: int) -> Refusal:
    """The table takes no more locks."""
    message = f"{limit} locks are in use, as many as the table takes: release one first"
    return Refusal(ErrorCode.TOO_MANY, message)


def too_many_waits(command: Command, limit: int) -> Refusal:
    """The session takes no more waits."""
    message = f"{short(command.client_id)} waits for {limit} locks, as many as it may: cancel one"
    return Refusal(ErrorCode.TOO_MANY, message)


def session_unknown(command: Command) -> Refusal:
    """The session ended, was evicted, or never was."""
    message = f"session {command.session_id} has ended, and nothing was done: open a new one"
    return Refusal(ErrorCode.SESSION_EXPIRED, message)


def wrong_session(command: Command, owner: ClientID) -> Refusal:
    """The session is another client's."""
    whose = f"session {command.session_id} belongs to {short(owner)}"
    message = f"{whose}, not to {short(command.client_id)}: open a session of its own"
    return Refusal(ErrorCode.PERMISSION_DENIED, message)


def forgotten(command: Command) -> Refusal:
    """The request was answered so long ago that its answer is no longer kept."""
    return invalid(
        f"request {command.sequence} of session {command.session_id} is older than the answers "
        "that are kept, and nothing was done: ask with a new number"
    )


def timed_out(waiter: Waiter) -> Refusal:
    """A wait lasted as long as it was meant to, in vain."""
    client_id, lock_id = short(waiter.place.client_id), short(waiter.command.lock_id)
    lasted = interval(waiter.place.deadline - waiter.stamp)
    message = f"{client_id} waited {lasted} for {lock_id} in vain: ask again, or wait longer"
    return Refusal(ErrorCode.WAIT_TIMED_OUT, message)


def cancelled(waiter: Waiter, reason: str, advice: str = "") -> Refusal:
    """A wait was ended before its time; `advice` is for who did not ask for that."""
    client_id, lock_id = short(waiter.place.client_id), short(waiter.command.lock_id)
    message = f"{client_id} no longer waits for {lock_id} ({reason}){advice}"
    return Refusal(ErrorCode.WAIT_CANCELLED, message)
