"""``async with client.lock(...)``: a lock for the length of a block."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from raftlock.client.clock import Clock
from raftlock.client.held import Held
from raftlock.client.keeping import Keeper
from raftlock.errors import (
    LockHeld,
    LockLost,
    LockNotHeld,
    NotLockOwner,
    VersionMismatch,
    WaitTimedOut,
)
from raftlock.types.ids import ClientID, Index, LockID, Micros

__all__ = ["Gate", "LockHandle", "LockTerms", "Owner"]


@dataclass(frozen=True, slots=True)
class LockTerms:
    """How a handle asks for its lock; times in seconds, as the caller gave them."""

    lock_id: LockID
    ttl: float
    wait: bool
    wait_timeout: float
    priority: int
    metadata: Mapping[str, str] | None
    renews: bool = True
    shared: bool = False
    permits: int = 0


class Gate:
    """Lets one handle of this client at a time have a lock.

    The service knows clients, not handles: it would give the same client the same lock twice, and
    the first handle to leave would take it away from the other.
    """

    def __init__(self, client_id: ClientID, clock: Clock) -> None:
        self._client_id = client_id
        self._clock = clock
        self._inside: set[LockID] = set()
        self._queues: dict[LockID, deque[asyncio.Future[None]]] = {}

    async def enter(self, lock_id: LockID, *, wait: bool, wait_us: Micros) -> None:
        """Come in, now or within `wait_us`; whoever has come in calls `leave`."""
        if lock_id not in self._inside:
            self._inside.add(lock_id)
            return
        if not wait:
            raise LockHeld(
                f"This client ({self._client_id[:60]}) has {lock_id[:60]!r} in another block "
                "already: wait for it with wait=True, or use another client.",
                {"lock": lock_id, "holder": self._client_id},
            )
        await self._stand_in_queue(lock_id, wait_us)

    def leave(self, lock_id: LockID) -> None:
        """Let the next one in."""
        queue = self._queues.get(lock_id)
        while queue:
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(None)  # and `lock_id` stays inside, for that one
                return
        self._queues.pop(lock_id, None)
        self._inside.discard(lock_id)

    async def _stand_in_queue(self, lock_id: LockID, wait_us: Micros) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(lock_id, deque()).append(turn)
        text = f"Another block of this client kept {lock_id[:60]!r}: ask again to wait longer."

        def give_up() -> None:
            if not turn.done():
                turn.set_exception(WaitTimedOut(text, {"lock": lock_id}))

        timer = self._clock.call_at(Micros(self._clock.now_us() + wait_us), give_up)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.leave(lock_id)  # its turn had come, and it is no longer there to take it
            raise
        finally:
            timer.cancel()


class Owner(Protocol):
    """What any handle needs of its client."""

    async def give_back(self, held: Held) -> None:
        """Release it, and let the next handle in, whatever the service answers."""

    @property
    def clock(self) -> Clock:
        """By which it counts."""

    async def renew(
        self, lock_id: LockID | Held, ttl: float | None = None, *, timeout: float | None = None
    ) -> Held:
        """Make it last longer."""

    def when_it_goes_on(self, happened: Callable[[], object]) -> None:
        """Do it now, or once the client is no longer frozen."""


class LockOwner(Owner, Protocol):
    """What a lock's handle needs of its client."""

    async def take(self, terms: LockTerms) -> Held:
        """Acquire the lock, alone among this client's handles."""


class LockHandle:
    """A lock for the length of an ``async with`` block; made by `AsyncLockClient.lock`.

    Entering acquires (and renews first if the answer took most of the TTL), leaving releases. While
    the block runs the hold is renewed each time a third of its TTL has passed, unless it was made
    with ``renew=False``; a block that never lets the event loop run cannot be helped. `lost` is set
    as soon as the holder must not act any more. If the hold had ended before the block did, leaving
    raises `LockLost`: what was done in the block may be stale. An error of the block's own goes
    first, with a note that says so.

    Ask `valid` before each step that the lock protects, and hand `token` along.
    """

    def __init__(self, owner: LockOwner, terms: LockTerms) -> None:
        self._owner = owner
        self._terms = terms
        self._held: Held | None = None
        self._keeper: Keeper | None = None

    def __repr__(self) -> str:
        return repr(self._held) if self._held is not None else f"<lock {self._terms.lock_id!r}>"

    @property
    def lock_id(self) -> LockID:
        """The lock's name."""
        return self._terms.lock_id

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
    def was_entered(self) -> bool:
        """Whether the block has begun, be it over or not."""
        return self._keeper is not None

    @property
    def lost(self) -> asyncio.Event:
        """Set once the block must not act any more, before the TTL ends in the cluster."""
        if self._keeper is None:
            raise LockNotHeld(f"{self.lock_id[:60]!r} is held only inside of its block.")
        return self._keeper.lost

    async def renew(self, ttl: float | None = None) -> None:
        """Make the hold last longer, by the TTL it was acquired with unless another is given."""
        if self._held is None:
            raise LockNotHeld(f"{self.lock_id[:60]!r} is held only inside of its block.")
        await self._owner.renew(self.lock_id, ttl)

    async def __aenter__(self) -> Self:
        if self._held is not None:
            raise LockHeld(f"{self.lock_id[:60]!r} is in this handle's block already.")
        self._held = await self._owner.take(self._terms)
        renews = self._terms.renews
        self._keeper = Keeper(self._owner, self._held, self._owner.clock, renews=renews)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        held, self._held = self._held, None
        assert held is not None, "left without having entered"
        assert self._keeper is not None
        self._keeper.stop()
        lost = self._keeper.why or ("" if held.valid else "its TTL had ended")
        try:
            await self._owner.give_back(held)
        except (LockNotHeld, NotLockOwner, VersionMismatch) as refused:
            lost = refused.message.rstrip(".")
        except Exception as failed:
            if error is None:
                raise
            error.add_note(f"raftlock: releasing {held.lock_id!r} failed too: {failed}")
        if not lost:
            return
        text = (
            f"The lock {held.lock_id[:60]!r} (token {held.token}) was lost before its block "
            f"ended: {lost}. What was done in the block may be stale."
        )
        if error is None:
            raise LockLost(text, {"lock": held.lock_id, "token": str(held.token)})
        error.add_note(f"raftlock: {text}")
