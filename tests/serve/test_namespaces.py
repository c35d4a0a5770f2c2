"""Three nodes on three machines, as far as the kernel can tell: each in a network namespace of its
own with an address of its own. Cables are pulled with the kernel's own means."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from raftlock.serve.home import make_cluster
from tests.serve.processes import PATIENCE_SECONDS, until

NODES = ("n1", "n2", "n3")


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=PATIENCE_SECONDS)


class Machines:
    """A switch in one namespace, and on it one machine a node."""

    def __init__(self, folder: Path) -> None:
        self.name = f"rl{secrets.token_hex(3)}"
        self.folder = folder / "cluster"
        self.made: list[str] = []
        self.processes: dict[str, subprocess.Popen] = {}
        self.addresses = {name: f"10.77.0.{k}:7101" for k, name in enumerate(NODES, start=1)}

    def make(self) -> None:
        """Switch, machines and cables."""
        self._add("hub")
        hub = self.at("hub")
        ip("-n", hub, "link", "add", "br0", "type", "bridge")
        ip("-n", hub, "addr", "add", "10.77.0.254/24", "dev", "br0")
        ip("-n", hub, "link", "set", "br0", "up")
        for name, address in self.addresses.items():
            self._add(name)
            here = self.at(name)
            ip("link", "add", name, "netns", hub, "type", "veth", "peer", "eth0", "netns", here)
            ip("-n", hub, "link", "set", name, "master", "br0")
            ip("-n", here, "addr", "add", f"{address.partition(':')[0]}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                ip("-n", here, "link", "set", device, "up")
            self.cable(name, "up")
        make_cluster(self.folder, self.addresses)

    def _add(self, name: str) -> None:
        ip("netns", "add", self.at(name))
        self.made.append(name)

    def at(self, name: str) -> str:
        """The namespace of a machine."""
        return f"{self.name}-{name}"

    def cable(self, name: str, state: str) -> None:
        """Plug a machine's cable in (``up``), or pull it (``down``)."""
        ip("-n", self.at("hub"), "link", "set", name, state)

    def start(self) -> None:
        """Start all nodes."""
        for name in NODES:
            with (self.folder / f"{name}.log").open("a") as log:
                self.processes[name] = self._popen(
                    name, "serve", str(self.folder / name), "--plain", stdout=log, stderr=log
                )

    def _popen(self, machine: str, *arguments: str, **named: object) -> subprocess.Popen:
        run_there = ["ip", "netns", "exec", self.at(machine), sys.executable, "-m", "raftlock"]
        environment = {**os.environ, "RAFTLOCK_ACCESS": str(self.folder / "client.json")}
        return subprocess.Popen(
            [*run_there, *arguments],
            env=environment,
            **named,  # type: ignore[call-overload]
        )

    async def command(self, *arguments: str, at: str = "hub") -> tuple[int, str]:
        """The command on a machine, to its end; its exit code and what it printed."""

        def to_its_end() -> tuple[int, str]:
            pipe = subprocess.PIPE
            process = self._popen(at, *arguments, stdout=pipe, stderr=subprocess.STDOUT, text=True)
            out, _ = process.communicate(timeout=PATIENCE_SECONDS)
            return process.returncode, out

        return await asyncio.to_thread(to_its_end)

    async def leader(self, *, but: str = "") -> str:
        """Wait until a node leads, and give its name."""
        found = [""]

        async def leads() -> bool:
            code, out = await self.command("status", "--json", "--timeout", "1")
            told = json.loads(out) if code == 0 else {}
            named = [one["id"] for one in told.values() if one and one["role"] == "leader"]
            found[0] = next((name for name in named if name != but), "")
            return bool(found[0])

        await until(leads, "a leader")
        return found[0]

    def stop(self) -> None:
        """Take all of it away."""
        for process in self.processes.values():
            process.kill()
            process.wait(PATIENCE_SECONDS)
        for name in reversed(self.made):
            ip("netns", "del", self.at(name))


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    # Where no machines can be made there is nothing to test; CI counts a skip as a failure.
    made = Machines(tmp_path)
    if shutil.which("ip") is None:
        pytest.skip("needs the ip command (iproute2) to make machines")
    try:
        try:
            made.make()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"may not make network namespaces here: {error.stderr.decode().strip()}")
        made.start()
        yield made
    finally:
        made.stop()


async def test_what_is_promised_holds_between_machines(machines: Machines):
    first = await machines.leader()
    code, out = await machines.command("acquire", "printer", "--ttl", "600", "--client-id", "alice")
    assert code == 0, out
    token = int(out)
    machines.cable(first, "down")
    second = await machines.leader(but=first)
    told = json.loads((await machines.command("info", "printer", "--json"))[1])
    assert (told["owner_id"], told["version"]) == ("alice", token)
    assert told["remaining"] > 500_000
    # On its own machine the old leader answers: it can grant and give back nothing.
    who = ("--client-id", "alice", "--token", str(token))
    code, out = await machines.command("release", "printer", *who, "--timeout", "2", at=first)
    assert code == 69, out
    assert (await machines.command("acquire", "printer"))[0] == 75
    # One more cable, and there is no majority; the last one can do nothing either.
    machines.cable(second, "down")
    code, out = await machines.command("acquire", "other", "--timeout", "2")
    assert code == 69, out
    for name in (first, second):
        machines.cable(name, "up")
    await machines.leader()
    assert (await machines.command("release", "printer", *who, "--timeout", "20"))[0] == 0
    code, out = await machines.command("acquire", "printer", "--client-id", "bob")
    assert code == 0, out
    assert int(out) > token

    async def all_agree() -> bool:
        told = json.loads((await machines.command("status", "--json"))[1]).values()
        return all(told) and len({(one["last_applied"], one["leader_id"]) for one in told}) == 1

    await until(all_agree, "three nodes that agree")
