"""`Cluster`: a live cluster in this process, with the verbs that people use in cells.

The nodes, their sockets and their disks live on a thread of their own, so they go on while a cell
computes. Each verb waits for that thread; `Cluster.aio` has the same verbs to `await`, which leaves
the kernel free meanwhile.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Never, Self, TypeVar

from raftlock import registry
from raftlock.client.access import FORMAT as ACCESS_FORMAT
from raftlock.client.access import Access, read_access
from raftlock.client.client import AsyncLockClient
from raftlock.client.sync import LockClient
from raftlock.cluster import clients, members
from raftlock.cluster.aio import AsyncCluster
from raftlock.cluster.base import Lab
from raftlock.cluster.controls import perform
from raftlock.cluster.dump import dump
from raftlock.cluster.lab import Laboratory
from raftlock.cluster.served import Connected
from raftlock.cluster.settings import NODES_MAX, LabSettings
from raftlock.errors import (
    ClusterStopped,
    InvalidArgument,
    NotInThisRuntime,
    RaftLockError,
)
from raftlock.lock.rules import LockRules
from raftlock.node.timing import timing_named
from raftlock.panels import Panels
from raftlock.raft.rules import Rules
from raftlock.runner import ThreadRunner
from raftlock.sim.continued import continued
from raftlock.sim.simulation import Simulation
from raftlock.trace.recorder import Recorder
from raftlock.trace.view import ClusterView
from raftlock.transport.limits import check_address, check_session_ttl, millis_from_seconds
from raftlock.types.events import Json
from raftlock.types.ids import Micros, NodeID
from raftlock.types.status import RaftStatus

__all__ = ["AsyncCluster", "Cluster"]

T = TypeVar("T")

START_SECONDS_MAX = 60.0

STOP_SECONDS_MAX = 20.0

RUNTIMES = ("kernel", "process")


class Cluster(Panels):
    """A live cluster of `nodes` nodes, with real websockets between them.

    They run in this process (`runtime` is ``"kernel"``), where time can be slowed down and stopped;
    or each in a process of its own beside it, with files on disk (``"process"``): then to kill one
    is SIGKILL. `connect` shows the nodes that somebody else runs.

    `timing` is ``"lesson"`` (elections of 1.5 to 3 s, to be followed by eye) or ``"lan"`` (150 to
    300 ms). `name` names the cluster: a new one of the same name replaces the old one, and so does
    running its notebook cell again. `seed` fixes what chance decides, as far as a live cluster can
    be fixed. `rules` and `lock_rules` break a rule on purpose; its trace says so for ever. A
    snapshot is taken every `snapshot_entries` entries, and the last `snapshot_tail` before it stay
    in the log. A client that says nothing for `session_ttl` seconds leaves the queues it stands in.

    It stops with ``stop()``, at the end of its ``with`` block, or with the process.
    """

    def __init__(
        self,
        nodes: int = 5,
        *,
        runtime: str = "kernel",
        timing: str = "lesson",
        name: str | None = None,
        seed: int | None = None,
        rules: Rules | None = None,
        lock_rules: LockRules | None = None,
        snapshot_entries: int = 10_000,
        snapshot_tail: int = 1_000,
        session_ttl: float = 10.0,
    ) -> None:
        if runtime not in RUNTIMES:
            raise InvalidArgument(
                f"runtime is {' or '.join(RUNTIMES)}, not {str(runtime)[:40]!r}; Cluster.connect() "
                "has nodes that run already."
            )
        if nodes not in range(1, NODES_MAX + 1):
            raise InvalidArgument(f"A cluster has 1 to {NODES_MAX} nodes, not {nodes!r}.")
        settings = LabSettings(
            nodes=tuple(NodeID(f"n{number}") for number in range(1, nodes + 1)),
            timing=timing_named(timing),
            name=name or "lab",
            seed=secrets.randbits(32) if seed is None else seed,
            rules=rules,
            lock_rules=lock_rules,
            snapshot_entries=snapshot_entries,
            snapshot_tail=snapshot_tail,
            session_ttl_ms=check_session_ttl(session_ttl),
        )
        self._run_in(settings.name, name, lambda: _lab_for(runtime, settings))

    @classmethod
    def connect(
        cls,
        endpoints: Sequence[str] = (),
        *,
        token: str = "",
        cluster: str = "",
        access: Path | str | None = None,
        name: str | None = None,
    ) -> Self:
        """Nodes that somebody else runs, as they go on: to be looked at, and asked for locks.

        Say where some of them are and what opens them (`endpoints` as ``host:port``, the name of
        the `cluster`, its `token`), or name the `access` file that has all three: ``admin.json`` of
        ``raftlock init``. The token must be the cluster's own; a client's opens no node to be
        looked at. Nodes that run with ``--laboratory`` can have their links cut, and be killed. To
        stop it only ends the looking. Raises `Unavailable` if no node answers, `PermissionDenied`
        if the token is not theirs.
        """
        known = _access(endpoints, token, cluster, access)
        made = cls.__new__(cls)
        made._run_in(  # noqa: SLF001 - made here
            name or known.cluster, name, lambda: Connected(known, name or "")
        )
        return made

    def _run_in(self, name: str, key: str | None, make: Callable[[], Lab]) -> None:
        """Begin on a thread of its own; what lived under the same key before is stopped."""
        self._name, self._make = name, make
        self.generation = 0
        self.aio = AsyncCluster(self)
        self._clients: dict[str, LockClient] = {}
        self._stopped = False
        self._starting_over = asyncio.Lock()
        key = key or registry.current_cell()
        if key is not None:
            registry.replace(key, self)
        self.runner = ThreadRunner(f"raftlock {name}")
        try:
            self.laboratory = self.runner.call(self._begin(), START_SECONDS_MAX)
        except BaseException:
            registry.unregister(self)
            self.runner.stop()
            raise

    # ---- looking ----

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of the nodes there are now, up or down."""
        return self.laboratory.nodes

    @property
    def now(self) -> float:
        """The cluster's own time in seconds, since it began."""
        return self._here(self.laboratory.clock.now_us) / 1_000_000

    @property
    def leader(self) -> str | None:
        """The node that leads and is followed by a majority, or ``None``."""
        return self._here(self.laboratory.leader)

    def wait_for_leader(self, timeout: float = 30.0) -> str:
        """Wait until a node leads that a majority follows, and give its name.

        `timeout` is in seconds of the cluster's own time; raises `Timeout` after it.
        """
        return self._call(self.laboratory.wait_for_leader(timeout))

    def status(self) -> Mapping[NodeID, RaftStatus]:
        """How each node that is up sees the cluster, by node."""
        return self._call(self.laboratory.status())

    @property
    def recorder(self) -> Recorder:
        """The trace. It belongs to the cluster's thread: read it there (`runner.call_soon`)."""
        return self.laboratory.recorder

    # ---- nodes ----

    def kill(self, node: str) -> None:
        """Cut the power of `node`: what its disk had not synced is lost. `restart` it later."""
        self._call(self.laboratory.kill(node))

    def restart(self, node: str) -> None:
        """Start `node`, which was killed, over what its disk kept."""
        self._call(self.laboratory.restart(node))

    def freeze(self, node: str) -> None:
        """Let a node, or a client as ``client:NAME``, stand still while its clock runs on."""
        self._call(clients.freeze(self.laboratory, node))

    def thaw(self, node: str) -> None:
        """Let it go on: it begins with what it had decided before."""
        self._call(clients.thaw(self.laboratory, node))

    # ---- members ----

    def transfer_leadership(self, node: str = "") -> str:
        """Hand leadership to `node`, or to whoever has most of the log, and wait until it leads.

        Gives the new leader's name. Raises `Timeout` if the target does not take over: then the
        old leader goes on.
        """
        return self._call(members.transfer_leadership(self.laboratory, node))

    def add_node(self, name: str) -> None:
        """Start a node and make it a member: as a learner first, with a vote once it has the log.

        If it is there already, as who took a wiped node's place is, it is given its vote.
        """
        self._call(members.add_node(self.laboratory, name))

    def remove_node(self, name: str) -> None:
        """Take a node out of the members and stop it for good. Also one that is down, or leads."""
        self._call(members.remove_node(self.laboratory, name))

    def wipe(self, node: str, *, as_voter: bool = False) -> str:
        """Take away a node's disk; gives the name of who begins anew in its place.

        That is another member (``n3.2`` for ``n3``), which learns before it votes (see `add_node`):
        the old one may have promised what is lost now. `as_voter` lets it come back as if nothing
        were lost, and then the cluster may break its word. (The present leader takes it for one
        that has the log: only the next leader sends it what it lacks.)
        """
        return self._call(members.wipe(self.laboratory, node, as_voter=as_voter))

    # ---- links ----

    def cut(self, a: str, b: str, *, one_way: bool = False) -> None:
        """Cut the link from `a` to `b`, and back unless `one_way`. `restore` and `heal` mend it."""
        self._call(self.laboratory.cut(a, b, one_way=one_way))

    def restore(self, a: str, b: str, *, one_way: bool = False) -> None:
        """Mend the link from `a` to `b`, and back unless `one_way`."""
        self._call(self.laboratory.restore(a, b, one_way=one_way))

    def partition(self, *groups: Sequence[str]) -> None:
        """Split the cluster: ``partition(["n1", "n2"], ["n3", "n4", "n5"])``.

        Nodes talk within their own group only; those not named form one more group.
        """
        self._call(self.laboratory.partition(*groups))

    def heal(self) -> None:
        """Mend every link and lift every partition."""
        self._call(self.laboratory.heal())

    def link(
        self,
        a: str,
        b: str,
        *,
        delay: float | None = None,
        jitter: float | None = None,
        loss: float | None = None,
        one_way: bool = False,
    ) -> None:
        """Set the link's delay and jitter (seconds) and its loss (0 to 1), both ways by default."""
        self._call(
            self.laboratory.link(a, b, delay=delay, jitter=jitter, loss=loss, one_way=one_way)
        )

    # ---- time ----

    def message(self, number: int, how: str, *, delay: float = 0.0) -> None:
        """Do something to one message on its way; `number` is that of the event of its sending.

        `how` is ``now`` (it arrives at once), ``drop``, ``delay`` (by `delay` seconds more),
        ``duplicate`` (a copy arrives in `delay` seconds), ``hold`` (it stays on its link) or
        ``release``. Raises `InvalidArgument` if it has arrived, or is lost. `pause` the cluster
        first: else it may be gone before you have said what.
        """
        self._call(self.laboratory.message(number, how, delay=delay))

    def pause(self) -> None:
        """Let nothing move until `resume`, but by `step`."""
        self._call(self.laboratory.pause())

    def resume(self) -> None:
        """Go on."""
        self._call(self.laboratory.resume())

    def run(self, seconds: float) -> None:
        """Wait while that much of the cluster's own time passes."""
        self._call(self.run_here(seconds))

    def run_until(self, predicate: Callable[[ClusterView], bool], timeout: float = 60.0) -> None:
        """Wait until `predicate` is true of the cluster's view; seconds of its own time."""
        self._call(self.run_until_here(predicate, timeout))

    async def run_here(self, seconds: float) -> None:
        """`run`, for those who are on the cluster's loop already."""
        self._go_on()
        clock = self.laboratory.clock
        wait = 1_000 * millis_from_seconds("seconds", seconds)
        await clock.sleep_until(Micros(clock.now_us() + wait))

    async def run_until_here(
        self, predicate: Callable[[ClusterView], bool], timeout: float
    ) -> None:
        """`run_until`, for those who are on the cluster's loop already."""
        self._go_on()
        await self.laboratory.settled()
        await self.laboratory.until(predicate, timeout, "What you wait for")

    def step(self) -> None:
        """While the cluster is paused, let the next thing happen of which the trace tells."""
        self._call(self.laboratory.step())

    @property
    def speed(self) -> float:
        """How fast the cluster lives: 1.0 is real time, 0.01 a hundredth. All slows alike."""
        return self._here(lambda: self.laboratory.clock.speed)

    @speed.setter
    def speed(self, value: float) -> None:
        self._call(self.laboratory.set_speed(value))

    # ---- clients ----

    def client(self, name: str) -> LockClient:
        """The client of that name; the same one each time it is asked for."""
        known = self._clients.get(name)
        if known is None:
            known = LockClient(self._here(lambda: self.laboratory.client(name)), self.runner)
            self._clients[name] = known
        return known

    def async_client(self, name: str) -> AsyncLockClient:
        """The client of that name for coroutines on the cluster's own loop."""
        return self._here(lambda: self.laboratory.client(name))

    def write(self, client: str, lock: str, work: float = 0.0) -> None:
        """A holder works for `work` seconds, then writes to what the lock protects.

        That is a store which looks at the token of each write, and refuses one that is older than
        one it has seen (it is in the trace, as `storage`). Raises `LockNotHeld` if the client knows
        of no hold now. Freeze the client meanwhile, and its write comes late.
        """
        self._call(clients.write(self.laboratory, client, lock, work))

    # ---- panels ----

    @property
    def pace(self) -> None:
        """For the panels: the trace of a live cluster says how fast it goes."""

    def still(self) -> AbstractContextManager[bool]:
        """For the panels: what runs on the cluster's loop is not disturbed there."""
        return nullcontext(enter_result=True)

    def branches(self) -> tuple[()]:
        """For the panels: a live cluster has one future."""
        return ()

    def act_in_the_past(self, seq: int) -> Never:
        """For the panels: nothing can be done to what is past."""
        raise NotInThisRuntime(f"You look at the past, event {seq}: go live to act.")

    async def do(self, verb: str, **arguments: Json) -> str | None:
        """Perform one control of a panel; runs on the cluster's loop. See `controls`."""
        if self._stopped:
            raise ClusterStopped("This cluster has been stopped: run its cell again.")
        if verb in {"break", "leave_out"}:
            raise NotInThisRuntime(
                "A live cluster keeps its rules: Simulation().rules() has those."
            )
        if verb in {"align", "spread", "fire", "drift"}:
            raise NotInThisRuntime(
                "Live nodes share one clock, so their timers cannot be moved: a simulation's can."
            )
        if verb == "share":
            raise NotInThisRuntime(
                "A live run is never the same again, so no text can hold it: a simulation's can."
            )
        if verb == "start_over":
            await self.start_over_here()
            return "Started over, with empty disks."
        return await perform(self.laboratory, verb, arguments)

    def simulate(self, *, seed: int | None = None) -> Simulation:
        """The run so far, going on in virtual time: a `Simulation` that holds this run's trace.

        Everything comes along: logs, timers, disks with what is not synced, messages on their way,
        faults, what clients hold and wait for. This cluster goes on undisturbed. The same `seed`
        (this cluster's, if none is given) and the same moment make the same future.
        """
        return self._call(self.simulate_here(seed))

    async def simulate_here(self, seed: int | None = None) -> Simulation:
        """`simulate`, for those who are on the cluster's loop already."""
        if self._stopped:
            raise ClusterStopped("This cluster has been stopped: run its cell again.")
        if not isinstance(self.laboratory, Laboratory):
            raise NotInThisRuntime(
                "Processes cannot be copied in one moment: Cluster(runtime='kernel') can go on as "
                "a simulation."
            )
        return continued(await dump(self.laboratory, seed))

    # ---- what only a simulation has ----

    def back(self) -> Never:
        """Undo the last event: real time has no way back."""
        raise _not_live("back")

    def goto(self, seq: int) -> Never:
        """Go to just after an event: real time has no way back."""
        raise _not_live("goto")

    def branch(self) -> Never:
        """The same past with another future: real time has one."""
        raise _not_live("branch")

    def crash_on_write(
        self, node: str, point: str = "written", *, kept: int = 0, torn: bool = False
    ) -> Never:
        """A crash at a point of a write: no live node can be hit so exactly."""
        raise _not_live("crash_on_write")

    def disk_fault(self, node: str, fault: str) -> Never:
        """A disk that fails: a live node's has no such switch."""
        raise _not_live("disk_fault")

    def clock_jump(self, node: str, seconds: float) -> Never:
        """A clock that jumps: live nodes share the laboratory's."""
        raise _not_live("clock_jump")

    def fire_timer(self, node: str) -> Never:
        """A timer that runs out at once: a live node's cannot be reached."""
        raise _not_live("fire_timer")

    def align_timers(self, *nodes: str) -> Never:
        """Timers that run out at one time: live nodes share the laboratory's clock."""
        raise _not_live("align_timers")

    def spread_timers(self, *nodes: str, apart: float = 0.5) -> Never:
        """Timers that run out one after the other: live nodes share the laboratory's clock."""
        raise _not_live("spread_timers")

    def drift(self, node: str, percent: float) -> Never:
        """A clock that drifts: live nodes share the laboratory's."""
        raise _not_live("drift")

    def drop(self, a: str, b: str, count: int = 1) -> Never:
        """The next messages lost: `link` sets a live link's loss."""
        raise _not_live("drop")

    def duplicate(self, a: str, b: str, after: float = 0.05, count: int = 1) -> Never:
        """The next messages twice: a live link cannot be told so."""
        raise _not_live("duplicate")

    def hold(self, a: str, b: str, delay: float, count: int = 1) -> Never:
        """The next messages late: `link` sets a live link's delay."""
        raise _not_live("hold")

    # ---- beginning and end ----

    def start_over(self) -> None:
        """Begin again with empty disks, no faults, at the same speed as at first."""
        self._call(self.start_over_here())

    async def start_over_here(self) -> None:
        """`start_over`, for those who are on the cluster's loop already."""
        if isinstance(self.laboratory, Connected):
            raise NotInThisRuntime("Somebody else runs these nodes: they cannot be started over.")
        async with self._starting_over:
            await self.laboratory.stop()
            self._clients.clear()
            self.laboratory = await self._begin()
            self.generation += 1

    def stop(self) -> None:
        """Stop every node: no thread, task or port is left. Stopping twice is no mistake."""
        if self._stopped:
            return
        self._stopped = True
        registry.unregister(self)
        try:
            self.runner.call(self.laboratory.stop(), STOP_SECONDS_MAX)
        except RaftLockError:
            pass  # the loop is ended all the same, and with it all that was on it
        finally:
            self.runner.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "stopped" if self._stopped else f"leader={self.leader!r}"
        timing = self.laboratory.recorder.header.get("timing")
        return f"<Cluster {self._name!r}: {len(self.nodes)} nodes, {timing}, {state}>"

    # ---- inside ----

    async def _begin(self) -> Lab:
        laboratory = self._make()
        try:
            await laboratory.start()
        except BaseException:
            await laboratory.stop()
            raise
        return laboratory

    def _go_on(self) -> None:
        if self.laboratory.clock.paused:
            raise InvalidArgument("The cluster is paused: resume() it, or step().")

    def _call(self, coroutine: Coroutine[object, object, T]) -> T:
        return self.runner.call(coroutine)

    def _here(self, look: Callable[[], T]) -> T:
        async def on_the_loop() -> T:
            return look()

        return self._call(on_the_loop())


def _lab_for(runtime: str, settings: LabSettings) -> Lab:
    if runtime == "kernel":
        return Laboratory(settings)
    # Only here: it brings along all that a served node needs.
    from raftlock.cluster.process import Processes

    return Processes(settings)


def _access(
    endpoints: Sequence[str], token: str, cluster: str, access: Path | str | None
) -> Access:
    if access is not None:
        if endpoints or token or cluster:
            raise InvalidArgument("An access file says all of it: leave the others out.")
        return read_access(access)
    if isinstance(endpoints, str) or not endpoints or not token or not cluster:
        raise InvalidArgument(
            'Which nodes? Name their access file (access="admin.json"), or endpoints, cluster and '
            "token."
        )
    for endpoint in endpoints:
        check_address(endpoint)
    return Access(ACCESS_FORMAT, cluster, [*endpoints], token)


def _not_live(verb: str) -> NotInThisRuntime:
    return NotInThisRuntime(f"A live cluster has no {verb}(): use Simulation, in virtual time.")
