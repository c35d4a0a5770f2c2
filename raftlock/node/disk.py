"""How a node's writes reach its storage: on a modelled disk that takes its time, or a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol

from raftlock.errors import StorageError
from raftlock.raft.effects import Persist
from raftlock.storage.api import Storage
from raftlock.types.ids import Micros

__all__ = ["Disk", "ModelledDisk", "ThreadDisk"]

Done = Callable[[StorageError | None], None]


class Disk(Protocol):
    """Makes one batch durable at a time; the next is begun only after the last one's `done`."""

    def begin(self, batch: Sequence[Persist], done: Done) -> Micros | None:
        """Write and sync the batch, then call `done`, with the error if there was one.

        Gives the moment at which that will be, where it is known beforehand.
        """
        ...


class _Clock(Protocol):
    def now_us(self) -> Micros: ...

    def call_at(self, at: Micros, function: Callable[[], None], /) -> object: ...


class ModelledDisk:
    """A laboratory's: a sync takes `sync_us` of the laboratory's time."""

    def __init__(self, storage: Storage, clock: _Clock, sync_us: int) -> None:
        self._storage = storage
        self._clock = clock
        self._sync_us = sync_us

    def begin(self, batch: Sequence[Persist], done: Done) -> Micros | None:
        """Write now; sync when its time has passed."""
        try:
            self._storage.write(batch)
        except StorageError as error:
            done(error)
            return None
        at = Micros(self._clock.now_us() + self._sync_us)
        self._clock.call_at(at, lambda: self._sync(done))
        return at

    def _sync(self, done: Done) -> None:
        try:
            self._storage.sync()
        except StorageError as error:
            done(error)
        else:
            done(None)


class ThreadDisk:
    """A real one: its waits are spent on a thread of its own.

    So a disk that takes a second delays promises, and not heartbeats: a leader whose disk does not
    answer steps down because it decides to (thesis 6.2), not because it was silent.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, "raftlock disk")

    def begin(self, batch: Sequence[Persist], done: Done) -> Micros | None:
        """Write and sync on the thread; `done` is called on the loop."""
        self._thread.submit(self._work, batch, done)
        return None

    def close(self) -> None:
        """Wait until the batch under way is durable, then close the storage."""
        self._thread.shutdown()
        self._storage.close()

    def _work(self, batch: Sequence[Persist], done: Done) -> None:
        failed: StorageError | None = None
        try:
            self._storage.write(batch)
            self._storage.sync()
        except StorageError as error:
            failed = error
        with suppress(RuntimeError):  # the loop may have ended meanwhile: nobody waits any more
            self._loop.call_soon_threadsafe(done, failed)
