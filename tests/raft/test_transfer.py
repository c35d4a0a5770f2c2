"""Handing leadership over (thesis section 3.10)."""

import pytest

from raftlock.errors import ErrorCode
from raftlock.raft import Rules
from raftlock.types import AppendEntriesArgs, RequestVoteArgs, TimeoutNow
from tests.raft.harness import (
    CANDIDATE,
    ELECTION_MS,
    FOLLOWER,
    HEARTBEAT_MS,
    LEADER,
    Network,
    ack,
    append,
    leader_of,
    lone_leader,
    name,
)

ON = {"pre_vote": True, "check_quorum": True}


def answers(net, k=1):
    return [(answer.accepted, answer.code) for answer in net.nodes[k].resolved]


@pytest.mark.parametrize("settings", [{}, ON])
@pytest.mark.parametrize("target", [2, 3])
def test_the_target_leads(settings, target):
    net = leader_of(3, **settings)
    net.transfer(1, target)
    net.deliver()
    assert (net[target].role, net[1].role, net[1].leader_id) == (LEADER, FOLLOWER, name(target))
    assert net[target].current_term == 2
    assert answers(net) == [(True, ErrorCode.OK)]


def test_nobody_is_asked_first_and_votes_are_asked_for_in_the_leaders_name():
    net = leader_of(3, **ON)
    effects = net.transfer(1, 2)
    assert [send.message for send in effects.send_now] == [TimeoutNow(1, "n1")]
    net.take_sent()
    net.receive(2, 1, TimeoutNow(1, "n1"))
    assert net[2].role is CANDIDATE
    assert {(args.is_pre_vote, args.is_transfer) for args in net.take_sent(RequestVoteArgs)} == {
        (False, True)
    }


def test_a_target_that_is_behind_catches_up_first():
    net = leader_of(3)
    net.isolate(3)
    for _ in range(5):
        net.propose(1)
    net.deliver()
    net.recover()
    assert net.transfer(1, 3).resolved == ()
    net.deliver()
    assert (net[3].role, net[3].log.last_index) == (LEADER, 7)


def test_a_target_that_lacks_what_was_compacted_is_sent_a_snapshot_first():
    net = leader_of(3, snapshot_tail=0)
    net.isolate(3)
    for _ in range(5):
        net.propose(1)
    net.deliver()
    net.snapshot(1)
    net.recover()
    net.transfer(1, 3)
    net.deliver()
    assert (net[3].role, net[3].last_applied >= 6) == (LEADER, True)


def test_without_a_target_the_furthest_follower_is_chosen():
    net = lone_leader(3, acked=(3,))
    net.transfer(1)
    assert [target for _, target, message in net.sent if isinstance(message, TimeoutNow)] == [3]


def test_no_proposal_is_taken_meanwhile():
    net = lone_leader(3, acked=(2,))
    net.transfer(1, 3)
    (refused,) = net.propose(1).resolved
    assert (refused.accepted, refused.code, refused.leader_id) == (False, ErrorCode.BUSY, "n1")
    assert "n3" in refused.message


@pytest.mark.parametrize(
    ("who", "target", "code"),
    [
        (2, 3, ErrorCode.NOT_LEADER),
        (1, 1, ErrorCode.INVALID_ARGUMENT),
        (1, 9, ErrorCode.INVALID_ARGUMENT),
    ],
)
def test_what_cannot_be_done_is_refused(who, target, code):
    net = leader_of(3)
    net.transfer(who, target)
    assert answers(net, who) == [(False, code)]
    assert net[1].role is LEADER
    assert net.take_sent() == []


def test_alone_there_is_nobody_to_hand_over_to():
    net = leader_of(1)
    net.transfer(1)
    assert answers(net) == [(False, ErrorCode.INVALID_ARGUMENT)]


def test_one_at_a_time():
    net = lone_leader(3)
    net.transfer(1, 3)
    net.transfer(1, 2, "second")
    assert [(r.proposal_id, r.code) for r in net.nodes[1].resolved] == [("second", ErrorCode.BUSY)]


def handing_over(net, ms):
    end = net.now + ms
    while net[1].deadline <= end:
        net.fire(1)
        net.receive(1, 2, ack(1, 1))


def test_it_is_given_up_after_an_election_timeout():
    net = lone_leader(3, acked=(2,))
    net.transfer(1, 3)
    handing_over(net, ELECTION_MS[1] - HEARTBEAT_MS)
    assert not net.propose(1).resolved[0].accepted
    net.nodes[1].resolved.clear()
    handing_over(net, 2 * HEARTBEAT_MS)
    assert answers(net) == [(False, ErrorCode.TIMEOUT)]
    assert net.propose(1).resolved[0].accepted


def test_a_target_that_was_told_and_does_nothing_is_given_up_too():
    net = lone_leader(3, acked=(2, 3))
    net.transfer(1, 3)
    handing_over(net, ELECTION_MS[1] + HEARTBEAT_MS)
    assert answers(net) == [(True, ErrorCode.OK)]
    assert net.propose(1).resolved[0].accepted


def test_what_was_lost_is_told_again():
    net = leader_of(3)
    net.ignore(TimeoutNow)
    net.transfer(1, 2)
    net.deliver()
    assert net[1].role is LEADER
    net.recover()
    net.heartbeat(1)
    assert net[2].role is LEADER


def test_who_asked_is_told_if_the_leader_steps_down_before_the_target_could_be_told():
    net = leader_of(3)
    net.isolate(3)
    net.propose(1)
    net.deliver()
    net.transfer(1, 3)
    net.receive(1, 2, append(9, 2))
    assert answers(net)[-1] == (False, ErrorCode.NO_LEADER)


def test_a_leader_that_steps_down_gives_nothing_up():
    net = lone_leader(3, check_quorum=True)
    net.transfer(1, 3)
    while net[1].role is LEADER:
        net.fire(1)
    assert [answer.code for answer in net.nodes[1].resolved] in ([], [ErrorCode.TIMEOUT])


@pytest.mark.parametrize(
    ("sender", "message"),
    [
        (3, TimeoutNow(1, "n3")),  # not the leader
        (1, TimeoutNow(1, "n3")),  # in another's name
        (1, TimeoutNow(0, "n1")),  # of a term that is over
        (1, TimeoutNow(2, "n1")),  # nobody is known to lead that term
    ],
)
def test_only_this_terms_leader_can_tell_one_to_stand(sender, message):
    net = leader_of(3)
    net.receive(2, sender, message)
    assert net[2].role is FOLLOWER


def test_a_leader_is_told_nothing():
    net = leader_of(3)
    net.receive(1, 2, TimeoutNow(1, "n2"))
    assert (net[1].role, net[1].current_term) == (LEADER, 1)


class TellsAtOnce(Rules):
    def may_take_over(self, match_index, last_index):
        return True


def test_a_target_that_lacks_something_deposes_the_leader_and_does_not_win():
    net = leader_of(3, rules=TellsAtOnce())
    net.isolate(3)
    net.propose(1)
    net.deliver()
    net.recover()
    net.ignore(AppendEntriesArgs)
    net.transfer(1, 3)
    net.deliver()
    assert net.roles() == [FOLLOWER] * 3


def test_a_lease_ends_when_it_begins_and_does_not_come_back_once_anybody_was_told():
    net = leader_of(3, lease_reads=True, check_quorum=True, peer_lost=False)
    net.heartbeat(1)
    net.read(1, "before")
    assert len(net.nodes[1].reads) == 1
    net.ignore(TimeoutNow)
    net.transfer(1, 2)
    net.read(1, "meanwhile")
    assert len(net.nodes[1].reads) == 1
    net.deliver()
    assert len(net.nodes[1].reads) == 2
    while net[1].dump()["reading"]["handover"] is not None:
        net.heartbeat(1)
    net.read(1, "after")
    assert len(net.nodes[1].reads) == 2


def test_the_trace_tells_it():
    net = leader_of(3)
    net.transfer(1, 2)
    told = [(note.rule, note.data) for note in net.nodes[1].notes if note.kind == "transfer"]
    assert told == [
        ("TransferLeadership", {"target": "n2", "what": "begun"}),
        ("TransferLeadership", {"target": "n2", "what": "told"}),
    ]
    dump = net[1].dump()["reading"]
    assert (dump["handover"][0], dump["has_told"]) == ("n2", True)


def test_an_answer_of_somebody_else_tells_the_target_nothing():
    net = Network(3)
    net.elect(1)
    net.cut(1, 3)
    net.transfer(1, 3)
    net.take_sent()
    net.receive(1, 2, ack(1, 1))
    assert net.take_sent(TimeoutNow) == []
