"""The asyncio ends of the wire: the only place that knows websockets.

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

import secrets

from raftlock.transport.door import ConnectionLimits
from raftlock.transport.websocket.dialling import dial_client, dial_peer
from raftlock.transport.websocket.link import ClientLink, Link
from raftlock.transport.websocket.server import ClientSession, Server, serve

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


def new_token() -> str:
    """A fresh cluster token. It opens the whole cluster: never print it."""
    return secrets.token_urlsafe(32)
