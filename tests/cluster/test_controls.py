"""What a panel asks for is done, or refused in one sentence, and then nothing has changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from raftlock import Cluster
from raftlock.cluster.controls import VERBS
from raftlock.errors import ClusterStopped, InvalidArgument, LockNotHeld, RaftLockError
from tests.live.helpers import events, look, until


@pytest.fixture(scope="module")
def shared() -> Iterator[Cluster]:
    with Cluster(nodes=3, timing="lan", seed=3) as cluster:
        cluster.wait_for_leader()
        yield cluster


def do(cluster: Cluster, verb: str, **arguments: object) -> str | None:
    return cluster.runner.call(cluster.do(verb, **arguments))  # type: ignore[arg-type]


def writes(cluster: Cluster) -> int:
    """How many writes came to what the locks protect; asked on the cluster's own thread."""
    return sum(event.kind == "storage" for event in cluster.recorder.events)


@pytest.mark.parametrize(
    ("verb", "arguments", "sentence"),
    [
        ("fly", {}, "no control 'fly'"),
        ("kill", {"node": "n9"}, "no node 'n9': the nodes are n1, n2, n3"),
        ("kill", {}, "Name a node"),
        ("kill", {"node": 3}, "Name a node"),
        ("kill", {"node": "<img src=x onerror=alert(1)>"}, "no node '<img"),
        ("transfer", {"node": "n9"}, "no node 'n9'"),
        ("add", {}, "Name a node"),
        ("add", {"node": "<b>"}, "letters, digits"),
        ("remove", {"node": "n9"}, "no node 'n9'"),
        ("wipe", {"node": "n9"}, "no node 'n9'"),
        ("step", {}, "Pause the cluster first"),
        ("cut", {"src": "n1", "dst": "n1"}, "joins two nodes"),
        ("partition", {"groups": [["n1", "n2"], ["n2"]]}, "n2 only once"),
        ("partition", {"groups": [["n1"], [["n2"]]]}, "a list of groups"),
        ("partition", {"groups": "n1"}, "a list of groups"),
        ("partition", {"groups": [["n1", "n2", "n3"]]}, "separates nobody"),
        ("speed", {"value": 7}, "between 0.001 and 1"),
        ("speed", {"value": "fast"}, "must hold a number"),
        ("acquire", {"client": "alice", "lock": "x", "ttl_s": 0}, "ttl must be from 1 s"),
        ("acquire", {"client": "alice", "lock": "x" * 10_000}, "256 characters"),
        ("acquire", {"client": " ", "lock": "x"}, "Name a client"),
        ("wait", {"client": "alice", "lock": "x", "wait_s": 0}, "wait_timeout must be"),
        ("wait", {"client": "alice", "lock": "x", "priority": 0.5}, "whole number"),
        ("wait", {"client": "alice", "lock": "x", "priority": 9_999}, "priority must be"),
        ("release", {"client": "nobody", "lock": "x"}, "knows of no hold"),
        ("renew", {"client": "nobody", "lock": "x"}, "knows of no hold"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(
    shared: Cluster, verb: str, arguments: dict[str, object], sentence: str
) -> None:
    log = {status.last_log_index for status in shared.status().values()}
    faults = len(events(shared, "fault"))
    with pytest.raises(RaftLockError) as raised:
        do(shared, verb, **arguments)
    assert sentence in str(raised.value)
    assert str(raised.value).count("\n") == 0
    assert len(str(raised.value)) < 250
    assert len(events(shared, "fault")) == faults
    assert {status.last_log_index for status in shared.status().values()} == log


def test_every_verb_does_what_it_says(shared: Cluster) -> None:
    assert set(VERBS) >= {"kill", "restart", "freeze", "thaw", "cut", "restore", "partition"}
    leader = shared.wait_for_leader()
    follower = next(node for node in shared.nodes if node != leader)
    do(shared, "freeze", node=follower)
    assert look(shared, lambda view: view.nodes[follower].state) == "frozen"
    do(shared, "thaw", node=follower)
    do(shared, "cut", src=leader, dst=follower, one_way=True)
    assert not look(shared, lambda view: view.network.is_open(leader, follower))
    assert look(shared, lambda view: view.network.is_open(follower, leader))
    do(shared, "restore", src=leader, dst=follower)
    do(shared, "partition", groups=[[follower]])
    do(shared, "heal")
    assert look(shared, lambda view: view.network.both_ways(leader, follower))
    do(shared, "speed", value=0.5)
    assert shared.speed == 0.5
    do(shared, "speed", value=1)
    do(shared, "pause")
    assert look(shared, lambda view: view.paused)
    do(shared, "resume")
    shared.wait_for_leader()


def test_a_client_asks_waits_and_is_told_how_it_stands(shared: Cluster) -> None:
    shared.wait_for_leader()
    text = do(shared, "acquire", client="alice", lock="desk", ttl_s=60)
    assert str(text).startswith("alice holds desk with token ")
    text = do(shared, "wait", client="bob", lock="desk", ttl_s=60, wait_s=60)
    assert text == "bob waits for desk: next in line."
    text = do(shared, "wait", client="carol", lock="desk", ttl_s=60, wait_s=60)
    assert text == "carol waits for desk: 1 ahead of it."
    text = do(shared, "cancel", client="carol", lock="desk")
    assert text == "carol no longer waits for desk."
    do(shared, "renew", client="alice", lock="desk", ttl_s=90)
    text = do(shared, "release", client="alice", lock="desk")
    assert text == "alice gave back desk."
    leader = shared.wait_for_leader()
    until(shared, lambda view: view.nodes[leader].locks["desk"]["owner"] == "bob")
    do(shared, "wait", client="alice", lock="desk")
    do(shared, "cancel", client="alice", lock="desk")
    do(shared, "release", client="bob", lock="desk")
    until(shared, lambda view: "desk" not in view.nodes[leader].locks)


def test_members_and_leaders_change_by_hand_too() -> None:
    with Cluster(nodes=3, timing="lan", seed=5) as cluster:
        leader = cluster.wait_for_leader()
        target = next(node for node in cluster.nodes if node != leader)
        assert do(cluster, "transfer", node=target) == f"{target} leads now."
        assert do(cluster, "transfer") == f"{cluster.leader} leads now."
        assert do(cluster, "add", node="n4") == "n4 is a member, with a vote."
        assert do(cluster, "remove", node="n4") == "n4 is no member any more."
        lost = next(node for node in cluster.nodes if node != cluster.leader)
        told = do(cluster, "wipe", node=lost)
        assert told == f"The disk of {lost} is lost: {lost}.2 begins with an empty one."
        told = do(cluster, "wipe", node=f"{lost}.2", as_voter=True)
        assert told == f"The disk of {lost}.2 is lost: {lost}.2 begins with an empty one."
        do(cluster, "pause")
        seen = look(cluster, lambda view: view.seq)
        do(cluster, "step")
        assert look(cluster, lambda view: view.seq) > seen


def test_starting_over_is_a_control_too_and_a_stopped_cluster_says_so() -> None:
    with Cluster(nodes=3, timing="lan") as cluster:
        cluster.wait_for_leader()
        assert "Started over" in str(do(cluster, "start_over"))
        assert cluster.generation == 1
        assert cluster.wait_for_leader()
        stopped = cluster.do("pause")
    with pytest.raises(ClusterStopped, match="run its cell again"):
        stopped.send(None)


def test_a_frozen_holder_writes_late_and_is_refused_by_its_token() -> None:
    """The story of the fenced resource, live: real clients, a real lease, one laboratory clock."""
    with Cluster(nodes=3, timing="lan", seed=4) as cluster:
        cluster.wait_for_leader()
        with pytest.raises(LockNotHeld, match="alice holds no 'desk'"):
            cluster.write("alice", "desk")
        with pytest.raises(InvalidArgument, match="There is no 'client:dora' yet"):
            cluster.freeze("client:dora")
        do(cluster, "acquire", client="alice", lock="desk", ttl_s=1)
        cluster.write("alice", "desk", work=0.1)
        do(cluster, "freeze", node="client:alice")
        with pytest.raises(InvalidArgument, match="frozen already"):
            cluster.freeze("client:alice")
        with pytest.raises(InvalidArgument, match="frozen and asks nothing"):
            cluster.client("alice").renew("desk")
        assert look(cluster, lambda view: view.clients["alice"].state) == "frozen"
        do(cluster, "wait", client="bob", lock="desk", ttl_s=60, wait_s=60)
        until(cluster, lambda view: "desk" in view.clients["bob"].holds)
        assert do(cluster, "write", client="bob", lock="desk") == (
            "bob writes to what desk protects."
        )
        until(cluster, lambda _: writes(cluster) == 1)
        do(cluster, "thaw", node="client:alice")
        until(cluster, lambda _: writes(cluster) == 2)
        told = [(each.data["client"], each.data["accepted"]) for each in events(cluster, "storage")]
        assert told == [("bob", True), ("alice", False)]
        with pytest.raises(InvalidArgument, match="is not frozen"):
            cluster.thaw("client:alice")
        with pytest.raises(LockNotHeld):
            cluster.write("alice", "desk")
