import itertools

import pytest

from raftlock import Simulation
from raftlock.check import check_trace
from raftlock.errors import InvalidArgument, UnknownNode
from raftlock.sim.disk import StorageRules
from raftlock.sim.timeline import Timeline
from raftlock.trace.export import encode_event


@pytest.fixture
def simulation():
    made = Simulation(nodes=3, seed=7, timing="lan")
    made.wait_for_leader()
    made.client("alice").acquire("printer", ttl=600)
    return made


def follower(simulation):
    return next(node for node in simulation.nodes if node != simulation.leader)


def trace(simulation):
    return [encode_event(event) for event in simulation.recorder.events]


def lives(simulation, node):
    return [
        event.data["what"]
        for event in simulation.recorder.events
        if event.kind == "node" and event.node == node
    ]


def write_something(simulation, client="bob"):
    return simulation.client(client).acquire(f"lock of {client}".replace(" ", "-")).token


def assert_has_all(simulation, node):
    statuses = simulation.status()
    assert statuses[node].last_applied == statuses[simulation.leader].last_applied


@pytest.mark.parametrize("fault", ["fail_write", "fail_sync", "full"])
def test_a_node_whose_disk_fails_stops_and_comes_back(simulation, fault):
    node = follower(simulation)
    simulation.disk_fault(node, fault)
    assert write_something(simulation) > 0
    simulation.run(0.5)
    assert lives(simulation, node) == ["started", "stopped"]
    why = [event.data for event in simulation.recorder.events if event.kind == "node"][-1]["why"]
    assert "disk" in why
    simulation.disk_fault(node, "well")
    simulation.restart(node)
    simulation.run(0.5)
    assert_has_all(simulation, node)


def test_a_node_on_a_full_disk_stops_again(simulation):
    node = follower(simulation)
    simulation.disk_fault(node, "full")
    assert simulation.world.nodes[node].disk.is_full
    write_something(simulation)
    simulation.restart(node)
    simulation.run(0.5)
    assert lives(simulation, node) == ["started", "stopped", "restarted", "stopped"]


def test_a_leader_whose_disk_fails_is_replaced(simulation):
    old = simulation.leader
    simulation.disk_fault(old, "fail_sync")
    assert write_something(simulation) > 0
    assert simulation.leader != old
    assert old not in simulation.status()


def test_a_damaged_disk_is_refused_at_the_next_start(simulation):
    node = follower(simulation)
    simulation.disk_fault(node, "flip")
    simulation.run(0.5)
    assert lives(simulation, node) == ["started"]
    for _ in range(2):
        if node in simulation.status():
            simulation.kill(node)
        simulation.restart(node)
    assert lives(simulation, node) == ["started", "killed", "refused", "refused"]
    assert simulation.world.nodes[node].refused
    new = simulation.wipe(node)
    simulation.add_node(new)
    simulation.run(0.5)
    assert_has_all(simulation, new)
    assert new in simulation.world.members().voters


def test_calm_mends_disks_but_not_what_is_damaged(simulation):
    one, other = (node for node in simulation.nodes if node != simulation.leader)
    simulation.disk_fault(one, "full")
    write_something(simulation)
    simulation.disk_fault(other, "flip")
    simulation.kill(other)
    simulation.restart(other)
    simulation._do("calm")
    simulation.run(1)
    assert lives(simulation, one) == ["started", "stopped", "restarted"]
    assert lives(simulation, other) == ["started", "killed", "refused"]


def test_a_crash_may_leave_a_record_in_part(simulation):
    node = follower(simulation)
    simulation.crash_on_write(node, "written", kept=0, torn=True)
    write_something(simulation)
    simulation.restart(node)
    simulation.run(0.5)
    assert lives(simulation, node) == ["started", "killed", "restarted"]
    assert_has_all(simulation, node)
    simulation.kill(node, kept=1, torn=True)
    told = simulation.script[-1]
    assert (told["kept"], told["torn"]) == (1, True)
    simulation.restart(node)
    simulation.run(0.5)
    assert_has_all(simulation, node)


class CutAnywhere(StorageRules):
    def refuses_damage(self):
        return False


def test_a_broken_rule_starts_over_a_damaged_log():
    simulation = Simulation(nodes=3, seed=7, timing="lan", storage_rules=CutAnywhere())
    assert simulation.recorder.header["modified"] == "CutAnywhere"
    simulation.wait_for_leader()
    node = follower(simulation)
    write_something(simulation)
    last = simulation.status()[node].last_log_index
    simulation.disk_fault(node, "flip")
    simulation.kill(node)
    simulation.restart(node)
    assert simulation.status()[node].last_log_index < last


# ---- clocks ----


def test_a_clock_that_jumps_lets_timers_run_out(simulation):
    node, leader = follower(simulation), simulation.leader
    simulation.clock_jump(node, 5)
    simulation.run(0.0)
    fired = [event for event in simulation.recorder.events if event.kind == "timer_fire"]
    assert fired[-1].node == node
    simulation.run(1)
    assert simulation.leader == leader  # it asked before it disturbed


def timers_left(simulation):
    """Milliseconds that each follower's election timer has left, soonest first."""
    view = simulation.recorder.view
    timers = {node.id: node.timer for node in view.nodes.values() if node.timer is not None}
    now = round(simulation.now * 1_000_000)
    return sorted(
        (timer.deadline - now) // 1_000 for timer in timers.values() if timer.kind == "election"
    )


def test_timers_that_are_aligned_run_out_at_one_time():
    simulation = Simulation(nodes=5, seed=7)
    simulation.wait_for_leader()
    simulation.kill(simulation.leader)
    simulation.run(0.3)  # its last words have come
    assert timers_left(simulation)[-1] - timers_left(simulation)[0] > 100
    simulation.align_timers()
    assert timers_left(simulation)[-1] - timers_left(simulation)[0] <= 1
    before = simulation.recorder.last_seq
    simulation.run(timers_left(simulation)[0] / 1_000 + 0.01)
    fired = [e for e in simulation.recorder.since(before) if e.kind == "timer_fire"]
    assert len({event.node for event in fired}) == 4  # whoever has no leader stands at once


def test_timers_that_are_spread_run_out_one_by_one():
    simulation = Simulation(nodes=5, seed=7)
    simulation.wait_for_leader()
    simulation.kill(simulation.leader)
    simulation.run(0.3)
    simulation.align_timers()
    simulation.spread_timers(apart=0.2)
    left = timers_left(simulation)
    gaps = [late - early for early, late in itertools.pairwise(left)]
    assert min(gaps) >= 199
    simulation.spread_timers(apart=60)  # there is not so much room: as far as it goes
    assert timers_left(simulation)[-1] == left[-1]
    before = max(node.term for node in simulation.recorder.view.nodes.values())
    simulation.wait_for_leader()
    assert max(node.term for node in simulation.recorder.view.nodes.values()) == before + 1


def test_one_timer_alone_is_neither_aligned_nor_apart():
    simulation = Simulation(nodes=3, seed=7)
    leader = simulation.wait_for_leader()
    other = next(node for node in simulation.nodes if node != leader)
    with pytest.raises(InvalidArgument, match="It takes two nodes"):
        simulation.align_timers(other)
    with pytest.raises(InvalidArgument, match="no election timer running"):
        simulation.spread_timers(other, leader)
    with pytest.raises(UnknownNode):
        simulation.align_timers(other, "n9")


def test_a_leader_that_slept_steps_down(simulation):
    old = simulation.leader
    simulation.clock_jump(old, 5)
    simulation.run(0.01)
    assert simulation.leader is None
    assert simulation.wait_for_leader() != old
    assert simulation.client("bob").get_lock_info("printer").owner_id == "alice"


@pytest.mark.parametrize(("percent", "owner"), [(0, "carol"), (50, "")])
def test_a_leader_whose_clock_is_fast_ends_locks_early(simulation, percent, owner):
    simulation.client("carol").acquire("scanner", ttl=2)
    simulation.drift(simulation.leader, percent)
    simulation.run(1.5)
    assert simulation.client("bob").get_lock_info("scanner").owner_id == owner


def test_a_clock_that_drifts_runs_on_from_where_it_stands(simulation):
    node = simulation.world.nodes[follower(simulation)]
    before = node.now_ms()
    simulation.drift(node.id, 10)
    assert node.now_ms() == before
    simulation.run(10)
    assert node.now_ms() in range(before + 10_999, before + 11_002)
    simulation.drift(node.id, -10)
    assert node.now_ms() in range(before + 10_999, before + 11_002)
    simulation.clock_jump(node.id, 2)
    simulation.run(10)
    assert node.now_ms() in range(before + 21_999, before + 22_003)


@pytest.mark.parametrize("rate", [-500_000, -30_001, 0, 1, 30_000, 500_000])
def test_a_node_wakes_when_its_clock_shows_the_time_and_not_before(simulation, rate):
    world, node = simulation.world, simulation.world.nodes["n1"]
    node.set_clock(17, rate)
    for left in (0, 1, 7, 999, 12_345):
        at = node.now_ms() + left
        due = node.run_time_of(at)
        now = world.clock.now
        world.clock.now = max(now, due)
        assert node.now_ms() >= at
        world.clock.now = max(now, due - 1_000)
        assert node.now_ms() <= at
        world.clock.now = now


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(lambda s: s.disk_fault("n1", "melt"), id="no such fault"),
        pytest.param(lambda s: s.disk_fault("n9", "full"), id="no such node"),
        pytest.param(lambda s: s._do("clock", node="n1", jump_ms=-1), id="backwards"),
        pytest.param(lambda s: s.drift("n1", 51), id="too fast"),
        pytest.param(lambda s: s._do("stranger", node="n1", sort="friend"), id="no such stranger"),
    ],
)
def test_a_mistake_is_one_sentence(simulation, mistake):
    told = simulation.recorder.last_seq
    with pytest.raises(InvalidArgument) as caught:
        mistake(simulation)
    assert caught.value.message
    assert simulation.recorder.last_seq == told


# ---- the way back ----


def eventful():
    simulation = Simulation(nodes=3, seed=5, timing="lan", snapshot_entries=5, snapshot_tail=1)
    simulation.wait_for_leader()
    one, other = (node for node in simulation.nodes if node != simulation.leader)
    for client in ("alice", "bob", "carol"):
        write_something(simulation, client)
    simulation.disk_fault(one, "fail_sync")
    simulation.clock_jump(other, 1)
    simulation.drift(simulation.leader, 2)
    write_something(simulation, "dave")
    simulation.restart(one)
    simulation.disk_fault(one, "flip")
    simulation.kill(one, kept=1, torn=True)
    simulation.restart(one)
    simulation.client("erin").submit("acquire", "scanner")
    simulation.run(0.5)
    return simulation


def test_the_way_back_leads_over_disks_and_clocks():
    simulation = eventful()
    told = trace(simulation)
    for _ in range(20):
        simulation.back()
        here = trace(simulation)
        assert here == told[: len(here)]
    for seq in (1, len(told) // 3, 2 * len(told) // 3, len(told)):
        simulation.goto(seq)
        here = trace(simulation)
        assert here == told[: len(here)]
    assert trace(simulation) == told


def test_a_branch_and_a_script_lead_to_the_same_trace():
    simulation = eventful()
    told = trace(simulation)
    assert trace(simulation.branch()) == told
    again = Timeline(simulation._timeline.settings, simulation.recorder.header)
    again.script = [dict(action) for action in simulation.script]
    again.run_to(simulation.world.clock.now)
    assert [encode_event(event) for event in again.recorder.events] == told


def test_what_was_synced_is_told_though_the_node_dies_of_it(simulation):
    node = follower(simulation)
    simulation.crash_on_write(node, "synced")
    write_something(simulation)
    told = [event for event in simulation.recorder.events if event.node == node]
    kinds = [event.kind for event in told if event.kind in {"write", "fsync", "node"}]
    assert kinds[-3:] == ["write", "fsync", "node"]
    frozen = simulation.leader
    simulation.client("carol").submit("acquire", "scanner")
    simulation.run_until(lambda _: bool(simulation.world.nodes[frozen].disk._cache))
    simulation.freeze(frozen)
    simulation.run(0.1)
    told = [event.kind for event in simulation.recorder.events if event.node == frozen]
    assert told.count("fsync") == told.count("write")
    simulation.thaw(frozen)
    simulation.run(0.5)
    told = [event.kind for event in simulation.recorder.events if event.node == frozen]
    assert told.count("fsync") == told.count("write")


def test_bad_disks_and_clocks_that_jump_break_no_promise():
    simulation = eventful()
    simulation._do("calm")
    simulation.run(1)
    assert check_trace(simulation.recorder.header, simulation.recorder.events) == []


class NoDirectorySync(StorageRules):
    def syncs_directory(self):
        return False


class SyncAgain(StorageRules):
    def sync_failure_is_final(self):
        return False


@pytest.mark.parametrize("rules", [StorageRules(), SyncAgain(), NoDirectorySync()])
def test_a_broken_disk_rule_is_found_by_what_it_loses(rules):
    simulation = Simulation(
        nodes=3, seed=7, timing="lan", storage_rules=rules, snapshot_entries=4, snapshot_tail=0
    )
    simulation.wait_for_leader()
    for client in ("alice", "bob", "carol"):
        write_something(simulation, client)
    node = follower(simulation)
    simulation.disk_fault(node, "fail_sync")
    write_something(simulation, "dave")
    simulation.run(0.2)
    if node in simulation.status():
        simulation.kill(node)
    simulation.restart(node)
    simulation.run(0.5)
    found = check_trace(simulation.recorder.header, simulation.recorder.events)
    assert {each.property for each in found} == (
        {"durability"} if type(rules) is not StorageRules else set()
    )
