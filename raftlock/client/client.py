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

    async def revoke(
        self,
        lock_id: str,
        token: int = 0,
        *,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> int:
        """Take the lock from its holder, if that still holds it with `token` (0: whoever has it).

        Who waits is granted it. Gives a token that is larger than the holder's: show it to whatever
        the lock protects, so that the old holder is refused from now on and not only once the next
        one writes. Raises `LockNotHeld`, or `VersionMismatch` if somebody else has it by now.
        """
        asked = self._request_id(request_id)
        command = self._asking.revoke(lock_id, token=token, request_id=asked)
        _, outcome = await self._ask(command, self._asking.time_for(command, timeout))
        return outcome.token
