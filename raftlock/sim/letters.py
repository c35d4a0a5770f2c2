"""The verbs of a simulation that reach for single messages."""

from __future__ import annotations

from abc import abstractmethod

from raftlock.sim.client import Ask
from raftlock.transport.limits import millis_from_seconds
from raftlock.types.events import Json

__all__ = ["Letters"]


class Letters:
    """Done to the next messages of a link, or to one that is on its way."""

    def drop(self, a: str, b: str, count: int = 1) -> None:
        """Lose the next `count` messages from `a` to `b`."""
        self._do("drop", src=a, dst=b, count=count)

    def duplicate(self, a: str, b: str, after: float = 0.05, count: int = 1) -> None:
        """Deliver the next `count` messages from `a` to `b` a second time, `after` seconds on."""
        late = 1_000 * millis_from_seconds("after", after)
        self._do("duplicate", src=a, dst=b, count=count, delay_us=late)

    def hold(self, a: str, b: str, delay: float, count: int = 1) -> None:
        """Deliver the next `count` messages from `a` to `b` `delay` seconds late."""
        late = 1_000 * millis_from_seconds("delay", delay)
        self._do("hold", src=a, dst=b, count=count, delay_us=late)

    def message(self, number: int, how: str, *, delay: float = 0.0) -> None:
        """Do something to one message on its way; `number` is that of the event of its sending.

        `how` is ``now`` (it arrives at once), ``drop``, ``delay`` (by `delay` seconds more),
        ``duplicate`` (a copy arrives in `delay` seconds), ``hold`` (it stays on its link) or
        ``release``. Raises `InvalidArgument` if it has arrived, or is lost.
        """
        late = 1_000 * millis_from_seconds("delay", delay)
        self._do("message", id=number, how=how, delay_us=late)

    @abstractmethod
    def _do(self, verb: str, **fields: Json) -> Ask | None: ...
