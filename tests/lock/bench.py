"""A lock table on a bench: each verb appends one entry to a log, applies it and checks the table.

Moments and durations are seconds here, so that a scenario reads like a story::

    bench = Bench()
    bench.acquire("alice", ttl=5)
    bench.wait("bob", at=1)
    bench.tick(at=5.001)  # alice's five seconds are over: bob has the lock
"""

from __future__ import annotations

from raftlock.errors import ErrorCode
from raftlock.lock import Limits, LockMachine, LockRules, encode
from raftlock.types import (
    ApplyMsg,
    ClientID,
    Command,
    Index,
    LockChange,
    LockID,
    LockOperation,
    LogEntry,
    Millis,
    Outcome,
    OutcomeStatus,
    SessionID,
    Term,
)

GRANTED = OutcomeStatus.GRANTED
QUEUED = OutcomeStatus.QUEUED
REFUSED = OutcomeStatus.REFUSED
TIMED_OUT = OutcomeStatus.TIMED_OUT
CANCELLED = OutcomeStatus.CANCELLED


def ms(seconds: float) -> Millis:
    return Millis(round(seconds * 1000))


class Bench:
    def __init__(self, rules: LockRules | None = None, limits: Limits | None = None) -> None:
        self.machine = LockMachine(rules, limits=limits)
        self.is_correct = rules is None
        self.log: list[LogEntry] = []
        self.now = Millis(0)
        self.local_now = Millis(0)
        self.message = ApplyMsg()

    # ---------------------------------------------------------------- verbs

    def acquire(self, client="alice", lock="build", ttl=10.0, at=None, **fields) -> Outcome:
        return self.do(LockOperation.ACQUIRE, client, lock, at, ttl=ms(ttl), **fields)

    def wait(self, client="bob", lock="build", ttl=10.0, timeout=60.0, at=None, **fields):
        fields |= {"wait": True, "wait_timeout": ms(timeout)}
        return self.acquire(client, lock, ttl, at, **fields)

    def enqueue(self, client="bob", lock="build", timeout=60.0, at=None, **fields) -> Outcome:
        return self.do(
            LockOperation.ENQUEUE_WAITER, client, lock, at, timeout=ms(timeout), **fields
        )

    def release(self, client="alice", token=None, lock="build", at=None, **fields) -> Outcome:
        version = self.token(lock) if token is None else token
        return self.do(LockOperation.RELEASE, client, lock, at, version=Index(version), **fields)

    def renew(self, client="alice", ttl=10.0, token=None, lock="build", at=None, **fields):
        version = self.token(lock) if token is None else token
        fields |= {"ttl": ms(ttl), "version": Index(version)}
        return self.do(LockOperation.RENEW, client, lock, at, **fields)

    def cancel(self, client="bob", lock="build", at=None, **fields) -> Outcome:
        return self.do(LockOperation.CANCEL_WAIT, client, lock, at, **fields)

    def open(self, client="alice", at=None, **fields) -> SessionID:
        return self.do(LockOperation.OPEN_SESSION, client, "", at, **fields).session_id

    def end(self, session_id: SessionID, client="", at=None) -> Outcome:
        return self.do(LockOperation.END_SESSION, client, "", at, session_id=session_id)

    def do(self, op, client, lock, at, **fields) -> Outcome:
        command = Command(op, LockID(lock), ClientID(client), **fields)
        outcome = self.put(encode(command), at).command_result_data
        assert outcome is not None
        return outcome

    def tick(self, at: float) -> ApplyMsg:
        return self.put(b"", at)

    def put(self, data: bytes, at: float | None = None) -> ApplyMsg:
        """One entry; `at` is its stamp in seconds, the last one's if none is given."""
        self.now = self.now if at is None else ms(at)
        entry = LogEntry(Term(1), Index(len(self.log) + 1), data, self.now)
        self.log.append(entry)
        before = {lock.lock_id: lock for lock in self.machine.all()}
        last_token = self.machine.last_token
        self.message = self.machine.apply(entry, self.local_now)
        if self.is_correct:
            check(self.machine, self.message, before, last_token)
        return self.message

    # --------------------------------------------------------------- looking

    def holder(self, lock="build") -> str:
        info = self.machine.info(LockID(lock))
        return info.owner_id if info is not None else ""

    def token(self, lock="build") -> Index:
        info = self.machine.info(LockID(lock))
        return info.token if info is not None else Index(0)

    def deadline(self, lock="build") -> float:
        return self.machine.info(LockID(lock)).deadline / 1000

    def queue(self, lock="build") -> list[str]:
        info = self.machine.info(LockID(lock))
        return [waiter.client_id for waiter in info.waiters] if info is not None else []

    @property
    def decided(self) -> list[tuple[str, str]]:
        """What the last entry decided for those who waited: (client, status)."""
        return [(outcome.client_id, outcome.status.value) for outcome in self.message.outcomes]

    @property
    def why(self) -> dict[str, tuple[str, ...]]:
        return {change.lock_id: change.why for change in self.message.changes}


def check(machine: LockMachine, message: ApplyMsg, before, last_token: int) -> None:
    """What must hold after every entry, whatever it was."""
    own = message.command_result_data
    _check_tokens(message, before, last_token, machine.last_token)
    for lock in machine.all():
        assert lock.owner_id, "a free lock has no waiter"
        assert all(one.deadline >= machine.clock for one in lock.holders), "what is due has ended"
        clients = [waiter.client_id for waiter in lock.waiters]
        assert len(set(clients)) == len(clients), "a client waits once"
        names = [one.client_id for one in lock.holders]
        assert len({*names, *clients}) == len(names) + len(clients), "a holder does not wait"
        _check_terms(lock)
        assert all(waiter.deadline >= machine.clock for waiter in lock.waiters)
        order = [(-waiter.priority, waiter.index) for waiter in lock.waiters]
        assert order == sorted(order), "higher priority first, then earlier entry"
    for lock in before.values():
        _check_not_early(machine, own, lock)
    assert machine.next_deadline() == min(_deadlines(machine), default=None)
    _check_changes(machine, message, before)
    for outcome in message.outcomes:
        assert outcome.status in (GRANTED, TIMED_OUT, CANCELLED)
    if own is not None and own.status is REFUSED:
        assert own.code is not ErrorCode.OK
        assert own.message
        assert message.command_result_error == own.message
        words = {word for change in message.changes for word in change.why}
        assert words <= {"expired", "timed_out", "promoted"}, "a refusal changes nothing"


def _check_tokens(message, before, last_token, after) -> None:
    """Each new hold has a token larger than all before it; a kept hold keeps its own."""
    assert after >= last_token
    grants = [outcome for outcome in message.outcomes if outcome.status is GRANTED]
    tokens = [outcome.token for outcome in grants]
    own = message.command_result_data
    if own is not None and own.status is GRANTED:
        for lock_id, token in (own.tokens or {own.lock_id: own.token}).items():
            if token > last_token:
                if token not in tokens:  # a retry may be answered with a grant of this very entry
                    tokens.append(token)
            elif not own.expired:
                held = [(one.client_id, one.token) for one in before[lock_id].holders]
                assert (own.client_id, token) in held, "the token is kept"
    assert tokens == sorted(set(tokens))
    assert all(token > last_token for token in tokens)


def _check_not_early(machine, own, lock) -> None:
    """A hold ends when its owner releases it, an administrator takes it away, or strictly after its
    deadline in log time."""
    now = machine.info(lock.lock_id)
    kept = [(one.client_id, one.token) for one in now.holders] if now is not None else []
    for one in lock.holders:
        if (one.client_id, one.token) in kept or machine.clock > one.deadline:
            continue
        assert own is not None
        if own.status is OutcomeStatus.REVOKED:
            assert own.lock_id == lock.lock_id
            assert own.token > one.token, "whoever is shown it refuses the old holder"
            continue
        assert own.status is OutcomeStatus.RELEASED
        assert (own.lock_id, own.client_id, own.token) == (lock.lock_id, one.client_id, one.token)


def _check_terms(lock: LockChange) -> None:
    """Together hold it only those who share it, or have a permit each; nobody waits for nothing."""
    slots = [one.slot for one in lock.holders]
    if lock.permits:
        assert len(set(slots)) == len(slots) <= lock.permits
        assert min(slots) > 0
    else:
        assert not any(slots)
        assert lock.shared or len(slots) == 1, "who holds it alone is alone"
    first = next(iter(lock.waiters), None)
    if first is not None:
        joins = lock.shared and first.shared
        joins |= lock.permits == first.permits > len(slots)
        assert not joins, "who may have it does not wait"


def _deadlines(machine: LockMachine) -> list[Millis]:
    found: list[Millis] = []
    for lock in machine.all():
        found += [each.deadline for each in (*lock.holders, *lock.waiters)]
    return found


def _check_changes(machine, message, before) -> None:
    """Exactly the locks that differ are told of (or were touched and came out the same)."""
    told = {change.lock_id: change for change in message.changes}
    assert len(told) == len(message.changes), "each lock once"
    for lock_id in {*before, *(lock.lock_id for lock in machine.all())}:
        now = machine.info(lock_id)
        if lock_id not in told:
            assert now == before.get(lock_id)
    for lock_id, change in told.items():
        now = machine.info(lock_id)
        assert change.why
        if now is None:
            assert (change.owner_id, change.token, change.waiters) == ("", 0, ())
        else:
            shown = (change.holders, change.waiters, change.shared, change.permits)
            assert shown == (now.holders, now.waiters, now.shared, now.permits)
