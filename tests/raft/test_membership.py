"""Changes of membership (paper section 6, thesis chapter 4)."""

from dataclasses import replace

import pytest

from raftlock.errors import ErrorCode
from raftlock.raft import Rules
from raftlock.types import AppendEntriesArgs, Configuration, RequestVoteArgs, TimeoutNow
from tests.raft.harness import (
    ELECTION_MS,
    FOLLOWER,
    LEADER,
    Network,
    ack,
    append,
    leader_of,
    lone_leader,
    name,
    vote,
    vote_request,
)


def names(*numbers):
    return tuple(map(name, numbers))


def members(net, k=1):
    known = net[k].status().configuration
    return known.voters, known.learners, known.outgoing


def answers(net, k=1):
    return [(answer.accepted, answer.code) for answer in net.nodes[k].resolved]


def with_spares(size=5, voters=3, **settings):
    """Node 1 leads the first `voters` of `size` nodes; the others only learn, and know it."""
    net = Network(size, voters=names(*range(1, voters + 1)), **settings)
    net.elect(1)
    net.heartbeat(1)
    assert net[1].role is LEADER
    net.take_sent()
    return net


def settled(net):
    net.deliver()
    net.heartbeat(1)


def test_the_first_members_are_those_of_the_settings():
    net = leader_of(3)
    assert members(net) == (names(1, 2, 3), (), ())


def test_voters_change_through_a_joint_configuration_that_is_left_by_itself():
    net = with_spares()
    effects = net.change(1, (1, 2, 4))
    assert members(net) == (names(1, 2, 4), (), names(1, 2, 3))
    assert effects.persist.entries[0].configuration.is_joint
    assert {target for _, target, _ in net.sent} == {2, 3, 4}
    settled(net)
    assert [members(net, k) for k in (1, 2, 4)] == [(names(1, 2, 4), (), ())] * 3
    assert answers(net) == [(True, ErrorCode.OK)]
    assert net[4].log.last_index == net[1].log.last_index == 3
    assert net.nodes[4].applied == net.nodes[1].applied


def test_a_learner_has_the_log_and_no_vote():
    net = with_spares()
    net.change(1, (1, 2, 3), (4,))
    assert members(net) == (names(1, 2, 3), names(4), ()), "no vote changes: one step is enough"
    settled(net)
    assert net.nodes[4].applied == net.nodes[1].applied
    for k in (2, 3):
        net.isolate(k)
    net.propose(1)
    net.deliver()
    assert net[4].log.last_index == 3
    assert net[1].commit_index == 2
    net.recover()
    settled(net)
    net.change(1, (1, 2, 3, 4))
    settled(net)
    assert members(net, 4) == (names(1, 2, 3, 4), (), ())


@pytest.mark.parametrize("part", ["learner", "stranger"])
def test_who_has_no_vote_does_not_stand(part):
    net = with_spares(pre_vote=True)
    if part == "learner":
        net.change(1, (1, 2, 3), (4,))
        settled(net)
    net.take_sent()
    net.fire(4)
    assert (net[4].role, net[4].current_term <= 1, net.sent) == (FOLLOWER, True, [])
    assert net[4].deadline >= net.now + ELECTION_MS[0]
    net.receive(4, 1, append(1, 1))
    net.receive(4, 1, TimeoutNow(1, "n1"))
    assert net[4].role is FOLLOWER


def test_a_learners_vote_is_given_and_does_not_count():
    net = Network(4, voters=names(1, 2, 3), holes=(2, 3))
    net.fire(1)
    net.receive(1, 4, vote(1))
    assert net[1].role is not LEADER
    net.receive(4, 1, vote_request(1, 1))
    assert net.sent[-1][2] == vote(1)


# Joint consensus: a majority of both


def joint(acked=(), size=5, **settings):
    """Node 1 leads 1, 2, 3 and is going over to 3, 4, 5; these have acknowledged that."""
    net = lone_leader(size, acked=range(2, size + 1), voters=names(1, 2, 3), **settings)
    net.change(1, (3, 4, 5))
    for k in acked:
        net.receive(1, k, ack(1, 2))
    return net


@pytest.mark.parametrize(
    ("acked", "committed"),
    [
        ((2,), False),  # old alone
        ((4, 5), False),  # new alone
        ((3,), False),
        ((2, 4, 5), True),
        ((3, 4), True),
        ((2, 3, 4), True),
        ((2, 3), False),
    ],
)
def test_a_joint_decision_needs_a_majority_of_both(acked, committed):
    net = joint(acked)
    assert (net[1].commit_index >= 2) == committed
    assert bool(members(net)[2]) == (not committed)


@pytest.mark.parametrize(
    ("votes", "won"), [((2,), False), ((4, 5), False), ((2, 4, 5), True), ((3, 4), True)]
)
def test_so_does_an_election(votes, won):
    net = joint()
    net.receive(1, 2, append(2, 2))
    net.fire(1)
    for k in votes:
        net.receive(1, k, vote(3))
    assert (net[1].role is LEADER) == won


def test_it_is_lost_when_either_is():
    net = joint()
    net.receive(1, 2, append(2, 2))
    net.fire(1)
    for k in (4, 5):
        net.receive(1, k, vote(3, granted=False))
    assert net[1].role is FOLLOWER


def test_votes_are_asked_for_of_both_and_of_no_learner():
    net = lone_leader(5, acked=range(2, 6), voters=names(1, 2, 3))
    net.change(1, (1, 4), (5,))
    net.receive(1, 2, append(2, 2))
    net.take_sent()
    net.fire(1)
    asked = {target for _, target, message in net.sent if isinstance(message, RequestVoteArgs)}
    assert asked == {2, 3, 4}


def test_check_quorum_and_reads_need_both_too():
    net = joint(check_quorum=True)
    net.read(1)
    for k in (4, 5):
        net.receive(1, k, ack(1, 1, of_round=9))
    assert net.nodes[1].reads == []
    while net[1].role is LEADER:
        net.fire(1)
        for k in (4, 5):
            net.receive(1, k, ack(1, 1))
    assert net.now <= 4 * ELECTION_MS[1]


def test_who_is_new_may_be_silent_for_an_election_timeout():
    net = with_spares(voters=1, size=3, check_quorum=True)
    net.now += 100_000
    net.change(1, (1, 2, 3))
    net.fire(1)
    assert net[1].role is LEADER


# What is refused


@pytest.mark.parametrize(
    ("voters", "learners"), [((), ()), ((1, 1), ()), ((1, 2), (2,)), ((1,), (3, 3)), ((), (1,))]
)
def test_members_must_make_sense(voters, learners):
    net = leader_of(3)
    net.change(1, voters, learners)
    assert answers(net) == [(False, ErrorCode.INVALID_ARGUMENT)]


def test_only_a_leader_changes_members():
    net = leader_of(3)
    net.change(2, (1, 2))
    assert answers(net, 2) == [(False, ErrorCode.NOT_LEADER)]


def test_one_change_at_a_time():
    net = joint()
    net.change(1, (1, 2, 3))
    assert answers(net)[-1] == (False, ErrorCode.BUSY)
    for k in (2, 3, 4, 5):
        net.receive(1, k, ack(1, 2))
    net.change(1, (1, 2, 3))
    assert answers(net)[-1] == (False, ErrorCode.BUSY), "the last step is not committed yet"
    for k in (3, 4):
        net.receive(1, k, ack(1, 3))
    assert net[1].role is FOLLOWER


def test_a_new_leader_first_commits_an_entry_of_its_own():
    net = lone_leader(3)
    net.change(1, (1, 2))
    assert answers(net) == [(False, ErrorCode.BUSY)]
    net.receive(1, 2, ack(1, 1))
    net.change(1, (1, 2))
    assert answers(net)[-1] == (True, ErrorCode.OK)


def test_none_while_leadership_is_handed_over():
    net = lone_leader(3, acked=(2,))
    net.transfer(1, 3)
    net.change(1, (1, 2))
    assert answers(net) == [(False, ErrorCode.BUSY)]


# Leaving


def test_a_leader_without_a_vote_goes_on_until_that_is_committed_and_then_stops():
    net = with_spares()
    net.change(1, (2, 3, 4))
    net.deliver()
    assert (net[1].role, net[1].leader_id) == (FOLLOWER, "")
    told = [note.rule for note in net.nodes[1].notes if note.kind == "role"]
    assert told[-1] == "LeaveOffice"
    assert [net[k].commit_index for k in (2, 3, 4)] == [3] * 3
    net.fire(1)
    assert net[1].current_term == 1, "it has no vote, and does not stand"
    net.elect(2)
    assert net[2].role is LEADER
    net.propose(2)
    net.deliver()
    assert net[2].commit_index == 5
    assert net[1].log.last_index == 3, "nobody sends it anything"


def test_a_removed_node_that_does_not_know_disturbs_nobody():
    net = leader_of(4, pre_vote=True, check_quorum=True)
    net.isolate(4)
    net.change(1, (1, 2, 3))
    settled(net)
    net.recover()
    for _ in range(5):
        net.now = max(net.now, net[4].deadline)
        net.heartbeat(1)
        net.elect(4)
    assert (net[1].role, net[1].current_term) == (LEADER, 1)
    assert net[4].role is FOLLOWER


def test_a_new_leader_finishes_what_the_old_one_began():
    net = with_spares()
    net.hook = lambda _source, _target, message: (
        not (
            isinstance(message, AppendEntriesArgs)
            and any(e.configuration and not e.configuration.is_joint for e in message.entries)
        )
    )
    net.change(1, (2, 3, 4))
    net.deliver()
    net.isolate(1)
    net.elect(2)
    net.elect(2)
    assert net[2].role is LEADER
    net.recover()
    net.heartbeat(2)
    net.heartbeat(2)
    assert members(net, 2) == (names(2, 3, 4), (), ())
    assert net[2].commit_index == net[2].log.last_index


def test_who_goes_is_needed_until_that_is_committed():
    """Node 2 alone has the last entry, and is no voter by it; node 1 cannot win without 2."""
    net = leader_of(2)
    net.heartbeat(1)
    net.elect(2)
    net.heartbeat(2)
    net.hook = lambda _source, _target, message: (
        not isinstance(message, AppendEntriesArgs)
        or not any(e.configuration and not e.configuration.is_joint for e in message.entries)
    )
    net.change(2, (1,))
    net.deliver()
    assert [len(net[k].log.entries(1, 99)) for k in (1, 2)] == [3, 4]
    net.restart(2)
    net.recover()
    net.elect(1)
    assert net[1].role is not LEADER
    net.elect(2)
    assert net[1].commit_index == net[1].log.last_index == 5
    assert net[2].role is FOLLOWER
    net.elect(1)
    assert net[1].role is LEADER


def test_a_cluster_of_one_grows_and_shrinks():
    net = with_spares(size=3, voters=1)
    net.change(1, (1, 2, 3))
    settled(net)
    assert members(net, 3) == (names(1, 2, 3), (), ())
    net.change(1, (1,))
    settled(net)
    assert members(net) == (names(1), (), ())
    net.propose(1)
    assert net[1].commit_index == net[1].log.last_index


def test_a_change_that_is_overwritten_is_undone():
    net = leader_of(3)
    net.isolate(1)
    net.change(1, (1, 2))
    assert members(net)[0] == names(1, 2)
    net.elect(2)
    net.recover()
    net.heartbeat(2)
    assert members(net) == (names(1, 2, 3), (), ())
    assert answers(net) == [(True, ErrorCode.OK), (False, ErrorCode.REPLICATION_FAILURE)]
    told = [note.data["voters"] for note in net.nodes[1].notes if note.kind == "config"]
    assert told == [["n1", "n2"], ["n1", "n2", "n3"]]


def test_two_changes_that_are_overwritten_are_undone_at_once():
    net = Network(3, holes=(2, 3))
    first, second = Configuration(names(1, 2)), Configuration(names(1, 2, 3))
    plain = append(1, 2, (0, 0), [1, 1])
    new = tuple(
        replace(entry, configuration=configuration)
        for entry, configuration in zip(plain.entries, (first, second), strict=True)
    )
    net.receive(1, 2, replace(plain, entries=new))
    net.receive(1, 3, append(2, 3, (0, 0), [2]))
    assert len([note for note in net.nodes[1].notes if note.kind == "config"]) == 3
    assert members(net) == (names(1, 2, 3), (), ())


def test_leadership_goes_to_a_voter_only():
    net = with_spares()
    net.change(1, (1, 2, 3), (4,))
    settled(net)
    net.transfer(1, 4)
    assert answers(net)[-1] == (False, ErrorCode.INVALID_ARGUMENT)


def test_a_handover_to_who_is_removed_meanwhile_is_forgotten():
    net = joint((2, 4))
    net.transfer(1, 2)
    assert answers(net)[-1] == (False, ErrorCode.INVALID_ARGUMENT), "it is leaving"
    net = lone_leader(4, acked=(2, 3, 4))
    net.change(1, (1, 2, 3))
    net.transfer(1, 3)
    for k in (2, 3):
        net.receive(1, k, ack(1, 2))
    assert net[1].dump()["reading"]["handover"] is not None


# Snapshots and restarts


def test_the_members_are_in_the_snapshot():
    net = with_spares(snapshot_tail=0)
    net.change(1, (1, 2, 3), (4,))
    settled(net)
    net.change(1, (1, 2, 4), (5,))
    net.isolate(5)
    settled(net)
    for k in (1, 2):
        net.snapshot(k)
    net.recover()
    net.heartbeat(1)
    net.heartbeat(1)
    assert net[5].log.first_index == net[1].log.first_index > 1
    assert members(net, 5) == (names(1, 2, 4), names(5), ())
    for k in (1, 5):
        net.restart(k)
        assert members(net, k) == (names(1, 2, 4), names(5), ())


def test_what_the_log_says_behind_the_snapshot_holds():
    net = leader_of(3, snapshot_tail=0)
    net.isolate(1)
    net.change(1, (1, 2))
    net.snapshot(1)
    assert members(net) == (names(1, 2), (), names(1, 2, 3))
    dump = net[1].dump()
    assert [index for index, _ in dump["configurations"]] == [1, 2]
    net.restart(1)
    assert members(net) == (names(1, 2), (), names(1, 2, 3))


class LeavesAtOnce(Rules):
    """The joint configuration is left before anybody else has heard of it."""

    def configuration_holds(self, index, commit_index):
        return True


class NewVotersDecide(Rules):
    def decides(self, configuration, votes):
        return super().decides(Configuration(configuration.voters), votes)

    def reached(self, configuration, values):
        return super().reached(Configuration(configuration.voters), values)


def two_leaders(rules):
    """Node 1 goes over to 1, 4, 5 and reaches these alone; 2 and 3 have not heard of it."""
    net = with_spares(rules=rules)
    for k in (2, 3):
        for other in (1, 4, 5):
            net.cut(k, other)
    net.change(1, (1, 4, 5))
    net.deliver()
    net.heartbeat(1)
    net.elect(2)
    net.propose(2)
    net.deliver()


@pytest.mark.parametrize("mutant", [NewVotersDecide, LeavesAtOnce])
def test_who_does_not_ask_both_decides_twice(mutant):
    two_leaders(Rules())
    with pytest.raises(AssertionError, match=r"Leader Completeness|State Machine Safety"):
        two_leaders(mutant())


def test_everybody_may_ask_for_a_vote():
    """A node may not have heard yet of who is new (thesis 4.2.2)."""
    net = Network(3, holes=(2, 3))
    net.receive(1, 9, vote_request(5, 9, 9, 9))
    assert net[1].voted_for == "n9"


def test_an_answer_of_who_is_no_member_any_more_says_nothing():
    net = lone_leader(3, acked=(2, 3))
    before = net[1].dump()
    assert net.receive(1, 9, ack(1, 1)).send_now == ()
    assert net[1].dump() == before
