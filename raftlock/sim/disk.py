"""A simulated node's disk: how much of what was not synced a crash may leave."""

from __future__ import annotations

from raftlock.storage.memory import MemoryStorage

__all__ = ["SimDisk"]


class SimDisk(MemoryStorage):
    """A disk that may have written some of its cache by the time the power fails.

    Writes reach it in order, so what is left is a beginning of what was under way.
    """

    def fail(self, kept: int = 0) -> int:
        """Lose power with the first `kept` unsynced writes on the disk; how many were lost."""
        survivors = self.unsynced[:kept]
        lost = self.crash() - len(survivors)
        self.write(survivors)
        self.sync()
        return lost
