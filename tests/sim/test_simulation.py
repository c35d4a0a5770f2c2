import pytest

import raftlock
from raftlock import Simulation
from raftlock.errors import (
    InvalidArgument,
    LockHeld,
    LockLost,
    LockNotHeld,
    NotInThisRuntime,
    Timeout,
    UnknownNode,
)


@pytest.fixture
def simulation():
    made = Simulation(nodes=5, seed=7, timing="lan")
    made.wait_for_leader()
    return made


def others(simulation):
    return [node for node in simulation.nodes if node != simulation.leader]


def test_it_is_part_of_the_public_face():
    assert raftlock.Simulation is Simulation


@pytest.mark.parametrize("timing", ["lesson", "lan"])
@pytest.mark.parametrize("nodes", [1, 3, 5])
def test_a_leader_stands_soon(nodes, timing):
    simulation = Simulation(nodes=nodes, seed=1, timing=timing)
    assert simulation.leader is None
    assert simulation.wait_for_leader() == simulation.leader
    assert simulation.now < 5


def test_nothing_moves_by_itself(simulation):
    assert simulation.now == simulation.now
    before = simulation.recorder.last_seq
    assert simulation.status()[simulation.leader].role.word == "leader"
    assert simulation.recorder.last_seq == before


def test_a_lock_for_the_length_of_a_block(simulation):
    with simulation.client("alice").lock("printer", ttl=10) as held:
        assert held.valid
        assert 9 < held.remaining < 10
        assert held.token > 0
        with pytest.raises(LockHeld):
            simulation.client("bob").acquire("printer")
    assert simulation.client("bob").acquire("printer").token > 0


def test_a_waiter_gets_the_lock_when_it_comes_free(simulation):
    alice, bob = simulation.client("alice"), simulation.client("bob")
    held = alice.acquire("printer")
    waiting = bob.enqueue_waiter("printer")
    assert waiting.state == "waiting, next"
    alice.release(held)
    assert waiting.result().token > held.token
    assert bob.held.keys() == {"printer"}


def test_a_hold_ends_after_its_ttl(simulation):
    held = simulation.client("alice").acquire("printer", ttl=2)
    simulation.run(1)
    renewed = simulation.client("alice").renew(held)
    assert renewed.token == held.token
    assert held.remaining == renewed.remaining
    simulation.run(3)
    assert not held.valid
    assert simulation.client("bob").acquire("printer").token > held.token
    with pytest.raises(LockLost), simulation.client("carol").lock("scanner", ttl=1):
        simulation.run(5)


def test_a_client_that_holds_nothing_can_release_nothing(simulation):
    with pytest.raises(LockNotHeld):
        simulation.client("alice").release("printer")


def test_a_call_without_a_majority_times_out(simulation):
    simulation.client("alice").acquire("scanner")
    for node in others(simulation)[:3]:
        simulation.kill(node)
    with pytest.raises(Timeout):
        simulation.client("alice").acquire("printer", timeout=2)


def test_submitted_requests_run_on_while_time_passes(simulation):
    asked = simulation.client("alice").submit("acquire", "printer")
    assert not asked.done
    simulation.run(1)
    assert asked.state.startswith("holds it with token")


def test_a_killed_leader_is_replaced_and_comes_back(simulation):
    old = simulation.leader
    simulation.kill(old)
    assert simulation.leader is None
    assert simulation.wait_for_leader() != old
    simulation.restart(old)
    simulation.run(1)
    assert len(simulation.status()) == 5


def test_a_frozen_leader_goes_on_with_what_it_had_decided(simulation):
    old = simulation.leader
    simulation.freeze(old)
    assert simulation.wait_for_leader() != old
    simulation.thaw(old)
    simulation.run(1)
    assert simulation.status()[old].role.word == "follower"


def test_a_partition_leaves_the_majority_working(simulation):
    old = simulation.leader
    simulation.partition([old, others(simulation)[0]])
    new = simulation.wait_for_leader()
    assert new != old
    assert simulation.client("alice").acquire("printer").token > 0
    simulation.heal()
    simulation.run(1)
    assert {status.leader_id for status in simulation.status().values()} == {new}


def test_links_can_be_cut_slowed_and_told_what_to_do(simulation):
    one, other = others(simulation)[:2]
    simulation.cut(one, other, one_way=True)
    simulation.restore(one, other, one_way=True)
    simulation.link(one, other, delay=0.1, jitter=0.01, loss=0.5)
    simulation.drop(simulation.leader, one)
    simulation.hold(simulation.leader, one, 0.2)
    simulation.duplicate(simulation.leader, other)
    simulation.run(1)
    kinds = {event.kind for event in simulation.recorder.events}
    assert {"drop", "dup", "deliver"} <= kinds


@pytest.mark.parametrize("point", ["before", "written", "synced", "sent"])
def test_a_node_can_crash_on_its_next_write(simulation, point):
    node = others(simulation)[0]
    simulation.crash_on_write(node, point)
    assert simulation.client("alice").acquire("printer").token > 0
    simulation.run(1)
    assert node not in simulation.status()
    simulation.restart(node)
    simulation.run(1)
    statuses = simulation.status()
    assert statuses[node].last_applied == statuses[simulation.leader].last_applied


def test_a_frozen_client_writes_late_and_the_resource_refuses(simulation):
    alice, bob = simulation.client("alice"), simulation.client("bob")
    alice.acquire("printer", ttl=1)
    alice.write("printer", work=0.2)
    simulation.freeze("client:alice")
    simulation.run(2)
    bob.acquire("printer")
    bob.write("printer")
    simulation.run(0.1)
    simulation.thaw("client:alice")
    simulation.run(0.1)
    stored = [event.data for event in simulation.recorder.events if event.kind == "storage"]
    assert [(each["client"], each["accepted"]) for each in stored] == [
        ("bob", True),
        ("alice", False),
    ]


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(lambda s: s.kill("n9"), id="no such node"),
        pytest.param(lambda s: s.restart(s.leader), id="it runs"),
        pytest.param(lambda s: s.thaw("n1"), id="it is not frozen"),
        pytest.param(lambda s: s.cut("n1", "n1"), id="no link to itself"),
        pytest.param(lambda s: s.crash_on_write("n1", "never"), id="no such point"),
        pytest.param(lambda s: s.partition("n1"), id="a group is a list"),
        pytest.param(lambda s: s.freeze("client:nobody"), id="no such client"),
        pytest.param(lambda s: s.goto(0), id="no such event"),
        pytest.param(lambda s: s.client("alice").submit("steal", "printer"), id="no such call"),
    ],
)
def test_a_mistake_is_one_sentence(simulation, mistake):
    with pytest.raises((InvalidArgument, UnknownNode)) as caught:
        mistake(simulation)
    assert caught.value.message
    simulation.run(1)


def test_sizes_and_speeds_that_there_are_not(simulation):
    with pytest.raises(InvalidArgument):
        Simulation(nodes=0)
    with pytest.raises(NotInThisRuntime):
        simulation.speed = 0.5
    assert simulation.speed == 1.0


def test_a_paused_simulation_only_steps(simulation):
    simulation.pause()
    with pytest.raises(InvalidArgument):
        simulation.run(1)
    simulation.step()
    simulation.resume()
    simulation.run(1)


def test_running_until_the_view_says_so(simulation):
    old = simulation.leader
    simulation.kill(old)
    simulation.run_until(lambda view: any(n.role == "candidate" for n in view.nodes.values()))
    with pytest.raises(Timeout):
        simulation.run_until(lambda view: view is None, timeout=1)


def test_the_same_seed_and_verbs_give_the_same_trace():
    def lines():
        made = Simulation(nodes=3, seed=3, timing="lan")
        made.wait_for_leader()
        with made.client("alice").lock("printer"):
            made.kill(made.leader)
            made.run(1)
        return made.recorder.to_lines()

    assert lines() == lines()


def test_the_header_names_broken_rules():
    class Anything(raftlock.LockRules):
        pass

    header = Simulation(nodes=1, lock_rules=Anything()).recorder.header
    assert header["modified"] == "Anything"
    assert len(header["rules_hash"]) == 8
    assert Simulation(nodes=1).recorder.header["modified"] == ""


def test_starting_over(simulation):
    simulation.kill(simulation.leader)
    simulation.start_over()
    assert simulation.now == 0
    assert len(simulation.status()) == 5
    with simulation:
        assert "seed 7" in repr(simulation)


def test_snapshots_are_taken_and_installed_as_the_settings_say():
    simulation = Simulation(nodes=3, seed=3, timing="lan", snapshot_entries=5, snapshot_tail=1)
    assert simulation.recorder.header["snapshot_entries"] == 5
    assert simulation.recorder.header["snapshot_tail"] == 1
    behind = next(node for node in simulation.nodes if node != simulation.wait_for_leader())
    simulation.kill(behind)
    for number in range(8):
        simulation.client("alice").acquire(f"lock {number}".replace(" ", "-"))
    simulation.restart(behind)
    simulation.run(1)
    installed = [event for event in simulation.recorder.events if event.kind == "install"]
    assert [event.node for event in installed] == [behind]
    statuses = simulation.status()
    assert statuses[behind].last_applied == statuses[simulation.leader].last_applied


def test_what_is_as_usual_is_not_in_the_header():
    usual = Simulation(nodes=3).recorder.header
    assert not {"snapshot_entries", "snapshot_tail", "lease_reads"} & usual.keys()
    header = Simulation(nodes=3, timing="lan", lease_reads=True).recorder.header
    assert header["lease_reads"] is True


def test_a_client_looks_at_a_lock(simulation):
    held = simulation.client("alice").acquire("printer")
    info = simulation.client("bob").get_lock_info("printer")
    assert (info.owner_id, info.version) == ("alice", held.token)
    simulation.client("alice").release(held)
    told = simulation.recorder.last_seq
    assert simulation.client("bob").get_lock_info("printer").owner_id == ""
    simulation.goto(told)
    simulation.run(1)
    assert simulation.recorder.last_seq > told
