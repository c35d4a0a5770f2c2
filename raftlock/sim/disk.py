"""A simulated node's disk: how much of what was not synced a crash may leave."""

from __future__ import annotations

from raftlock.storage.memory import MemoryStorage

__all__ = ["SimDisk", "StorageRules"]


class StorageRules:
    """What a disk and those who use it keep to; broken on purpose by a subclass."""

    def waits_for_sync(self) -> bool:
        """Whether a write is called durable only when it is.

        Else a node votes and acknowledges what a crash then takes away (paper, section 5.1: before
        responding to RPCs).
        """
        return True

    def keeps_last_entry(self) -> bool:
        """Whether a sync covers the last entry of the log as well as those before it."""
        return True


class SimDisk(MemoryStorage):
    """A disk that may have written some of its cache by the time the power fails.

    Writes reach it in order, so what is left is a beginning of what was under way.
    """

    def __init__(self, rules: StorageRules) -> None:
        super().__init__()
        self._rules = rules

    def fail(self, kept: int = 0) -> int:
        """Lose power with the first `kept` unsynced writes on the disk; how many were lost."""
        survivors = self.unsynced[:kept]
        lost = self.crash() - len(survivors)
        self.write(survivors)
        self.sync()
        if not self._rules.keeps_last_entry() and self._entries:
            self._entries.pop()
        return lost
