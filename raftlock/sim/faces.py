"""A simulated client as a person uses it: the words of `LockClient`.

These faces hold no part of the world, only names and numbers: after going back they tell how things
stand there.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from raftlock.client.lease import Lease
from raftlock.errors import (
    LockHeld,
    LockLost,
    LockNotHeld,
    NotInThisRuntime,
    NotLockOwner,
    VersionMismatch,
)
from raftlock.sim.client import Ask
from raftlock.transport import limits
from raftlock.transport.original import from_original
from raftlock.transport.values import decode
from raftlock.types.commands import LockInfo
from raftlock.types.events import Json
from raftlock.types.ids import ClientID, Index, LockID
from raftlock.types.status import RaftStatus

if TYPE_CHECKING:
    from raftlock.sim.simulation import Simulation

__all__ = ["SimHeld", "SimLockClient", "SimLockHandle", "SimSubmission"]


class SimHeld:
    """One hold: its fencing token, and how long its holder may still act."""

    def __init__(
        self, simulation: Simulation, client: ClientID, lock: LockID, lease: Lease
    ) -> None:
        self._simulation = simulation
        self._lease = lease
        self.client_id = client
        self.lock_id = lock

    def __repr__(self) -> str:
        return f"<{self.client_id} holds {self.lock_id!r} with token {self.token}>"

    @property
    def lease(self) -> Lease:
        """The hold as a value; a renewal of the same hold makes it last longer."""
        client = self._simulation.world.clients.get(self.client_id)
        known = client.held.get(self.lock_id) if client is not None else None
        same = known is not None and known.token == self._lease.token
        return known if known is not None and same else self._lease

    @property
    def token(self) -> Index:
        """The fencing token: unique in the cluster for ever, and larger than any before it."""
        return self._lease.token

    @property
    def slot(self) -> int:
        """The number of its permit, from 1 on, where the lock has permits; else 0."""
        return self._lease.slot

    @property
    def shared(self) -> bool:
        """Whether others may hold it at the same time, to read as this one does."""
        return self._lease.shared

    @property
    def ttl(self) -> float:
        """The granted time to live in seconds."""
        return self.lease.ttl / 1_000

    @property
    def remaining(self) -> float:
        """Seconds for which the holder may still act; 0 once the hold is over."""
        return self.lease.remaining(self._simulation.now_ms()) / 1_000

    @property
    def valid(self) -> bool:
        """Whether the holder may act now."""
        return self.lease.valid(self._simulation.now_ms())


class SimSubmission:
    """A request under way: what `submit` gives back at once."""

    def __init__(
        self, simulation: Simulation, client: SimLockClient, lock: LockID, ask: Ask
    ) -> None:
        self._simulation = simulation
        self._client = client
        self._lock = lock
        self._number = ask.number

    def __repr__(self) -> str:
        return f"<{self._client.client_id}: {self._lock!r}: {self.state}>"

    @property
    def state(self) -> str:
        """How it stands, in a few words."""
        ask = self._ask
        return "not asked yet" if ask is None else ask.state

    @property
    def done(self) -> bool:
        """Whether the answer is there."""
        ask = self._ask
        return ask is not None and ask.done

    @property
    def position(self) -> int | None:
        """Its place in the queue, from 0, while it waits there."""
        ask = self._ask
        return None if ask is None else ask.position

    def result(self) -> SimHeld | None:
        """Let time pass until the answer is there: what is held, or ``None``. Raises its error."""
        ask = self._ask
        if ask is None:
            raise LockNotHeld("This request has not been made yet, at this point of the run.")
        self._simulation.run_until_answered(ask)
        return self._client.result_of(ask, self._lock)

    def cancel(self) -> None:
        """Take the request back: no waiter and no lock is left behind."""
        self._simulation.take_back(self._client.client_id, self._number)

    @property
    def _ask(self) -> Ask | None:
        client = self._simulation.world.clients.get(self._client.client_id)
        return None if client is None else client.asked.get(self._number)


class SimLockHandle:
    """A lock for the length of a ``with`` block. Leaving raises `LockLost` if it ended before."""

    def __init__(self, client: SimLockClient, lock: LockID, arguments: Mapping[str, Json]) -> None:
        self._client = client
        self._arguments = arguments
        self._held: SimHeld | None = None
        self.lock_id = lock

    @property
    def token(self) -> Index:
        """The fencing token of the hold; 0 outside of the block."""
        return self._held.token if self._held is not None else Index(0)

    @property
    def slot(self) -> int:
        """The number of its permit, from 1 on, where the lock has permits; else 0."""
        return self._held.slot if self._held is not None else 0

    @property
    def remaining(self) -> float:
        """Seconds for which the block may still act; 0 if none."""
        return self._held.remaining if self._held is not None else 0.0

    @property
    def valid(self) -> bool:
        """Whether the block may act now."""
        return self._held is not None and self._held.valid

    @property
    def lost(self) -> bool:
        """Whether the block must not act any more."""
        return not self.valid

    def renew(self, ttl: float | None = None) -> None:
        """Make the hold last longer."""
        self._client.renew(self.lock_id, ttl)

    def __enter__(self) -> Self:
        if self._held is not None:
            raise LockHeld(f"{self.lock_id[:60]!r} is in this handle's block already.")
        self._held = self._client.get(self.lock_id, self._arguments)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        held, self._held = self._held, None
        assert held is not None, "left without having entered"
        lost = "its TTL had ended" if not held.valid else ""
        try:
            self._client.release(held)
        except (LockNotHeld, NotLockOwner, VersionMismatch) as refused:
            lost = refused.message.rstrip(".")
        if lost and error is None:
            text = f"The lock {held.lock_id[:60]!r} (token {held.token}) was lost: {lost}."
            raise LockLost(text, {"lock": held.lock_id, "token": str(held.token)})


class SimLockClient:
    """One holder of locks; every word means what it means in `LockClient`.

    A call lets time pass until it is answered, or until its own time is up.
    """

    def __init__(self, simulation: Simulation, client_id: ClientID) -> None:
        self._simulation = simulation
        self.client_id = client_id

    def __repr__(self) -> str:
        return f"<SimLockClient {self.client_id!r}>"

    @property
    def held(self) -> Mapping[LockID, SimHeld]:
        """What it was granted and has not given back, as of now."""
        client = self._simulation.world.clients.get(self.client_id)
        held = client.held if client is not None else {}
        return {
            lock: SimHeld(self._simulation, self.client_id, lock, lease)
            for lock, lease in held.items()
        }

    def acquire(
        self,
        lock_id: str,
        ttl: float = 10.0,
        *,
        wait: bool = False,
        wait_timeout: float = 60.0,
        priority: int = 0,
        shared: bool = False,
        permits: int = 0,
        metadata: Mapping[str, str] | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
        retry_for: float = 0.0,
    ) -> SimHeld:
        """Get the lock for `ttl` seconds."""
        if retry_for:
            raise NotInThisRuntime(
                "A simulated client does not ask again by itself: use wait=True."
            )
        told = _times(ttl, wait_timeout, priority, timeout) | _more(metadata, request_id)
        told |= {"op": "wait" if wait else "acquire"} | _terms(permits, shared=shared)
        return self.get(limits.check_lock_id(lock_id), told)

    def enqueue_waiter(
        self,
        lock_id: str,
        timeout: float = 60.0,
        *,
        priority: int = 0,
        shared: bool = False,
        permits: int = 0,
        ttl: float = 30.0,
        metadata: Mapping[str, str] | None = None,
        request_id: str | None = None,
    ) -> SimSubmission:
        """Stand in the lock's queue; returns once the place is known."""
        told = _times(ttl, timeout, priority, None) | _more(metadata, request_id)
        told |= _terms(permits, shared=shared)
        lock = limits.check_lock_id(lock_id)
        ask = self._ask("enqueue_waiter", lock, told)
        self._simulation.run_until_answered(ask, placed=True)
        if ask.error is not None:
            raise ask.error
        return SimSubmission(self._simulation, self, lock, ask)

    def cancel_wait(
        self, lock_id: str, *, request_id: str | None = None, timeout: float | None = None
    ) -> None:
        """Leave the lock's queue."""
        told = _more(None, request_id) | _bound(timeout)
        self._call("cancel", limits.check_lock_id(lock_id), told)

    def release(
        self,
        lock_id: str | SimHeld,
        *,
        token: int | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Give the lock back."""
        lock, told = _meant(lock_id, token)
        self._call("release", lock, told | _more(None, request_id) | _bound(timeout))

    def renew(
        self,
        lock_id: str | SimHeld,
        ttl: float | None = None,
        *,
        token: int | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> SimHeld:
        """Make the hold last `ttl` seconds from now; its token stays."""
        lock, told = _meant(lock_id, token)
        if ttl is not None:
            told["ttl_ms"] = limits.millis_from_seconds("ttl", ttl)
        held = self._call("renew", lock, told | _more(None, request_id) | _bound(timeout))
        assert held is not None, "a renewal tells its lease"
        return held

    def status(self, *, timeout: float | None = None) -> RaftStatus:
        """How the node that this client talks to sees the cluster."""
        ask = self._ask("status", LockID(""), _bound(timeout))
        self._simulation.run_until_answered(ask)
        if ask.error is not None:
            raise ask.error
        return decode(RaftStatus, dict(ask.result or {}))

    def get_lock_info(
        self, lock_id: str, *, stale: bool = False, timeout: float | None = None
    ) -> LockInfo:
        """How the lock stands: who holds it with which token, and who waits."""
        if stale:
            raise NotInThisRuntime(
                "A simulated client asks for true answers only: leave stale out."
            )
        ask = self._ask("info", limits.check_lock_id(lock_id), _bound(timeout))
        self._simulation.run_until_answered(ask)
        if ask.error is not None:
            raise ask.error
        return from_original(LockInfo, dict(ask.result or {}))

    def lock(
        self,
        lock_id: str,
        ttl: float = 10.0,
        *,
        wait: bool = False,
        wait_timeout: float = 60.0,
        priority: int = 0,
        shared: bool = False,
        permits: int = 0,
        metadata: Mapping[str, str] | None = None,
        renew: bool | None = None,
    ) -> SimLockHandle:
        """The lock for the length of a ``with`` block, which renews nothing by itself."""
        if renew:
            raise NotInThisRuntime(
                "A simulation has no clock of its own that could renew: call renew() in the block."
            )
        told = _times(ttl, wait_timeout, priority, None) | _more(metadata, None)
        told |= {"op": "wait" if wait else "acquire"} | _terms(permits, shared=shared)
        return SimLockHandle(self, limits.check_lock_id(lock_id), told)

    def submit(
        self,
        op: str,
        lock_id: str,
        *,
        ttl: float | None = None,
        wait_timeout: float = 60.0,
        priority: int = 0,
        shared: bool = False,
        permits: int = 0,
        metadata: Mapping[str, str] | None = None,
        token: int | None = None,
    ) -> SimSubmission:
        """Ask and go on; `op` is acquire, release, renew, wait or cancel."""
        lock = limits.check_lock_id(lock_id)
        told = _more(metadata, None) | _terms(permits, shared=shared)
        told |= {"priority": priority, "wait_ms": _ms("wait_timeout", wait_timeout)}
        if ttl is not None:
            told["ttl_ms"] = _ms("ttl", ttl)
        if token is not None:
            told["token"] = token
        return SimSubmission(self._simulation, self, lock, self._ask(op, lock, told))

    def write(self, lock_id: str, work: float = 0.0) -> None:
        """Work for `work` seconds under the lock, then write to what it protects."""
        self._simulation.write(self.client_id, limits.check_lock_id(lock_id), work)

    def close(self) -> None:
        """A simulated client has nothing to close; locks that are held stay held."""

    # ---- inside ----

    def get(self, lock: LockID, told: Mapping[str, Json]) -> SimHeld:
        """Acquire for a handle. (Use `lock` or `acquire`.)"""
        held = self._call(str(told["op"]), lock, told)
        assert held is not None, "a grant tells its lease"
        return held

    def result_of(self, ask: Ask, lock: LockID) -> SimHeld | None:
        """What came of an answered request."""
        if ask.error is not None:
            raise ask.error
        if ask.lease is None:
            return None
        return SimHeld(self._simulation, self.client_id, lock, ask.lease)

    def _call(self, op: str, lock: LockID, told: Mapping[str, Json]) -> SimHeld | None:
        ask = self._ask(op, lock, told)
        self._simulation.run_until_answered(ask)
        return self.result_of(ask, lock)

    def _ask(self, op: str, lock: LockID, told: Mapping[str, Json]) -> Ask:
        arguments = {name: value for name, value in told.items() if name != "op"}
        return self._simulation.ask(self.client_id, op, lock, **arguments)


def _ms(field: str, seconds: float) -> int:
    return limits.millis_from_seconds(field, seconds)


def _bound(timeout: float | None) -> dict[str, Json]:
    return {} if timeout is None else {"time_ms": _ms("timeout", timeout)}


def _times(ttl: float, wait: float, priority: int, timeout: float | None) -> dict[str, Json]:
    told: dict[str, Json] = {"ttl_ms": _ms("ttl", ttl), "wait_ms": _ms("wait_timeout", wait)}
    return told | {"priority": priority} | _bound(timeout)


def _terms(permits: int, *, shared: bool) -> dict[str, Json]:
    """On which terms, as far as they are not the usual ones; they are checked where it is asked."""
    told: dict[str, Json] = {"shared": True} if shared else {}
    return told | ({"permits": permits} if permits else {})


def _more(metadata: Mapping[str, str] | None, request_id: str | None) -> dict[str, Json]:
    told: dict[str, Json] = {}
    if metadata is not None:
        told["metadata"] = dict(metadata)
    if request_id is not None:
        told["request_id"] = request_id
    return told


def _meant(lock: str | SimHeld, token: int | None) -> tuple[LockID, dict[str, Json]]:
    if isinstance(lock, SimHeld):
        return lock.lock_id, {"token": lock.token if token is None else token}
    return limits.check_lock_id(lock), {} if token is None else {"token": token}
