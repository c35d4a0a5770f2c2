"""Cluster time: replicated, never ahead of real time, standing still while nobody leads."""

import pytest

from raftlock.raft import Rules
from raftlock.types import AppendEntriesArgs
from tests.raft.harness import LEADER, Network, append, entries, leader_of, lone_leader


def time_of(net, k):
    return net[k].cluster_time(net.now)


def test_a_cluster_begins_at_zero():
    net = Network(3)
    net.now = 5000
    assert time_of(net, 1) == 0


def test_it_runs_on_a_leader_and_stamps_its_entries():
    net = leader_of(3)
    before = time_of(net, 1)
    net.now += 70
    assert time_of(net, 1) == before + 70
    (resolution,) = net.propose(1).resolved
    assert resolution.stamp == before + 70 == net[1].log.last_stamp


def test_heartbeats_carry_it():
    net = leader_of(3)
    net.fire(1)
    assert {args.cluster_time for args in net.take_sent(AppendEntriesArgs)} == {time_of(net, 1)}


def test_it_stands_still_where_nobody_leads():
    net = leader_of(3)
    net.heartbeat(1)
    known = time_of(net, 2)
    assert known == time_of(net, 1) > 0
    net.now += 5000
    assert time_of(net, 2) == known


def test_a_new_leader_goes_on_where_the_old_one_was_last_heard():
    net = leader_of(3)
    net.heartbeat(1)
    known = time_of(net, 2)
    net.isolate(1)
    net.now += 5000
    net.elect(2)
    assert net[2].role is LEADER
    assert net[2].log.last_stamp == time_of(net, 2) == known


def test_a_deposed_leader_remembers_its_own_clock():
    net = lone_leader(3, acked=(2, 3))
    net.now += 300
    known = time_of(net, 1)
    net.receive(1, 2, append(2, 2, (9, 9)))
    net.now += 300
    assert time_of(net, 1) == known


def test_after_a_restart_the_log_knows_it():
    net = Network(3, holes=(2, 3))
    net.receive(1, 2, AppendEntriesArgs(1, "n2", 0, 0, entries(1, 1, stamp=40), 0, 55))
    assert time_of(net, 1) == 55
    net.restart(1)
    assert time_of(net, 1) == 40


def test_within_a_term_it_never_goes_back():
    net = Network(3, logs={1: [1]}, holes=(2, 3))
    for time in (50, 20, 60, 10):
        net.receive(1, 2, append(1, 2, (1, 1), time=time))
    assert time_of(net, 1) == 60


def cut_off_with_one_friend(rules=None):
    """Node 1 and its follower 2 are cut off, a new leader grants, and 2 leads in its turn."""
    net = leader_of(5, rules=rules)
    net.heartbeat(1)
    for minority in (1, 2):
        for other in (3, 4, 5):
            net.cut(minority, other)
    net.now += 10_000
    net.heartbeat(1)
    ahead = time_of(net, 2)
    net.elect(3)
    net.recover()
    net.heartbeat(3)
    net.heartbeat(3)
    (grant,) = net.propose(3).resolved
    net.deliver()
    assert grant.stamp < ahead
    net.isolate(3)
    net.elect(2)
    assert net[2].role is LEADER
    return net


def test_the_clock_of_an_overtaken_leader_is_forgotten():
    """It ran on while the others had no leader: to go on from it would expire locks early."""
    cut_off_with_one_friend()


class LatestTimeHeard(Rules):
    """What seems simpler: the latest time a node ever heard, from anybody."""

    def __init__(self):
        self.latest = {}

    def time_base(self, log, heard_time, heard_term):
        latest = max(self.latest.get(id(log), 0), log.last_stamp, heard_time)
        self.latest[id(log)] = latest
        return latest


def test_the_latest_time_ever_heard_would_expire_locks_early():
    with pytest.raises(AssertionError, match="no lock expires early"):
        cut_off_with_one_friend(LatestTimeHeard())
