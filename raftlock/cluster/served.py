"""A cluster of nodes that are processes, seen from outside: what they tell, in one stream.

`Connected` looks at nodes that somebody else runs. It cannot start or stop them; where they were
started as a laboratory's, their links can be cut, and they can be killed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from raftlock.client.access import Access
from raftlock.client.client import AsyncAdmin, AsyncLockClient
from raftlock.client.protocol import Endpoint
from raftlock.cluster.base import Lab
from raftlock.cluster.collector import Collector
from raftlock.cluster.observer import Observer
from raftlock.errors import (
    InvalidArgument,
    NotInThisRuntime,
    RaftLockError,
    ServiceError,
    Unavailable,
)
from raftlock.raft.random64 import Random64
from raftlock.trace.fields import text
from raftlock.trace.recorder import Recorder
from raftlock.transport.handshake import Role
from raftlock.transport.limits import check_address
from raftlock.transport.links import Links
from raftlock.types.events import Json, Note
from raftlock.types.ids import Micros, NodeID
from raftlock.types.status import RaftStatus

__all__ = ["Connected", "RealTime", "ServedLab"]

FOUND_SECONDS = 10.0
"""How long the nodes may take to be heard of."""

STATUS_SECONDS = 2.0

MEMBERS_SECONDS = 0.5
"""How often it is seen whether somebody has joined, by what the nodes tell: it costs no call."""


class RealTime:
    """The machine's time, from 0 when it was made, on the running loop."""

    paused = False
    speed = 1.0
    speed_ppm = 1_000_000

    def __init__(self) -> None:
        self.origin = time.monotonic_ns() // 1000
        self._loop = asyncio.get_running_loop()

    def now_us(self) -> Micros:
        """The time now."""
        return Micros(time.monotonic_ns() // 1000 - self.origin)

    def call_at(self, at: Micros, function: Callable[[], None], /) -> asyncio.TimerHandle:
        """Call `function` at that moment."""
        return self._loop.call_later(max(0, at - self.now_us()) / 1_000_000, function)

    async def sleep_until(self, at: Micros) -> None:
        """Wait until then."""
        await asyncio.sleep(max(0, at - self.now_us()) / 1_000_000)


class ServedLab(Lab):
    """What a cluster has whose nodes are processes, whoever runs them."""

    from_now = False
    """Whether run time begins when somebody looks, and not when the nodes do."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access
        self.clock: RealTime = RealTime()
        self.collector = Collector(self.clock)
        self.addresses: dict[NodeID, tuple[str, int]] = {}
        self.observers: dict[NodeID, Observer] = {}
        self.frozen: set[NodeID] = set()
        self.links = Links((), Random64(0))
        self._admin: AsyncAdmin | None = None

    def begin_trace(self, header: Mapping[str, Json]) -> None:
        """From now on there is a trace."""
        self.recorder = Recorder(header, self.collector.moment, _wall_ms)
        self.collector.begin(self.recorder)

    def observe(self, node: NodeID) -> Observer:
        """Listen to a node from now on, whenever it is there."""
        observer = self.observers[node] = Observer(
            node,
            lambda: self.addresses[node],
            self._access,
            self.collector,
            self.clock.origin,
            self.came,
            self.went,
            from_now=self.from_now,
        )
        observer.begin()
        return observer

    def came(self, node: NodeID) -> None:
        """A node is heard of."""

    def went(self, node: NodeID) -> None:
        """A node is no longer heard of."""

    async def stop(self) -> None:
        """Look no more."""
        await self.close_clients()
        if self._admin is not None:
            await self._admin.close(linger=0)
        await asyncio.gather(*(each.end() for each in self.observers.values()))
        self.collector.stop()

    # ---- looking ----

    @property
    def access(self) -> Access:
        """Where the nodes are, and what opens them."""
        endpoints = [f"{host}:{port}" for host, port in self.addresses.values()]
        return replace(self._access, endpoints=endpoints)

    @property
    def nodes(self) -> tuple[NodeID, ...]:
        """The nodes there are, up or down."""
        return tuple(self.addresses)

    async def status(self) -> dict[NodeID, RaftStatus]:
        """How each node that answers sees the cluster."""
        asked = await asyncio.gather(*(self._status_of(node) for node in self.nodes))
        return {node: status for node, status in zip(self.nodes, asked, strict=True) if status}

    async def _status_of(self, node: NodeID) -> RaftStatus | None:
        if node in self.frozen or not self.observers[node].here.is_set():
            return None
        async with self._client((self.addresses[node],)) as client:
            try:
                return await client.status(timeout=STATUS_SECONDS)
            except RaftLockError:
                return None

    def _client(self, endpoints: Sequence[tuple[str, int]]) -> AsyncLockClient:
        return AsyncLockClient(
            endpoints,
            token=self._access.token,
            cluster=self._access.cluster,
            ssl=self._access.tls(),
        )

    def tell(self, place: str, kind: str, **data: Json) -> None:
        """Tell the trace of something that happened now."""
        self.collector.tell(NodeID(place), Note(kind, data))

    async def settled(self) -> None:
        """Wait until the trace has all that has happened up to now."""
        await self.collector.settled()

    # ---- what the cluster must agree on ----

    async def change_members(
        self, voters: Sequence[str], learners: Sequence[str], *, by: str = "cell"
    ) -> None:
        """Ask the leader to go over to these members; it has begun when this returns."""
        self.fault("members", by, voters=list(voters), learners=list(learners))
        await self.admin.begin_members(voters, learners)

    async def transfer(self, target: str, *, by: str = "cell") -> None:
        """Ask the leader to hand over, to who is furthest if no target is named."""
        if target:
            self.known(target)
        self.fault("transfer", by, node=target)
        await self.admin.begin_transfer(target)
        await self.settled()

    @property
    def admin(self) -> AsyncAdmin:
        """Who asks the leader to do what only an administrator may."""
        if self._admin is None:
            self._admin = AsyncAdmin(
                self._endpoints,
                token=self._access.token,
                cluster=self._access.cluster,
                role=Role.ADMIN,
                ssl=self._access.tls(),
            )
        return self._admin

    def make_client(self, name: str) -> AsyncLockClient:
        """A client whose words go into the trace."""
        return AsyncLockClient(
            self._endpoints,
            token=self._access.token,
            cluster=self._access.cluster,
            client_id=name,
            clock=self.clock,
            auto_renew=False,
            observer=partial(self.hear, name),
            ssl=self._access.tls(),
        )

    def _endpoints(self) -> list[Endpoint]:
        return [Endpoint(host, port) for host, port in self.addresses.values()]

    # ---- links ----

    async def links_changed(self) -> None:
        """Tell every node; one that stands still hears of it when it goes on."""
        told: dict[str, Json] = {"links": self.links.told()}
        waking = []
        for node, observer in self.observers.items():
            if not observer.here.is_set():
                continue
            if node in self.frozen:
                observer.tell("set_links", told)
            else:
                waking.append(observer.call("set_links", told))
        for answer in await asyncio.gather(*waking, return_exceptions=True):
            # Who has just gone has no links; who comes back is told of them first.
            if isinstance(answer, BaseException) and not isinstance(answer, Unavailable):
                raise answer


class Connected(ServedLab):
    """Nodes that somebody else runs. `access` says where one of them is, and opens all."""

    from_now = True

    def __init__(self, access: Access, name: str = "") -> None:
        super().__init__(access)
        self._name = name or access.cluster
        self._laboratory = False
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Find the nodes, and begin to look. Raises `Unavailable` if none answers."""
        self._admin = AsyncAdmin(
            [Endpoint(*check_address(each)) for each in self._access.endpoints],
            token=self._access.token,
            cluster=self._access.cluster,
            role=Role.ADMIN,
            ssl=self._access.tls(),
        )
        known = await self._admin.members(timeout=FOUND_SECONDS)
        members = known.configuration
        for node in sorted(members.members):
            if node in known.addresses:
                self.addresses[NodeID(node)] = check_address(known.addresses[node])
        for node in self.nodes:
            self.observe(node)
        await self._some_is_there()
        about = next(each.about for each in self.observers.values() if each.about)
        self._laboratory = about.get("laboratory") is True
        voters: list[Json] = [*members.voting]
        self.begin_trace(
            {
                "runtime": "connected",
                "name": self._name,
                "nodes": [*self.nodes],
                "learners": [node for node in self.nodes if node not in voters],
                "seed": 0,
                "timing": text(about, "timing"),
                "timings": about.get("timings", {}),
                "modified": "",
                "cannot": [*self.cannot],
            }
        )
        for node, observer in self.observers.items():
            if observer.here.is_set():
                self.came(node)
        if self._laboratory:
            await self._learn_links()
        await self.settled()
        self._following = asyncio.create_task(self._follow_members(), name="follows the members")

    async def stop(self) -> None:
        """Look no more."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        await super().stop()

    async def _follow_members(self) -> None:
        """Look at whoever joins, and no more at who is no member and gone."""
        while True:
            await asyncio.sleep(MEMBERS_SECONDS)
            members = self.members().members
            if members - self.addresses.keys():
                with suppress(RaftLockError):
                    known = await self.admin.members(timeout=FOUND_SECONDS)
                    for node in sorted(members - self.addresses.keys()):
                        if node in known.addresses:
                            self._meet(NodeID(node), check_address(known.addresses[node]))
            for node in self.addresses.keys() - members if members else ():
                if node in self.observers and not self.observers[node].here.is_set():
                    await self._part_with(node)

    def _meet(self, node: NodeID, address: tuple[str, int]) -> None:
        self.addresses[node] = address
        if self._laboratory and node not in self.links.nodes:
            self.links.add(node)
        self.tell_node(node, "down", "killed")  # until it is heard of
        self.observe(node)

    async def _part_with(self, node: NodeID) -> None:
        self.addresses.pop(node, None)
        observer = self.observers.pop(node, None)
        if observer is None:
            return  # somebody has just done so
        await observer.end()
        if node in self.links.nodes:
            self.links.remove(node)
        self.tell_node(node, "down", "removed")

    @property
    def cannot(self) -> tuple[str, ...]:
        """The controls that are not here."""
        mine: tuple[str, ...] = ("speed", "pause", "step", "message", "simulate", "freeze")
        mine += ("thaw", "restart", "wipe", "add", "start_over")
        return mine if self._laboratory else (*mine, "kill", "cut", "partition", "link")

    async def _some_is_there(self) -> None:
        waits = [asyncio.create_task(each.here.wait()) for each in self.observers.values()]
        await asyncio.wait(waits, timeout=FOUND_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if not any(each.here.is_set() for each in self.observers.values()):
            refusals = [each.refusal for each in self.observers.values() if each.refusal]
            raise (
                refusals[0]
                if refusals
                else Unavailable(
                    f"None of {', '.join(self.nodes)} lets itself be looked at: are they up?"
                )
            )

    async def _learn_links(self) -> None:
        for observer in self.observers.values():
            if observer.here.is_set():
                self.links.learn(await observer.call("get_links"))
                break
        groups: list[Json] = [list(group) for group in self.links.groups]
        if groups:
            self.fault("partition", "before", groups=groups)
        for link in self.links.changed():
            if link.cut:
                self.fault("cut", "before", src=link.src, dst=link.dst, one_way=True)

    def went(self, node: NodeID) -> None:
        """It is not there any more, as far as can be seen from here."""
        if hasattr(self, "recorder"):
            self.tell_node(node, "down", "killed")

    def came(self, node: NodeID) -> None:
        """It is there, for the first time or again: this stands before what it tells."""
        if hasattr(self, "recorder"):
            what = "restarted" if self.recorder.view.node(node).started else "started"
            told: dict[str, Json] = {"state": "up", "what": what}
            if self.collector.has_to_tell_of(node):  # that it went: this comes after it
                self.collector.tell(node, Note("node", told))
            else:
                self.collector.tell_first(node, Note("node", told))

    async def kill(self, node: str, *, by: str = "cell") -> None:
        """End the node's process; whoever started it may start it again."""
        observer = self.observers[self.known(node)]
        if not observer.here.is_set():
            raise InvalidArgument(f"{node} is down, or cannot be reached.")
        self.check_links()
        self.fault("kill", by, node=node)
        observer.tell("kill", {})
        await observer.away.wait()
        await self.settled()

    def check_links(self) -> None:
        """Raise `NotInThisRuntime` unless these are a laboratory's nodes."""
        if not self._laboratory:
            raise NotInThisRuntime(
                "These nodes serve people: start them with raftlock serve --laboratory to break "
                "them on purpose."
            )

    def _not_ours(self, what: str) -> ServiceError:
        return NotInThisRuntime(
            f"Somebody else runs these nodes, so {what} is his to do: Cluster(runtime='process') "
            "has nodes of its own."
        )

    async def restart(self, node: str, *, by: str = "cell") -> None:
        """Whoever runs the node can."""
        raise self._not_ours(f"to restart {node[:40]} ({by})")

    async def freeze(self, node: str, *, by: str = "cell") -> None:
        """Whoever runs the node can."""
        raise self._not_ours(f"to freeze {node[:40]} ({by})")

    async def thaw(self, node: str, *, by: str = "cell") -> None:
        """Whoever runs the node can."""
        raise self._not_ours(f"to thaw {node[:40]} ({by})")

    async def add(self, name: str, *, by: str = "cell") -> None:
        """Whoever runs the nodes can: ``raftlock join``."""
        raise self._not_ours(f"to start {name[:40]} ({by}; raftlock join)")

    async def remove(self, name: str, *, by: str = "cell") -> None:
        """Look no more at who is no member any more; whoever runs it may stop it."""
        node = self.known(name)
        if node in self.members().members:
            raise InvalidArgument(f"{node} is a member still: change the members first.")
        self.fault("remove", by, node=node)
        await self._part_with(node)
        await self.settled()

    async def wipe(self, name: str, *, as_voter: bool = False, by: str = "cell") -> NodeID:
        """Whoever runs the node can."""
        raise self._not_ours(f"to take the disk of {name[:40]} ({by}, {as_voter})")


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
