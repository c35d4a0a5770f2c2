"""A node's open port."""

from __future__ import annotations

import asyncio
import secrets
import ssl as tls
from collections.abc import Callable, Mapping
from typing import Protocol

from websockets.asyncio.server import Server as WebSocketServer
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websockets
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.protocol import State

from raftlock.errors import InvalidArgument, PermissionDenied, RaftLockError
from raftlock.transport import limits
from raftlock.transport.door import ConnectionLimits, Door
from raftlock.transport.handshake import (
    NONCE_BYTES,
    Party,
    Role,
    ServerHandshake,
    check_cluster_token,
)
from raftlock.transport.websocket.link import (
    FRAME_BYTES_MAX,
    LIMITS,
    LOG,
    PING_SECONDS,
    SUBPROTOCOLS,
    Link,
    allow_frames,
    bounds_for,
    close,
    code_of,
    text_of,
)
from raftlock.types import ClientID, NodeID

__all__ = ["ClientSession", "Server", "serve"]

FRAMES_A_TURN = 8
"""After how many of a client's frames everybody else has a turn: what has come already is handed
over without waiting, and a flood of it would keep a leader from its heartbeats."""

_ROLES: dict[str, Role] = {name: role for role, name in SUBPROTOCOLS.items()}


class ClientSession(Protocol):
    """What a node keeps for one client's connection."""

    def frame(self, text: str) -> None:
        """Take one frame of the client's. `RemoteProtocolError` closes the connection."""

    def closed(self) -> None:
        """The connection is gone; nothing can be sent any more."""


Page = Callable[[], tuple[int, str]]
"""Makes what a browser is shown at a path: the HTTP status and a text."""


class Server:
    """One node's open port. It is made by `serve`."""

    def __init__(
        self,
        *,
        token: str,
        cluster: str,
        node: NodeID,
        on_peer_frame: Callable[[NodeID, str], None],
        on_client: Callable[[ClientID, Link], ClientSession],
        bounds: ConnectionLimits,
        on_peer_address: Callable[[NodeID, str], None] | None = None,
        pages: Mapping[str, Page] | None = None,
    ) -> None:
        check_cluster_token(token)
        self._token = token
        self.also: tuple[str, ...] = ()
        """Other tokens that are good for now: while the cluster goes over to another one."""
        self._on_peer_address = on_peer_address
        self._pages = pages or {}
        self._cluster = cluster
        self._node = node
        self._on_peer_frame = on_peer_frame
        self._on_client = on_client
        self._bounds = bounds
        self._door: Door[ServerConnection] = Door(node, bounds)
        self._running = True
        self._listener: WebSocketServer | None = None
        self.port = 0

    @property
    def clients(self) -> int:
        """How many clients are connected."""
        return self._door.clients

    @property
    def peers(self) -> tuple[NodeID, ...]:
        """The nodes whose connections are open, in the order in which they came."""
        return self._door.peers

    def abort(self) -> None:
        """Be gone at once, as a killed process is: free the port, drop every connection.

        No callback gets another frame. `close` waits until nothing is left.
        """
        self._running = False
        if self._listener is not None:
            self._listener.server.close()
        for connection in self._door.all:
            connection.transport.abort()

    async def close(self) -> None:
        """Do as `abort` does and wait until no connection and no task is left."""
        self.abort()
        if self._listener is not None:
            self._listener.close()
            await self._listener.wait_closed()

    # ---- the life of one connection ----

    async def _listen(
        self, host: str, port: int, ssl: tls.SSLContext | None, *, reuse_port: bool
    ) -> None:
        server = self

        class Counted(ServerConnection):
            """Tells the server of itself before it has said a word."""

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                server._arrived(self)

            def connection_lost(self, exc: Exception | None) -> None:
                server._door.left(self)
                super().connection_lost(exc)

        self._listener = await serve_websockets(
            self._handle,
            host,
            port,
            ssl=ssl,
            create_connection=Counted,
            origins=[None],
            subprotocols=list(SUBPROTOCOLS.values()),
            process_request=self._page if self._pages else None,
            process_response=_no_pings_to_peers,
            compression=None,
            server_header=None,
            open_timeout=self._bounds.handshake_seconds,
            close_timeout=limits.CLOSE_SECONDS_MAX,
            # No time limit for the answer: a kernel may be busy for a minute. What a ping is for
            # here is that TCP finds out about machines that are gone.
            ping_interval=PING_SECONDS,
            ping_timeout=None,
            max_size=limits.HANDSHAKE_FRAME_BYTES_MAX,
            logger=LOG,
            # None where it is not wanted: not every system knows the option.
            reuse_port=reuse_port or None,
        )
        self.port = self._listener.sockets[0].getsockname()[1]

    def _page(self, connection: ServerConnection, request: Request) -> Response | None:
        """A page for who looks after the node; everything else is for a websocket."""
        make = self._pages.get(request.path.partition("?")[0])
        if make is None:
            return None
        status, text = make()
        return connection.respond(status, text)

    def _arrived(self, connection: ServerConnection) -> None:
        welcome = self._door.arrived(connection, connection.loop.time())
        if not (welcome and self._running):
            connection.transport.abort()

    async def _handle(self, connection: ServerConnection) -> None:
        try:
            party = await self._authenticated(connection)
            if not self._running:
                return
            if party.role is Role.PEER:
                await self._serve_peer(connection, NodeID(party.name))
            else:
                await self._serve_client(connection, party)
        except ConnectionClosed:
            pass
        except RaftLockError as error:
            await close(connection, code_of(error), error.message)
        except Exception as error:  # noqa: BLE001 - a bug in the node is told, not swallowed
            connection.loop.call_exception_handler(
                {"message": f"{self._node} failed on a frame", "exception": error}
            )
            await close(connection, CloseCode.INTERNAL_ERROR, "The node failed on this frame.")

    async def _authenticated(self, connection: ServerConnection) -> Party:
        role = _ROLES.get(connection.subprotocol or "", Role.CLIENT)
        handshake = ServerHandshake(
            self._token,
            cluster=self._cluster,
            role=role,
            name=self._node,
            nonce=secrets.token_bytes(NONCE_BYTES),
            also=self.also,
        )
        try:
            async with asyncio.timeout_at(self._door.deadline(connection)):
                await connection.send(handshake.next(await text_of(connection)))
                welcome = handshake.next(await text_of(connection))
                party = handshake.peer
                assert party is not None
                older = self._door.admit(connection, party)
                if older is not None:
                    older.transport.abort()
                allow_frames(connection, FRAME_BYTES_MAX[role])
                if handshake.address and role is Role.PEER and self._on_peer_address is not None:
                    self._on_peer_address(NodeID(party.name), handshake.address)
                await connection.send(welcome)
        except TimeoutError:
            raise PermissionDenied("The handshake took too long.") from None
        return party

    async def _serve_peer(self, connection: ServerConnection, name: NodeID) -> None:
        while True:
            text = await text_of(connection)
            # What a killed node or a replaced connection still has in its buffer is lost.
            if not self._running or not self._door.is_peer(connection, name):
                return
            self._on_peer_frame(name, text)

    async def _serve_client(self, connection: ServerConnection, party: Party) -> None:
        link = Link(connection, party, party.role, bounds_for(party.role, self._bounds))
        session = self._on_client(ClientID(party.name), link)
        turn = 0
        try:
            while True:
                text = await text_of(connection)
                turn += 1
                if turn % FRAMES_A_TURN == 0:
                    await asyncio.sleep(0)  # heartbeats, and the other clients
                if not self._running or connection.state is not State.OPEN:
                    return
                session.frame(text)
        finally:
            session.closed()


def _is_peer(connection: ServerConnection) -> bool:
    return connection.subprotocol == SUBPROTOCOLS[Role.PEER]


def _no_pings_to_peers(
    connection: ServerConnection, _request: Request, _response: Response
) -> Response | None:
    # Heartbeats are a peer link's sign of life; the library's would only come on top.
    if _is_peer(connection):
        connection.ping_interval = None
    return None


async def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    token: str,
    cluster: str,
    node: NodeID,
    on_peer_frame: Callable[[NodeID, str], None],
    on_client: Callable[[ClientID, Link], ClientSession],
    on_peer_address: Callable[[NodeID, str], None] | None = None,
    pages: Mapping[str, Page] | None = None,
    ssl: tls.SSLContext | None = None,
    allow_plain: bool = False,
    reuse_port: bool = False,
    bounds: ConnectionLimits = LIMITS,
) -> Server:
    """Open a node's port: on loopback and any free one, unless told otherwise.

    Anything but loopback needs `ssl`, or `allow_plain` from somebody who knows that the network
    can read and change every frame. `on_peer_address` hears where a node that dialled answers.
    `pages` are what plain HTTP is told, by path, without any token. `reuse_port` lets it have a
    port that somebody else keeps for it, without listening there. Raises `OSError` if the port
    cannot be had. The caller ends it with `Server.abort` or `Server.close`.
    """
    if ssl is None and not allow_plain and not limits.is_loopback(host):
        raise InvalidArgument(f"{host} can be reached by others: serve it with ssl.")
    server = Server(
        token=token,
        cluster=cluster,
        node=limits.check_node_id(node),
        on_peer_frame=on_peer_frame,
        on_client=on_client,
        on_peer_address=on_peer_address,
        pages=pages,
        bounds=bounds,
    )
    await server._listen(host, port, ssl, reuse_port=reuse_port)  # noqa: SLF001 - made here, for here
    return server
