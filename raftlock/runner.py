"""A thread with an event loop of its own, so that a cluster lives on while a cell computes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TypeVar

from raftlock.errors import ClusterStopped, Timeout

__all__ = ["ThreadRunner"]

T = TypeVar("T")


class ThreadRunner:
    """Runs coroutines on a loop in a thread of its own.

    The thread is a daemon: it never holds up the end of the program or of a kernel. All that the
    cluster owns is touched on this loop only; whoever is elsewhere uses `submit`, `run` or `call`.
    """

    def __init__(self, name: str = "raftlock") -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()
        self._ready.wait()

    @property
    def alive(self) -> bool:
        """Whether the loop still runs."""
        return self._thread.is_alive() and not self._end.is_set()

    def submit(self, coroutine: Coroutine[object, object, T]) -> Future[T]:
        """Start `coroutine` on the loop, from any other thread. The future may be cancelled."""
        if threading.current_thread() is self._thread:
            coroutine.close()
            message = "This is the cluster's own thread: await the coroutine instead."
            raise RuntimeError(message)
        if not self.alive:
            coroutine.close()
            raise ClusterStopped("This cluster has been stopped: make a new one with Cluster().")
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    async def run(self, coroutine: Coroutine[object, object, T]) -> T:
        """Await `coroutine` from another loop, for instance in a cell."""
        return await asyncio.wrap_future(self.submit(coroutine))

    def call(self, coroutine: Coroutine[object, object, T], timeout: float | None = None) -> T:
        """Wait for `coroutine` from a plain cell; `timeout` in seconds.

        An interrupt ends this call, and with it the coroutine, but nothing else.
        """
        future = self.submit(coroutine)
        try:
            return future.result(timeout)
        except FutureTimeoutError:
            if future.done():  # the coroutine's own TimeoutError, not ours
                raise
            future.cancel()
            raise Timeout(f"No answer within {timeout:g} s.") from None
        except BaseException:
            future.cancel()
            raise

    def call_soon(self, function: Callable[[], object]) -> None:
        """Call `function` on the loop soon, from any thread; nothing happens once it has ended."""
        if self.alive:
            self.loop.call_soon_threadsafe(function)

    def stop(self, timeout: float = 5.0) -> None:
        """End the loop: what still runs on it is cancelled. Returns when the thread is gone."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._end.set)
            if threading.current_thread() is not self._thread:
                self._thread.join(timeout)

    def _main(self) -> None:
        with asyncio.Runner() as runner:
            self.loop = runner.get_loop()
            runner.run(self._until_end())

    async def _until_end(self) -> None:
        self._end = asyncio.Event()
        self._ready.set()
        await self._end.wait()
