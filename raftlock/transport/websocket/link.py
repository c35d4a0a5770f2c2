"""One authenticated connection, and what both of its ends have in common."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from websockets.asyncio.connection import Connection, broadcast
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.protocol import State
from websockets.typing import Subprotocol

from raftlock.errors import (
    LocalProtocolError,
    RaftLockError,
    RemoteProtocolError,
    Unavailable,
)
from raftlock.transport import limits
from raftlock.transport.door import ConnectionLimits
from raftlock.transport.handshake import Party, Role

__all__ = ["FRAME_BYTES_MAX", "LIMITS", "LOG", "PING_SECONDS", "SUBPROTOCOLS", "ClientLink", "Link"]
__all__ += ["allow_frames", "bounds_for", "close", "code_of", "text_of", "why_closed"]

SUBPROTOCOLS = {role: Subprotocol(f"raftlock.{role}.v1") for role in Role}
FRAME_BYTES_MAX = {
    Role.PEER: limits.PEER_FRAME_BYTES_MAX,
    Role.CLIENT: limits.CLIENT_FRAME_BYTES_MAX,
    Role.ADMIN: limits.CLIENT_FRAME_BYTES_MAX,
    Role.OBSERVE: limits.OBSERVE_FRAME_BYTES_MAX,
}
PING_SECONDS = 20.0
REASON_BYTES_MAX = 120  # a close frame takes 123

# The library tells each refused stranger and each lost connection; they are no news to a person.
LOG = logging.getLogger("raftlock.transport.websocket")
LOG.addHandler(logging.NullHandler())

LIMITS = ConnectionLimits()


def bounds_for(role: Role, bounds: ConnectionLimits) -> ConnectionLimits:
    """How much may wait for that role: an observer is told in bursts, and may read in bursts."""
    if role is not Role.OBSERVE:
        return bounds
    return replace(
        bounds,
        queue_frames=limits.OBSERVE_QUEUE_FRAMES_MAX,
        queue_bytes=limits.OBSERVE_QUEUE_BYTES_MAX,
    )


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
        self._size_max = FRAME_BYTES_MAX[role]
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
            if self._role is not Role.PEER:
                self.abort()
            return False
        broadcast((connection,), text)
        return True

    def abort(self) -> None:
        """End the connection at once and say nothing; what was not sent yet is lost."""
        self._connection.transport.abort()

    async def close(self, reason: str = "") -> None:
        """Say goodbye, for at most a second, and end the connection."""
        await close(self._connection, CloseCode.NORMAL_CLOSURE, reason)

    def _lost(self, _: asyncio.Future[None]) -> None:
        if not self.closed.done():
            self.closed.set_result(why_closed(self._connection))


class ClientLink(Link):
    """A client's end: it also reads. Only one task may be in `recv` at a time."""

    async def recv(self) -> str:
        """The node's next frame; `Unavailable` once the connection has ended."""
        try:
            return await text_of(self._connection)
        except ConnectionClosed:
            raise Unavailable(why_closed(self._connection)) from None
        except RemoteProtocolError as error:
            await close(self._connection, CloseCode.UNSUPPORTED_DATA, error.message)
            raise


async def text_of(connection: Connection) -> str:
    data = await connection.recv()
    if not isinstance(data, str):
        raise RemoteProtocolError("Frames are text, and a binary one came.")
    return data


async def close(connection: Connection, code: CloseCode, reason: str) -> None:
    short = reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore")
    try:
        async with asyncio.timeout(limits.CLOSE_SECONDS_MAX):
            await connection.close(code, short)
    except TimeoutError:
        # It does not read: there is no telling it.
        connection.transport.abort()


def why_closed(connection: Connection) -> str:
    if connection.close_reason:
        return connection.close_reason
    if connection.close_code in (CloseCode.NORMAL_CLOSURE, CloseCode.GOING_AWAY):
        return "The connection was closed."
    return f"The connection broke (code {connection.close_code})."


def allow_frames(connection: Connection, size_max: int) -> None:
    # Until both sides have proved themselves only small frames are read. The library has no call
    # for it; this attribute is read before each frame (it was `max_size` before websockets 16).
    name = "max_message_size" if hasattr(connection.protocol, "max_message_size") else "max_size"
    setattr(connection.protocol, name, size_max)


def code_of(error: RaftLockError) -> CloseCode:
    match error:
        case RemoteProtocolError():
            return CloseCode.PROTOCOL_ERROR
        case Unavailable():
            return CloseCode.TRY_AGAIN_LATER
    return CloseCode.POLICY_VIOLATION
