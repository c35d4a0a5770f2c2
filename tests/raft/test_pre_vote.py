"""Pre-vote and stickiness: scenarios E10 and E12 (thesis sections 4.2.3 and 9.6)."""

import pytest

from raftlock.raft import Wake
from raftlock.types import RequestVoteArgs, RequestVoteReply
from tests.raft.harness import (
    CANDIDATE,
    ELECTION_MS,
    FOLLOWER,
    HEARTBEAT_MS,
    LEADER,
    Network,
    append,
    leader_of,
    name,
    vote,
    vote_request,
)


def asking(size=3, **settings):
    """Node 1 asks the others, who are silent, whether it could win term 1."""
    net = Network(size, holes=range(2, size + 1), pre_vote=True, **settings)
    net.fire(1)
    assert net[1].status().pre_vote
    return net


def in_role(role):
    net = Network(3, holes=(2, 3), pre_vote=role == "asking")
    if role != "follower":
        net.fire(1)
    if role == "leader":
        net.receive(1, 2, vote(1))
    net.take_sent()
    return net


def test_who_hears_no_leader_asks_first_and_promises_nothing():
    net = Network(3, logs={1: [1]}, holes=(2, 3), pre_vote=True, auto_sync=False)
    effects = net.fire(1)
    question = vote_request(2, 1, 1, 1, is_pre_vote=True)
    assert [send.message for send in effects.send_now] == [question] * 2
    assert effects.persist is None
    assert (net[1].role, net[1].current_term, net[1].voted_for) == (FOLLOWER, 1, "")
    assert net[1].deadline >= net.now + ELECTION_MS[0]


def test_a_majority_that_would_vote_makes_it_stand():
    net = asking()
    net.take_sent()
    net.receive(1, 2, vote(1, pre=True, of_term=0))
    assert (net[1].role, net[1].current_term, net[1].status().pre_vote) == (CANDIDATE, 1, False)
    assert net.take_sent(RequestVoteArgs) == [vote_request(1, 1)] * 2


@pytest.mark.parametrize(
    ("size", "grants", "denials", "role", "asks"),
    [
        (1, 0, 0, LEADER, False),
        (3, 0, 1, FOLLOWER, True),
        (3, 0, 2, FOLLOWER, False),
        (5, 1, 2, FOLLOWER, True),
        (5, 1, 3, FOLLOWER, False),
        (5, 2, 0, CANDIDATE, False),
    ],
)
def test_one_round_of_questions(size, grants, denials, role, asks):
    net = Network(size, holes=range(2, size + 1), pre_vote=True)
    net.fire(1)
    for k in range(2, 2 + grants + denials):
        net.receive(1, k, vote(1, granted=k < 2 + grants, pre=True))
    assert (net[1].role, net[1].status().pre_vote) == (role, asks)
    assert net[1].current_term == (role is not FOLLOWER)


def test_the_next_round_begins_when_the_timer_fires_again():
    net = asking()
    for k in (2, 3):
        net.receive(1, k, vote(1, granted=False, pre=True))
    net.fire(1)
    assert (net[1].current_term, net[1].status().pre_vote) == (0, True)


@pytest.mark.parametrize("role", ["follower", "asking", "candidate", "leader"])
def test_e10_a_pre_vote_in_any_role_changes_nothing(role):
    net = in_role(role)
    before = net[1].dump()
    term = net[1].current_term + 1
    effects = net.receive(1, 2, vote_request(term, 2, 9, 9, is_pre_vote=True))
    assert net.take_sent() == [vote(term, pre=True, of_term=term - 1)]
    assert net[1].dump() == before
    assert effects.persist is None


@pytest.mark.parametrize("role", ["follower", "asking", "candidate", "leader"])
def test_e10_a_vote_in_any_role(role):
    net = in_role(role)
    net.receive(1, 2, vote_request(2, 2, 9, 9))
    assert net.take_sent() == [vote(2)]
    assert (net[1].role, net[1].voted_for, net[1].status().pre_vote) == (FOLLOWER, "n2", False)


@pytest.mark.parametrize(
    ("asked", "log", "voted_for", "granted"),
    [
        (4, (3, 1), 3, True),  # of a term to come: the vote of this one does not matter
        (3, (3, 1), 3, False),
        (3, (3, 1), 2, True),
        (2, (9, 9), None, False),  # of a term that is over
        (4, (2, 9), None, False),  # the log is behind
    ],
)
def test_a_pre_vote_is_answered_as_the_vote_would_be(asked, log, voted_for, granted):
    votes = {1: voted_for} if voted_for else None
    net = Network(3, logs={1: [3]}, votes=votes, holes=(2, 3))
    net.receive(1, 2, vote_request(asked, 2, *log, is_pre_vote=True))
    assert net.take_sent() == [vote(asked, granted=granted, of_term=3, pre=True)]


def test_e12_duelling_pre_candidates():
    net = Network(3, pre_vote=True)
    net.cut(1, 3)
    net.elect(1)
    net.elect(3)
    assert (net[1].role, net[3].role) == (LEADER, FOLLOWER)
    net.recover()
    net.elect(3)
    assert (net[1].role, net[3].role) == (LEADER, FOLLOWER)
    assert [net[k].current_term for k in (1, 2, 3)] == [1] * 3


def test_who_was_cut_off_comes_back_quietly():
    net = leader_of(3, pre_vote=True, check_quorum=True)
    net.isolate(3)
    for _ in range(10):
        net.fire(3)
        net.heartbeat(1)
    net.now = net[3].deadline
    net.heartbeat(1)
    net.recover()
    net.elect(3)
    net.heartbeat(1)
    assert (net[1].role, net[3].leader_id) == (LEADER, "n1")
    assert [net[k].current_term for k in (1, 2, 3)] == [1] * 3


def test_hearing_the_leader_ends_the_question():
    net = asking()
    net.receive(1, 2, append(0, 2))
    assert not net[1].status().pre_vote
    net.receive(1, 3, vote(1, pre=True))
    assert (net[1].role, net[1].current_term) == (FOLLOWER, 0)


def test_a_refusal_tells_of_a_newer_term_and_a_yes_does_not():
    net = asking(5)
    net.receive(1, 2, vote(1, pre=True, of_term=1))
    assert (net[1].current_term, net[1].status().pre_vote) == (0, True)
    net.receive(1, 3, vote(1, granted=False, pre=True, of_term=7))
    assert (net[1].current_term, net[1].status().pre_vote) == (7, False)


@pytest.mark.parametrize("asked", [1, 3])
def test_an_answer_about_another_term_does_not_count(asked):
    net = Network(3, term=1, holes=(2, 3), pre_vote=True)
    net.fire(1)
    net.receive(1, 2, vote(asked, pre=True, of_term=1))
    assert (net[1].role, net[1].status().pre_vote) == (FOLLOWER, True)


def test_a_candidate_that_does_not_win_asks_again_before_it_goes_on():
    net = asking()
    net.receive(1, 2, vote(1, pre=True))
    assert net[1].role is CANDIDATE
    net.fire(1)
    assert (net[1].role, net[1].current_term, net[1].status().pre_vote) == (FOLLOWER, 1, True)


def test_the_trace_tells_it():
    net = asking()
    net.receive(1, 2, vote(1, pre=True))
    told = [(note.rule, note.data) for note in net.nodes[1].notes if note.kind == "pre_vote"]
    assert told == [
        ("PreVote", {"term": 1, "granted": ["n1"], "refused": [], "needed": 2}),
        (
            "HandleRequestVoteResponse",
            {"term": 1, "granted": ["n1", "n2"], "refused": [], "needed": 2},
        ),
    ]


# Stickiness


def sticky(**settings):
    """Node 1 has just heard its leader, node 2."""
    net = Network(3, holes=(2, 3), check_quorum=True, **settings)
    net.receive(1, 2, append(1, 2))
    net.take_sent()
    return net


@pytest.mark.parametrize("pre", [True, False])
@pytest.mark.parametrize(("after", "granted"), [(0, 0), (ELECTION_MS[0] - 1, 0), (100, 1)])
def test_who_has_just_heard_a_leader_stands_by_it(pre, after, granted):
    net = sticky()
    net.now += after
    net.receive(1, 3, vote_request(9, 3, 9, 9, is_pre_vote=pre))
    (reply,) = net.take_sent(RequestVoteReply)
    assert (reply.vote_granted, reply.request_term) == (bool(granted), 9)
    assert net[1].current_term == (9 if granted and not pre else 1)


@pytest.mark.parametrize("pre", [True, False])
def test_a_leader_stands_by_itself(pre):
    net = leader_of(3, check_quorum=True)
    net.receive(1, 3, vote_request(9, 3, 9, 9, is_pre_vote=pre))
    assert [reply.vote_granted for reply in net.take_sent()] == [False]
    assert (net[1].role, net[1].current_term) == (LEADER, 1)


def test_unless_the_leader_itself_has_asked_the_candidate_to_stand():
    net = sticky()
    net.receive(1, 3, vote_request(2, 3, 9, 9, is_transfer=True))
    assert net.take_sent() == [vote(2)]


def test_a_node_with_a_newer_term_is_let_in_again():
    """Without pre-vote its term runs away: the leader's entries are refused, and so it learns."""
    net = leader_of(3, check_quorum=True)
    net.isolate(3)
    for _ in range(3):
        net.fire(3)
    net.recover()
    net.heartbeat(1)
    assert (net[1].role, net[1].current_term) == (FOLLOWER, net[3].current_term)


# A broken connection


def test_a_lost_leader_is_missed_at_once():
    net = leader_of(3, pre_vote=True, check_quorum=True)
    net.now = net[2].deadline - 50
    net.receive(2, 1, append(1, 1, (1, 1)))
    net.receive(3, 1, append(1, 1, (1, 1)))
    net.take_sent()
    net.isolate(1)
    net.lose(2, 1)
    net.lose(3, 1)
    assert net[2].deadline <= net.now + HEARTBEAT_MS
    net.elect(2)
    assert (net[2].role, net[3].leader_id) == (LEADER, "n2")


def test_those_who_still_hear_the_leader_refuse():
    net = leader_of(3, pre_vote=True, check_quorum=True)
    net.lose(2, 1)
    net.elect(2)
    assert (net[1].role, net[2].role, net[2].current_term) == (LEADER, FOLLOWER, 1)


@pytest.mark.parametrize(
    ("who", "whom", "settings"),
    [
        (2, 3, {"pre_vote": True}),
        (1, 2, {"pre_vote": True}),
        (2, 1, {"pre_vote": True, "peer_lost": False}),
        (2, 1, {"pre_vote": False}),
    ],
)
def test_any_other_broken_connection_says_nothing(who, whom, settings):
    net = leader_of(3, **settings)
    before = net[who].deadline
    net.lose(who, whom)
    assert net[who].deadline == before


def test_a_timer_is_never_put_off_by_it():
    net = leader_of(3, pre_vote=True)
    net.now = net[2].deadline
    net.lose(2, 1)
    assert net[2].deadline == net.now
    net.step(2, Wake(net.now))
    assert net[2].status().pre_vote
    assert name(2) == "n2"
