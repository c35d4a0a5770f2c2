"""What a node answers its clients: frames of ``raftlock.client.v1`` in, frames out.

Only the leader may stamp time, so only the leader proposes: everybody else answers NOT_LEADER with
the leader's name and address, and the client goes there with the same request id. An answer that
this node can no longer give, because it lost its office, is NOT_LEADER too: the request may have
been applied all the same, and the new leader's session table knows.

A look at a lock is no entry of the log (`questions`). Nor is a ``keep_alive``, by which a client
says that it lives when it has nothing else to say: one for all its locks and waits. A session whose
client is silent for its TTL (told as `ttl` when it is opened) is ended by the leader: its waits
leave their queues, its locks stay until their own TTL.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Protocol

from raftlock.errors import (
    ErrorCode,
    InvalidArgument,
    RateLimited,
    ServiceError,
    SessionExpired,
    error_from_code,
)
from raftlock.node.looks import Look, Page
from raftlock.node.questions import (
    GET_BACKOFF_ADVICE,
    GET_LOCKS,
    LOOKS,
    advice_for,
    health_of,
    look_at,
    look_from,
    page_of,
)
from raftlock.node.watching import WATCH, Watches
from raftlock.raft.effects import Resolution
from raftlock.transport.codec import (
    ErrorInfo,
    Request,
    Response,
    command_from_params,
    decode_request,
    encode_response,
)
from raftlock.transport.limits import TokenBucket, check_command, check_session_id
from raftlock.transport.values import encode
from raftlock.types.answers import Outcome, OutcomeStatus
from raftlock.types.commands import Command, LockInfo, LockOperation
from raftlock.types.events import Json
from raftlock.types.ids import ClientID, LockID, Micros, Millis, NodeID, SessionID
from raftlock.types.roles import NodeRole
from raftlock.types.status import LockStats, ProposalResult, RaftStatus

__all__ = ["ClientDesk", "ClientLine", "Host"]

PROPOSED = {
    operation.value: operation
    for operation in (
        LockOperation.OPEN_SESSION,
        LockOperation.ACQUIRE,
        LockOperation.ACQUIRE_ALL,
        LockOperation.RELEASE,
        LockOperation.RENEW,
        LockOperation.ENQUEUE_WAITER,
        LockOperation.CANCEL_WAIT,
        LockOperation.REVOKE,
    )
}
"""The calls that become entries of the log. END_SESSION is the service's own and no client's;
REVOKE is for administrators."""


KEEP_ALIVE = "keep_alive"
"""The call that says that a session's client lives: ``session_id`` in, ``session_id`` out."""


class ClientLine(Protocol):
    """A connection to one client."""

    def send(self, text: str) -> object:
        """Send one frame; a client that does not read is cut off by the transport."""
        ...


class Host(Protocol):
    """What the desk needs of its node."""

    def propose(self, command: Command, result: Callable[[ProposalResult], None]) -> None:
        """Put `command` into the log; `result` is called once."""
        ...

    def read(self, result: Callable[[Resolution], None]) -> None:
        """Ask when the table may be read; `result` is called once."""
        ...

    def keep_alive(self, session: SessionID, result: Callable[[Resolution], None]) -> None:
        """The session's client lives; `result` is called once the table may be read."""
        ...

    def session_lives(self, session: SessionID) -> bool:
        """Whether the applied table has the session."""
        ...

    @property
    def session_ttl_ms(self) -> Millis:
        """How long a session lives unheard."""
        ...

    @property
    def watches(self) -> Watches:
        """Who watches locks here."""
        ...

    def lock_info(self, lock_id: LockID) -> LockInfo:
        """How the lock stands in the applied table."""
        ...

    def find_locks(self, look: Look) -> Page:
        """The locks that are wanted."""
        ...

    def free_in(self, lock_id: LockID) -> Millis:
        """About when the lock will be free for who comes now."""
        ...

    def lock_stats(self) -> LockStats:
        """What the applied table holds and has done."""
        ...

    def status(self) -> RaftStatus:
        """How the node sees the cluster."""
        ...

    def address_of(self, node: NodeID) -> str:
        """Where clients reach `node`, as host:port; empty if that is not known."""
        ...

    def wall_ms(self) -> Millis:
        """The wall clock, for people to read."""
        ...

    def machine_us(self) -> Micros:
        """The machine's clock, which limits how much a client may ask."""
        ...

    def enter(self, function: Callable[[], None]) -> None:
        """Do it when the node next does anything: now, unless it is paused or frozen."""
        ...


class Admin(Protocol):
    """What administrators may ask beside what clients may."""

    @property
    def calls(self) -> Collection[str]:
        """The words for it."""
        ...

    def reads(self, request: Request) -> bool:
        """Whether it is answered from the table, which a leader that was cut off has no more."""
        ...

    def call(
        self, request: Request, result: Callable[[Resolution], None]
    ) -> Mapping[str, Json] | None:
        """Do it: the answer, or ``None`` if `result` will be called. Raises `ServiceError`."""
        ...


class ClientDesk:
    """Answers the clients of one node."""

    def __init__(self, host: Host, admin: Admin | None = None) -> None:
        self._host = host
        self._admin = admin
        # Requests that stand in a queue: whoever asked last is told the end.
        self._waiting: dict[tuple[SessionID, int], Call] = {}

    def open(self, client: ClientID, line: ClientLine, *, admin: bool = False) -> Conversation:
        """A client has connected over `line`; or an administrator, who may ask for more."""
        return Conversation(self, self._host, client, line, admin=admin)

    def call(self, call: Call) -> None:
        """Answer one request, now or later."""
        try:
            if call.request.call == "get_status":
                self._tell_status(call)
            elif call.request.call == "health":
                call.answer(health_of(self._host.status()))
            elif call.request.call == WATCH:
                self._watch(call)
            elif call.request.call == KEEP_ALIVE:
                session = check_session_id(call.request.params)
                self._host.keep_alive(session, partial(self._heard, call, session))
            elif call.request.call in LOOKS:
                look = look_from(call.request.call, call.request.params)
                if look.stale:
                    call.answer(self._seen(look))
                else:
                    # No closure here or below: a simulation copies a node with all that it owes.
                    self._host.read(partial(self._may_read, call, look))
            elif self._admin is not None and call.request.call in self._admin.calls:
                self._administer(call, self._admin)
            else:
                self._propose(call)
        except ServiceError as error:
            call.refuse(error)

    def tell(self, outcomes: Iterable[Outcome]) -> None:
        """Requests that stood in a queue have their final answer."""
        for outcome in outcomes:
            waiting = self._waiting.pop((outcome.session_id, outcome.sequence), None)
            if waiting is not None:
                self._answer(waiting, outcome)

    def lose_leadership(self) -> None:
        """Send whoever waits here to the new leader."""
        waiting = tuple(self._waiting.values())
        self._waiting.clear()
        for call in waiting:
            call.refuse(self._not_leader(ErrorCode.NOT_LEADER, "This node no longer leads."))

    def forget(self, line: ClientLine) -> None:
        """The client's connection has ended; its requests stand, it may ask again elsewhere."""
        self._host.watches.end(line)
        for key in [key for key, call in self._waiting.items() if call.line is line]:
            del self._waiting[key]

    def _propose(self, call: Call) -> None:
        operation = PROPOSED.get(call.request.call)
        if operation is LockOperation.REVOKE and not call.admin:
            raise _for_administrators(call)
        if operation is None:
            raise InvalidArgument(f"There is no call {call.request.call[:40]!r}.")
        params = {"client_id": call.client, **call.request.params}
        command = command_from_params(call.request.call, params)
        if command.client_id != call.client:
            text = (
                f"This connection belongs to {call.client[:40]!r}: use its name, or connect anew."
            )
            raise error_from_code(ErrorCode.PERMISSION_DENIED, text)
        if operation is not LockOperation.OPEN_SESSION and not command.session_id:
            raise InvalidArgument("Open a session first: its id belongs into every request.")
        check_command(command)
        command = replace(command, proposed_at=self._host.wall_ms())
        self._host.propose(command, partial(self._proposed, call, command.request_id))

    def _tell_status(self, call: Call) -> None:
        status = self._host.status()
        if call.request.params.get("of_leader") is True and status.role is not NodeRole.LEADER:
            raise self._sent_on()
        call.answer(encode(replace(status, locks=self._host.lock_stats())))

    def _watch(self, call: Call) -> None:
        watches, number = self._host.watches, call.request.id
        after = watches.begin(
            call.line, number, call.request.params, self._host.status().last_applied, call.changed
        )
        call.answer({"after": after}, event="watching")
        watches.tell_kept(call.line, number)

    def _sent_on(self) -> ServiceError:
        code = ErrorCode.NOT_LEADER if self._host.status().leader_id else ErrorCode.NO_LEADER
        return self._not_leader(code, "This node does not lead.")

    def _administer(self, call: Call, admin: Admin) -> None:
        if not call.admin:
            raise _for_administrators(call)
        if self._host.status().role is not NodeRole.LEADER:
            raise self._sent_on()
        if admin.reads(call.request):
            self._host.read(partial(self._may_administer, call, admin))
        else:
            self._ask(call, admin)

    def _may_administer(self, call: Call, admin: Admin, resolution: Resolution) -> None:
        if resolution.accepted:
            try:
                self._ask(call, admin)
            except ServiceError as error:
                call.refuse(error)
        else:
            call.refuse(self._not_leader(resolution.code, resolution.message))

    def _ask(self, call: Call, admin: Admin) -> None:
        result = admin.call(call.request, partial(self._administered, call))
        if result is not None:
            call.answer(result)

    def _administered(self, call: Call, resolution: Resolution) -> None:
        if resolution.accepted:
            call.answer({"accepted": True})
        elif resolution.code in (ErrorCode.NOT_LEADER, ErrorCode.NO_LEADER):
            call.refuse(self._not_leader(resolution.code, resolution.message))
        else:
            call.refuse(error_from_code(resolution.code, resolution.message))

    def _may_read(self, call: Call, look: Look, resolution: Resolution) -> None:
        if not resolution.accepted:
            call.refuse(self._not_leader(resolution.code, resolution.message))
            return
        try:
            call.answer(self._seen(look))
        except ServiceError as error:
            call.refuse(error)

    def _seen(self, look: Look) -> dict[str, Json]:
        """What the applied table says."""
        if look.call == GET_LOCKS:
            return page_of(self._host.find_locks(look))
        if look.call == GET_BACKOFF_ADVICE:
            return encode(advice_for(self._host.free_in(look.lock_id)))
        return look_at(look, self._host.lock_info(look.lock_id))

    def _heard(self, call: Call, session: SessionID, resolution: Resolution) -> None:
        if not resolution.accepted:
            call.refuse(self._not_leader(resolution.code, resolution.message))
        elif self._host.session_lives(session):
            call.answer({"session_id": session})
        else:
            text = "The session has ended: open a new one; locks that are held stay held."
            call.refuse(SessionExpired(text))

    def _proposed(self, call: Call, request_id: str, result: ProposalResult) -> None:
        assert result.data is not None, "a proposal's result has its outcome"
        outcome = result.data
        if outcome.request_id != request_id:
            outcome = replace(outcome, request_id=request_id)
        self._answer(call, outcome)

    def _answer(self, call: Call, outcome: Outcome) -> None:
        if outcome.status is OutcomeStatus.REFUSED:
            if outcome.code in (ErrorCode.NOT_LEADER, ErrorCode.NO_LEADER):
                call.refuse(self._not_leader(outcome.code, outcome.message))
            else:
                call.refuse(error_from_code(outcome.code, outcome.message))
        elif outcome.status is OutcomeStatus.QUEUED:
            self._waiting[outcome.session_id, outcome.sequence] = call
            call.answer(encode(outcome), event="queued")
        elif outcome.status is OutcomeStatus.SESSION_OPENED:
            # How long a session lives unheard is the node's setting, not the table's.
            call.answer(encode(replace(outcome, ttl=self._host.session_ttl_ms)))
        else:
            call.answer(encode(outcome))

    def _not_leader(self, code: ErrorCode, message: str) -> ServiceError:
        leader = self._host.status().leader_id
        details = {"leader": leader, "address": self._host.address_of(leader)} if leader else {}
        return error_from_code(code, message, details)


def _for_administrators(call: Call) -> ServiceError:
    text = f"{call.request.call} is for administrators: connect with the cluster's token."
    return error_from_code(ErrorCode.PERMISSION_DENIED, text)


class Call:
    """One request of one client, and the line its answer goes back on."""

    __slots__ = ("admin", "client", "line", "request")

    def __init__(
        self, client: ClientID, line: ClientLine, request: Request, *, admin: bool = False
    ) -> None:
        self.client = client
        self.line = line
        self.request = request
        self.admin = admin

    def answer(self, result: Mapping[str, Json], event: str | None = None) -> None:
        """Send the result; with an `event` it is news on the way to it."""
        self._send(Response(self.request.id, result=result, event=event))

    def changed(self, told: Mapping[str, Json]) -> None:
        """Send what became of a lock that is watched."""
        self.answer(told, event="changed")

    def refuse(self, error: ServiceError) -> None:
        """Send an error: its code, its sentence and its details, and nothing of this program."""
        self._send(Response(self.request.id, error=ErrorInfo.of(error)))

    def _send(self, response: Response) -> None:
        self.line.send(encode_response(response))


class Conversation:
    """One client's connection: the transport hands its frames in."""

    def __init__(
        self, desk: ClientDesk, host: Host, client: ClientID, line: ClientLine, *, admin: bool
    ) -> None:
        self._admin = admin
        self._desk = desk
        self._host = host
        self._client = client
        self._line = line
        self._bucket = TokenBucket(host.machine_us())

    def frame(self, text: str) -> None:
        """One frame came in. `RemoteProtocolError` if it is none: the connection is closed."""
        call = Call(self._client, self._line, decode_request(text), admin=self._admin)
        if self._bucket.take(self._host.machine_us()):
            self._host.enter(lambda: self._desk.call(call))
        else:
            call.refuse(RateLimited("Too many requests: send fewer than 2,000 a second."))

    def closed(self) -> None:
        """The connection has ended."""
        self._desk.forget(self._line)
