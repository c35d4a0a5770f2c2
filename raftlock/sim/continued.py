"""A live run that goes on as a simulation: everything of it at one moment, and a world made of it.

The trace holds the live past, so that one can look back into it; what is done from there on is done
in virtual time, and can be undone. Connections do not come along: clients make new ones, and ask
again, under the same request ids, what they had asked. So nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from raftlock.client.lease import Lease
from raftlock.client.protocol import Requester
from raftlock.node.driver import Driver
from raftlock.raft.config import RaftConfig
from raftlock.raft.effects import Persist, Recovered
from raftlock.raft.random64 import Random64
from raftlock.sim.client import SimClient
from raftlock.sim.clone import clone
from raftlock.sim.header import header_of
from raftlock.sim.node import NodePlan, SimNode
from raftlock.sim.queue import Arrival, Clock, ResourceWrite
from raftlock.sim.settings import WorldSettings
from raftlock.sim.simulation import Simulation
from raftlock.sim.timeline import Timeline
from raftlock.sim.world import World
from raftlock.trace.recorder import Recorder
from raftlock.transport.links import Links
from raftlock.types.events import Json
from raftlock.types.ids import LockID, Micros, NodeID
from raftlock.types.rpc import Message

__all__ = ["NOWHERE", "ClientDump", "Dump", "Letter", "NodeDump", "continued", "unheard"]


class _Nowhere:
    """Stands for the recorder in what is dumped."""


NOWHERE = _Nowhere()


def unheard(_answer: object) -> None:
    """Takes an answer for somebody who is not here: he will ask again."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message on its way; `number` is that of the event of its sending."""

    src: NodeID
    dst: NodeID
    message: Message
    number: int
    due: Micros
    held: bool = False


@dataclass(frozen=True, slots=True)
class NodeDump:
    """One node. `driver` is a copy that nobody else has, with `NOWHERE` for its recorder; ``None``
    if the node is down. `wake` and `disk` are when it wakes, and when its disk has synced; `missed`
    is what it was told while it was frozen.
    """

    config: RaftConfig
    durable: Recovered
    unsynced: tuple[Persist, ...]
    driver: Driver | None
    frozen: bool = False
    wake: Micros | None = None
    disk: Micros | None = None
    missed: tuple[Letter, ...] = ()


@dataclass(frozen=True, slots=True)
class ClientDump:
    """One client: `requester` and `random`, which belong together, are copies of nobody else's."""

    name: str
    requester: Requester
    random: Random64
    held: Mapping[LockID, Lease]
    last_number: int
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class Dump:
    """Everything of a live cluster at one moment. Any number of runs can be continued from it.

    `writes` are on their way to what the locks protect, each with when it leaves or arrives;
    `tokens` are the highest that these things have seen.
    """

    name: str
    settings: WorldSettings
    at: Micros
    recorder: Recorder
    nodes: tuple[NodeDump, ...]
    clients: tuple[ClientDump, ...]
    links: Links
    letters: tuple[Letter, ...]
    writes: tuple[tuple[Micros, ResourceWrite], ...]
    tokens: Mapping[LockID, Mapping[int, int]]
    names: frozenset[NodeID]
    paused: bool = False
    slowed: bool = False

    def told(self, header: Mapping[str, Json], clock: Callable[[], Micros]) -> Recorder:
        """A recorder that holds the live trace."""
        return self.recorder.fork(header, clock)

    def world(self, settings: WorldSettings, clock: Clock, recorder: Recorder) -> World:
        """The world as it was then."""
        world = World(settings, clock, recorder, empty=True)
        world.network.take_over(self.links)
        world.knew(self.names)
        self._tell_seam(world)
        for dumped in self.nodes:
            self._node(world, dumped)
        for letter in self.letters:
            arrival = _arrival(letter)
            if letter.held:
                world.held[letter.number] = arrival
            else:
                world.schedule.put(max(letter.due, clock.now), arrival)
        for client in self.clients:
            _client(world, client)
        world.resource.take_over(self.tokens)
        for at, write in self.writes:
            world.schedule.put(max(at, clock.now), write)
        return world

    def _tell_seam(self, world: World) -> None:
        """What the trace said of the live cluster's pace holds no longer."""
        if self.paused:
            world.tell("", "fault", {"what": "resume", "by": "cell"})
        if self.slowed:
            world.tell("", "fault", {"what": "speed", "by": "cell", "speed_ppm": 1_000_000})
        text = f"Up to here {self.name} was live; from here on it is simulated, in virtual time."
        world.tell("", "note", {"text": text})
        self._tell_of_the_lost(world)

    def _tell_of_the_lost(self, world: World) -> None:
        """What was on its way to a node that is down finds nobody there."""
        up = {node.config.node_id for node in self.nodes if node.driver is not None}
        for flight in world.recorder.view.network.in_flight(self.at):
            if flight.dst not in up and flight.stop is None:
                about: dict[str, Json] = {"type": flight.type, "label": flight.label}
                about |= {"id": flight.id, "from": flight.src, "to": flight.dst, "why": "down"}
                world.tell(flight.dst, "drop", about, cause=flight.id)

    def _node(self, world: World, dumped: NodeDump) -> None:
        settings, rules = world.settings, world.settings.rules
        plan = NodePlan(
            dumped.config,
            settings.timing.sync_us,
            rules.raft,
            rules.lock,
            rules.storage,
            session_ttl_ms=settings.session_ttl_ms,
            epoch_ms=settings.epoch_ms,
        )
        node = SimNode(world, plan, world.clock)
        node.life = 1
        node.disk.take_over(dumped.durable, dumped.unsynced)
        if dumped.driver is not None:
            driver = clone(dumped.driver, {id(NOWHERE): world.recorder})
            node.take_over(driver, frozen=dumped.frozen)
            node.backlog.extend(map(_arrival, dumped.missed))
        world.take_in(node, wake=dumped.wake, disk=dumped.disk)


def continued(dump: Dump) -> Simulation:
    """The live run, going on in virtual time. Twice from one dump is twice the same run."""
    told: dict[str, Json] = {"event": dump.recorder.last_seq, "t": dump.at}
    name = f"{dump.name}, continued"
    header = header_of(dump.settings, name) | {"continued": {"from": dump.name, **told}}
    return Simulation.played(name, Timeline(dump.settings, header, past=dump))


def _arrival(letter: Letter) -> Arrival:
    return Arrival(letter.src, letter.dst, letter.message, letter.number)


def _client(world: World, dumped: ClientDump) -> None:
    random = Random64(0)
    requester = clone(dumped.requester, {id(dumped.random): random})
    random.state = dumped.random.state
    client = SimClient(requester, random, world, world.settings.rules.client)
    world.clients[client.name] = client
    client.take_over(dumped.held, dumped.last_number, frozen=dumped.frozen)
