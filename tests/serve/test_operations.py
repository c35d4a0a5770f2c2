"""docs/operations.md, walked: each procedure once, with the commands that the page names."""

from __future__ import annotations

import asyncio
import json
import re
import resource
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from raftlock.client.client import AsyncLockClient
from raftlock.errors import InvalidArgument, PermissionDenied
from raftlock.serve.backup import TOKENS_SKIPPED, read_backup
from tests.house import ROOT
from tests.serve.processes import Nodes, free_ports, raftlock, run, until


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    started = Nodes(tmp_path)
    started.start()
    yield started
    started.stop()


async def command(*arguments: object, code: int = 0, access: Path | None = None) -> str:
    """The command, to its end, which must be as expected; what it printed."""
    found, out, errors = await asyncio.to_thread(run, *map(str, arguments), access=access)
    assert found == code, errors
    return out + errors


def members(*names: str) -> list[str]:
    return [f"{name}=127.0.0.1:{port}" for name, port in zip(names, free_ports(3), strict=False)]


class Restored(Nodes):
    """A cluster that `restore` has made."""

    def __init__(self, folder: Path, named: list[str]) -> None:
        self.folder = folder
        self.addresses = dict(text.split("=") for text in named)
        self.client_file, self.admin_file = folder / "client.json", folder / "admin.json"
        self.processes, self.flags = {}, ()


async def test_replacing_a_node_whose_disk_is_lost(nodes: Nodes, tmp_path: Path):
    await nodes.leader()
    async with nodes.client("alice") as alice:
        held = await alice.acquire("printer", ttl=600)
    nodes.kill("n2")
    for file in (nodes.folder / "n2" / "disk").iterdir():
        file.unlink()
    for file in ("node.json", "token"):
        (nodes.folder / "n2" / file).unlink()
    assert "join under a new name" in await command("serve", nodes.folder / "n2", code=74)
    home, (named,) = tmp_path / "n4", members("n4")
    admin = nodes.admin_file
    assert "known in this cluster" in await command(
        "join", tmp_path / "n2b", named.replace("n4", "n2"), "--prepare", access=admin, code=2
    )
    await command("join", home, named, "--prepare", access=admin)
    nodes.start("n4", home=home)
    nodes.addresses["n4"] = named.partition("=")[2]
    assert "n4 is a member, with a vote." in await command("join", home, named, access=admin)
    assert "n2 is no member any more" in await command("remove", "n2", access=admin)
    told = json.loads(await command("members", "--json", access=admin))
    assert {row["node"]: row["member"] for row in told} == dict.fromkeys(
        ("n1", "n3", "n4"), "votes"
    )
    # It has all there is: with it alone beside one of the old ones the cluster goes on.
    nodes.kill("n1")
    async with nodes.client("bob") as bob:
        assert (await bob.get_lock_info("printer", timeout=20)).version == held.token
    del nodes.addresses["n2"]
    new = tmp_path / "access"
    await command("access", home, new)
    assert nodes.addresses["n4"] in json.loads((new / "client.json").read_text())["endpoints"]


async def test_backup_and_restore(nodes: Nodes, tmp_path: Path):
    await nodes.leader()
    file = tmp_path / "locks.backup"
    async with nodes.client("alice") as alice, nodes.client("bob") as bob:
        held = await alice.acquire("printer", ttl=600, metadata={"a": "b"})
        waiting = asyncio.create_task(bob.acquire("printer", wait=True, wait_timeout=60))
        for number in range(300):
            await alice.acquire(f"many/{number:03}", ttl=600, metadata={"text": "x" * 200})
        assert "up to entry" in await command("backup", file, access=nodes.admin_file)
        later = await alice.acquire("after the backup", ttl=600)
        waiting.cancel()
    nodes.kill()
    assert file.stat().st_mode & 0o077 == 0
    named, new = members("n1", "n2", "n3"), tmp_path / "new"
    assert "--force-new-cluster" in await command("restore", file, new, *named, code=2)
    assert "A new cluster" in await command("restore", file, new, *named, "--force-new-cluster")
    restored = Restored(new, named)
    restored.start()
    try:
        async with restored.client("alice") as alice:
            info = await alice.get_lock_info("printer", timeout=20)
            assert (info.owner_id, info.version, info.metadata) == ("alice", held.token, {"a": "b"})
            assert info.waiter_count == 0
            assert 0 < info.remaining <= 600_000
            assert (await alice.get_locks("many/*")).total == 300
            assert (await alice.get_lock_info("after the backup")).owner_id == ""
            again = await alice.acquire("after the backup", ttl=60)
            assert again.token > later.token + TOKENS_SKIPPED // 2
            await alice.release("printer", token=held.token)
        # It is as durable as any other.
        restored.kill()
        restored.start()
        async with restored.client() as client:
            assert (
                await client.get_lock_info("after the backup", timeout=20)
            ).version == again.token
        # The old client's file opens nothing here.
        stranger = AsyncLockClient(
            [*restored.addresses.values()],
            token=json.loads(nodes.client_file.read_text())["token"],
            cluster=json.loads(restored.client_file.read_text())["cluster"],
        )
        async with stranger:
            with pytest.raises(PermissionDenied):
                await stranger.get_lock_info("printer")
    finally:
        restored.stop()


@pytest.mark.parametrize("harm", ["cut", "flip", "nonsense", "newer"])
def test_a_backup_that_is_damaged_is_refused(tmp_path: Path, harm: str):
    from raftlock.serve.backup import Backup

    file = tmp_path / "locks.backup"
    Backup("c", 1, 1, 1, b"{}").write(file)
    assert read_backup(file).table == b"{}"
    data = file.read_bytes()
    harmed = {
        "cut": data[:-1],
        "flip": data[:-1] + b"x",
        "nonsense": b"hello",
        "newer": data.replace(b"backup 1", b"backup 2"),
    }
    file.write_bytes(harmed[harm])
    with pytest.raises(InvalidArgument, match=r"damaged|no backup|newer raftlock"):
        read_backup(file)


async def test_the_majority_is_lost(nodes: Nodes, tmp_path: Path):
    await nodes.leader()
    async with nodes.client("alice") as alice:
        held = await alice.acquire("printer", ttl=600)
        applied = (await alice.status()).last_applied

    async def has_it() -> bool:
        status = await nodes.status("n1")
        return status is not None and status.last_applied >= applied

    await until(has_it, "n1 with all of it")
    nodes.kill()
    told = await command("inspect", nodes.folder / "n1")
    last = re.search(r"entries 1 to (\d+)", told)
    assert last is not None
    assert int(last[1]) >= applied
    file, named, new = tmp_path / "locks.backup", members("n1"), tmp_path / "new"
    await command("backup", file, "--directory", nodes.folder / "n1")
    await command("restore", file, new, *named, "--force-new-cluster")
    restored = Restored(new, named)
    restored.start()
    try:
        async with restored.client() as client:
            info = await client.get_lock_info("printer", timeout=20)
            assert (info.owner_id, info.version) == ("alice", held.token)
    finally:
        restored.stop()


async def test_a_full_disk(nodes: Nodes, tmp_path: Path):
    await nodes.leader()
    async with nodes.client("alice") as alice:
        await alice.acquire("printer", ttl=600)
        nodes.kill("n3")
        size = max(file.stat().st_size for file in (nodes.folder / "n3" / "disk").glob("log-*"))
        limit = size + 3_000

        def small_disk() -> None:  # no file grows beyond that, as on a disk that is full
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        with (nodes.folder / "n3.log").open("a") as log:
            full = raftlock("serve", nodes.folder / "n3", preexec_fn=small_disk, stderr=log)
        nodes.processes["n3"] = full
        for number in range(60):
            await alice.acquire(f"lock {number}", ttl=600, metadata={"text": "x" * 200})
        assert await asyncio.to_thread(full.wait, 30) == 74
        assert "could not be written" in nodes.log("n3")
        nodes.start("n3")  # there is room again
        applied = (await alice.status()).last_applied

        async def has_all() -> bool:
            status = await nodes.status("n3")
            return status is not None and status.last_applied >= applied

        await until(has_all, "n3 with all of the log")


async def test_changing_the_token(nodes: Nodes, tmp_path: Path):
    await nodes.leader()
    old = (nodes.folder / "n1" / "token").read_text().strip()
    new = secrets.token_urlsafe(32)
    access = tmp_path / "access"

    async def one_round(*tokens: str) -> None:
        for name in nodes.addresses:
            (nodes.folder / name / "token").write_text("\n".join(tokens) + "\n")
            nodes.signal(name, signal.SIGTERM)
            assert await asyncio.to_thread(nodes.processes[name].wait, 30) == 0
            nodes.start(name)
            await nodes.leader()
            assert (await alice.renew("printer", timeout=20)).token == held.token

    async with nodes.client("alice") as alice:
        held = await alice.acquire("printer", ttl=600)
        await one_round(old, new)
        await one_round(new, old)
        await command("access", nodes.folder / "n1", access)
        async with AsyncLockClient.from_access(access / "client.json") as fresh:
            assert (await fresh.get_lock_info("printer")).owner_id == "alice"
        for name in nodes.addresses:
            (nodes.folder / name / "token").write_text(f"{new}\n")
            nodes.signal(name, signal.SIGTERM)
            await asyncio.to_thread(nodes.processes[name].wait, 30)
            nodes.start(name)
    nodes.client_file = access / "client.json"
    await nodes.leader()
    async with nodes.client() as client:
        assert (await client.get_lock_info("printer", timeout=20)).version == held.token
    async with AsyncLockClient.from_access(nodes.folder / "client.json") as late:
        with pytest.raises(PermissionDenied):
            await late.get_lock_info("printer")


def test_the_page_names_commands_that_there_are():
    page = (ROOT / "docs" / "operations.md").read_text()
    told = {match[1] for match in re.finditer(r"raftlock ([a-z]+)(?= )", page)}
    code, out, _ = run("--help")
    assert code == 0
    known = set(re.findall(r"^ {4}([a-z]+)\b", out, re.MULTILINE))
    assert {"init", "serve", "join", "remove", "backup", "restore", "inspect", "access"} <= told
    assert told - known == set()
