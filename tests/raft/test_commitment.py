"""Commitment: scenarios L2, L3, L6, L8 and L9, and Figure 8 (paper sections 5.3 and 5.4.2)."""

import pytest

from raftlock.types import AppendEntriesArgs
from tests.raft.harness import (
    LEADER,
    Network,
    ack,
    append,
    leader_of,
    lone_leader,
    terms,
    vote,
)


@pytest.mark.parametrize(
    ("size", "acks", "committed"),
    [
        (1, 0, True),
        (3, 0, False),
        (3, 1, True),
        (3, 2, True),
        (5, 0, False),
        (5, 1, False),
        (5, 2, True),
        (5, 3, True),
        (5, 4, True),
        (4, 1, False),
        (4, 2, True),
    ],
)
def test_l2_commit_on_a_majority(size, acks, committed):
    net = lone_leader(size, acked=range(2, size + 1))
    net.propose(1)
    for k in range(2, 2 + acks):
        net.receive(1, k, ack(1, 2))
    assert net[1].commit_index == (2 if committed else 1)
    net.take_sent()
    net.fire(1)
    assert {args.leader_commit for args in net.take_sent()} <= {net[1].commit_index}


def test_the_leader_counts_itself_once_its_own_disk_has_the_entry():
    net = lone_leader(3, acked=(2, 3))
    net.auto_sync = False
    net.propose(1)
    net.receive(1, 2, ack(1, 2))
    assert net[1].commit_index == 1
    net.sync(1)
    assert net[1].commit_index == 2


def test_a_majority_without_the_leaders_disk_is_a_majority():
    net = lone_leader(3, acked=(2, 3))
    net.auto_sync = False
    net.propose(1)
    net.receive(1, 2, ack(1, 2))
    net.receive(1, 3, ack(1, 2))
    assert (net[1].commit_index, net[1].durable_index) == (2, 1)


@pytest.mark.parametrize("log", [[], [2], [1, 2], [1]])
def test_l3_older_entries_commit_along(log):
    net = Network(3, logs={1: log}, term=2)
    net.elect(1)
    net.propose(1)
    net.deliver()
    net.heartbeat(1)
    for node in net.nodes.values():
        assert [entry.term for entry in node.applied] == [*log, 3, 3]
        assert [entry.command for entry in node.applied][-2:] == [b"", b"x"]


@pytest.mark.parametrize(
    ("prev", "new", "leader_commit", "commit", "last"),
    [
        ((3, 3), [], 3, 0, 2),  # refused: not there
        ((0, 0), [3], 1, 1, 1),
        ((1, 1), [], 3, 1, 2),
        ((1, 1), [2], 4, 2, 2),
        ((1, 1), [2], 0, 0, 2),
        ((2, 2), [3, 4], 3, 3, 4),
        ((2, 2), [3], 9, 3, 3),
        ((2, 2), [], 4, 2, 2),
        ((2, 2), [], 2, 2, 2),
        ((2, 2), [], 1, 1, 2),
        ((1, 2), [], 2, 0, 2),  # refused: another term
    ],
)
def test_l6_a_follower_commits_no_further_than_it_has_compared(
    prev, new, leader_commit, commit, last
):
    net = Network(3, logs={1: [1, 2]}, term=4, holes=(2, 3))
    net.receive(1, 2, append(4, 2, prev, new, leader_commit))
    assert (net[1].commit_index, net[1].log.last_index) == (commit, last)
    assert len(net.nodes[1].applied) == commit


def test_commit_never_goes_back():
    net = Network(3, logs={1: [1, 2]}, term=4, holes=(2, 3))
    for leader_commit in (2, 1, 0):
        net.receive(1, 2, append(4, 2, (2, 2), (), leader_commit))
        assert net[1].commit_index == 2


def test_l8_earlier_terms_are_not_committed_by_counting():
    net = Network(3, logs={1: [1, 2]}, holes=(2, 3))
    net.fire(1)
    net.receive(1, 2, vote(3))
    net.propose(1)
    commits = []
    for match in (1, 2, 3):
        net.receive(1, 2, ack(3, match))
        commits.append(net[1].commit_index)
    assert commits == [0, 0, 3]


def l9_network():
    net = leader_of(5)
    for other in (3, 4, 5):
        net.cut(1, other)
    net.propose(1)
    net.propose(1)
    net.deliver()
    assert net[1].commit_index == 1
    net.recover()
    return net


def test_l9_a_new_leader_does_not_commit_without_its_own_entry():
    net = l9_network()
    net.ignore(AppendEntriesArgs)
    net.elect(2)
    assert (net[2].role, net[2].commit_index) == (LEADER, 1)
    net.recover()
    net.heartbeat(2)
    net.propose(2)
    net.deliver()
    assert net[2].commit_index == 5


def test_l9_its_no_op_commits_what_came_before():
    net = l9_network()
    net.elect(2)
    assert net[2].commit_index == 4


def figure_8():
    """Figure 8 up to (c): node 1, leader again in term 4, has brought entry 2 to a majority."""
    net = Network(5, logs={1: [1, 2], 2: [1, 2], 3: [1], 4: [1], 5: [1, 3]}, term=3)
    for k in (4, 5):
        net.cut(1, k)
    net.hook = lambda _source, _target, message: (
        not isinstance(message, AppendEntriesArgs) or message.prev_log_index < 2
    )
    # The no-op stays on node 1: what follows it is lost, entry 2 alone arrives at node 3.
    net.elect(1)
    net.receive(3, 1, append(4, 1, (1, 1), [2]))
    net.deliver()
    assert net.logs() == [[1, 2, 4], [1, 2], [1, 2], [1], [1, 3]]
    return net


def test_figure_8_an_entry_on_a_majority_may_yet_be_overwritten():
    net = figure_8()
    assert (net[1].role, net[1].commit_index) == (LEADER, 0)
    # (d): node 5 leads with the votes of 3 and 4, and overwrites entry 2.
    net.recover()
    net.cut(1, 5)
    net.cut(2, 5)
    net.elect(5)  # node 3 has already voted in this term
    net.elect(5)
    net.heartbeat(5)
    assert terms(net[3].log)[:2] == [1, 3]


def test_figure_8_once_its_own_entry_is_on_a_majority_it_is_safe():
    net = figure_8()
    net.recover()
    for k in (4, 5):
        net.cut(1, k)
    net.heartbeat(1)
    assert net[1].commit_index == 3
    # (e): node 5 can win no more.
    net.recover()
    net.isolate(1)
    net.elect(5)
    net.elect(5)
    assert net[5].role is not LEADER
