"""``async with client.lock_all(...)``: several locks for the length of a block, or none."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from raftlock.client.handle import Owner
from raftlock.client.held import Held
from raftlock.client.keeping import Keeper
from raftlock.errors import LockHeld, LockLost, LockNotHeld, NotLockOwner, VersionMismatch
from raftlock.types.ids import Index, LockID

__all__ = ["LocksHandle", "LocksTerms"]


@dataclass(frozen=True, slots=True)
class LocksTerms:
    """How a handle asks for its locks; times in seconds, as the caller gave them."""

    lock_ids: tuple[LockID, ...]
    ttl: float
    retry_for: float
    metadata: Mapping[str, str] | None
    renews: bool = True


class LocksOwner(Owner, Protocol):
    """What a handle of several locks needs of its client."""

    async def take_all(self, terms: LocksTerms) -> Mapping[LockID, Held]:
        """Acquire all of the locks, alone among this client's handles."""


class LocksHandle:
    """Several locks for the length of an ``async with`` block; made by `AsyncLockClient.lock_all`.

    Each has its token in `tokens` and is renewed like that of a `LockHandle`; `lost` is set as soon
    as one of them is lost, and then leaving raises `LockLost`. Leaving releases all of them.
    """

    def __init__(self, owner: LocksOwner, terms: LocksTerms) -> None:
        self._owner = owner
        self._terms = terms
        self._held: Mapping[LockID, Held] = {}
        self._keepers: Sequence[Keeper] = ()
        self._lost: asyncio.Event | None = None

    def __repr__(self) -> str:
        return f"<locks {', '.join(map(repr, self._terms.lock_ids))}>"

    @property
    def lock_ids(self) -> tuple[LockID, ...]:
        """The locks' names, as they were given."""
        return self._terms.lock_ids

    @property
    def tokens(self) -> Mapping[LockID, Index]:
        """The fencing token of each; empty outside of the block."""
        return {lock_id: held.token for lock_id, held in self._held.items()}

    @property
    def remaining(self) -> float:
        """Seconds for which the block may still act under all of them; 0 if none."""
        return min((held.remaining for held in self._held.values()), default=0.0)

    @property
    def valid(self) -> bool:
        """Whether the block may act now."""
        return bool(self._held) and all(held.valid for held in self._held.values())

    @property
    def lost(self) -> asyncio.Event:
        """Set once the block must not act any more, before a TTL ends in the cluster."""
        if self._lost is None:
            raise LockNotHeld(f"{self!r} are held only inside of their block.")
        return self._lost

    async def __aenter__(self) -> Self:
        if self._held:
            raise LockHeld(f"{self!r} are in this handle's block already.")
        self._held = await self._owner.take_all(self._terms)
        self._lost = asyncio.Event()
        self._keepers = [
            Keeper(self._owner, held, self._owner.clock, renews=self._terms.renews, lost=self._lost)
            for held in self._held.values()
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        holds, self._held = self._held, {}
        over: dict[LockID, str] = {}
        for keeper, held in zip(self._keepers, holds.values(), strict=True):
            keeper.stop()
            why = keeper.why or ("" if held.valid else "its TTL had ended")
            if why:
                over[held.lock_id] = why
        given_back = (self._owner.give_back(held) for held in holds.values())
        answers = await asyncio.gather(*given_back, return_exceptions=True)
        failed = []
        for lock_id, answer in zip(holds, answers, strict=True):
            if isinstance(answer, LockNotHeld | NotLockOwner | VersionMismatch):
                over[lock_id] = answer.message.rstrip(".")
            elif isinstance(answer, BaseException):
                failed.append((lock_id, answer))  # that one ends by its TTL
        for lock_id, answer in failed:
            if error is None:
                raise answer
            error.add_note(f"raftlock: releasing {lock_id!r} failed too: {answer}")
        if not over:
            return
        told = "; ".join(f"{lock_id[:60]!r}: {why}" for lock_id, why in over.items())
        text = f"Locks were lost before their block ended ({told}): what it did may be stale."
        if error is None:
            raise LockLost(text, {"locks": " ".join(over)})
        error.add_note(f"raftlock: {text}")
