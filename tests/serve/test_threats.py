"""docs/security.md: what no other test holds, and that each test it names is there."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from raftlock.client.access import read_access
from raftlock.errors import InvalidArgument
from raftlock.serve.home import make_cluster, open_home
from raftlock.transport.codec import PeerFrame, encode_peer
from raftlock.transport.websocket import dial_client, dial_peer
from raftlock.types import Index, NodeID, RequestVoteArgs, Term
from tests.house import ROOT
from tests.serve.processes import Nodes, run, until


async def test_a_flood_of_requests_is_turned_away_and_no_leader_falls(tmp_path: Path):
    # Patient, so that no other work on this machine can bring down the leader.
    nodes = Nodes(tmp_path, 3, "--election-timeout-ms", "1000", "--heartbeat-ms", "100")
    nodes.start()
    try:
        leader = await nodes.leader()
        status = await nodes.status(leader)
        assert status is not None
        access = read_access(nodes.client_file)
        host, _, port = nodes.addresses[leader].partition(":")
        link = await dial_client(
            host, int(port), token=access.token, cluster=access.cluster, client="flood"
        )
        sent, turned_away = 20_000, 0
        answers = asyncio.create_task(_answers(link, sent))
        for number in range(sent):
            link.send(json.dumps({"id": number, "call": "health", "params": {}}))
            if number % 100 == 0:
                await asyncio.sleep(0)
        turned_away = await answers
        await link.close()
        assert turned_away > sent // 10
        after = await nodes.status(leader)
        assert after is not None
        assert (after.term, after.role) == (status.term, status.role)
    finally:
        nodes.stop()


async def _answers(link: object, count: int) -> int:
    """How many of the answers were that it was too much."""
    turned_away = 0
    for _ in range(count):
        told = json.loads(await asyncio.wait_for(link.recv(), 30))  # type: ignore[attr-defined]
        turned_away += told.get("error", {}).get("name") == "RATE_LIMITED"
    return turned_away


async def test_a_leap_of_terms_is_refused(tmp_path: Path):
    nodes = Nodes(tmp_path, 1)
    nodes.start()
    try:
        await nodes.leader()
        access = read_access(nodes.admin_file)
        host, _, port = nodes.addresses["n1"].partition(":")
        link = await dial_peer(
            *(host, int(port)),
            token=access.token,
            cluster=access.cluster,
            me=NodeID("n9"),
            them=NodeID("n1"),
        )
        vote = RequestVoteArgs(Term(1 << 50), NodeID("n9"), Index(9), Term(1 << 50))
        link.send(encode_peer(PeerFrame(1, vote)))
        assert "is no election" in await asyncio.wait_for(link.closed, 10)
        status = await nodes.status("n1")
        assert status is not None
        assert status.term < 100
    finally:
        nodes.stop()


async def test_no_token_in_what_is_told(tmp_path: Path):
    nodes = Nodes(tmp_path, 1, "--log", "debug", "--log-format", "json")
    nodes.start()
    try:
        await nodes.leader()
        token = (nodes.folder / "n1" / "token").read_text().strip()
        client = read_access(nodes.client_file).token
        async with nodes.client() as alice:
            await alice.acquire("printer")
        told = [nodes.log("n1"), repr(open_home(nodes.folder / "n1"))]
        told += [repr(read_access(file)) for file in (nodes.client_file, nodes.admin_file)]
        for arguments in (("status",), ("status", "--json"), ("locks",), ("acquire", "other")):
            told += await asyncio.to_thread(
                lambda a=arguments: run(*a, access=nodes.client_file)[1:]
            )
        for text in told:
            assert token not in text
            assert client not in text
        for line in nodes.log("n1").splitlines():
            assert {"time", "level", "message"} <= json.loads(line).keys()

        def arguments_of() -> str:
            return Path(f"/proc/{nodes.processes['n1'].pid}/cmdline").read_text()

        await until(lambda: "serve" in arguments_of(), "the command line")
        assert token not in arguments_of()
    finally:
        nodes.stop()


@pytest.mark.parametrize("name", ["../n1", "a/b", "", ".", "-rf", "n1\n", "a" * 65])
def test_a_nodes_name_is_no_path(tmp_path: Path, name: str):
    with pytest.raises(InvalidArgument):
        make_cluster(tmp_path / "cluster", {name: "127.0.0.1:7101"})
    assert not (tmp_path / "cluster").exists()


def test_each_test_that_the_page_names_is_there():
    page = (ROOT / "docs" / "security.md").read_text()
    there = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", page)
    assert len(named) > 30
    for test in named:
        assert re.search(rf"def {test}\(", there), test
    for file in re.findall(r"tests/[\w/]+\.py", page):
        assert (ROOT / file).exists()
