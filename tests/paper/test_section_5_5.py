"""Section 5.5: followers and candidates that crash.

What a server's disk kept it has again when it restarts: term, vote and log. All else it learns.
"""

import pytest

from raftlock.types import AppendEntriesReply, RequestVoteReply
from tests.paper.stage import leaders, log_of, results, say
from tests.raft.harness import (
    FOLLOWER,
    LEADER,
    Network,
    ack,
    append,
    leader_of,
    lone_leader,
    rejection,
    vote,
    vote_request,
)


def test_requests_to_a_crashed_server_fail_and_nobody_else_minds():
    """5.5: neither an election nor replication waits for it."""
    net = Network(3)
    net.isolate(3)
    net.elect(1)
    say(net, 1, b"x")
    assert (net[1].role, results(net, 1)) == (LEADER, [b"x"])
    assert (net[3].current_term, log_of(net, 3)) == (0, [])


def test_they_are_repeated_until_it_is_back():
    """5.5: a follower that restarts gets what it missed, however long it was away."""
    net = leader_of(3)
    net.isolate(3)
    for number in range(20):
        say(net, 1, b"%d" % number)
        net.heartbeat(1)
    net.restart(3)
    net.recover()
    net.heartbeat(1)
    net.heartbeat(1)
    assert results(net, 3) == results(net, 1)
    assert len(results(net, 3)) == 20


def test_also_votes_are_asked_for_until_somebody_is_back():
    """5.5: a lone candidate goes on standing; the first that restarts can elect it."""
    net = Network(3)
    net.isolate(2)
    net.isolate(3)
    for _ in range(5):
        net.elect(1)
    assert leaders(net) == []
    net.restart(2)
    net.recover()
    net.isolate(3)
    net.elect(1)
    assert (leaders(net), net[1].current_term) == ([1], 6)


@pytest.mark.parametrize(
    ("request_", "kept"),
    [
        pytest.param(vote_request(1, 2), ("n2", []), id="RequestVote"),
        pytest.param(append(1, 2, (0, 0), [1, 1]), ("", [1, 1]), id="AppendEntries"),
    ],
)
def test_who_crashes_before_it_answers_is_asked_again_and_answers_the_same(request_, kept):
    """5.5: the work was done and on disk, only the answer was lost."""
    net = Network(3, holes=(2, 3))
    net.receive(1, 2, request_)
    lost = net.take_sent()
    net.restart(1)
    assert (net[1].voted_for, log_of(net, 1)) == kept
    net.receive(1, 2, request_)
    assert net.take_sent() == lost
    assert (net[1].voted_for, log_of(net, 1)) == kept


@pytest.mark.parametrize("request_", [vote_request(1, 2), append(1, 2, (0, 0), [1, 1])])
def test_who_crashes_before_its_disk_is_done_has_promised_nothing(request_):
    """5.5, and Figure 2's persistent state: no answer has left, and it begins where it was."""
    net = Network(3, holes=(2, 3), auto_sync=False)
    net.receive(1, 2, request_)
    net.restart(1)
    assert net.sent == []
    assert (net[1].current_term, net[1].voted_for, log_of(net, 1)) == (0, "", [])


@pytest.mark.parametrize(
    "request_", [vote_request(1, 2), append(1, 2), append(1, 2, (0, 0), [1, 1], commit=1)]
)
def test_a_request_heard_twice_does_no_harm(request_):
    """5.5: the second time finds everything done, and is answered like the first."""
    net = Network(3, holes=(2, 3))
    net.receive(1, 2, request_)
    first, before = net.take_sent(), net[1].dump()
    again = net.receive(1, 2, request_)
    assert net.take_sent() == first
    assert (again.persist, again.apply) == (None, ())
    after = net[1].dump()
    for chance in ("random", "time_left"):
        del before[chance], after[chance]
    assert after == before


@pytest.mark.parametrize("late", [ack(1, 3), ack(1, 2), rejection(1, 3), rejection(1, 1)])
def test_an_answer_heard_twice_or_late_does_no_harm(late):
    """5.5, on the leader's side: what is known of a follower stays known, nothing is sent anew."""
    net = lone_leader(3, acked=(2, 3))
    net.propose(1)
    net.propose(1)
    net.receive(1, 2, ack(1, 3))
    net.take_sent()
    before = net[1].dump()
    net.receive(1, 2, late)
    assert (net[1].dump(), net.sent) == (before, [])


def test_an_append_with_entries_that_are_there_adds_only_the_others():
    """5.5: and takes nothing away, though it be shorter than the log."""
    net = Network(3, logs={1: [1, 1]}, holes=(2, 3))
    effects = net.receive(1, 2, append(1, 2, (0, 0), [1, 1, 1]))
    assert [entry.index for entry in effects.persist.entries] == [3]
    effects = net.receive(1, 2, append(1, 2, (0, 0), [1]))
    assert (effects.persist, log_of(net, 1)) == (None, [1, 1, 1])


def test_a_candidate_that_crashes_keeps_its_term_and_its_vote():
    """5.5: it comes back as a follower, votes for nobody else in that term, and stands again."""
    net = Network(3, holes=(2, 3))
    net.fire(1)
    net.restart(1)
    assert (net[1].role, net[1].current_term, net[1].voted_for) == (FOLLOWER, 1, "n1")
    net.take_sent()
    net.receive(1, 2, vote_request(1, 2))
    net.receive(1, 3, vote(1))
    assert net.take_sent() == [vote(1, granted=False)]
    assert net[1].role is FOLLOWER
    net.fire(1)
    assert net[1].current_term == 2


@pytest.mark.parametrize("answer", [RequestVoteReply, AppendEntriesReply])
def test_with_answers_lost_and_servers_restarted_all_goes_on(answer):
    """5.5: in one run: whoever answers crashes at once, its first answer is lost."""
    net = Network(3)
    crashed = set()

    def loses_the_first(source, _target, message):
        if isinstance(message, answer) and source not in crashed:
            crashed.add(source)
            net.restart(source)
            return False
        return True

    net.hook = loses_the_first
    net.elect(1)
    if not leaders(net):
        net.elect(1)
    say(net, 1, b"x")
    net.heartbeat(1)
    net.heartbeat(1)
    assert crashed == {2, 3}
    assert [results(net, k) for k in (1, 2, 3)] == [[b"x"]] * 3
