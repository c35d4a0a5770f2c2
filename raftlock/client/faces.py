"""What plain code is given: holds, handles and requests under way, of a client elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from raftlock.client.handle import LockHandle
from raftlock.client.held import Held
from raftlock.client.lease import Lease
from raftlock.client.several import LocksHandle
from raftlock.client.submission import Submission
from raftlock.types.ids import ClientID, Index, LockID

__all__ = ["Runner", "SyncHeld", "SyncLockHandle", "SyncLocksHandle", "SyncSubmission"]

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


H = TypeVar("H", LockHandle, LocksHandle)


class _SyncBlock(Generic[H]):
    """What both sorts of ``with`` blocks are asked."""

    def __init__(self, handle: H, runner: Runner) -> None:
        self._handle: H = handle
        self._runner = runner

    def __repr__(self) -> str:
        return repr(self._handle)

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
        """Wait until a hold is lost, or `timeout` seconds; whether it is."""
        return self._runner.call(_wait_lost(self._handle, timeout))

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


class SyncLockHandle(_SyncBlock[LockHandle]):
    """A lock for the length of a ``with`` block; see `LockHandle`."""

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

    def renew(self, ttl: float | None = None) -> None:
        """Make the hold last longer."""
        self._runner.call(self._handle.renew(ttl))


class SyncLocksHandle(_SyncBlock[LocksHandle]):
    """Several locks for the length of a ``with`` block; see `LocksHandle`."""

    @property
    def lock_ids(self) -> tuple[LockID, ...]:
        """The locks' names, as they were given."""
        return self._handle.lock_ids

    @property
    def tokens(self) -> Mapping[LockID, Index]:
        """The fencing token of each; empty outside of the block."""
        return self._handle.tokens


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


async def _remaining(hold: Held | LockHandle | LocksHandle) -> float:
    return hold.remaining


async def _valid(hold: Held | LockHandle | LocksHandle) -> bool:
    return hold.valid


async def _cancel(submission: Submission) -> None:
    submission.cancel()


async def _lost(handle: LockHandle | LocksHandle) -> bool:
    return handle.lost.is_set()


async def _wait_lost(handle: LockHandle | LocksHandle, timeout: float | None) -> bool:
    try:
        async with asyncio.timeout(timeout):
            return await handle.lost.wait()
    except TimeoutError:
        return False
