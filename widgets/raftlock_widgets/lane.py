"""The fast lane: what a hand does reaches the cluster while a cell keeps the kernel busy.

The kernel reads what pages send between cells only. The cluster lives on a thread of its own, so
that thread listens on a port of this machine, too. A page is told the port and a secret through the
kernel's channel, connects, and sends commands here; the answers come back here. Frames go the usual
way, which a running cell does not hold up. Where no connection comes about (another machine without
a proxy), the page goes on as without it, and nothing is lost.

Who may come in: whoever knows the secret, within seconds, from a page of this machine or through
the notebook server's own proxy, which has let its user in already.
"""

from __future__ import annotations

import asyncio
import hmac
import importlib.util
import json
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from raftlock.transport.limits import TokenBucket
from raftlock.types.ids import Micros

if TYPE_CHECKING:
    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response

__all__ = ["Answer", "Lane", "may_come", "proxied"]

logger = logging.getLogger(__name__)
logger_of_websockets = logging.getLogger("raftlock.lane")
logger_of_websockets.setLevel(logging.CRITICAL)  # a page that goes away is no news

SECRET_SECONDS = 10.0
"""How long a page may take to say the secret."""

CONNECTIONS_MAX = 16
FRAME_BYTES_MAX = 64 * 1024
A_SECOND = 50
BURST = 200
"""Commands of one page: no hand is faster."""

BUFFER_MAX = 256 * 1024
"""A page that does not read its answers is cut off; it asks again the usual way."""

LOOPBACK = {"127.0.0.1", "localhost", "::1"}

Answer = Callable[[Mapping[str, Any]], None]
"""Tells one page something."""

Receive = Callable[[Mapping[str, Any], Answer], None]
"""Takes what a page said, and how to answer it; called on the cluster's loop."""


def proxied() -> bool:
    """Whether the notebook server may pass a page through to a port (jupyter-server-proxy)."""
    return importlib.util.find_spec("jupyter_server_proxy") is not None


def may_come(origin: str | None, *, proxied: bool) -> bool:
    """Whether a page of that origin may connect: of this machine, or let in by the server's proxy.

    Browsers always say an origin, and no page can pretend to be a proxy. The secret is asked for in
    any case.
    """
    if proxied or origin is None:
        return True
    with suppress(ValueError):
        return urlsplit(origin).hostname in LOOPBACK
    return False


class Lane:
    """One listening port of one cluster, on its loop. `token` is the secret."""

    def __init__(self, receive: Receive) -> None:
        self.token = secrets.token_urlsafe(32)
        self.port = 0
        self._receive = receive
        self._server: Server | None = None
        self._connected = 0

    async def start(self) -> bool:
        """Listen; whether it does. Without websockets, or a free port, there is no lane."""
        try:
            from websockets.asyncio.server import serve

            self._server = await serve(
                self._page,
                "127.0.0.1",
                0,
                process_request=self._let_in,
                compression=None,
                max_size=FRAME_BYTES_MAX,
                open_timeout=SECRET_SECONDS,
                close_timeout=SECRET_SECONDS,
                logger=logger_of_websockets,
            )
        except (ImportError, OSError) as error:
            logger.info("no fast lane for the panels: %s", error)
            return False
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        return True

    def stop(self) -> None:
        """Listen no more; pages go on the usual way."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _let_in(self, connection: ServerConnection, request: Request) -> Response | None:
        headers = request.headers
        proxied = "X-ProxyContextPath" in headers or "X-Forwarded-Context" in headers
        if not may_come(headers.get("Origin"), proxied=proxied):
            words = "This port is for the panels of this machine's notebooks.\n"
            return connection.respond(HTTPStatus.FORBIDDEN, words)
        if self._connected >= CONNECTIONS_MAX:
            words = "Too many pages are connected.\n"
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, words)
        return None

    async def _page(self, connection: ServerConnection) -> None:
        from websockets.exceptions import ConnectionClosed

        self._connected += 1
        try:
            async with asyncio.timeout(SECRET_SECONDS):
                first = _read(await connection.recv())
            if first is None or not hmac.compare_digest(
                str(first.get("token")).encode(), self.token.encode()
            ):
                await connection.close(1008, "the secret is another one")
                return
            await connection.send('{"type": "lane"}')
            await self._listen(connection)
        except TimeoutError:
            await connection.close(1008, "no secret came")
        except ConnectionClosed:
            pass
        finally:
            self._connected -= 1

    async def _listen(self, connection: ServerConnection) -> None:
        from websockets.asyncio.connection import broadcast

        bucket = TokenBucket(_now(), A_SECOND, BURST)

        def answer(message: Mapping[str, Any]) -> None:
            transport = connection.transport
            if transport.is_closing():
                return
            if transport.get_write_buffer_size() > BUFFER_MAX:
                transport.abort()
            else:
                broadcast((connection,), json.dumps(message))

        async for text in connection:
            content = _read(text)
            if content is None or content.get("type") != "do":
                await connection.close(1008, "only commands go this way")
            elif not bucket.take(_now()):
                words = "That was too much at once: wait a moment."
                answer({"type": "done", "id": content.get("id"), "ok": False, "text": words})
            else:
                self._receive(content, answer)


def _read(text: str | bytes) -> dict[str, Any] | None:
    if isinstance(text, bytes):
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _now() -> Micros:
    return Micros(time.monotonic_ns() // 1000)
