"""Section 5.6: what depends on timing, and what must not.

Where time itself matters the simulator plays: five nodes whose election timeout is 150 to 300 ms,
and which have pre-vote and check-quorum as a served cluster has.
"""

import random
from itertools import combinations

import pytest

from raftlock import Simulation
from raftlock.errors import InvalidArgument
from raftlock.raft import RaftConfig
from raftlock.types import AppendEntriesArgs
from tests.paper.stage import leaders, next_timeout, results, say
from tests.raft.harness import LEADER, Network

TIMEOUT = (0.150, 0.300)


def simulation(seed=1, delay=0.005):
    """Five nodes; a message takes `delay` seconds."""
    made = Simulation(nodes=5, seed=seed, timing="lan")
    take(made, delay)
    return made


def take(made, delay):
    for a, b in combinations(made.nodes, 2):
        made.link(a, b, delay=delay)


def furthest_commit(made):
    return max(status.commit_index for status in made.status().values())


@pytest.mark.parametrize("checks", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_safety_does_not_depend_on_timing(seed, checks):
    """5.6: clocks run as they like and messages arrive whenever they do; nothing wrong comes of it.
    (The five properties are checked after each step.)"""
    draw = random.Random(seed)
    net = Network(3, seed=seed, pre_vote=checks, check_quorum=checks)
    for _ in range(400):
        if not net.in_flight or draw.random() < 0.1:
            net.fire(draw.randint(1, 3))
        if net.in_flight:
            net.in_flight.rotate(draw.randrange(len(net.in_flight)))
            source, target, message = net.in_flight.popleft()
            net.receive(target, source, message)
        for k in leaders(net):
            net.propose(k)
    assert len(net.checker.leaders) >= (1 if checks else 4)
    assert len(net.checker.committed) > 0


def test_availability_does_where_messages_take_longer_than_the_timeout():
    """5.6: nobody hears its votes in time, so nobody leads and nothing is committed; once messages
    are fast again, the cluster works."""
    made = simulation(delay=0.5)
    for _ in range(50):
        made.run(0.1)
        assert made.leader is None
    assert furthest_commit(made) == 0
    take(made, 0.005)
    made.wait_for_leader(timeout=5)
    assert made.client("alice").acquire("printer").token > 0


def test_where_leaders_crash_as_soon_as_they_are_elected_nothing_is_done():
    """5.6: no progress without a leader that stays; no harm either, and the next one may stay."""
    net = Network(3)
    net.ignore(AppendEntriesArgs)
    for _ in range(10):
        net.elect(1)
        assert net[1].role is LEADER
        net.restart(1)
    assert [net[k].commit_index for k in net.nodes] == [0, 0, 0]
    net.recover()
    net.elect(1)
    say(net, 1, b"x")
    assert results(net, 1) == [b"x"]


def test_a_leader_is_steady_where_messages_are_much_faster_than_the_timeout():
    """5.6: with 5 ms against 150 and more, one leads on and on, by heartbeats alone."""
    made = simulation()
    leader = made.wait_for_leader()
    term = made.status()[leader].term
    made.run(20)
    assert made.leader == leader
    assert {status.term for status in made.status().values()} == {term}


def test_the_slower_messages_are_the_more_votes_are_split():
    """5.6: those whose time is up before they hear of the other stand against it.
    Timeouts here are drawn from 100 to 190 ms, and `terms` is how many it takes to elect somebody
    in each of 40 clusters."""
    terms = {}
    for message_ms in (1, 10, 30, 60, 90):
        terms[message_ms] = 0
        for seed in range(40):
            net = Network(5, seed=seed)
            while not leaders(net) and net[1].current_term < 50:
                next_timeout(net, spread=message_ms)
            terms[message_ms] += max(net[k].current_term for k in net.nodes)
    assert 40 <= terms[1] < 45
    assert terms[1] < terms[10] < terms[30] < terms[60] < terms[90]
    assert terms[90] > 40 * 3


def test_without_a_leader_it_takes_about_one_election_timeout():
    """5.6: that long a cluster stands still when its leader crashes."""
    gaps = []
    for seed in range(12):
        made = simulation(seed)
        made.kill(made.wait_for_leader())
        before = made.now
        made.wait_for_leader(timeout=5)
        gaps.append(made.now - before)
    assert sum(gaps) / len(gaps) < TIMEOUT[1]
    assert max(gaps) < 3 * TIMEOUT[1]


def test_leaders_that_crash_now_and_then_do_not_stop_the_work():
    """5.6: with much more time between crashes than a timeout, there is steady progress."""
    made = simulation(seed=3)
    client = made.client("alice")
    for _ in range(5):
        leader = made.wait_for_leader()
        with client.lock("printer", ttl=10):
            made.run(0.1)
        made.kill(leader)
        made.wait_for_leader(timeout=3)
        made.restart(leader)
        made.run(3)
    assert furthest_commit(made) >= 15


@pytest.mark.parametrize(("heartbeat", "low", "high"), [(150, 150, 300), (400, 150, 300)])
def test_the_election_timeout_is_what_one_chooses(heartbeat, low, high):
    """5.6: networks and crashes are as they are; a choice that can keep no leader is refused."""
    with pytest.raises(InvalidArgument, match="heartbeat"):
        RaftConfig("n1", ("n1", "n2", "n3"), low, high, heartbeat)
    RaftConfig("n1", ("n1", "n2", "n3"), low, high, low // 3)
