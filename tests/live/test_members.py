"""Nodes join, leave, lose their disks and hand over their office, over real websockets."""

from __future__ import annotations

import asyncio

import pytest

from raftlock import Cluster, errors
from raftlock.trace.situation import leader_in, situation
from tests.live.helpers import events, look, others, until


def voters(cluster: Cluster) -> tuple[str, ...]:
    return look(cluster, lambda view: view.configuration.voters)


def what_happened(cluster: Cluster, node: str) -> list[object]:
    return [event.data["what"] for event in events(cluster, "node") if event.node == node]


def lines(cluster: Cluster) -> list[str]:
    return look(cluster, lambda _view: [line.text for line in cluster.recorder.story.lines])


@pytest.mark.processes
def test_a_sixth_node_joins_and_two_others_may_then_die(cluster: Cluster) -> None:
    cluster.client("alice").acquire("build", ttl=60)
    cluster.add_node("n6")
    assert cluster.nodes == ("n1", "n2", "n3", "n4", "n5", "n6")
    assert sorted(voters(cluster)) == ["n1", "n2", "n3", "n4", "n5", "n6"]
    until(cluster, lambda view: view.nodes["n6"].locks.get("build", {}).get("owner") == "alice")
    leader = cluster.wait_for_leader()
    for node in [name for name in cluster.nodes if name not in {leader, "n6"}][:2]:
        cluster.kill(node)
    assert cluster.wait_for_leader()
    assert cluster.client("bob").acquire("desk", ttl=10).token
    until(cluster, lambda view: "desk" in view.nodes["n6"].locks)
    assert "n6 joins as a learner: it is sent the log and has no vote." in lines(cluster)


def test_who_joined_comes_back_as_a_voter_after_a_kill(trio: Cluster) -> None:
    trio.add_node("n4")
    trio.kill("n4")
    trio.restart("n4")
    until(trio, lambda view: view.nodes["n4"].applied == view.applied_high > 0)
    status = trio.status()["n4"]
    assert status.configuration is not None
    assert sorted(status.configuration.voters) == ["n1", "n2", "n3", "n4"]
    assert look(trio, lambda view: view.part("n4")) == "voter"


@pytest.mark.processes
def test_a_leader_can_be_removed_and_the_others_elect_another(cluster: Cluster) -> None:
    first = cluster.wait_for_leader()
    cluster.remove_node(first)
    assert first not in cluster.nodes
    assert first not in cluster.status()
    second = cluster.wait_for_leader()
    assert second != first
    assert sorted(voters(cluster)) == sorted(cluster.nodes)
    assert len(cluster.nodes) == 4
    assert look(cluster, lambda view: first in view.nodes) is False
    assert cluster.client("alice").acquire("build", ttl=10).token
    with pytest.raises(errors.InvalidArgument, match="another name"):
        cluster.add_node(first)
    with pytest.raises(errors.UnknownNode, match="the nodes are"):
        cluster.remove_node(first)


def test_a_leader_that_goes_hears_the_others_to_the_end(cluster: Cluster) -> None:
    first = cluster.wait_for_leader()
    until(cluster, lambda view: all(node.leader == first for node in view.nodes.values()))
    seen = look(cluster, lambda view: view.seq)
    cluster.remove_node(first)
    # Once the members without it are committed, nobody owes it an answer any more.
    done = max(e.seq for e in events(cluster, "commit") if e.node == first)
    lost = [e for e in events(cluster, "drop") if seen < e.seq < done and e.data["to"] == first]
    assert lost == []


def test_every_node_can_be_replaced_while_locks_are_held(trio: Cluster) -> None:
    alice = trio.client("alice")
    held = alice.acquire("build", ttl=60)
    for old, new in (("n1", "n4"), ("n2", "n5"), ("n3", "n6")):
        trio.add_node(new)
        trio.remove_node(old)
    assert trio.nodes == ("n4", "n5", "n6")
    trio.wait_for_leader()
    assert trio.client("bob").get_lock_info("build").owner_id == "alice"
    alice.release("build", token=held.token)
    assert trio.client("bob").acquire("build", ttl=10).token > held.token


def test_a_node_that_is_down_can_be_removed(trio: Cluster) -> None:
    down = others(trio, trio.wait_for_leader())[0]
    trio.kill(down)
    trio.remove_node(down)
    assert down not in trio.nodes
    assert down not in voters(trio)
    assert len(voters(trio)) == 2


def test_a_member_is_not_removed_behind_the_clusters_back(trio: Cluster) -> None:
    with pytest.raises(errors.InvalidArgument, match="a member still"):
        trio.runner.call(trio.laboratory.remove("n1"))
    assert trio.nodes == ("n1", "n2", "n3")


@pytest.mark.needs("inside")
def test_lines_follow_the_members(trio: Cluster) -> None:
    leader = trio.wait_for_leader()
    trio.add_node("n4")
    running = trio.laboratory.running(leader)
    assert running is not None
    until(trio, lambda _view: "n4" in running._peers._lines)
    trio.remove_node("n4")
    until(trio, lambda _view: "n4" not in running._peers._tasks)
    assert "n4" not in running._peers._lines


def test_leadership_goes_to_the_node_that_is_named(cluster: Cluster) -> None:
    first = cluster.wait_for_leader()
    target = others(cluster, first)[-1]
    term = cluster.status()[first].term
    assert cluster.transfer_leadership(target) == target == cluster.leader
    assert cluster.status()[target].term == term + 1
    until(cluster, lambda view: view.nodes[first].role == "follower")
    told = lines(cluster)
    assert f"{first} hands its office to {target}: it takes no requests meanwhile." in told
    assert f"{target} stands for election in term {term + 1} at once: {first} asked it to." in told


def test_leadership_goes_to_whoever_is_furthest(cluster: Cluster) -> None:
    first = cluster.wait_for_leader()
    second = cluster.transfer_leadership()
    assert second != first
    assert cluster.leader == second


def test_a_transfer_that_cannot_be_is_refused_or_given_up(cluster: Cluster) -> None:
    first = cluster.wait_for_leader()
    with pytest.raises(errors.InvalidArgument, match="leads already"):
        cluster.transfer_leadership(first)
    with pytest.raises(errors.UnknownNode):
        cluster.transfer_leadership("n9")
    gone = others(cluster, first)[0]
    cluster.kill(gone)
    with pytest.raises(errors.Timeout, match="in time"):
        cluster.transfer_leadership(gone)
    assert cluster.wait_for_leader()


@pytest.mark.processes
def test_a_lost_disk_ends_a_node_and_its_successor_gets_its_vote_last(cluster: Cluster) -> None:
    cluster.client("alice").acquire("build", ttl=60)
    lost = others(cluster, cluster.wait_for_leader())[0]
    becomes = f"{lost}.2"
    assert cluster.wipe(lost) == becomes
    assert lost not in cluster.nodes
    assert look(cluster, lambda view: view.part(becomes)) == "learner"
    assert lost not in voters(cluster)
    assert look(cluster, lambda view: lost in view.nodes) is False
    until(cluster, lambda view: "build" in view.nodes[becomes].locks)
    assert look(cluster, lambda view: situation(view).level) == "ok"
    with pytest.raises(errors.UnknownNode):
        cluster.restart(lost)
    cluster.add_node(becomes)
    assert len(voters(cluster)) == 5
    assert look(cluster, lambda view: view.part(becomes)) == "voter"
    assert what_happened(cluster, lost) == ["started", "wiped"]
    assert what_happened(cluster, becomes) == ["added"]
    assert cluster.wipe(becomes) == f"{lost}.3"


def test_the_leaders_own_disk_may_be_lost(cluster: Cluster) -> None:
    first = cluster.wait_for_leader()
    becomes = cluster.wipe(first)
    assert cluster.wait_for_leader() not in {first, becomes}
    until(cluster, lambda view: view.part(becomes) == "learner")
    assert cluster.client("alice").acquire("build", ttl=10).token


def test_a_voter_that_comes_back_without_its_disk_marks_the_run(cluster: Cluster) -> None:
    lost = others(cluster, cluster.wait_for_leader())[0]
    assert cluster.wipe(lost, as_voter=True) == lost
    fault = next(event for event in events(cluster, "fault") if event.data["what"] == "wipe")
    assert (fault.data["as_voter"], fault.data["becomes"]) == (True, lost)
    assert what_happened(cluster, lost) == ["started", "wiped", "restarted"]
    assert look(cluster, lambda view: view.nodes[lost].log.last) == 0
    # The old leader takes it for one that has the log: only the next one finds out.
    cluster.transfer_leadership(others(cluster, lost, cluster.wait_for_leader())[0])
    until(cluster, lambda view: view.nodes[lost].applied == view.applied_high > 0)
    assert look(cluster, lambda view: view.part(lost)) == "voter"


def test_without_a_majority_a_lost_disk_waits_for_one(trio: Cluster) -> None:
    leader = trio.wait_for_leader()
    first, second = others(trio, leader)
    trio.kill(first)
    assert trio.wipe(second) == f"{second}.2"
    assert look(trio, lambda view: view.part(f"{second}.2")) == "no member"
    assert look(trio, lambda view: situation(view).level) == "stuck"
    assert look(trio, lambda view: view.nodes[second].fate) == "wiped"
    trio.restart(first)
    trio.wait_for_leader()
    trio.add_node(f"{second}.2")
    trio.remove_node(second)
    assert len(voters(trio)) == 3
    assert look(trio, lambda view: second in view.nodes) is False


class BadDisk:
    """A disk whose syncs fail from now on."""

    def __init__(self, disk: object) -> None:
        self.__dict__["disk"] = disk

    def __getattr__(self, name: str) -> object:
        return getattr(self.__dict__["disk"], name)

    def sync(self) -> None:
        raise errors.StorageError("The disk did not sync.")


@pytest.mark.needs("inside")
def test_a_node_whose_disk_fails_stops_and_nothing_else_does(cluster: Cluster) -> None:
    node = others(cluster, cluster.wait_for_leader())[0]
    running = cluster.laboratory.running(node)
    assert running is not None
    running._disk._storage = BadDisk(running._storage)  # type: ignore[assignment]
    cluster.client("alice").acquire("build", ttl=60)
    until(cluster, lambda view: view.nodes[node].fate == "stopped")
    assert look(cluster, lambda view: view.nodes[node].why) == "The disk did not sync."
    assert node not in cluster.status()
    assert cluster.client("bob").acquire("desk", ttl=10).token
    cluster.restart(node)  # over what is really on its disk
    until(cluster, lambda view: view.nodes[node].applied == view.applied_high)


@pytest.mark.needs("inside")
def test_a_node_whose_writes_fail_stops_too(cluster: Cluster) -> None:
    node = others(cluster, cluster.wait_for_leader())[0]
    running = cluster.laboratory.running(node)
    assert running is not None
    bad = BadDisk(running._storage)
    bad.__dict__["write"] = lambda _batch: bad.sync()
    running._disk._storage = bad  # type: ignore[assignment]
    cluster.client("alice").acquire("build", ttl=60)
    until(cluster, lambda view: view.nodes[node].fate == "stopped")


@pytest.mark.needs("inside")
def test_a_node_refuses_to_start_over_a_damaged_disk(trio: Cluster) -> None:
    node = others(trio, trio.wait_for_leader())[0]
    trio.kill(node)
    disk = BadDisk(trio.laboratory._disks[node])
    disk.__dict__["load"] = disk.sync
    trio.laboratory._disks[node] = disk  # type: ignore[assignment]
    with pytest.raises(errors.StorageError, match="did not sync"):
        trio.restart(node)
    assert look(trio, lambda view: view.nodes[node].fate) == "refused"
    assert trio.leader
    assert trio.wipe(node) == f"{node}.2"


@pytest.mark.needs("time")
def test_what_needs_the_cluster_to_agree_needs_it_to_move(trio: Cluster) -> None:
    trio.pause()
    for verb in (
        lambda: trio.add_node("n4"),
        lambda: trio.remove_node("n1"),
        lambda: trio.wipe("n1"),
        lambda: trio.transfer_leadership("n1"),
    ):
        with pytest.raises(errors.InvalidArgument, match="paused"):
            verb()
    assert trio.nodes == ("n1", "n2", "n3")


@pytest.mark.parametrize("name", ["", "n 4", "<b>", "x" * 65])
def test_a_node_needs_a_name_that_can_be_one(trio: Cluster, name: str) -> None:
    with pytest.raises(errors.InvalidArgument):
        trio.add_node(name)
    assert trio.nodes == ("n1", "n2", "n3")


def test_there_is_room_for_nine() -> None:
    with Cluster(nodes=9, timing="lan") as cluster:
        cluster.wait_for_leader()
        with pytest.raises(errors.InvalidArgument, match="at most 9"):
            cluster.add_node("n10")


@pytest.mark.processes
def test_the_same_verbs_can_be_awaited(trio: Cluster) -> None:
    async def cell() -> str:
        leader = await trio.aio.wait_for_leader()
        await trio.aio.add_node("n4")
        first = await trio.aio.transfer_leadership("n4")
        await trio.aio.remove_node(leader)
        follower = next(node for node in trio.nodes if node != first)
        becomes = await trio.aio.wipe(follower)
        return f"{first} {becomes == f'{follower}.2'}"

    assert asyncio.run(cell()) == "n4 True"


@pytest.mark.needs("time")
def test_time_s_verbs_can_be_awaited_too(trio: Cluster) -> None:
    async def cell() -> float:
        await trio.aio.pause()
        before = look(trio, lambda view: view.seq)
        await trio.aio.step()
        await trio.aio.resume()
        return look(trio, lambda view: view.seq) - before

    assert asyncio.run(cell()) > 0


@pytest.mark.needs("time")
def test_paused_the_cluster_goes_step_by_step(trio: Cluster) -> None:
    with pytest.raises(errors.InvalidArgument, match="Pause the cluster first"):
        trio.step()
    trio.pause()
    seen, then = look(trio, lambda view: (view.seq, view.now))
    trio.step()
    after, now = look(trio, lambda view: (view.seq, view.now))
    assert after > seen
    assert now >= then
    for _ in range(30):
        trio.step()
    assert look(trio, lambda view: view.now) > now
    assert look(trio, leader_in), "stepping is no reason to lose a leader"
    for node in trio.nodes:
        trio.kill(node)

    def to_the_end() -> None:
        for _ in range(200):
            trio.step()

    with pytest.raises(errors.InvalidArgument, match="Nothing will happen"):
        to_the_end()
    trio.resume()


def test_a_node_that_was_away_for_long_is_sent_a_snapshot() -> None:
    with Cluster(nodes=3, timing="lan", seed=5, snapshot_entries=10, snapshot_tail=2) as cluster:
        leader = cluster.wait_for_leader()
        away = others(cluster, leader)[0]
        cluster.kill(away)
        alice = cluster.client("alice")
        for number in range(12):
            alice.acquire(f"lock{number}", ttl=60)
        until(cluster, lambda view: view.nodes[leader].log.base > 1)
        first = look(cluster, lambda view: view.nodes[leader].log.first)
        assert first == look(cluster, lambda view: view.nodes[leader].log.base) + 1
        cluster.restart(away)
        until(cluster, lambda view: "lock11" in view.nodes[away].locks)
        assert look(cluster, lambda view: len(view.nodes[away].locks)) == 12
        until(cluster, lambda view: len({node.hash for node in view.nodes.values()}) == 1)
        told = lines(cluster)
        assert any(f"{away} takes over the leader's snapshot" in line for line in told)
        cluster.add_node("n4")
        until(cluster, lambda view: len(view.nodes["n4"].locks) == 12)
        cluster.kill("n4")
        cluster.restart("n4")  # its snapshot was on its disk, and so was its vote
        assert any("n4 reads a snapshot from its disk" in line for line in lines(cluster))
        until(cluster, lambda view: len(view.nodes["n4"].locks) == 12)
        assert look(cluster, lambda view: view.part("n4")) == "voter"
