"""A disk in memory that forgets what a real one would: all that was not synced at a crash."""

from __future__ import annotations

from collections.abc import Sequence

from raftlock.raft.effects import Persist, Recovered
from raftlock.types.log import LogEntry, PersistentState, Snapshot, SnapshotMetadata

__all__ = ["MemoryStorage"]


class MemoryStorage:
    """A `Storage` that models a disk behind a cache.

    It outlives its node: a node that is killed and restarted is given the same object, after
    `crash`.
    """

    def __init__(self) -> None:
        self._state = PersistentState()
        self._snapshot: Snapshot | None = None
        self._base = SnapshotMetadata()
        self._entries: list[LogEntry] = []
        self._unsynced: list[Persist] = []

    def load(self) -> Recovered:
        """Give what the disk holds; what is still in the cache is read through it."""
        self._drain()
        return Recovered(self._state, tuple(self._entries), self._snapshot, self._base)

    def write(self, batch: Sequence[Persist]) -> None:
        """Put the writes into the cache."""
        self._unsynced.extend(batch)

    def sync(self) -> None:
        """Move the cache to the disk."""
        self._drain()

    def close(self) -> None:
        """Sync, as a machine does that is shut down in good order."""
        self._drain()

    def crash(self) -> int:
        """Lose power: the cache is gone. Returns how many writes were lost with it."""
        lost = len(self._unsynced)
        self._unsynced.clear()
        return lost

    @property
    def durable(self) -> Recovered:
        """What a crash would leave now."""
        return Recovered(self._state, tuple(self._entries), self._snapshot, self._base)

    @property
    def unsynced(self) -> tuple[Persist, ...]:
        """The writes that a crash would lose now."""
        return tuple(self._unsynced)

    def _drain(self) -> None:
        for write in self._unsynced:
            self._perform(write)
        self._unsynced.clear()

    def _perform(self, write: Persist) -> None:
        if write.state is not None:
            self._state = write.state
        if write.truncate_from is not None:
            del self._entries[write.truncate_from - self._base.last_included_index - 1 :]
        if write.snapshot is not None:
            self._snapshot = write.snapshot
        if write.base is not None:
            gone = write.base.last_included_index - self._base.last_included_index
            del self._entries[:gone]
            self._base = write.base
        for entry in write.entries:
            last = self._base.last_included_index + len(self._entries)
            assert entry.index == last + 1, "a log has no gaps"
            self._entries.append(entry)
