"""A live cluster goes on as a simulation: nothing is lost, granted twice, or disturbed by it."""

import pytest

from raftlock import Cluster
from raftlock.check.checker import check_history, check_trace
from raftlock.errors import InvalidArgument, LockHeld, LockNotHeld, NotInThisRuntime
from raftlock.trace.story import Story


def lines_of(simulation):
    return simulation.recorder.to_lines()


def broken_in(simulation):
    header, events = simulation.recorder.header, list(simulation.recorder.events)
    return [*check_trace(header, events), *check_history(header, events)]


def owners(simulation, lock):
    """Who was granted the lock, as (owner, token), in order, told once each."""
    granted = []
    for event in simulation.recorder.events:
        if event.kind == "lock" and event.data["lock"] == lock and event.data["owner"]:
            pair = (event.data["owner"], event.data["token"])
            if pair not in granted:
                granted.append(pair)
    return granted


def others_of(simulation, leader):
    return [node for node in simulation.nodes if node != leader]


@pytest.fixture(scope="module")
def torn():
    """A lock held, two in its queue, a leader that is cut off, and messages on their way."""
    with Cluster(5, seed=11, name="torn") as cluster:
        leader = cluster.wait_for_leader()
        cluster.client("alice").acquire("printer", ttl=4)
        waits = [cluster.client(name).submit("wait", "printer", ttl=5) for name in ("bob", "carol")]
        cluster.run_until(
            lambda view: any(
                len(lock["queue"]) == 2
                for node in view.nodes.values()
                for lock in node.locks.values()
            )
        )
        others = [node for node in cluster.nodes if node != leader]
        cluster.partition([leader, others[0]], others[1:])
        cluster.client("dave").submit("acquire", "scanner")
        cluster.freeze(others[3])
        simulation = cluster.simulate()
        yield cluster, leader, simulation
        del waits


def test_it_goes_on_from_where_it_was(torn):
    _, leader, simulation = torn
    seam = simulation.recorder.last_seq
    held = simulation.world.clients["alice"].held["printer"]
    assert held.valid(simulation.now_ms())
    token = held.token
    assert {"alice", "bob", "carol"} <= set(simulation.world.clients)
    far = others_of(simulation, leader)[3]
    assert not simulation.world.network.links.is_open(leader, far)
    simulation.run(1)
    simulation.thaw(far)
    simulation.run(30)
    assert simulation.leader is not None
    assert simulation.leader != leader
    assert broken_in(simulation) == []
    granted = owners(simulation, "printer")
    assert granted[:2] == [("alice", token), ("bob", granted[1][1])]
    assert ("carol", granted[2][1]) in granted
    assert len({token for _, token in granted}) == len(granted)
    assert seam < simulation.recorder.last_seq


def test_the_same_moment_has_one_future(torn):
    cluster, _, simulation = torn
    other = simulation.branch()
    simulation.start_over()
    twin = simulation.branch()
    for each in (simulation, twin):
        each.run(12)
    assert lines_of(simulation) == lines_of(twin)
    again = cluster.simulate(seed=5)
    assert other.recorder.header != again.recorder.header
    again.run(5)
    assert broken_in(again) == []


def test_what_was_live_can_be_looked_at_and_not_lived_again(torn):
    _, _, simulation = torn
    simulation.start_over()
    seam = simulation.recorder.last_seq
    story = simulation.recorder.at(20)
    told = Story(simulation.recorder.header)
    for event in list(simulation.recorder.events)[:20]:
        told.apply(event)
    assert [line.text for line in story.lines] == [line.text for line in told.lines]
    with pytest.raises(InvalidArgument, match="live"):
        simulation.goto(seam - 1)
    with pytest.raises(InvalidArgument, match="live"):
        simulation.back()
    with pytest.raises(InvalidArgument, match="live"):
        simulation.branch(seq=3)
    with pytest.raises(NotInThisRuntime):
        _ = simulation.scenario
    simulation.run(2)
    end = lines_of(simulation)
    last = simulation.recorder.last_seq
    simulation.goto(seam + 5)
    simulation.goto(last)
    assert lines_of(simulation)[: seam + 1] == end[: seam + 1]
    assert lines_of(simulation)[:last] == end[:last]


def test_the_live_cluster_goes_on():
    with Cluster(3, seed=4, name="calm", timing="lan") as cluster:
        cluster.wait_for_leader()
        held = cluster.client("alice").acquire("printer", ttl=20)
        simulations = [cluster.simulate() for _ in range(3)]
        cluster.pause()
        paused = cluster.simulate()
        cluster.resume()
        with pytest.raises(LockHeld):
            cluster.client("bob").acquire("printer")
        cluster.client("alice").renew("printer")
        cluster.client("alice").release("printer")
        for simulation in (*simulations, paused):
            assert simulation.world.clients["alice"].held["printer"].token == held.token
            with pytest.raises(LockHeld):
                simulation.client("bob").acquire("printer")
            simulation.client("alice").release("printer")
            assert simulation.client("bob").acquire("printer").token > held.token
            assert broken_in(simulation) == []
        assert check_trace(cluster.recorder.header, list(cluster.recorder.events)) == []


def test_a_frozen_client_and_its_write_come_along():
    with Cluster(3, timing="lan", seed=8, name="late") as cluster:
        leader = cluster.wait_for_leader()
        cluster.client("alice").acquire("desk", ttl=2)
        cluster.write("alice", "desk", work=0.3)
        cluster.freeze("client:alice")
        down = next(node for node in cluster.nodes if node != leader)
        cluster.link(leader, down, delay=0.08, one_way=True)
        cluster.run_until(lambda view: len(view.network.flights) > 1)
        cluster.pause()
        cluster.kill(down)
        simulation = cluster.simulate()
    simulation.run(4)
    bob = simulation.client("bob").acquire("desk", wait=True)
    simulation.write("bob", "desk")
    simulation.run(0.1)
    simulation.thaw("client:alice")
    simulation.run(1)
    writes = [event.data for event in simulation.recorder.events if event.kind == "storage"]
    assert [(write["client"], write["accepted"]) for write in writes] == [
        ("bob", True),
        ("alice", False),
    ]
    assert writes[1]["token"] < bob.token
    with pytest.raises(LockNotHeld):
        simulation.write("alice", "desk")
    assert broken_in(simulation) == []
    # What was under way to the node that died is told as lost: no slip stays in the air.
    events = list(simulation.recorder.events)
    seam = next(e.seq for e in events if e.kind == "note" and "simulated" in e.data["text"])
    ended = {event.cause for event in events if event.kind in {"deliver", "drop"}}
    lost_after = [e for e in events if e.kind == "drop" and e.cause < seam < e.seq]
    assert lost_after
    assert {e.seq for e in events if e.kind == "send" and e.seq < seam} <= ended
