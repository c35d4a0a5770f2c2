"""What a node keeps when it dies."""

from raftlock.storage.api import Storage
from raftlock.storage.memory import MemoryStorage

__all__ = ["MemoryStorage", "Storage"]
