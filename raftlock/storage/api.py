"""The seam between a node and its disk: two calls to write, because a crash may come in between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from raftlock.raft.effects import Persist, Recovered

__all__ = ["Storage"]


class Storage(Protocol):
    """Stable storage of one node (paper Figure 2, "Persistent state on all servers").

    The caller writes a batch, then syncs, and only then tells the core that it is durable. The next
    batch is written after the last sync returned, so that what a crash tears can only be the last.
    """

    def load(self) -> Recovered:
        """Give what survived: term, vote, snapshot, the log. Called once, before any write."""
        ...

    def write(self, batch: Sequence[Persist]) -> None:
        """Hand over writes, in order. Until `sync` returns, a crash may lose any part of them."""
        ...

    def sync(self) -> None:
        """Make everything written durable.

        Raises `StorageError` if the disk failed. That is final: the caller stops the node and never
        tries the same sync again, since a second one may succeed without the data being there.
        """
        ...

    def close(self) -> None:
        """Let go of the disk in good order. Nothing may be called afterwards."""
        ...
