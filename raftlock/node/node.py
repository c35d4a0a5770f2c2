"""A node on an event loop: sockets, a disk and a clock around one `Driver`.

It decides nothing. What arrives goes to the driver as an event, and what the driver asks for is
done in the order of `Work`. A laboratory hands in its own clock and its links.

A frozen node does nothing at all: what arrives, what falls due and what its disk finishes waits in
`_backlog` until the thaw, while its clock runs on. Disks come first there: what a frozen node had
decided before goes out before it hears anything new.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from raftlock.errors import (
    InvalidArgument,
    PermissionDenied,
    RemoteProtocolError,
    StorageError,
    Unavailable,
)
from raftlock.lock.rules import LockRules
from raftlock.node.admin import AdminDesk
from raftlock.node.arrivals import Arrivals
from raftlock.node.disk import Disk, ModelledDisk
from raftlock.node.driver import Driver, Envelope, Work
from raftlock.node.looks import Look, Page
from raftlock.node.observing import Observation, Stream
from raftlock.node.peers import PeerLine, Peers
from raftlock.node.server import ClientDesk, Conversation
from raftlock.node.sessions import SESSION_TTL_MS
from raftlock.node.watching import Watches
from raftlock.raft.config import RaftConfig
from raftlock.raft.effects import PeerLost, Receive, Resolution, Wake
from raftlock.raft.node import Raft
from raftlock.raft.rules import Rules
from raftlock.storage.api import Storage
from raftlock.trace.messages import label, message_fields, message_type
from raftlock.transport.codec import PeerFrame, decode_peer, encode_peer
from raftlock.transport.handshake import Role
from raftlock.transport.limits import check_address
from raftlock.transport.links import Plan, Roads
from raftlock.types.commands import Command, LockInfo
from raftlock.types.events import Emitter, Json, Note
from raftlock.types.ids import ClientID, LockID, Micros, Millis, NodeID, SessionID, Term
from raftlock.types.log import SnapshotMetadata
from raftlock.types.membership import Configuration
from raftlock.types.status import LockStats, ProposalResult, RaftStatus

if TYPE_CHECKING:
    import ssl as tls

    # Importing raftlock must not load sockets.
    from raftlock.transport.websocket import Link

__all__ = ["Clock", "Due", "Node", "NodeSettings", "Timer"]


TERM_LEAP_MAX = 1 << 40
"""By how much the term of a message may be ahead: more elections than there will be."""


class Timer(Protocol):
    """Something that will be called; `cancel` makes it never happen."""

    def cancel(self) -> None:
        """Forget it."""
        ...


class Clock(Protocol):
    """Where a node's time comes from: microseconds that never go back."""

    def now_us(self) -> Micros:
        """The time now."""
        ...

    def call_at(self, at: Micros, function: Callable[[], None]) -> Timer:
        """Call `function` at that moment."""
        ...

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call `function` now, or when the clock goes on if it stands still."""
        ...


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """What a node is told once. `sync_us` is what a sync of its (modelled) disk takes.

    `host` and `port` are where it listens, `address` where others reach it (host:port; empty in a
    laboratory, whose nodes know of each other without saying so), `pages` what plain HTTP is told.
    With `reuse_port` somebody else may have bound the port meanwhile, to keep it for this node.
    `stream` is what tells observers, if it has any.
    """

    raft: RaftConfig
    cluster: str
    token: str
    seed: int
    sync_us: int = 0
    rules: Rules | None = None
    lock_rules: LockRules | None = None
    session_ttl_ms: Millis = SESSION_TTL_MS
    host: str = "127.0.0.1"
    port: int = 0
    address: str = ""
    also_tokens: tuple[str, ...] = ()
    pages: Mapping[str, Callable[[], tuple[int, str]]] | None = None
    server_tls: tls.SSLContext | None = None
    client_tls: tls.SSLContext | None = None
    allow_plain: bool = False
    reuse_port: bool = False
    stream: Stream | None = None

    @property
    def id(self) -> NodeID:
        """The node's name."""
        return self.raft.node_id


@dataclass(frozen=True, slots=True)
class Due:
    """When a node wakes, when its disk has synced, and what a frozen one was told meanwhile."""

    wake: Micros | None
    disk: Micros | None
    missed: tuple[tuple[NodeID, PeerFrame], ...]


class Node:
    """One running node. `start` it once; after `kill`, make a new one over its storage.

    `stopped` is called, with the reason, when its disk has failed: it does nothing from then on,
    and wants to be killed.
    """

    def __init__(  # noqa: PLR0917 - what surrounds a node
        self,
        settings: NodeSettings,
        storage: Storage,
        recorder: Emitter,
        clock: Clock,
        links: Roads,
        addresses: dict[NodeID, tuple[str, int]],
        stopped: Callable[[NodeID, str], None],
        disk: Disk | None = None,
    ) -> None:
        self.id = settings.id
        self._settings = settings
        self._storage = storage
        self._recorder = recorder
        self._clock = clock
        self._links = links
        self._addresses = addresses
        self._desk = ClientDesk(self, AdminDesk(self))
        self._stopped = stopped
        self._disk = disk or ModelledDisk(storage, clock, settings.sync_us)
        self._peers = Peers(settings.id, self._dial, self._lost)
        # The members, whether they are committed, and to whom there are lines.
        self._followed: tuple[Configuration, bool, frozenset[NodeID]] = (
            Configuration(),
            False,
            frozenset(),
        )
        self._timer: Timer | None = None
        self._dead = False
        self._backlog: deque[Callable[[], None]] | None = None
        self._syncs: deque[Callable[[], None]] = deque()
        self._missed: list[tuple[NodeID, PeerFrame]] = []  # messages among the backlog
        self._wake_due: Micros | None = None
        self._disk_due: Micros | None = None
        self.arrivals = Arrivals(clock, self._arrive)
        self._driver: Driver

    # ---- beginning and end ----

    async def start(self) -> None:
        """Read the disk, open the door, and begin.

        Raises `StorageError` if the disk is damaged, and `OSError` if no port can be had.
        """
        # Only here: importing raftlock must not load sockets.
        from raftlock.transport.websocket import serve

        settings, recovered = self._settings, self._storage.load()
        self._server = await serve(
            settings.host,
            settings.port,
            token=settings.token,
            cluster=settings.cluster,
            node=self.id,
            on_peer_frame=self._peer_frame,
            on_client=self._client,
            on_peer_address=self._peer_address if settings.address else None,
            pages=settings.pages,
            ssl=settings.server_tls,
            allow_plain=settings.allow_plain,
            reuse_port=settings.reuse_port,
        )
        self._server.also = settings.also_tokens
        # Others may reach it at another address than it listens at.
        self._addresses.setdefault(self.id, (settings.host, self._server.port))
        self._driver = Driver(
            settings.raft,
            recovered,
            self._recorder,
            seed=settings.seed,
            now=self._now_ms(),
            rules=settings.rules,
            lock_rules=settings.lock_rules,
            session_ttl_ms=settings.session_ttl_ms,
        )
        self._follow_members()
        self._later(lambda: self._perform(self._driver.step(Wake(self._now_ms()))))

    async def kill(self) -> None:
        """Be gone at once: no good-bye, no answer, the port free again."""
        self._dead = True
        if self._timer is not None:
            self._timer.cancel()
        self._addresses.pop(self.id, None)
        self._server.abort()
        await self._peers.abort()
        await self._server.close()

    # ---- what the laboratory looks at, and asks ----

    @property
    def raft(self) -> Raft:
        """The core: to be looked at only."""
        return self._driver.raft

    @property
    def driver(self) -> Driver:
        """What runs the core: to be copied only."""
        return self._driver

    @property
    def due(self) -> Due:
        """What will happen here by itself: to be looked at only."""
        return Due(self._wake_due, self._disk_due, tuple(self._missed))

    def transfer(self, target: NodeID, result: Callable[[Resolution], None]) -> None:
        """Hand leadership over; see `Driver.transfer`."""
        self._perform(self._driver.transfer(self._now_ms(), target, result))

    def change_members(
        self,
        voters: tuple[NodeID, ...],
        learners: tuple[NodeID, ...],
        result: Callable[[Resolution], None],
    ) -> None:
        """Go over to these members; see `Driver.change_members`."""
        self._perform(self._driver.change_members(self._now_ms(), voters, learners, result))

    # ---- freezing ----

    @property
    def frozen(self) -> bool:
        """Whether the node stands still."""
        return self._backlog is not None

    def freeze(self) -> None:
        """Do nothing from now on, until `thaw`."""
        assert self._backlog is None
        self._backlog = deque()

    def thaw(self) -> None:
        """Go on, first with what had been decided before."""
        assert self._backlog is not None
        backlog, self._backlog = self._backlog, None
        for function in (*self._syncs, *backlog):
            self._later(function)
        self._syncs.clear()
        self._missed.clear()

    # ---- what arrives ----

    def _client(self, client: ClientID, line: Link) -> Conversation | Observation:
        if line.peer.role is Role.OBSERVE:
            stream = self._settings.stream
            if stream is None:
                raise PermissionDenied(f"{self.id} tells its trace to its laboratory alone.")
            return stream.open(self.id, line, self._picture)
        return self._desk.open(client, line, admin=line.peer.role is Role.ADMIN)

    def _picture(self) -> tuple[int, Iterator[Note]]:
        return self._driver.raft.current_term, self._driver.picture(self._now_ms())

    def _peer_address(self, peer: NodeID, address: str) -> None:
        """A node that dialled says where it answers."""
        try:
            self._addresses[peer] = check_address(address)
        except InvalidArgument:
            return  # it cannot be dialled there; it may come to say something better

    def _peer_frame(self, sender: NodeID, text: str) -> None:
        """A frame from another node. Raises `RemoteProtocolError`: its connection is closed."""
        frame = decode_peer(text)
        # Elections raise terms one by one: who leaps would use up all the terms there are.
        if frame.message.term > self._driver.raft.current_term + TERM_LEAP_MAX:
            raise RemoteProtocolError(f"A leap to term {frame.message.term} is no election.")
        self.arrivals.put(sender, frame)

    # ---- what the desk needs ----

    def propose(self, command: Command, result: Callable[[ProposalResult], None]) -> None:
        """Put `command` into the log; `result` is called once."""
        self._perform(self._driver.propose(self._now_ms(), command, result))

    def read(self, result: Callable[[Resolution], None]) -> None:
        """Ask when the table may be read; `result` is called once."""
        self._perform(self._driver.read(self._now_ms(), result))

    def keep_alive(self, session: SessionID, result: Callable[[Resolution], None]) -> None:
        """The session's client lives; `result` is called once the table may be read."""
        self._perform(self._driver.keep_alive(self._now_ms(), session, result))

    def session_lives(self, session: SessionID) -> bool:
        """Whether the applied table has the session."""
        return self._driver.table.session(session)

    @property
    def session_ttl_ms(self) -> Millis:
        """How long a session lives unheard."""
        return self._driver.watch.ttl_ms

    @property
    def watches(self) -> Watches:
        """Who watches locks here."""
        return self._driver.watches

    def lock_info(self, lock_id: LockID) -> LockInfo:
        """How the lock stands in the applied table."""
        return self._driver.lock_info(self._now_ms(), lock_id)

    def find_locks(self, look: Look) -> Page:
        """The locks that are wanted, in the applied table."""
        return self._driver.find_locks(self._now_ms(), look)

    def free_in(self, lock_id: LockID) -> Millis:
        """About when the lock will be free for who comes now."""
        return self._driver.table.free_in(lock_id)

    def lock_stats(self) -> LockStats:
        """What the applied table holds and has done."""
        return self._driver.lock_stats(self._now_ms())

    def status(self) -> RaftStatus:
        """How this node sees the cluster."""
        return self._driver.raft.status()

    def address_of(self, node: NodeID) -> str:
        """Where clients reach `node`, as host:port; empty if that is not known."""
        address = self._addresses.get(node)
        return f"{address[0]}:{address[1]}" if address is not None else ""

    @property
    def clients(self) -> int:
        """How many clients are connected."""
        return self._server.clients

    def table(self) -> tuple[SnapshotMetadata, bytes]:
        """The lock table as it is now, and the entry that left it so."""
        table, log = self._driver.table, self._driver.raft.log
        index, stamp = table.last_applied, table.clock
        return SnapshotMetadata(index, log.term_at(index) or Term(0), stamp), table.snapshot()

    def members(self) -> tuple[Configuration, bool]:
        """The members as they stand in this node's log, and whether that entry is committed."""
        index, members = self._driver.raft.members
        return members, index <= self._driver.raft.commit_index

    @property
    def addresses(self) -> Mapping[NodeID, str]:
        """Where nodes are reached, as far as this one knows."""
        return {node: self.address_of(node) for node in self._addresses}

    def wall_ms(self) -> Millis:
        """The machine's wall clock in Unix milliseconds, for people to read."""
        return Millis(time.time_ns() // 1_000_000)

    def machine_us(self) -> Micros:
        """The machine's clock in microseconds; it runs also while the laboratory stands still."""
        return Micros(time.monotonic_ns() // 1000)

    def enter(self, function: Callable[[], None]) -> None:
        """Do it when the node next does anything: now, unless it is paused or frozen."""
        self._clock.call_soon(lambda: self._later(function))

    # ---- the way in ----

    def _later(self, function: Callable[[], None]) -> None:
        """Do it now; if the node is frozen, after the thaw; if it is gone, never."""
        if self._dead:
            return
        if self._backlog is not None:
            self._backlog.append(function)
        else:
            function()

    def _arrive(self, sender: NodeID, frame: PeerFrame) -> None:
        name = label(frame.message)
        told: dict[str, Json] = {"id": frame.id, "from": sender, "label": name}
        told["type"] = message_type(frame.message)
        if self._dead or not self._hears(sender):
            why = "down" if self._dead else "cut"
            self._recorder.emit(
                self.id, Note("drop", {**told, "to": self.id, "why": why}), cause=frame.id
            )
            return
        if self._backlog is not None:
            self._missed.append((sender, frame))
        self._later(lambda: self._deliver(sender, frame, told))

    def _hears(self, sender: NodeID) -> bool:
        """Whether the links let through what `sender` says; who was removed has none."""
        return self._links.joins(sender) and self._links.is_open(sender, self.id)

    def _deliver(self, sender: NodeID, frame: PeerFrame, told: dict[str, Json]) -> None:
        now, term = self._now_ms(), self._driver.raft.current_term
        number = self._recorder.emit(self.id, Note("deliver", told), term=term, cause=frame.id)
        event = Receive(now, sender, frame.message)
        self._perform(self._driver.step(event, number))

    # ---- the way out ----

    def _perform(self, work: Work) -> None:
        self._follow_members()
        for envelope in work.sends:
            self._send(envelope)
        if work.write:
            self._disk_due = self._disk.begin(work.write, self._disk_done)
            if self._dead:
                return
        self._desk.tell(work.outcomes)
        if work.lost_leadership:
            self._desk.lose_leadership()
        self._wake_at(work.wake_at)

    def _follow_members(self) -> None:
        """Keep lines to the members; to those of before, too, until the new ones are committed.

        A leader that is being removed leads until then, and needs the others' answers.
        """
        index, members = self._driver.raft.members
        settled = index <= self._driver.raft.commit_index
        if (members, settled) != self._followed[:2]:
            there = frozenset(members.members)
            kept = there if settled else there | self._followed[2]
            self._followed = (members, settled, kept)
            self._peers.follow(kept)

    def _stop(self, error: StorageError) -> None:
        """The disk failed: nothing more is promised, sent or tried."""
        self._dead = True
        self._stopped(self.id, error.message)

    def _disk_done(self, error: StorageError | None) -> None:
        if self._dead:
            return
        if error is not None:
            self._stop(error)
            return
        if self._backlog is not None:
            self._syncs.append(self._synced)
        else:
            self._synced()

    def _synced(self) -> None:
        self._disk_due = None
        self._perform(self._driver.synced(self._now_ms()))

    def _wake_at(self, at: Millis | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wake_due = None if at is None else Micros(at * 1000)
        if self._wake_due is not None:
            self._timer = self._clock.call_at(self._wake_due, lambda: self._later(self._wake))

    def _wake(self) -> None:
        self._perform(self._driver.step(Wake(self._now_ms())))

    def _send(self, envelope: Envelope) -> None:
        """Record the message, and let it leave unless the laboratory loses it."""
        now = self._clock.now_us()
        if self._links.joins(envelope.to):
            plan = self._links.plan(self.id, envelope.to, now)
        else:
            plan = Plan(now, lost=True, why="down")
        name = label(envelope.message)
        kind = message_type(envelope.message)
        told: dict[str, Json] = {
            "to": envelope.to,
            "type": kind,
            "label": name,
            "fields": message_fields(envelope.message),
            "deliver_at": plan.deliver_at,
        }
        term = self._driver.raft.current_term
        number = self._recorder.emit(self.id, Note("send", told), term=term, cause=envelope.cause)
        why = plan.why
        if not plan.lost:
            at = plan.deliver_at if self._links.one_clock else None
            frame = PeerFrame(number, envelope.message, at)
            if self._peers.send(envelope.to, encode_peer(frame)):
                return
            why = "closed" if envelope.to in self._addresses else "down"
        lost: dict[str, Json] = {
            "id": number,
            "from": self.id,
            "to": envelope.to,
            "type": kind,
            "label": name,
            "why": why,
        }
        self._recorder.emit(self.id, Note("drop", lost), term=term, cause=number)

    async def _dial(self, peer: NodeID) -> PeerLine:
        from raftlock.transport.websocket import dial_peer

        if peer not in self._addresses:
            raise Unavailable(f"{peer} is down.")
        host, port = self._addresses[peer]
        return await dial_peer(
            host,
            port,
            token=self._settings.token,
            cluster=self._settings.cluster,
            me=self.id,
            them=peer,
            address=self._settings.address,
            ssl=self._settings.client_tls,
        )

    def _lost(self, peer: NodeID) -> None:
        """A line to a peer broke. Sockets are real: the node hears of it when its clock goes on."""
        self._clock.call_soon(
            lambda: self._later(
                lambda: self._perform(self._driver.step(PeerLost(self._now_ms(), peer)))
            )
        )

    def _now_ms(self) -> Millis:
        return Millis(self._clock.now_us() // 1000)
