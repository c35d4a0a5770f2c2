"""The verbs of a simulation to `await`: a cell that awaits runs with either kind of cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Never

from raftlock.trace.view import ClusterView

if TYPE_CHECKING:
    from raftlock.sim.simulation import Simulation

__all__ = ["AsyncSimulation"]


class AsyncSimulation:
    """Each verb is done before it gives way: nothing goes on beside it in virtual time."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    async def wait_for_leader(self, timeout: float = 30.0) -> str:
        """See `Simulation.wait_for_leader`."""
        return self._simulation.wait_for_leader(timeout)

    async def run(self, seconds: float) -> None:
        """See `Simulation.run`."""
        self._simulation.run(seconds)

    async def run_until(
        self, predicate: Callable[[ClusterView], bool], timeout: float = 60.0
    ) -> None:
        """See `Simulation.run_until`."""
        self._simulation.run_until(predicate, timeout)

    async def kill(self, node: str) -> None:
        """See `Simulation.kill`."""
        self._simulation.kill(node)

    async def restart(self, node: str) -> None:
        """See `Simulation.restart`."""
        self._simulation.restart(node)

    async def freeze(self, node: str) -> None:
        """See `Simulation.freeze`."""
        self._simulation.freeze(node)

    async def thaw(self, node: str) -> None:
        """See `Simulation.thaw`."""
        self._simulation.thaw(node)

    async def write(self, client: str, lock: str, work: float = 0.0) -> None:
        """See `Simulation.write`."""
        self._simulation.write(client, lock, work)

    async def transfer_leadership(self, node: str = "") -> str:
        """See `Simulation.transfer_leadership`."""
        return self._simulation.transfer_leadership(node)

    async def add_node(self, name: str) -> None:
        """See `Simulation.add_node`."""
        self._simulation.add_node(name)

    async def remove_node(self, name: str) -> None:
        """See `Simulation.remove_node`."""
        self._simulation.remove_node(name)

    async def wipe(self, node: str, *, as_voter: bool = False) -> str:
        """See `Simulation.wipe`."""
        return self._simulation.wipe(node, as_voter=as_voter)

    async def cut(self, a: str, b: str, *, one_way: bool = False) -> None:
        """See `Simulation.cut`."""
        self._simulation.cut(a, b, one_way=one_way)

    async def restore(self, a: str, b: str, *, one_way: bool = False) -> None:
        """See `Simulation.restore`."""
        self._simulation.restore(a, b, one_way=one_way)

    async def partition(self, *groups: Sequence[str]) -> None:
        """See `Simulation.partition`."""
        self._simulation.partition(*groups)

    async def heal(self) -> None:
        """See `Simulation.heal`."""
        self._simulation.heal()

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
        """See `Simulation.link`."""
        self._simulation.link(a, b, delay=delay, jitter=jitter, loss=loss, one_way=one_way)

    async def message(self, number: int, how: str, *, delay: float = 0.0) -> None:
        """See `Simulation.message`."""
        self._simulation.message(number, how, delay=delay)

    async def pause(self) -> None:
        """See `Simulation.pause`."""
        self._simulation.pause()

    async def resume(self) -> None:
        """See `Simulation.resume`."""
        self._simulation.resume()

    async def simulate(self, *, seed: int | None = None) -> Never:
        """See `Simulation.simulate`."""
        self._simulation.simulate(seed=seed)

    async def step(self) -> None:
        """See `Simulation.step`."""
        self._simulation.step()

    async def set_speed(self, speed: float) -> None:
        """See `Simulation.speed`."""
        self._simulation.speed = speed

    async def start_over(self) -> None:
        """See `Simulation.start_over`."""
        self._simulation.start_over()
