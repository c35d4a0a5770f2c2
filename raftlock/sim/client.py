"""A simulated client: the live clients' protocol, with the world's schedule for a socket.

It keeps what it believes to hold as `AsyncLockClient` does, and renews what was granted so late
that it is hardly worth having.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from raftlock.client.asking import Asking
from raftlock.client.lease import Lease
from raftlock.client.protocol import (
    Action,
    Answered,
    Cancel,
    Close,
    Connect,
    Connected,
    Disconnected,
    Endpoint,
    EndpointsChanged,
    Failed,
    Progress,
    Received,
    Requester,
    Send,
    Submit,
    TimePassed,
)
from raftlock.client.protocol.effects import Event
from raftlock.client.testimony import GET_LOCK_INFO, Look, Testimony
from raftlock.errors import (
    InvalidArgument,
    LockLost,
    LockNotHeld,
    NotLockOwner,
    RaftLockError,
    ServiceError,
    Timeout,
    VersionMismatch,
)
from raftlock.raft.random64 import Random64
from raftlock.sim.queue import Happening, HungUp, Moved
from raftlock.transport.codec import Request, Response
from raftlock.transport.original import from_original
from raftlock.types.answers import Outcome, OutcomeStatus
from raftlock.types.commands import Command, LockInfo, LockOperation
from raftlock.types.events import Json, Note
from raftlock.types.ids import LockID, Millis, NodeID

__all__ = ["Ask", "ClientRules", "Line", "SimClient", "check_write"]

ASKED_MAX = 64
"""How many requests are remembered for whoever made them."""


class ClientRules:
    """What a careful client does; broken on purpose by a subclass."""

    def lease(self, first_left: Millis, answered: Millis, outcome: Outcome) -> Lease:
        """Until when a grant may be believed: counted from before its first attempt left.

        Counted from the answer, a grant that was long on its way is believed for longer than the
        cluster keeps it.
        """
        return Lease.counted_from(first_left, outcome)

    def retry_id(self, request_id: str, fresh: str) -> str:
        """Under which id to ask again after a `Timeout`: the same, since it may have been done.

        A new one is a new request, and the lock is asked for twice.
        """
        return request_id

    def may_write(self, *, valid: bool) -> bool:
        """Whether a holder acts: only while its lease lasts."""
        return valid


class Ask:
    """A request under way, or answered: what `submit` gives back.

    `state` says in a few words how it stands; `lease` is what came of one that asked for a lock.
    """

    def __init__(self, number: int, command: Command | None, deadline: Millis) -> None:
        self.number = number
        self.command = command
        self.deadline = deadline
        self.state = "asking"
        self.position: int | None = None
        self.done = False
        self.lease: Lease | None = None
        self.error: RaftLockError | None = None
        self.result: dict[str, Json] | None = None
        self.renewed_for: Ask | None = None
        self.look: Look | None = None

    def queued(self, position: int) -> None:
        """It has a place in the queue."""
        self.position = position
        self.state = f"waiting, {f'{position} ahead' if position else 'next'}"

    def finish(self, lease: Lease | None = None, error: RaftLockError | None = None) -> None:
        """It is answered."""
        self.done, self.lease, self.error, self.position = True, lease, error, None
        if error is not None:
            self.state = error.message
        else:
            self.state = f"holds it with token {lease.token}" if lease is not None else "done"


class Line(Protocol):
    """What a client needs of its world."""

    def now_ms(self) -> Millis:
        """The run's time; clients' clocks keep it."""

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Where the nodes are."""

    def dial(self, client: str, connection: int, node: NodeID) -> None:
        """Connect to a node."""

    def ask(self, client: str, connection: int, request: Request) -> None:
        """Send a frame."""

    def hang_up(self, client: str, connection: int) -> None:
        """End a connection."""

    def alarm(self, client: str, at: Millis) -> None:
        """Let something happen at that time."""

    def client_tells(self, client: str, note: Note) -> None:
        """Put it into the trace."""


class SimClient:
    """One holder of locks."""

    def __init__(
        self, requester: Requester, random: Random64, line: Line, rules: ClientRules
    ) -> None:
        self.name: str = requester.client_id
        self.rules = rules
        self.asking = Asking(requester.client_id)
        self.requester = requester
        self.held: dict[LockID, Lease] = {}
        self.frozen = False
        self.backlog: list[Happening] = []
        self.armed: Millis | None = None
        self._random = random
        self._line = line
        self._asks: dict[int, Ask] = {}
        self.asked: dict[int, Ask] = {}
        self._number = 0
        self._testimony = Testimony(requester.client_id, self._tell)

    def take_over(
        self, held: Mapping[LockID, Lease], last_number: int, *, frozen: bool = False
    ) -> None:
        """Go on as a client that lived elsewhere, and whose requester this one has.

        Its connections are gone: what it asked is asked again, under the same request ids.
        """
        self.held.update(held)
        self._number = last_number
        for call in self.requester.outstanding:
            ask = Ask(call.number, call.command, call.deadline or Millis(0))
            self._asks[ask.number] = self.asked[ask.number] = ask
        connection, why = self.requester.connection, "was left behind"
        self.frozen = frozen
        if frozen:  # then it learns of that first thing after the thaw
            self.backlog += [Moved(self.name), HungUp(self.name, connection, why)]
            return
        now = self._line.now_ms()
        self.step(EndpointsChanged(now, self._line.endpoints()))
        self.step(Disconnected(now, connection, why))

    # ---- asking ----

    def request_id(self) -> str:
        """A fresh name for a request."""
        return f"{self._random.next():016x}"

    def submit(
        self, command: Command | None, time_ms: Millis, call: str = "", *, again: str = ""
    ) -> Ask:
        """Ask; the answer comes while the world runs on.

        `again` is the id of a request that was not answered, if this is meant to do the same.
        """
        ask = self._new_ask(command, time_ms)
        word = call
        if command is not None:
            self._testimony.calls(command, time_ms, again)
            word = command.op.value
        self.step(Submit(self._line.now_ms(), ask.number, word, ask.deadline, command))
        return ask

    def look(self, lock_id: LockID, time_ms: Millis) -> Ask:
        """Ask how a lock stands, by `get_lock_info`; the answer is the ask's `result`."""
        look = Look(lock_id, self.request_id())
        ask = self._new_ask(None, time_ms)
        ask.look = look
        self._testimony.looks(look, time_ms)
        now = self._line.now_ms()
        self.step(Submit(now, ask.number, GET_LOCK_INFO, ask.deadline, params=look.params()))
        return ask

    def cancel(self, number: int) -> None:
        """Take a request back: no waiter and no lock is left behind."""
        ask = self._asks.pop(number, None)
        if ask is not None and not ask.done:
            error = Timeout("The request was taken back.")
            self._tell_of_failure(ask, error)
            ask.finish(error=error)
            ask.state = "taken back"
            self.step(Cancel(self._line.now_ms(), number))

    def hold_meant(self, lock_id: LockID, token: int | None, verb: str) -> int:
        """The token to name: the given one, or that of the hold known of."""
        if token is not None:
            return token
        known = self.held.get(lock_id)
        if known is None:
            raise LockNotHeld(
                f"{self.name[:60]} knows of no hold on {lock_id[:60]!r} to {verb}: acquire it "
                "first, or name its token.",
                {"lock": lock_id},
            )
        return known.token

    def may_write(self, lock_id: LockID) -> Lease | None:
        """The hold to write by, if the rules let it write now; who shares a lock only reads."""
        lease = self.held.get(lock_id)
        if lease is None or lease.shared:
            return None
        valid = lease.valid(self._line.now_ms())
        return lease if self.rules.may_write(valid=valid) else None

    def _new_ask(self, command: Command | None, time_ms: Millis) -> Ask:
        self._number += 1
        ask = Ask(self._number, command, Millis(self._line.now_ms() + time_ms))
        self._asks[ask.number] = self.asked[ask.number] = ask
        if len(self.asked) > ASKED_MAX:
            del self.asked[next(iter(self.asked))]
        return ask

    # ---- what comes in ----

    def connected(self, connection: int) -> None:
        """The connection stands."""
        self.step(Connected(self._line.now_ms(), connection))

    def disconnected(self, connection: int, why: str) -> None:
        """The connection is gone, or could not be made."""
        self.step(Disconnected(self._line.now_ms(), connection, why))

    def received(self, connection: int, response: Response) -> None:
        """A frame came in."""
        self.step(Received(self._line.now_ms(), connection, response))

    def time_passed(self) -> None:
        """What was waited for may have come."""
        self.armed = None
        self.step(TimePassed(self._line.now_ms()))

    def step(self, event: Event) -> None:
        """One step of the protocol, and what it asks for."""
        for action in self.requester.step(event):
            self._perform(action)
        wake_at = self.requester.wake_at
        if wake_at is not None and (self.armed is None or wake_at < self.armed):
            self.armed = wake_at
            self._line.alarm(self.name, wake_at)

    def _perform(self, action: Action) -> None:
        match action:
            case Connect():
                self._line.dial(self.name, action.connection, NodeID(action.endpoint.host))
            case Send():
                self._line.ask(self.name, action.connection, action.request)
            case Close():
                self._line.hang_up(self.name, action.connection)
            case Progress():
                ask = self._asks.get(action.number)
                if ask is not None:
                    ask.queued(action.outcome.position)
            case Answered():
                self._answered(action)
            case Failed():
                self._failed(action)

    # ---- answers ----

    def _answered(self, action: Answered) -> None:
        ask = self._asks.pop(action.number, None)
        if ask is None:
            return
        command, outcome = ask.command, action.outcome
        if command is None or outcome is None:
            ask.result = dict(action.result or {})
            ask.finish()
            if ask.look is not None:
                self._testimony.saw(ask.look, from_original(LockInfo, ask.result))
            return
        self._testimony.answered(command, outcome)
        if command.op is LockOperation.RELEASE:
            self._forget(command.lock_id, command.version)
        if outcome.status not in (OutcomeStatus.GRANTED, OutcomeStatus.RENEWED):
            ask.finish()
            return
        lease = self.rules.lease(action.first_left, self._line.now_ms(), outcome)
        if outcome.tokens:
            self._got_all(ask, lease, outcome)
            return
        lease = self._believe(command.lock_id, lease)
        if command.op is LockOperation.RENEW:
            ask.finish(lease)
            if ask.renewed_for is not None:
                ask.renewed_for.finish(lease)
        elif not lease.needs_renewal(self._line.now_ms()):
            ask.finish(lease)
        elif outcome.expired:
            self._came_too_late(ask, command.lock_id, lease)
        else:
            # The answer took most of the TTL (DECISIONS.md 2): no work is begun on what is left.
            renewal = self.asking.renew(
                command.lock_id,
                token=lease.token,
                ttl=command.ttl / 1_000,
                request_id=self.request_id(),
            )
            self.submit(renewal, self.asking.time_for(renewal, None)).renewed_for = ask

    def _got_all(self, ask: Ask, lease: Lease, outcome: Outcome) -> None:
        """Several locks were granted at once; too late, and they are all given back."""
        for lock_id, token in outcome.tokens.items():
            self._believe(lock_id, replace(lease, token=token))
        if not outcome.expired and not lease.needs_renewal(self._line.now_ms()):
            ask.finish(lease)
            return
        self.step(Cancel(self._line.now_ms(), ask.number))
        for lock_id, token in outcome.tokens.items():
            self._forget(lock_id, token)
        self._came_too_late(ask, min(outcome.tokens), lease)

    def _failed(self, action: Failed) -> None:
        ask = self._asks.pop(action.number, None)
        if ask is None:
            return
        command, error = ask.command, action.error
        self._tell_of_failure(ask, error)
        if command is not None and isinstance(error, LockNotHeld | NotLockOwner | VersionMismatch):
            self._forget(command.lock_id, command.version)
        ask.finish(error=error)
        first = ask.renewed_for
        if first is not None and command is not None and isinstance(error, ServiceError):
            known = self.held.get(command.lock_id)
            lease = known or Lease(command.version, command.ttl, Millis(0), Millis(0))
            self.step(Cancel(self._line.now_ms(), first.number))
            self._came_too_late(first, command.lock_id, lease)

    def _tell_of_failure(self, ask: Ask, error: RaftLockError) -> None:
        if ask.command is not None:
            self._testimony.failed(ask.command, error)
        elif ask.look is not None:
            self._testimony.saw_nothing(ask.look, error)

    def _came_too_late(self, ask: Ask, lock_id: LockID, lease: Lease) -> None:
        self._forget(lock_id, lease.token)
        text = (
            f"{lock_id[:60]!r} was granted with token {lease.token}, but most of its TTL of "
            f"{lease.ttl / 1_000:g} s had passed when the answer came, and it could not be "
            "renewed: acquire it again."
        )
        ask.finish(error=LockLost(text, {"lock": lock_id, "token": str(lease.token)}))

    # ---- beliefs ----

    def _believe(self, lock_id: LockID, lease: Lease) -> Lease:
        known = self.held.get(lock_id)
        if known is not None:
            lease = known.extended_by(lease)
        self.held[lock_id] = lease
        self._testimony.believes(lock_id, lease)
        return lease

    def _forget(self, lock_id: LockID, token: int) -> None:
        known = self.held.get(lock_id)
        if known is not None and known.token == token:
            del self.held[lock_id]
            self._testimony.believes(lock_id, None)

    def _tell(self, note: Note) -> None:
        self._line.client_tells(self.name, note)


def check_write(client: SimClient | None, name: str, lock_id: LockID) -> None:
    """Raise what to do instead, if the client may not write to what the lock protects."""
    lease = client.held.get(lock_id) if client is not None else None
    if lease is not None and lease.shared:
        raise InvalidArgument(
            f"{name[:60]} shares {lock_id[:60]!r} with others, to read: to write, acquire it alone."
        )
    if client is None or client.may_write(lock_id) is None:
        raise LockNotHeld(
            f"{name[:60]} holds no {lock_id[:60]!r}, as far as it knows: acquire it, then write.",
            {"lock": lock_id},
        )
