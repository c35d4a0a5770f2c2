"""Section 5.2: leader election."""

from collections import Counter

import pytest

from raftlock.raft import Rules, Wake
from raftlock.types import AppendEntriesArgs, PersistentState, RequestVoteArgs
from tests.paper.stage import alone_as, breaks, carry, leaders, next_timeout
from tests.raft.harness import (
    CANDIDATE,
    ELECTION_MS,
    FOLLOWER,
    HEARTBEAT_MS,
    LEADER,
    Network,
    append,
    leader_of,
    vote,
    vote_request,
)


def test_servers_start_as_followers():
    """5.2: also a leader that crashed comes back as a follower."""
    assert Network(3).roles() == [FOLLOWER] * 3
    net = leader_of(3)
    net.restart(1)
    assert net.roles() == [FOLLOWER] * 3


def test_a_follower_that_hears_a_leader_stays_one():
    """5.2: as long as a leader is heard in time, a follower remains one."""
    net = Network(3, holes=(2, 3))
    for _ in range(50):
        net.now = net[1].deadline - 1
        net.receive(1, 2, append(1, 2))
        net.step(1, Wake(net.now))
    assert (net[1].role, net[1].current_term) == (FOLLOWER, 1)
    assert net.now > 20 * ELECTION_MS[1]


def test_a_follower_that_votes_for_a_candidate_waits_for_it():
    """5.2: a candidate that deserves its vote counts like a leader that is heard."""
    net = Network(3, holes=(2, 3))
    net.now = net[1].deadline - 1
    net.receive(1, 2, vote_request(1, 2))
    assert net[1].deadline >= net.now + ELECTION_MS[0]


def test_a_request_that_is_not_valid_buys_no_time():
    """5.2: neither a former leader nor a candidate that gets no vote is waited for."""
    net = Network(3, logs={1: [2]}, holes=(2, 3))
    before = net[1].deadline
    net.now = before - 1
    net.receive(1, 2, append(1, 2))
    net.receive(1, 3, vote_request(2, 3, 1, 1))
    assert net[1].deadline == before


def test_a_leader_sends_heartbeats_to_all_followers():
    """5.2: at a steady pace, AppendEntries with nothing in it, to keep its authority."""
    net = leader_of(5)
    for _ in range(3):
        before = net.now
        net.fire(1)
        assert net.now == before + HEARTBEAT_MS
        beats = net.take_sent(AppendEntriesArgs)
        assert [beat.entries for beat in beats] == [()] * 4


def test_silence_begins_an_election():
    """5.2: who hears nobody for its election timeout takes it that nobody leads."""
    net = Network(3, holes=(2, 3))
    net.step(1, Wake(net[1].deadline - 1))
    assert net[1].role is FOLLOWER
    net.step(1, Wake(net[1].deadline))
    assert net[1].role is CANDIDATE


def test_it_enters_the_next_term_votes_for_itself_and_asks_all_others():
    """5.2: this is how an election begins. Its own vote is on disk before anybody is asked."""
    net = Network(5, term=6, holes=(2, 3, 4, 5), auto_sync=False)
    effects = net.fire(1)
    assert (net[1].role, net[1].current_term, net[1].voted_for) == (CANDIDATE, 7, "n1")
    assert (effects.persist.state, net.sent) == (PersistentState(7, "n1"), [])
    net.sync(1)
    assert net.take_sent() == [vote_request(7, 1)] * 4


def test_a_candidate_wins_loses_or_runs_out_of_time():
    """5.2: it remains a candidate until one of these three happens."""
    wins, loses, waits = (alone_as(CANDIDATE) for _ in range(3))
    wins.receive(1, 2, vote(1))
    loses.receive(1, 2, append(1, 2))
    waits.fire(1)
    assert (wins[1].role, wins[1].current_term) == (LEADER, 1)
    assert (loses[1].role, loses[1].current_term) == (FOLLOWER, 1)
    assert (waits[1].role, waits[1].current_term) == (CANDIDATE, 2)


def test_a_candidate_that_cannot_win_any_more_stands_back():
    """5.2, and a step further: a majority has refused, which the paper's candidate does not heed.
    Here it follows until its timer fires; its term, its vote and the timer are what they were."""
    net = alone_as(CANDIDATE)
    before = net[1].dump()
    net.receive(1, 2, vote(1, granted=False))
    assert net[1].role is CANDIDATE
    net.receive(1, 3, vote(1, granted=False))
    assert net[1].role is FOLLOWER
    assert net[1].dump() == before | {"role": "follower", "candidacy": None}
    net.fire(1)
    assert (net[1].role, net[1].current_term) == (CANDIDATE, 2)


def test_it_wins_by_a_majority_of_the_whole_cluster():
    """5.2: of all servers, not of those that happen to answer."""
    net = Network(5)
    for k in (3, 4, 5):
        net.isolate(k)
    net.elect(1)
    assert (net[1].role, net[2].voted_for) == (CANDIDATE, "n1")
    net.recover()
    net.isolate(4)
    net.isolate(5)
    net.elect(1)
    assert net[1].role is LEADER


def test_only_votes_for_the_same_term_make_a_majority():
    """5.2: a vote for the last election says nothing in this one."""
    net = alone_as(CANDIDATE)
    net.fire(1)
    net.receive(1, 2, vote(1))
    assert (net[1].role, net[1].current_term) == (CANDIDATE, 2)
    net.receive(1, 2, vote(2))
    assert net[1].role is LEADER


def test_one_vote_a_term_for_who_comes_first():
    """5.2: the first to ask has it, and may ask again; all others have come too late."""
    net = Network(3, holes=(2, 3))
    for candidate in (2, 3, 2):
        net.receive(1, candidate, vote_request(1, candidate))
    assert net.take_sent() == [vote(1), vote(1, granted=False), vote(1)]
    net.restart(1)
    net.receive(1, 3, vote_request(1, 3))
    assert net.take_sent() == [vote(1, granted=False)]


class HalfIsEnough(Rules):
    def quorum(self, voters):
        return voters // 2


class VotesTwice(Rules):
    def may_vote(self, voted_for, candidate_id):
        return True


def two_stand(size, rules):
    net = Network(size, rules=rules)
    net.fire(1)
    net.fire(2)
    carry(net, 1, 3)
    if size == 4:
        carry(net, 2, 4)
    net.deliver()
    return net


@pytest.mark.parametrize(
    ("size", "rightly", "broken_rule", "broken"),
    [(4, [], HalfIsEnough, "Election Safety"), (3, [1], VotesTwice, "one vote a term")],
)
def test_a_majority_of_single_votes_elects_one_at_most(size, rightly, broken_rule, broken):
    """5.2: take away the majority, or the single vote, and a term has two leaders."""
    assert leaders(two_stand(size, Rules())) == rightly
    with breaks(broken):
        two_stand(size, broken_rule())


def test_a_new_leader_tells_all_at_once():
    """5.2: so that all know it, and nobody else stands."""
    net = Network(3)
    net.fire(1)
    net.now += 80
    net.deliver()
    assert len(net.take_sent(AppendEntriesArgs)) == 2
    assert [net[k].leader_id for k in (1, 2, 3)] == ["n1"] * 3
    assert min(net[k].deadline for k in (2, 3)) >= net.now + ELECTION_MS[0]


@pytest.mark.parametrize("term", [1, 2])
def test_a_candidate_follows_a_leader_that_is_not_older(term):
    """5.2: who leads in the candidate's term, or a later one, is the rightful leader."""
    net = alone_as(CANDIDATE)
    net.receive(1, 2, append(term, 2))
    assert (net[1].role, net[1].leader_id, net[1].current_term) == (FOLLOWER, "n2", term)


def test_a_candidate_refuses_an_older_leader_and_goes_on():
    """5.2: a former leader ends no election."""
    net = alone_as(CANDIDATE, term=2)
    net.receive(1, 2, append(1, 2))
    (reply,) = net.take_sent()
    assert (reply.success, reply.term, net[1].role) == (False, 2, CANDIDATE)
    net.receive(1, 3, vote(2))
    assert net[1].role is LEADER


def test_if_all_stand_at_once_nobody_wins():
    """5.2: each has its own vote and no other, and none of them loses either."""
    net = Network(3)
    for k in (1, 2, 3):
        net.fire(k)
    for source, target in ((1, 2), (2, 3), (3, 1)):
        carry(net, source, target)
    assert net.roles() == [CANDIDATE] * 3
    assert [net[k].voted_for for k in (1, 2, 3)] == ["n1", "n2", "n3"]


def test_after_a_split_vote_each_times_out_and_begins_anew():
    """5.2: with another term and another round of requests, and the first to do so may win."""
    net = Network(3)
    for k in (1, 2, 3):
        net.fire(k)
    net.deliver()
    assert leaders(net) == []
    net.take_sent()
    net.fire(2)
    assert net.take_sent(RequestVoteArgs) == [vote_request(2, 2)] * 2
    net.elect(2)
    assert (leaders(net), net[2].current_term) == ([2], 3)


def test_with_equal_timeouts_votes_would_split_for_ever():
    """5.2: if all waited equally long, all would stand at once, in every term."""
    net = Network(3, election_timeout_ms_min=100, election_timeout_ms_max=100)
    for _ in range(30):
        next_timeout(net)
    assert leaders(net) == []
    assert [net[k].current_term for k in (1, 2, 3)] == [30] * 3


def test_random_timeouts_make_split_votes_rare_and_short():
    """5.2: mostly one server is first, wins, and is heard before another's time is up.
    Messages take 5 ms here; timeouts are drawn from 100 to 190 ms."""
    elections = Counter()
    for seed in range(100):
        net = Network(5, seed=seed)
        while not leaders(net):
            next_timeout(net, spread=5)
        elections[net[leaders(net)[0]].current_term] += 1
    assert elections[1] >= 70
    assert max(elections) <= 5


def test_timeouts_are_drawn_from_a_fixed_interval():
    """5.2: all values between its ends come up, and no others."""
    net = Network(1, voters=("n1", "n2"))
    drawn = set()
    for _ in range(1000):
        net.fire(1)
        drawn.add(net[1].deadline - net.now)
    assert (min(drawn), max(drawn), len(drawn)) == (100, 190, 91)


def test_a_candidate_draws_again_at_the_start_of_each_election():
    """5.2: and waits that long before it begins the next, so that the next may not split."""
    net = alone_as(CANDIDATE)
    drawn = set()
    for term in range(2, 12):
        net.step(1, Wake(net[1].deadline - 1))
        assert (net[1].current_term, net.sent) == (term - 1, [])
        net.fire(1)
        drawn.add(net[1].deadline - net.now)
        net.take_sent()
    assert len(drawn) > 5
