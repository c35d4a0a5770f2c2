"""Check-quorum, and a leader whose disk is stuck (thesis section 6.2)."""

import pytest

from tests.raft.harness import (
    ELECTION_MS,
    FOLLOWER,
    LEADER,
    Network,
    ack,
    leader_of,
    lone_leader,
)


def beats(net, ms, heard=(), k=1):
    """Let the leader's heartbeats go on for so long, with answers from these nodes."""
    end = net.now + ms
    while net[k].role is LEADER and net[k].deadline <= end:
        net.fire(k)
        for other in heard:
            net.receive(k, other, ack(net[k].current_term, 1))
    return net[k].role


@pytest.mark.parametrize(
    ("size", "heard", "role"),
    [
        (1, (), LEADER),
        (3, (), FOLLOWER),
        (3, (2,), LEADER),
        (5, (2,), FOLLOWER),
        (5, (2, 3), LEADER),
        (4, (2,), FOLLOWER),
        (4, (2, 3), LEADER),
    ],
)
def test_a_leader_steps_down_that_hears_no_majority(size, heard, role):
    net = lone_leader(size, acked=range(2, size + 1), check_quorum=True)
    assert beats(net, ELECTION_MS[1], heard) is LEADER
    assert beats(net, 2 * ELECTION_MS[1], heard) is role
    assert net[1].current_term == 1


def test_it_may_wait_a_whole_election_timeout_for_the_first_answer():
    net = lone_leader(3, check_quorum=True)
    assert beats(net, ELECTION_MS[1]) is LEADER
    assert beats(net, ELECTION_MS[1]) is FOLLOWER


def test_who_steps_down_knows_no_leader_and_waits_for_one():
    net = lone_leader(3, check_quorum=True)
    beats(net, 500)
    assert (net[1].leader_id, net[1].voted_for) == ("", "n1")
    assert net[1].deadline >= net.now + ELECTION_MS[0]
    assert [note.rule for note in net.nodes[1].notes if note.kind == "role"][-1] == "CheckQuorum"


def test_it_can_be_turned_off():
    assert beats(lone_leader(3), 5000) is LEADER


def test_any_answer_counts_also_a_refusal():
    net = leader_of(3, check_quorum=True)
    for _ in range(60):
        net.heartbeat(1)
    assert net[1].role is LEADER


def stuck(**settings):
    """A leader whose followers answer, and whose disk does not."""
    net = lone_leader(3, acked=(2, 3), check_quorum=True, **settings)
    net.auto_sync = False
    net.propose(1)
    return net


def test_a_leader_whose_disk_is_stuck_steps_down():
    net = stuck()
    assert beats(net, ELECTION_MS[1], (2, 3)) is LEADER
    assert beats(net, 30, (2, 3)) is FOLLOWER
    assert [note.rule for note in net.nodes[1].notes if note.kind == "role"][-1] == "DiskStuck"


def test_a_slow_disk_is_not_stuck():
    net = stuck()
    for _ in range(10):
        assert beats(net, ELECTION_MS[1] - 40, (2, 3)) is LEADER
        net.propose(1)
        net.sync(1, 1)  # always one behind
    assert net[1].role is LEADER


def test_with_a_stuck_disk_nobody_is_elected():
    net = stuck()
    beats(net, 500, (2, 3))
    net.take_sent()
    net.fire(1)
    assert net.take_sent() == [], "its own vote is not on disk"


def test_the_others_go_on_without_it():
    net = Network(3, pre_vote=True, check_quorum=True)
    net.elect(1)
    net.isolate(1)
    beats(net, 500)
    assert net[1].role is FOLLOWER
    net.now += ELECTION_MS[1]
    net.elect(2)
    assert net[2].role is LEADER
    net.recover()
    net.heartbeat(2)
    assert [net[k].leader_id for k in (1, 2, 3)] == ["n2"] * 3
