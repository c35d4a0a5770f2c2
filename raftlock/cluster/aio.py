"""The verbs of a live cluster to `await`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, TypeVar

from raftlock.cluster import clients, members
from raftlock.cluster.base import Lab
from raftlock.sim.simulation import Simulation
from raftlock.trace.view import ClusterView

if TYPE_CHECKING:
    from raftlock.cluster.live import Cluster

__all__ = ["AsyncCluster"]

T = TypeVar("T")


class AsyncCluster:
    """The verbs of a cluster to `await`, from any event loop: ``await cluster.aio.kill("n3")``."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def wait_for_leader(self, timeout: float = 30.0) -> str:
        """See `Cluster.wait_for_leader`."""
        return await self._run(self._lab.wait_for_leader(timeout))

    async def run(self, seconds: float) -> None:
        """See `Cluster.run`."""
        await self._run(self._cluster.run_here(seconds))

    async def run_until(
        self, predicate: Callable[[ClusterView], bool], timeout: float = 60.0
    ) -> None:
        """See `Cluster.run_until`."""
        await self._run(self._cluster.run_until_here(predicate, timeout))

    async def kill(self, node: str) -> None:
        """See `Cluster.kill`."""
        await self._run(self._lab.kill(node))

    async def restart(self, node: str) -> None:
        """See `Cluster.restart`."""
        await self._run(self._lab.restart(node))

    async def freeze(self, node: str) -> None:
        """See `Cluster.freeze`."""
        await self._run(clients.freeze(self._lab, node))

    async def thaw(self, node: str) -> None:
        """See `Cluster.thaw`."""
        await self._run(clients.thaw(self._lab, node))

    async def write(self, client: str, lock: str, work: float = 0.0) -> None:
        """See `Cluster.write`."""
        await self._run(clients.write(self._lab, client, lock, work))

    async def transfer_leadership(self, node: str = "") -> str:
        """See `Cluster.transfer_leadership`."""
        return await self._run(members.transfer_leadership(self._lab, node))

    async def add_node(self, name: str) -> None:
        """See `Cluster.add_node`."""
        await self._run(members.add_node(self._lab, name))

    async def remove_node(self, name: str) -> None:
        """See `Cluster.remove_node`."""
        await self._run(members.remove_node(self._lab, name))

    async def wipe(self, node: str, *, as_voter: bool = False) -> str:
        """See `Cluster.wipe`."""
        return await self._run(members.wipe(self._lab, node, as_voter=as_voter))

    async def cut(self, a: str, b: str, *, one_way: bool = False) -> None:
        """See `Cluster.cut`."""
        await self._run(self._lab.cut(a, b, one_way=one_way))

    async def restore(self, a: str, b: str, *, one_way: bool = False) -> None:
        """See `Cluster.restore`."""
        await self._run(self._lab.restore(a, b, one_way=one_way))

    async def partition(self, *groups: Sequence[str]) -> None:
        """See `Cluster.partition`."""
        await self._run(self._lab.partition(*groups))

    async def heal(self) -> None:
        """See `Cluster.heal`."""
        await self._run(self._lab.heal())

    async def link(
        self,
        a: str,
        b: str,
        *,
        delay: float | None = None,
        jitter: float | None = None,
        loss: float | None = None,
        one_way: bool = False,
    ) -> None:
        """See `Cluster.link`."""
        await self._run(
            self._lab.link(a, b, delay=delay, jitter=jitter, loss=loss, one_way=one_way)
        )

    async def message(self, number: int, how: str, *, delay: float = 0.0) -> None:
        """See `Cluster.message`."""
        await self._run(self._lab.message(number, how, delay=delay))

    async def pause(self) -> None:
        """See `Cluster.pause`."""
        await self._run(self._lab.pause())

    async def resume(self) -> None:
        """See `Cluster.resume`."""
        await self._run(self._lab.resume())

    async def simulate(self, *, seed: int | None = None) -> Simulation:
        """See `Cluster.simulate`."""
        return await self._run(self._cluster.simulate_here(seed))

    async def step(self) -> None:
        """See `Cluster.step`."""
        await self._run(self._lab.step())

    async def set_speed(self, speed: float) -> None:
        """See `Cluster.speed`."""
        await self._run(self._lab.set_speed(speed))

    async def start_over(self) -> None:
        """See `Cluster.start_over`."""
        await self._run(self._cluster.start_over_here())

    @property
    def _lab(self) -> Lab:
        return self._cluster.laboratory

    async def _run(self, coroutine: Coroutine[object, object, T]) -> T:
        return await self._cluster.runner.run(coroutine)
