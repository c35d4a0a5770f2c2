"""What is behind a client's calls: asking, and what is believed once it is answered."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace

from raftlock.client.asking import Asking
from raftlock.client.clock import Clock
from raftlock.client.held import Held
from raftlock.client.lease import Lease
from raftlock.client.looking import Looking
from raftlock.client.protocol import Answered
from raftlock.errors import (
    LockLost,
    LockNotHeld,
    NotLockOwner,
    RaftLockError,
    ServiceError,
    VersionMismatch,
)
from raftlock.transport import limits
from raftlock.types.answers import Outcome
from raftlock.types.commands import Command
from raftlock.types.ids import ClientID, Index, LockID, Micros, Millis

__all__ = ["Believing", "OnProgress"]

OnProgress = Callable[[Outcome], None]


class Believing(Looking):
    """The part of a client that keeps what it believes to hold."""

    _client_id: ClientID
    _clock: Clock
    _held: dict[LockID, Held]
    _asking: Asking

    @abstractmethod
    def _request_id(self, given: str | None) -> str:
        """The name of a request: the given one, or a fresh one."""

    @abstractmethod
    async def _renew_held(self, held: Held) -> Held:
        """Make it last as long as it was granted for, from now on."""

    async def _ask(
        self, command: Command, time_ms: Millis, progress: OnProgress | None = None
    ) -> tuple[Answered, Outcome]:
        self._testimony.calls(command, time_ms)
        try:
            answered = await self._engine.ask(command.op.value, command, time_ms, progress)
        except BaseException as error:
            self._testimony.failed(command, error)
            raise
        assert answered.outcome is not None
        self._testimony.answered(command, answered.outcome)
        return answered, answered.outcome

    async def _get(
        self, command: Command, time_ms: Millis, progress: OnProgress | None = None
    ) -> Held:
        """Acquire or stand in the queue, and come back with a hold that is worth having."""
        answered, outcome = await self._ask(command, time_ms, progress)
        held = self._believe(command, answered, outcome)
        if not held.needs_renewal:
            return held
        # The answer took most of the TTL (DECISIONS.md 2): work is not begun on what is left.
        try:
            if not outcome.expired:
                return await self._renew_held(held)
            self._believe_no_more(held.lock_id, held.token)
        except asyncio.CancelledError:
            self._engine.take_back(answered.number)
            self._believe_no_more(held.lock_id, held.token)
            raise
        except ServiceError as error:
            self._engine.take_back(answered.number)
            self._believe_no_more(held.lock_id, held.token)
            raise self._came_too_late(held) from error
        raise self._came_too_late(held)

    async def _get_all(self, command: Command, time_ms: Millis) -> dict[LockID, Held]:
        """Acquire several locks, and come back with holds that are all worth having."""
        answered, outcome = await self._ask(command, time_ms)
        held = {
            lock_id: self._believe(
                replace(command, lock_id=lock_id), answered, replace(outcome, token=token)
            )
            for lock_id, token in outcome.tokens.items()
        }
        late = [one for one in held.values() if one.needs_renewal]
        try:
            for one in late if not outcome.expired else ():
                await self._renew_held(one)
            if not (late and outcome.expired):
                return held
        except (ServiceError, asyncio.CancelledError) as error:
            self._engine.take_back(answered.number)
            self._forget_all(held)
            if isinstance(error, asyncio.CancelledError):
                raise
            raise self._came_too_late(late[0]) from error
        self._forget_all(held)
        raise self._came_too_late(late[0])

    def _forget_all(self, held: Mapping[LockID, Held]) -> None:
        for lock_id, one in held.items():
            self._believe_no_more(lock_id, one.token)

    async def _give(self, command: Command, time_ms: Millis) -> None:
        try:
            await self._ask(command, time_ms)
        except (LockNotHeld, NotLockOwner, VersionMismatch, asyncio.CancelledError):
            self._believe_no_more(command.lock_id, command.version)
            raise
        self._believe_no_more(command.lock_id, command.version)

    async def _prolong(self, command: Command, time_ms: Millis) -> Held:
        try:
            answered, outcome = await self._ask(command, time_ms)
        except (LockNotHeld, NotLockOwner, VersionMismatch):
            self._believe_no_more(command.lock_id, command.version)
            raise
        return self._believe(command, answered, outcome)

    def _believe(self, command: Command, answered: Answered, outcome: Outcome) -> Held:
        lease = Lease.counted_from(answered.first_left, outcome)
        held = self._held.get(command.lock_id)
        if held is not None and held.token == lease.token:
            held.renewed(lease)
        else:
            held = Held(command.lock_id, self._client_id, lease, self._clock, command.request_id)
            self._held[command.lock_id] = held
        self._testimony.believes(command.lock_id, held.lease)
        return held

    def _believe_no_more(self, lock_id: LockID, token: Index) -> None:
        held = self._held.get(lock_id)
        if held is not None and held.token == token:
            del self._held[lock_id]
            self._testimony.believes(lock_id, None)

    def _came_too_late(self, held: Held) -> RaftLockError:
        text = (
            f"{held.lock_id[:60]!r} was granted with token {held.token}, but most of its TTL of "
            f"{held.ttl:g} s had passed when the answer came, and it could not be renewed: "
            "acquire it again."
        )
        return LockLost(text, {"lock": held.lock_id, "token": str(held.token)})

    async def _pause(self, ms: Millis) -> None:
        """Wait, by the client's own clock."""
        over = asyncio.Event()
        timer = self._clock.call_at(Micros(self._clock.now_us() + 1_000 * ms), over.set)
        try:
            await over.wait()
        finally:
            timer.cancel()

    # --- what is meant ------------------------------------------------------------------------

    def _release_command(
        self, lock: str | Held, token: int | None, request_id: str | None
    ) -> Command:
        lock_id, known = self._hold_meant(lock, token, "release")
        return self._asking.release(lock_id, token=known, request_id=self._request_id(request_id))

    def _renew_command(
        self, lock: str | Held, ttl: float | None, token: int | None, request_id: str | None
    ) -> Command:
        lock_id, known = self._hold_meant(lock, token, "renew")
        held = lock if isinstance(lock, Held) else self._held.get(lock_id)
        if ttl is None:
            ttl = held.ttl if held is not None else 10.0
        return self._asking.renew(
            lock_id, token=known, ttl=ttl, request_id=self._request_id(request_id)
        )

    def _hold_meant(self, lock: str | Held, token: int | None, verb: str) -> tuple[LockID, int]:
        if isinstance(lock, Held):
            return lock.lock_id, lock.token if token is None else token
        lock_id = limits.check_lock_id(lock)
        held = self._held.get(lock_id)
        if token is None and held is None:
            raise LockNotHeld(
                f"{self._client_id[:60]} knows of no hold on {lock_id[:60]!r} to {verb}: acquire "
                "it first, or name its token.",
                {"lock": lock_id},
            )
        return lock_id, held.token if token is None and held is not None else token or 0
