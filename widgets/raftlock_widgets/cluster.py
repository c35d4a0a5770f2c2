"""What the panels need of a cluster, whichever kind it is."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Protocol

from raftlock.trace.frame import Recording

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
    def recorder(self) -> Recording:
        """Its trace: another object after it started over. To be read on its loop."""
        ...

    def do(self, verb: str, /, **arguments: Any) -> Coroutine[object, object, str | None]:  # noqa: ANN401
        """Perform one control, on its loop; raises `RaftLockError` with one sentence."""
        ...
