"""What panels need of a cluster, without one: a real recorder, and a loop on a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import nullcontext
from typing import Any

from raftlock.errors import InvalidArgument
from raftlock.trace.recorder import Recorder
from raftlock.types import Note

NODES = ["n1", "n2", "n3"]


def recorder(clock: Callable[[], int] = lambda: 0) -> Recorder:
    """A recorder whose nodes are up."""
    made = Recorder({"nodes": NODES, "name": "stage"}, clock)
    for node in NODES:
        made.emit(node, Note("node", {"state": "up", "what": "started"}))
    return made


def lead(made: Recorder, node: str, term: int) -> None:
    """Let `node` lead `term`."""
    made.emit(node, Note("term", {"term": term}), term=term)
    role = {"from": "candidate", "to": "leader", "leader": node, "cluster_time": 0}
    made.emit(node, Note("role", role), term=term)


class Runner:
    """A loop on a thread of its own, as a cluster has."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._main, daemon=True)
        self.alive = True
        self.thread.start()

    def submit(self, coroutine: Coroutine[object, object, object]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def call_soon(self, function: Callable[[], object]) -> None:
        self.loop.call_soon_threadsafe(function)

    def stop(self) -> None:
        self.alive = False
        self.loop.call_soon_threadsafe(self._cancel)
        self.thread.join(5)
        self.loop.close()

    def settle(self) -> None:
        """Wait until everything handed over so far has been done."""
        for _ in range(3):
            self.submit(asyncio.sleep(0)).result(5)

    def _main(self) -> None:
        self.loop.run_forever()

    def _cancel(self) -> None:
        async def end() -> None:
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.loop.stop()

        self.ending = self.loop.create_task(end())


class StageCluster:
    """What panels need of a cluster; remembers what it was asked to do, and on which thread."""

    def __init__(self) -> None:
        self.runner = Runner()
        self.recorder = recorder()
        self.asked: list[tuple[str, dict[str, Any], threading.Thread]] = []
        self.gate: asyncio.Event | None = None

    pace = None

    def still(self):
        return nullcontext(enter_result=True)

    def branches(self):
        return ()

    def act_in_the_past(self, seq: int) -> None:
        raise InvalidArgument(f"You look at the past, event {seq}.")

    async def do(self, verb: str, /, **arguments: Any) -> str | None:
        self.asked.append((verb, arguments, threading.current_thread()))
        if verb == "kill" and arguments["node"] not in NODES:
            raise InvalidArgument("There is no such node: this cluster has n1, n2 and n3.")
        if verb == "burst":
            raise ValueError("a defect")
        if verb == "wait":
            self.gate = asyncio.Event()
            await self.gate.wait()
        return "killed" if verb == "kill" else None
