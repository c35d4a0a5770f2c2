"""Performs on an event loop what the requester decides: connections, timers, callers' futures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from raftlock.client.clock import Clock, Timer
from raftlock.client.protocol import (
    Action,
    Answered,
    Cancel,
    Close,
    Connect,
    Connected,
    Disconnected,
    Endpoint,
    EndpointsChanged,
    Event,
    Failed,
    Progress,
    Received,
    Requester,
    Send,
    Submit,
    TimePassed,
)
from raftlock.errors import InvalidArgument, PermissionDenied, RaftLockError, Unavailable
from raftlock.transport.codec import Response, decode_response, encode_request
from raftlock.transport.handshake import Role
from raftlock.types.answers import Outcome
from raftlock.types.commands import Command
from raftlock.types.events import Json
from raftlock.types.ids import ClientID, Micros, Millis

if TYPE_CHECKING:
    import ssl as tls

__all__ = ["Connector", "Engine", "Link", "websocket_connector"]

OnProgress = Callable[[Outcome], None]


class Link(Protocol):
    """One connection to a node, its handshake done; `transport.websocket.ClientLink` is one."""

    def send(self, text: str) -> bool:
        """Send a frame without waiting."""

    async def recv(self) -> str:
        """The next frame; raises a `RaftLockError` or an `OSError` once the connection is gone."""

    async def close(self, reason: str = "") -> None:
        """End the connection."""


Connector = Callable[[Endpoint], Awaitable[Link]]
"""Makes a connection, or raises a `RaftLockError` or an `OSError`."""


def websocket_connector(
    client_id: ClientID,
    *,
    token: str,
    cluster: str,
    role: Role = Role.CLIENT,
    ssl: tls.SSLContext | None = None,
) -> Connector:
    """Connections as nodes serve them; websockets are loaded when the first one is made."""

    async def dial(endpoint: Endpoint) -> Link:
        from raftlock.transport.websocket import dial_client

        return await dial_client(
            endpoint.host,
            endpoint.port,
            token=token,
            cluster=cluster,
            client=client_id,
            role=role,
            ssl=ssl,
        )

    return dial


@dataclass(frozen=True, slots=True)
class _Caller:
    answer: asyncio.Future[Answered]
    progress: OnProgress | None


class Engine:
    """One client on one event loop; nothing here may be called from another thread."""

    def __init__(
        self,
        requester: Requester,
        *,
        clock: Clock,
        connector: Connector,
        endpoints: Callable[[], tuple[Endpoint, ...]],
    ) -> None:
        self.requester = requester
        self._clock = clock
        self._connector = connector
        self._endpoints = endpoints
        self._known_endpoints: tuple[Endpoint, ...] = ()
        self._number = 0
        self._callers: dict[int, _Caller] = {}
        self._links: dict[int, Link] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._timer: Timer | None = None
        self._timer_at = Millis(0)
        self._settled: asyncio.Event | None = None
        self._backlog: list[Callable[[], object]] | None = None  # while it is frozen
        self.closed = False

    @property
    def last_number(self) -> int:
        """The number of the latest call."""
        return self._number

    def now_ms(self) -> Millis:
        """The client's clock in milliseconds."""
        return Millis(self._clock.now_us() // 1000)

    async def ask(
        self,
        call: str,
        command: Command | None,
        time_ms: Millis,
        progress: OnProgress | None = None,
        params: Mapping[str, Json] | None = None,
    ) -> Answered:
        """Ask, and wait for the answer; raises the error that it is.

        If the caller is cancelled meanwhile, what it asked for is taken back in the background.
        """
        if self.closed:
            raise _closed()
        if self.frozen:
            raise InvalidArgument("This client is frozen and asks nothing: thaw it first.")
        self._number += 1
        number = self._number
        future: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._callers[number] = _Caller(future, progress)
        now = self.now_ms()
        try:
            deadline = Millis(now + time_ms)
            self._step(Submit(now, number, call, deadline, command, params or {}))
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                future.exception()  # an answer that came just then has been seen
            self.take_back(number)
            raise
        finally:
            self._callers.pop(number, None)

    def take_back(self, number: int) -> None:
        """Nobody wants what that call asks for, or got: leave no waiter and no lock behind."""
        self._step(Cancel(self.now_ms(), number))

    async def close(self, linger: float) -> None:
        """Fail what is outstanding and end the connection.

        What is being taken back may go on for `linger` seconds of the machine's time.
        """
        self.thaw()
        for number, caller in tuple(self._callers.items()):
            self._fail(caller, _closed())
            self.take_back(number)
        if not self.closed and not self.requester.is_settled:
            self._settled = asyncio.Event()
            try:
                async with asyncio.timeout(linger):
                    await self._settled.wait()
            except TimeoutError:
                pass  # then the locks' own TTLs and the waits' own time limits clean up
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- standing still -----------------------------------------------------------------------

    @property
    def frozen(self) -> bool:
        """Whether it handles nothing and sends nothing now."""
        return self._backlog is not None

    def freeze(self) -> None:
        """Stand still: what comes in waits, while the clock runs on."""
        if self._backlog is None:
            self._backlog = []

    def thaw(self) -> None:
        """Go on with what waited, in the order in which it came."""
        backlog, self._backlog = self._backlog or [], None
        for happened in backlog:
            happened()

    def when_it_goes_on(self, happened: Callable[[], object]) -> None:
        """Do it now, or first thing after the thaw."""
        if self._backlog is None:
            happened()
        else:
            self._backlog.append(happened)

    # --- one step -----------------------------------------------------------------------------

    def _step(self, event: Event) -> None:
        if self.closed:
            return
        endpoints = self._endpoints()
        if endpoints != self._known_endpoints:
            self._known_endpoints = endpoints
            self._perform(self.requester.step(EndpointsChanged(event.now, endpoints)))
        self._perform(self.requester.step(event))
        self._arm()
        if self._settled is not None and self.requester.is_settled:
            self._settled.set()

    def _perform(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            match action:
                case Connect():
                    self._connect(action)
                case Send():
                    link = self._links.get(action.connection)
                    if link is not None:  # else its task is about to tell that it is gone
                        link.send(encode_request(action.request))
                case Close():
                    task = self._tasks.get(action.connection)
                    if task is not None:
                        task.cancel()
                case Progress():
                    caller = self._callers.get(action.number)
                    if caller is not None and caller.progress is not None:
                        caller.progress(action.outcome)
                case Answered():
                    caller = self._callers.get(action.number)
                    if caller is not None and not caller.answer.done():
                        caller.answer.set_result(action)
                case Failed():
                    self._fail(self._callers.get(action.number), action.error)

    def _fail(self, caller: _Caller | None, error: RaftLockError) -> None:
        if caller is not None and not caller.answer.done():
            caller.answer.set_exception(error)

    def _arm(self) -> None:
        """Let the clock call when something is due, or earlier: a call too many does no harm."""
        wake_at = self.requester.wake_at
        if wake_at is None or (self._timer is not None and self._timer_at <= wake_at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = wake_at
        self._timer = self._clock.call_at(Micros(wake_at * 1000), self._time_passed)

    def _time_passed(self) -> None:
        self._timer = None
        self.when_it_goes_on(lambda: self._step(TimePassed(self.now_ms())))

    # --- connections --------------------------------------------------------------------------

    def _connect(self, action: Connect) -> None:
        number = action.connection
        task = asyncio.create_task(self._run(number, action.endpoint))
        self._tasks[number] = task
        task.add_done_callback(lambda _: self._tasks.pop(number, None))

    async def _run(self, number: int, endpoint: Endpoint) -> None:
        """One connection, from the dialling to its end."""
        link: Link | None = None
        gone: Disconnected | None = None
        try:
            link = self._links[number] = await self._connector(endpoint)
            self.when_it_goes_on(lambda: self._step(Connected(self.now_ms(), number)))
            while True:
                response = decode_response(await link.recv())
                self.when_it_goes_on(partial(self._received, number, response))
        except RaftLockError as error:
            denied = isinstance(error, PermissionDenied)
            gone = Disconnected(self.now_ms(), number, _phrase(error.message), denied)
        except OSError as error:
            gone = Disconnected(self.now_ms(), number, _phrase(str(error)))
        finally:
            self._links.pop(number, None)
            if gone is not None:
                # The next node is tried first: the farewell to this one may take a second.
                self.when_it_goes_on(partial(self._lost, gone))
            if link is not None:
                await link.close()

    def _received(self, number: int, response: Response) -> None:
        self._step(Received(self.now_ms(), number, response))

    def _lost(self, gone: Disconnected) -> None:
        self._step(replace(gone, now=self.now_ms()))


def _closed() -> Unavailable:
    return Unavailable("This client has been closed: make a new one.")


def _phrase(sentence: str) -> str:
    """A sentence as part of another one."""
    text = sentence.strip().removesuffix(".")
    return f"said: {text}" if text else ""
