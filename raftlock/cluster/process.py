"""`Processes`: a cluster whose nodes are processes of their own beside the kernel, files on disk.

Each is a ``raftlock serve`` with a directory in one temporary folder, which goes with the cluster.
To kill one is SIGKILL, to freeze it SIGSTOP. They end with the process that started them, whatever
becomes of it: each holds the other end of its standard input.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from raftlock.client.access import read_access
from raftlock.client.admin import Members
from raftlock.cluster.base import new_name, successor
from raftlock.cluster.served import ServedLab
from raftlock.cluster.settings import NODES_MAX, LabSettings, header_of
from raftlock.errors import InvalidArgument, NotInThisRuntime, StorageError, Timeout, Unavailable
from raftlock.raft.random64 import Random64
from raftlock.serve.home import make_cluster, make_joining, open_home
from raftlock.serve.settings import PREFIX
from raftlock.transport.links import Links
from raftlock.types.ids import NodeID

__all__ = ["Processes"]

START_SECONDS = 30.0
"""How long a process may take until it is heard of: a busy machine starts five at once."""

END_SECONDS = 5.0
EXIT_DISK = 74
HOST = "127.0.0.1"
CANNOT = ("speed", "pause", "step", "message", "simulate", "break")


class Processes(ServedLab):
    """One cluster of processes. Make it and call everything else on one event loop."""

    def __init__(self, settings: LabSettings) -> None:
        if settings.rules is not None or settings.lock_rules is not None:
            raise NotInThisRuntime(
                "Processes keep the rules: break them in a simulation, or with runtime='kernel'."
            )
        self._folder = Path(tempfile.mkdtemp(prefix="raftlock-"))
        self._home = self._folder / "nodes"
        self._ports = {node: _keep_a_port() for node in settings.nodes}
        addresses = {str(node): f"{HOST}:{_port(kept)}" for node, kept in self._ports.items()}
        try:
            make_cluster(self._home, addresses, timing=settings.timing.name)
            super().__init__(read_access(self._home / "admin.json"))
        except BaseException:
            self._let_go()
            raise
        self.settings = settings
        self.addresses = {node: (HOST, _port(kept)) for node, kept in self._ports.items()}
        self.links = Links(
            settings.nodes, Random64(settings.seed), delay_us=settings.timing.link_delay_us
        )
        self._names = set(settings.nodes)
        self._running: dict[NodeID, asyncio.subprocess.Process] = {}
        self._ends: dict[NodeID, asyncio.Task[None]] = {}
        self._starting: set[NodeID] = set()
        self._heard: set[NodeID] = set()  # since they were started last
        self._expected: dict[NodeID, str] = {}  # nodes whose end is somebody's wish, and its name

    # ---- beginning and end ----

    async def start(self) -> None:
        """Start every node. Raises `OSError` if the machine has no room for another process."""
        header = header_of(self.settings) | {"runtime": "process", "cannot": [*CANNOT]}
        self.begin_trace(header)
        for node in self.settings.nodes:
            self.observe(node)
        await asyncio.gather(*(self._begin(node, "started") for node in self.settings.nodes))

    async def stop(self) -> None:
        """Stop everything: no process, no port, no file is left."""
        for node in tuple(self._running):
            self._expected[node] = "killed"
            self._signal(node, signal.SIGKILL)
        await asyncio.gather(*self._ends.values())
        await super().stop()
        self._let_go()

    def _let_go(self) -> None:
        for kept in self._ports.values():
            kept.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def check_links(self) -> None:
        """They can be changed: these are a laboratory's nodes."""

    def came(self, node: NodeID) -> None:
        """It has started, and is heard of."""
        self._heard.add(node)

    # ---- nodes ----

    async def kill(self, node: str, *, by: str = "cell") -> None:
        """SIGKILL: the process is gone at once."""
        running = self._up(node)
        self.fault("kill", by, node=running)
        await self._end(running, "killed")
        await self.settled()

    async def restart(self, node: str, *, by: str = "cell") -> None:
        """Start a node that is down, over its files.

        Raises `StorageError` if it refuses to, since they are damaged.
        """
        known = self._resting(node)
        if known in self._running:
            raise InvalidArgument(f"{known} is running: kill it first, then restart it.")
        self.fault("restart", by, node=known)
        await self._begin(known, "restarted")
        await self.settled()

    async def freeze(self, node: str, *, by: str = "cell") -> None:
        """SIGSTOP."""
        running = self._up(node)
        if running in self.frozen:
            raise InvalidArgument(f"{running} is frozen already: thaw it.")
        self.fault("freeze", by, node=running)
        self._signal(running, signal.SIGSTOP)
        self.frozen.add(running)
        self.tell_node(running, "frozen", "frozen")
        self.collector.hold(running, still=True)
        await self.settled()

    async def thaw(self, node: str, *, by: str = "cell") -> None:
        """SIGCONT: it goes on where it stood."""
        running = self._up(node)
        if running not in self.frozen:
            raise InvalidArgument(f"{running} is not frozen.")
        self.fault("thaw", by, node=running)
        self.frozen.discard(running)
        self.tell_node(running, "up", "thawed")
        await self.settled()
        self.collector.hold(running, still=False)
        self._signal(running, signal.SIGCONT)

    # ---- members ----

    async def add(self, name: str, *, by: str = "cell") -> None:
        """Start a node that has never run."""
        node = new_name(name, self._names, len(self.addresses), NODES_MAX)
        self.fault("add", by, node=node)
        await self._join(node)

    async def remove(self, name: str, *, by: str = "cell") -> None:
        """Stop a node for good; its directory goes with it."""
        node = self._resting(name)
        if node in self.members().members:
            raise InvalidArgument(f"{node} is a member still: change the members first.")
        self.fault("remove", by, node=node)
        await self._end(node, "removed")
        await self._forget(node)
        self.links.remove(node)
        await self.links_changed()
        await self.settled()

    async def wipe(self, name: str, *, as_voter: bool = False, by: str = "cell") -> NodeID:
        """Take a node's files, and give the name of who begins anew in its place."""
        node = self._resting(name)
        becomes = node if as_voter else successor(node, self._names)
        self.fault("wipe", by, node=node, becomes=becomes, as_voter=as_voter)
        await self._end(node, "wiped")
        if as_voter:
            shutil.rmtree(open_home(self._home / node).disk)
            await self._begin(node, "restarted")
        else:
            await self._forget(node)
            await self._join(becomes, beside=node)
            self.links.remove(node)
            await self.links_changed()
        await self.settled()
        return becomes

    async def _join(self, node: NodeID, beside: NodeID | None = None) -> None:
        """Start a node that has never run, over an empty disk."""
        self._names.add(node)
        self._ports[node] = kept = _keep_a_port()
        address = f"{HOST}:{_port(kept)}"
        known = {str(name): f"{host}:{port}" for name, (host, port) in self.addresses.items()}
        there = Members(self.members(), decided=True, addresses=known)
        make_joining(
            self._home / node, node, address, self.access, there, self.settings.timing.name
        )
        self.addresses[node] = (HOST, _port(kept))
        if beside is None:
            self.links.add(node)
        else:
            self.links.add(node, beside=beside)
        await self.links_changed()
        self.observe(node)
        await self._begin(node, "added")
        await self.settled()

    async def _forget(self, node: NodeID) -> None:
        await self.observers.pop(node).end()
        del self.addresses[node]
        self._ports.pop(node).close()
        shutil.rmtree(self._home / node)

    # ---- processes ----

    async def _begin(self, node: NodeID, what: str) -> None:
        """Start a process, and wait until it is heard of."""
        self._starting.add(node)
        try:
            await self._spawn(node, what)
            await self._is_there(node)
        finally:
            self._starting.discard(node)

    async def _spawn(self, node: NodeID, what: str) -> None:
        home = open_home(self._home / node)
        home.keep_links(self.links.told())
        settings = self.settings
        self._expected.pop(node, None)
        self._heard.discard(node)
        self.observers[node].refusal = None
        with self._log(node).open("ab") as log:
            running = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "raftlock", "serve", str(home.path)),
                *("--laboratory", "--parent", "--log", "warning"),
                *("--snapshot-entries", str(settings.snapshot_entries)),
                *("--snapshot-tail", str(settings.snapshot_tail)),
                *("--session-ttl", str(settings.session_ttl_ms / 1_000)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=_environment(),
                # Ctrl-C in a terminal, or an interrupted cell, is not meant for it.
                process_group=0,
            )
        self._running[node] = running
        self._ends[node] = asyncio.create_task(self._watch(node, running), name=f"{node} ends")
        assert running.stdout is not None
        assert running.stdin is not None
        try:
            async with asyncio.timeout(START_SECONDS):
                ready = await running.stdout.readline()
        except TimeoutError:
            ready = b""
        if not ready:
            return  # it has ended, or is stuck: who waits for it says so
        # It is there, and waits for the word to begin.
        self.tell_node(node, "up", what)
        self.collector.expect(node)
        self.observers[node].soon()
        with suppress(OSError):
            running.stdin.write(b"go\n")
            await running.stdin.drain()

    async def _watch(self, node: NodeID, running: asyncio.subprocess.Process) -> None:
        """Wait for the end of a process, be it wanted or not, and tell of it."""
        code = await running.wait()
        if self.observers[node].here.is_set():
            # What it has told is in the socket still: that comes first.
            await self.observers[node].away.wait()
        self._running.pop(node, None)
        self.frozen.discard(node)
        self.collector.detach(node)
        self.collector.hold(node, still=False)
        what, why = self._expected.get(node, ""), ""
        if not what:
            ended = "stopped" if node in self._heard else "refused"
            what, why = (ended if code == EXIT_DISK else "killed"), self._last_words(node)
        self.tell_node(node, "down", what, why)

    async def _is_there(self, node: NodeID) -> None:
        """Wait until a node is heard of. Raises what it said if it has ended instead."""
        observer, ends = self.observers[node], self._ends[node]
        here = asyncio.create_task(observer.here.wait())
        try:
            await asyncio.wait(
                {here, ends}, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            here.cancel()
        if observer.here.is_set():
            return
        if ends.done():
            words = self._last_words(node) or "it said nothing"
            raise StorageError(f"{node} did not start: {words}")
        if observer.refusal is not None:
            raise observer.refusal
        raise Timeout(f"{node} was not heard of within {START_SECONDS:g} s: is the machine busy?")

    async def _end(self, node: NodeID, what: str) -> None:
        """End a node's process, if it runs, and wait until it is gone."""
        if node not in self._running:
            self.tell_node(node, "down", what)
            self._expected[node] = what
            return
        self._expected[node] = what
        self._signal(node, signal.SIGKILL)
        await self._ends[node]

    def _signal(self, node: NodeID, number: signal.Signals) -> None:
        running = self._running.get(node)
        if running is not None and running.returncode is None:
            running.send_signal(number)

    def _resting(self, name: str) -> NodeID:
        """A node that is not just being started."""
        node = self.known(name)
        if node in self._starting:
            raise InvalidArgument(f"{node} is just starting: ask again in a moment.")
        return node

    def _up(self, node: str) -> NodeID:
        known = self.known(node)
        if known not in self._running:
            raise InvalidArgument(f"{known} is down: restart it first.")
        return known

    def _log(self, node: NodeID) -> Path:
        return self._folder / f"{node}.log"

    def _last_words(self, node: NodeID) -> str:
        """The last line that the process has said."""
        lines = self._log(node).read_text(encoding="utf-8", errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return said[-1].removeprefix("raftlock: ")[:300] if said else ""


def _environment() -> dict[str, str]:
    """This process's, so that the nodes find the same raftlock; nothing that is meant for nodes."""
    found = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    here = Path(__file__).parents[2]
    if here.name != "site-packages":
        found["PYTHONPATH"] = os.pathsep.join(filter(None, (str(here), found.get("PYTHONPATH"))))
    return found


def _keep_a_port() -> socket.socket:
    """A free port, kept as long as the socket is: nobody else is given it while a node is down.

    Nothing listens here, so who dials a node that is down is refused, as it should be.
    """
    kept = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        kept.bind((HOST, 0))
    except (AttributeError, OSError) as error:
        kept.close()
        raise Unavailable(f"No port can be kept for a node here ({error}).") from None
    return kept


def _port(kept: socket.socket) -> int:
    port: int = kept.getsockname()[1]
    return port
