"""The calls without an answer, their place in the session, and which of them may leave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from raftlock.client.protocol.effects import Answered, Failed, Random, RetryPolicy
from raftlock.client.protocol.memory import Memory
from raftlock.client.protocol.pending import KEEP_ALIVE, Pending
from raftlock.client.protocol.session import Session
from raftlock.errors import InvalidArgument
from raftlock.types.commands import Command, LockOperation
from raftlock.types.ids import ClientID, Index, LockID, Millis

__all__ = ["Calls"]

NO_LOCK = LockID("")
NO_TOKEN = Index(0)


class Calls:
    """Every call from its submission to its answer, in the order of submission.

    Iterating goes over a copy: what is done to one call may end another.
    """

    def __init__(self, client_id: ClientID, random: Random, policy: RetryPolicy) -> None:
        self._client_id = client_id
        self._random = random
        self._policy = policy
        self._pending: dict[int, Pending] = {}
        self._own_number = 0  # the requester's own calls are -1, -2, ...
        self.memory = Memory()
        self.session: Session | None = None

    def __iter__(self) -> Iterator[Pending]:
        return iter(tuple(self._pending.values()))

    def __len__(self) -> int:
        return len(self._pending)

    def get(self, number: int | None) -> Pending | None:
        """The call of that number, if it has no answer yet."""
        return None if number is None else self._pending.get(number)

    # --- beginning and end --------------------------------------------------------------------

    def submit(self, call: Pending) -> Answered | Failed | None:
        """Take `call` in, or the same request asked for earlier; or tell its answer at once."""
        request_id = call.request_id
        if call.command is None or not request_id:
            self._pending[call.number] = call
            return None
        unknown = self.memory.unknown(request_id)
        answered = self.memory.answer(request_id)
        known = unknown or (answered[0] if answered is not None else None)
        asking = any(other.request_id == request_id for other in self)
        if asking or (known is not None and not known.same_request(call.command)):
            why = "is still being asked" if asking else "was another request's"
            text = f"request_id={request_id[:60]!r} {why}: choose a new one."
            return Failed(call.number, InvalidArgument(text, call.details()))
        if answered is not None:
            return replace(answered[1], number=call.number)
        if unknown is not None:
            self.memory.take_unknown(request_id)
            unknown.number, unknown.deadline = call.number, call.deadline
            call = unknown
        self._pending[call.number] = call
        return None

    def ask_myself(
        self,
        now: Millis,
        op: LockOperation,
        lock_id: LockID = NO_LOCK,
        *,
        token: Index = NO_TOKEN,
        on_behalf: int = 0,
    ) -> None:
        """A call of the requester's own; `on_behalf` is the call whose wait it cancels."""
        self._own_number -= 1
        request_id = f"{self._random.next():016x}"
        command = Command(op, lock_id, self._client_id, version=token, request_id=request_id)
        deadline = Millis(now + self._policy.withdraw_ms)
        call = Pending(self._own_number, op.value, command, deadline, on_behalf=on_behalf)
        if call.opens_session:  # that is no cleaning up, and goes on while any call needs it
            call.deadline, call.on_behalf = None, None
        self._pending[call.number] = call

    def drop(self, call: Pending | None) -> None:
        """`call` is over, and nobody will ask for it again."""
        if call is None:
            return
        self._pending.pop(call.number, None)
        if self.session is not None and self.session.id == call.session_id:
            self.session.settle(call.sequence)

    def set_aside(self, call: Pending) -> None:
        """The caller's time is up and the outcome unknown: it may ask again.

        The call's number stays open in the session, so that the service keeps the answer.
        """
        del self._pending[call.number]
        call.lost_connection()
        self.drop(self.memory.keep_unknown(call.request_id, call))

    def lost_connection(self) -> None:
        """Every call has to be asked again."""
        for call in self:
            call.lost_connection()

    # --- the session --------------------------------------------------------------------------

    def session_ended(self, call: Pending) -> None:
        """The service does not know the session of `call`."""
        if self.session is not None and self.session.id == call.session_id:
            self.session = None

    def see_to_session(self, now: Millis) -> None:
        """A session is opened for the first call that needs one, and only while one does."""
        opening = [call for call in self if call.opens_session]
        needed = self.session is None and any(call.has_no_session for call in self)
        if needed and not opening:
            self.ask_myself(now, LockOperation.OPEN_SESSION)
        elif opening and not needed:
            self.drop(opening[0])

    def see_to_keep_alive(self, now: Millis) -> None:
        """One small message for all locks and waits, when nothing else was said for long."""
        asking = [call for call in self if call.keeps_alive]
        session = self.session
        if session is None or not self.needs_session(now):
            for call in asking:
                self.drop(call)
        elif not asking and session.keep_alive_at is not None and now >= session.keep_alive_at:
            self._own_number -= 1
            number, params = self._own_number, {"session_id": session.id}
            call = Pending(number, KEEP_ALIVE, None, None, session.id, on_behalf=0, params=params)
            self._pending[number] = call

    def keep_alive_due(self, now: Millis) -> list[Millis]:
        """When that message leaves next, if nothing else does."""
        if self.session is None or self.session.keep_alive_at is None or self._keeps_alive:
            return []
        due = self.session.keep_alive_at
        return [due] if self.needs_session(max(due, now)) else []

    def needs_session(self, at: Millis) -> bool:
        """Whether something would be lost if the session ended then: a wait, an answer, a lock.

        A lock itself would not: but its holder would have to begin anew to give it back.
        """
        session = self.session
        if session is None:
            return False
        mine = (call for call in self if call.session_id == session.id and not call.keeps_alive)
        return any(mine) or self.memory.may_hold(at)

    @property
    def is_settled(self) -> bool:
        """Whether nobody waits for anything: a keep-alive is for what is held, if for anything."""
        return len(self._pending) == self._keeps_alive

    @property
    def _keeps_alive(self) -> int:
        return sum(call.keeps_alive for call in self._pending.values())

    def may_leave(self, call: Pending, now: Millis) -> bool:
        """Whether `call` has to be asked on this connection, and can be."""
        if call.asked_at is not None or call.held_back or now < call.not_before:
            return False
        if not call.has_no_session:
            return True
        if self.session is None or (call.may_get_lock and self._is_being_cleaned(call.lock_ids)):
            return False
        while self.session.is_full:
            oldest = self.memory.forget_oldest()
            if oldest is None:
                return False
            self.drop(oldest)
        return True

    def leaves(self, call: Pending, now: Millis) -> Command | None:
        """`call` is asked now; returns its command as it goes out, in its place in the session."""
        session = self.session
        if call.has_no_session:
            assert session is not None
            call.session_id, call.sequence = session.id, session.take()
            for gone in self.memory.forget_with(session):
                self.drop(gone)
        call.first_left = call.first_left if call.attempts else now
        if call.request_id and not call.cleans_up:
            self.memory.note_left(call.request_id)
        call.attempts += 1
        call.asked_at = now
        if session is not None and session.id == call.session_id:
            session.said(now)
        if call.command is None or not call.session_id:
            return call.command
        # What is asked in a session that has ended stands alone there.
        lives = session is not None and session.id == call.session_id
        return replace(
            call.command,
            session_id=call.session_id,
            sequence=call.sequence,
            lowest_unanswered=session.lowest_unanswered if session and lives else call.sequence,
        )

    def _is_being_cleaned(self, lock_ids: Iterable[LockID]) -> bool:
        """Whether something on one of those locks is still being taken back."""
        wanted = set(lock_ids)
        return any(call.cleans_up and not wanted.isdisjoint(call.lock_ids) for call in self)

    # --- silence ------------------------------------------------------------------------------

    def answers_due(self) -> list[Millis]:
        """When the node will have been silent for too long about each call that it was asked."""
        return [
            Millis(call.asked_at + self._policy.answer_ms)
            for call in self
            if call.asked_at is not None and not call.queued and not call.held_back
        ]

    def standing_in_queue(self) -> list[Pending]:
        """The calls whose place in a queue the present connection has told."""
        return [call for call in self if call.queued and not call.held_back]

    def probe_due(self, decided_at: Millis) -> list[Millis]:
        """When one of those is asked again, if the last decision was heard at `decided_at`."""
        return [Millis(decided_at + self._policy.probe_ms)] if self.standing_in_queue() else []

    def deadlines(self) -> list[Millis]:
        """When callers, and the requester itself, will give up."""
        return [call.deadline for call in self if call.deadline is not None]

    def later(self, now: Millis) -> list[Millis]:
        """When calls are asked again that a busy node sent away."""
        return [call.not_before for call in self if call.not_before > now]
