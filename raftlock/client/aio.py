"""The lock client: ask for locks, keep what is believed to be held, say what happened."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from raftlock.client.access import Access, read_access
from raftlock.client.asking import Asking
from raftlock.client.believing import Believing
from raftlock.client.clock import Clock, MachineClock
from raftlock.client.engine import Connector, Engine, websocket_connector
from raftlock.client.handle import Gate, LockHandle, LockTerms
from raftlock.client.held import Held
from raftlock.client.lease import Lease
from raftlock.client.patience import ask_again
from raftlock.client.protocol import Endpoint, Requester, RetryPolicy
from raftlock.client.several import LocksHandle, LocksTerms
from raftlock.client.submission import Submission
from raftlock.client.testimony import Observer, Testimony
from raftlock.errors import (
    InvalidArgument,
)
from raftlock.raft.random64 import Random64
from raftlock.transport import limits
from raftlock.transport.handshake import Role
from raftlock.types.commands import Command
from raftlock.types.ids import ClientID, LockID, Micros, Millis

if TYPE_CHECKING:
    import ssl as tls

__all__ = ["Address", "AsyncLockClient", "Standing"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a client is made of, to be copied: whoever goes on as this client needs all of it."""

    requester: Requester
    random: Random64
    held: Mapping[LockID, Lease]
    last_number: int


T = TypeVar("T")

Address = str | tuple[str, int] | Endpoint
"""Where a node answers: ``"host:port"``, or a pair."""

OPERATIONS = ("acquire", "release", "renew", "wait", "cancel")
"""What `submit` understands."""


class AsyncLockClient(Believing):
    """One holder of locks.

    It finds the leader among `endpoints` (a list, or a function that gives the present one), and
    stays with it. A call is repeated under the same request id until it is answered or its time is
    up; a `Timeout` means that its outcome is unknown, and says how to ask again. All times are
    seconds; wrong arguments raise `InvalidArgument` or `InvalidTTL` before anything is sent.

    `client_id` names this holder in the cluster: a fresh one is drawn unless one is given, and no
    two clients that live at once may share one. `clock` is the machine's unless a laboratory hands
    in its own; `seed` makes all that is drawn repeatable; `observer` hears what is asked, what is
    answered and what is believed, as notes for a trace. `min_ttl` may be less than the second that
    real clusters want, in a laboratory; there `auto_renew` is off, which is what `lock` does unless
    it is told.

    It belongs to the event loop of its first call. Close it, or use it as a context manager.
    """

    def __init__(
        self,
        endpoints: Sequence[Address] | Callable[[], Sequence[Address]],
        *,
        token: str = "",
        cluster: str = "",
        client_id: str | None = None,
        clock: Clock | None = None,
        seed: int | None = None,
        observer: Observer | None = None,
        connector: Connector | None = None,
        policy: RetryPolicy | None = None,
        min_ttl: float = limits.TTL_MS_MIN / 1_000,
        auto_renew: bool = True,
        role: Role = Role.CLIENT,
        ssl: tls.SSLContext | None = None,
    ) -> None:
        self._random = Random64(secrets.randbits(64) if seed is None else seed)
        drawn = f"client-{self._random.next() >> 32:08x}"
        self._client_id = limits.check_client_id(drawn if client_id is None else client_id)
        self._clock: Clock = MachineClock() if clock is None else clock
        self._asking = Asking(self._client_id, limits.millis_from_seconds("min_ttl", min_ttl))
        self._testimony = Testimony(self._client_id, observer)
        self._auto_renew = auto_renew
        self._endpoints = endpoints
        self._connector = connector or websocket_connector(
            self._client_id, token=token, cluster=cluster, role=role, ssl=ssl
        )
        self._engine = Engine(
            Requester(self._client_id, self._present_endpoints(), self._random, policy),
            clock=self._clock,
            connector=self._connector,
            endpoints=self._present_endpoints,
        )
        self._gate = Gate(self._client_id, self._clock)
        self._held: dict[LockID, Held] = {}
        self._submissions: set[Submission] = set()

    @classmethod
    def from_access(
        cls,
        access: Access | Path | str | None = None,
        *,
        client_id: str | None = None,
        role: Role = Role.CLIENT,
        observer: Observer | None = None,
    ) -> Self:
        """A client of the cluster that an access file tells of: client.json of ``raftlock init``.

        Without one it is the file that ``RAFTLOCK_ACCESS`` names. Raises `InvalidArgument` if it
        cannot be used.
        """
        known = access if isinstance(access, Access) else read_access(access)
        return cls(
            known.endpoints,
            token=known.token,
            cluster=known.cluster,
            client_id=client_id,
            role=role,
            observer=observer,
            ssl=known.tls(),
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._client_id!r}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self, *, linger: float = 1.0) -> None:
        """End the connection; calls under way raise `Unavailable`. Locks that are held stay held.

        Waits that are being taken back get `linger` seconds of the machine's time for that.
        """
        await self._engine.close(linger)

    # --- what can be seen ---------------------------------------------------------------------

    @property
    def client_id(self) -> ClientID:
        """The name under which it holds locks."""
        return self._client_id

    @property
    def standing(self) -> Standing:
        """How it stands now; only on its event loop."""
        leases = {lock: held.lease for lock, held in self._held.items()}
        return Standing(self._engine.requester, self._random, leases, self._engine.last_number)

    @property
    def clock(self) -> Clock:
        """The clock by which it counts."""
        return self._clock

    @property
    def held(self) -> Mapping[LockID, Held]:
        """What it was granted and has not given back; ask each whether it is still `valid`."""
        return MappingProxyType(self._held)

    @property
    def leader(self) -> Endpoint | None:
        """The node that it believes to lead."""
        return self._engine.requester.leader

    # --- in a laboratory ----------------------------------------------------------------------

    @property
    def frozen(self) -> bool:
        """Whether a laboratory has stopped it."""
        return self._engine.frozen

    def freeze(self) -> None:
        """Stand still, as in a long garbage collection: nothing is handled, nothing is sent, and
        the clock runs on. New calls raise `InvalidArgument` until the `thaw`.
        """
        self._engine.freeze()

    def thaw(self) -> None:
        """Go on with what came meanwhile."""
        self._engine.thaw()

    def when_it_goes_on(self, happened: Callable[[], object]) -> None:
        """Do it now, or first thing after the `thaw`."""
        self._engine.when_it_goes_on(happened)

    # --- the calls ----------------------------------------------------------------------------

    async def acquire(
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
    ) -> Held:
        """Get the lock for `ttl` seconds. The holder acts only while the result is `valid`.

        Without `wait` a lock that somebody else holds raises `LockHeld`; with it the client stands
        in the queue, a higher `priority` first, for `wait_timeout` seconds (`WaitTimedOut`). If it
        is cancelled meanwhile, no waiter and no lock is left behind. A client that the cluster does
        not hear of for 10 s, since it stood still or was cut off, has left its queues: its waits
        raise `WaitCancelled` or `SessionExpired`. Acquiring again what the client holds keeps the
        token and makes the hold last longer.

        It has the lock alone, unless it is `shared` (a read lock: with all others who share it) or
        asked for as one of `permits` (a counting semaphore: all ask for the same number, and
        `Held.slot` says which one it is). A client holds a lock once: another permit is for another
        client. On other terms than it holds or awaits the lock it is `InvalidArgument`.

        With `retry_for` seconds it does not stand in the queue but asks again and again, at the
        pace that the service advises; `timeout` then bounds each attempt, and else the whole call:
        10 s, and the wait on top, unless given. A `Timeout` names the request id to ask again with.
        What is returned has at least a third of its TTL left; a grant that had ended before it was
        heard of raises `LockLost`.
        """

        def attempt() -> Coroutine[None, None, Held]:
            command = self._asking.acquire(
                lock_id,
                ttl=ttl,
                wait=wait,
                wait_timeout=wait_timeout,
                priority=priority,
                shared=shared,
                permits=permits,
                metadata=metadata,
                request_id=self._request_id(request_id),
            )
            return self._get(command, self._asking.time_for(command, timeout))

        if not retry_for:
            return await attempt()
        if wait or request_id is not None:
            raise InvalidArgument("retry_for asks anew each time: leave out wait and request_id.")
        return await self._again_for(retry_for, attempt, limits.check_lock_id(lock_id))

    async def acquire_all(
        self,
        lock_ids: Sequence[str],
        ttl: float = 10.0,
        *,
        metadata: Mapping[str, str] | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
        retry_for: float = 0.0,
    ) -> dict[LockID, Held]:
        """Get all of the locks (1 to 16) for `ttl` seconds, or none: `LockHeld` if one is held.

        One entry of the log grants them, each with a token of its own; they are renewed and
        released one by one. It never waits, so two clients cannot block each other with it; with
        `retry_for` it asks again and again, as `acquire` does.
        """

        def attempt() -> Coroutine[None, None, dict[LockID, Held]]:
            command = self._asking.acquire_all(
                lock_ids, ttl=ttl, metadata=metadata, request_id=self._request_id(request_id)
            )
            return self._get_all(command, self._asking.time_for(command, timeout))

        if not retry_for:
            return await attempt()
        if request_id is not None:
            raise InvalidArgument("retry_for asks anew each time: leave out request_id.")
        return await self._again_for(retry_for, attempt, limits.check_lock_ids(lock_ids)[0])

    async def enqueue_waiter(
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
    ) -> Submission:
        """Stand in the lock's queue for `timeout` seconds; returns once the place is known.

        Await the result to get the lock: it is granted at once if it is free. Enqueuing again
        changes time limit and priority.
        """
        command = self._asking.enqueue_waiter(
            lock_id,
            timeout=timeout,
            priority=priority,
            shared=shared,
            permits=permits,
            ttl=ttl,
            metadata=metadata,
            request_id=self._request_id(request_id),
        )
        place = Submission(self._client_id, "wait", command.lock_id)
        self._start(place, self._get(command, self._asking.time_for(command, None), place.queued))
        try:
            await place.placed()
        except asyncio.CancelledError:
            place.cancel()
            raise
        if place.error is not None:
            raise place.error
        return place

    async def cancel_wait(
        self, lock_id: str, *, request_id: str | None = None, timeout: float | None = None
    ) -> None:
        """Leave the lock's queue: whoever awaits the lock is told `WaitCancelled`.

        `NotWaiting` means that there is nothing to cancel, for instance since it was just granted.
        """
        command = self._asking.cancel_wait(lock_id, request_id=self._request_id(request_id))
        await self._ask(command, self._asking.time_for(command, timeout))

    async def release(
        self,
        lock_id: str | Held,
        *,
        token: int | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Give the lock back. Unless `token` is given, it is that of the hold the client knows of.

        `NotLockOwner`, `VersionMismatch` and `LockNotHeld` mean that the hold had ended before.
        """
        command = self._release_command(lock_id, token, request_id)
        await self._give(command, self._asking.time_for(command, timeout))

    async def renew(
        self,
        lock_id: str | Held,
        ttl: float | None = None,
        *,
        token: int | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> Held:
        """Make the hold last `ttl` seconds from now, or as long as it was granted for; its token
        stays. A hold is never made shorter. The same errors as for `release` mean that it is lost.
        """
        command = self._renew_command(lock_id, ttl, token, request_id)
        return await self._prolong(command, self._asking.time_for(command, timeout))

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
    ) -> LockHandle:
        """The lock for the length of an ``async with`` block, with the terms of `acquire`.

        It is renewed while the block runs, unless `renew` is false (a laboratory's clients want
        to be asked for it: ``renew=True``).

        A second handle of this client on the same lock raises `LockHeld`, or with `wait` waits for
        the first one to leave.
        """
        name = limits.check_lock_id(lock_id)
        renews = self._auto_renew if renew is None else renew
        terms = LockTerms(
            name, ttl, wait, wait_timeout, priority, metadata, renews, shared, permits
        )
        return LockHandle(self, terms)

    def lock_all(
        self,
        lock_ids: Sequence[str],
        ttl: float = 10.0,
        *,
        retry_for: float = 0.0,
        metadata: Mapping[str, str] | None = None,
        renew: bool | None = None,
    ) -> LocksHandle:
        """Several locks for the length of an ``async with`` block, all or none, as `acquire_all`.

        With `retry_for` seconds it asks again while one of them is held, at the pace that the
        service advises. They are renewed while the block runs, as for `lock`.
        """
        names = limits.check_lock_ids(lock_ids)
        renews = self._auto_renew if renew is None else renew
        return LocksHandle(self, LocksTerms(names, ttl, retry_for, metadata, renews))

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
    ) -> Submission:
        """Ask and go on; `op` is acquire, release, renew, wait or cancel.

        Wrong arguments raise here; every other news is in the submission. Call it on the client's
        event loop.
        """
        if op not in OPERATIONS:
            known = ", ".join(OPERATIONS)
            raise InvalidArgument(f"There is no operation {op[:24]!r}: choose one of {known}.")
        submission = Submission(self._client_id, op, limits.check_lock_id(lock_id))
        command: Command
        if op in ("acquire", "wait"):
            command = self._asking.acquire(
                lock_id,
                ttl=10.0 if ttl is None else ttl,
                wait=op == "wait",
                wait_timeout=wait_timeout,
                priority=priority,
                shared=shared,
                permits=permits,
                metadata=metadata,
                request_id=self._request_id(None),
            )
            time_ms = self._asking.time_for(command, None)
            self._start(submission, self._get(command, time_ms, submission.queued))
        elif op == "release":
            command = self._release_command(lock_id, token, None)
            self._start(submission, self._give(command, self._asking.time_for(command, None)))
        elif op == "renew":
            command = self._renew_command(lock_id, ttl, token, None)
            self._start(submission, self._prolong(command, self._asking.time_for(command, None)))
        else:
            self._start(submission, self.cancel_wait(lock_id))
        return submission

    # --- what a handle needs ------------------------------------------------------------------

    async def take(self, terms: LockTerms) -> Held:
        """Acquire for a handle, alone among this client's handles. (Use `lock` or `acquire`.)"""
        began = self._clock.now_us()
        wait_us = Micros(limits.millis_from_seconds("wait_timeout", terms.wait_timeout) * 1_000)
        await self._gate.enter(terms.lock_id, wait=terms.wait, wait_us=wait_us)
        try:
            spent = (self._clock.now_us() - began) / 1_000_000
            left = terms.wait_timeout - spent
            if spent > 0 and left < limits.WAIT_MS_MIN / 1_000:
                left = limits.WAIT_MS_MIN / 1_000
            return await self.acquire(
                terms.lock_id,
                terms.ttl,
                wait=terms.wait,
                wait_timeout=left,
                priority=terms.priority,
                shared=terms.shared,
                permits=terms.permits,
                metadata=terms.metadata,
            )
        except BaseException:
            self._gate.leave(terms.lock_id)
            raise

    async def take_all(self, terms: LocksTerms) -> Mapping[LockID, Held]:
        """Acquire for a handle, alone among this client's handles. (Use `lock_all`.)"""
        entered: list[LockID] = []
        try:
            for lock_id in terms.lock_ids:
                await self._gate.enter(lock_id, wait=False, wait_us=Micros(0))
                entered.append(lock_id)
            return await self.acquire_all(
                terms.lock_ids, terms.ttl, metadata=terms.metadata, retry_for=terms.retry_for
            )
        except BaseException:
            for lock_id in entered:
                self._gate.leave(lock_id)
            raise

    async def give_back(self, held: Held) -> None:
        """Release for a handle. (Use `release`.)"""
        try:
            await self.release(held)
        finally:
            self._gate.leave(held.lock_id)

    # --- behind the calls ---------------------------------------------------------------------

    def _start(self, submission: Submission, request: Coroutine[None, None, Held | None]) -> None:
        self._submissions.add(submission)  # or the task could be collected while it runs
        submission.start(request, self._submissions.discard)

    async def _again_for(
        self, seconds: float, attempt: Callable[[], Coroutine[None, None, T]], lock_id: LockID
    ) -> T:
        """Ask again and again for so long, at the pace that is advised for that lock."""
        until = self._clock.now_us() // 1_000 + limits.millis_from_seconds("retry_for", seconds)
        return await ask_again(
            attempt,
            lambda: self.get_backoff_advice(lock_id, stale=True),
            self._pause,
            lambda: Millis(until - self._clock.now_us() // 1_000),
            self._random.below,
        )

    async def _renew_held(self, held: Held) -> Held:
        return await self.renew(held)

    def _request_id(self, given: str | None) -> str:
        return f"{self._random.next():016x}" if given is None else given

    def _present_endpoints(self) -> tuple[Endpoint, ...]:
        given = self._endpoints() if callable(self._endpoints) else self._endpoints
        return tuple(Endpoint.parse(address) for address in given)
