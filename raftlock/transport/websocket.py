"""The asyncio ends of the wire: the only file that knows websockets.

A node serves one port for both roles; who dials asks for ``raftlock.peer.v1`` or
``raftlock.client.v1``. Between two nodes there are two connections, one for each direction: who
dials a peer only sends, and the node dialled only listens. How to use it::

    server = await serve(
        token=...,
        cluster="lab",
        node=NodeID("n1"),
        on_peer_frame=node.receive,
        on_client=node.client,
    )
    server.port  # whichever was free
    server.abort()  # the node is killed: all connections end at once

    link = await dial_peer("127.0.0.1", port, token=..., cluster="lab", me="n1", them="n2")
    link.send(text)  # at once and never blocks; False: it was dropped
    await link.closed  # why the connection ended, as a sentence

    link = await dial_client("127.0.0.1", port, token=..., cluster="lab", client="alice")
    link.send(text)
    text = await link.recv()

``on_peer_frame(name, text)`` and ``session.frame(text)`` are plain functions called on the event
loop, one frame at a time. If they raise `RemoteProtocolError` (they decode what came), that
connection is closed with the sentence as its reason, and nothing else is touched. ``on_client(name,
link)`` makes the session of one client; its ``closed()`` is called once, when the link is gone.

Nothing is queued without bound. What cannot be written waits in the connection's buffer, up to 256
frames or 1 MiB; then a peer link drops the newest frame (Raft repeats what is lost) and a client's
link is ended (it would miss an answer). Frames that come in are read one by one, so that a flood
waits in the sender's buffers.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl as tls
from collections.abc import Callable
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.connection import Connection, broadcast
from websockets.asyncio.server import Server as WebSocketServer
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.typing import Subprotocol

from raftlock.errors import (
    InvalidArgument,
    LocalProtocolError,
    PermissionDenied,
    RaftLockError,
    RemoteProtocolError,
    Unavailable,
)
from raftlock.transport import limits
from raftlock.transport.door import ConnectionLimits, Door
from raftlock.transport.handshake import (
    NONCE_BYTES,
    ClientHandshake,
    Party,
    Role,
    ServerHandshake,
    check_cluster_token,
)
from raftlock.types import ClientID, NodeID

__all__ = [
    "ClientLink",
    "ClientSession",
    "ConnectionLimits",
    "Link",
    "Server",
    "dial_client",
    "dial_peer",
    "new_token",
    "serve",
]

_SUBPROTOCOLS = {role: Subprotocol(f"raftlock.{role}.v1") for role in Role}
_FRAME_BYTES_MAX = {
    Role.PEER: limits.PEER_FRAME_BYTES_MAX,
    Role.CLIENT: limits.CLIENT_FRAME_BYTES_MAX,
}
_PING_SECONDS = 20.0
_REASON_BYTES_MAX = 120  # a close frame takes 123

# The library tells each refused stranger and each lost connection; they are no news to a person.
_LOG = logging.getLogger("raftlock.transport.websocket")
_LOG.addHandler(logging.NullHandler())


class ClientSession(Protocol):
    """What a node keeps for one client's connection."""

    def frame(self, text: str) -> None:
        """Take one frame of the client's. `RemoteProtocolError` closes the connection."""

    def closed(self) -> None:
        """The connection is gone; nothing can be sent any more."""


_LIMITS = ConnectionLimits()


def new_token() -> str:
    """A fresh cluster token. It opens the whole cluster: never print it."""
    return secrets.token_urlsafe(32)


# ---- one connection ----


class Link:
    """One authenticated connection; `peer` is who is at the other end.

    `closed` is done once the connection is gone, with a sentence that says why.
    """

    def __init__(
        self, connection: Connection, peer: Party, role: Role, bounds: ConnectionLimits
    ) -> None:
        self.peer = peer
        self.closed: asyncio.Future[str] = connection.loop.create_future()
        self._connection = connection
        self._role = role
        self._size_max = _FRAME_BYTES_MAX[role]
        self._bounds = bounds
        self._waiting = 0
        # No task of ours waits for the end: the library's own future tells it.
        connection.connection_lost_waiter.add_done_callback(self._lost)

    def send(self, text: str) -> bool:
        """Send a frame without waiting; False if it was dropped, or the connection is ending.

        When too much waits already, a peer link drops this frame, and a client's link ends.
        """
        connection = self._connection
        # The other side would close the connection on it, and again after each new dial.
        if 4 * len(text) > self._size_max and (size := len(text.encode())) > self._size_max:
            raise LocalProtocolError(f"{size} bytes in a frame; {self._size_max} are allowed.")
        if connection.state is not State.OPEN or connection.transport.is_closing():
            return False
        unsent = connection.transport.get_write_buffer_size()
        self._waiting = self._waiting + 1 if unsent else 0
        if self._waiting > self._bounds.queue_frames or unsent > self._bounds.queue_bytes:
            if self._role is Role.CLIENT:
                self.abort()
            return False
        broadcast((connection,), text)
        return True

    def abort(self) -> None:
        """End the connection at once and say nothing; what was not sent yet is lost."""
        self._connection.transport.abort()

    async def close(self, reason: str = "") -> None:
        """Say goodbye, for at most a second, and end the connection."""
        await _close(self._connection, CloseCode.NORMAL_CLOSURE, reason)

    def _lost(self, _: asyncio.Future[None]) -> None:
        if not self.closed.done():
            self.closed.set_result(_why(self._connection))


class ClientLink(Link):
    """A client's end: it also reads. Only one task may be in `recv` at a time."""

    async def recv(self) -> str:
        """The node's next frame; `Unavailable` once the connection has ended."""
        try:
            return await _text(self._connection)
        except ConnectionClosed:
            raise Unavailable(_why(self._connection)) from None
        except RemoteProtocolError as error:
            await _close(self._connection, CloseCode.UNSUPPORTED_DATA, error.message)
            raise


async def _text(connection: Connection) -> str:
    data = await connection.recv()
    if not isinstance(data, str):
        raise RemoteProtocolError("Frames are text, and a binary one came.")
    return data


async def _close(connection: Connection, code: CloseCode, reason: str) -> None:
    short = reason.encode()[:_REASON_BYTES_MAX].decode(errors="ignore")
    try:
        async with asyncio.timeout(limits.CLOSE_SECONDS_MAX):
            await connection.close(code, short)
    except TimeoutError:
        # It does not read: there is no telling it.
        connection.transport.abort()


def _why(connection: Connection) -> str:
    if connection.close_reason:
        return connection.close_reason
    if connection.close_code in (CloseCode.NORMAL_CLOSURE, CloseCode.GOING_AWAY):
        return "The connection was closed."
    return f"The connection broke (code {connection.close_code})."


def _allow_frames(connection: Connection, size_max: int) -> None:
    # Until both sides have proved themselves only small frames are read. The library has no call
    # for it; this attribute is read before each frame (it was `max_size` before websockets 16).
    name = "max_message_size" if hasattr(connection.protocol, "max_message_size") else "max_size"
    setattr(connection.protocol, name, size_max)


# ---- the server ----


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
    ) -> None:
        check_cluster_token(token)
        self._token = token
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

    async def _listen(self, host: str, port: int, ssl: tls.SSLContext | None) -> None:
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
            subprotocols=list(_SUBPROTOCOLS.values()),
            process_response=_no_pings_to_peers,
            compression=None,
            server_header=None,
            open_timeout=self._bounds.handshake_seconds,
            close_timeout=limits.CLOSE_SECONDS_MAX,
            # No time limit for the answer: a kernel may be busy for a minute. What a ping is for
            # here is that TCP finds out about machines that are gone.
            ping_interval=_PING_SECONDS,
            ping_timeout=None,
            max_size=limits.HANDSHAKE_FRAME_BYTES_MAX,
            logger=_LOG,
        )
        self.port = self._listener.sockets[0].getsockname()[1]

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
            await _close(connection, _code(error), error.message)
        except Exception as error:  # noqa: BLE001 - a bug in the node is told, not swallowed
            connection.loop.call_exception_handler(
                {"message": f"{self._node} failed on a frame", "exception": error}
            )
            await _close(connection, CloseCode.INTERNAL_ERROR, "The node failed on this frame.")

    async def _authenticated(self, connection: ServerConnection) -> Party:
        role = Role.PEER if _is_peer(connection) else Role.CLIENT
        handshake = ServerHandshake(
            self._token,
            cluster=self._cluster,
            role=role,
            name=self._node,
            nonce=secrets.token_bytes(NONCE_BYTES),
        )
        try:
            async with asyncio.timeout_at(self._door.deadline(connection)):
                await connection.send(handshake.next(await _text(connection)))
                welcome = handshake.next(await _text(connection))
                party = handshake.peer
                assert party is not None
                older = self._door.admit(connection, party)
                if older is not None:
                    older.transport.abort()
                _allow_frames(connection, _FRAME_BYTES_MAX[role])
                await connection.send(welcome)
        except TimeoutError:
            raise PermissionDenied("The handshake took too long.") from None
        return party

    async def _serve_peer(self, connection: ServerConnection, name: NodeID) -> None:
        while True:
            text = await _text(connection)
            # What a killed node or a replaced connection still has in its buffer is lost.
            if not self._running or not self._door.is_peer(connection, name):
                return
            self._on_peer_frame(name, text)

    async def _serve_client(self, connection: ServerConnection, party: Party) -> None:
        link = Link(connection, party, Role.CLIENT, self._bounds)
        session = self._on_client(ClientID(party.name), link)
        try:
            while True:
                text = await _text(connection)
                if not self._running or connection.state is not State.OPEN:
                    return
                session.frame(text)
        finally:
            session.closed()


def _is_peer(connection: ServerConnection) -> bool:
    return connection.subprotocol == _SUBPROTOCOLS[Role.PEER]


def _no_pings_to_peers(
    connection: ServerConnection, _request: Request, _response: Response
) -> Response | None:
    # Heartbeats are a peer link's sign of life; the library's would only come on top.
    if _is_peer(connection):
        connection.ping_interval = None
    return None


def _code(error: RaftLockError) -> CloseCode:
    match error:
        case RemoteProtocolError():
            return CloseCode.PROTOCOL_ERROR
        case Unavailable():
            return CloseCode.TRY_AGAIN_LATER
    return CloseCode.POLICY_VIOLATION


async def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    token: str,
    cluster: str,
    node: NodeID,
    on_peer_frame: Callable[[NodeID, str], None],
    on_client: Callable[[ClientID, Link], ClientSession],
    ssl: tls.SSLContext | None = None,
    allow_plain: bool = False,
    bounds: ConnectionLimits = _LIMITS,
) -> Server:
    """Open a node's port: on loopback and any free one, unless told otherwise.

    Anything but loopback needs `ssl`, or `allow_plain` from somebody who knows that the network
    can read and change every frame. Raises `OSError` if the port cannot be had. The caller ends
    it with `Server.abort` or `Server.close`.
    """
    if ssl is None and not allow_plain and not limits.is_loopback(host):
        raise InvalidArgument(f"{host} can be reached by others: serve it with ssl.")
    server = Server(
        token=token,
        cluster=cluster,
        node=limits.check_node_id(node),
        on_peer_frame=on_peer_frame,
        on_client=on_client,
        bounds=bounds,
    )
    await server._listen(host, port, ssl)  # noqa: SLF001 - made here, for here
    return server


# ---- dialling ----


class _Connect(connect):
    """The library's dialling, without following redirects: a node's address is its address."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


async def dial_peer(
    host: str,
    port: int,
    *,
    token: str,
    cluster: str,
    me: NodeID,
    them: NodeID,
    ssl: tls.SSLContext | None = None,
    bounds: ConnectionLimits = _LIMITS,
) -> Link:
    """Connect to another node, to send to it.

    Raises `Unavailable` if nobody answers in time (dial again later), `PermissionDenied` or
    `RemoteProtocolError` if the two do not fit together (dialling again will not help).
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    handshake = ClientHandshake(
        token, cluster=cluster, role=Role.PEER, name=me, nonce=nonce, server=them
    )
    connection, party = await _dial(_at(host, port), handshake, ssl, bounds)
    return Link(connection, party, Role.PEER, bounds)


async def dial_client(
    host: str,
    port: int,
    *,
    token: str,
    cluster: str,
    client: ClientID,
    ssl: tls.SSLContext | None = None,
    bounds: ConnectionLimits = _LIMITS,
) -> ClientLink:
    """Connect a client to a node; it raises what `dial_peer` raises."""
    name = limits.check_client_id(client)
    nonce = secrets.token_bytes(NONCE_BYTES)
    handshake = ClientHandshake(token, cluster=cluster, role=Role.CLIENT, name=name, nonce=nonce)
    connection, party = await _dial(_at(host, port), handshake, ssl, bounds)
    return ClientLink(connection, party, Role.CLIENT, bounds)


async def _dial(
    where: str, handshake: ClientHandshake, ssl: tls.SSLContext | None, bounds: ConnectionLimits
) -> tuple[ClientConnection, Party]:
    try:
        async with asyncio.timeout(bounds.handshake_seconds):
            connection = await _open(where, handshake.role, ssl)
            try:
                return connection, await _introduce(connection, handshake)
            except BaseException:
                connection.transport.abort()
                raise
    except TimeoutError:
        raise Unavailable(f"{where} did not answer the handshake in time.") from None
    except OSError as error:
        raise Unavailable(f"Nobody answers at {where} ({error.strerror or error}).") from error
    except (WebSocketException, EOFError) as error:
        raise _no_websocket(where, error) from error


def _at(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _no_websocket(where: str, error: Exception) -> RaftLockError:
    """What it means that no websocket came about."""
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        # 5xx: it is just stopping, and may be back.
        kind = Unavailable if status >= 500 else PermissionDenied
        return kind(f"{where} refused the connection (HTTP {status}).")
    if isinstance(error, EOFError) or isinstance(error.__cause__, EOFError):
        return Unavailable(f"{where} hung up.")
    return RemoteProtocolError(f"{where} is no raftlock node: {error}.")


async def _open(where: str, role: Role, ssl: tls.SSLContext | None) -> ClientConnection:
    return await _Connect(
        f"{'ws' if ssl is None else 'wss'}://{where}/",
        ssl=ssl,
        subprotocols=[_SUBPROTOCOLS[role]],
        compression=None,
        # A proxy that is set for the web is not for us, least of all on loopback.
        proxy=None,
        user_agent_header=None,
        open_timeout=None,
        close_timeout=limits.CLOSE_SECONDS_MAX,
        ping_interval=None if role is Role.PEER else _PING_SECONDS,
        ping_timeout=None,
        max_size=limits.HANDSHAKE_FRAME_BYTES_MAX,
        logger=_LOG,
    )


async def _introduce(connection: ClientConnection, handshake: ClientHandshake) -> Party:
    try:
        frame = handshake.next(None)
        while frame is not None:
            # Before the proof goes out: once it has come, the server may send what it likes. To
            # who dialled as a peer it sends nothing.
            if handshake.peer is not None and handshake.role is Role.CLIENT:
                _allow_frames(connection, _FRAME_BYTES_MAX[handshake.role])
            await connection.send(frame)
            frame = handshake.next(await _text(connection))
    except ConnectionClosed:
        raise _refusal(connection) from None
    except RaftLockError as error:
        await _close(connection, _code(error), error.message)
        raise
    assert handshake.peer is not None
    return handshake.peer


def _refusal(connection: ClientConnection) -> RaftLockError:
    """What the server meant by closing the connection in the middle of the handshake."""
    match connection.close_code:
        case CloseCode.POLICY_VIOLATION:
            return PermissionDenied(_why(connection))
        case CloseCode.PROTOCOL_ERROR:
            return RemoteProtocolError(_why(connection))
    return Unavailable(_why(connection))
