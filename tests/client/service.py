"""A service on the test's own event loop: the real table, and a clock for the test to turn."""

import asyncio
import heapq
import itertools

from raftlock.client import AsyncLockClient, Endpoint
from raftlock.errors import Unavailable
from raftlock.lock.commands import encode as encode_command
from raftlock.lock.machine import LockMachine
from raftlock.node.shown import info_in
from raftlock.transport.codec import (
    ErrorInfo,
    Response,
    command_from_params,
    decode_request,
    encode_response,
)
from raftlock.transport.original import to_original
from raftlock.transport.values import encode
from raftlock.types import (
    Command,
    LockOperation,
    LogEntry,
    Millis,
    NodeID,
    NodeRole,
    OutcomeStatus,
    RaftStatus,
    Term,
)

HOME = Endpoint("127.0.0.1", 4701)
STATUS = RaftStatus(NodeID("n1"), NodeRole.LEADER, Term(2), NodeID("n1"), 5, Term(2), 5, 5)


async def turns():
    """Let the event loop do all that it can do without time passing."""
    for _ in range(60):
        await asyncio.sleep(0)


class Timer:
    def __init__(self, function):
        self.function = function

    def cancel(self):
        self.function = None


class Clock:
    """Time passes when a test says so."""

    def __init__(self):
        self._now_us = 1_000_000
        self._timers = []
        self._order = itertools.count()

    def now_us(self):
        return self._now_us

    def call_at(self, at, function):
        timer = Timer(function)
        heapq.heappush(self._timers, (at, next(self._order), timer))
        return timer

    async def run(self, seconds):
        end = self._now_us + round(seconds * 1_000_000)
        await turns()
        while self._timers and self._timers[0][0] <= end:
            at, _, timer = heapq.heappop(self._timers)
            if timer.function is not None:
                self._now_us = max(self._now_us, at)
                timer.function()
                await turns()
        self._now_us = end
        await turns()


class Service:
    def __init__(self):
        self.clock = Clock()
        self.machine = LockMachine()
        self.entries = 0
        self.waiting = {}
        self.links = []
        self.calls = []  # the words of every request that came
        self.mute = False  # takes requests and applies them, but answers nothing
        self.deaf = False  # takes no requests
        self.down = None  # what a dial raises
        self.refuse = {}  # call -> the error code that it is answered

    def client(self, name="alice", **options):
        options.setdefault("endpoints", [HOME])
        endpoints = options.pop("endpoints")
        return AsyncLockClient(
            endpoints,
            client_id=name,
            clock=self.clock,
            seed=1,
            connector=lambda _endpoint: self.dial(),
            **options,
        )

    async def dial(self):
        await asyncio.sleep(0)
        if self.down is not None:
            raise self.down
        link = Link(self)
        self.links.append(link)
        return link

    def propose(self, command):
        return self._append(encode_command(command))

    def tick(self):
        """Cluster time reaches the log, and with it whatever is due."""
        self._append(b"")

    def _append(self, data):
        self.entries += 1
        stamp = Millis(self.clock.now_us() // 1000)
        applied = self.machine.apply(LogEntry(Term(2), self.entries, data, stamp))
        for outcome in applied.outcomes:
            link, frame = self.waiting.pop((outcome.session_id, outcome.sequence), (None, 0))
            if link is not None:
                link.answer(Response(frame, encode(outcome)))
        return applied.command_result_data

    def take(self, link, request):
        self.calls.append(request.call)
        if self.deaf:
            return
        if request.call in self.refuse:
            code = self.refuse[request.call]
            link.answer(Response(request.id, error=ErrorInfo(int(code), code.name, "refused")))
            return
        if request.call == "get_status":
            link.answer(Response(request.id, encode(STATUS)))
            return
        if request.call == "get_lock_info":
            now = Millis(self.clock.now_us() // 1000)
            info = info_in(self.machine, request.params["lock_id"], now)
            link.answer(Response(request.id, to_original(info)))
            return
        outcome = self.propose(command_from_params(request.call, request.params))
        if outcome.status is OutcomeStatus.QUEUED:
            self.waiting[outcome.session_id, outcome.sequence] = (link, request.id)
            link.answer(Response(request.id, encode(outcome), event="queued"))
        elif outcome.status is OutcomeStatus.REFUSED:
            error = ErrorInfo(int(outcome.code), outcome.code.name, outcome.message)
            link.answer(Response(request.id, error=error))
        else:
            link.answer(Response(request.id, encode(outcome)))

    def hold(self, lock="build", by="carol", ttl=60_000):
        """Somebody else takes the lock."""
        return self.propose(Command(LockOperation.ACQUIRE, lock, by, ttl=Millis(ttl))).token

    def free(self, lock="build"):
        """Whoever holds it releases it."""
        change = self.machine.info(lock)
        self.propose(Command(LockOperation.RELEASE, lock, change.owner_id, version=change.token))

    def holder(self, lock="build"):
        change = self.machine.info(lock)
        return change.owner_id if change is not None else ""

    def waiters(self, lock="build"):
        change = self.machine.info(lock)
        return [waiter.client_id for waiter in change.waiters] if change is not None else []


class Link:
    def __init__(self, service):
        self.service = service
        self.closed = False
        self._frames = asyncio.Queue()

    def send(self, text):
        if not self.closed:
            self.service.take(self, decode_request(text))
        return not self.closed

    def answer(self, response):
        if not self.service.mute:
            self.raw(encode_response(response))

    def raw(self, text):
        self._frames.put_nowait(text)

    def break_off(self, error=None):
        self.closed = True
        self._frames.put_nowait(error or Unavailable("The connection broke."))

    async def recv(self):
        frame = await self._frames.get()
        if isinstance(frame, Exception):
            raise frame
        return frame

    async def close(self, reason=""):
        self.closed = True
