"""One node, from its directory to its end: what `raftlock serve` does.

It ends in good order on SIGTERM or SIGINT: a leader hands over first, whoever waits is sent to the
next leader, and what is being written becomes durable. A failed disk ends it at once, with an exit
code of its own: whoever restarts it should look at the disk first.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import ssl as tls
import time
from dataclasses import replace
from pathlib import Path

from raftlock.errors import StorageError
from raftlock.node.disk import ThreadDisk
from raftlock.node.node import Node, NodeSettings
from raftlock.node.observing import Faults, Stream
from raftlock.node.timing import Timing, timing_named
from raftlock.raft.config import RaftConfig
from raftlock.raft.effects import Resolution
from raftlock.raft.random64 import Random64
from raftlock.serve.clock import ServedClock
from raftlock.serve.home import Home, open_home
from raftlock.serve.journal import LOG, Journal, JsonLines, PlainLines
from raftlock.serve.pages import health, metrics
from raftlock.serve.settings import ServeSettings
from raftlock.storage.file import FileStorage
from raftlock.transport.limits import check_address, check_session_ttl
from raftlock.transport.links import Links, OpenRoads
from raftlock.types.events import Json
from raftlock.types.ids import NodeID
from raftlock.types.roles import NodeRole

__all__ = ["EXIT_DISK", "serve_node"]

EXIT_DISK = 74
"""The exit code of a node whose disk has failed or is damaged (``EX_IOERR``)."""

_LEARN_SECONDS = 1.0


def serve_node(path: Path, settings: ServeSettings) -> int:
    """Run the node whose directory `path` is, until it is told to end; gives its exit code.

    Raises `StorageError` if the directory is no node's or its disk is damaged, `InvalidArgument`
    for a setting that cannot be, and `OSError` if its port cannot be had.
    """
    _begin_log(settings)
    home = open_home(path)
    return asyncio.run(_Service(home, settings).run())


def _begin_log(settings: ServeSettings) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if settings.log_format == "json" else PlainLines())
    logger = logging.getLogger("raftlock")
    logger.handlers[:] = [handler]
    logger.setLevel(settings.log.upper())
    logging.getLogger("raftlock.transport").setLevel("WARNING")


class _Service:
    def __init__(self, home: Home, settings: ServeSettings) -> None:
        self._home = home
        self._settings = settings
        self._journal = Journal()
        self._end: asyncio.Future[str]
        self._node: Node

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        self._end = loop.create_future()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_end, signal.Signals(number).name)
        clock = ServedClock()
        links = self._links() if self._settings.laboratory else None
        stream = self._stream(clock, links)
        if self._settings.parent:
            await asyncio.to_thread(_wait_for_parent)
            self._end_with_parent(loop)
        storage = FileStorage(self._home.disk)
        disk = ThreadDisk(storage)
        addresses = self._home.addresses()
        self._node = Node(
            self._node_settings(stream),
            storage,
            stream,
            clock,
            links or OpenRoads(),
            addresses,
            self._disk_failed,
            disk,
        )
        try:
            await self._node.start()
        except BaseException:
            disk.close()
            raise
        told = self._home.plan.addresses[self._home.node]
        LOG.info("%s of %s serves at %s", self._home.node, self._home.plan.cluster, told)
        learning = asyncio.create_task(self._learn(links), name="addresses are kept")
        failed = await self._end
        learning.cancel()
        if not failed:
            await self._hand_over()
        await self._node.kill()
        if failed:
            LOG.error("%s", failed)
            return EXIT_DISK
        await asyncio.to_thread(disk.close)
        LOG.info("%s has ended in good order", self._home.node)
        return 0

    def _stream(self, clock: ServedClock, links: Links | None) -> Stream:
        # Larger than any number of an earlier run: no node tells a thousand events a millisecond.
        first = time.time_ns() // 1_000_000 * 1_000
        laboratory = Faults(links, _die) if links is not None else None
        return Stream(clock, first, self._journal.hear, self._about(), laboratory)

    def _about(self) -> dict[str, Json]:
        """What an onlooker is told of the node's times."""
        timing = _timing(self._home.plan.timing, self._settings)
        return {
            "timing": timing.name,
            "timings": {
                "election_ms": [timing.election_timeout_ms_min, timing.election_timeout_ms_max],
                "heartbeat_ms": timing.heartbeat_ms,
                "delay_ms": timing.link_delay_us // 1000 if self._settings.laboratory else 0,
            },
        }

    def _links(self) -> Links:
        """A laboratory's links, as they are until somebody changes them."""
        plan = self._home.plan
        nodes = sorted({*plan.voters, *plan.learners, *plan.addresses, plan.node})
        delay = timing_named(plan.timing).link_delay_us
        links = Links(map(NodeID, nodes), Random64(secrets.randbits(64)), delay_us=delay)
        told = self._home.links()
        if told is not None:
            links.learn(told)
        return links

    def _end_with_parent(self, loop: asyncio.AbstractEventLoop) -> None:
        """End when whoever started this does: then nobody holds the other end of its input."""

        def ended() -> None:
            if not os.read(0, 4096):
                loop.remove_reader(0)
                self._asked_to_end("its parent has ended")

        loop.add_reader(0, ended)

    def _node_settings(self, stream: Stream) -> NodeSettings:
        home, settings = self._home, self._settings
        host, port = check_address(settings.listen) if settings.listen else home.address
        return NodeSettings(
            raft=self._config(),
            cluster=home.plan.cluster,
            token=home.tokens[0],
            also_tokens=home.tokens[1:],
            seed=secrets.randbits(64),
            session_ttl_ms=check_session_ttl(settings.session_ttl),
            host=host,
            port=port,
            address=home.plan.addresses[home.node],
            pages={"/healthz": self._health, "/metrics": self._metrics},
            server_tls=_server_tls(settings),
            client_tls=_client_tls(settings.tls_ca),
            allow_plain=settings.plain,
            reuse_port=settings.parent,
            stream=stream,
        )

    def _config(self) -> RaftConfig:
        plan = self._home.plan
        voters = tuple(NodeID(name) for name in plan.voters)
        everybody = sorted({*plan.voters, plan.node})
        timing = _timing(plan.timing, self._settings)
        rank = everybody.index(plan.node)
        config = timing.config(self._home.node, tuple(map(NodeID, everybody)), rank)
        return replace(
            config,
            voters=voters,
            learners=tuple(NodeID(name) for name in plan.learners),
            snapshot_entries=self._settings.snapshot_entries,
            snapshot_tail=self._snapshot_tail(),
        )

    def _snapshot_tail(self) -> int:
        tail = self._settings.snapshot_tail
        return min(1_000, self._settings.snapshot_entries // 10) if tail < 0 else tail

    def _asked_to_end(self, name: str) -> None:
        LOG.info("%s: %s ends", name, self._home.node)
        if not self._end.done():
            self._end.set_result("")

    def _disk_failed(self, _node: NodeID, why: str) -> None:
        if not self._end.done():
            self._end.set_result(why)

    async def _hand_over(self) -> None:
        """Let somebody else lead before this node is gone, so that nobody waits for an election."""
        if self._node.raft.role is not NodeRole.LEADER or not self._others_vote():
            return
        resigned = asyncio.Event()
        self._journal.on_role = resigned.set
        self._node.transfer(NodeID(""), _let_it_be)
        try:
            await asyncio.wait_for(resigned.wait(), self._settings.drain_seconds)
        except TimeoutError:
            LOG.warning("nobody took over from %s in time", self._home.node)

    def _others_vote(self) -> bool:
        return any(name != self._home.node for name in self._node.raft.members[1].voters)

    async def _learn(self, links: Links | None) -> None:
        """Keep where the others are, so that a restart finds those that have moved."""
        while True:
            await asyncio.sleep(_LEARN_SECONDS)
            try:
                self._home.learn(self._node.addresses)
                for node in self._node.addresses if links is not None else ():
                    if links is not None and not links.joins(node):
                        links.add(node)  # it has joined, and nobody has told of its links
            except OSError as error:
                LOG.warning("addresses could not be written: %s", error)

    def _health(self) -> tuple[int, str]:
        return health(self._node.status())

    def _metrics(self) -> tuple[int, str]:
        node = self._node
        return metrics(node.status(), node.lock_stats(), self._journal.counts, node.clients)


def _wait_for_parent() -> None:
    """Say that all is loaded, and begin only when told to: who looks on is ready by then."""
    os.write(1, b"ready\n")
    os.read(0, 4096)


def _die() -> None:
    """End as if the power were cut: nothing is said, and nothing written any more."""
    os.kill(os.getpid(), signal.SIGKILL)


def _let_it_be(_answer: Resolution) -> None:
    """What the core says to a hand-over does not matter here: that it leads no more does."""


def _timing(name: str, settings: ServeSettings) -> Timing:
    timing = timing_named(name)
    shortest = settings.election_timeout_ms
    if not shortest:
        return timing
    return replace(
        timing,
        election_timeout_ms_min=shortest,
        election_timeout_ms_max=2 * shortest,
        heartbeat_ms=settings.heartbeat_ms or max(1, shortest // 3),
        first_timeout_ms=shortest,
        first_timeout_step_ms=shortest,
    )


def _server_tls(settings: ServeSettings) -> tls.SSLContext | None:
    if not settings.tls_cert:
        return None
    context = tls.create_default_context(tls.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, tls.SSLError) as error:
        raise StorageError(f"{settings.tls_cert} cannot be used: {error}.") from None
    return context


def _client_tls(ca: str) -> tls.SSLContext | None:
    return tls.create_default_context(cafile=ca) if ca else None
