"""The two lock clients: one for ``await`` and one for plain code, with the same words."""

from __future__ import annotations

from raftlock.client.aio import Address, AsyncLockClient
from raftlock.client.sync import LockClient

__all__ = ["Address", "AsyncLockClient", "LockClient"]
