"""The lock table once more, written from its promises and not from its code.

It is slow and plain on purpose: lists that are searched, sorted anew each time. `apply` takes the
entries of the log in order and says how each lock that they touch must stand afterwards; `answers`
is what each request came to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter

from raftlock.check.bounds import (
    LOCKS_MAX,
    PERMITS_MAX,
    SESSIONS_MAX,
    WAITERS_MAX,
    is_within_bounds,
)
from raftlock.trace.fields import flag, number, text
from raftlock.types.events import Json

__all__ = ["Hold", "LockModel", "LockState", "Wait"]

DEFAULT_TTL_MS = 30_000
ANSWERS_KEPT = 64
WAITS_KEPT = 64

Terms = tuple[bool, int]
"""Whether a lock is shared, and by how many permits it is had: neither, if by one client alone."""

Answer = tuple[str, int]
"""What became of a request, in the words of its outcome, and the token in it (0 if none)."""

_REFUSED: Answer = ("refused", 0)
_QUEUED: Answer = ("queued", 0)
_ENDED: Answer = ("ended", 0)
"""Of a wait that came to nothing: its time was up, or it was taken back."""


@dataclass(slots=True)
class Hold:
    """Who holds a lock; `since` is when the entry was made that asked for it."""

    client: str
    token: int
    deadline: int
    since: int = 0
    terms: Terms = (False, 0)
    slot: int = 0


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
    since: int = 0
    stamp: int = 0
    terms: Terms = (False, 0)
    asked: int = 0

    @property
    def turn(self) -> tuple[int, int]:
        """Higher priority first, then who came first."""
        return (-self.priority, self.index)

    @property
    def aged_turn(self) -> tuple[int, int]:
        """Where waiting counts: a step of priority is worth a second of it."""
        return (self.stamp - 1_000 * self.priority, self.index)


@dataclass(slots=True)
class LockState:
    """One lock: who has it, in the order in which they got it, and who waits, by their turns."""

    holds: list[Hold] = field(default_factory=list)
    queue: list[Wait] = field(default_factory=list)

    def hold_of(self, client: str) -> Hold | None:
        return next((hold for hold in self.holds if hold.client == client), None)

    def has_room(self, terms: Terms) -> bool:
        """Nobody has it, or all have it as it is asked for and there may be one more."""
        alike = all(hold.terms == terms for hold in self.holds)
        most = PERMITS_MAX if terms[0] else terms[1]
        return not self.holds or (alike and len(self.holds) < most)

    def clashes(self, client: str, terms: Terms) -> bool:
        """The client has or awaits it on other terms, or another number of permits is known."""
        users = [(each.client, each.terms) for each in self.holds]
        users += [(each.client, each.terms) for each in self.queue]
        mine = [each for who, each in users if who == client]
        permits = {each[1] for _, each in users}
        return any(each != terms for each in mine) or (
            terms[1] > 0 and not permits <= {0, terms[1]}
        )


@dataclass(slots=True)
class _Session:
    client: str
    request: str
    answered: list[int] = field(default_factory=list)
    waiting: set[int] = field(default_factory=set)
    confirmed: int = 0
    let_go: int = 0

    def is_known(self, sequence: int) -> bool:
        return sequence in self.answered or sequence in self.waiting

    def is_forgotten(self, sequence: int) -> bool:
        """Whether an unknown request may have been done before: then it must not be done again."""
        return sequence < self.confirmed or sequence <= self.let_go

    def settle(self, sequence: int) -> None:
        self.waiting.discard(sequence)
        if sequence in self.answered:
            self.answered.remove(sequence)
        if sequence >= self.confirmed:
            self.answered.append(sequence)
        if len(self.answered) > ANSWERS_KEPT:
            self.let_go = max(self.let_go, self.answered.pop(0))

    def confirm(self, lowest: int) -> None:
        if lowest > self.confirmed:
            self.confirmed = lowest
            self.answered = [each for each in self.answered if each >= lowest]


class LockModel:
    """The table by its promises. `was_retry` tells whether the last entry repeated a request.

    `answers` has, by client and request id, all that the request was ever answered by the log. With
    `ages`, waiting counts (`AgeingRules`).
    """

    def __init__(self, *, ages: bool = False) -> None:
        self._turn = attrgetter("aged_turn" if ages else "turn")
        self.clock = 0
        self.locks: dict[str, LockState] = {}
        self.granted: dict[int, tuple[str, str]] = {}
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        self.expired: list[tuple[str, Hold]] = []
        self.was_retry = False
        self._sessions: dict[int, _Session] = {}  # the one used longest ago comes first
        self._session_of: dict[str, int] = {}
        self._last_token = 0
        self._index = 0
        self._made = 0
        self._next_due = 0
        self._touched: dict[str, LockState] = {}

    def apply(
        self, index: int, stamp: int, command: Mapping[str, Json], made: int = 0
    ) -> dict[str, LockState]:
        """Apply one entry, made at run time `made`; the locks it touched, as they must stand."""
        self._index, self._made, self._touched, self.expired = index, made, {}, []
        self.was_retry = False
        self.clock = max(self.clock, stamp)
        if self._next_due < self.clock:
            self._end_what_is_due()
        if command:
            self._request(command)
        return self._touched

    def lock(self, lock: str) -> LockState:
        """How a lock stands."""
        return self.locks.get(lock) or LockState()

    # ---- time ----

    def _end_what_is_due(self) -> None:
        while True:
            ends = [
                (hold.deadline, lock, hold.client, 0)
                for lock, state in self.locks.items()
                for hold in state.holds
            ]
            ends += [
                (wait.deadline, lock, wait.client, 1)
                for lock, state in self.locks.items()
                for wait in state.queue
            ]
            first = min(ends, default=None)
            if first is None or first[0] >= self.clock:
                # Until then nothing is due, whatever else happens.
                self._next_due = first[0] if first is not None else self.clock
                return
            _, lock, client, of_wait = first
            state = self.locks[lock]
            if of_wait:
                self._leave(lock, client)
            else:
                hold = state.hold_of(client)
                assert hold is not None
                self.expired.append((lock, hold))
                self._free(lock, state, hold)

    def _due_at(self, deadline: int) -> int:
        self._next_due = min(self._next_due, deadline)
        return deadline

    # ---- requests ----

    def _request(self, command: Mapping[str, Json]) -> None:
        answer = self._answer_to(command)
        if answer is not None:
            self._answered(text(command, "client_id"), text(command, "request_id"), answer)

    def _answered(self, client: str, request: str, answer: Answer) -> None:
        if answer is not _QUEUED:
            self.answers.setdefault((client, request), []).append(answer)

    def _answer_to(self, command: Mapping[str, Json]) -> Answer | None:
        """Do what is asked, unless that was done before: then nothing more comes of it."""
        op, session_id = text(command, "op"), number(command, "session_id")
        client, sequence = text(command, "client_id"), number(command, "sequence")
        if not is_within_bounds(command):
            return _REFUSED
        if session_id == 0:
            return self._perform(op, client, command)
        session = self._sessions.get(session_id)
        if session is None or client not in {session.client, ""}:
            return _REFUSED
        if op in {"open_session", "end_session"}:
            return self._perform(op, client, command)
        self._use(session_id)
        session.confirm(number(command, "lowest_unanswered"))
        if session.is_known(sequence):
            self.was_retry = True
            return None
        if session.is_forgotten(sequence):
            self.was_retry = True
            return _REFUSED
        answer = self._perform(op, client, command)
        if answer is _QUEUED:
            session.waiting.add(sequence)
        else:
            session.settle(sequence)
        return answer

    def _perform(self, op: str, client: str, command: Mapping[str, Json]) -> Answer:
        if op == "open_session":
            return self._open(client, command)
        if op == "end_session":
            self._close(number(command, "session_id"))
            return ("session_ended", 0)
        if op == "acquire_all":
            return self._acquire_all(client, command)
        if op in {"acquire", "enqueue_waiter"}:
            return self._acquire(op, client, command)
        return self._give(op, client, command)

    def _acquire(self, op: str, client: str, command: Mapping[str, Json]) -> Answer:
        lock, ttl = text(command, "lock_id"), number(command, "ttl") or DEFAULT_TTL_MS
        if lock not in self.locks and len(self.locks) >= LOCKS_MAX:
            return _REFUSED
        state, terms = self.lock(lock), _terms(command)
        if state.clashes(client, terms):
            return _REFUSED
        mine = state.hold_of(client)
        if mine is not None:
            return self._extend("granted", lock, state, mine, ttl)
        asks = self._wait(state, command, 0)
        if self._comes_in(state, asks):
            old = next((wait for wait in state.queue if wait.client == client), None)
            if old is not None:
                state.queue.remove(old)
                if (old.session, old.sequence) != (asks.session, asks.sequence):
                    self._settle(old, _ENDED)
            return self._grant(lock, state, asks)
        waits = number(command, "timeout") if op == "enqueue_waiter" else 0
        if op == "acquire" and flag(command, "wait"):
            waits = number(command, "wait_timeout")
        return self._enqueue(lock, state, command, waits) if waits else _REFUSED

    def _acquire_all(self, client: str, command: Mapping[str, Json]) -> Answer:
        """All of them, or none. Of each lock its client tells as of a request of its own."""
        listed = command.get("lock_ids")
        names = [str(name) for name in listed] if isinstance(listed, list) else []
        taken = any(
            self.lock(name).clashes(client, (False, 0))
            or any(hold.client != client for hold in self.lock(name).holds)
            for name in names
        )
        fresh = sum(name not in self.locks for name in names)
        if taken or len(self.locks) + fresh > LOCKS_MAX:
            return _REFUSED
        tokens = []
        for place, name in enumerate(names):
            one = self._acquire("acquire", client, {**command, "lock_id": name, "wait": False})
            self._answered(client, f"{text(command, 'request_id')}/{place}", one)
            tokens.append(one[1])
        return ("granted", max(tokens))

    def _comes_in(self, state: LockState, asks: Wait) -> bool:
        """Whether who asks need not wait: there is room, and nobody else's turn comes before."""
        if not state.holds:
            return True
        others = [wait for wait in state.queue if wait.client != asks.client]
        return state.has_room(asks.terms) and all(
            self._turn(asks) < self._turn(wait) for wait in others
        )

    def _wait(self, state: LockState, command: Mapping[str, Json], deadline: int) -> Wait:
        """The wait that a request would be; who asks again at equal priority keeps its turn."""
        client, priority = text(command, "client_id"), number(command, "priority")
        wait = Wait(
            client,
            priority,
            self._index,
            deadline,
            number(command, "ttl") or DEFAULT_TTL_MS,
            number(command, "session_id"),
            number(command, "sequence"),
            text(command, "request_id"),
            self._made,
            self.clock,
            _terms(command),
            self._index,
        )
        old = next((each for each in state.queue if each.client == client), None)
        if old is not None and old.priority == priority:
            wait.index, wait.since, wait.stamp = old.index, old.since, old.stamp
        return wait

    def _enqueue(
        self, lock: str, state: LockState, command: Mapping[str, Json], waits: int
    ) -> Answer:
        client, session_id = text(command, "client_id"), number(command, "session_id")
        old = next((wait for wait in state.queue if wait.client == client), None)
        if old is None and len(state.queue) >= WAITERS_MAX:
            return _REFUSED
        session = self._sessions.get(session_id)
        is_another = old is None or old.session != session_id
        if is_another and session is not None and len(session.waiting) >= WAITS_KEPT:
            return _REFUSED
        wait = self._wait(state, command, self._due_at(self.clock + waits))
        if old is not None:
            state.queue.remove(old)
            if (old.session, old.sequence) != (session_id, wait.sequence):
                self._settle(old, _ENDED)
        state.queue.append(wait)
        state.queue.sort(key=self._turn)
        self._touch(lock, state)
        self._admit(lock, state)
        return _QUEUED

    def _give(self, op: str, client: str, command: Mapping[str, Json]) -> Answer:
        lock, token = text(command, "lock_id"), number(command, "version")
        state = self.lock(lock)
        if op == "cancel_wait" and any(wait.client == client for wait in state.queue):
            self._leave(lock, client)
            return ("cancelled", 0)
        taken = [hold for hold in state.holds if token in {0, hold.token}]
        if op == "revoke" and taken:
            self._last_token = fresh = max(self._last_token + 1, self._index)
            self._free(lock, state, *taken)
            return ("revoked", fresh)
        hold = state.hold_of(client)
        if hold is not None and hold.token == token:
            if op == "release":
                self._free(lock, state, hold)
                return ("released", token)
            if op == "renew":
                return self._extend("renewed", lock, state, hold, number(command, "ttl"))
        return _REFUSED

    # ---- holds and waits ----

    def _grant(self, lock: str, state: LockState, to: Wait) -> Answer:
        self._last_token = max(self._last_token + 1, self._index)
        self.granted[self._last_token] = (lock, to.client)
        free = (n for n in range(1, PERMITS_MAX + 1) if n not in {h.slot for h in state.holds})
        slot, until = next(free) if to.terms[1] else 0, self._due_at(self.clock + to.ttl)
        state.holds.append(Hold(to.client, self._last_token, until, to.since, to.terms, slot))
        self._touch(lock, state)
        return ("granted", self._last_token)

    def _extend(self, result: str, lock: str, state: LockState, hold: Hold, ttl: int) -> Answer:
        hold.deadline = max(hold.deadline, self.clock + ttl)
        self._touch(lock, state)
        return (result, hold.token)

    def _free(self, lock: str, state: LockState, *holds: Hold) -> None:
        state.holds = [hold for hold in state.holds if hold not in holds]
        self._touch(lock, state)
        self._admit(lock, state)

    def _admit(self, lock: str, state: LockState) -> None:
        """Let in who is first in the queue, as long as there is room; who is late is left there."""
        for wait in list(state.queue):
            if wait.deadline < self.clock:
                continue
            if not state.has_room(wait.terms):
                return
            state.queue.remove(wait)
            self._settle(wait, self._grant(lock, state, wait))

    def _leave(self, lock: str, client: str) -> None:
        state = self.locks[lock]
        wait = next(each for each in state.queue if each.client == client)
        state.queue.remove(wait)
        self._settle(wait, _ENDED)
        self._touch(lock, state)
        self._admit(lock, state)

    def _settle(self, wait: Wait, answer: Answer) -> None:
        """A request that waited comes to something, whether its session lives or not."""
        self._answered(wait.client, wait.request, answer)
        session = self._sessions.get(wait.session)
        if session is not None:
            session.settle(wait.sequence)

    def _touch(self, lock: str, state: LockState) -> None:
        """A lock that nobody has and nobody waits for is not in the table."""
        self._touched[lock] = state
        if not state.holds and not state.queue:
            self.locks.pop(lock, None)
        else:
            self.locks[lock] = state

    # ---- sessions ----

    def _use(self, session_id: int) -> None:
        self._sessions[session_id] = self._sessions.pop(session_id)

    def _open(self, client: str, command: Mapping[str, Json]) -> Answer:
        request = text(command, "request_id")
        mine = self._session_of.get(client, 0)
        again = mine and request and self._sessions[mine].request == request
        if mine and (number(command, "session_id") or again):
            self._use(mine)
            return ("session_opened", 0)
        if mine:
            self._close(mine)
        elif len(self._sessions) >= SESSIONS_MAX:
            self._close(next(iter(self._sessions)))
        self._last_token = max(self._last_token + 1, self._index)
        self._sessions[self._last_token] = _Session(client, request)
        self._session_of[client] = self._last_token
        return ("session_opened", 0)

    def _close(self, session_id: int) -> None:
        session = self._sessions.pop(session_id)
        del self._session_of[session.client]
        waits = [
            (wait.asked, lock)
            for lock, state in self.locks.items()
            for wait in state.queue
            if wait.session == session_id
        ]
        for _, lock in sorted(waits):
            self._leave(lock, session.client)


def _terms(command: Mapping[str, Json]) -> Terms:
    return flag(command, "shared"), number(command, "permits")
