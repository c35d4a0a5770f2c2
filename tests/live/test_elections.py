"""Leaders come and go, over real websockets."""

from __future__ import annotations

import pytest

from raftlock import Cluster
from raftlock.trace.situation import leader_in
from tests.live.helpers import events, look, others, until


@pytest.mark.connected
def test_five_nodes_elect_one_leader_whom_all_follow(cluster: Cluster) -> None:
    leader = cluster.leader
    until(cluster, lambda view: all(node.leader == leader for node in view.nodes.values()))
    roles = [status.role.word for status in cluster.status().values()]
    assert sorted(roles) == ["follower"] * 4 + ["leader"]


@pytest.mark.needs("inside")
def test_each_node_has_a_port_of_its_own(cluster: Cluster) -> None:
    ports = [port for _, port in cluster.laboratory._addresses.values()]
    assert len(set(ports)) == 5
    assert {host for host, _ in cluster.laboratory._addresses.values()} == {"127.0.0.1"}


@pytest.mark.processes
def test_killing_the_leader_brings_another_in_a_higher_term(cluster: Cluster) -> None:
    first = cluster.wait_for_leader()
    term = cluster.status()[first].term
    cluster.kill(first)
    second = cluster.wait_for_leader()
    assert second != first
    assert cluster.status()[second].term > term
    assert first not in cluster.status()


def test_a_killed_node_comes_back_with_its_term_and_log_and_catches_up(cluster: Cluster) -> None:
    first = cluster.wait_for_leader()
    cluster.kill(first)
    second = cluster.wait_for_leader()
    cluster.client("alice").acquire("build", ttl=30)
    cluster.restart(first)
    until(cluster, lambda view: view.nodes[first].applied == view.nodes[second].applied)
    assert cluster.status()[first].leader_id == second


def test_a_minority_elects_nobody(cluster: Cluster) -> None:
    leader = cluster.wait_for_leader()
    rest = others(cluster, leader)
    for node in (leader, *rest[:2]):
        cluster.kill(node)
    assert cluster.leader is None
    for node in rest[2:]:
        until(cluster, lambda view, node=node: view.nodes[node].pre_vote is not None)
    assert not any(status.role.word == "leader" for status in cluster.status().values())
    cluster.restart(leader)
    assert cluster.wait_for_leader() in {leader, *rest[2:]}


@pytest.mark.needs("inside")
def test_a_whole_cluster_that_lost_power_keeps_its_terms_and_votes(cluster: Cluster) -> None:
    cluster.client("alice").acquire("build", ttl=60)
    for node in cluster.nodes:
        cluster.kill(node)
    assert not cluster.status()
    before = {node: disk.load().state for node, disk in cluster.laboratory._disks.items()}
    assert all(state.current_term > 0 for state in before.values())
    for node in cluster.nodes:
        cluster.restart(node)
    leader = cluster.wait_for_leader()
    recovered = {event.node: event for event in events(cluster, "vote") if event.rule == "Restart"}
    for node, state in before.items():
        assert recovered[node].data["for"] == state.voted_for
        assert cluster.status()[node].term >= state.current_term
    # What alice was granted before is still there after.
    until(cluster, lambda view: "build" in view.nodes[leader].locks)
    assert look(cluster, lambda view: view.nodes[leader].locks["build"]["owner"]) == "alice"


@pytest.mark.processes
def test_a_frozen_leader_is_replaced_and_steps_down_after_the_thaw(cluster: Cluster) -> None:
    first = cluster.wait_for_leader()
    cluster.freeze(first)
    second = cluster.wait_for_leader()  # a frozen node leads nobody
    assert second != first
    assert look(cluster, lambda view: view.nodes[first].role) == "leader"  # it has not heard
    cluster.thaw(first)
    until(cluster, lambda view: view.nodes[first].role == "follower")
    until(cluster, lambda view: view.nodes[first].leader == second)


def test_a_leader_cut_off_one_way_still_loses_its_office(cluster: Cluster) -> None:
    first = cluster.wait_for_leader()
    for node in others(cluster, first):
        cluster.cut(first, node, one_way=True)  # it hears them, they do not hear it
    until(cluster, lambda view: leader_in(view) not in {None, first})
    until(cluster, lambda view: view.nodes[first].role == "follower")
    cluster.heal()
    until(cluster, lambda view: view.nodes[first].leader == leader_in(view))


def test_one_node_alone_leads_itself() -> None:
    with Cluster(nodes=1, timing="lan") as cluster:
        assert cluster.wait_for_leader() == "n1"
        assert cluster.client("alice").acquire("build", ttl=10).token > 0
