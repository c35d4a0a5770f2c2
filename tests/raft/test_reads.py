"""Reads without an entry: ReadIndex and the leader's lease (thesis section 6.4)."""

import pytest

from raftlock.errors import ErrorCode
from raftlock.raft import Rules
from raftlock.types import AppendEntriesArgs
from tests.raft.harness import (
    ELECTION_MS,
    LEADER,
    Network,
    ack,
    append,
    leader_of,
    lone_leader,
    vote,
)


def answered(net, k=1):
    """The reads that were let go, with the index they had to see; none stay."""
    reads = [(read.proposal_id, read.index) for read in net.nodes[k].reads if read.accepted]
    net.nodes[k].reads.clear()
    return reads


def rounds(net, to=2):
    return [args.round for args in net.take_sent(AppendEntriesArgs, to=to)]


def test_a_read_waits_for_a_round_of_heartbeats():
    net = leader_of(3)
    effects = net.read(1)
    assert effects.persist is None
    assert [send.to for send in effects.send_now] == ["n2", "n3"]
    assert answered(net) == []
    net.deliver()
    assert answered(net) == [("r", 1)]
    assert net[1].log.last_index == 1


@pytest.mark.parametrize(
    ("size", "acks", "answers"),
    [(1, 0, 1), (3, 0, 0), (3, 1, 1), (5, 1, 0), (5, 2, 1), (4, 1, 0), (4, 2, 1)],
)
def test_a_majority_must_answer(size, acks, answers):
    net = lone_leader(size, acked=range(2, size + 1))
    for k in range(2, size + 1):
        net.receive(1, k, ack(1, 1, of_round=1))
    net.read(1)
    for k in range(2, 2 + acks):
        net.receive(1, k, ack(1, 1, of_round=2))
    assert len(answered(net)) == answers


def test_an_answer_to_what_was_sent_before_says_nothing():
    net = lone_leader(3, acked=(2, 3))
    net.receive(1, 2, ack(1, 1, of_round=1))
    net.read(1)
    net.receive(1, 2, ack(1, 1, of_round=1))
    net.receive(1, 3, ack(1, 1, of_round=1))
    assert answered(net) == []
    net.receive(1, 3, ack(1, 1, of_round=2))
    assert answered(net) == [("r", 1)]


def test_it_waits_for_what_was_committed_to_be_applied():
    net = leader_of(3)
    net.propose(1)
    net.read(1, "before")
    net.deliver()
    net.read(1, "after")
    net.deliver()
    assert answered(net) == [("before", 1), ("after", 2)]


def test_reads_that_come_together_share_a_round():
    net = lone_leader(3, acked=(2, 3))
    net.receive(1, 2, ack(1, 1, of_round=1))
    net.take_sent()
    for read_id in "abcd":
        net.read(1, read_id)
    assert rounds(net) == [2]
    net.receive(1, 2, ack(1, 1, of_round=2))
    assert answered(net) == [("a", 1)]
    assert rounds(net) == [3]
    net.receive(1, 2, ack(1, 1, of_round=3))
    assert answered(net) == [("b", 1), ("c", 1), ("d", 1)]
    assert rounds(net) == []


def test_a_lost_round_is_followed_by_the_next_heartbeat():
    net = leader_of(3)
    net.ignore(AppendEntriesArgs)
    net.read(1)
    net.deliver()
    net.recover()
    net.heartbeat(1)
    assert answered(net) == [("r", 1)]


def test_a_new_leader_waits_for_the_first_commit_of_its_term():
    net = Network(3, logs={1: [1, 1]}, holes=(2, 3))
    net.fire(1)
    net.receive(1, 2, vote(2))
    net.read(1)
    for k in (2, 3):
        net.receive(1, k, ack(2, 2, of_round=9))
    assert answered(net) == []
    net.receive(1, 2, ack(2, 3, of_round=9))
    assert answered(net) == [("r", 3)]


def test_who_does_not_lead_says_who_does():
    net = leader_of(3)
    net.read(2)
    (read,) = net.nodes[2].reads
    assert (read.accepted, read.code, read.leader_id) == (False, ErrorCode.NOT_LEADER, "n1")


def test_a_leader_that_is_deposed_refuses_what_waits():
    net = lone_leader(3)
    net.read(1)
    net.receive(1, 2, append(2, 2))
    (read,) = net.nodes[1].reads
    assert (read.accepted, read.code) == (False, ErrorCode.NO_LEADER)


def cut_off_leader(rules, **settings):
    """Node 1 leads in its own eyes; the others have a leader, who has committed more."""
    net = leader_of(3, rules=rules, **settings)
    net.isolate(1)
    net.now += 3 * ELECTION_MS[1]
    net.elect(2)
    assert net[2].role is LEADER
    net.propose(2)
    net.deliver()
    net.read(1)
    net.deliver()
    return net


def test_a_leader_that_was_cut_off_answers_nothing():
    assert answered(cut_off_leader(Rules())) == []


class NeverAsks(Rules):
    def read_is_confirmed(self, read_round, confirmed_round):
        return True


class ReadsWhatItKnows(Rules):
    def read_index(self, commit_index, first_index):
        return commit_index


def test_a_leader_that_does_not_ask_answers_with_what_is_over():
    net = cut_off_leader(NeverAsks())
    assert answered(net) == [("r", 1)]
    assert net[2].commit_index == 3


def test_a_new_leader_that_does_not_wait_may_not_know_what_is_committed():
    net = leader_of(3, rules=ReadsWhatItKnows())
    net.propose(1)
    net.deliver()
    assert (net[1].commit_index, net[2].commit_index) == (2, 1)
    net.isolate(1)
    net.hook = lambda _source, _target, message: (
        not isinstance(message, AppendEntriesArgs) or not message.entries
    )
    net.elect(2)
    net.read(2)
    for number in (1, 2):
        net.receive(2, 3, ack(2, 1, of_round=number))
    assert answered(net, 2) == [("r", 1)]


# Leases

LEASE = {"lease_reads": True, "check_quorum": True, "peer_lost": False}


def with_lease(**settings):
    net = leader_of(3, **LEASE, **settings)
    net.heartbeat(1)
    net.take_sent()
    return net


@pytest.mark.parametrize(
    ("after", "at_once"), [(0, True), (97, True), (98, False), (ELECTION_MS[1], False)]
)
def test_under_a_lease_nobody_is_asked(after, at_once):
    net = with_lease()
    net.now += after
    net.read(1)
    assert answered(net) == ([("r", 1)] if at_once else [])
    assert (net.take_sent() == []) == at_once


def test_without_one_which_is_the_default_a_round_is_asked_for():
    net = leader_of(3, check_quorum=True, peer_lost=False)
    net.heartbeat(1)
    net.read(1)
    assert answered(net) == []


def test_a_new_leader_has_no_lease_yet():
    net = lone_leader(3, **LEASE)
    net.read(1)
    assert answered(net) == []


def test_while_it_holds_nobody_else_is_elected():
    net = with_lease()
    net.isolate(1)
    net.now += ELECTION_MS[0] - 1
    net.fire(2)
    net.restart(3)
    net.deliver()
    assert net[2].role is not LEADER


def test_who_restarts_stands_by_the_leader_it_may_have_heard():
    net = with_lease()
    net.isolate(1)
    net.now = net[2].deadline
    net.restart(3)
    net.elect(2)
    assert net[2].role is not LEADER


def test_who_restarts_does_not_stand_against_that_leader_either():
    net = leader_of(3, **LEASE, first_timeout_ms=(20, 20))
    net.isolate(3)
    while net.now < 2 * ELECTION_MS[1]:  # until 3 stands by nobody any more
        net.heartbeat(1)
    heard = net.now
    net.recover()
    net.isolate(1)
    net.restart(2)
    net.elect(2)
    assert net[2].role is LEADER
    assert net.now - heard >= ELECTION_MS[0]
    net.read(1)
    assert answered(net) == []


class CountsFromTheAnswer(Rules):
    def lease_holds(self, since_round_began, patience):
        return True


def test_a_lease_that_is_too_long_answers_with_what_is_over():
    assert answered(cut_off_leader(Rules(), **LEASE)) == []
    assert answered(cut_off_leader(CountsFromTheAnswer(), **LEASE)) == [("r", 1)]
