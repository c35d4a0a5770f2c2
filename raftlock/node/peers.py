"""A node's connections to its peers: one to each, dialled again for as long as both are members.

Who is no member, or not yet, may be owed an answer all the same: to him there is a line as soon as
there is something to say, and it is not dialled again. What is said before it stands is lost.

They carry what this node says; what the others say comes over the connections that they dialled. A
message to a peer that cannot be reached is lost, as Raft expects of a network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from raftlock.errors import ProtocolError, ServiceError
from raftlock.types.ids import NodeID

__all__ = ["PeerLine", "Peers"]

REDIAL_SECONDS_MIN = 0.02
REDIAL_SECONDS_MAX = 0.5


class PeerLine(Protocol):
    """A connection to a peer, for sending only."""

    @property
    def closed(self) -> asyncio.Future[str]:
        """Done when the connection has ended."""
        ...

    def send(self, text: str) -> bool:
        """Queue one frame; false if the connection takes no more."""
        ...

    def abort(self) -> None:
        """Cut the connection at once."""
        ...


class Peers:
    """The lines to all peers. `dial` makes one, or raises; it is asked again after a pause.

    `lost` is told when a line has ended, unless it was cut here.
    """

    def __init__(
        self,
        me: NodeID,
        dial: Callable[[NodeID], Awaitable[PeerLine]],
        lost: Callable[[NodeID], None],
    ) -> None:
        self._me = me
        self._dial = dial
        self._lost = lost
        self._members: frozenset[NodeID] = frozenset()
        self._lines: dict[NodeID, PeerLine] = {}
        self._tasks: dict[NodeID, asyncio.Task[None]] = {}

    def follow(self, members: Iterable[NodeID]) -> None:
        """Keep a line to each of these from now on; who was a member before is cut off."""
        before, self._members = self._members, frozenset(members) - {self._me}
        for peer in before - self._members:
            task = self._tasks.pop(peer, None)
            if task is not None:
                task.cancel()
        for peer in sorted(self._members - self._tasks.keys()):
            self._begin(peer)

    def send(self, peer: NodeID, text: str) -> bool:
        """Send a frame; false if it is lost, since there is no line or it takes no more."""
        line = self._lines.get(peer)
        if line is None and peer not in self._tasks:
            self._begin(peer)
        return line is not None and line.send(text)

    async def abort(self) -> None:
        """Cut every line at once, and dial no more."""
        for line in self._lines.values():
            line.abort()
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        self._lines.clear()

    def _begin(self, peer: NodeID) -> None:
        name = f"{self._me} dials {peer}"
        self._tasks[peer] = asyncio.create_task(self._keep(peer), name=name)

    async def _keep(self, peer: NodeID) -> None:
        pause = REDIAL_SECONDS_MIN
        while True:
            try:
                line = await self._dial(peer)
            except (OSError, ProtocolError, ServiceError):
                if peer not in self._members:
                    break
                # The machine's clock: sockets are real, also while the laboratory stands still.
                await asyncio.sleep(pause)
                pause = min(2 * pause, REDIAL_SECONDS_MAX)
                continue
            pause = REDIAL_SECONDS_MIN
            self._lines[peer] = line
            try:
                await asyncio.wait([line.closed])
            finally:
                if self._lines.get(peer) is line:
                    del self._lines[peer]
                line.abort()
            self._lost(peer)
            if peer not in self._members:
                break
        if self._tasks.get(peer) is asyncio.current_task():
            del self._tasks[peer]
