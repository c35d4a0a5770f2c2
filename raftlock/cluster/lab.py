"""The laboratory: nodes, disks, links and clients of one live cluster, on one event loop.

Everything here runs on that loop. `Cluster` is its face for cells, `controls` the one for panels.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from raftlock.client.access import FORMAT as ACCESS_FORMAT
from raftlock.client.access import Access
from raftlock.client.client import AsyncLockClient
from raftlock.cluster import messages
from raftlock.cluster.base import VERB_SECONDS, Lab, new_name, successor
from raftlock.cluster.clock import LabClock
from raftlock.cluster.settings import NODES_MAX, Inside, LabSettings, header_of
from raftlock.errors import (
    InvalidArgument,
    NoLeader,
    StorageError,
    Timeout,
    error_from_code,
)
from raftlock.node.node import Node, NodeSettings
from raftlock.node.timing import waking_order
from raftlock.raft.effects import Resolution
from raftlock.raft.random64 import Random64
from raftlock.storage.memory import MemoryStorage
from raftlock.trace.recorder import Recorder
from raftlock.transport.links import Links
from raftlock.types.events import Json, Note
from raftlock.types.ids import Micros, NodeID
from raftlock.types.membership import Configuration
from raftlock.types.roles import NodeRole
from raftlock.types.status import RaftStatus

__all__ = ["WIRE_SECONDS", "Laboratory"]

WIRE_SECONDS = 0.02
"""How long a frame may be on its way over a socket of this machine, by the machine's clock."""


class Laboratory(Lab):
    """One live cluster whose nodes, links and clock are on this loop."""

    clock: LabClock

    def __init__(self, settings: LabSettings) -> None:
        super().__init__()
        self.settings = settings
        self.clock = LabClock()
        self.recorder = Recorder(header_of(settings), self.clock.now_us, _wall_ms)
        self._random = Random64(settings.seed)
        self.links = Links(
            settings.nodes,
            Random64(self._random.next()),
            delay_us=settings.timing.link_delay_us,
        )
        self._cluster_id = secrets.token_hex(8)
        self._token = secrets.token_urlsafe(32)
        self._addresses: dict[NodeID, tuple[str, int]] = {}
        order = waking_order(settings.nodes, self._random)
        # By node, also of those that are down: their first words about the cluster, their disks.
        self._plans = {node: settings.plan(node, order.index(node)) for node in settings.nodes}
        self._disks: dict[NodeID, MemoryStorage] = {node: MemoryStorage() for node in self._plans}
        self._names = set(settings.nodes)
        self._nodes: dict[NodeID, Node] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._starting: set[NodeID] = set()

    # ---- beginning and end ----

    async def start(self) -> None:
        """Start every node. Raises `OSError` if the machine has no ports left."""
        for node in self.settings.nodes:
            await self._start(node, "started")

    async def stop(self) -> None:
        """Stop everything: no task, connection or port is left."""
        await self.close_clients()
        self.clock.stop()
        for node in tuple(self._nodes.values()):
            await node.kill()
        self._nodes.clear()
        await asyncio.gather(*self._ending)

    # ---- nodes ----

    async def kill(self, node: str, *, by: str = "cell") -> None:
        """Cut the node's power: it is gone at once, and with it what its disk had not synced."""
        running = self._up(node)
        self.fault("kill", by, node=node)
        await self._end(running.id, "killed")

    async def restart(self, node: str, *, by: str = "cell") -> None:
        """Start a node that is down, over what its disk kept.

        Raises `StorageError` if it refuses to, since its disk is damaged.
        """
        known = self.known(node)
        if known in self._nodes or known in self._starting:
            raise InvalidArgument(f"{known} is running: kill it first, then restart it.")
        self.fault("restart", by, node=known)
        await self._start(known, "restarted")

    async def freeze(self, node: str, *, by: str = "cell") -> None:
        """Stop the node's process as a long garbage collection would: its clock runs on."""
        running = self._up(node)
        if running.frozen:
            raise InvalidArgument(f"{running.id} is frozen already: thaw it.")
        self.fault("freeze", by, node=node)
        running.freeze()
        self.tell_node(running.id, "frozen", "frozen")

    async def thaw(self, node: str, *, by: str = "cell") -> None:
        """Let a frozen node go on: first it says what it had decided before."""
        running = self._up(node)
        if not running.frozen:
            raise InvalidArgument(f"{running.id} is not frozen.")
        self.fault("thaw", by, node=node)
        self.tell_node(running.id, "up", "thawed")
        running.thaw()

    # ---- members ----

    async def add(self, name: str, *, by: str = "cell") -> None:
        """Start a node that has never run. It is no member yet: `change_members` makes it one."""
        node = new_name(name, self._names, len(self._disks), NODES_MAX)
        self.fault("add", by, node=node)
        self.links.add(node)
        await self._begin(node)

    async def remove(self, name: str, *, by: str = "cell") -> None:
        """Stop a node for good, once it is no member any more; its disk and its links go, too."""
        node = self._resting(name)
        if node in self.members().members:
            raise InvalidArgument(f"{node} is a member still: change the members first.")
        self.fault("remove", by, node=node)
        await self._end(node, "removed", for_good=True)

    async def wipe(self, name: str, *, as_voter: bool = False, by: str = "cell") -> NodeID:
        """Take a node's disk, and give the name of who begins anew in its place.

        That is another node, since the old one may have promised what it no longer knows; or, with
        `as_voter`, the node itself, and then the cluster may break its word.
        """
        node = self._resting(name)
        becomes = node if as_voter else successor(node, self._names)
        self.fault("wipe", by, node=node, becomes=becomes, as_voter=as_voter)
        if as_voter:
            voters = self.members().voters
            learners = () if node in voters else (node,)
            self._plans[node] = replace(self._plans[node], voters=voters, learners=learners)
            self._disks[node] = MemoryStorage()
            await self._end(node, "wiped")
            await self._start(node, "restarted")
        else:
            self.links.add(becomes, beside=node)  # where the old one stood in a partition
            await self._end(node, "wiped", for_good=True)
            await self._begin(becomes)
        return becomes

    async def change_members(
        self, voters: Sequence[str], learners: Sequence[str], *, by: str = "cell"
    ) -> None:
        """Ask the leader to go over to these members; it has begun when this returns."""
        leader = self._leading()
        self.fault("members", by, voters=list(voters), learners=list(learners))
        named = tuple(map(NodeID, voters)), tuple(map(NodeID, learners))
        await self._accepted(lambda result: leader.change_members(*named, result))

    async def transfer(self, target: str, *, by: str = "cell") -> None:
        """Ask the leader to hand over, to who is furthest if no target is named.

        When this returns, the target was told to stand.
        """
        leader = self._leading()
        if target:
            self.known(target)
        self.fault("transfer", by, node=target)
        await self._accepted(lambda result: leader.transfer(NodeID(target), result))

    # ---- time ----

    async def pause(self, *, by: str = "cell") -> None:
        """Let nothing move until `resume`: no timer, no message, no disk."""
        self.fault("pause", by)
        self.clock.pause()

    async def resume(self, *, by: str = "cell") -> None:
        """Go on."""
        self.clock.resume()
        self.fault("resume", by)

    async def message(self, number: int, how: str, *, delay: float = 0.0, by: str = "cell") -> None:
        """Do something to one message on its way; see `Cluster.message`."""
        await messages.message(self, number, how, delay=delay, by=by)

    def check_links(self) -> None:
        """They can be."""

    async def links_changed(self) -> None:
        """They are the nodes' own links: there is nothing to do."""

    async def heal(self, *, by: str = "cell") -> None:
        """Mend every link, and let go what is held on any."""
        await super().heal(by=by)
        messages.let_go(self)

    def tell(self, place: str, kind: str, **data: Json) -> None:
        """Tell the trace of something that happened now."""
        self.recorder.emit(NodeID(place), Note(kind, data))

    async def step(self) -> None:
        """While it is paused, let the next thing happen of which the trace tells."""
        if not self.clock.paused:
            raise InvalidArgument("Pause the cluster first: what runs by itself needs no steps.")
        # Sockets are real: what was sent over them is there first, and waits for its moment.
        await asyncio.sleep(WIRE_SECONDS)
        seen = self.recorder.last_seq
        while self.recorder.last_seq == seen:
            if not self.clock.step():
                raise InvalidArgument("Nothing will happen any more: restart a node.")
            await asyncio.sleep(0)

    async def set_speed(self, speed: float, *, by: str = "cell") -> None:
        """Run at `speed` times real time: from 1 down to 0.001."""
        self.clock.set_speed(speed)
        # Slowed down, even the quickest link takes a moment that can be seen.
        self.links.min_delay_us = 0 if self.clock.speed_ppm == 1_000_000 else 1_000
        self.fault("speed", by, speed_ppm=self.clock.speed_ppm)

    # ---- looking ----

    @property
    def access(self) -> Access:
        """Where the nodes are that are up, and what opens them."""
        endpoints = [f"{host}:{port}" for host, port in self._addresses.values()]
        return Access(ACCESS_FORMAT, self._cluster_id, endpoints, self._token)

    async def settled(self) -> None:
        """It always has: the trace is told at once."""

    @property
    def nodes(self) -> tuple[NodeID, ...]:
        """The nodes there are, up or down."""
        return tuple(self._disks)

    def running(self, node: str) -> Node | None:
        """The node of that name, if it is up."""
        return self._nodes.get(NodeID(node))

    @property
    def inside(self) -> Inside:
        """What is here, for who copies it: to be looked at only."""
        return Inside(self._plans, self._disks, self._names)

    async def status(self) -> dict[NodeID, RaftStatus]:
        """How each node that is up sees the cluster."""
        return {node: self._nodes[node].status() for node in self.nodes if node in self._nodes}

    def members(self) -> Configuration:
        """The members as the leader has them, or else as whoever has most of the log does."""
        cores = [node.raft for node in self._nodes.values()]
        leader = self._claimant()
        if leader is not None:
            return leader.raft.members[1]
        if not cores:
            return Configuration(self.settings.nodes)
        return max(cores, key=lambda raft: (raft.log.last_term, raft.log.last_index)).members[1]

    # ---- clients ----

    def make_client(self, name: str) -> AsyncLockClient:
        """A client on this laboratory's clock."""
        return AsyncLockClient(
            lambda: tuple(self._addresses.values()),
            token=self._token,
            cluster=self._cluster_id,
            client_id=name,
            clock=self.clock,
            seed=self._random.next(),
            auto_renew=False,
            observer=partial(self.hear, name),
        )

    # ---- inside ----

    async def _start(self, node: NodeID, what: str) -> None:
        settings = self.settings
        running = Node(
            NodeSettings(
                raft=self._plans[node],
                cluster=self._cluster_id,
                token=self._token,
                seed=self._random.next(),
                sync_us=settings.timing.sync_us,
                rules=settings.rules,
                lock_rules=settings.lock_rules,
                session_ttl_ms=settings.session_ttl_ms,
            ),
            self._disks[node],
            self.recorder,
            self.clock,
            self.links,
            self._addresses,
            self._stopped,
        )
        self.tell_node(node, "up", what)
        self._starting.add(node)
        try:
            await running.start()
        except StorageError as error:
            self.tell_node(node, "down", "refused", error.message)
            raise
        except BaseException:
            self.tell_node(node, "down", "killed")
            raise
        finally:
            self._starting.discard(node)
        self._nodes[node] = running

    async def _accepted(self, ask: Callable[[Callable[[Resolution], None]], None]) -> None:
        """Ask a core something, and wait until it has accepted; raises what it refuses with."""
        answer: asyncio.Future[Resolution] = asyncio.get_running_loop().create_future()

        def answered(resolution: Resolution) -> None:
            if not answer.done():
                answer.set_result(resolution)

        def too_late() -> None:
            if not answer.done():
                answer.set_exception(Timeout("The leader gave no answer: it may be down."))

        end = Micros(self.clock.now_us() + round(VERB_SECONDS * 1_000_000))
        timer = self.clock.call_at(end, too_late)
        try:
            ask(answered)
            resolution = await answer
        finally:
            timer.cancel()
        if not resolution.accepted:
            raise error_from_code(resolution.code, resolution.message)

    async def _begin(self, node: NodeID) -> None:
        """Start a node that has never run, over an empty disk."""
        self._names.add(node)
        self._plans[node] = self.settings.plan_of_new(node, self.members().voters)
        self._disks[node] = MemoryStorage()
        await self._start(node, "added")

    async def _end(self, node: NodeID, what: str, *, for_good: bool = False) -> None:
        """End a node's run, if it is up, as if its power were cut; for good, with all it has."""
        self.tell_node(node, "down", what)
        running = self._nodes.pop(node, None)
        # Before anything else can happen: a restart may come while the sockets are being closed.
        self._disks[node].crash()
        if for_good:
            del self._disks[node], self._plans[node]
            self.links.remove(node)
        if running is not None:
            await running.kill()

    def _stopped(self, node: NodeID, why: str) -> None:
        """A node's disk has failed, and the node stands still: clear away what is left of it."""
        self.tell_node(node, "down", "stopped", why)
        running = self._nodes.pop(node)
        self._disks[node].crash()
        ending = asyncio.create_task(running.kill(), name=f"{node} stops")
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    def _claimant(self) -> Node | None:
        """Who leads, of those that could be asked: the one with the highest term."""
        leaders = [
            node
            for node in self._nodes.values()
            if not node.frozen and node.raft.role is NodeRole.LEADER
        ]
        return max(leaders, key=lambda node: node.raft.current_term, default=None)

    def _leading(self) -> Node:
        leader = self._claimant()
        if leader is None:
            raise NoLeader("Nobody leads now: wait_for_leader() first, and ask again.")
        return leader

    def _resting(self, name: str) -> NodeID:
        """A node that is not just being started."""
        node = self.known(name)
        if node in self._starting:
            raise InvalidArgument(f"{node} is just starting: ask again in a moment.")
        return node

    def _up(self, node: str) -> Node:
        running = self._nodes.get(self.known(node))
        if running is None:
            raise InvalidArgument(f"{node} is down: restart it first.")
        return running


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
