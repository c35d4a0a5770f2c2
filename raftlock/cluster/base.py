"""What a cluster of real nodes can be asked and told, wherever they run.

`lab.Laboratory` has its nodes in this process, on its own loop and clock; `served.Connected` looks
at nodes that somebody else runs, and `process.Processes` runs each as a process of its own. What
none of them needs to know of the nodes themselves is here: it goes by the trace.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from raftlock.client.access import Access
from raftlock.client.client import AsyncLockClient
from raftlock.errors import (
    InvalidArgument,
    NotInThisRuntime,
    Timeout,
    UnknownNode,
)
from raftlock.sim.resource import Resource, ResourceRules
from raftlock.trace.recorder import Recorder
from raftlock.trace.situation import leader_in
from raftlock.trace.view import ClusterView
from raftlock.transport.limits import check_client_id, check_node_id, millis_from_seconds
from raftlock.transport.links import Links
from raftlock.types.events import Json, Note
from raftlock.types.ids import ClientID, Index, LockID, Micros, NodeID
from raftlock.types.membership import Configuration
from raftlock.types.status import RaftStatus

__all__ = ["PREFIX", "VERB_SECONDS", "Lab", "LabTime", "Write"]

VERB_SECONDS = 60.0
"""How long what the cluster must agree on may take, in seconds of its own time."""

PREFIX = "client:"
"""How a client is named where nodes are named, too: ``client:alice``."""


class Timer(Protocol):
    """Something that will be called."""

    def cancel(self) -> None:
        """Let it never happen."""
        ...


class LabTime(Protocol):
    """The time in which a cluster lives, in microseconds since it began."""

    @property
    def paused(self) -> bool:
        """Whether it stands still."""
        ...

    @property
    def speed(self) -> float:
        """How fast it runs: 1.0 is real time."""
        ...

    def now_us(self) -> Micros:
        """The time now."""
        ...

    def call_at(self, at: Micros, function: Callable[[], None], /) -> Timer:
        """Call `function` at that moment."""
        ...

    async def sleep_until(self, at: Micros) -> None:
        """Wait until then."""
        ...


@dataclass(slots=True, eq=False)
class Write:
    """A write on its way to what a lock protects; `at` is when it `leaves`, or else arrives."""

    client: ClientID
    lock_id: LockID
    token: Index
    at: Micros
    leaves: bool = True
    slot: int = 0


class Lab(ABC):
    """One cluster. Make it and call everything else on one event loop.

    `by` is who asked, for the trace. What cannot be done raises a `RaftLockError` with a sentence
    for whoever asked, and nothing has changed then.
    """

    recorder: Recorder
    clock: LabTime
    links: Links

    def __init__(self) -> None:
        self.clients: dict[str, AsyncLockClient] = {}
        self.resource = Resource(ResourceRules())
        self.writes: list[Write] = []  # on their way to the resource

    # ---- what each kind does in its own way ----

    @abstractmethod
    async def start(self) -> None:
        """Begin. Raises `OSError` if the machine has no ports left."""

    @abstractmethod
    async def stop(self) -> None:
        """End: no task, connection, port or process of it is left."""

    @property
    @abstractmethod
    def nodes(self) -> tuple[NodeID, ...]:
        """The nodes there are, up or down."""

    @abstractmethod
    async def status(self) -> Mapping[NodeID, RaftStatus]:
        """How each node that is up sees the cluster."""

    @abstractmethod
    def tell(self, place: str, kind: str, **data: Json) -> None:
        """Tell the trace of something that happened now, at a node, at a client, or to all."""

    @abstractmethod
    async def kill(self, node: str, *, by: str = "cell") -> None:
        """Cut the node's power: it is gone at once, and with it what its disk had not synced."""

    @abstractmethod
    async def restart(self, node: str, *, by: str = "cell") -> None:
        """Start a node that is down, over what its disk kept.

        Raises `StorageError` if it refuses to, since its disk is damaged.
        """

    @abstractmethod
    async def freeze(self, node: str, *, by: str = "cell") -> None:
        """Stop the node's process as a long garbage collection would: its clock runs on."""

    @abstractmethod
    async def thaw(self, node: str, *, by: str = "cell") -> None:
        """Let a frozen node go on: first it says what it had decided before."""

    @abstractmethod
    async def add(self, name: str, *, by: str = "cell") -> None:
        """Start a node that has never run. It is no member yet: `change_members` makes it one."""

    @abstractmethod
    async def remove(self, name: str, *, by: str = "cell") -> None:
        """Stop a node for good, once it is no member any more; its disk and its links go, too."""

    @abstractmethod
    async def wipe(self, name: str, *, as_voter: bool = False, by: str = "cell") -> NodeID:
        """Take a node's disk, and give the name of who begins anew in its place.

        That is another node, since the old one may have promised what it no longer knows; or, with
        `as_voter`, the node itself, and then the cluster may break its word.
        """

    @abstractmethod
    async def change_members(
        self, voters: Sequence[str], learners: Sequence[str], *, by: str = "cell"
    ) -> None:
        """Ask the leader to go over to these members; it has begun when this returns."""

    @abstractmethod
    async def transfer(self, target: str, *, by: str = "cell") -> None:
        """Ask the leader to hand over, to who is furthest if no target is named.

        When this returns, the target was told to stand.
        """

    @abstractmethod
    async def links_changed(self) -> None:
        """Let the nodes go by the links as they are now."""

    @abstractmethod
    def make_client(self, name: str) -> AsyncLockClient:
        """A client of this cluster, whose words go into its trace."""

    # ---- what only a cluster in this process can do ----

    async def pause(self, *, by: str = "cell") -> None:
        """Let nothing move until `resume`: no timer, no message, no disk."""
        raise self._not_here("pause", by)

    async def resume(self, *, by: str = "cell") -> None:
        """Go on."""
        raise self._not_here("resume", by)

    async def step(self) -> None:
        """While it is paused, let the next thing happen of which the trace tells."""
        raise self._not_here("step")

    async def set_speed(self, speed: float, *, by: str = "cell") -> None:
        """Run at `speed` times real time."""
        raise self._not_here(f"speed of {speed:g}", by)

    async def message(self, number: int, how: str, *, delay: float = 0.0, by: str = "cell") -> None:
        """Do something to one message on its way; see `Cluster.message`."""
        raise self._not_here(f"message {number}: {how[:20]}, {delay:g}", by)

    def _not_here(self, what: str, _by: str = "") -> NotInThisRuntime:
        return NotInThisRuntime(
            f"No {what} here: these nodes are processes with a clock and sockets of their own. "
            'Cluster(runtime="kernel") can do it.'
        )

    # ---- links ----

    @abstractmethod
    def check_links(self) -> None:
        """Raise `NotInThisRuntime` if the links cannot be changed here."""

    async def cut(self, a: str, b: str, *, one_way: bool = False, by: str = "cell") -> None:
        """Cut the link from `a` to `b`, and back unless `one_way`; what is on its way is lost."""
        src, dst = self.two(a, b)
        self.check_links()
        self.links.cut(src, dst, one_way=one_way)
        await self.links_changed()
        self.fault("cut", by, src=src, dst=dst, one_way=one_way)
        await self.settled()

    async def restore(self, a: str, b: str, *, one_way: bool = False, by: str = "cell") -> None:
        """Mend the link from `a` to `b`, and back unless `one_way`."""
        src, dst = self.two(a, b)
        self.check_links()
        self.links.restore(src, dst, one_way=one_way)
        self.fault("restore", by, src=src, dst=dst, one_way=one_way)
        await self.links_changed()
        await self.settled()

    async def partition(self, *groups: Sequence[str], by: str = "cell") -> None:
        """Let nodes talk within their group only; who is not named is in a group of the rest."""
        named = [[self.known(node) for node in group] for group in groups]
        self.check_links()
        self.links.partition(named)
        await self.links_changed()
        self.fault("partition", by, groups=[list(group) for group in self.links.groups])
        await self.settled()

    async def heal(self, *, by: str = "cell") -> None:
        """Mend every link: no cut, no groups, no loss, the delay as it was at first."""
        self.check_links()
        self.links.heal()
        self.fault("heal", by)
        await self.links_changed()
        await self.settled()

    async def link(
        self,
        a: str,
        b: str,
        *,
        delay: float | None = None,
        jitter: float | None = None,
        loss: float | None = None,
        one_way: bool = False,
        by: str = "cell",
    ) -> None:
        """Set a link's delay and jitter (seconds) and loss (0 to 1); ``None`` changes nothing."""
        src, dst = self.two(a, b)
        self.check_links()
        self.links.set(
            src,
            dst,
            delay_us=None if delay is None else 1000 * millis_from_seconds("delay", delay),
            jitter_us=None if jitter is None else 1000 * millis_from_seconds("jitter", jitter),
            loss_ppm=None if loss is None else round(loss * 1_000_000),
            one_way=one_way,
        )
        for one, other in ((src, dst),) if one_way else ((src, dst), (dst, src)):
            state = self.links.state(one, other)
            self.fault(
                "link",
                by,
                src=one,
                dst=other,
                delay_ms=state.delay_us // 1000,
                jitter_ms=state.jitter_us // 1000,
                loss_ppm=state.loss_ppm,
            )
        await self.links_changed()
        await self.settled()

    # ---- looking ----

    @property
    @abstractmethod
    def access(self) -> Access:
        """Where the nodes are, and what opens them: for clients of other programs, too."""

    @abstractmethod
    async def settled(self) -> None:
        """Wait until the trace has all that has happened up to now."""

    def members(self) -> Configuration:
        """The members as the leader has them, or else as whoever has most of the log does."""
        return self.recorder.view.configuration

    def leader(self) -> NodeID | None:
        """The node that leads, if one does that a majority follows."""
        return leader_in(self.recorder.view)

    async def wait_for_leader(self, timeout: float) -> NodeID:
        """Wait until a node leads that a majority follows; `timeout` in seconds of run time."""
        found: list[NodeID] = []

        def look(view: ClusterView) -> bool:
            leader = leader_in(view)
            if leader is not None:
                found.append(leader)
            return leader is not None

        await self.until(look, timeout, "A leader")
        return found[-1]

    async def until(
        self, predicate: Callable[[ClusterView], bool], timeout: float, what: str
    ) -> None:
        """Wait until `predicate` is true of the view; `timeout` in seconds of run time.

        Raises `Timeout` with `what` was waited for. It is asked after every event.
        """
        if predicate(self.recorder.view):
            return
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def look() -> None:
            if done.done():
                return
            try:
                if predicate(self.recorder.view):
                    done.set_result(True)
            except Exception as error:  # noqa: BLE001 - the caller's own mistake, raised to him
                done.set_exception(error)

        def too_late() -> None:
            if not done.done():
                done.set_result(False)

        end = Micros(self.clock.now_us() + round(timeout * 1_000_000))
        timer = self.clock.call_at(end, too_late)
        unsubscribe = self.recorder.subscribe(lambda _event: look())
        try:
            if not await done:
                raise Timeout(f"{what} did not come within {timeout:g} s of the cluster's time.")
        finally:
            unsubscribe()
            timer.cancel()

    # ---- clients ----

    def client(self, name: str) -> AsyncLockClient:
        """The client of that name; the same one each time it is asked for."""
        check_client_id(name)
        known = self.clients.get(name)
        if known is None:
            known = self.clients[name] = self.make_client(name)
        return known

    def hear(self, client: str, note: Note) -> None:
        """A client says what it asks, is told, or believes."""
        self.tell(f"{PREFIX}{client}", note.kind, **note.data)

    async def close_clients(self) -> None:
        """End all clients."""
        for client in tuple(self.clients.values()):
            await client.close(linger=0)
        self.clients.clear()

    # ---- for those who do it in their own way ----

    def fault(self, what: str, by: str, **data: Json) -> None:
        """Tell the trace that somebody does that to the cluster."""
        self.tell("", "fault", what=what, by=by, **data)

    def tell_node(self, node: NodeID, state: str, what: str, why: str = "") -> None:
        """Tell the trace how a node lives."""
        self.tell(node, "node", state=state, what=what, **({"why": why} if why else {}))

    def known(self, node: str) -> NodeID:
        """A node there is."""
        if node not in self.nodes:
            there = ", ".join(self.nodes)
            raise UnknownNode(f"There is no node {str(node)[:40]!r}: the nodes are {there}.")
        return NodeID(node)

    def two(self, a: str, b: str) -> tuple[NodeID, NodeID]:
        """Two nodes that are joined by a link."""
        src, dst = self.known(a), self.known(b)
        if src == dst:
            raise InvalidArgument(f"A link joins two nodes: {src} has none to itself.")
        return src, dst


def new_name(name: str, names: set[NodeID], there: int, most: int) -> NodeID:
    """The name of a node that is added. Raises `InvalidArgument` if it was ever given."""
    node = check_node_id(name)
    if node in names:
        raise InvalidArgument(f"There was a node {node} before: give the new one another name.")
    if there >= most:
        raise InvalidArgument(f"A cluster has at most {most} nodes: remove one first.")
    return node


def successor(node: NodeID, names: set[NodeID]) -> NodeID:
    """Who takes the place of a node whose disk is lost: n3.2 that of n3, then n3.3."""
    place, _, number = node.rpartition(".")
    if not place or not number.isdecimal():
        place, number = node, "1"
    following = int(number) + 1
    while f"{place}.{following}" in names:
        following += 1
    return NodeID(f"{place}.{following}")
