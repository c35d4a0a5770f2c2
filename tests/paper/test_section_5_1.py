"""Section 5.1: the servers, their three states, and terms."""

from itertools import pairwise, product

import pytest

from raftlock.raft import Wake
from raftlock.types import (
    AppendEntriesArgs,
    AppendEntriesReply,
    NodeRole,
    RequestVoteArgs,
    RequestVoteReply,
)
from tests.paper.stage import REQUESTS, alone_as, carry, leaders, say, told
from tests.raft.harness import (
    CANDIDATE,
    FOLLOWER,
    LEADER,
    Network,
    ack,
    append,
    leader_of,
    rejection,
    vote,
    vote_request,
)

FROM_TERM_2 = [vote_request(2, 2), vote(2, granted=False), append(2, 2), rejection(2, 0), ack(2, 0)]


def test_five_servers_bear_two_failures():
    """5.1: a cluster of five goes on without two of its servers, and waits without three."""
    net = leader_of(5)
    net.isolate(4)
    net.isolate(5)
    say(net, 1, b"x")
    assert net[1].commit_index == 2
    net.isolate(3)
    say(net, 1, b"y")
    assert net[1].commit_index == 2


def test_a_server_is_in_one_of_three_states():
    """5.1: follower, candidate, leader; Figure 4 has the ways from one to another."""
    assert {role.word for role in NodeRole} == {"follower", "candidate", "leader"}
    net = Network(3)
    net.elect(1)
    net.elect(2)
    changes = [(change["from"], change["to"]) for change in told(net, 1, "role")]
    assert changes == [("follower", "candidate"), ("candidate", "leader"), ("leader", "follower")]


def test_normally_one_leads_and_all_others_follow():
    """5.1: while nothing fails there is one leader, and everybody else is a follower."""
    net = leader_of(5)
    for _ in range(3):
        say(net, 1, b"x")
        net.heartbeat(1)
        assert net.roles() == [LEADER, FOLLOWER, FOLLOWER, FOLLOWER, FOLLOWER]


def test_followers_are_passive():
    """5.1: a follower asks nobody anything, it only answers leaders and candidates."""
    net = leader_of(3)
    say(net, 1, b"x")
    net.heartbeat(1)
    net.step(2, Wake(net[2].deadline - 1))
    from_followers = [message for source, _, message in net.sent if source != 1]
    assert len(from_followers) >= 4
    assert not any(isinstance(message, REQUESTS) for message in from_followers)


def test_the_leader_serves_all_clients_and_followers_send_them_there():
    """5.1: only the leader takes a command; a follower that is asked says who leads."""
    net = leader_of(3)
    (taken,) = net.propose(1).resolved
    (sent_on,) = net.propose(2).resolved
    assert (taken.accepted, sent_on.accepted, sent_on.leader_id) == (True, False, "n1")


def test_candidates_are_there_to_elect_a_leader():
    """5.1: nobody leads who was not a candidate before."""
    assert not FOLLOWER.can_transition_to(LEADER)
    net = Network(3, holes=(2, 3))
    net.receive(1, 2, vote(0))
    assert net[1].role is FOLLOWER
    net.fire(1)
    net.receive(1, 2, vote(1))
    assert net[1].role is LEADER


def test_terms_are_consecutive_numbers():
    """5.1: every election begins the term with the next number."""
    net = Network(3)
    for k in (1, 2, 3, 1):
        net.elect(k)
    assert [entered["term"] for entered in told(net, 2, "term")] == [1, 2, 3, 4]


def test_a_term_begins_with_an_election():
    """5.1: the first that is heard of a term is that somebody stands for election."""
    net = Network(3)
    for k in (1, 2, 1):
        net.elect(k)
        say(net, k, b"x")
    first = {}
    for _, _, message in net.sent:
        first.setdefault(message.term, message)
    assert list(first) == [1, 2, 3]
    assert all(isinstance(message, RequestVoteArgs) for message in first.values())


def test_who_wins_leads_for_the_rest_of_the_term():
    """5.1: nothing in its own term deposes a leader: no silence, and no late candidate."""
    net = alone_as(LEADER)
    net.receive(1, 3, vote_request(1, 3, 9, 9))
    net.receive(1, 3, vote(1, granted=False))
    for _ in range(50):
        net.fire(1)
    assert (net[1].role, net[1].current_term) == (LEADER, 1)


def test_a_split_vote_ends_the_term_without_a_leader():
    """5.1: if the votes are split nobody leads that term, and soon another begins."""
    net = Network(4)
    net.fire(1)
    net.fire(2)
    carry(net, 1, 3)
    carry(net, 2, 4)
    net.deliver()
    assert leaders(net) == []
    assert [net[k].current_term for k in net.nodes] == [1] * 4
    net.elect(1)
    assert (leaders(net), net[1].current_term) == ([1], 2)


@pytest.mark.parametrize("heard_first", list(product((1, 2), repeat=3)))
def test_at_most_one_leader_a_term(heard_first):
    """5.1: two stand in one term; whomever the other three hear first, one of the two wins."""
    net = Network(5)
    net.fire(1)
    net.fire(2)
    for voter, candidate in zip((3, 4, 5), heard_first, strict=True):
        carry(net, candidate, voter)
    net.deliver()
    assert len(leaders(net)) == 1
    assert {net[k].current_term for k in net.nodes} == {1}
    assert heard_first.count(leaders(net)[0]) >= 2


def test_a_server_may_miss_whole_terms():
    """5.1: servers see terms change at different times, and may sleep through some."""
    net = leader_of(3)
    net.isolate(3)
    for k in (2, 1, 2):
        net.elect(k)
    assert [net[k].current_term for k in net.nodes] == [4, 4, 1]
    net.recover()
    net.heartbeat(2)
    assert [entered["term"] for entered in told(net, 3, "term")] == [1, 4]


def test_terms_tell_what_is_obsolete():
    """5.1: terms are a clock: by them a leader that was cut off is known for a former one."""
    net = leader_of(3)
    net.isolate(1)
    net.elect(2)
    assert leaders(net) == [1, 2]
    net.recover()
    net.heartbeat(1)
    assert leaders(net) == [2]
    assert net.logs() == [[1], [1, 2], [1, 2]]


def test_the_current_term_only_grows():
    """5.1: a server's term never falls: not by an old message, and not by a crash."""
    net = Network(3)
    net.elect(1)
    net.elect(2)
    net.receive(3, 1, append(1, 1))
    net.restart(3)
    assert net[3].current_term == 2
    entered = [term["term"] for term in told(net, 1, "term")]
    assert all(earlier < later for earlier, later in pairwise(entered))


def test_servers_tell_their_terms_whenever_they_speak():
    """5.1: every request and every answer carries its sender's term."""
    net = Network(3, term=6)
    net.elect(1)
    assert {(type(message), message.term) for _, _, message in net.sent} == {
        (RequestVoteArgs, 7),
        (RequestVoteReply, 7),
        (AppendEntriesArgs, 7),
        (AppendEntriesReply, 7),
    }


@pytest.mark.parametrize("message", FROM_TERM_2)
def test_the_smaller_term_gives_way_to_the_larger(message):
    """5.1: who hears of a newer term goes over to it, whatever the message was about."""
    net = alone_as(FOLLOWER)
    net.receive(1, 2, message)
    assert net[1].current_term == 2


@pytest.mark.parametrize("role", [CANDIDATE, LEADER])
@pytest.mark.parametrize("message", FROM_TERM_2)
def test_who_is_out_of_date_becomes_a_follower_at_once(role, message):
    """5.1: a candidate or leader that hears of a newer term is a follower from then on."""
    net = alone_as(role)
    net.receive(1, 2, message)
    assert (net[1].role, net[1].current_term) == (FOLLOWER, 2)


@pytest.mark.parametrize("role", NodeRole)
@pytest.mark.parametrize("request_", [vote_request(1, 2, 9, 9), append(1, 2, (0, 0), [1])])
def test_a_request_of_an_old_term_is_refused(role, request_):
    """5.1: it changes nothing, and the refusal tells the newer term."""
    net = alone_as(role, term=2)
    before = net[1].dump()
    net.receive(1, 2, request_)
    (reply,) = net.take_sent()
    refused = not getattr(reply, "vote_granted", False) and not getattr(reply, "success", False)
    assert (refused, reply.term) == (True, 2)
    assert net[1].dump() == before


def test_two_kinds_of_request_are_enough():
    """5.1: candidates ask for votes; leaders send entries, and no entries as a heartbeat."""
    net = Network(3)
    net.elect(1)
    say(net, 1, b"x")
    net.heartbeat(1)
    asked = [(source, type(each)) for source, _, each in net.sent if isinstance(each, REQUESTS)]
    assert set(asked) == {(1, RequestVoteArgs), (1, AppendEntriesArgs)}
    assert asked.index((1, AppendEntriesArgs)) == asked.count((1, RequestVoteArgs))
    assert net[3].commit_index == 2


def test_entries_that_get_no_answer_are_sent_again():
    """5.1: a request that is not answered in time is repeated; here by the next heartbeat."""
    net = leader_of(3)
    net.isolate(2)
    say(net, 1, b"x")
    for _ in range(3):
        net.heartbeat(1)
    assert net.logs() == [[1, 1], [1], [1, 1]]
    net.recover()
    net.heartbeat(1)
    assert net.logs() == [[1, 1]] * 3


def test_a_request_for_a_vote_that_gets_no_answer_is_repeated_in_the_next_term():
    """5.1: votes are asked for again too. The paper repeats the same request; here the candidate
    waits for its timer and asks in another term, which costs a timeout and nothing else."""
    net = Network(3)
    net.isolate(1)
    net.elect(1)
    net.recover()
    assert (net[1].role, net.take_sent(RequestVoteArgs)) == (CANDIDATE, [vote_request(1, 1)] * 2)
    net.elect(1)
    assert (net[1].role, net[1].current_term) == (LEADER, 2)


def test_requests_go_out_in_parallel():
    """5.1: nobody waits for one answer before asking the next server."""
    net = Network(5, holes=(2, 3, 4, 5))
    net.fire(1)
    assert net.take_sent() == [vote_request(1, 1)] * 4
    net.receive(1, 2, vote(1))
    effects = net.receive(1, 3, vote(1))
    assert [send.to for send in effects.send_now] == ["n2", "n3", "n4", "n5"]
