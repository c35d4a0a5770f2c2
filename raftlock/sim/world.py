"""A cluster in virtual time: nodes, disks, a network and clients around one schedule.

Nothing here reads a clock, and nothing is drawn but from the seed: the same settings and the same
actions give the same trace, byte for byte, on any machine. All that changes is reachable from the
`World`, without a closure in between, so that `clone` can copy it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from raftlock.client.protocol import Endpoint, EndpointsChanged, Requester
from raftlock.errors import StorageError
from raftlock.node.driver import Envelope, Work
from raftlock.raft.effects import Receive, Wake
from raftlock.sim.answers import Answers
from raftlock.sim.chance import keyed
from raftlock.sim.client import SimClient
from raftlock.sim.network import Fate, Network
from raftlock.sim.node import ClientCall, SimNode, Wire
from raftlock.sim.queue import (
    Alarm,
    Arrival,
    Clock,
    Dial,
    DiskDone,
    Frame,
    Happening,
    HungUp,
    Moved,
    Reply,
    ResourceWrite,
    Schedule,
    WakeNode,
)
from raftlock.sim.resource import Resource
from raftlock.sim.settings import RuleSet, WorldSettings
from raftlock.trace.messages import label, message_fields, message_type
from raftlock.trace.recorder import Recorder
from raftlock.transport.codec import PeerFrame, Request, Response, decode_peer, encode_peer
from raftlock.types.events import Json, Note
from raftlock.types.ids import ClientID, LockID, Micros, Millis, NodeID
from raftlock.types.membership import Configuration
from raftlock.types.roles import NodeRole
from raftlock.types.rpc import Message

__all__ = ["RuleSet", "World", "WorldSettings"]

CLIENT_DELAY_US = 500
"""What a frame between a client and a node takes."""

_NOBODY = NodeID("")


class World:
    """One simulated cluster. `happen` makes the next thing happen; the verbs are in `actions`."""

    def __init__(
        self, settings: WorldSettings, clock: Clock, recorder: Recorder, *, empty: bool = False
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.recorder = recorder
        self.count = 0
        self.schedule = Schedule()
        self.network = Network(settings.nodes, settings.seed, settings.timing.link_delay_us)
        self.network.weather = settings.weather
        self.resource = Resource(settings.rules.resource)
        self.clients: dict[str, SimClient] = {}
        self.nodes: dict[NodeID, SimNode] = {}
        self.answers = Answers()
        self._names = set(settings.nodes)
        self.held: dict[int, Arrival] = {}
        self._lines: dict[tuple[str, int], NodeID] = {}
        for node in () if empty else settings.nodes:
            self.nodes[node] = SimNode(self, settings.plan(node, settings.nodes), clock)
        for running in self.nodes.values():
            self.start(running, "started")

    # ---- time ----

    def now_ms(self) -> Millis:
        """The run's time in milliseconds."""
        return Millis(self.clock.now // 1_000)

    def happen(self) -> bool:
        """Let the next thing happen; whether there was one."""
        if not len(self.schedule):
            return False
        at, happening = self.schedule.pop()
        self.clock.now = max(self.clock.now, at)
        self.count += 1
        self.handle(happening)
        return True

    def run_to(self, at: Micros) -> None:
        """Let everything happen that is due up to `at`, and let it be that time."""
        schedule = self.schedule
        while True:
            next_at = schedule.next_at
            if next_at is None or next_at > at:
                break
            self.happen()
        self.clock.now = max(self.clock.now, at)

    def handle(self, happening: Happening) -> None:
        """One thing happens."""
        match happening:
            case Arrival():
                self._arrive(happening)
            case WakeNode():
                self._wake(happening)
            case DiskDone():
                self._disk_done(happening)
            case Frame():
                self._frame(happening)
            case Dial():
                self._dialled(happening)
            case _:
                self._at_client(happening)

    # ---- nodes ----

    def take_in(self, node: SimNode, *, wake: Micros | None, disk: Micros | None) -> None:
        """Let a node be here that lived elsewhere, with what is due at it."""
        self.nodes[node.id] = node
        if node.is_up and wake is not None:
            node.wake_at = max(wake, self.clock.now)
            self.schedule.put(node.wake_at, WakeNode(node.id, node.life, node.wake_at))
        if node.is_up and disk is not None:
            self.schedule.put(max(disk, self.clock.now), DiskDone(node.id, node.life))

    def knew(self, names: Iterable[NodeID]) -> None:
        """These names were given already."""
        self._names.update(names)

    def start(self, node: SimNode, what: str) -> None:
        """Start a node over what its disk kept; if that is damaged, it does not start."""
        try:
            recovered = node.disk.load()
        except StorageError as error:
            node.refused = True
            told: dict[str, Json] = {"state": "down", "what": "refused", "why": error.message}
            self.tell(node.id, "node", told)
            return
        node.refused = False
        self.tell(node.id, "node", {"state": "up", "what": what})
        seed = keyed(self.settings.seed, "node", node.id, node.life + 1).next()
        node.start(recovered, self.recorder, seed)
        self.perform(node, node.running.step(Wake(node.now_ms())))

    def stop(self, node: SimNode, what: str = "killed", why: str = "") -> None:
        """End a node's run, as if its power were cut."""
        told: dict[str, Json] = {"state": "down", "what": what}
        self.tell(node.id, "node", told | {"why": why} if why else told)
        for wire in node.lines.values():
            self._to_client(HungUp(wire.client, wire.connection, "went down"))
        node.die()

    def add(self, name: NodeID) -> None:
        """Start a node that has never run, as a learner."""
        node = SimNode(self, self.settings.plan(name, self.members().voters), self.clock)
        self._names.add(name)
        if name not in self.network.links.nodes:
            self.network.links.add(name)
        self.nodes[name] = node
        self.start(node, "added")
        self._tell_clients()

    def dismiss(self, node: SimNode, what: str) -> None:
        """Let a node go for good, with its disk; what it sent is still on its way."""
        self.stop(node, what)
        del self.nodes[node.id]
        self.network.links.remove(node.id)
        self._tell_clients()

    def erase(self, node: SimNode) -> None:
        """Start a node anew over an empty disk, though it may have promised things."""
        plan = self.settings.plan(node.id, self.members().voters)
        self.stop(node, "wiped")
        node.begin_anew(plan)
        self.start(node, "restarted")

    def set_clock(self, node: SimNode, jump_ms: int, rate_ppm: int | None) -> None:
        """Set a node's own clock; a node that is up looks at once what is due by it."""
        node.set_clock(jump_ms, rate_ppm)
        if node.is_up:
            node.wake_at = self.clock.now
            self.schedule.put(self.clock.now, WakeNode(node.id, node.life, node.wake_at))

    def unused(self, name: NodeID) -> bool:
        """Whether no node ever had that name: a name is never given twice."""
        return name not in self._names

    def leader(self) -> SimNode | None:
        """Who leads, of those that could be asked: the one with the highest term."""
        leaders = [
            node
            for node in self.nodes.values()
            if node.is_up and not node.frozen and node.running.raft.role is NodeRole.LEADER
        ]
        return max(leaders, key=lambda node: node.running.raft.current_term, default=None)

    def members(self) -> Configuration:
        """The members as the leader has them, or else as whoever has most of the log does.

        If nobody is up to be asked, all nodes that there are.
        """
        leader = self.leader()
        if leader is not None:
            return leader.running.raft.members[1]
        logs = [node.running.raft for node in self.nodes.values() if node.is_up]
        if not logs:
            return Configuration(tuple(self.nodes) or self.settings.nodes)
        return max(logs, key=lambda raft: (raft.log.last_term, raft.log.last_index)).members[1]

    def thaw(self, node: SimNode) -> None:
        """Let a frozen node go on: what its disk had finished first, then what it missed."""
        node.frozen = False
        backlog, node.backlog = node.backlog, []
        done = [each for each in backlog if isinstance(each, DiskDone)]
        for happening in (*done, *(each for each in backlog if not isinstance(each, DiskDone))):
            self.handle(happening)

    def perform(self, node: SimNode, work: Work) -> None:
        """Do what a driver asks for, in the order of `Work`."""
        if work.write and node.trap == "before":
            self.stop(node)
            return
        for envelope in work.sends:
            self._send(node, envelope)
        if work.write:
            try:
                node.disk.write(work.write)
            except StorageError as error:
                self.stop(node, "stopped", error.message)
                return
            if node.trap == "written":
                self.stop(node)
                return
            self.schedule.put(self.clock.now + node.plan.sync_us, DiskDone(node.id, node.life))
            if not node.plan.storage_rules.waits_for_sync():
                self.perform(node, node.running.synced(node.now_ms()))
                return
        node.desk.tell(work.outcomes)
        if work.lost_leadership:
            node.desk.lose_leadership()
        if work.wake_at is None:
            node.wake_at = None
        else:
            at = max(node.run_time_of(work.wake_at), self.clock.now)
            if at != node.wake_at:
                node.wake_at = Micros(at)
                self.schedule.put(at, WakeNode(node.id, node.life, node.wake_at))

    def _wake(self, happening: WakeNode) -> None:
        node = self.nodes.get(happening.node)
        if (
            node is None
            or node.life != happening.life
            or node.wake_at != happening.at
            or not node.is_up
        ):
            return
        if node.frozen:
            node.backlog.append(happening)
            return
        node.wake_at = None
        self.perform(node, node.running.step(Wake(node.now_ms())))

    def _disk_done(self, happening: DiskDone) -> None:
        node = self.nodes.get(happening.node)
        if node is None or node.life != happening.life or not node.is_up:
            return
        try:
            node.disk.sync()
        except StorageError as error:
            self.stop(node, "stopped", error.message)
            return
        if node.frozen:
            node.running.on_disk()
            node.backlog.append(happening)
            return
        if node.trap == "synced":
            node.running.on_disk()
            self.stop(node)
            return
        trap = node.trap
        if node.plan.storage_rules.waits_for_sync():
            self.perform(node, node.running.synced(node.now_ms()))
        if trap == "sent" and node.is_up:
            self.stop(node)

    # ---- messages ----

    def _send(self, node: SimNode, envelope: Envelope) -> None:
        fate = Fate(self.clock.now, "down")
        if envelope.to in self.nodes:
            fate = self.network.fate(node.id, envelope.to, self.clock.now)
        message = envelope.message
        told = _about(message) | {"to": envelope.to}
        fields = message_fields(message)
        sent = told | {"fields": fields, "deliver_at": fate.deliver_at}
        term = node.running.raft.current_term
        number = self.tell(node.id, "send", sent, term=term, cause=envelope.cause)
        if self.settings.codec:
            message = decode_peer(encode_peer(PeerFrame(number, message, fate.deliver_at))).message
        arrival = Arrival(node.id, envelope.to, message, number)
        told |= {"id": number, "from": node.id}
        if fate.lost:
            self.tell(node.id, "drop", told | {"why": fate.lost}, term=term, cause=number)
            return
        self.schedule.put(fate.deliver_at, arrival)
        if fate.copy_at is not None:
            copy = told | {"deliver_at": fate.copy_at}
            self.tell(node.id, "dup", copy, term=term, cause=number)
            self.schedule.put(fate.copy_at, arrival)

    def _arrive(self, arrival: Arrival) -> None:
        node = self.nodes.get(arrival.dst)
        told = _about(arrival.message) | {"id": arrival.number, "from": arrival.src}
        if node is None or not node.is_up or not self.network.is_open(arrival.src, arrival.dst):
            why = "cut" if node is not None and node.is_up else "down"
            lost = told | {"to": arrival.dst, "why": why}
            self.tell(arrival.dst, "drop", lost, cause=arrival.number)
            return
        if node.frozen:
            node.backlog.append(arrival)
            return
        driver = node.running
        term = driver.raft.current_term
        number = self.tell(node.id, "deliver", told, term=term, cause=arrival.number)
        event = Receive(node.now_ms(), arrival.src, arrival.message)
        self.perform(node, driver.step(event, number))

    # ---- clients ----

    def client(self, name: str) -> SimClient:
        """The client of that name; made when it is first asked for."""
        known = self.clients.get(name)
        if known is None:
            random = keyed(self.settings.seed, "client", name)
            settings = self.settings
            requester = Requester(
                ClientID(name),
                self.endpoints(),
                random,
                settings.retry,
            )
            known = SimClient(requester, random, self, settings.rules.client)
            self.clients[name] = known
        return known

    def dial(self, client: str, connection: int, node: NodeID) -> None:
        """A client wants a connection."""
        self.schedule.put(self.clock.now + CLIENT_DELAY_US, Dial(client, connection, node))

    def ask(self, client: str, connection: int, request: Request) -> None:
        """A client sends a frame over its connection."""
        node = self.nodes.get(self._lines.get((client, connection), _NOBODY))
        if node is not None:
            frame = Frame(client, connection, node.id, node.life, request)
            self.schedule.put(self.clock.now + CLIENT_DELAY_US, frame)

    def hang_up(self, client: str, connection: int) -> None:
        """A client ends its connection."""
        node = self.nodes.get(self._lines.pop((client, connection), _NOBODY))
        wire = node.lines.pop(connection_key(client, connection), None) if node else None
        if node is not None and wire is not None:
            node.desk.forget(wire)

    def alarm(self, client: str, at: Millis) -> None:
        """A client wants to be called."""
        due = Micros(at * 1_000)
        self.schedule.put(max(due, self.clock.now), Alarm(client, due))

    def reply(self, node: SimNode, wire: Wire, response: Response) -> None:
        """A node answers a client, if the two are still connected."""
        if self._lines.get((wire.client, wire.connection)) == node.id:
            self._to_client(Reply(wire.client, wire.connection, response))

    def write(self, client: SimClient, lock_id: LockID, work_us: int) -> bool:
        """A holder sets out to write to what the lock protects; whether it believes that it may."""
        lease = client.may_write(lock_id)
        if lease is None:
            return False
        leaving = ResourceWrite(client.name, lock_id, lease.token, leaves=True, slot=lease.slot)
        self.schedule.put(self.clock.now + work_us, leaving)
        return True

    def thaw_client(self, client: SimClient) -> None:
        """Let a frozen client go on where it stopped."""
        client.frozen = False
        backlog, client.backlog = client.backlog, []
        for happening in backlog:
            self.handle(happening)

    def tell(
        self, place: str, kind: str, data: dict[str, Json], *, term: int = 0, cause: int = 0
    ) -> int:
        """Put an event into the trace."""
        return self.recorder.emit(NodeID(place), Note(kind, data), term=term, cause=cause)

    def client_tells(self, client: str, note: Note) -> None:
        """A client's own word for the trace."""
        self.recorder.emit(NodeID(f"client:{client}"), note)

    def _to_client(self, happening: Reply | HungUp) -> None:
        self.schedule.put(self.clock.now + CLIENT_DELAY_US, happening)

    def _dialled(self, dial: Dial) -> None:
        node = self.nodes.get(dial.node)
        if node is None or not node.is_up:
            self._to_client(HungUp(dial.client, dial.connection, "is down"))
            return
        # The handshake needs a node that runs: a frozen one keeps the caller waiting.
        if node.frozen:
            node.backlog.append(dial)
            return
        self._lines[dial.client, dial.connection] = dial.node
        wire = Wire(dial.client, dial.connection)
        node.lines[connection_key(dial.client, dial.connection)] = wire
        self._to_client(Reply(dial.client, dial.connection, None))

    def _frame(self, frame: Frame) -> None:
        node = self.nodes.get(frame.node)
        if node is None or not node.is_up or node.life != frame.life:
            return
        wire = node.lines.get(connection_key(frame.client, frame.connection))
        if wire is None:
            return
        if node.frozen:
            node.backlog.append(frame)
            return
        node.desk.call(ClientCall(node, wire, frame.request))

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Where clients find the nodes."""
        return tuple(Endpoint(node, 1) for node in self.nodes)

    def _tell_clients(self) -> None:
        """Clients learn that there are other nodes, as from a service that knows names."""
        for client in self.clients:
            self.schedule.put(self.clock.now + CLIENT_DELAY_US, Moved(client))

    def _at_client(self, happening: Reply | HungUp | Moved | Alarm | ResourceWrite) -> None:
        if isinstance(happening, ResourceWrite) and not happening.leaves:
            lock, token, slot = happening.lock, happening.token, happening.slot
            accepted = self.resource.write(lock, token, slot)
            told: dict[str, Json] = {"lock": lock, "client": happening.client, "token": token}
            told |= {"accepted": accepted} | ({"slot": slot} if slot else {})
            self.tell("", "storage", told)
            return
        client = self.clients[happening.client]
        if client.frozen:
            client.backlog.append(happening)
            return
        match happening:
            case Reply(response=None):
                client.connected(happening.connection)
            case Reply(response=response):
                assert response is not None
                client.received(happening.connection, response)
            case HungUp():
                self._lines.pop((happening.client, happening.connection), None)
                client.disconnected(happening.connection, happening.why)
            case Moved():
                client.step(EndpointsChanged(self.now_ms(), self.endpoints()))
            case Alarm():
                if client.armed is not None and client.armed * 1_000 == happening.at:
                    client.time_passed()
            case ResourceWrite():
                arrives = replace(happening, leaves=False)
                self.schedule.put(self.clock.now + CLIENT_DELAY_US, arrives)


def connection_key(client: str, connection: int) -> str:
    """How a node names a connection."""
    return f"{client}/{connection}"


def _about(message: Message) -> dict[str, Json]:
    return {"type": message_type(message), "label": label(message)}
