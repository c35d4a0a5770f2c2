"""The codes that a node answers only when much is asked, or at a bad moment: over a real socket.

The others are in tests/serve/test_protocol.py. Of those in the table of docs/protocol.md, three are
never in an answer: who comes to a full or failing node is told UNAVAILABLE or INTERNAL_ERROR by how
the connection is closed (tests/transport), and a leader that loses an entry also loses its office,
and says so (NOT_LEADER) before it could say REPLICATION_FAILURE (tests/node).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from raftlock import Cluster
from raftlock.lock.limits import Limits
from raftlock.transport.handshake import Role
from raftlock.transport.limits import check_address
from raftlock.transport.websocket import ClientLink, dial_client
from raftlock.types import ClientID
from tests.live.helpers import others, until

LIMITS = Limits()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=3, timing="lan", session_ttl=60) as made:
        made.wait_for_leader()
        yield made


async def dialled(cluster: Cluster, client: str, role: Role = Role.CLIENT) -> ClientLink:
    """A connection to the leader."""
    lab = cluster.laboratory
    access, leader = lab.access, lab.leader()
    assert leader is not None
    host, port = check_address(access.endpoints[lab.nodes.index(leader)])
    return await dial_client(
        *(host, port),
        token=access.token,
        cluster=access.cluster,
        client=ClientID(client),
        role=role,
    )


async def ask(link: ClientLink, call: str, **params: object) -> dict[str, object]:
    link.send(json.dumps({"id": 1, "call": call, "params": params}))
    answer = json.loads(await link.recv())
    assert isinstance(answer, dict)
    return answer


def code(answer: dict[str, object]) -> object:
    error = answer.get("error")
    return error["name"] if isinstance(error, dict) else answer


async def session(link: ClientLink) -> dict[str, object]:
    opened = (await ask(link, "open_session"))["result"]
    assert isinstance(opened, dict)
    return {"session_id": opened["session_id"], "lowest_unanswered": 1}


def test_a_queue_takes_so_many_and_no_more(cluster: Cluster) -> None:
    cluster.client("holder").acquire("door", ttl=600)
    few = asyncio.Semaphore(20)  # of a thousand that come, so many at a time

    async def stand(number: int) -> dict[str, object]:
        async with few:
            link = await dialled(cluster, f"waiter {number}")
            place = await session(link)
            try:
                return await ask(
                    link, "enqueue_waiter", lock_id="door", timeout=600_000, sequence=1, **place
                )
            finally:
                await link.close()

    async def story() -> object:
        most = LIMITS.waiters_per_lock
        answers = await asyncio.gather(*(stand(number) for number in range(most)))
        assert {answer["event"] for answer in answers} == {"queued"}
        return code(await stand(most))

    assert cluster.runner.call(story()) == "WAIT_QUEUE_FULL"


def test_a_session_stands_in_so_many_queues_and_no_more(cluster: Cluster) -> None:
    async def story() -> object:
        holder, waiter = await dialled(cluster, "holder"), await dialled(cluster, "waiter")
        mine, theirs = await session(holder), await session(waiter)
        for number in range(LIMITS.waits_per_session + 1):
            place = {"lock_id": f"door {number}", "sequence": number + 1}
            granted = await ask(holder, "acquire", ttl=600_000, **place, **mine)
            assert "result" in granted
            answer = await ask(waiter, "enqueue_waiter", timeout=600_000, **place, **theirs)
            if "error" in answer:
                assert number == LIMITS.waits_per_session
                return code(answer)
        raise AssertionError("it stands in all of them")

    assert cluster.runner.call(story()) == "TOO_MANY"


def test_what_an_administrator_is_told(cluster: Cluster) -> None:
    leader = cluster.wait_for_leader()
    one, other = others(cluster, leader)
    until(cluster, lambda view: all(node.leader == leader for node in view.nodes.values()))

    async def story() -> list[object]:
        link = await dialled(cluster, "root", Role.ADMIN)
        told = [code(await ask(link, "get_snapshot", offset=10, index=999))]
        await cluster.laboratory.freeze(one)
        # Who is to take over lacks an entry, and stands still: the leader gives up, and says so.
        await cluster.laboratory.client("alice").acquire("door", ttl=60)
        told.append(code(await ask(link, "transfer_leadership", node=one)))
        await cluster.laboratory.thaw(one)
        return told

    assert cluster.runner.call(story()) == ["COMPACTED", "TIMEOUT"]
    until(cluster, lambda view: view.nodes[one].applied == view.nodes[leader].applied)

    async def alone() -> list[object]:
        link = await dialled(cluster, "root", Role.ADMIN)
        await cluster.laboratory.partition([leader], [one, other])
        voters = {"voters": [leader, one]}
        return [code(await ask(link, "change_members", **voters)) for _ in range(2)]

    accepted, busy = cluster.runner.call(alone())
    assert isinstance(accepted, dict)
    assert busy == "BUSY"


def test_a_leader_that_was_cut_off_gives_no_table(cluster: Cluster) -> None:
    """A backup of it could lack what the others have granted since."""
    leader = cluster.wait_for_leader()
    cluster.client("alice").acquire("door", ttl=60)

    async def story() -> list[object]:
        link = await dialled(cluster, "root", Role.ADMIN)
        before = await ask(link, "get_snapshot", offset=0)
        await cluster.laboratory.partition([leader])
        return ["result" in before, code(await ask(link, "get_snapshot", offset=0))]

    assert cluster.runner.call(story()) in ([True, "NOT_LEADER"], [True, "NO_LEADER"])
