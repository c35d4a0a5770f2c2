"""Figure 3: the five properties, each on a schedule made to break it.

The right rules hold; take one of them away, and the same schedule breaks the property. That they
hold on thousands of random schedules is shown in tests/raft/test_rules.py.
"""

from raftlock.raft import Rules
from raftlock.types import RequestVoteReply
from tests.paper.stage import breaks, carry, leaders, log_of, results, say, told
from tests.raft.harness import LEADER, Network, append, leader_of


class CountsMessages(Rules):
    def with_vote(self, votes, voter):
        return (*votes, voter)


def two_stand_and_every_vote_is_heard_twice(rules):
    net = Network(5, rules=rules)
    net.isolate(5)
    net.fire(1)
    net.fire(2)
    carry(net, 1, 3)
    carry(net, 2, 4)
    for vote in list(net.in_flight):
        if isinstance(vote[2], RequestVoteReply):
            net.in_flight.append(vote)
    net.deliver()
    return net


def test_election_safety():
    """Figure 3: a term has one leader at most, though a network may deliver a message twice."""
    net = two_stand_and_every_vote_is_heard_twice(Rules())
    assert [net[k].voted_for for k in (1, 2, 3, 4)] == ["n1", "n2", "n1", "n2"]
    assert leaders(net) == []
    with breaks("Election Safety"):
        two_stand_and_every_vote_is_heard_twice(CountsMessages())


def test_leader_append_only():
    """Figure 3: a leader only adds to its log; what it loses it loses as a follower."""
    net = leader_of(3)
    net.isolate(1)
    say(net, 1, b"a", b"b")
    net.elect(2)
    say(net, 2, b"c")
    net.receive(1, 2, append(1, 2, (1, 1), [1]))  # in its own term it hears nobody
    assert (net[1].role, log_of(net, 1), told(net, 1, "truncate")) == (LEADER, [1, 1, 1], [])
    net.recover()
    net.heartbeat(2)
    assert (log_of(net, 1), told(net, 1, "truncate")) == ([1, 2, 2], [{"from": 2, "to": 3}])
    kinds = [note.kind for note in net.nodes[1].notes if note.kind in {"role", "truncate"}]
    assert kinds == ["role", "role", "role", "truncate"]  # candidate, leader, follower: only then


class NeverCompares(Rules):
    def log_matches(self, term_here, prev_log_term):
        return True


def a_message_about_a_place_where_the_logs_differ(rules):
    net = Network(3, logs={1: [1, 2], 2: [1, 1], 3: [1]}, term=2, rules=rules)
    net.elect(1)
    return net


def test_log_matching():
    """Figure 3: logs that share an entry's index and term are equal up to there."""
    net = a_message_about_a_place_where_the_logs_differ(Rules())
    assert net.logs() == [[1, 2, 3]] * 3
    with breaks("Log Matching"):
        a_message_about_a_place_where_the_logs_differ(NeverCompares())


class AnyLogWins(Rules):
    def up_to_date(self, candidate, voter):
        return True


def one_who_missed_everything_stands(rules):
    net = leader_of(3, rules=rules)
    net.isolate(3)
    say(net, 1, b"x")
    net.recover()
    net.isolate(1)
    net.elect(3)
    return net


def test_leader_completeness():
    """Figure 3: what is committed is in the log of every leader of a later term."""
    net = one_who_missed_everything_stands(Rules())
    assert (net[3].role is LEADER, log_of(net, 3)) == (False, [1])
    net.elect(2)
    assert (net[2].role is LEADER, log_of(net, 2)[:2]) == (True, [1, 1])
    with breaks("Leader Completeness"):
        one_who_missed_everything_stands(AnyLogWins())


class CommitsWhatTheLeaderHas(Rules):
    def follower_commit(self, leader_commit, last_new_index):
        return leader_commit


def a_heartbeat_for_a_log_that_differs_behind_it(rules):
    net = Network(3, logs={1: [1], 2: [1, 2], 3: [1]}, term=2, rules=rules)
    net.cut(1, 2)
    net.elect(1)
    say(net, 1, b"x")
    assert (log_of(net, 1), net[1].commit_index) == ([1, 3, 3], 3)
    net.receive(2, 1, append(3, 1, (1, 1), (), 3))
    return net


def test_state_machine_safety():
    """Figure 3: no two servers execute different entries at one index. Here server 2 hears that
    three are committed, while its own second is another leader's and was never compared."""
    net = a_heartbeat_for_a_log_that_differs_behind_it(Rules())
    assert net[2].last_applied == 1
    net.recover()
    net.heartbeat(1)
    net.heartbeat(1)
    assert [results(net, k) for k in (1, 2, 3)] == [[b"x"]] * 3
    with breaks("State Machine Safety"):
        a_heartbeat_for_a_log_that_differs_behind_it(CommitsWhatTheLeaderHas())
