"""Sessions of a live cluster: a client that says nothing loses its place, one that lives keeps it.

The silent client is a bare connection that opens a session, waits, and then says nothing more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from raftlock import Cluster
from raftlock.transport.websocket import ClientLink, dial_client
from raftlock.types import ClientID, NodeID
from tests.live.helpers import events, look, until


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=3, timing="lan", session_ttl=1.5) as made:
        made.wait_for_leader()
        yield made


async def ask(link: ClientLink, call: str, **params: object) -> dict[str, object]:
    """The answer to one request, or the first news of it."""
    link.send(json.dumps({"id": 1, "call": call, "params": params}))
    answer = json.loads(await link.recv())["result"]
    assert isinstance(answer, dict)
    return answer


def stand_in_queue(cluster: Cluster, leader: str, name: str) -> ClientLink:
    """Let a client of that name wait for the printer, and then say nothing more."""
    laboratory = cluster.laboratory

    async def stand() -> ClientLink:
        host, port = laboratory._addresses[NodeID(leader)]
        link = await dial_client(
            *(host, port),
            token=laboratory._token,
            cluster=laboratory._cluster_id,
            client=ClientID(name),
        )
        session = await ask(link, "open_session")
        assert session["ttl"] == 1_500
        terms = {"lock_id": "printer", "ttl": 60_000, "wait": True, "wait_timeout": 60_000}
        place = {"session_id": session["session_id"], "sequence": 1, "lowest_unanswered": 1}
        answer = await ask(link, "acquire", **terms, **place)
        assert answer["status"] == "queued"
        return link

    return cluster.runner.call(stand())


def test_the_silent_leave_the_queue_and_the_living_stay(cluster: Cluster) -> None:
    leader = cluster.wait_for_leader()
    alice = cluster.client("alice")
    alice.acquire("printer", ttl=60)
    carol = cluster.client("carol").submit("wait", "printer", ttl=60)
    until(cluster, lambda view: len(view.nodes[leader].locks["printer"]["queue"]) == 1)
    link = stand_in_queue(cluster, leader, "mallory")
    try:
        until(cluster, lambda view: len(view.nodes[leader].locks["printer"]["queue"]) == 2)
        until(cluster, lambda view: len(view.nodes[leader].locks["printer"]["queue"]) == 1)
        queue = look(cluster, lambda view: view.nodes[leader].locks["printer"]["queue"])
        assert [waiter["client"] for waiter in queue] == ["carol"], "she has waited for longer"
        whys = [why for event in events(cluster, "lock") for why in event.data["why"]]
        assert "session_ended" in whys
        alice.release("printer")
        assert carol.result().token
    finally:
        cluster.runner.call(link.close())
