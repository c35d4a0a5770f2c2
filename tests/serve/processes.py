"""Nodes as processes, for tests: started, killed and looked at as an operator would."""

from __future__ import annotations

import asyncio
import io
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path

from raftlock.cli import main
from raftlock.client.access import read_access
from raftlock.client.client import AsyncAdmin, AsyncLockClient
from raftlock.errors import RaftLockError
from raftlock.serve.home import make_cluster
from raftlock.types.roles import NodeRole
from raftlock.types.status import RaftStatus

PATIENCE_SECONDS = 30.0


PORTS = range(20_000, 32_000)
"""Below those that a system gives to whoever connects: a node that is down keeps its port so."""

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw") or 0)
_share = len(PORTS) // 8
_mine = PORTS[_share * (_worker % 8) : _share * (_worker % 8 + 1)]
_next = secrets.randbelow(_share)


def free_ports(count: int) -> list[int]:
    """Ports that nobody has; never the same twice in one run, nor for two of its workers."""
    global _next  # noqa: PLW0603 - one counter a process is what it is
    found: list[int] = []
    for _ in _mine:
        port = _mine[_next % len(_mine)]
        _next += 1
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("there are no ports left")


def raftlock(*arguments: str, access: Path | None = None, **named: object) -> subprocess.Popen:
    """The command, in a process of its own."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if access is not None:
        environment["RAFTLOCK_ACCESS"] = str(access)
    return subprocess.Popen(
        [sys.executable, "-m", "raftlock", *map(str, arguments)],
        env=environment,
        text=True,
        **named,  # type: ignore[call-overload]
    )


def run(*arguments: str, access: Path | None = None) -> tuple[int, str, str]:
    """The command, to its end: exit code, what it printed, what it complained of."""
    process = raftlock(
        *arguments,
        access=access,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, errors = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, out, errors


def run_here(*arguments: object, access: Path | None = None) -> tuple[int, str, str]:
    """The same in this process, which is much quicker; not for a command that runs another."""
    out, errors = io.StringIO(), io.StringIO()
    before = os.environ.pop("RAFTLOCK_ACCESS", None)
    if access is not None:
        os.environ["RAFTLOCK_ACCESS"] = str(access)
    try:
        with redirect_stdout(out), redirect_stderr(errors):
            code = main([str(argument) for argument in arguments])
    finally:
        os.environ.pop("RAFTLOCK_ACCESS", None)
        if before is not None:
            os.environ["RAFTLOCK_ACCESS"] = before
    return code, out.getvalue(), errors.getvalue()


class Nodes:
    """A cluster of processes in one folder."""

    def __init__(self, folder: Path, count: int = 3, *flags: str) -> None:
        ports = free_ports(count)
        self.addresses = {f"n{k}": f"127.0.0.1:{port}" for k, port in enumerate(ports, start=1)}
        self.folder = folder / "cluster"
        make_cluster(self.folder, self.addresses)
        self.client_file = self.folder / "client.json"
        self.admin_file = self.folder / "admin.json"
        self.processes: dict[str, subprocess.Popen] = {}
        self.flags = flags

    def start(self, *names: str, home: Path | None = None) -> None:
        """Start these nodes, or all."""
        for name in names or tuple(self.addresses):
            with (self.folder / f"{name}.log").open("a") as log:
                self.processes[name] = raftlock(
                    "serve", home or self.folder / name, *self.flags, stdout=log, stderr=log
                )

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a node."""
        self.processes[name].send_signal(number)

    def kill(self, *names: str) -> None:
        """Take these nodes away at once, or all."""
        for name in names or tuple(self.processes):
            process = self.processes.pop(name)
            process.kill()
            process.wait(PATIENCE_SECONDS)

    def stop(self) -> None:
        """End all that still runs."""
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
        self.kill()

    def log(self, name: str) -> str:
        """What a node has told."""
        return (self.folder / f"{name}.log").read_text()

    def client(self, name: str | None = None) -> AsyncLockClient:
        """A client of the cluster."""
        return AsyncLockClient.from_access(self.client_file, client_id=name)

    def admin(self) -> AsyncAdmin:
        """An administrator of the cluster."""
        return AsyncAdmin.from_access(self.admin_file)

    async def status(self, name: str) -> RaftStatus | None:
        """How one node stands; ``None`` if it does not answer."""
        one = replace(read_access(self.client_file), endpoints=[self.addresses[name]])
        async with AsyncLockClient.from_access(one) as asked:
            try:
                return await asked.status(timeout=2)
            except RaftLockError:
                return None

    async def leader(self, *, other_than: str = "") -> str:
        """Wait until a node leads, and give its name."""
        found = [""]

        async def leads() -> bool:
            for name in self.addresses:
                status = await self.status(name) if name != other_than else None
                if status is not None and status.role is NodeRole.LEADER:
                    found[0] = name
                    return True
            return False

        await until(leads, f"a leader in {self.addresses}")
        return found[0]


async def until(true: Callable[[], object], what: str) -> None:
    """Wait until `true` says so."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        said = true()
        if await said if asyncio.iscoroutine(said) else said:
            return
        assert time.monotonic() < end, f"{what} did not come about"
        await asyncio.sleep(0.05)
