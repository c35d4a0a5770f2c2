"""Connecting to a node."""

from __future__ import annotations

import asyncio
import secrets
import ssl as tls

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.frames import CloseCode

from raftlock.errors import (
    PermissionDenied,
    RaftLockError,
    RemoteProtocolError,
    Unavailable,
)
from raftlock.transport import limits
from raftlock.transport.door import ConnectionLimits
from raftlock.transport.handshake import NONCE_BYTES, ClientHandshake, Party, Role
from raftlock.transport.websocket.link import (
    FRAME_BYTES_MAX,
    LIMITS,
    LOG,
    PING_SECONDS,
    SUBPROTOCOLS,
    ClientLink,
    Link,
    allow_frames,
    close,
    code_of,
    text_of,
    why_closed,
)
from raftlock.types import ClientID, NodeID

__all__ = ["dial_client", "dial_peer"]


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
    address: str = "",
    ssl: tls.SSLContext | None = None,
    bounds: ConnectionLimits = LIMITS,
) -> Link:
    """Connect to another node, to send to it.

    Raises `Unavailable` if nobody answers in time (dial again later), `PermissionDenied` or
    `RemoteProtocolError` if the two do not fit together (dialling again will not help).
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    handshake = ClientHandshake(
        token,
        cluster=cluster,
        role=Role.PEER,
        name=me,
        nonce=nonce,
        server=them,
        address=address,
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
    role: Role = Role.CLIENT,
    ssl: tls.SSLContext | None = None,
    bounds: ConnectionLimits = LIMITS,
) -> ClientLink:
    """Connect a client, or an administrator, to a node; it raises what `dial_peer` raises."""
    name = limits.check_client_id(client)
    nonce = secrets.token_bytes(NONCE_BYTES)
    handshake = ClientHandshake(token, cluster=cluster, role=role, name=name, nonce=nonce)
    connection, party = await _dial(_at(host, port), handshake, ssl, bounds)
    return ClientLink(connection, party, role, bounds)


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
        subprotocols=[SUBPROTOCOLS[role]],
        compression=None,
        # A proxy that is set for the web is not for us, least of all on loopback.
        proxy=None,
        user_agent_header=None,
        open_timeout=None,
        close_timeout=limits.CLOSE_SECONDS_MAX,
        ping_interval=None if role is Role.PEER else PING_SECONDS,
        ping_timeout=None,
        max_size=limits.HANDSHAKE_FRAME_BYTES_MAX,
        logger=LOG,
    )


async def _introduce(connection: ClientConnection, handshake: ClientHandshake) -> Party:
    try:
        frame = handshake.next(None)
        while frame is not None:
            # Before the proof goes out: once it has come, the server may send what it likes. To
            # who dialled as a peer it sends nothing.
            if handshake.peer is not None and handshake.role is not Role.PEER:
                allow_frames(connection, FRAME_BYTES_MAX[handshake.role])
            await connection.send(frame)
            frame = handshake.next(await text_of(connection))
    except ConnectionClosed:
        raise _refusal(connection) from None
    except RaftLockError as error:
        await close(connection, code_of(error), error.message)
        raise
    assert handshake.peer is not None
    return handshake.peer


def _refusal(connection: ClientConnection) -> RaftLockError:
    """What the server meant by closing the connection in the middle of the handshake."""
    match connection.close_code:
        case CloseCode.POLICY_VIOLATION:
            return PermissionDenied(why_closed(connection))
        case CloseCode.PROTOCOL_ERROR:
            return RemoteProtocolError(why_closed(connection))
    return Unavailable(why_closed(connection))
