"""The clients: for ``await``, for plain code with the same words, and for administrators."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from raftlock.client.access import Access
from raftlock.client.admin import Administering
from raftlock.client.aio import Address, AsyncLockClient
from raftlock.client.sync import LockClient
from raftlock.client.testimony import Observer
from raftlock.transport.handshake import Role

__all__ = ["Address", "AsyncAdmin", "AsyncLockClient", "LockClient"]


class AsyncAdmin(AsyncLockClient, Administering):
    """A client that may also look after the cluster; made from ``admin.json``."""

    @classmethod
    def from_access(
        cls,
        access: Access | Path | str | None = None,
        *,
        client_id: str | None = None,
        role: Role = Role.ADMIN,
        observer: Observer | None = None,
    ) -> Self:
        """An administrator of the cluster that an access file tells of."""
        return super().from_access(access, client_id=client_id, role=role, observer=observer)
