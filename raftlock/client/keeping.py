"""Keeps a hold alive while its block runs, and says so in time if it cannot.

A renewal is sent when a third of the TTL has passed, and again after a pause for as long as the
holder may still believe; so one lost answer, or one failover, does not cost the lock. `lost` is set
when the service says that the hold is over, or at the moment from which on the holder must not act:
that comes before the TTL ends in the cluster, since the holder counts from before its request left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from raftlock.client.clock import Clock, Timer
from raftlock.client.held import Held
from raftlock.errors import LockNotHeld, NotLockOwner, RaftLockError, VersionMismatch
from raftlock.types.ids import Micros, Millis

__all__ = ["Keeper", "Renewer"]

AGAIN_PARTS = 10
"""After which part of the TTL a renewal that failed is tried again."""

_SECONDS_MIN = 0.001


class Renewer(Protocol):
    """What a keeper needs of the client."""

    async def renew(
        self, lock_id: Held, ttl: float | None = None, *, timeout: float | None = None
    ) -> Held:
        """Make it last longer."""

    def when_it_goes_on(self, happened: Callable[[], object]) -> None:
        """Do it now, or first thing once the client is no longer frozen."""


class Keeper:
    """Watches one hold from its grant to `stop`; with `renews` it also prolongs it.

    Several may share a `lost`: the first that loses its hold sets it for all.
    """

    def __init__(
        self,
        owner: Renewer,
        held: Held,
        clock: Clock,
        *,
        renews: bool,
        lost: asyncio.Event | None = None,
    ) -> None:
        self.lost = lost or asyncio.Event()
        self.why = ""
        self._owner = owner
        self._held = held
        self._clock = clock
        self._renews = renews
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._not_before = Millis(0)
        self._stopped = False
        self._wait()

    def stop(self) -> None:
        """The block has ended: what is under way is given up."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _wait(self) -> None:
        """Come back when the next renewal is due, or the hold has ended."""
        lease = self._held.lease
        due = lease.until
        if self._renews and self._task is None:
            due = min(due, max(Millis(lease.started + lease.ttl // 3), self._not_before))
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.call_at(
            Micros(due * 1000), lambda: self._owner.when_it_goes_on(self._look)
        )

    def _look(self) -> None:
        if self._stopped or self.lost.is_set():
            return
        lease, now = self._held.lease, self._clock.now_us() // 1000
        if now >= lease.until:
            self._lose("its TTL had ended")
            return
        due = max(lease.started + lease.ttl // 3, self._not_before)
        if self._renews and self._task is None and now >= due:
            self._task = asyncio.create_task(self._renew(), name=f"renews {self._held.lock_id!r}")
        self._wait()

    async def _renew(self) -> None:
        try:
            left = max(self._held.remaining, _SECONDS_MIN)
            await self._owner.renew(self._held, timeout=left)
        except (LockNotHeld, NotLockOwner, VersionMismatch) as refused:
            self._lose(refused.message.rstrip("."))
        except RaftLockError:
            pass  # its outcome is unknown: asked again below, until the hold has ended
        finally:
            self._task = None
        if not self._stopped and not self.lost.is_set():
            pause = self._held.lease.ttl // AGAIN_PARTS
            self._not_before = Millis(self._clock.now_us() // 1000 + pause)
            self._wait()

    def _lose(self, why: str) -> None:
        self.why = why
        self._held.end()
        self.lost.set()
