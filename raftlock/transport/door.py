"""Who may be connected to a node: strangers until they have proved themselves, clients, peers.

Pure bookkeeping over whatever object stands for a connection; the caller does what is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from raftlock.errors import Unavailable
from raftlock.transport import limits
from raftlock.transport.handshake import Party, Role
from raftlock.types import NodeID

__all__ = ["ConnectionLimits", "Door"]

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How much a server takes on, and how much waits unsent on one link; tests make it small."""

    clients: int = limits.CLIENTS_MAX
    peers: int = limits.PEERS_MAX
    handshakes: int = limits.HANDSHAKES_MAX
    handshake_seconds: float = limits.HANDSHAKE_SECONDS_MAX
    queue_frames: int = limits.SEND_QUEUE_FRAMES_MAX
    queue_bytes: int = limits.SEND_QUEUE_BYTES_MAX


class Door(Generic[C]):
    """All connections of one node, by kind. Each `arrived` is followed by one `left`."""

    def __init__(self, node: NodeID, bounds: ConnectionLimits) -> None:
        self._node = node
        self._bounds = bounds
        self._deadlines: dict[C, float] = {}
        self._strangers: set[C] = set()
        self._clients: set[C] = set()
        self._peers: dict[NodeID, C] = {}

    @property
    def all(self) -> tuple[C, ...]:
        """Every open connection."""
        return tuple(self._deadlines)

    @property
    def clients(self) -> int:
        """How many clients are in."""
        return len(self._clients)

    @property
    def peers(self) -> tuple[NodeID, ...]:
        """The nodes that are in, in the order in which they came."""
        return tuple(self._peers)

    def arrived(self, connection: C, now: float) -> bool:
        """A stranger has connected, at `now` seconds; False: too many are here, drop it."""
        self._deadlines[connection] = now + self._bounds.handshake_seconds
        self._strangers.add(connection)
        return len(self._strangers) <= self._bounds.handshakes

    def deadline(self, connection: C) -> float:
        """When the handshake must be over; at once if the connection is gone already."""
        return self._deadlines.get(connection, 0.0)

    def admit(self, connection: C, party: Party) -> C | None:
        """Let in who has proved itself; returns the older connection that it replaces.

        The newest connection of a peer counts: the older may be what a dead process left behind.
        Raises `Unavailable` if there are too many of its kind.
        """
        if party.role is not Role.PEER:
            limits.check_client_id(party.name)
            if len(self._clients) >= self._bounds.clients:
                raise Unavailable(
                    f"{self._node} has {self._bounds.clients} clients already: ask another node."
                )
            self._clients.add(connection)
            older = None
        else:
            name = limits.check_node_id(party.name)
            if name not in self._peers and len(self._peers) >= self._bounds.peers:
                raise Unavailable(f"{self._node} has {self._bounds.peers} peers already.")
            older = self._peers.pop(name, None)
            self._peers[name] = connection
        self._strangers.discard(connection)
        return older

    def is_peer(self, connection: C, name: NodeID) -> bool:
        """Whether this is the connection that counts as that peer's."""
        return self._peers.get(name) is connection

    def left(self, connection: C) -> None:
        """The connection is gone."""
        self._deadlines.pop(connection, None)
        self._strangers.discard(connection)
        self._clients.discard(connection)
        for name, current in tuple(self._peers.items()):
            if current is connection:
                del self._peers[name]
