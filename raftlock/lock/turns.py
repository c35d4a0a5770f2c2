"""Holds and waits: how a lock is granted, handed on and waited for, and what each is answered.

What an entry asks for is decided in `machine`; here it is done, by the rules, and noted.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from raftlock.errors import ErrorCode
from raftlock.lock import refusals
from raftlock.lock.deadlines import Deadline
from raftlock.lock.limits import PERMITS_MAX, Limits
from raftlock.lock.locks import Lock
from raftlock.lock.refusals import Refusal
from raftlock.lock.rules import Hold, LockRules
from raftlock.lock.table import LockTable
from raftlock.lock.waiters import Waiter
from raftlock.types.answers import Outcome, OutcomeStatus, QueuedWaiter
from raftlock.types.commands import Command
from raftlock.types.ids import Index, LockID, Millis

__all__ = ["Step", "Turns"]

_NO_REFUSAL = Refusal(ErrorCode.OK, "")


@dataclass(slots=True)
class Step:
    """What one entry has done so far: what counts as now, and whom and what it concerned."""

    index: Index = Index(0)
    now: Millis = Millis(0)
    decided: list[Outcome] = field(default_factory=list)
    why: dict[LockID, list[str]] = field(default_factory=dict)


class Turns(LockTable):
    """The table with all that changes a lock in it; whatever is done belongs to one step."""

    def __init__(self, rules: LockRules | None = None, *, limits: Limits | None = None) -> None:
        super().__init__(rules, limits=limits)
        self._step = Step()

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
            shared=command.shared,
            permits=command.permits,
            slot=lock.free_slot() if command.permits else 0,
        )
        self._statistics.acquired += 1
        self._set_hold(lock, hold, why)
        return self._outcome(OutcomeStatus.GRANTED, command, hold, since=since)

    def _grant_at_once(self, lock: Lock, command: Command, old: Waiter | None) -> Outcome:
        """Grant a lock to who has just asked; a wait for it that the client had is over."""
        if old is not None:
            self._leave_queue(lock, old)
            self._statistics.waits_granted += old.answers(command)
            self._replaced(old, command)
        return self._grant(lock, command, "granted")

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

    def _set_hold(self, lock: Lock, hold: Hold, why: str) -> None:
        self._deadlines.set(Deadline(hold.deadline, lock.lock_id, hold.owner_id, of_wait=False))
        self._last_token = max(self._last_token, hold.token)
        lock.holds[hold.owner_id] = hold
        self._touch(lock, why)

    def _drop_hold(self, lock: Lock, hold: Hold) -> None:
        self._deadlines.drop(lock.lock_id, hold.owner_id, of_wait=False)
        del lock.holds[hold.owner_id]

    def _free(self, lock: Lock, why: str, *holds: Hold) -> bool:
        """End holds and hand the lock on; whether somebody got it."""
        for hold in holds:
            self._statistics.hold_ended(hold, self._clock, expired=why == "expired")
            self._drop_hold(lock, hold)
        self._touch(lock, why)
        return self._rules.promotes(why) and self._promote(lock)

    def _promote(self, lock: Lock) -> bool:
        """Grant a lock to those first in its queue who may have it; whether there was one.

        One whose own deadline has passed is left where it is: it is due in this same entry. The
        first of the others that has to wait keeps all behind it waiting.
        """
        promoted = False
        while (waiter := self._next_in(lock)) is not None:
            self._leave_queue(lock, waiter)
            self._statistics.waits_granted += 1
            self._decide(self._grant(lock, waiter.command, "promoted", waiter.stamp))
            promoted = True
        return promoted

    def _next_in(self, lock: Lock) -> Waiter | None:
        for waiter in lock.queue:
            if self._rules.may_grant(self._step.now, waiter.place):
                return waiter if not lock.holds or self._has_room(lock, waiter.place) else None
        return None

    def _has_room(self, lock: Lock, place: QueuedWaiter) -> bool:
        holds = lock.holds.values()
        return len(holds) < PERMITS_MAX and self._rules.may_join(holds, place)

    # --------------------------------------------------------------- waits

    def _enqueue(
        self, lock: Lock, command: Command, old: Waiter | None, place: QueuedWaiter
    ) -> Outcome:
        """Put a client into the queue, or renew the wait it has there."""
        full = self._no_room(lock, old, command)
        if full is not None:
            return self._refuse(command, full)
        waiter = Waiter(place, command, self._clock, self._wall)
        lock.queue.put(waiter)
        self._deadlines.set(Deadline(place.deadline, lock.lock_id, place.client_id, of_wait=True))
        self._touch(lock, "queued")
        if old is None or not old.answers(command):
            self._statistics.waits_begun += 1
        if old is not None:
            self._replaced(old, command)
            self._queue_moved(lock)
        return self._queued(waiter)

    def _replaced(self, old: Waiter, command: Command) -> None:
        """A client asked again; if that was another request, the one that waited is over."""
        if not old.answers(command):
            reason = "a newer request of the same client took its place"
            self._decide_ended(old, refusals.cancelled(old, reason))

    def _queue_moved(self, lock: Lock) -> None:
        """Who was first in a held lock's queue is not any more: those behind it may have room."""
        if lock.holds:
            self._promote(lock)

    def _place(self, old: Waiter | None, command: Command, deadline: Millis) -> QueuedWaiter:
        """The client's turn: the one it has if the rules let it keep that, else a newcomer's."""
        index, stamp = self._step.index, self._clock
        if old is not None and self._rules.keeps_place(old.place, command.priority):
            index, stamp = old.place.index, old.place.enqueued_stamp
        return QueuedWaiter(
            *(command.client_id, command.priority, index, deadline, stamp, command.request_id),
            shared=command.shared,
            permits=command.permits,
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
        lock = self.look(command.lock_id)
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
        lock = self.look(waiter.command.lock_id)
        self._leave_queue(lock, waiter)
        status = self._decide_ended(waiter, ended)
        self._touch(lock, why or status.value)
        self._queue_moved(lock)

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
            slot=hold.slot if hold else 0,
            shared=hold.shared if hold else False,
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
