"""The lock table once more, written from its promises and not from its code.

It is slow and plain on purpose: lists that are searched, sorted anew each time. `apply` takes the
entries of the log in order and says how each lock that they touch must stand afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from raftlock.trace.fields import flag, number, text
from raftlock.types.events import Json

__all__ = ["Hold", "LockModel", "LockState", "Wait"]

DEFAULT_TTL_MS = 30_000
ANSWERS_KEPT = 64


@dataclass(slots=True)
class Hold:
    """Who holds a lock."""

    client: str
    token: int
    deadline: int


@dataclass(slots=True)
class Wait:
    """Who stands in its queue, and for which request of which session."""

    client: str
    priority: int
    index: int
    deadline: int
    ttl: int
    session: int
    sequence: int
    request: str

    @property
    def turn(self) -> tuple[int, int]:
        """Higher priority first, then who came first."""
        return (-self.priority, self.index)


@dataclass(slots=True)
class LockState:
    """One lock; why it changed at the last entry."""

    hold: Hold | None = None
    queue: list[Wait] = field(default_factory=list)


@dataclass(slots=True)
class _Session:
    client: str
    request: str
    answered: list[int] = field(default_factory=list)
    waiting: set[int] = field(default_factory=set)
    confirmed: int = 0
    let_go: int = 0

    def is_done(self, sequence: int) -> bool:
        """Whether the request was done before, or may have been: then it must not be done again."""
        known = sequence in self.answered or sequence in self.waiting
        return known or sequence < self.confirmed or sequence <= self.let_go

    def settle(self, sequence: int) -> None:
        self.waiting.discard(sequence)
        if sequence in self.answered:
            self.answered.remove(sequence)
        if sequence >= self.confirmed:
            self.answered.append(sequence)
        if len(self.answered) > ANSWERS_KEPT:
            self.let_go = max(self.let_go, self.answered.pop(0))

    def confirm(self, lowest: int) -> None:
        self.confirmed = max(self.confirmed, lowest)
        self.answered = [each for each in self.answered if each >= self.confirmed]


class LockModel:
    """The table by its promises. `was_retry` tells whether the last entry repeated a request."""

    def __init__(self) -> None:
        self.clock = 0
        self.locks: dict[str, LockState] = {}
        self.granted: dict[int, tuple[str, str]] = {}
        self.expired: list[tuple[str, str, int]] = []
        self.was_retry = False
        self._sessions: dict[int, _Session] = {}
        self._last_token = 0
        self._index = 0
        self._touched: dict[str, None] = {}

    def apply(self, index: int, stamp: int, command: Mapping[str, Json]) -> dict[str, LockState]:
        """Apply one entry; the locks it touched, as they must stand now."""
        self._index, self._touched, self.expired = index, {}, []
        self.was_retry = False
        self.clock = max(self.clock, stamp)
        self._end_what_is_due()
        if command:
            self._request(command)
        return {lock: self.lock(lock) for lock in self._touched}

    def lock(self, lock: str) -> LockState:
        """How a lock stands."""
        return self.locks.setdefault(lock, LockState())

    # ---- time ----

    def _end_what_is_due(self) -> None:
        while True:
            due = [
                (hold.deadline, lock, hold.client, 0)
                for lock, state in self.locks.items()
                if (hold := state.hold) is not None and hold.deadline < self.clock
            ]
            due += [
                (wait.deadline, lock, wait.client, 1)
                for lock, state in self.locks.items()
                for wait in state.queue
                if wait.deadline < self.clock
            ]
            if not due:
                return
            _, lock, client, of_wait = min(due)
            if of_wait:
                self._leave(lock, client)
            else:
                hold = self.lock(lock).hold
                assert hold is not None
                self.expired.append((lock, client, hold.token))
                self._free(lock)

    # ---- requests ----

    def _request(self, command: Mapping[str, Json]) -> None:
        op, session_id = text(command, "op"), number(command, "session_id")
        client, sequence = text(command, "client_id"), number(command, "sequence")
        if session_id == 0:
            self._perform(op, client, command)
            return
        session = self._sessions.get(session_id)
        if session is None or client not in {session.client, ""}:
            return
        if op in {"open_session", "end_session"}:
            self._perform(op, client, command)
            return
        session.confirm(number(command, "lowest_unanswered"))
        if session.is_done(sequence):
            self.was_retry = True
            return
        if self._perform(op, client, command):
            session.waiting.add(sequence)
        elif sequence not in session.answered:
            session.settle(sequence)

    def _perform(self, op: str, client: str, command: Mapping[str, Json]) -> bool:
        """Do it; whether the request now stands in a queue."""
        if op == "open_session":
            self._open(client, command)
        elif op == "end_session":
            self._close(number(command, "session_id"))
        elif op in {"acquire", "enqueue_waiter"}:
            return self._acquire(op, client, command)
        else:
            self._give(op, client, command)
        return False

    def _acquire(self, op: str, client: str, command: Mapping[str, Json]) -> bool:
        lock, ttl = text(command, "lock_id"), number(command, "ttl") or DEFAULT_TTL_MS
        state = self.lock(lock)
        if state.hold is None:
            self._grant(lock, client, ttl)
            return False
        if state.hold.client == client:
            self._extend(lock, state.hold, ttl)
            return False
        waits = number(command, "timeout") if op == "enqueue_waiter" else 0
        if op == "acquire" and flag(command, "wait"):
            waits = number(command, "wait_timeout")
        if not waits:
            return False
        priority = number(command, "priority")
        old = next((wait for wait in state.queue if wait.client == client), None)
        wait = Wait(
            client,
            priority,
            old.index if old is not None and old.priority == priority else self._index,
            self.clock + waits,
            ttl,
            number(command, "session_id"),
            number(command, "sequence"),
            text(command, "request_id"),
        )
        if old is not None:
            state.queue.remove(old)
            if (old.session, old.sequence) != (wait.session, wait.sequence):
                self._settle(old)
        state.queue.append(wait)
        state.queue.sort(key=lambda each: each.turn)
        self._touched[lock] = None
        return True

    def _give(self, op: str, client: str, command: Mapping[str, Json]) -> None:
        lock, token = text(command, "lock_id"), number(command, "version")
        hold = self.lock(lock).hold
        if op == "cancel_wait":
            if any(wait.client == client for wait in self.lock(lock).queue):
                self._leave(lock, client)
        elif hold is not None and (hold.client, hold.token) == (client, token):
            if op == "release":
                self._free(lock)
            elif op == "renew":
                self._extend(lock, hold, number(command, "ttl"))

    # ---- holds and waits ----

    def _grant(self, lock: str, client: str, ttl: int) -> None:
        self._last_token = max(self._last_token + 1, self._index)
        self.granted[self._last_token] = (lock, client)
        self.lock(lock).hold = Hold(client, self._last_token, self.clock + ttl)
        self._touched[lock] = None

    def _extend(self, lock: str, hold: Hold, ttl: int) -> None:
        hold.deadline = max(hold.deadline, self.clock + ttl)
        self._touched[lock] = None

    def _free(self, lock: str) -> None:
        state = self.lock(lock)
        state.hold = None
        self._touched[lock] = None
        for wait in state.queue:
            if wait.deadline >= self.clock:
                state.queue.remove(wait)
                self._settle(wait)
                self._grant(lock, wait.client, wait.ttl)
                return

    def _leave(self, lock: str, client: str) -> None:
        state = self.lock(lock)
        wait = next(each for each in state.queue if each.client == client)
        state.queue.remove(wait)
        self._settle(wait)
        self._touched[lock] = None

    def _settle(self, wait: Wait) -> None:
        session = self._sessions.get(wait.session)
        if session is not None:
            session.settle(wait.sequence)

    # ---- sessions ----

    def _open(self, client: str, command: Mapping[str, Json]) -> None:
        request = text(command, "request_id")
        mine = next((n for n, each in self._sessions.items() if each.client == client), 0)
        again = mine and request and self._sessions[mine].request == request
        if mine and (number(command, "session_id") or again):
            return
        if mine:
            self._close(mine)
        self._last_token = max(self._last_token + 1, self._index)
        self._sessions[self._last_token] = _Session(client, request)

    def _close(self, session_id: int) -> None:
        session = self._sessions.pop(session_id, None)
        if session is None:
            return
        for lock, state in self.locks.items():
            if any(wait.session == session_id for wait in state.queue):
                self._leave(lock, session.client)
