"""The same words for plain code: a lock client over an event loop in another thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from raftlock.client.access import Access
from raftlock.client.aio import AsyncLockClient
from raftlock.client.faces import Runner, SyncHeld, SyncLockHandle, SyncLocksHandle, SyncSubmission
from raftlock.client.held import Held
from raftlock.client.looking import Health, LockPage
from raftlock.client.submission import Submission
from raftlock.runner import ThreadRunner
from raftlock.transport.limits import PAGE_LIMIT_DEFAULT
from raftlock.types.commands import BackoffAdvice, LockInfo
from raftlock.types.ids import ClientID, LockID
from raftlock.types.status import RaftStatus

__all__ = ["LockClient"]


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
        retry_for: float = 0.0,
    ) -> dict[LockID, SyncHeld]:
        """Get all of the locks for `ttl` seconds, or none."""
        held = self._runner.call(
            self._client.acquire_all(
                lock_ids,
                ttl,
                metadata=metadata,
                request_id=request_id,
                timeout=timeout,
                retry_for=retry_for,
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

    def lock_all(
        self,
        lock_ids: Sequence[str],
        ttl: float = 10.0,
        *,
        retry_for: float = 0.0,
        metadata: Mapping[str, str] | None = None,
        renew: bool | None = None,
    ) -> SyncLocksHandle:
        """Several locks for the length of a ``with`` block, all or none."""
        handle = self._client.lock_all(
            lock_ids, ttl, retry_for=retry_for, metadata=metadata, renew=renew
        )
        return SyncLocksHandle(handle, self._runner)

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


async def _held(client: AsyncLockClient) -> dict[LockID, Held]:
    return dict(client.held)
