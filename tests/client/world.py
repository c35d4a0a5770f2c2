"""A lock service in virtual time, for the client's own tests: one log, many doors, every fault.

The table is the real one. Nodes are doors to it: a node leads, or names whom it believes to lead,
or is down, or is silent. What the world cannot do is split the log; that is raft's business.
"""

import heapq
import itertools
from dataclasses import replace

from raftlock.client.protocol import (
    Answered,
    Cancel,
    Close,
    Connect,
    Connected,
    Disconnected,
    Endpoint,
    Failed,
    Progress,
    Received,
    Requester,
    Send,
    Submit,
    TimePassed,
)
from raftlock.errors import ErrorCode
from raftlock.lock.commands import encode as encode_command
from raftlock.lock.machine import LockMachine
from raftlock.node.shown import info_in
from raftlock.raft.random64 import Random64
from raftlock.transport.codec import ErrorInfo, Response, command_from_params
from raftlock.transport.original import to_original
from raftlock.transport.values import encode
from raftlock.types import (
    ClientID,
    Command,
    LockID,
    LockOperation,
    LogEntry,
    Millis,
    OutcomeStatus,
)

NODES = ("n1", "n2", "n3")


def endpoint(node):
    return Endpoint("127.0.0.1", 4700 + int(node[1:]))


class World:
    def __init__(self, nodes=NODES, leader="n1", latency=(1, 3), seed=1):
        self.now = 0
        self.random = Random64(seed)
        self.latency = latency
        self.machine = LockMachine()
        self.entries = []
        self.leader = leader
        self.down = set()
        self.silent = set()
        self.session_ttl = 0  # what is told to who opens a session; 0 for a service that says none
        self.answers_lost = 0  # how many of the next answers never arrive
        self.busy = 0  # how many of the next requests are sent away
        self.believed = dict.fromkeys(nodes, leader)
        self.waiting = {}  # (session, sequence) -> (client, connection, node, frame id)
        self.clients = []
        self.connections = {}  # (client, connection) -> node
        self.dialled = []
        self.asked = []  # every command that arrived at a leader
        self.kept_alive = []  # when a keep-alive arrived, and of which session
        self._queue = []
        self._order = itertools.count()

    # --- time ---

    def later(self, delay, function):
        heapq.heappush(self._queue, (self.now + delay, next(self._order), function))

    def some_time(self):
        return self.random.between(*self.latency)

    def run(self, ms=60_000, until=lambda: False):
        """Let up to `ms` pass, or less if `until` comes true. Returns whether it did."""
        end = self.now + ms
        while not until():
            moments = [client.requester.wake_at for client in self.clients]
            moments += [self._queue[0][0] if self._queue else None, self._tick_at()]
            due = min((moment for moment in moments if moment is not None), default=end)
            if max(due, self.now) >= end:
                self.now = end
                return until()
            self.now = max(due, self.now)
            if self._queue and self._queue[0][0] <= self.now:
                heapq.heappop(self._queue)[2]()
            elif self._tick_at() is not None and self._tick_at() <= self.now:
                self.append(b"")
            else:
                for client in self.clients:
                    if client.requester.wake_at is not None:
                        client.step(TimePassed(Millis(self.now)))
        return True

    def _tick_at(self):
        deadline = self.machine.next_deadline()
        return None if deadline is None or self.leader is None else deadline + 1

    # --- the service ---

    def elect(self, leader, known_to=None):
        """`leader` leads from now on; only `known_to` (everybody, if not given) have heard."""
        old, self.leader = self.leader, leader
        for node in self.believed if known_to is None else known_to:
            self.believed[node] = leader
        if old is not None and old != leader:
            waiting, self.waiting = self.waiting, {}
            for client, connection, node, frame in waiting.values():
                self._reply(client, connection, node, self._not_leader(frame, node))

    def kill(self, node):
        self.down.add(node)
        self.waiting = {key: call for key, call in self.waiting.items() if call[2] != node}
        for (client, connection), where in tuple(self.connections.items()):
            if where == node:
                self.disconnect(client, connection)
        if self.leader == node:
            self.leader = None

    def disconnect(self, client, connection):
        if self.connections.pop((client, connection), None) is not None:
            gone = lambda: client.step(Disconnected(Millis(self.now), connection, "broke"))  # noqa: E731
            self.later(0, gone)

    def disconnect_all(self):
        for client, connection in tuple(self.connections):
            self.disconnect(client, connection)

    def append(self, command):
        entry = LogEntry(1, len(self.entries) + 1, command, Millis(self.now))
        self.entries.append(entry)
        applied = self.machine.apply(entry)
        for outcome in applied.outcomes:
            call = self.waiting.pop((outcome.session_id, outcome.sequence), None)
            if call is not None:
                client, connection, node, frame = call
                self._reply(client, connection, node, Response(frame, encode(outcome)))
        return applied.command_result_data

    def propose(self, command):
        return self.append(encode_command(command))

    def dial(self, client, connection, where):
        node = next((node for node in self.believed if endpoint(node) == where), None)
        self.dialled.append(node)

        def arrive():
            if node is None or node in self.down:
                client.step(Disconnected(Millis(self.now), connection, "refused"))
            elif node not in self.silent:
                self.connections[client, connection] = node
                client.step(Connected(Millis(self.now), connection))

        self.later(self.some_time(), arrive)

    def take(self, client, connection, request):
        node = self.connections.get((client, connection))
        if node is None or node in self.silent or node in self.down:
            return
        if node != self.leader:
            self._reply(client, connection, node, self._not_leader(request.id, node))
            return
        if request.call == "get_status":
            self._reply(client, connection, node, Response(request.id, {"id": node}))
            return
        if request.call == "get_lock_info":
            info = info_in(self.machine, request.params["lock_id"], Millis(self.now))
            self._reply(client, connection, node, Response(request.id, to_original(info)))
            return
        if request.call == "keep_alive":
            session = request.params["session_id"]
            self.kept_alive.append((self.now, session))
            answer = Response(request.id, {"session_id": session})
            if not self.machine.session(session):
                answer = self._error(request.id, ErrorCode.SESSION_EXPIRED)
            self._reply(client, connection, node, answer)
            return
        if self.busy:
            self.busy -= 1
            self._reply(client, connection, node, self._error(request.id, ErrorCode.BUSY))
            return
        command = command_from_params(request.call, request.params)
        self.asked.append(command)
        outcome = self.propose(command)
        if outcome.status is OutcomeStatus.SESSION_OPENED:
            outcome = replace(outcome, ttl=Millis(self.session_ttl))
        if outcome.status is OutcomeStatus.QUEUED:
            key = (outcome.session_id, outcome.sequence)
            self.waiting[key] = (client, connection, node, request.id)
            response = Response(request.id, encode(outcome), event="queued")
        elif outcome.status is OutcomeStatus.REFUSED:
            response = self._error(request.id, outcome.code, outcome.message)
        else:
            response = Response(request.id, encode(outcome))
        self._reply(client, connection, node, response)

    def _not_leader(self, frame, node):
        believed = self.believed[node]
        if believed is None:
            return self._error(frame, ErrorCode.NO_LEADER)
        details = {"leader": believed, "address": str(endpoint(believed))}
        return self._error(frame, ErrorCode.NOT_LEADER, details=details)

    def _error(self, frame, code, message="refused", details=None):
        return Response(frame, error=ErrorInfo(int(code), code.name, message, details or {}))

    def _reply(self, client, connection, node, response):
        if self.answers_lost:
            self.answers_lost -= 1
            return

        def arrive():
            # A silent node's frames are lost at the moment they would leave or arrive.
            if self.connections.get((client, connection)) == node and node not in self.silent:
                client.step(Received(Millis(self.now), connection, response))

        self.later(client.next_arrival(self.some_time()) - self.now, arrive)


class Client:
    """A requester in the world, and what it told its callers."""

    def __init__(self, world, name="alice", seed=7, policy=None, nodes=None):
        self.world = world
        self.name = ClientID(name)
        known = tuple(world.believed) if nodes is None else nodes
        self.requester = Requester(
            self.name, tuple(endpoint(node) for node in known), Random64(seed), policy
        )
        self.answers = {}
        self.progress = {}
        self.actions = []
        self._numbers = itertools.count(1)
        self._ids = itertools.count(1)
        self._arrival = 0
        self._departure = 0
        world.clients.append(self)

    def next_arrival(self, delay):
        """Frames of one connection keep their order."""
        self._arrival = max(self._arrival, self.world.now + delay)
        return self._arrival

    def step(self, event):
        for action in self.requester.step(event):
            self.actions.append(action)
            match action:
                case Connect():
                    self.world.dial(self, action.connection, action.endpoint)
                case Send():
                    self._send(action)
                case Close():
                    self.world.connections.pop((self, action.connection), None)
                case Progress():
                    self.progress[action.number] = action.outcome
                case Answered() | Failed():
                    assert action.number > 0, "nobody asked for that"
                    assert action.number not in self.answers, "answered twice"
                    self.answers[action.number] = action

    def _send(self, action):
        world = self.world
        self._departure = max(self._departure, world.now + world.some_time())
        world.later(
            self._departure - world.now,
            lambda: world.take(self, action.connection, action.request),
        )

    # --- what a caller does ---

    def submit(self, command, time_ms=10_000):
        number = next(self._numbers)
        command = replace(command, client_id=self.name)
        deadline = Millis(self.world.now + time_ms)
        self.step(Submit(Millis(self.world.now), number, command.op.value, deadline, command))
        return number

    def _fresh_id(self):
        return f"{self.name}-{next(self._ids)}"

    def acquire(self, lock="build", ttl=5_000, *, wait_ms=0, request_id="", time_ms=None):
        command = Command(
            LockOperation.ACQUIRE,
            LockID(lock),
            ttl=Millis(ttl),
            wait=bool(wait_ms),
            wait_timeout=Millis(wait_ms),
            request_id=request_id or self._fresh_id(),
        )
        return self.submit(command, 10_000 + wait_ms if time_ms is None else time_ms)

    def release(self, token, lock="build", request_id="", time_ms=10_000):
        request_id = request_id or self._fresh_id()
        command = Command(LockOperation.RELEASE, LockID(lock), version=token, request_id=request_id)
        return self.submit(command, time_ms)

    def status(self, time_ms=10_000):
        number = next(self._numbers)
        deadline = Millis(self.world.now + time_ms)
        self.step(Submit(Millis(self.world.now), number, "get_status", deadline))
        return number

    def look(self, lock="build", time_ms=10_000):
        number = next(self._numbers)
        deadline = Millis(self.world.now + time_ms)
        now, params = Millis(self.world.now), {"lock_id": lock}
        self.step(Submit(now, number, "get_lock_info", deadline, params=params))
        return number

    def cancel(self, number):
        self.step(Cancel(Millis(self.world.now), number))

    def wait_for(self, number, ms=60_000):
        assert self.world.run(ms, lambda: number in self.answers), "no answer came"
        return self.answers[number]

    def outcome(self, number, ms=60_000):
        answer = self.wait_for(number, ms)
        assert isinstance(answer, Answered), answer
        return answer.outcome

    def error(self, number, ms=60_000):
        answer = self.wait_for(number, ms)
        assert isinstance(answer, Failed), answer
        return answer.error

    def settle(self, ms=60_000):
        assert self.world.run(ms, lambda: self.requester.is_settled), "it goes on for ever"

    def sent(self, call=None):
        return [
            action.request
            for action in self.actions
            if isinstance(action, Send) and call in (None, action.request.call)
        ]
