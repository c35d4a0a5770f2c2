"""The line to one node that is observed: dialled again for as long as the cluster is looked at."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from raftlock.client.access import Access
from raftlock.client.laboratory import dial_observed
from raftlock.cluster.collector import Collector, shifted
from raftlock.errors import (
    InvalidArgument,
    RaftLockError,
    RemoteProtocolError,
    Timeout,
    Unavailable,
)
from raftlock.trace.export import decode_event
from raftlock.trace.fields import number
from raftlock.transport import json_text
from raftlock.transport.codec import Request, decode_response, encode_request
from raftlock.transport.limits import OBSERVE_FRAME_BYTES_MAX
from raftlock.transport.values import as_object
from raftlock.types.events import Json
from raftlock.types.ids import Micros, NodeID

if TYPE_CHECKING:
    # Importing raftlock must not load sockets.
    from raftlock.transport.websocket import ClientLink

__all__ = ["Observer"]

LOG = logging.getLogger("raftlock.cluster")

AGAIN_SECONDS_MIN = 0.03
AGAIN_SECONDS_MAX = 0.5
ANSWER_SECONDS = 5.0


class Observer:
    """One node, as it is heard of. `address` gives where it is now.

    `origin` is what the machine's clock showed when run time began. With `from_now` it is not asked
    what it did before that, but how it stands. `about` is what the node said of itself; `came` and
    `went` are called when it is heard of, and when it no longer is.
    """

    def __init__(  # noqa: PLR0917 - all that surrounds a line
        self,
        node: NodeID,
        address: Callable[[], tuple[str, int]],
        access: Access,
        collector: Collector,
        origin: int,
        came: Callable[[NodeID], None],
        went: Callable[[NodeID], None],
        *,
        from_now: bool = False,
    ) -> None:
        self.node = node
        self._address = address
        self._access = access
        self._collector = collector
        self._origin = origin
        self._came, self._went = came, went
        self._link: ClientLink | None = None
        self._known = 0
        self._from_now = from_now
        self._asked: dict[int, asyncio.Future[Mapping[str, Json]]] = {}
        self._count = 0
        self._task: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self.here = asyncio.Event()
        self.away = asyncio.Event()
        self.away.set()
        self.refusal: RaftLockError | None = None
        self.about: Mapping[str, Json] = {}

    def begin(self) -> None:
        """Dial it, again and again."""
        self._task = asyncio.create_task(self._keep(), name=f"{self.node} is observed")

    def soon(self) -> None:
        """It has only just begun: dial it at once, and do not tire of it."""
        self._hurry.set()

    async def end(self) -> None:
        """Hear no more of it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def call(self, call: str, params: Mapping[str, Json] | None = None) -> Mapping[str, Json]:
        """Ask it something; raises what it refuses with, `Unavailable` if it is not there."""
        answer = self._ask(call, params or {})
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answer
        except TimeoutError:
            raise Timeout(f"{self.node} gave no answer in {ANSWER_SECONDS:g} s.") from None

    def tell(self, call: str, params: Mapping[str, Json]) -> None:
        """Ask it something that it need not answer now, since it stands still."""
        self._ask(call, params).add_done_callback(_heard)

    def _ask(self, call: str, params: Mapping[str, Json]) -> asyncio.Future[Mapping[str, Json]]:
        if self._link is None:
            raise Unavailable(f"{self.node} cannot be reached.")
        self._count += 1
        answer: asyncio.Future[Mapping[str, Json]] = asyncio.get_running_loop().create_future()
        self._asked[self._count] = answer
        self._link.send(encode_request(Request(self._count, call, params)))
        return answer

    async def _keep(self) -> None:
        pause = AGAIN_SECONDS_MIN
        while True:
            try:
                await self._observe()
                pause = AGAIN_SECONDS_MIN
            except Unavailable:
                pause = min(2 * pause, AGAIN_SECONDS_MAX)
            except RaftLockError as error:
                self.refusal = error
                LOG.warning("%s cannot be observed: %s", self.node, error)
                pause = AGAIN_SECONDS_MAX
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_SECONDS_MIN if self._hurry.is_set() else pause):
                    await (asyncio.sleep(pause) if self._hurry.is_set() else self._hurry.wait())

    async def _observe(self) -> None:
        """One connection, from its beginning to its end."""
        link = await dial_observed(self._access, *self._address())
        self._link = link
        try:
            await self._listen(link)
        finally:
            self._link = None
            link.abort()
            for answer in self._asked.values():
                if not answer.done():
                    answer.set_exception(Unavailable(f"{self.node} has gone."))
            self._asked.clear()
            self.here.clear()
            if not self.away.is_set():
                self.away.set()
                self._collector.detach(self.node)
                self._went(self.node)

    async def _listen(self, link: ClientLink) -> None:
        asked = time.monotonic_ns() // 1000
        wanted: dict[str, Json] = {"after": self._known}
        if self._from_now and not self._known:
            wanted["picture"] = True
        self._ask("observe", wanted).add_done_callback(_heard)
        answer = decode_response(await link.recv())
        if answer.error is not None:
            raise answer.error.to_error()
        assert answer.result is not None
        self.about, self.refusal = answer.result, None
        answered = time.monotonic_ns() // 1000
        base = self._origin + _ahead(number(answer.result, "now"), asked, answered)
        self._asked.pop(answer.id, None)
        self._collector.attach(self.node)
        self._came(self.node)
        self._hurry.clear()
        self.away.clear()
        self.here.set()
        while True:
            self._take(await link.recv(), base)

    def _take(self, frame: str, base: int) -> None:
        if frame.startswith('{"seq":'):
            try:
                event = decode_event(frame)
            except InvalidArgument as error:
                raise RemoteProtocolError(f"{self.node} tells no event: {error}.") from None
            self._known = max(self._known, event.seq)
            self._collector.put(self.node, shifted(event, base))
        elif frame.startswith('{"now":'):
            told = as_object(json_text.read(frame, size_max=OBSERVE_FRAME_BYTES_MAX), "A frame")
            self._collector.heard(self.node, Micros(max(0, number(told, "now") - base)))
        else:
            answer = decode_response(frame)
            asked = self._asked.pop(answer.id, None)
            if asked is None or asked.done():
                return
            if answer.error is not None:
                asked.set_exception(answer.error.to_error())
            else:
                asked.set_result(answer.result or {})


def _ahead(now: int, asked: int, answered: int) -> int:
    """How far the node's clock is ahead of this machine's, from one question and its answer.

    If they may well be the same clock, they are taken to be: then every moment is exact.
    """
    if asked <= now <= answered:
        return 0
    return now - (asked + answered) // 2


def _heard(answer: asyncio.Future[Mapping[str, Json]]) -> None:
    """Nobody waits for this answer; that it is an error is no news either."""
    if not answer.cancelled():
        answer.exception()
