"""Watching locks: every change, in the log's order, none twice, whichever node tells it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from raftlock import Cluster, errors
from raftlock.client.client import AsyncLockClient
from raftlock.client.watch import LockEvent
from raftlock.node.watching import KEPT_MAX, Told, Watches
from raftlock.types import ClientID, Index, LockChange, LockID, Millis
from tests.live.helpers import until


def words(event: LockEvent) -> tuple[str, str, str]:
    return event.lock_id, event.owner_id, " ".join(event.why)


class Watcher:
    """Watches on the cluster's loop, and keeps what it is told."""

    def __init__(self, cluster: Cluster, pattern: str = "", after: int | None = None) -> None:
        self.cluster = cluster
        self.events: list[LockEvent] = []
        self.client: AsyncLockClient = cluster.client("watcher").aio
        self.changed = asyncio.Event()
        self.task = cluster.runner.call(self._begin(pattern, after))

    async def _begin(self, pattern: str, after: int | None) -> asyncio.Task[None]:
        return asyncio.create_task(self._run(pattern, after))

    async def _run(self, pattern: str, after: int | None) -> None:
        async for event in self.client.watch(pattern, after=after):
            self.events.append(event)
            self.changed.set()

    def until(self, enough: Callable[[list[LockEvent]], bool]) -> list[LockEvent]:
        async def wait() -> None:
            async with asyncio.timeout(20):
                while not enough(self.events) and not self.task.done():
                    self.changed.clear()
                    await self.changed.wait()

        self.cluster.runner.call(wait())
        return list(self.events)

    def stop(self) -> None:
        self.cluster.runner.call_soon(self.task.cancel)


def test_what_becomes_of_a_lock(trio: Cluster) -> None:
    alice, bob = trio.client("alice"), trio.client("bob")
    watcher = Watcher(trio, "prin*", after=0)
    held = alice.acquire("printer", ttl=60)
    alice.acquire("other", ttl=60)
    waiting = bob.submit("wait", "printer", ttl=1)
    watcher.until(lambda told: len(told) == 2)
    alice.renew("printer", ttl=90)
    alice.release("printer")
    waiting.result()
    told = watcher.until(lambda told: "expired" in told[-1].why)
    watcher.stop()
    assert [words(event) for event in told] == [
        ("printer", "alice", "granted"),
        ("printer", "alice", "queued"),
        ("printer", "alice", "renewed"),
        ("printer", "bob", "released promoted"),
        ("printer", "", "expired"),
    ]
    assert told[0].token == held.token
    assert [event.waiting for event in told] == [0, 1, 1, 0, 0]
    assert [event.index for event in told] == sorted({event.index for event in told})


@pytest.mark.processes
def test_it_goes_on_at_another_node_and_tells_nothing_twice(trio: Cluster) -> None:
    alice = trio.client("alice")
    watcher = Watcher(trio, after=0)
    count = 0
    for _ in range(3):
        leader = trio.wait_for_leader()
        for _ in range(4):
            alice.acquire("printer", ttl=60)
            alice.release("printer")
            count += 2
        trio.kill(leader)
        trio.wait_for_leader()
        trio.restart(leader)
    told = watcher.until(lambda told: len(told) >= count)
    watcher.stop()
    assert [event.why for event in told] == [("granted",), ("released",)] * (count // 2)
    again = Watcher(trio, after=told[5].index)
    assert again.until(lambda told: len(told) >= count - 6)[: count - 6] == told[6:]
    again.stop()


def test_from_now_on(trio: Cluster) -> None:
    alice = trio.client("alice")
    alice.acquire("before", ttl=60)
    until(trio, lambda view: all(node.applied == view.applied_high for node in view.nodes.values()))
    watcher = Watcher(trio)
    number = 0
    while not watcher.events:  # until it watches; each change after that is told
        number += 1
        alice.acquire(f"after {number}", ttl=60)
    assert watcher.events[0].lock_id.startswith("after")
    told = watcher.until(lambda told: told[-1].lock_id == f"after {number}")
    assert len(told) == number - int(told[0].lock_id.removeprefix("after ")) + 1
    watcher.stop()


def change(lock: str) -> LockChange:
    return LockChange(LockID(lock), ClientID("a"), Index(1), Millis(9), Millis(9), (), ("granted",))


def test_what_is_no_longer_kept_is_said_so() -> None:
    watches = Watches()
    told: list[int] = []

    def hear(change: Told) -> None:
        told.append(int(str(change["index"])))

    for index in range(1, KEPT_MAX + 3):
        watches.changed(Index(index), [change("x")])
    with pytest.raises(errors.Compacted, match="up to index 2 are no longer kept"):
        watches.begin("line", 1, {"after": 1}, Index(0), hear)
    assert watches.begin("line", 1, {"after": 2}, Index(0), hear) == 2
    watches.tell_kept("line", 1)
    assert told == list(range(3, KEPT_MAX + 3))
    watches.begin_after(Index(9_000))
    with pytest.raises(errors.Compacted):
        watches.begin("line", 2, {"after": 8_999}, Index(0), hear)
    watches.end("line")
    watches.changed(Index(9_001), [change("x")])
    assert told[-1] == KEPT_MAX + 2


@pytest.mark.parametrize(
    "params", [{"after": -1}, {"after": True}, {"after": "1"}, {"lock_id": 5}, {"more": 1}]
)
def test_what_cannot_be_watched(params: dict) -> None:
    with pytest.raises(errors.InvalidArgument):
        Watches().begin("line", 1, params, Index(0), lambda *_: None)


def test_holders_of_a_shared_lock_are_told(trio: Cluster) -> None:
    ann, ben = trio.client("ann"), trio.client("ben")
    first, second = ann.acquire("page", 60, shared=True), ben.acquire("page", 60, shared=True)

    async def changes() -> list[LockEvent]:
        found: list[LockEvent] = []
        async for event in ann.aio.watch("page", after=0):
            found.append(event)
            if len(found) == 2:
                break
        return found

    one, two = trio.runner.call(changes())
    assert (one.owner_id, one.shared, one.others) == ("ann", True, ())
    assert (two.owner_id, two.token, two.permits) == ("ann", first.token, 0)
    assert [(each.client_id, each.token, each.ttl) for each in two.others] == [
        ("ben", second.token, 60)
    ]
