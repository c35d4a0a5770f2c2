"""A request that runs on by itself, for a panel to show."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator

from raftlock.client.held import Held
from raftlock.errors import RaftLockError
from raftlock.types.answers import Outcome
from raftlock.types.ids import ClientID, LockID

__all__ = ["Submission"]


class Submission:
    """What `submit` gives back at once: a request under way. It may be awaited, or only looked at.

    `state` says in a few words how it stands. Nobody has to collect the answer.
    """

    def __init__(self, client_id: ClientID, op: str, lock_id: LockID) -> None:
        self.client_id = client_id
        self.op = op
        self.lock_id = lock_id
        self.state = "asking"
        self.position: int | None = None
        """Its place in the queue, from 0, while it waits there."""
        self._placed = asyncio.Event()
        self._task: asyncio.Task[Held | None] | None = None

    def __repr__(self) -> str:
        return f"<{self.client_id}: {self.op} {self.lock_id!r}: {self.state}>"

    def __await__(self) -> Generator[None, None, Held | None]:
        return self.wait().__await__()

    @property
    def done(self) -> bool:
        """Whether the answer is there."""
        return self._task is not None and self._task.done()

    @property
    def error(self) -> RaftLockError | None:
        """Why it failed, if it has."""
        if self._task is None or not self._task.done() or self._task.cancelled():
            return None
        error = self._task.exception()
        return error if isinstance(error, RaftLockError) else None

    async def wait(self) -> Held | None:
        """The answer: what is held now, or ``None``. Raises the error that it was.

        Cancelling this wait does not cancel the request; `cancel` does.
        """
        assert self._task is not None
        return await asyncio.shield(self._task)

    async def placed(self) -> None:
        """Wait until it stands in the queue or is answered; an error is not raised here."""
        await self._placed.wait()

    def cancel(self) -> None:
        """Take the request back: no waiter and no lock is left behind."""
        if self._task is not None:
            self._task.cancel()

    def queued(self, outcome: Outcome) -> None:
        """It has a place in the queue."""
        self.position = outcome.position
        ahead = f"{outcome.position} ahead" if outcome.position else "next"
        self.state = f"waiting, {ahead}"
        self._placed.set()

    def start(
        self,
        request: Coroutine[None, None, Held | None],
        when_done: Callable[[Submission], None],
    ) -> None:
        """Run the request as a task of its own."""
        self._task = asyncio.create_task(request)
        self._task.add_done_callback(self._finished)
        self._task.add_done_callback(lambda _: when_done(self))

    def _finished(self, task: asyncio.Task[Held | None]) -> None:
        self.position = None
        if task.cancelled():
            self.state = "taken back"
        elif (error := task.exception()) is not None:
            self.state = error.message if isinstance(error, RaftLockError) else repr(error)
        else:
            held = task.result()
            self.state = f"holds it with token {held.token}" if held is not None else "done"
        self._placed.set()
