"""Three nodes as processes, with files: what is promised outlasts each of them, and all of them."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from raftlock import FencedResource, LockClient
from raftlock.client.access import read_access
from raftlock.client.client import AsyncAdmin, AsyncLockClient
from raftlock.errors import (
    LockHeld,
    LockNotHeld,
    NotLockOwner,
    PermissionDenied,
    StaleToken,
    Unavailable,
    UnknownNode,
    VersionMismatch,
)
from tests.serve.processes import Nodes, free_ports, raftlock, run, until


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    started = Nodes(tmp_path)
    started.start()
    yield started
    started.stop()


async def test_a_lock_outlasts_its_leader(nodes: Nodes):
    async with nodes.client("alice") as alice, nodes.client("bob") as bob:
        held = await alice.acquire("printer", ttl=60)
        waiting = asyncio.create_task(bob.acquire("printer", ttl=30, wait=True))
        leader = await nodes.leader()
        nodes.kill(leader)
        await nodes.leader(other_than=leader)
        info = await alice.get_lock_info("printer", timeout=20)
        assert (info.owner_id, info.version) == ("alice", held.token)
        with pytest.raises(LockHeld):
            async with nodes.client("carol") as carol:
                await carol.acquire("printer")
        assert not waiting.done()
        await alice.release(held, timeout=20)
        assert (await waiting).token > held.token
        nodes.start(leader)

        async def has_all() -> bool:
            status, ahead = await nodes.status(leader), await alice.status()
            return status is not None and status.last_applied >= ahead.last_applied > 0

        await until(has_all, "the restarted node with all of the log")


async def test_all_of_it_outlasts_a_power_cut(nodes: Nodes):
    async with nodes.client("alice") as alice:
        held = await alice.acquire("printer", ttl=3600, metadata={"why": "report"})
    nodes.kill()
    nodes.start()
    async with nodes.client("bob") as bob:
        info = await bob.get_lock_info("printer", timeout=20)
        assert (info.owner_id, info.version) == ("alice", held.token)
        assert info.metadata == {"why": "report"}
        assert (await bob.acquire("other")).token > held.token


async def test_a_node_that_is_asked_to_end_hands_over(nodes: Nodes):
    leader = await nodes.leader()
    nodes.signal(leader, signal.SIGTERM)
    assert await asyncio.to_thread(nodes.processes[leader].wait, 20) == 0
    assert "has ended in good order" in nodes.log(leader)
    assert "leadership goes to" in nodes.log(leader)
    await nodes.leader(other_than=leader)


async def test_a_leader_that_stood_still_past_the_ttl_changes_nothing(nodes: Nodes):
    leader = await nodes.leader()
    async with nodes.client("alice") as alice, nodes.client("bob") as bob:
        first = await alice.acquire("printer", ttl=1)
        nodes.signal(leader, signal.SIGSTOP)
        second = await bob.acquire("printer", ttl=60, wait=True, timeout=30)
        assert second.token > first.token
        assert not first.valid
        nodes.signal(leader, signal.SIGCONT)

        async def follows() -> bool:
            status = await nodes.status(leader)
            return status is not None and status.leader_id not in {"", leader}

        await until(follows, "the old leader as a follower")
        info = await alice.get_lock_info("printer")
        assert (info.owner_id, info.version) == ("bob", second.token)


async def test_members_come_and_go(nodes: Nodes, tmp_path: Path):
    await nodes.leader()
    home = tmp_path / "n4"
    (port,) = free_ports(1)
    code, out, errors = await asyncio.to_thread(
        run, "join", home, f"n4=127.0.0.1:{port}", "--prepare", access=nodes.admin_file
    )
    assert (code, errors) == (0, ""), errors
    assert "raftlock serve" in out
    nodes.start("n4", home=home)
    nodes.addresses["n4"] = f"127.0.0.1:{port}"
    async with nodes.admin() as admin, nodes.client("alice") as alice:
        held = await alice.acquire("printer", ttl=60)
        await admin.add_node("n4")
        await admin.transfer_leadership("n4")
        assert await nodes.leader() == "n4"
        await admin.remove_node("n1")
        members = (await admin.members()).configuration
        assert set(members.voters) == {"n2", "n3", "n4"}
        with pytest.raises(UnknownNode, match="the members are"):
            await admin.remove_node("n1")
        nodes.kill("n1")
        assert (await alice.renew(held)).token == held.token
    # Everybody has heard where n4 is: a node that is started again finds it.
    file = nodes.folder / "n2" / "node.json"
    await until(
        lambda: json.loads(file.read_text())["addresses"].get("n4") == f"127.0.0.1:{port}",
        "n4's address in n2's directory",
    )


async def test_a_clients_token_is_for_locks_alone(nodes: Nodes):
    await nodes.leader()
    async with AsyncAdmin.from_access(nodes.client_file) as admin:
        with pytest.raises(PermissionDenied, match="client's token"):
            await admin.members()
    # The cluster's own token opens everything, but not every call on every kind of connection.
    async with nodes.client() as client:
        with pytest.raises(PermissionDenied, match="for administrators"):
            await client._question("get_members", {}, None)


def test_plain_code_holds_a_lock_and_renews_it(nodes: Nodes):
    with LockClient.from_access(nodes.client_file, client_id="alice") as alice:
        with alice.lock("printer", ttl=1) as held:
            assert not held.wait_lost(1.5), "it is renewed on a thread of its own"
            assert held.valid
            with LockClient.from_access(nodes.client_file) as other:
                with pytest.raises(LockHeld):
                    other.acquire("printer")
                assert other.get_lock_info("printer").version == held.token
        assert alice.get_locks().locks == ()
    alice.close()  # twice is once


async def test_what_is_left_of_a_ttl_outlasts_a_failover(nodes: Nodes):
    leader = await nodes.leader()
    async with nodes.client("alice") as alice:
        held = await alice.acquire("printer", ttl=60)
        before = (await alice.get_lock_info("printer")).remaining
        began = time.monotonic()
        nodes.kill(leader)
        after = (await alice.get_lock_info("printer", timeout=20)).remaining
        passed = (time.monotonic() - began) * 1000
        # The cluster's clock stands still while nobody leads: never less is left than real time
        # says, and no more than that by the time without a leader.
        assert before - passed - 50 <= after <= before
        assert held.valid


async def test_an_administrator_takes_a_lock_away(nodes: Nodes, tmp_path: Path):
    await nodes.leader()
    resource = FencedResource(tmp_path / "seen.json")
    async with nodes.client("alice") as alice, nodes.client("bob") as bob:
        held = await alice.acquire("printer", ttl=60)
        resource.admit("printer", held.token)
        waiting = asyncio.create_task(bob.acquire("printer", ttl=60, wait=True))

        async def waits() -> bool:
            return (await alice.get_lock_info("printer")).waiter_count == 1

        await until(waits, "bob in the queue")
        async with nodes.admin() as admin:
            with pytest.raises(VersionMismatch, match="look at it again"):
                await admin.revoke("printer", held.token + 1)
            token = await admin.revoke("printer", held.token)
            with pytest.raises(LockNotHeld):
                await admin.revoke("nothing")
        resource.admit("printer", token)
        with pytest.raises(StaleToken, match="is stale"):
            resource.admit("printer", held.token)
        theirs = await waiting
        with resource.writing("printer", theirs.token):
            pass
        with pytest.raises(NotLockOwner):
            await alice.renew(held)
        with pytest.raises(PermissionDenied, match="for administrators"):
            await AsyncAdmin.revoke(bob, "printer")  # type: ignore[arg-type]
    assert FencedResource(tmp_path / "seen.json").highest("printer") == theirs.token


async def test_what_a_monitor_is_told(nodes: Nodes):
    leader = await nodes.leader()
    async with nodes.client("alice") as alice:
        await alice.acquire("printer", ttl=60)

    def page(name: str, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://{nodes.addresses[name]}{path}") as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except urllib.error.URLError:
            return 0, ""  # the third node may still be starting when the other two lead already

    told = await asyncio.to_thread(page, leader, "/metrics")
    assert told[0] == 200
    assert "raftlock_locks_held 1\n" in told[1]
    assert 'raftlock_role{role="Leader"} 1\n' in told[1]
    for line in told[1].splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) .+|raftlock_\w+(\{\w+="[^"]*"\})? [\d.]+', line), line
    assert (await asyncio.to_thread(page, leader, "/healthz"))[0] == 200
    others = [name for name in nodes.addresses if name != leader]
    nodes.kill(leader, others[0])

    async def is_ill() -> bool:
        code, text = await asyncio.to_thread(page, others[1], "/healthz")
        return code == 503 and "knows none" in text

    await until(is_ill, "a node that says that it knows no leader")


async def test_nodes_and_clients_know_each_other_by_certificates(tmp_path: Path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    _certify(key, certificate)
    tls = ("--tls-cert", certificate, "--tls-key", key, "--tls-ca", certificate)
    nodes = Nodes(tmp_path, 3, *map(str, tls))
    nodes.start()
    access = replace(read_access(nodes.client_file), ca=str(certificate))
    try:
        async with AsyncLockClient.from_access(access, client_id="alice") as alice:
            assert (await alice.acquire("printer", timeout=20)).token > 0
        plain = replace(access, ca="")
        async with AsyncLockClient.from_access(plain) as client:
            with pytest.raises(Unavailable):
                await client.get_lock_info("printer", timeout=1)
        context = ssl.create_default_context(cafile=str(certificate))
        url = f"https://{nodes.addresses['n1']}/healthz"

        def health() -> int:
            with urllib.request.urlopen(url, context=context) as answer:
                return answer.status

        assert await asyncio.to_thread(health) == 200
        # Who shows a certificate that nobody knows is no node of ours.
        other, unused = tmp_path / "other.pem", tmp_path / "other-key.pem"
        _certify(unused, other)
        async with AsyncLockClient.from_access(replace(access, ca=str(other))) as stranger:
            with pytest.raises(Unavailable):
                await stranger.get_lock_info("printer", timeout=1)
    finally:
        nodes.stop()


def _certify(key: Path, certificate: Path) -> None:
    """A certificate for this machine that vouches for itself."""
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    name = ("-subj", "/CN=raftlock", "-addext", "subjectAltName=IP:127.0.0.1")
    subprocess.run(
        ["openssl", "req", "-x509", *kind, *name, "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )


def test_what_others_can_reach_is_not_served_in_plain(tmp_path: Path):
    nodes = Nodes(tmp_path, 1)
    code, _, errors = run("serve", nodes.folder / "n1", "--listen", "0.0.0.0:7999")
    assert code == 2
    assert "0.0.0.0 can be reached by others: serve it with ssl" in errors
    code, _, errors = run("serve", nodes.folder / "n1", "--tls-cert", "x.pem")
    assert code == 2
    assert "all three" in errors


def test_a_directory_that_is_none_is_refused(tmp_path: Path):
    code, _, errors = run("serve", tmp_path)
    assert code == 74
    assert "is no node's directory" in errors
    assert "join under a new name" in errors


@pytest.mark.parametrize(
    ("change", "says"),
    [({"format": 2}, "newer raftlock"), ({"voters": 5}, "fields are wrong"), (None, "no JSON")],
)
def test_a_directory_that_cannot_be_used_is_refused(tmp_path: Path, change: dict | None, says: str):
    home = Nodes(tmp_path, 1).folder / "n1"
    plan = json.loads((home / "node.json").read_text())
    (home / "node.json").write_text("{" if change is None else json.dumps(plan | change))
    code, _, errors = run("serve", home)
    assert code == 74
    assert says in errors


def test_a_damaged_disk_is_refused(tmp_path: Path):
    nodes = Nodes(tmp_path, 1)
    nodes.start()
    try:
        asyncio.run(_fill(nodes))
        nodes.kill()
        (log,) = (nodes.folder / "n1" / "disk").glob("log-*")
        data = bytearray(log.read_bytes())
        data[len(data) // 2] ^= 1
        log.write_bytes(bytes(data))
        process = raftlock("serve", nodes.folder / "n1", stderr=-1)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 74
        assert "lost what it had promised" in errors
    finally:
        nodes.stop()


async def _fill(nodes: Nodes) -> None:
    async with nodes.client("alice") as alice:
        for number in range(20):
            await alice.acquire(f"lock {number}", ttl=60)
