"""One simulated node: a driver, a disk, a desk for clients, and a clock that may run askew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from raftlock.lock.rules import LockRules
from raftlock.node.driver import Driver, Work
from raftlock.node.looks import Look, Page
from raftlock.node.server import Call, ClientDesk
from raftlock.node.sessions import SESSION_TTL_MS
from raftlock.node.watching import Watches
from raftlock.raft.config import RaftConfig
from raftlock.raft.effects import Recovered, Resolution
from raftlock.raft.rules import Rules
from raftlock.sim.disk import SimDisk, StorageRules
from raftlock.sim.queue import Clock, Happening
from raftlock.trace.recorder import Recorder
from raftlock.transport.codec import Request, Response
from raftlock.types.commands import Command, LockInfo
from raftlock.types.ids import ClientID, LockID, Micros, Millis, NodeID, SessionID
from raftlock.types.status import LockStats, ProposalResult, RaftStatus

__all__ = ["CRASH_POINTS", "EPOCH_MS", "ClientCall", "NodePlan", "SimNode", "Surroundings", "Wire"]

CRASH_POINTS = ("before", "written", "synced", "sent")
"""Where a node that is to crash on its next write does so: before anything of that step has
happened; with the write in the disk's cache; with the write durable and what it allows still
unsaid; after that was sent."""

EPOCH_MS = 1_767_225_600_000  # 2026-01-01: what people read on the wall, in every run


@dataclass(frozen=True, slots=True)
class NodePlan:
    """What a node is made with, each time it starts."""

    config: RaftConfig
    sync_us: int
    rules: Rules
    lock_rules: LockRules
    storage_rules: StorageRules
    rate_ppm: int = 0
    session_ttl_ms: Millis = SESSION_TTL_MS
    epoch_ms: int = EPOCH_MS


class Surroundings(Protocol):
    """What a node needs of its world."""

    def perform(self, node: SimNode, work: Work) -> None:
        """Do what the driver asks for."""

    def reply(self, node: SimNode, wire: Wire, response: Response) -> None:
        """Carry an answer to a client."""


@dataclass(frozen=True, slots=True)
class Wire:
    """A client's connection, as its node knows it."""

    client: str
    connection: int

    def send(self, text: str) -> object:
        """Answers go as values, by `ClientCall`."""
        raise AssertionError(text)


class ClientCall(Call):
    """A request whose answer travels as a value: nobody here needs its JSON."""

    __slots__ = ("_node",)

    def __init__(self, node: SimNode, wire: Wire, request: Request) -> None:
        # Who may what is proved at a connection's handshake, and here there is none.
        super().__init__(ClientID(wire.client), wire, request, admin=True)
        self._node = node

    def _send(self, response: Response) -> None:
        assert isinstance(self.line, Wire)
        self._node.reply(self.line, response)


class SimNode:
    """A node's life over several starts. Its world moves it; it decides nothing by itself."""

    def __init__(self, world: Surroundings, plan: NodePlan, clock: Clock) -> None:
        self.id: NodeID = plan.config.node_id
        self.plan = plan
        self.disk = SimDisk(plan.storage_rules)
        self.life = 0
        self.driver: Driver | None = None
        self.desk = ClientDesk(self)
        self.lines: dict[str, Wire] = {}
        self.frozen = False
        self.backlog: list[Happening] = []
        self.wake_at: Micros | None = None
        self.trap = ""
        self.kept_writes = 0
        self.torn = False
        self.refused = False
        self._world = world
        self._clock = clock
        # Since which run time the clock runs as it does, what it showed then, and its rate in ppm.
        self._clock_set = (0, 0, plan.rate_ppm)

    @property
    def is_up(self) -> bool:
        """Whether it runs, frozen or not."""
        return self.driver is not None

    @property
    def running(self) -> Driver:
        """The driver of a node that is up."""
        assert self.driver is not None, f"{self.id} is down"
        return self.driver

    def start(self, recovered: Recovered, recorder: Recorder, seed: int) -> None:
        """Begin with what the disk kept; the world then lets it wake."""
        self.life += 1
        self.desk = ClientDesk(self)
        self.lines = {}
        plan = self.plan
        self.driver = Driver(
            plan.config,
            recovered,
            recorder,
            seed=seed,
            now=self.now_ms(),
            rules=plan.rules,
            lock_rules=plan.lock_rules,
            session_ttl_ms=plan.session_ttl_ms,
        )

    def die(self) -> None:
        """Be gone, with what the disk had not synced but `kept_writes` of it, and a `torn` one."""
        self.driver = None
        self.frozen = False
        self.backlog.clear()
        self.wake_at = None
        self.trap = ""
        self.disk.fail(self.kept_writes, torn=self.torn)
        self.kept_writes, self.torn = 0, False

    def begin_anew(self, plan: NodePlan) -> None:
        """Have an empty disk, and be made otherwise from now on."""
        self.plan = plan
        self.disk = SimDisk(plan.storage_rules)
        self.refused = False

    def take_over(self, driver: Driver, *, frozen: bool) -> None:
        """Go on as a node that lived elsewhere; nobody is connected."""
        self.driver, self.frozen = driver, frozen

    # ---- its clock ----

    def now_ms(self) -> Millis:
        """The node's own clock."""
        return Millis(self._now_us() // 1_000)

    def run_time_of(self, at: Millis) -> Micros:
        """The run time at which the node's clock shows `at`, if nobody sets it before."""
        since, shown, rate = self._clock_set
        left = at * 1_000 - shown
        if not rate:
            return Micros(since + left)
        return Micros(since - (-left * 1_000_000 // (1_000_000 + rate)) + 1)

    def set_clock(self, jump_ms: int, rate_ppm: int | None) -> None:
        """Let the clock jump ahead, and from now on run at another rate if one is given."""
        _, _, rate = self._clock_set
        shown = self._now_us() + jump_ms * 1_000
        self._clock_set = (self._clock.now, shown, rate if rate_ppm is None else rate_ppm)

    def _now_us(self) -> int:
        since, shown, rate = self._clock_set
        passed = self._clock.now - since
        return shown + passed + passed * rate // 1_000_000

    # ---- what its desk needs ----

    def propose(self, command: Command, result: Callable[[ProposalResult], None]) -> None:
        """Put `command` into the log; `result` is called once."""
        self._world.perform(self, self.running.propose(self.now_ms(), command, result))

    def read(self, result: Callable[[Resolution], None]) -> None:
        """Ask when the table may be read; `result` is called once."""
        self._world.perform(self, self.running.read(self.now_ms(), result))

    def keep_alive(self, session: SessionID, result: Callable[[Resolution], None]) -> None:
        """The session's client lives; `result` is called once the table may be read."""
        self._world.perform(self, self.running.keep_alive(self.now_ms(), session, result))

    def session_lives(self, session: SessionID) -> bool:
        """Whether the applied table has the session."""
        return self.running.table.session(session)

    @property
    def session_ttl_ms(self) -> Millis:
        """How long a session lives unheard."""
        return self.running.watch.ttl_ms

    @property
    def watches(self) -> Watches:
        """Who watches locks here: nobody while it is down, also if a connection ends then."""
        return self.driver.watches if self.driver is not None else Watches()

    def lock_info(self, lock_id: LockID) -> LockInfo:
        """How the lock stands in the applied table."""
        return self.running.lock_info(self.now_ms(), lock_id)

    def find_locks(self, look: Look) -> Page:
        """The locks that are wanted, in the applied table."""
        return self.running.find_locks(self.now_ms(), look)

    def free_in(self, lock_id: LockID) -> Millis:
        """About when the lock will be free for who comes now."""
        return self.running.table.free_in(lock_id)

    def lock_stats(self) -> LockStats:
        """What the applied table holds and has done."""
        return self.running.lock_stats(self.now_ms())

    def status(self) -> RaftStatus:
        """How this node sees the cluster."""
        return self.running.raft.status()

    def address_of(self, node: NodeID) -> str:
        """Where clients reach `node`."""
        return f"{node}:1"

    def wall_ms(self) -> Millis:
        """What a clock on the wall would show."""
        return Millis(self.plan.epoch_ms + self._clock.now // 1_000)

    def machine_us(self) -> Micros:
        """The run's time: nobody is limited here."""
        return self._clock.now

    def enter(self, function: Callable[[], None]) -> None:
        """Requests come in by the schedule, and only to a node that can take them."""
        function()

    def reply(self, wire: Wire, response: Response) -> None:
        """Answer a client."""
        self._world.reply(self, wire, response)
