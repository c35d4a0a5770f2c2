"""The same words for plain code: a lock client over an event loop in another thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

from raftlock.client.access import Access
from raftlock.client.aio import AsyncLockClient
from raftlock.client.handle import LockHandle
from raftlock.client.held import Held
from raftlock.client.lease import Lease
from raftlock.client.looking import Health, LockPage
from raftlock.client.submission import Submission
from raftlock.runner import ThreadRunner
from raftlock.transport.limits import PAGE_LIMIT_DEFAULT
from raftlock.types.commands import BackoffAdvice, LockInfo
from raftlock.types.ids import ClientID, Index, LockID
from raftlock.types.status import RaftStatus

__all__ = ["LockClient", "Runner", "SyncHeld", "SyncLockHandle", "SyncSubmission"]

T = TypeVar("T")


class Runner(Protocol):
    """Runs coroutines on a loop elsewhere; `raftlock.runner.ThreadRunner` is one."""

    def call(self, coroutine: Coroutine[object, object, T], /, timeout: float | None = None) -> T:
        """Wait for the coroutine; an interrupt cancels it."""


class SyncHeld:
    """A `Held` that any thread may ask."""

    def __init__(self, held: Held, runner: Runner) -> None:
        self._held = held
        self._runner = runner

    def __repr__(self) -> str:
        return repr(self._held)

    @property
    def asynchronous(self) -> Held:
        """The same hold for code on the client's own event loop."""
        return self._held

    @property
    def lock_id(self) -> LockID:
        """The lock's name."""
        return self._held.lock_id

    @property
    def client_id(self) -> ClientID:
        """Who holds it."""
        return self._held.client_id

    @property
    def token(self) -> Index:
        """The fencing token."""
        return self._held.token

    @property
    def lease(self) -> Lease:
        """The hold as a value."""
        return self._held.lease

    @property
    def slot(self) -> int:
        """The number of its permit, from 1 on, where the lock has permits; else 0."""
        return self._held.slot

    @property
    def shared(self) -> bool:
        """Whether others may hold it at the same time, to read as this one does."""
        return self._held.shared

    @property
    def ttl(self) -> float:
        """The granted time to live in seconds."""
        return self._held.ttl

    @property
    def remaining(self) -> float:
        """Seconds for which the holder may still act; 0 once the hold is over."""
        return self._runner.call(_remaining(self._held))

    @property
    def valid(self) -> bool:
        """Whether the holder may act now."""
        return self._runner.call(_valid(self._held))


class SyncLockHandle:
    """A lock for the length of a ``with`` block; see `LockHandle`."""

    def __init__(self, handle: LockHandle, runner: Runner) -> None:
        self._handle = handle
        self._runner = runner

    def __repr__(self) -> str:
        return repr(self._handle)

    @property
    def lock_id(self) -> LockID:
        """The lock's name."""
        return self._handle.lock_id

    @property
    def token(self) -> Index:
        """The fencing token of the hold; 0 outside of the block."""
        return self._handle.token

    @property
    def slot(self) -> int:
        """The number of its permit, from 1 on, where the lock has permits; else 0."""
        return self._handle.slot

    @property
    def remaining(self) -> float:
        """Seconds for which the block may still act; 0 if none."""
        return self._runner.call(_remaining(self._handle))

    @property
    def valid(self) -> bool:
        """Whether the block may act now."""
        return self._runner.call(_valid(self._handle))

    @property
    def lost(self) -> bool:
        """Whether the block must not act any more."""
        return self._runner.call(_lost(self._handle))

    def wait_lost(self, timeout: float | None = None) -> bool:
        """Wait until the hold is lost, or `timeout` seconds; whether it is."""
        return self._runner.call(_wait_lost(self._handle, timeout))

    def renew(self, ttl: float | None = None) -> None:
        """Make the hold last longer."""
        self._runner.call(self._handle.renew(ttl))

    def __enter__(self) -> Self:
        self._runner.call(self._handle.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.call(self._handle.__aexit__(kind, error, trace))


class SyncSubmission:
    """A request under way; see `Submission`."""

    def __init__(self, submission: Submission, runner: Runner) -> None:
        self._submission = submission
        self._runner = runner

    def __repr__(self) -> str:
        return repr(self._submission)

    @property
    def state(self) -> str:
        """How it stands, in a few words."""
        return self._submission.state

    @property
    def done(self) -> bool:
        """Whether the answer is there."""
        return self._submission.done

    def result(self) -> SyncHeld | None:
        """Wait for the answer: what is held now, or ``None``. Raises the error that it was."""
        held = self._runner.call(self._submission.wait())
        return None if held is None else SyncHeld(held, self._runner)

    def cancel(self) -> None:
        """Take the request back: no waiter and no lock is left behind."""
        self._runner.call(_cancel(self._submission))


class LockClient:
    """One holder of locks, for plain code; every word means what it means in `AsyncLockClient`.

    `client` lives on the loop of `runner`; this face may be used from any other thread. A call that
    is interrupted is cancelled, and takes back what it asked for.
    """

    def __init__(self, client: AsyncLockClient, runner: Runner) -> None:
        self._client = client
        self._runner = runner
        self._stop: Callable[[], None] | None = None

    @classmethod
    def from_access(
        cls, access: Access | Path | str | None = None, *, client_id: str | None = None
    ) -> LockClient:
        """A client of the cluster that an access file tells of: client.json of ``raftlock init``.

        Without one it is the file that ``RAFTLOCK_ACCESS`` names. It renews and hears of what is
        lost on a thread of its own: `close` it, or use it as a context manager.
        """
        client = AsyncLockClient.from_access(access, client_id=client_id)
        runner = ThreadRunner(f"raftlock {client.client_id[:40]}")
        made = cls(client, runner)
        made._stop = runner.stop
        return made

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.client_id!r}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def aio(self) -> AsyncLockClient:
        """The same client for ``await``, on its own event loop."""
        return self._client

    @property
    def client_id(self) -> ClientID:
        """The name under which it holds locks."""
        return self._client.client_id

    @property
    def held(self) -> Mapping[LockID, SyncHeld]:
        """What it was granted and has not given back, as of now."""
        held = self._runner.call(_held(self._client))
        return {lock_id: SyncHeld(each, self._runner) for lock_id, each in held.items()}

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
    ) -> SyncHeld:
        """Get the lock for `ttl` seconds."""
        held = self._runner.call(
            self._client.acquire(
                lock_id,
                ttl,
                wait=wait,
                wait_timeout=wait_timeout,
                priority=priority,
                shared=shared,
                permits=permits,
                metadata=metadata,
                request_id=request_id,
                timeout=timeout,
                retry_for=retry_for,
            )
        )
        return SyncHeld(held, self._runner)

    def acquire_all(
        self,
        lock_ids: Sequence[str],
        ttl: float = 10.0,
        *,
        metadata: Mapping[str, str] | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> dict[LockID, SyncHeld]:
        """Get all of the locks for `ttl` seconds, or none."""
        held = self._runner.call(
            self._client.acquire_all(
                lock_ids, ttl, metadata=metadata, request_id=request_id, timeout=timeout
            )
        )
        return {lock_id: SyncHeld(each, self._runner) for lock_id, each in held.items()}

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
    ) -> SyncSubmission:
        """Stand in the lock's queue; returns once the place is known."""
        place = self._runner.call(
            self._client.enqueue_waiter(
                lock_id,
                timeout,
                priority=priority,
                shared=shared,
                permits=permits,
                ttl=ttl,
                metadata=metadata,
                request_id=request_id,
            )
        )
        return SyncSubmission(place, self._runner)

    def cancel_wait(
        self, lock_id: str, *, request_id: str | None = None, timeout: float | None = None
    ) -> None:
        """Leave the lock's queue."""
        self._runner.call(self._client.cancel_wait(lock_id, request_id=request_id, timeout=timeout))

    def release(
        self,
        lock_id: str | SyncHeld,
        *,
        token: int | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Give the lock back."""
        self._runner.call(
            self._client.release(
                _plain(lock_id), token=token, request_id=request_id, timeout=timeout
            )
        )

    def renew(
        self,
        lock_id: str | SyncHeld,
        ttl: float | None = None,
        *,
        token: int | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> SyncHeld:
        """Make the hold last longer; its token stays."""
        held = self._runner.call(
            self._client.renew(
                _plain(lock_id), ttl, token=token, request_id=request_id, timeout=timeout
            )
        )
        return SyncHeld(held, self._runner)

    def status(self, *, timeout: float | None = None) -> RaftStatus:
        """How the node that this client talks to sees the cluster."""
        return self._runner.call(self._client.status(timeout=timeout))

    def get_lock_info(
        self, lock_id: str, *, stale: bool = False, timeout: float | None = None
    ) -> LockInfo:
        """How the lock stands: who holds it with which token, and who waits."""
        return self._runner.call(self._client.get_lock_info(lock_id, stale=stale, timeout=timeout))

    def find_lock(
        self, lock_id: str, *, stale: bool = False, timeout: float | None = None
    ) -> LockInfo:
        """How the lock stands; `LockNotFound` if nobody holds it or waits for it."""
        return self._runner.call(self._client.find_lock(lock_id, stale=stale, timeout=timeout))

    def get_locks(
        self,
        lock_id: str = "",
        *,
        owner_id: str = "",
        held: bool | None = None,
        contested: bool | None = None,
        expires_within: float | None = None,
        metadata: Mapping[str, str] | None = None,
        limit: int = PAGE_LIMIT_DEFAULT,
        offset: int = 0,
        stale: bool = False,
        timeout: float | None = None,
    ) -> LockPage:
        """The locks that are held or waited for, by name, a page at a time."""
        return self._runner.call(
            self._client.get_locks(
                lock_id,
                owner_id=owner_id,
                held=held,
                contested=contested,
                expires_within=expires_within,
                metadata=metadata,
                limit=limit,
                offset=offset,
                stale=stale,
                timeout=timeout,
            )
        )

    def get_backoff_advice(
        self, lock_id: str, *, stale: bool = False, timeout: float | None = None
    ) -> BackoffAdvice:
        """When to ask again for the lock, from how long it is usually held and who waits."""
        return self._runner.call(
            self._client.get_backoff_advice(lock_id, stale=stale, timeout=timeout)
        )

    def health(self, *, timeout: float | None = None) -> Health:
        """Whether the node that this client talks to knows a leader."""
        return self._runner.call(self._client.health(timeout=timeout))

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
    ) -> SyncLockHandle:
        """The lock for the length of a ``with`` block."""
        handle = self._client.lock(
            lock_id,
            ttl,
            wait=wait,
            wait_timeout=wait_timeout,
            priority=priority,
            shared=shared,
            permits=permits,
            metadata=metadata,
            renew=renew,
        )
        return SyncLockHandle(handle, self._runner)

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
    ) -> SyncSubmission:
        """Ask and go on; `op` is acquire, release, renew, wait or cancel."""

        async def start() -> Submission:
            return self._client.submit(
                op,
                lock_id,
                ttl=ttl,
                wait_timeout=wait_timeout,
                priority=priority,
                shared=shared,
                permits=permits,
                metadata=metadata,
                token=token,
            )

        return SyncSubmission(self._runner.call(start()), self._runner)

    def close(self) -> None:
        """End the connection; locks that are held stay held."""
        if self._stop is None:
            self._runner.call(self._client.close())
            return
        stop, self._stop = self._stop, _nothing
        if stop is not _nothing:
            self._runner.call(self._client.close())
            stop()


def _plain(lock: str | SyncHeld) -> str | Held:
    return lock.asynchronous if isinstance(lock, SyncHeld) else lock


def _nothing() -> None:
    """It has been closed before."""


# What a client's clock says may be asked on its own event loop only.


async def _remaining(hold: Held | LockHandle) -> float:
    return hold.remaining


async def _valid(hold: Held | LockHandle) -> bool:
    return hold.valid


async def _held(client: AsyncLockClient) -> dict[LockID, Held]:
    return dict(client.held)


async def _cancel(submission: Submission) -> None:
    submission.cancel()


async def _lost(handle: LockHandle) -> bool:
    return handle.lost.is_set()


async def _wait_lost(handle: LockHandle, timeout: float | None) -> bool:
    try:
        async with asyncio.timeout(timeout):
            return await handle.lost.wait()
    except TimeoutError:
        return False
