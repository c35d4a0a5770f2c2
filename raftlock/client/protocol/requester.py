"""What a client says to whom and when, without any I/O: one core for the async and the sync face.

A caller's request keeps its request id, its session and its sequence number through every attempt,
whoever is asked and however often a connection breaks, so the service applies it at most once. No
answer in time is never taken for a failure: the outcome is then unknown, and a caller who asks
again with the same request id gets the one final answer.

What a caller no longer wants is taken back behind its back. A wait is cancelled; if the cancel
meets the grant, the lock is released by its token. The order matters, because a request asked again
after it was cancelled would stand in the queue again::

    cancel_wait ── CANCELLED ───────────────────────────▶ done
        └──────── NOT_WAITING ─▶ ask the request itself ─▶ granted ─▶ release ─▶ done
                                     └─ queued ─▶ cancel_wait (it had never arrived before)

Until that is done no other request of this client for that lock leaves, since a release by token
could hit what it was just granted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from raftlock.client.protocol.calls import Calls
from raftlock.client.protocol.effects import (
    Action,
    Answered,
    Cancel,
    Close,
    Connect,
    Connected,
    Disconnected,
    Endpoint,
    EndpointsChanged,
    Event,
    Failed,
    Progress,
    Random,
    Received,
    RetryPolicy,
    Send,
    Submit,
)
from raftlock.client.protocol.frames import Answer, read_answer, request_for
from raftlock.client.protocol.line import Line
from raftlock.client.protocol.pending import (
    RETRY_ELSEWHERE,
    RETRY_LATER,
    Pending,
    error_of,
    no_answer,
)
from raftlock.client.protocol.route import Route
from raftlock.client.protocol.session import Session
from raftlock.errors import (
    ErrorCode,
    InvalidArgument,
    PermissionDenied,
    RemoteProtocolError,
    ServiceError,
    SessionExpired,
    error_from_code,
)
from raftlock.types.answers import Outcome, OutcomeStatus
from raftlock.types.commands import LockOperation
from raftlock.types.ids import ClientID, Millis, SessionID

__all__ = ["Requester"]

MOVES_MAX = 2
"""Into how many new sessions a request may follow; a client id used twice would go on for ever."""


class Requester:
    """One client: its calls, its session, and the one connection to the node it believes leads.

    Feed it events with `step` and perform the actions it returns, in order, before the next event.
    At `wake_at` put in a `TimePassed`. A connection is made when there is something to ask, and
    then kept.
    """

    def __init__(
        self,
        client_id: ClientID,
        endpoints: Iterable[Endpoint],
        random: Random,
        policy: RetryPolicy | None = None,
    ) -> None:
        self.client_id = client_id
        self._policy = policy or RetryPolicy()
        self._route = Route(tuple(endpoints), random, self._policy)
        self._line = Line()
        self._calls = Calls(client_id, random, self._policy)
        self._trouble = ""  # what was last heard that was no answer
        self._now = Millis(0)
        self._out: list[Action] = []

    # --- what can be seen ---------------------------------------------------------------------

    @property
    def leader(self) -> Endpoint | None:
        """Whom it believes to lead."""
        return self._route.leader

    @property
    def session_id(self) -> SessionID:
        """The session it asks in; 0 if none is open."""
        session = self._calls.session
        return session.id if session is not None else SessionID(0)

    @property
    def connection(self) -> int:
        """The number of the connection that it has, or had last."""
        return self._line.number

    @property
    def outstanding(self) -> tuple[Pending, ...]:
        """The calls that somebody waits for."""
        return tuple(call for call in self._calls if call.number > 0 and not call.cleans_up)

    @property
    def is_settled(self) -> bool:
        """Whether nothing is outstanding, its own cleaning up included."""
        return self._calls.is_settled

    @property
    def wake_at(self) -> Millis | None:
        """When a `TimePassed` is due; ``None`` if nothing is waited for."""
        moments = self._calls.keep_alive_due(self._now)
        if len(self._calls) == 0:
            return min(moments, default=None)
        moments += self._calls.deadlines()
        if self._line.endpoint is None:
            moments.append(self._route.not_before)
        elif not self._line.is_open:
            moments.append(self._line.connect_until)
        else:
            moments += self._calls.answers_due()
            moments += self._calls.probe_due(self._line.decided_at)
            moments += self._calls.later(self._now)
        return min(moments, default=None)

    # --- what comes in ------------------------------------------------------------------------

    def step(self, event: Event) -> tuple[Action, ...]:
        """Take one event in; the caller performs what is returned, in order."""
        assert event.now >= self._now, (event, self._now)
        self._now = event.now
        match event:
            case Submit():
                call = Pending(
                    event.number, event.call, event.command, event.deadline, params=event.params
                )
                answer = self._calls.submit(call)
                if answer is not None:
                    self._out.append(answer)
            case Cancel():
                self._cancel(event.number)
            case Connected():
                if self._line.is_present(event.connection):
                    self._line.opened(self._now)
            case Disconnected():
                if self._line.is_present(event.connection):
                    self._lost(event.reason or "closed the connection")
                    if event.denied:
                        self._denied()
            case Received():
                if self._line.is_present(event.connection):
                    self._received(event)
            case EndpointsChanged():
                self._route.change(event.endpoints)
        self._go_on()  # and that is all that a TimePassed is for
        actions, self._out = tuple(self._out), []
        return actions

    def _cancel(self, number: int) -> None:
        call = self._calls.get(number)
        if call is None:
            # The caller went away between its answer and its reading it: nobody knows of the lock.
            for lock_id, token in self._calls.memory.take_back(number):
                self._calls.ask_myself(self._now, LockOperation.RELEASE, lock_id, token=token)
        elif call.attempts == 0 or call.command is None:
            self._calls.drop(call)
        elif call.may_get_lock:
            self._withdraw(call)
        else:
            # A release or a renewal on its way is seen through; it only has no caller any more.
            call.withdrawn = True

    def _received(self, event: Received) -> None:
        call = self._calls.get(self._line.call_of(event.response.id))
        if call is None:
            return  # an answer to what was dropped, or a second answer
        try:
            answer = read_answer(event.response, of_lock_table=call.command is not None)
        except RemoteProtocolError as error:
            self._leave(f"sent something malformed: {error.message}")
            return
        if answer.code in RETRY_ELSEWHERE:
            self._not_the_leader(answer)
            return
        if answer.code in RETRY_LATER:
            call.busy += 1
            call.asked_at = None
            call.not_before = Millis(self._now + self._route.pause_ms(call.busy))
            return
        if call.needs_leader:
            # Whoever decides about the lock table, or tells how it stands, leads.
            assert self._line.endpoint is not None
            self._route.answered(self._line.endpoint)
            self._line.decided_at = self._now
            self._trouble = ""
        self._decided(call, answer)

    # --- what an answer means -----------------------------------------------------------------

    def _not_the_leader(self, answer: Answer) -> None:
        assert answer.code is not None
        hint = _address_in(answer.details) if answer.code == ErrorCode.NOT_LEADER else None
        self._out.append(Close(self._line.number))
        endpoint = self._end_line()
        self._trouble = f"{endpoint} answered {ErrorCode(answer.code).name}"
        self._route.knows_no_leader(endpoint, self._now, hint)

    def _decided(self, call: Pending, answer: Answer) -> None:
        outcome = answer.outcome
        if call.opens_session:
            self._session_opened(call, answer)
        elif answer.code == ErrorCode.SESSION_EXPIRED:
            self._session_ended(call, answer)
        elif outcome is not None and outcome.status is OutcomeStatus.QUEUED:
            self._queued(call, outcome)
        else:
            error: ServiceError | None
            if answer.code is not None:
                details = {**answer.details, **call.details()}
                error = error_from_code(answer.code, answer.message, details)
            else:
                error = error_of(call, outcome) if outcome is not None else None
            if error is not None:
                self._finish(call, Failed(call.number, error))
            else:
                self._finish(call, Answered(call.number, call.first_left, outcome, answer.result))

    def _queued(self, call: Pending, outcome: Outcome) -> None:
        call.queued = True
        if not call.withdrawn:
            self._out.append(Progress(call.number, outcome))
        elif not any(other.on_behalf == call.number for other in self._calls):
            self._withdraw(call)  # it had never arrived before, and stands in the queue now

    def _session_opened(self, call: Pending, answer: Answer) -> None:
        if answer.outcome is not None and answer.outcome.session_id > 0:
            opened = answer.outcome
            self._calls.session = Session(opened.session_id, opened.ttl, self._now)
            self._calls.drop(call)
        elif answer.code is None:
            self._leave("sent something malformed: a session without a number")
        else:
            self._calls.drop(call)
            for waiting in self._calls:
                if waiting.has_no_session:
                    error = error_from_code(answer.code, answer.message, waiting.details())
                    self._finish(waiting, Failed(waiting.number, error))

    def _session_ended(self, call: Pending, answer: Answer) -> None:
        """The service does not know the session: this attempt changed nothing.

        If it was the only attempt, nothing was applied at all, and the request may start anew in
        another session. An earlier attempt may have been applied while the session lived: then the
        caller has to decide, and is told.
        """
        self._calls.session_ended(call)
        if call.keeps_alive:
            self._calls.drop(call)
            # Their waits have ended with it, and their answers are gone: each is to be told.
            for other in self._calls:
                if other.session_id == call.session_id and not other.held_back:
                    other.lost_connection()
            return
        if call.attempts == 1 and call.moves < MOVES_MAX:
            call.leave_session()
            return
        text = (
            f"The session ended before {call.text} had its answer; whether it took effect is "
            "unknown: look how the lock stands, then ask anew."
        )
        error = SessionExpired(text, {**answer.details, **call.details()})
        self._finish(call, Failed(call.number, error))

    def _finish(self, call: Pending, answer: Answered | Failed) -> None:
        """`call` has its final answer."""
        self._calls.drop(call)
        if isinstance(answer, Answered):
            if call.withdrawn and call.may_get_lock:
                self._release(answer.outcome)
            else:
                self._calls.memory.note(call, answer, self._now)
        if call.on_behalf is not None:
            self._cancel_met(self._calls.get(call.on_behalf), answer)
        elif not call.cleans_up:
            if call.request_id and call.attempts > 0:
                self._calls.memory.keep_answer(call.request_id, call, answer)
            self._out.append(answer)

    # --- taking back what nobody wants any more -----------------------------------------------

    def _withdraw(self, call: Pending) -> None:
        """Leave no waiter and no lock behind. `call` has left at least once."""
        call.withdrawn = True
        call.deadline = Millis(self._now + self._policy.withdraw_ms)
        if call.waits:
            call.held_back = True
            cancel = LockOperation.CANCEL_WAIT
            self._calls.ask_myself(self._now, cancel, call.lock_id, on_behalf=call.number)

    def _cancel_met(self, call: Pending | None, answer: Answered | Failed) -> None:
        """The cancel sent for `call` has its answer."""
        if call is None:
            return
        if isinstance(answer, Answered) or isinstance(answer.error, SessionExpired):
            self._calls.drop(call)  # no longer in the queue; an ended session has no waiters
            return
        # It does not wait: granted already, or over, or it has never arrived. Asking tells which.
        call.held_back = False
        call.lost_connection()

    def _release(self, outcome: Outcome | None) -> None:
        """Give back what was granted to nobody, unless a caller held it before and still does."""
        if outcome is None or outcome.status is not OutcomeStatus.GRANTED:
            return
        if outcome.expired and not outcome.tokens:
            return  # of several, some may be held still
        for lock_id, token in (outcome.tokens or {outcome.lock_id: outcome.token}).items():
            if self._calls.memory.token(lock_id) != token:
                self._calls.ask_myself(self._now, LockOperation.RELEASE, lock_id, token=token)

    # --- what goes out ------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Do all that is due: end calls, leave a silent node, connect, ask."""
        calls, line, now = self._calls, self._line, self._now
        for call in calls:
            if call.deadline is not None and now >= call.deadline:
                self._overdue(call)
        calls.see_to_session(now)
        calls.see_to_keep_alive(now)
        if len(calls) == 0:
            return
        if line.endpoint is not None and not line.is_open and now >= line.connect_until:
            self._leave("did not complete the connection")
        if line.is_open and _has_come(now, calls.answers_due()):
            self._leave("did not answer")
        if line.endpoint is None and now >= self._route.not_before:
            self._connect()
        if line.is_open:
            self._probe()
            for call in calls:
                if calls.may_leave(call, now):
                    self._ask(call)

    def _overdue(self, call: Pending) -> None:
        if call.cleans_up:
            self._calls.drop(call)
            return
        before = self._calls.memory.has_left(call.request_id)
        error = no_answer(call, self._trouble, asked_before=before)
        self._out.append(Failed(call.number, error))
        if call.attempts > 0 and call.waits:
            self._withdraw(call)
        elif call.attempts > 0 and call.request_id:
            self._calls.set_aside(call)
        else:
            self._calls.drop(call)

    def _connect(self) -> None:
        endpoint = self._route.next(self._now)
        if endpoint is None:
            self._trouble = "there is no node to ask"
            return
        until = Millis(self._now + self._policy.connect_ms)
        self._out.append(Connect(self._line.begin(endpoint, until), endpoint))

    def _ask(self, call: Pending) -> None:
        command = self._calls.leaves(call, self._now)
        request = request_for(self._line.frame_for(call.number), call.call, command, call.params)
        self._out.append(Send(self._line.number, request))

    def _probe(self) -> None:
        """A node that tells a place in the queue may be cut off since: ask for one of them anew.

        Any decision of the log that comes back shows that the node still leads; one is enough. So
        does the answer to a keep-alive, which a leader gives only once a majority has confirmed it:
        as long as these go to and fro, nothing is asked anew.
        """
        if _has_come(self._now, self._calls.probe_due(self._line.decided_at)):
            self._calls.standing_in_queue()[0].lost_connection()
            self._line.decided_at = self._now

    # --- the connection -----------------------------------------------------------------------

    def _leave(self, why: str) -> None:
        """This connection leads nowhere; the next node may be better."""
        self._out.append(Close(self._line.number))
        self._lost(why)

    def _lost(self, why: str) -> None:
        endpoint = self._end_line()
        if len(self._calls) == 0:
            return  # an idle connection may end; that is no reason to think ill of the node
        self._trouble = f"{endpoint} {why}"[:200]
        self._route.unreachable(endpoint, self._now)

    def _denied(self) -> None:
        """Asking again would not help: who has not asked anything yet is told."""
        for call in self._calls:
            if call.attempts == 0 and not call.cleans_up and not call.opens_session:
                text = f"The cluster refused the connection: {self._trouble}."
                self._finish(call, Failed(call.number, PermissionDenied(text, call.details())))

    def _end_line(self) -> Endpoint:
        self._calls.lost_connection()
        return self._line.end()


def _has_come(now: Millis, moments: list[Millis]) -> bool:
    return any(now >= moment for moment in moments)


def _address_in(details: Mapping[str, str]) -> Endpoint | None:
    """The leader's address, if the answer names one that can be read."""
    try:
        return Endpoint.parse(details["address"])
    except (KeyError, InvalidArgument):
        return None
