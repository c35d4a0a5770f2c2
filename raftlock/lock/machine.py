"""The lock table: what each entry of the log does to it, and to whom it gives which answer.

The promise: the table is a function of the log and of its `LockRules` alone. It reads no clock,
draws nothing at random and never raises on what an entry holds, so replicas that applied the same
entries are equal (`LockMachine.digest`), whatever the entries are.

Applying an entry goes in this order, always:

1. the table's clock moves to the entry's stamp (cluster time, chosen by the leader);
2. what is due by that clock ends, in the order (deadline, lock, client): a hold is freed and its
   lock goes to the next waiter who may still have it, a wait that lasted too long leaves the queue;
3. the entry's own operation is done, or refused as a whole. An empty entry is a tick: it has none.

A request of a session is looked up among the session's answers before step 3 applies it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from raftlock.errors import ErrorCode
from raftlock.lock import refusals
from raftlock.lock.commands import read_command
from raftlock.lock.deadlines import Deadline
from raftlock.lock.limits import DEFAULT_TTL_MS, Limits, problem_with, wait_of
from raftlock.lock.locks import Lock
from raftlock.lock.refusals import Refusal
from raftlock.lock.rules import Hold, LockRules
from raftlock.lock.sessions import Session
from raftlock.lock.table import LockTable
from raftlock.lock.waiters import Waiter
from raftlock.types.answers import LockChange, Outcome, OutcomeStatus, QueuedWaiter
from raftlock.types.commands import Command, LockOperation
from raftlock.types.ids import Index, LockID, Millis, SessionID
from raftlock.types.log import ApplyMsg, LogEntry

__all__ = ["LockMachine"]

_NO_LOCAL_CLOCK = Millis(0)
_NO_REFUSAL = Refusal(ErrorCode.OK, "")


@dataclass(slots=True)
class _Step:
    """What one entry has done so far: what counts as now, and whom and what it concerned."""

    index: Index = Index(0)
    now: Millis = Millis(0)
    decided: list[Outcome] = field(default_factory=list)
    why: dict[LockID, list[str]] = field(default_factory=dict)


class LockMachine(LockTable):
    """The replicated lock table.

    The caller applies every committed entry once, in order of index; hands `ApplyMsg.outcomes` to
    whoever waits for them; and when the cluster time passes `next_deadline` with nothing else to
    propose, proposes an empty entry.
    """

    def __init__(self, rules: LockRules | None = None, *, limits: Limits | None = None) -> None:
        super().__init__(rules, limits=limits)
        self._step = _Step()

    def outcome_of(self, session_id: SessionID, sequence: int) -> Outcome | None:
        """What a retry of this request would be answered; ``None`` if no answer is known."""
        session = self._sessions.get(session_id)
        return None if session is None else self._recall(session, sequence)

    # ------------------------------------------------------------ applying

    def apply(self, entry: LogEntry, local_now: Millis = _NO_LOCAL_CLOCK) -> ApplyMsg:
        """Apply one committed entry; any bytes give an answer, never an exception.

        `local_now` is this replica's own clock, which the correct rules ignore. The caller hands
        the outcome to the request that proposed the entry, and `outcomes` to those that wait.
        """
        assert entry.index > self._last_applied, f"entry {entry.index} comes after a later one"
        command = read_command(entry.command)
        self._begin(entry, local_now, command)
        self._end_what_is_due()
        outcome = None if command is None else self._own_operation(command)
        self._last_applied = entry.index
        return ApplyMsg(
            command_valid=True,
            command=entry.command,
            command_index=entry.index,
            command_term=entry.term,
            command_result_data=outcome,
            command_result_error="" if outcome is None else outcome.message,
            outcomes=tuple(self._step.decided),
            changes=tuple(self._changes()),
        )

    def idle(self, local_now: Millis) -> ApplyMsg | None:
        """Time passes on this replica while no entry comes: nothing happens, by the correct rules.

        Under broken ones it is told like an entry's doing what ended and who got it.
        """
        now = self._rules.expires_between_entries(local_now)
        if now is None:
            return None
        self._step = _Step(self._last_applied, now)
        self._end_what_is_due()
        return ApplyMsg(
            command_valid=False,
            outcomes=tuple(self._step.decided),
            changes=tuple(self._changes()),
        )

    def _begin(self, entry: LogEntry, local_now: Millis, command: Command | Refusal | None) -> None:
        """Step 1: the clock moves to the stamp. It never goes back, whatever a leader writes."""
        elapsed = max(0, entry.stamp - self._clock)
        self._clock = Millis(self._clock + elapsed)
        if isinstance(command, Command) and command.proposed_at:
            self._wall = command.proposed_at
        elif self._wall:
            # A tick says no wall clock: for people, as much later as the log says.
            self._wall = Millis(self._wall + elapsed)
        self._step = _Step(entry.index, self._rules.expiry_clock(self._clock, local_now))

    def _end_what_is_due(self) -> None:
        """Step 2. Each pass ends a hold or a wait that was there before, so the loop ends."""
        while True:
            due = self._deadlines.first()
            if due is None or not self._rules.is_due(self._step.now, due.at):
                return
            lock = self._look(due.lock_id)
            waiter = lock.queue.get(due.client_id) if due.of_wait else None
            if waiter is None:
                self._free(lock, "expired")
            else:
                self._end_wait(waiter, refusals.timed_out(waiter))

    def _own_operation(self, command: Command | Refusal) -> Outcome:
        """Step 3: what the entry itself asks."""
        if isinstance(command, Refusal):
            # Such bytes name no operation; the answer has to name one, and it is this.
            return self._refuse(Command(op=LockOperation.ACQUIRE), command)
        problem = problem_with(command)
        if problem is not None:
            return self._refuse(command, problem)
        if command.session_id == 0:
            return self._perform(command)
        return self._perform_once(command)

    def _changes(self) -> Iterator[LockChange]:
        """The locks this entry touched, in the order in which it first touched them."""
        for lock_id, words in self._step.why.items():
            yield self._look(lock_id).change(tuple(dict.fromkeys(words)))

    # ------------------------------------------------------------ sessions

    def _perform_once(self, command: Command) -> Outcome:
        """Do a session's request, unless it is known to have been done before."""
        session = self._sessions.get(command.session_id)
        about_session = command.op in (LockOperation.OPEN_SESSION, LockOperation.END_SESSION)
        if session is None:
            if self._rules.accepts_unknown_session() and not about_session:
                return self._perform(command)
            return self._refuse(command, refusals.session_unknown(command))
        if command.client_id not in (session.client_id, ""):
            return self._refuse(command, refusals.wrong_session(command, session.client_id))
        if about_session:
            return self._perform(command)
        self._sessions.use(session, self._step.index, command.lowest_unanswered)
        known = self._rules.remembered(self._recall(session, command.sequence))
        if known is not None:
            return known
        if session.has_forgotten(command.sequence):
            return self._refuse(command, refusals.forgotten(command))
        outcome = self._perform(command)
        if outcome.status.is_final:
            self._sessions.settle(outcome, self._limits.answers_per_session)
        else:
            session.waits[command.sequence] = command.lock_id
        return outcome

    def _recall(self, session: Session, sequence: int) -> Outcome | None:
        """The answer to a request that was done before: the final one, or how its wait stands."""
        answer = session.answers.get(sequence)
        if answer is not None:
            return replace(answer, expired=self._has_ended(answer))
        lock_id = session.waits.get(sequence)
        return None if lock_id is None else self._queued(self._waiter(session, lock_id))

    def _has_ended(self, answer: Outcome) -> bool:
        """Whether the hold that an answer tells of is over."""
        if answer.status not in (OutcomeStatus.GRANTED, OutcomeStatus.RENEWED):
            return False
        tokens = answer.tokens or {answer.lock_id: answer.token}
        holds = ((self._look(lock_id).hold, token) for lock_id, token in tokens.items())
        return any(
            hold is None or (hold.owner_id, hold.token) != (answer.client_id, token)
            for hold, token in holds
        )

    def _open_session(self, command: Command) -> Outcome:
        """Open a session for a client, or resume the one it names or has just opened."""
        session = self._sessions.of_client(command.client_id)
        # Sent twice on the way, an opening must not end the session that it opened.
        again = session and command.request_id and command.request_id == session.request_id
        if session is None or not (command.session_id or again):
            session = self._new_session(command, session)
        self._sessions.use(session, self._step.index)
        opened = replace(command, session_id=session.session_id)
        return self._outcome(OutcomeStatus.SESSION_OPENED, opened)

    def _new_session(self, command: Command, old: Session | None) -> Session:
        if old is not None:
            self._end(old, "its client opened a new session")
        elif len(self._sessions) >= self._limits.sessions:
            self._end(next(iter(self._sessions)), "too many sessions were open")
        self._last_token = self._fresh_number(self._step.index)
        session = Session(SessionID(self._last_token), command.client_id, command.request_id)
        self._sessions.add(session)
        return session

    def _end_session(self, command: Command) -> Outcome:
        session = self._sessions.get(command.session_id)
        assert session is not None, "requests of unknown sessions were refused before"
        self._end(session, "its session ended")
        ended = replace(command, client_id=session.client_id)
        return self._outcome(OutcomeStatus.SESSION_ENDED, ended)

    def _end(self, session: Session, reason: str) -> None:
        """End a session: its answers are forgotten and its waits end; its locks stay."""
        self._sessions.remove(session)
        for lock_id in session.waits.values() if self._rules.ends_waits() else ():
            waiter = self._waiter(session, lock_id)
            refusal = refusals.cancelled(waiter, reason, ": ask again if it needs it")
            self._end_wait(waiter, refusal, "session_ended")

    def _waiter(self, session: Session, lock_id: LockID) -> Waiter:
        """The session's wait for a lock. Whatever ends a wait settles it in its session too."""
        waiter = self._look(lock_id).queue.get(session.client_id)
        assert waiter is not None, "a session knows only waits that there are"
        return waiter

    # ---------------------------------------------------------- operations

    def _perform(self, command: Command) -> Outcome:
        """Do what the command asks; a refusal leaves every lock as it was."""
        match command.op:
            case LockOperation.ACQUIRE | LockOperation.ENQUEUE_WAITER:
                return self._acquire(command)
            case LockOperation.ACQUIRE_ALL:
                return self._acquire_all(command)
            case LockOperation.RELEASE:
                return self._release(command)
            case LockOperation.RENEW:
                return self._renew(command)
            case LockOperation.CANCEL_WAIT:
                return self._cancel_wait(command)
            case LockOperation.REVOKE:
                return self._revoke(command)
            case LockOperation.OPEN_SESSION:
                return self._open_session(command)
            case _:
                assert command.op is LockOperation.END_SESSION, "every operation has its case"
                return self._end_session(command)

    def _acquire(self, command: Command) -> Outcome:
        if not command.ttl:
            command = replace(command, ttl=DEFAULT_TTL_MS)
        lock = self._look(command.lock_id)
        hold = lock.hold
        if lock.is_idle and len(self._locks) >= self._limits.locks:
            return self._refuse(command, refusals.too_many_locks(self._limits.locks))
        if hold is not None and hold.owner_id == command.client_id:
            return self._extend(lock, hold, command, OutcomeStatus.GRANTED)
        if hold is None or self._rules.may_take(hold, command.client_id):
            return self._grant(lock, command, "granted")
        wait = wait_of(command)
        if wait is None:
            return self._refuse(command, refusals.held(command, hold))
        return self._enqueue(lock, command, Millis(self._clock + wait))

    def _acquire_all(self, command: Command) -> Outcome:
        """Grant all of the locks, or none: it is never queued, so two such cannot block each other.

        What the client holds of them already it keeps, with its token, and longer.
        """
        locks = [self._look(lock_id) for lock_id in command.lock_ids]
        for lock in locks:
            hold = lock.hold
            if hold is None or hold.owner_id == command.client_id:
                continue
            if not self._rules.may_take(hold, command.client_id):
                named = replace(command, lock_id=lock.lock_id)
                return self._refuse(command, refusals.held(named, hold))
        if len(self._locks) + sum(lock.is_idle for lock in locks) > self._limits.locks:
            return self._refuse(command, refusals.too_many_locks(self._limits.locks))
        tokens: dict[LockID, Index] = {}
        for lock in locks:
            one, hold = replace(command, lock_id=lock.lock_id), lock.hold
            if hold is not None and hold.owner_id == command.client_id:
                granted = self._extend(lock, hold, one, OutcomeStatus.GRANTED)
            else:
                granted = self._grant(lock, one, "granted")
            tokens[lock.lock_id] = granted.token
        outcome = self._outcome(OutcomeStatus.GRANTED, command)
        deadline = Millis(self._clock + command.ttl)
        last = max(tokens.values())
        return replace(outcome, token=last, tokens=tokens, ttl=command.ttl, deadline=deadline)

    def _renew(self, command: Command) -> Outcome:
        lock = self._look(command.lock_id)
        if lock.hold is None:
            return self._refuse(command, refusals.not_held(command))
        if not self._rules.may_renew(lock.hold, command.client_id, command.version):
            return self._refuse(command, refusals.not_yours(command, lock.hold))
        return self._extend(lock, lock.hold, command, OutcomeStatus.RENEWED)

    def _release(self, command: Command) -> Outcome:
        lock = self._look(command.lock_id)
        hold = lock.hold
        if hold is None:
            return self._refuse(command, refusals.not_held(command))
        if not self._rules.may_release(hold, command.client_id, command.version):
            return self._refuse(command, refusals.not_yours(command, hold))
        promoted = self._free(lock, "released")
        outcome = self._outcome(OutcomeStatus.RELEASED, command)
        return replace(outcome, token=hold.token, waiter_promoted=promoted)

    def _revoke(self, command: Command) -> Outcome:
        """Take a hold away from its holder. The token in the answer is larger than the holder's."""
        lock = self._look(command.lock_id)
        hold = lock.hold
        if hold is None:
            return self._refuse(command, refusals.not_held(command))
        if command.version not in (0, hold.token):
            return self._refuse(command, refusals.another_token(command, hold))
        token = self._last_token = self._fresh_number(self._step.index)
        promoted = self._free(lock, "revoked")
        outcome = self._outcome(OutcomeStatus.REVOKED, command)
        return replace(outcome, token=token, waiter_promoted=promoted)

    def _cancel_wait(self, command: Command) -> Outcome:
        lock = self._look(command.lock_id)
        waiter = lock.queue.get(command.client_id)
        if waiter is None:
            return self._refuse(command, refusals.not_waiting(command, lock.hold))
        self._end_wait(waiter, refusals.cancelled(waiter, "the wait was cancelled"))
        return self._outcome(OutcomeStatus.CANCELLED, command)

    # --------------------------------------------------------------- holds

    def _grant(
        self, lock: Lock, command: Command, why: str, since: Millis | None = None
    ) -> Outcome:
        """Give a lock to a client, with a token of its own; it waited since then, if it did."""
        token = self._rules.token(self._last_token, self._step.index)
        deadline = Millis(self._clock + command.ttl)
        hold = Hold(
            *(command.client_id, token, deadline, command.ttl, command.metadata),
            acquired_at=self._wall,
            granted_stamp=self._clock,
        )
        self._statistics.acquired += 1
        self._set_hold(lock, hold, why)
        return self._outcome(OutcomeStatus.GRANTED, command, hold, since=since)

    def _extend(self, lock: Lock, hold: Hold, command: Command, status: OutcomeStatus) -> Outcome:
        """Prolong a hold: a renewal, or a re-acquire by the holder."""
        deadline = self._rules.extended(hold.deadline, Millis(self._clock + command.ttl))
        prolonged = replace(
            hold,
            token=self._rules.kept_token(hold.token, self._fresh_number(self._step.index)),
            deadline=deadline,
            # What led to the deadline; the answer names the TTL asked for, which is no longer.
            ttl=hold.ttl if deadline == hold.deadline else command.ttl,
            metadata=command.metadata or hold.metadata,
        )
        self._statistics.renewed += 1
        self._set_hold(lock, prolonged, "renewed")
        return self._outcome(status, command, prolonged)

    def _set_hold(self, lock: Lock, hold: Hold | None, why: str) -> None:
        if lock.hold is not None:
            self._deadlines.drop(lock.lock_id, lock.hold.owner_id, of_wait=False)
        if hold is not None:
            self._deadlines.set(Deadline(hold.deadline, lock.lock_id, hold.owner_id, of_wait=False))
            self._last_token = max(self._last_token, hold.token)
        lock.hold = hold
        self._touch(lock, why)

    def _free(self, lock: Lock, why: str) -> bool:
        """End a hold and hand the lock on; whether somebody got it."""
        assert lock.hold is not None, "a free lock cannot come free"
        self._statistics.hold_ended(lock.hold, self._clock, expired=why == "expired")
        self._set_hold(lock, None, why)
        return self._rules.promotes(why) and self._promote(lock)

    def _promote(self, lock: Lock) -> bool:
        """Grant a free lock to the first waiter who may still have it; whether there was one.

        One whose own deadline has passed is left where it is: it is due in this same entry.
        """
        for waiter in lock.queue:
            if self._rules.may_grant(self._step.now, waiter.place):
                self._leave_queue(lock, waiter)
                self._statistics.waits_granted += 1
                self._decide(self._grant(lock, waiter.command, "promoted", waiter.stamp))
                return True
        return False

    # --------------------------------------------------------------- waits

    def _enqueue(self, lock: Lock, command: Command, deadline: Millis) -> Outcome:
        """Put a client into the queue, or renew the wait it has there."""
        old = lock.queue.get(command.client_id)
        full = self._no_room(lock, old, command)
        if full is not None:
            return self._refuse(command, full)
        place = self._place(old, command, deadline)
        waiter = Waiter(place, command, self._clock, self._wall)
        lock.queue.put(waiter)
        self._deadlines.set(Deadline(deadline, lock.lock_id, command.client_id, of_wait=True))
        self._touch(lock, "queued")
        if old is None or not old.answers(command):
            self._statistics.waits_begun += 1
        if old is not None and not old.answers(command):
            reason = "a newer request of the same client took its place"
            self._decide_ended(old, refusals.cancelled(old, reason))
        return self._queued(waiter)

    def _place(self, old: Waiter | None, command: Command, deadline: Millis) -> QueuedWaiter:
        """The client's turn: the one it has if the rules let it keep that, else a newcomer's."""
        index, stamp = self._step.index, self._clock
        if old is not None and self._rules.keeps_place(old.place, command.priority):
            index, stamp = old.place.index, old.place.enqueued_stamp
        return QueuedWaiter(
            command.client_id, command.priority, index, deadline, stamp, command.request_id
        )

    def _no_room(self, lock: Lock, old: Waiter | None, command: Command) -> Refusal | None:
        limits = self._limits
        if old is None and len(lock.queue) >= limits.waiters_per_lock:
            return refusals.queue_full(command, limits.waiters_per_lock)
        if old is not None and old.command.session_id == command.session_id:
            return None  # one wait goes, one comes
        session = self._sessions.get(command.session_id)
        if session is not None and len(session.waits) >= limits.waits_per_session:
            return refusals.too_many_waits(command, limits.waits_per_session)
        return None

    def _queued(self, waiter: Waiter) -> Outcome:
        """How a wait stands now."""
        command, place = waiter.command, waiter.place
        lock = self._look(command.lock_id)
        position = lock.queue.position(place.client_id)
        return replace(
            self._outcome(OutcomeStatus.QUEUED, command, since=waiter.stamp),
            ttl=command.ttl,
            stamp=waiter.stamp,
            deadline=place.deadline,
            position=position,
            estimate=lock.turn_in(position, self._clock, self._statistics.hold_time_average),
        )

    def _end_wait(self, waiter: Waiter, ended: Refusal, why: str = "") -> None:
        """End a wait that comes to nothing."""
        lock = self._look(waiter.command.lock_id)
        self._leave_queue(lock, waiter)
        status = self._decide_ended(waiter, ended)
        self._touch(lock, why or status.value)

    def _leave_queue(self, lock: Lock, waiter: Waiter) -> None:
        lock.queue.remove(waiter.place.client_id)
        self._deadlines.drop(lock.lock_id, waiter.place.client_id, of_wait=True)

    # ------------------------------------------------------------- answers

    def _outcome(
        self,
        status: OutcomeStatus,
        command: Command,
        hold: Hold | None = None,
        *,
        refusal: Refusal = _NO_REFUSAL,
        since: Millis | None = None,
    ) -> Outcome:
        """An answer to a command, decided now; with its hold, if it came to one.

        `since` is when it began to wait, if it did, and `refusal` why it came to nothing.
        """
        return Outcome(
            status=status,
            op=command.op,
            lock_id=command.lock_id,
            client_id=command.client_id,
            session_id=command.session_id,
            sequence=command.sequence,
            request_id=command.request_id,
            token=hold.token if hold else Index(0),
            ttl=command.ttl if hold else Millis(0),
            stamp=self._clock,
            enqueued_stamp=self._clock if since is None else since,
            deadline=hold.deadline if hold else Millis(0),
            code=refusal.code,
            message=refusal.message,
        )

    def _refuse(self, command: Command, refusal: Refusal) -> Outcome:
        self._statistics.refused += 1
        return self._outcome(OutcomeStatus.REFUSED, command, refusal=refusal)

    def _decide(self, outcome: Outcome) -> None:
        """The final answer of a request that waited, not of this entry's own."""
        assert outcome.status.is_final, "only a final answer ends a wait"
        self._step.decided.append(outcome)
        self._sessions.settle(outcome, self._limits.answers_per_session)

    def _decide_ended(self, waiter: Waiter, ended: Refusal) -> OutcomeStatus:
        timed_out = ended.code is ErrorCode.WAIT_TIMED_OUT
        status = OutcomeStatus.TIMED_OUT if timed_out else OutcomeStatus.CANCELLED
        self._statistics.wait_ended(timed_out=timed_out)
        self._decide(self._outcome(status, waiter.command, refusal=ended, since=waiter.stamp))
        return status

    def _touch(self, lock: Lock, why: str) -> None:
        """Note a change that was made, and in a word why."""
        self._keep(lock)
        self._step.why.setdefault(lock.lock_id, []).append(why)
