"""One node, from its directory to its end: what `raftlock serve` does.

It ends in good order on SIGTERM or SIGINT: a leader hands over first, whoever waits is sent to the
next leader, and what is being written becomes durable. A failed disk ends it at once, with an exit
code of its own: whoever restarts it should look at the disk first.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import ssl as tls
from dataclasses import replace
from pathlib import Path

from raftlock.errors import StorageError
from raftlock.node.disk import ThreadDisk
from raftlock.node.node import Node, NodeSettings
from raftlock.node.timing import Timing, timing_named
from raftlock.raft.config import RaftConfig
from raftlock.raft.effects import Resolution
from raftlock.serve.clock import ServedClock
from raftlock.serve.home import Home, open_home
from raftlock.serve.journal import LOG, Journal, JsonLines, PlainLines
from raftlock.serve.pages import health, metrics
from raftlock.serve.settings import ServeSettings
from raftlock.storage.file import FileStorage
from raftlock.transport.limits import check_address, check_session_ttl
from raftlock.transport.links import OpenRoads
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
        storage = FileStorage(self._home.disk)
        disk = ThreadDisk(storage)
        addresses = self._home.addresses()
        self._node = Node(
            self._node_settings(),
            storage,
            self._journal,
            ServedClock(),
            OpenRoads(),
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
        learning = asyncio.create_task(self._learn(), name="addresses are kept")
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

    def _node_settings(self) -> NodeSettings:
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
            snapshot_tail=min(1_000, self._settings.snapshot_entries // 10),
        )

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

    async def _learn(self) -> None:
        """Keep where the others are, so that a restart finds those that have moved."""
        while True:
            await asyncio.sleep(_LEARN_SECONDS)
            try:
                self._home.learn(self._node.addresses)
            except OSError as error:
                LOG.warning("addresses could not be written: %s", error)

    def _health(self) -> tuple[int, str]:
        return health(self._node.status())

    def _metrics(self) -> tuple[int, str]:
        node = self._node
        return metrics(node.status(), node.lock_stats(), self._journal.counts, node.clients)


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
