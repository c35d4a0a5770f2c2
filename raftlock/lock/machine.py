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
from dataclasses import replace

from raftlock.errors import ErrorCode
from raftlock.lock import refusals
from raftlock.lock.commands import read_command
from raftlock.lock.limits import DEFAULT_TTL_MS, problem_with, wait_of
from raftlock.lock.locks import Lock
from raftlock.lock.refusals import Refusal
from raftlock.lock.sessions import Session
from raftlock.lock.turns import Step, Turns
from raftlock.lock.waiters import Waiter
from raftlock.types.answers import LockChange, Outcome, OutcomeStatus, QueuedWaiter
from raftlock.types.commands import Command, LockOperation
from raftlock.types.ids import Index, LockID, Millis, SessionID
from raftlock.types.log import ApplyMsg, LogEntry

__all__ = ["LockMachine"]

_NO_LOCAL_CLOCK = Millis(0)
_NO_REFUSAL = Refusal(ErrorCode.OK, "")


class LockMachine(Turns):
    """The replicated lock table.

    The caller applies every committed entry once, in order of index; hands `ApplyMsg.outcomes` to
    whoever waits for them; and when the cluster time passes `next_deadline` with nothing else to
    propose, proposes an empty entry.
    """

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
        self._step = Step(self._last_applied, now)
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
        self._step = Step(entry.index, self._rules.expiry_clock(self._clock, local_now))

    def _end_what_is_due(self) -> None:
        """Step 2. Each pass ends a hold or a wait that was there before, so the loop ends."""
        while True:
            due = self._deadlines.first()
            if due is None or not self._rules.is_due(self._step.now, due.at):
                return
            lock = self.look(due.lock_id)
            waiter = lock.queue.get(due.client_id) if due.of_wait else None
            if waiter is None:
                self._free(lock, "expired", lock.holds[due.client_id])
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
            yield self.look(lock_id).change(tuple(dict.fromkeys(words)))

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
        for lock_id, token in tokens.items():
            hold = self.look(lock_id).holds.get(answer.client_id)
            if hold is None or hold.token != token:
                return True
        return False

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
        waiter = self.look(lock_id).queue.get(session.client_id)
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
        lock = self.look(command.lock_id)
        if lock.is_idle and len(self._locks) >= self._limits.locks:
            return self._refuse(command, refusals.too_many_locks(self._limits.locks))
        other = self._other_terms(lock, command)
        if other is not None:
            return self._refuse(command, other)
        mine, hold = lock.holds.get(command.client_id), lock.hold
        if mine is not None:
            return self._extend(lock, mine, command, OutcomeStatus.GRANTED)
        old, wait = lock.queue.get(command.client_id), wait_of(command)
        if hold is None:
            return self._grant_at_once(lock, command, old)
        place = self._place(old, command, Millis(self._clock + (wait or 0)))
        if self._may_join(lock, place):
            return self._grant_at_once(lock, command, old)
        if self._rules.may_take(hold, command.client_id):
            self._drop_hold(lock, hold)
            return self._grant(lock, command, "granted")
        if wait is None:
            return self._refuse(command, refusals.held(command, hold))
        return self._enqueue(lock, command, old, place)

    def _other_terms(self, lock: Lock, command: Command) -> Refusal | None:
        """What a client has of a lock, or waits for, it keeps asking for on the same terms; and all
        who ask for permits agree on how many there are.
        """
        old = lock.queue.get(command.client_id)
        mine = lock.holds.get(command.client_id) or (old and old.place)
        if mine and (mine.shared, mine.permits) != (command.shared, command.permits):
            return refusals.other_terms(command, shared=mine.shared, permits=mine.permits)
        known = lock.permits if command.permits else 0
        if known not in (0, command.permits):
            return refusals.other_terms(command, shared=False, permits=known)
        return None

    def _may_join(self, lock: Lock, place: QueuedWaiter) -> bool:
        """Whether a newcomer gets a held lock at once: there is room, and nobody goes first."""
        if not self._has_room(lock, place):
            return False
        waiting = (each.place for each in lock.queue if each.place.client_id != place.client_id)
        first = next(waiting, None)
        return first is None or self._rules.may_overtake(place, first)

    def _acquire_all(self, command: Command) -> Outcome:
        """Grant all of the locks, or none: it is never queued, so two such cannot block each other.

        What the client holds of them already it keeps, with its token, and longer.
        """
        locks = [self.look(lock_id) for lock_id in command.lock_ids]
        for lock in locks:
            named, hold = replace(command, lock_id=lock.lock_id), lock.hold
            other = self._other_terms(lock, named)
            if other is not None:
                return self._refuse(command, other)
            if hold is None or hold.owner_id == command.client_id:
                continue
            if not self._rules.may_take(hold, command.client_id):
                return self._refuse(command, refusals.held(named, hold))
        if len(self._locks) + sum(lock.is_idle for lock in locks) > self._limits.locks:
            return self._refuse(command, refusals.too_many_locks(self._limits.locks))
        tokens: dict[LockID, Index] = {}
        for lock in locks:
            one, hold = replace(command, lock_id=lock.lock_id), lock.hold
            if hold is not None and hold.owner_id == command.client_id:
                granted = self._extend(lock, hold, one, OutcomeStatus.GRANTED)
            else:
                if hold is not None:
                    self._drop_hold(lock, hold)
                granted = self._grant(lock, one, "granted")
            tokens[lock.lock_id] = granted.token
        outcome = self._outcome(OutcomeStatus.GRANTED, command)
        deadline = Millis(self._clock + command.ttl)
        last = max(tokens.values())
        return replace(outcome, token=last, tokens=tokens, ttl=command.ttl, deadline=deadline)

    def _renew(self, command: Command) -> Outcome:
        lock = self.look(command.lock_id)
        hold = lock.holds.get(command.client_id, lock.hold)
        if hold is None:
            return self._refuse(command, refusals.not_held(command))
        if not self._rules.may_renew(hold, command.client_id, command.version):
            return self._refuse(command, refusals.not_yours(command, hold))
        return self._extend(lock, hold, command, OutcomeStatus.RENEWED)

    def _release(self, command: Command) -> Outcome:
        lock = self.look(command.lock_id)
        hold = lock.holds.get(command.client_id, lock.hold)
        if hold is None:
            return self._refuse(command, refusals.not_held(command))
        if not self._rules.may_release(hold, command.client_id, command.version):
            return self._refuse(command, refusals.not_yours(command, hold))
        promoted = self._free(lock, "released", hold)
        outcome = self._outcome(OutcomeStatus.RELEASED, command)
        return replace(outcome, token=hold.token, waiter_promoted=promoted)

    def _revoke(self, command: Command) -> Outcome:
        """Take the hold with that token, or every hold, away from its holder.

        The token in the answer is larger than any of theirs.
        """
        lock = self.look(command.lock_id)
        if lock.hold is None:
            return self._refuse(command, refusals.not_held(command))
        holds = [hold for hold in lock.holds.values() if command.version in (0, hold.token)]
        if not holds:
            return self._refuse(command, refusals.another_token(command, lock.hold))
        token = self._last_token = self._fresh_number(self._step.index)
        promoted = self._free(lock, "revoked", *holds)
        outcome = self._outcome(OutcomeStatus.REVOKED, command)
        return replace(outcome, token=token, waiter_promoted=promoted)

    def _cancel_wait(self, command: Command) -> Outcome:
        lock = self.look(command.lock_id)
        waiter = lock.queue.get(command.client_id)
        if waiter is None:
            hold = lock.holds.get(command.client_id, lock.hold)
            return self._refuse(command, refusals.not_waiting(command, hold))
        self._end_wait(waiter, refusals.cancelled(waiter, "the wait was cancelled"))
        return self._outcome(OutcomeStatus.CANCELLED, command)
