"""`Simulation`: the verbs of `Cluster` in virtual time, and a way back.

Nothing moves unless it is told to: `run`, `run_until` and `step` let time pass, and so does a verb
that waits for an answer. The same seed and the same verbs give the same run, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from types import TracebackType
from typing import Never, Self

from raftlock.errors import (
    Busy,
    InvalidArgument,
    NotInThisRuntime,
    Timeout,
    UnknownNode,
)
from raftlock.lock.rules import LockRules
from raftlock.node.timing import timing_named
from raftlock.raft.rules import Rules
from raftlock.sim.aio import AsyncSimulation
from raftlock.sim.client import Ask, ClientRules, check_write
from raftlock.sim.disk import StorageRules
from raftlock.sim.faces import SimLockClient
from raftlock.sim.header import header_of
from raftlock.sim.letters import Letters
from raftlock.sim.network import Weather
from raftlock.sim.resource import ResourceRules
from raftlock.sim.scripted import Scripted
from raftlock.sim.settings import NODES_MAX, RuleSet, WorldSettings
from raftlock.sim.timeline import Timeline
from raftlock.sim.wanted import (
    jump_to_the_end,
    jumps_to_align,
    jumps_to_spread,
    left_by_a_crash,
    with_member,
)
from raftlock.sim.world import World
from raftlock.trace.recorder import Recorder
from raftlock.trace.view import ClusterView
from raftlock.transport.limits import check_client_id, check_session_ttl, millis_from_seconds
from raftlock.types.events import Json
from raftlock.types.ids import LockID, Micros, Millis, NodeID
from raftlock.types.membership import Configuration
from raftlock.types.roles import NodeRole
from raftlock.types.status import RaftStatus

__all__ = ["Simulation"]

VERB_SECONDS = 60.0
"""How long a verb that waits for the cluster lets time pass."""


class Simulation(Scripted, Letters):
    """A cluster of `nodes` nodes in virtual time; `seed` decides all that chance decides.

    `timing` is ``"lesson"`` or ``"lan"``, as for `Cluster`. `rules`, `lock_rules`, `client_rules`,
    `resource_rules` and `storage_rules` break a rule on purpose; the trace says so for ever.
    `weather` is what the network does to messages by chance. A snapshot is taken every
    `snapshot_entries` entries, and the last `snapshot_tail` before it stay in the log. A message
    holds at most `batch` entries. With `lease_reads` a leader answers reads by its lease. A client
    that says nothing for `session_ttl` seconds leaves the queues it stands in.

    Whoever plays it on a screen holds `guard` while time moves on, puts the branch that is seen
    into `shown`, and is told by `let_go` when it is to end.
    """

    def __init__(
        self,
        nodes: int = 5,
        *,
        seed: int = 7,
        timing: str = "lesson",
        name: str = "simulation",
        rules: Rules | None = None,
        lock_rules: LockRules | None = None,
        client_rules: ClientRules | None = None,
        resource_rules: ResourceRules | None = None,
        storage_rules: StorageRules | None = None,
        weather: Weather | None = None,
        snapshot_entries: int = 10_000,
        snapshot_tail: int = 1_000,
        batch: int = 64,
        lease_reads: bool = False,
        session_ttl: float = 10.0,
    ) -> None:
        if nodes not in range(1, NODES_MAX + 1):
            raise InvalidArgument(f"A cluster has 1 to {NODES_MAX} nodes, not {nodes!r}.")
        settings = WorldSettings(
            nodes=tuple(NodeID(f"n{number}") for number in range(1, nodes + 1)),
            timing=timing_named(timing),
            seed=seed,
            rules=RuleSet(
                rules or Rules(),
                lock_rules or LockRules(),
                client_rules or ClientRules(),
                resource_rules or ResourceRules(),
                storage_rules or StorageRules(),
            ),
            weather=weather or Weather(),
            snapshot_entries=snapshot_entries,
            snapshot_tail=snapshot_tail,
            batch=batch,
            lease_reads=lease_reads,
            session_ttl_ms=check_session_ttl(session_ttl),
        )
        self._begin(name, Timeline(settings, header_of(settings, name)))

    def _begin(self, name: str, timeline: Timeline) -> None:
        self.name = name
        self.generation = 0
        self.branched_at = 0
        self.guard: AbstractContextManager[object] = nullcontext()
        self.shown: Simulation = self
        self.let_go: Callable[[], None] = _nothing
        self._paused = False
        self._timeline = timeline

    @classmethod
    def begun(cls, settings: WorldSettings, name: str, left_out: Iterable[str] = ()) -> Simulation:
        """A simulation of a world that was described elsewhere, as in a file."""
        return cls.played(name, Timeline(settings, header_of(settings, name, left_out)))

    @classmethod
    def played(cls, name: str, timeline: Timeline) -> Simulation:
        """A simulation of that timeline."""
        made = object.__new__(cls)
        made._begin(name, timeline)
        return made

    # ---- looking ----

    @property
    def aio(self) -> AsyncSimulation:
        """The same verbs to `await`, as `Cluster.aio` has them."""
        return AsyncSimulation(self)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of the nodes there are, members or not."""
        return tuple(self.world.nodes)

    @property
    def now(self) -> float:
        """The run's time in seconds."""
        return self._timeline.clock.now / 1_000_000

    @property
    def world(self) -> World:
        """What is simulated, as it is now. Look at it; the verbs change it."""
        return self._timeline.world

    @property
    def recorder(self) -> Recorder:
        """The trace."""
        return self._timeline.recorder

    @property
    def leader(self) -> str | None:
        """The node that leads and is followed by a majority it can reach, or ``None``."""
        links = self.world.network.links
        up = [node for node in self.world.nodes.values() if node.is_up and not node.frozen]
        for node in up:
            raft = node.running.raft
            if raft.role is not NodeRole.LEADER:
                continue
            following = {
                other.id
                for other in up
                if other is node
                or (
                    other.running.raft.leader_id == node.id
                    and other.running.raft.current_term == raft.current_term
                    and links.is_open(node.id, other.id)
                    and links.is_open(other.id, node.id)
                )
            }
            halves = raft.members[1].halves
            if all(2 * len(following.intersection(half)) > len(half) for half in halves):
                return node.id
        return None

    def wait_for_leader(self, timeout: float = 30.0) -> str:
        """Let time pass until a node leads that a majority follows, and give its name."""
        self._run_while(lambda: self.leader is None, timeout, "A leader")
        assert self.leader is not None
        return self.leader

    def status(self) -> Mapping[NodeID, RaftStatus]:
        """How each node that is up sees the cluster, by node."""
        return {node.id: node.status() for node in self.world.nodes.values() if node.is_up}

    # ---- nodes ----

    def kill(self, node: str, *, kept: int = 0, torn: bool = False) -> None:
        """Cut the power of `node`: what its disk had not synced is lost. `restart` it later.

        The first `kept` of those records may be on the disk already, and the next one in part
        (`torn`).
        """
        self._do("kill", node=node, **left_by_a_crash(kept, torn))

    def crash_on_write(
        self, node: str, point: str = "written", *, kept: int = 0, torn: bool = False
    ) -> None:
        """Let `node` crash at its next write: ``before`` it, with it ``written`` but not synced,
        ``synced`` with what it promises unsaid, or with that ``sent``.
        """
        self._do("crash_on_write", node=node, point=point, **left_by_a_crash(kept, torn))

    def disk_fault(self, node: str, fault: str) -> None:
        """Let something befall a node's disk: the next write fails (``fail_write``), or the next
        sync (``fail_sync``), or all writes until it is ``well`` again (``full``); or a bit flips in
        what it synced long ago (``flip``), which it finds at its next start.
        """
        self._do("disk", node=node, fault=fault)

    def clock_jump(self, node: str, seconds: float) -> None:
        """Let the node's own clock jump ahead: to it, that much time has passed."""
        self._do("clock", node=node, jump_ms=millis_from_seconds("seconds", seconds))

    def fire_timer(self, node: str) -> None:
        """Let a node's election timer run out: its clock jumps ahead to there, and it stands."""
        self._jump({node: jump_to_the_end(self.recorder.view, node, self._timeline.clock.now)})

    def align_timers(self, *nodes: str) -> None:
        """Let the nodes' election timers run out at one time (all nodes', if none is named): their
        clocks jump ahead to the one that is first. That is how votes are split.
        """
        self._jump(jumps_to_align(self.recorder.view, nodes, self._timeline.clock.now))

    def spread_timers(self, *nodes: str, apart: float = 0.5) -> None:
        """Let the nodes' election timers run out one after the other, `apart` seconds from each
        other or as far as there is room for: clocks jump ahead. So no votes are split.
        """
        apart_ms = millis_from_seconds("apart", apart)
        now = self._timeline.clock.now
        self._jump(jumps_to_spread(self.recorder.view, nodes, now, apart_ms))

    def _jump(self, jumps: Mapping[str, int]) -> None:
        for node, jump_ms in jumps.items():
            self._do("clock", node=node, jump_ms=jump_ms)

    def drift(self, node: str, percent: float) -> None:
        """Let the node's own clock run that much too fast from now on, or too slow if negative."""
        self._do("clock", node=node, rate_ppm=round(percent * 10_000))

    def restart(self, node: str) -> None:
        """Start `node`, which was killed, over what its disk kept."""
        self._do("restart", node=node)

    def freeze(self, node: str) -> None:
        """Let a node, or a client as ``client:NAME``, stand still while its clock runs on."""
        self._do("freeze", node=node)

    def thaw(self, node: str) -> None:
        """Let it go on: it begins with what it had decided before."""
        self._do("thaw", node=node)

    # ---- members ----

    def transfer_leadership(self, node: str = "") -> str:
        """Hand leadership to `node`, or to whoever is furthest, and wait until it leads."""
        self._go_on()
        before = self.leader
        self._do("transfer", node=node)
        number = self.world.answers.last

        def done() -> bool:
            self.world.answers.check(number)
            leader = self.leader
            return leader == node if node else leader not in {before, None}

        what = f"{node or 'Another node'}, as leader,"
        self._await(done, self._in(VERB_SECONDS), what)
        return self.wait_for_leader()

    def add_node(self, name: str) -> None:
        """Start a node and make it a member: as a learner first, with a vote once it has the log.

        If it is there already, as who took a wiped node's place is, it is given its vote.
        """
        self._go_on()
        node, end = NodeID(name), self._in(VERB_SECONDS)
        if node not in self.world.nodes:
            self._do("add", node=name)
        if node not in self.world.members().voters:
            self._become(lambda now: with_member(now, learner=node), end)
            self._await(lambda: self._has_caught_up(node), end, f"{name}, with all of the log,")
        self._become(lambda now: with_member(now, voter=node), end)

    def remove_node(self, name: str) -> None:
        """Take a node out of the members, and stop it for good if it runs."""
        self._go_on()
        node = NodeID(name)
        if node not in (*self.world.nodes, *self.world.members().members):
            raise UnknownNode(f"There is no node {name[:40]!r}: the nodes are {self.nodes}.")
        self._become(lambda now: with_member(now, gone=node), self._in(VERB_SECONDS))
        if node in self.world.nodes:
            self._do("remove", node=name)

    def wipe(self, node: str, *, as_voter: bool = False) -> str:
        """Take away a node's disk; gives the name of who begins anew in its place.

        That is another member, which learns before it votes (see `add_node`): the old one may have
        promised what is lost now. `as_voter` lets it come back as if nothing were lost, and then
        the cluster may break its word.
        """
        self._go_on()
        self._do("wipe", node=node, as_voter=as_voter)
        becomes = self.nodes[-1] if not as_voter else node
        up = {each.id for each in self.world.nodes.values() if each.is_up and not each.frozen}
        halves = self.world.members().halves
        # Without a majority nobody can decide about members now.
        if not as_voter and all(2 * len(up.intersection(half)) > len(half) for half in halves):
            end = self._in(VERB_SECONDS)
            old, new = NodeID(node), NodeID(becomes)
            self._become(lambda now: with_member(now, gone=old, learner=new), end)
        return becomes

    # ---- links ----

    def cut(self, a: str, b: str, *, one_way: bool = False) -> None:
        """Cut the link from `a` to `b`, and back unless `one_way`. `restore` and `heal` mend it."""
        self._do("cut", src=a, dst=b, one_way=one_way)

    def restore(self, a: str, b: str, *, one_way: bool = False) -> None:
        """Mend the link from `a` to `b`, and back unless `one_way`."""
        self._do("restore", src=a, dst=b, one_way=one_way)

    def partition(self, *groups: Sequence[str]) -> None:
        """Split the cluster: nodes talk within their own group only; the rest form one more."""
        listed: list[Json] = [list(group) for group in groups]
        self._do("partition", groups=listed)

    def heal(self) -> None:
        """Mend every link and lift every partition."""
        self._do("heal")

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
        told: dict[str, Json] = {}
        if delay is not None:
            told["delay_us"] = 1_000 * millis_from_seconds("delay", delay)
        if jitter is not None:
            told["jitter_us"] = 1_000 * millis_from_seconds("jitter", jitter)
        if loss is not None:
            told["loss_ppm"] = round(loss * 1_000_000)
        self._do("link", src=a, dst=b, one_way=one_way, **told)

    # ---- time ----

    def pause(self) -> None:
        """Let nothing move until `resume`, but by `step`."""
        self._do("pause")
        self._paused = True

    def resume(self) -> None:
        """Let time be passed again."""
        self._paused = False
        self._do("resume")

    @property
    def speed(self) -> float:
        """A simulation has no speed: it is as fast as it is asked to run."""
        return 1.0

    @speed.setter
    def speed(self, value: float) -> None:
        raise NotInThisRuntime("A simulation has no speed: say run(seconds), or step().")

    def run(self, seconds: float) -> None:
        """Let that much time pass."""
        self._go_on()
        with self.guard:
            self._timeline.run_to(self._in(seconds))

    def run_until(self, predicate: Callable[[ClusterView], bool], timeout: float = 60.0) -> None:
        """Let time pass until `predicate` is true of the view. Raises `Timeout` in `timeout` s."""
        self._run_while(lambda: not predicate(self.recorder.view), timeout, "What you wait for")

    def step(self) -> None:
        """Let the next thing happen of which the trace tells."""
        with self.guard:
            seen = self.recorder.last_seq
            while self.recorder.last_seq == seen:
                if not self._timeline.advance():
                    raise InvalidArgument("Nothing will happen any more: restart a node.")

    def back(self) -> None:
        """Undo the last thing that happened. `step` does it again, if nothing else is done."""
        with self.guard:
            self.generation += 1
            self._timeline.back()

    def goto(self, seq: int) -> None:
        """Go to just after event number `seq`, back or forward."""
        with self.guard:
            self.generation += 1
            self._timeline.goto(seq)

    def branch(self, *, seq: int | None = None) -> Simulation:
        """Another simulation with the same past, to go on differently from here, or from just after
        event number `seq`.
        """
        other = object.__new__(Simulation)
        with self.guard:
            mine = self._timeline
            if seq is not None and seq < mine.seam:
                raise mine.not_mine()
            theirs = mine.afresh()
            other._begin(f"{self.name}, another way", theirs)
            other._paused = self._paused
            theirs.script = [dict(action) for action in mine.script[: mine.cursor]]
            other.origin = self.origin
            if seq is None or seq >= mine.recorder.last_seq:
                while theirs.moment < mine.moment:
                    theirs.advance()
                theirs.run_to(mine.clock.now)
            else:
                while theirs.recorder.last_seq < seq:
                    theirs.advance()
        other.branched_at = theirs.recorder.last_seq
        return other

    # ---- clients ----

    def client(self, name: str) -> SimLockClient:
        """The client of that name."""
        return SimLockClient(self, check_client_id(name))

    def ask(self, client: str, op: str, lock: str, **arguments: Json) -> Ask:
        """A client's request, under way."""
        asked = self._do("ask", client=client, op=op, lock=lock, **arguments)
        assert asked is not None, "a request is handed back"
        return asked

    def take_back(self, client: str, number: int) -> None:
        """A client no longer wants what it asked for."""
        self._do("take_back", client=client, number=number)

    def write(self, client: str, lock: str, work: float = 0.0) -> None:
        """A holder works for `work` seconds, then writes to what the lock protects.

        That is a store which looks at the token of each write, and refuses one that is older than
        one it has seen (it is in the trace, as `storage`). Raises `LockNotHeld` if the client knows
        of no hold now. Freeze the client meanwhile, and its write comes late.
        """
        check_write(self.world.clients.get(client), client, LockID(lock))
        work_us = 1_000 * millis_from_seconds("work", work)
        self._do("write", client=client, lock=lock, work_us=work_us)

    def run_until_answered(self, ask: Ask, *, placed: bool = False) -> None:
        """Let time pass until the request is answered, or with `placed` stands in a queue."""
        self._go_on()
        with self.guard:
            while not (ask.done or (placed and ask.position is not None)):
                next_at = self._timeline.next_at
                if next_at is None or next_at > (ask.deadline + 1_000) * 1_000:
                    raise Timeout("No answer came in time: is the client frozen?")
                self._timeline.advance()

    def now_ms(self) -> Millis:
        """The run's time in whole milliseconds, by which clients count."""
        return self.world.now_ms()

    # ---- what only a live cluster has ----

    def simulate(self, *, seed: int | None = None) -> Never:
        """A simulation that goes on from here: this is one, and `branch` makes another."""
        raise NotInThisRuntime("This is a simulation already: branch() is another future of it.")

    def async_client(self, name: str) -> Never:
        """A client for coroutines: a simulation has none."""
        raise NotInThisRuntime(f"A simulation has no event loop: say client({name!r}).")

    # ---- beginning and end ----

    def start_over(self) -> None:
        """Begin again: the same seed, nothing done yet."""
        with self.guard:
            mine = self._timeline
            self._timeline = mine.afresh()
            self.generation += 1

    def stop(self) -> None:
        """Let its panels go, if it has any: nothing else runs."""
        self.let_go()

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
        settings = self._timeline.settings
        return (
            f"<Simulation: {len(self.nodes)} nodes, seed {settings.seed}, {self.now:.3f} s, "
            f"leader={self.leader!r}>"
        )

    # ---- for its panels ----

    def ask_to_lead(self, node: str = "") -> None:
        """Let the leader begin to hand over to `node`, or to whoever is furthest."""
        self._do("transfer", node=node)

    # ---- inside ----

    def _do(self, verb: str, **fields: Json) -> Ask | None:
        with self.guard:
            return self._timeline.do({"do": verb, **fields})

    def _go_on(self) -> None:
        if self._paused:
            raise InvalidArgument("The simulation is paused: resume() it, or step().")

    def _in(self, seconds: float) -> Micros:
        return Micros(self._timeline.clock.now + 1_000 * millis_from_seconds("seconds", seconds))

    def _become(self, change: Callable[[Configuration], Configuration], end: Micros) -> None:
        """Let time pass until the members are as `change` makes them, and that is committed.

        The leader is asked again if it was lost before.
        """

        def done() -> bool:
            node = self.world.nodes.get(NodeID(self.leader or ""))
            if node is None:
                return False
            raft = node.running.raft
            index, now = raft.members
            own = raft.log.term_at(raft.commit_index) == raft.current_term
            if now.is_joint or index > raft.commit_index or not own:
                return False
            wanted = change(now)
            if (set(wanted.voters), set(wanted.learners)) == (set(now.voters), set(now.learners)):
                return True
            voters: list[Json] = [*wanted.voters]
            learners: list[Json] = [*wanted.learners]
            with suppress(Busy):  # it is handing over: soon there is another leader to ask
                self._do("members", voters=voters, learners=learners)
            return False

        self._await(done, end, "The change of members")

    def _has_caught_up(self, name: NodeID) -> bool:
        node = self.world.leader()
        if node is None:
            return False
        peer = node.status().replication.get(name)
        return peer is not None and peer.match_index >= node.running.raft.commit_index

    def _await(self, done: Callable[[], bool], end: Micros, what: str) -> None:
        left = max(0, end - self._timeline.clock.now) / 1_000_000
        self._run_while(lambda: not done(), left, what)

    def _run_while(self, waiting: Callable[[], bool], timeout: float, what: str) -> None:
        self._go_on()
        with self.guard:
            end = self._in(timeout)
            while waiting():
                next_at = self._timeline.next_at
                if next_at is None or next_at > end:
                    self._timeline.run_to(end)
                    raise Timeout(f"{what} did not come within {timeout:g} s of cluster time.")
                self._timeline.advance()


def _nothing() -> None:
    """Nobody plays it."""
