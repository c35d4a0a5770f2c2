import pytest

from raftlock import Simulation
from raftlock.check import check_trace
from raftlock.errors import Busy, InvalidArgument, NoLeader, Timeout, UnknownNode
from raftlock.sim.timeline import Timeline
from raftlock.trace.export import encode_event
from raftlock.trace.situation import leader_in


@pytest.fixture
def simulation():
    made = Simulation(nodes=3, seed=7, timing="lan")
    made.wait_for_leader()
    return made


def others(simulation):
    return [node for node in simulation.nodes if node != simulation.leader]


def trace(simulation):
    return [encode_event(event) for event in simulation.recorder.events]


def lives(simulation, node):
    return [
        event.data["what"]
        for event in simulation.recorder.events
        if event.kind == "node" and event.node == node
    ]


def members(simulation):
    return simulation.world.members()


def assert_alike(simulation):
    simulation.run(1)
    statuses = simulation.status()
    applied = {status.last_applied for status in statuses.values()}
    assert applied == {statuses[simulation.leader].commit_index}, statuses


def test_leadership_goes_to_whom_it_is_handed(simulation):
    target = others(simulation)[1]
    assert simulation.transfer_leadership(target) == target
    assert simulation.leader == target
    assert simulation.transfer_leadership() == simulation.leader != target


def test_a_transfer_that_cannot_be_is_refused(simulation):
    with pytest.raises(InvalidArgument, match="leads already"):
        simulation.transfer_leadership(simulation.leader)
    with pytest.raises(InvalidArgument, match="no vote"):
        simulation.transfer_leadership("n9")
    target = others(simulation)[0]
    simulation.kill(target)
    simulation.client("alice").acquire("printer")
    with pytest.raises(Timeout, match="did not catch up"):
        simulation.transfer_leadership(target)
    for node in (*others(simulation), simulation.leader):
        if node != target:
            simulation.freeze(node)
    with pytest.raises(NoLeader):
        simulation.transfer_leadership()


def test_a_node_is_added_and_votes(simulation):
    simulation.client("alice").acquire("printer")
    simulation.add_node("n4")
    assert simulation.nodes == ("n1", "n2", "n3", "n4")
    assert set(members(simulation).voters) == {"n1", "n2", "n3", "n4"}
    assert lives(simulation, "n4") == ["added"]
    assert_alike(simulation)
    simulation.transfer_leadership("n4")
    assert simulation.client("bob").acquire("scanner").token > 0
    # With four voters, three are a majority.
    simulation.kill("n1")
    simulation.run(2)
    assert simulation.leader is not None
    simulation.kill("n2")
    simulation.run(2)
    assert simulation.leader is None


def test_a_node_is_removed_also_the_leader(simulation):
    old = simulation.leader
    simulation.remove_node(old)
    assert old not in simulation.nodes
    assert old not in members(simulation).members
    assert lives(simulation, old) == ["started", "removed"]
    assert simulation.wait_for_leader() in simulation.nodes
    assert simulation.client("alice").acquire("printer").token > 0
    assert_alike(simulation)


def test_a_cluster_is_replaced_node_by_node_and_clients_follow(simulation):
    alice = simulation.client("alice")
    held = alice.acquire("printer", ttl=60)
    for number in (1, 2, 3):
        simulation.add_node(f"m{number}")
        simulation.remove_node(f"n{number}")
    assert set(simulation.nodes) == {"m1", "m2", "m3"}
    assert alice.renew(held).token == held.token
    assert simulation.client("bob").acquire("scanner").token > held.token
    assert_alike(simulation)


def test_a_wiped_node_has_a_successor_that_learns_before_it_votes(simulation):
    simulation.client("alice").acquire("printer")
    old = others(simulation)[0]
    new = simulation.wipe(old)
    assert new == f"{old}.2"
    assert lives(simulation, old) == ["started", "wiped"]
    assert members(simulation).learners == (new,)
    assert old not in members(simulation).members
    assert_alike(simulation)
    simulation.add_node(new)
    assert new in members(simulation).voters
    assert simulation.wipe(new) == f"{old}.3"


def test_a_wiped_leader_is_replaced(simulation):
    old = simulation.leader
    new = simulation.wipe(old)
    assert simulation.leader not in {old, new, None}
    simulation.add_node(new)
    assert len(members(simulation).voters) == 3


def test_without_a_majority_a_wipe_changes_no_members(simulation):
    one, other = others(simulation)
    simulation.kill(one)
    new = simulation.wipe(other)
    assert other in members(simulation).voters
    simulation.restart(one)
    simulation.wait_for_leader()
    simulation.add_node(new)
    simulation.remove_node(other)
    assert set(members(simulation).voters) == set(simulation.nodes)


def test_a_node_that_votes_with_an_empty_disk_forgets_what_it_promised(simulation):
    node = others(simulation)[0]
    simulation.client("alice").acquire("printer")
    assert simulation.wipe(node, as_voter=True) == node
    assert lives(simulation, node) == ["started", "wiped", "restarted"]
    fault = next(each for each in simulation.recorder.events if each.kind == "fault")
    assert fault.data == {
        "what": "wipe",
        "by": "cell",
        "node": node,
        "becomes": node,
        "as_voter": True,
    }
    assert members(simulation).voters == ("n1", "n2", "n3")
    # This leader has its word that it has the log, and never asks again: the next one does.
    simulation.run(1)
    assert simulation.status()[node].last_applied == 0
    simulation.transfer_leadership(others(simulation)[1])
    assert_alike(simulation)


def test_messages_to_and_from_who_is_gone(simulation):
    old = others(simulation)[0]
    simulation.hold(old, simulation.leader, 0.5)
    simulation.client("alice").acquire("printer")
    simulation.wipe(old)
    simulation.run(2)
    lost = [
        event.data["why"]
        for event in simulation.recorder.events
        if event.kind == "drop" and event.data["to"] == old
    ]
    assert set(lost) == {"down"}


def test_a_successor_stands_where_its_predecessor_stood(simulation):
    old = others(simulation)[0]
    simulation.partition([old])
    simulation._do("wipe", node=old)
    assert simulation.world.network.links.groups[0] == (f"{old}.2",)


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(lambda s: s.add_node("n/4"), id="no name"),
        pytest.param(lambda s: s.remove_node("n9"), id="no such node"),
        pytest.param(lambda s: s.wipe("n9"), id="none to wipe"),
        pytest.param(lambda s: [s.remove_node("n1"), s._do("add", node="n1")], id="used name"),
        pytest.param(lambda s: s._do("remove", node="n1"), id="a member still"),
        pytest.param(lambda s: s._do("members", voters=[]), id="no voter"),
        pytest.param(
            lambda s: [s._do("add", node=f"m{number}") for number in range(7)], id="too many"
        ),
    ],
)
def test_a_mistake_is_one_sentence(simulation, mistake):
    with pytest.raises((InvalidArgument, UnknownNode)) as caught:
        mistake(simulation)
    assert caught.value.message
    simulation.run(1)
    assert simulation.leader is not None


def test_one_change_of_members_at_a_time(simulation):
    simulation.run(0.2)
    simulation._do("add", node="n4")
    simulation._do("members", voters=["n1", "n2", "n3"], learners=["n4"])
    with pytest.raises(Busy):
        simulation._do("members", voters=["n1", "n2", "n3", "n4"])


def test_a_paused_simulation_waits_for_nobody(simulation):
    simulation.pause()
    told = len(simulation.script)
    for verb in (simulation.add_node, simulation.remove_node, simulation.wipe):
        with pytest.raises(InvalidArgument):
            verb("n3")
    with pytest.raises(InvalidArgument):
        simulation.transfer_leadership()
    assert len(simulation.script) == told


def eventful():
    simulation = Simulation(nodes=3, seed=5, timing="lan", snapshot_entries=6, snapshot_tail=2)
    simulation.wait_for_leader()
    alice = simulation.client("alice")
    held = alice.acquire("printer", ttl=60)
    simulation.add_node("n4")
    simulation.transfer_leadership("n4")
    alice.renew(held)
    simulation.wipe("n4")
    simulation.remove_node(others(simulation)[0])
    simulation.client("bob").submit("wait", "printer")
    simulation.wipe(others(simulation)[0], as_voter=True)
    simulation.run(0.5)
    return simulation


def test_the_way_back_leads_over_changes_of_members():
    simulation = eventful()
    told, nodes = trace(simulation), simulation.nodes
    for _ in range(20):
        simulation.back()
        here = trace(simulation)
        assert here == told[: len(here)]
    for seq in (1, len(told) // 3, len(told) // 2, len(told)):
        simulation.goto(seq)
        here = trace(simulation)
        assert here == told[: len(here)]
    assert trace(simulation) == told
    assert simulation.nodes == nodes
    simulation.goto(1)
    assert simulation.nodes == ("n1", "n2", "n3")


def test_a_branch_and_a_script_lead_to_the_same_trace():
    simulation = eventful()
    told = trace(simulation)
    assert trace(simulation.branch()) == told
    again = Timeline(simulation._timeline.settings, simulation.recorder.header)
    again.script = [dict(action) for action in simulation.script]
    again.run_to(simulation.world.clock.now)
    assert [encode_event(event) for event in again.recorder.events] == told


def test_the_leader_is_the_one_that_the_picture_shows(simulation):
    def look():
        assert simulation.leader == leader_in(simulation.recorder.view)
        return simulation.leader

    old = look()
    simulation.add_node("n4")
    simulation.partition([old, others(simulation)[0]])
    assert look() is None
    for _ in range(40):
        simulation.run(0.02)
        look()
    simulation.heal()
    simulation.remove_node(simulation.wait_for_leader())
    for _ in range(40):
        simulation.run(0.02)
        look()
    simulation.freeze(look())
    assert look() is None


def test_an_entry_says_who_is_a_member(simulation):
    simulation.add_node("n4")
    told = [
        row["op"]
        for event in simulation.recorder.events
        if event.kind == "append" and event.node == simulation.leader
        for row in event.data["entries"]
    ]
    assert told[1:] == [
        "members n1 n2 n3, n4 learning",
        "members n1 n2 n3 n4, with n1 n2 n3",
        "members n1 n2 n3 n4",
    ]


def test_changes_of_members_keep_every_promise():
    simulation = Simulation(nodes=3, seed=5, timing="lan")
    simulation.wait_for_leader()
    simulation.client("alice").acquire("printer", ttl=60)
    simulation.add_node("n4")
    simulation.transfer_leadership("n4")
    simulation.remove_node("n1")
    simulation.wipe("n2")
    simulation.add_node("n2.2")
    simulation.client("bob").acquire("scanner")
    assert check_trace(simulation.recorder.header, simulation.recorder.events) == []


def test_nobody_is_let_go_while_nobody_can_be_asked(simulation):
    for node in simulation.nodes:
        simulation.kill(node)
    with pytest.raises(InvalidArgument, match="member still"):
        simulation._do("remove", node="n1")
    assert simulation.wipe("n1") == "n1.2"
    assert simulation.leader is None


def test_the_only_node_that_is_wiped_takes_the_cluster_with_it():
    simulation = Simulation(nodes=1, seed=1, timing="lan")
    simulation.wait_for_leader()
    assert simulation.wipe("n1") == "n1.2"
    simulation.run(2)
    assert simulation.leader is None
