"""What is committed stays, what is not may go: partitions over real websockets."""

from __future__ import annotations

import pytest

from raftlock import Cluster, errors
from raftlock.trace.situation import leader_in
from raftlock.transport.codec import Request, decode_response, encode_request
from raftlock.transport.limits import check_address
from raftlock.transport.websocket import ClientLink, dial_client
from raftlock.types import ClientID
from tests.live.helpers import events, look, others, until


async def ask_for_a_session(cluster: Cluster, node: str) -> ClientLink:
    """Ask one node, whether it leads or not: a client of ours would go to the leader it finds."""
    access = cluster.laboratory.access
    host, port = check_address(access.endpoints[cluster.nodes.index(node)])
    link = await dial_client(
        host, port, token=access.token, cluster=access.cluster, client=ClientID("mallory")
    )
    link.send(encode_request(Request(1, "open_session")))
    return link


@pytest.mark.processes
def test_a_minority_cannot_commit_and_what_it_wrote_is_overwritten(cluster: Cluster) -> None:
    old = cluster.wait_for_leader()
    cluster.client("alice").acquire("before", ttl=60)
    friend, *majority = others(cluster, old)
    cluster.partition([old, friend], majority)
    committed = cluster.status()[old].commit_index
    length = cluster.status()[old].last_log_index

    # Straight to the old leader, which still believes in itself: it appends, and cannot commit.
    link = cluster.runner.call(ask_for_a_session(cluster, old))
    until(cluster, lambda view: view.nodes[friend].log.last > length)
    until(cluster, lambda view: leader_in(view) in majority)
    new = cluster.wait_for_leader()
    assert cluster.status()[old].commit_index == committed

    cluster.client("bob").acquire("after", ttl=60)
    cluster.heal()
    answer = cluster.runner.call(link.recv())
    assert decode_response(answer).error is not None
    until(cluster, lambda view: view.nodes[old].applied == view.nodes[new].applied > committed)
    assert any(event.node == old for event in events(cluster, "truncate"))
    owners = look(
        cluster, lambda view: {n.id: n.locks["after"]["owner"] for n in view.nodes.values()}
    )
    assert set(owners.values()) == {"bob"}
    assert len(owners) == 5


@pytest.mark.connected
def test_all_tables_are_equal_at_equal_index(cluster: Cluster) -> None:
    for number in range(5):
        cluster.client("alice").acquire(f"lock {number}", ttl=60)
    cluster.kill(others(cluster, cluster.wait_for_leader())[0])
    for number in range(5):
        cluster.client("alice").release(f"lock {number}")
    hashes: dict[int, set[str]] = {}
    for event in events(cluster, "apply"):
        hashes.setdefault(int(event.data["index"]), set()).add(str(event.data["hash"]))
    assert len(hashes) > 10
    assert all(len(found) == 1 for found in hashes.values())


@pytest.mark.processes
def test_lossy_links_slow_a_cluster_but_do_not_stop_it(trio: Cluster) -> None:
    for a, b in (("n1", "n2"), ("n2", "n3"), ("n1", "n3")):
        trio.link(a, b, loss=0.2, jitter=0.01)
    for number in range(5):
        trio.client("alice").acquire(f"lock {number}", ttl=60)
    assert events(trio, "drop")
    trio.heal()
    leader = trio.wait_for_leader()
    until(trio, lambda view: len({node.applied for node in view.nodes.values()}) == 1)
    assert look(trio, lambda view: len(view.nodes[leader].locks)) == 5


@pytest.mark.needs("time")
@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        (lambda c: c.kill("n9"), "no node 'n9'"),
        (lambda c: c.cut("n1", "n1"), "joins two nodes"),
        (lambda c: c.partition(["n1", "n2"], ["n2", "n3"]), "n2 only once"),
        (lambda c: c.partition(["n1", "nope"]), "no node 'nope'"),
        (lambda c: c.link("n1", "n2", delay=-1), "delay must be"),
        (lambda c: c.link("n1", "n2", loss=2), "loss must be"),
        (lambda c: c.restart("n1"), "kill it first"),
        (lambda c: c.thaw("n1"), "not frozen"),
        (lambda c: setattr(c, "speed", 3), "speed must be"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(
    trio: Cluster, mistake: object, sentence: str
) -> None:
    faults = len(events(trio, "fault"))
    with pytest.raises(errors.InvalidArgument, match=sentence):
        mistake(trio)  # type: ignore[operator]
    assert len(events(trio, "fault")) == faults
    assert trio.wait_for_leader()
    assert trio.speed == 1.0


def test_a_node_that_was_cut_off_comes_back_quietly(cluster: Cluster) -> None:
    leader = cluster.wait_for_leader()
    term = cluster.status()[leader].term
    lost = others(cluster, leader)[0]
    cluster.partition([lost], others(cluster, lost))
    until(cluster, lambda view: view.nodes[lost].pre_vote is not None)
    cluster.heal()
    until(cluster, lambda view: view.nodes[lost].pre_vote is None)
    assert cluster.leader == leader
    assert {status.term for status in cluster.status().values()} == {term}


def test_a_leader_without_a_majority_gives_up_its_office_by_itself(cluster: Cluster) -> None:
    leader = cluster.wait_for_leader()
    cluster.partition([leader], others(cluster, leader))
    until(cluster, lambda view: view.nodes[leader].role == "follower")
    assert any(event.rule == "CheckQuorum" for event in events(cluster, "role"))
