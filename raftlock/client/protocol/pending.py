"""A call that has no answer yet, and the words in which a client reports what became of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from raftlock.errors import (
    ErrorCode,
    RaftLockError,
    ServiceError,
    Timeout,
    Unavailable,
    WaitCancelled,
    WaitTimedOut,
)
from raftlock.types.answers import Outcome, OutcomeStatus
from raftlock.types.commands import Command, LockOperation
from raftlock.types.events import Json
from raftlock.types.ids import LockID, Millis, SessionID

__all__ = ["KEEP_ALIVE", "RETRY_ELSEWHERE", "RETRY_LATER", "Pending", "error_of", "no_answer"]

KEEP_ALIVE = "keep_alive"
"""The call that says that a session's client lives, when it has nothing else to say."""

_OF_THE_TABLE = {"get_lock_info", "get_locks", "get_backoff_advice"}
"""The questions that only a leader answers, unless a stale answer will do."""

_OF_THE_LEADER = {"get_members", "get_snapshot", "change_members", "transfer_leadership"}

_GETS = (LockOperation.ACQUIRE, LockOperation.ENQUEUE_WAITER, LockOperation.ACQUIRE_ALL)


@dataclass(slots=True)
class Pending:
    """One call between its submission and its answer. Moments are the client's clock.

    `session_id` and `sequence` are given when it first leaves, and stay. `withdrawn` means that
    nobody wants what it asks for any more; `on_behalf` makes it a request of the requester's own,
    which cleans up after the call of that number.
    """

    number: int
    call: str
    command: Command | None
    deadline: Millis | None
    session_id: SessionID = SessionID(0)
    sequence: int = 0
    attempts: int = 0
    first_left: Millis = Millis(0)
    moves: int = 0  # into a new session
    busy: int = 0  # answers that told it to come back later
    not_before: Millis = Millis(0)
    asked_at: Millis | None = None  # on the present connection; None if it has to be asked there
    queued: bool = False  # the present connection has told its place in the queue
    withdrawn: bool = False
    held_back: bool = False  # its withdrawal is decided first; asking again would enqueue it again
    on_behalf: int | None = None
    params: Mapping[str, Json] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        """Whether it may stand in a queue."""
        command = self.command
        return command is not None and (
            command.op is LockOperation.ENQUEUE_WAITER
            or (command.op is LockOperation.ACQUIRE and command.wait)
        )

    @property
    def may_get_lock(self) -> bool:
        """Whether its answer may be a grant."""
        return self.command is not None and self.command.op in _GETS

    @property
    def cleans_up(self) -> bool:
        """Whether it is about taking something back, with no caller to answer."""
        return self.withdrawn or self.on_behalf is not None

    @property
    def opens_session(self) -> bool:
        """Whether it asks for a session."""
        return self.command is not None and self.command.op is LockOperation.OPEN_SESSION

    @property
    def has_no_session(self) -> bool:
        """Whether it may leave only in a session and is in none yet."""
        return self.command is not None and not self.opens_session and self.session_id == 0

    @property
    def keeps_alive(self) -> bool:
        """Whether it only says that the session's client lives."""
        return self.call == KEEP_ALIVE

    @property
    def lock_id(self) -> LockID:
        """The lock that it is about, if any."""
        if self.command is not None:
            return self.command.lock_id
        return LockID(str(self.params.get("lock_id", "")))

    @property
    def lock_ids(self) -> tuple[LockID, ...]:
        """All the locks that it is about."""
        several = self.command.lock_ids if self.command is not None else ()
        return several or ((self.lock_id,) if self.lock_id else ())

    @property
    def needs_leader(self) -> bool:
        """Whether only the leader can answer it."""
        if self.command is not None or self.keeps_alive:
            return True
        if self.call in _OF_THE_TABLE:
            return not self.params.get("stale")
        return self.call in _OF_THE_LEADER or bool(self.params.get("of_leader"))

    @property
    def request_id(self) -> str:
        """Its name for the caller, if it has one."""
        return self.command.request_id if self.command is not None else ""

    @property
    def text(self) -> str:
        """The call in a few words, for people."""
        names = ", ".join(repr(str(name[:60])) for name in self.lock_ids)
        return f"{self.call} of {names}" if names else self.call

    def details(self) -> dict[str, str]:
        """What its errors carry for programs."""
        if self.command is None:
            return {"lock": self.lock_id} if self.lock_id else {}
        return {"request_id": self.request_id, "lock": self.lock_id}

    def same_request(self, command: Command) -> bool:
        """Whether `command` asks for exactly the same."""
        return self.command == replace(
            command, session_id=SessionID(0), sequence=0, lowest_unanswered=0
        )

    def lost_connection(self) -> None:
        """It has to be asked again, over another connection."""
        self.asked_at = None
        self.queued = False

    def leave_session(self) -> None:
        """Nothing of it was applied, so it may start anew in another session."""
        self.session_id = SessionID(0)
        self.sequence = 0
        self.attempts = 0
        self.moves += 1
        self.lost_connection()


def error_of(pending: Pending, outcome: Outcome) -> ServiceError | None:
    """The error that a final outcome means to whoever asked; ``None`` if it is what was asked.

    A refusal is no outcome here but an error's code, see `frames.Answer`.
    """
    details = pending.details()
    what = outcome.lock_id or details.get("lock", "")
    if outcome.status is OutcomeStatus.TIMED_OUT:
        text = f"The wait for {what[:60]!r} ended before it was free: ask again to wait longer."
        return WaitTimedOut(outcome.message or text, details)
    if outcome.status is OutcomeStatus.CANCELLED and pending.may_get_lock:
        text = f"The wait for {what[:60]!r} was cancelled; nothing is held and nobody waits."
        return WaitCancelled(outcome.message or text, details)
    return None


def no_answer(pending: Pending, trouble: str, *, asked_before: bool = False) -> RaftLockError:
    """What a caller is told whose deadline came first. `trouble` is what was last heard.

    `asked_before` says that a request of the same id had left earlier, and was given up.
    """
    details = pending.details()
    heard = f" Last heard: {trouble}." if trouble else ""
    what = pending.text[:1].upper() + pending.text[1:]
    if pending.attempts == 0 and asked_before:
        return Timeout(
            f"{what}: no node took it in time. It was asked earlier under the same request id; "
            f"what became of that is still unknown.{heard}",
            details,
        )
    if pending.attempts == 0:
        return Unavailable(
            f"{what}: no node took it in time, so nothing was asked.{heard}", details
        )
    if pending.command is None:
        return Timeout(f"{what}: no answer in time; ask again.{heard}", details)
    if pending.waits:
        return Timeout(
            f"{what}: no answer in time. Whether it was granted is unknown; it is being withdrawn, "
            f"so that no waiter and no lock is left behind.{heard}",
            details,
        )
    return Timeout(
        f"{what}: no answer in time. Whether it took effect is unknown: ask again with "
        f"request_id={details['request_id']!r} to learn it; it is never applied twice.{heard}",
        details,
    )


RETRY_ELSEWHERE = frozenset(
    {
        ErrorCode.NOT_LEADER,
        ErrorCode.NO_LEADER,
        ErrorCode.REPLICATION_FAILURE,
        ErrorCode.TIMEOUT,
        ErrorCode.UNAVAILABLE,
    }
)
"""Answers that decide nothing: the same request goes to whoever leads."""

RETRY_LATER = frozenset({ErrorCode.BUSY, ErrorCode.RATE_LIMITED})
"""Answers that decide nothing: the same request goes to the same node, after a pause."""
