"""What the panels need of a cluster, whichever kind it is."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any, Protocol

from raftlock.sim.simulation import Simulation
from raftlock.trace.recorder import Recorder

__all__ = ["Runner", "Showable"]


class Runner(Protocol):
    """The thread and loop on which everything of the cluster happens."""

    @property
    def alive(self) -> bool:
        """Whether the loop still runs."""
        ...

    def submit(self, coroutine: Coroutine[object, object, object], /) -> Future[Any]:
        """Start a coroutine there, from any other thread."""
        ...

    def call_soon(self, function: Callable[[], object], /) -> None:
        """Call a function there soon, from any thread."""
        ...


class Showable(Protocol):
    """A cluster that panels can show and steer."""

    @property
    def runner(self) -> Runner:
        """Where it runs."""
        ...

    @property
    def recorder(self) -> Recorder:
        """Its trace: another object after it started over. To be read on its loop."""
        ...

    @property
    def pace(self) -> tuple[float, bool] | None:
        """Its speed and whether time stands still, where its trace does not say so itself."""
        ...

    def still(self) -> AbstractContextManager[bool]:
        """While it is held nothing moves but the holder; false: it cannot be had now."""
        ...

    def branches(self) -> Sequence[Mapping[str, Any]]:
        """The futures there are of it, where one can act in the past."""
        ...

    def act_in_the_past(self, seq: int) -> None:
        """What is done next is done just after event `seq`; raises `RaftLockError` if not here."""
        ...

    async def simulate_here(self, seed: int | None = None) -> Simulation:
        """The run as a simulation that goes on; on its loop. Raises `NotInThisRuntime` if it is."""
        ...

    def do(self, verb: str, /, **arguments: Any) -> Coroutine[object, object, str | None]:  # noqa: ANN401
        """Perform one control, on its loop; raises `RaftLockError` with one sentence."""
        ...
