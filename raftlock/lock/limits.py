"""Bounds of the table and of the fields of a command.

They are checked here, inside the replicated table, so that no replica can be made to keep what
another refuses. A service may be stricter at its door.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from raftlock.errors import ErrorCode
from raftlock.lock.refusals import Refusal, interval, invalid
from raftlock.types import Command, LockOperation, Millis

__all__ = ["COMMAND_BYTES_MAX", "DEFAULT_TTL_MS", "ID_LENGTH", "INTEGER_MAX", "Limits"]
__all__ += ["METADATA_ENTRIES_MAX", "METADATA_KEY_LENGTH_MAX", "METADATA_VALUE_LENGTH_MAX"]
__all__ += ["PERMITS_MAX"]
__all__ += ["PRIORITY", "REQUEST_ID_LENGTH_MAX", "TTL_MS", "WAIT_MS", "problem_with", "wait_of"]

ID_LENGTH = range(1, 256 + 1)
"""Characters of a lock's or client's name."""
REQUEST_ID_LENGTH_MAX = 128
METADATA_ENTRIES_MAX = 32
METADATA_KEY_LENGTH_MAX = 64
METADATA_VALUE_LENGTH_MAX = 256
TTL_MS = range(1, 24 * 60 * 60 * 1_000 + 1)
DEFAULT_TTL_MS = Millis(30_000)
"""The TTL of an enqueue_waiter that names none."""
WAIT_MS = range(1, 10 * 60 * 1_000 + 1)
PRIORITY = range(-1_000, 1_000 + 1)
PERMITS_MAX = 1_000
"""Of one lock; and as many may share it."""
INTEGER_MAX = 2**53 - 1
"""The largest integer that every reader of JSON, a browser too, keeps exact."""
COMMAND_BYTES_MAX = 128 * 1_024
"""More than any command within the other bounds can need."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the table keeps; the same on every replica."""

    locks: int = 10_000
    waiters_per_lock: int = 1_000
    sessions: int = 10_000
    answers_per_session: int = 64
    waits_per_session: int = 64


LOCKS_AT_ONCE_MAX = 16
"""How many locks one request may name."""

_TIMED = (
    *(LockOperation.ACQUIRE, LockOperation.ENQUEUE_WAITER, LockOperation.RENEW),
    LockOperation.ACQUIRE_ALL,
)


def wait_of(command: Command) -> Millis | None:
    """How long the request is ready to wait in the queue; ``None`` if it is not."""
    if command.op is LockOperation.ENQUEUE_WAITER:
        return command.timeout
    return command.wait_timeout if command.op is LockOperation.ACQUIRE and command.wait else None


def problem_with(command: Command) -> Refusal | None:
    """The first thing wrong with a command's own fields, whatever the table holds; or ``None``."""
    if command.op in (LockOperation.OPEN_SESSION, LockOperation.END_SESSION):
        problems = _of_session(command)
    else:
        problems = _of_lock(command)
    return next(problems, None)


def _of_session(command: Command) -> Iterator[Refusal]:
    """A session is opened by its client's name, and ended by its own number."""
    if command.op is LockOperation.OPEN_SESSION or command.client_id:
        yield from _of_name("client", command.client_id)
    if command.op is LockOperation.END_SESSION and command.session_id == 0:
        yield invalid("session 0 is no session: name the one to end")
    yield from _of_request(command)


def _of_lock(command: Command) -> Iterator[Refusal]:
    if command.op is LockOperation.ACQUIRE_ALL:
        yield from _of_names(command)
    else:
        yield from _of_name("lock", command.lock_id)
    yield from _of_name("client", command.client_id)
    yield from _of_terms(command)
    yield from _of_request(command)
    if command.session_id != 0 and not max(1, command.lowest_unanswered) <= command.sequence:
        yield invalid(
            "a session numbers its requests from 1, and lowest_unanswered is no larger than the "
            "request's own number: correct the two numbers"
        )
    if command.op in _TIMED:
        yield from _of_times(command)


def _of_names(command: Command) -> Iterator[Refusal]:
    for name in command.lock_ids:
        yield from _of_name("lock", name)
    distinct = len(set(command.lock_ids))
    if command.lock_id or not 1 <= distinct == len(command.lock_ids) <= LOCKS_AT_ONCE_MAX:
        bounds = f"1 to {LOCKS_AT_ONCE_MAX} locks"
        yield invalid(f"{bounds} are acquired at once, each named once: correct the list")


def _of_terms(command: Command) -> Iterator[Refusal]:
    if not (command.shared or command.permits):
        return
    if command.op not in (LockOperation.ACQUIRE, LockOperation.ENQUEUE_WAITER):
        yield invalid(f"to {command.op} is not shared and has no permits: leave them out")
    if command.shared and command.permits:
        yield invalid("a lock is shared or has permits, and not both: choose one")
    if command.permits > PERMITS_MAX:
        bounds = f"1 to {PERMITS_MAX} permits, not {command.permits}"
        yield invalid(f"a lock has {bounds}: choose another number")


def _of_name(what: str, name: str) -> Iterator[Refusal]:
    if len(name) not in ID_LENGTH:
        bounds = f"1 to {ID_LENGTH[-1]} characters, this one has {len(name)}"
        advice = "choose a shorter one" if name else "give one"
        yield invalid(f"a {what}'s name has {bounds}: {advice}")


def _of_request(command: Command) -> Iterator[Refusal]:
    length, most = len(command.request_id), REQUEST_ID_LENGTH_MAX
    if length > most:
        yield invalid(
            f"a request id has up to {most} characters, this one has {length}: shorten it"
        )
    entries, most = len(command.metadata), METADATA_ENTRIES_MAX
    if entries > most:
        yield invalid(f"metadata has up to {most} entries, this has {entries}: leave some out")
    for key, value in command.metadata.items():
        if len(key) > METADATA_KEY_LENGTH_MAX or len(value) > METADATA_VALUE_LENGTH_MAX:
            yield invalid(
                f"metadata has keys of up to {METADATA_KEY_LENGTH_MAX} characters and values of "
                f"up to {METADATA_VALUE_LENGTH_MAX}: shorten them"
            )


def _of_times(command: Command) -> Iterator[Refusal]:
    wait, ttl = wait_of(command), command.ttl
    takes_default = command.op is LockOperation.ENQUEUE_WAITER and ttl == 0
    if ttl not in TTL_MS and not takes_default:
        message = f"a TTL is 1 ms to 24 hours, not {interval(ttl)}: choose another"
        yield Refusal(ErrorCode.INVALID_TTL, message)
    if wait is not None and wait not in WAIT_MS:
        yield invalid(f"a wait is 1 ms to 10 minutes, not {interval(wait)}: choose another")
    if command.priority not in PRIORITY:
        bounds = f"{PRIORITY[0]} to {PRIORITY[-1]}"
        yield invalid(f"a priority is {bounds}, not {command.priority}: choose another")
