"""Figure 7: what a new leader may find on its followers, and how each log becomes its own.

The leader of term 8 has ten entries. It cannot know what a follower has, so it asks about its last
entry first and goes back from there; `repair` tells where it asked, and what the follower dropped
and took. A new leader adds an empty entry of its own term, the eleventh.
"""

import pytest

from raftlock.types import AppendEntriesArgs
from tests.paper.stage import leaders, log_of, told
from tests.raft.harness import LEADER, Network

LEADERS_LOG = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6]
FOLLOWERS = {
    "a": [1, 1, 1, 4, 4, 5, 5, 6, 6],
    "b": [1, 1, 1, 4],
    "c": [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    "d": [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    "e": [1, 1, 1, 4, 4, 4, 4],
    "f": [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
}


def repair(panel):
    """Node 1 leads by the vote of node 3; node 2 is the follower.

    Which places (index, term) it was asked about, which indexes it dropped, which terms it took.
    """
    net = Network(3, logs={1: LEADERS_LOG, 2: FOLLOWERS[panel]}, term=7)
    net.elect(1)
    assert (net[1].role, net[1].current_term) == (LEADER, 8)
    appends = [m for _, to, m in net.sent if to == 2 and isinstance(m, AppendEntriesArgs)]
    asked = [(args.prev_log_index, args.prev_log_term) for args in appends]
    dropped = [(lost["from"], lost["to"]) for lost in told(net, 2, "truncate")]
    took = [e.term for note in net.nodes[2].notes for e in note.entries if note.kind == "append"]
    assert log_of(net, 1) == log_of(net, 2) == [*LEADERS_LOG, 8]
    return asked, dropped, took


def test_a_lacks_the_last_entry():
    """Figure 7 (a): its log is too short, it says so, and gets what it lacks."""
    assert repair("a") == ([(10, 6), (9, 6)], [], [6, 8])


def test_b_lacks_six_entries():
    """Figure 7 (b): one refusal is enough, since it tells where the log ends."""
    assert repair("b") == ([(10, 6), (4, 4)], [], [4, 5, 5, 6, 6, 6, 8])


def test_c_has_one_entry_more():
    """Figure 7 (c): the logs agree at once; the extra entry clashes with the leader's next one."""
    assert repair("c") == ([(10, 6)], [(11, 11)], [8])


def test_d_has_two_entries_of_a_later_term():
    """Figure 7 (d): they are of term 7, never committed, and go like any others."""
    assert repair("d") == ([(10, 6)], [(11, 12)], [8])


def test_e_lacks_some_and_has_others():
    """Figure 7 (e): too short, and its last two entries of term 4 are not the leader's."""
    assert repair("e") == ([(10, 6), (7, 5), (5, 4)], [(6, 7)], [5, 5, 6, 6, 6, 8])


def test_f_has_two_terms_that_the_leader_never_saw():
    """Figure 7 (f): one refusal for each of the two terms, 3 and 2, then the logs agree."""
    took = [4, 4, 5, 5, 6, 6, 6, 8]
    assert repair("f") == ([(10, 6), (6, 5), (3, 1)], [(4, 11)], took)


def test_how_f_came_to_be():
    """Figure 7 (f): it led term 2 and crashed, led term 3 and crashed, and nobody had a word."""
    net = Network(3, logs={k: [1, 1, 1] for k in (1, 2, 3)}, term=1)
    net.ignore(AppendEntriesArgs)
    for commands in (2, 4):
        net.elect(1)
        assert leaders(net) == [1]
        for _ in range(commands):
            net.propose(1)
        net.restart(1)
    assert net.logs() == [FOLLOWERS["f"], [1, 1, 1], [1, 1, 1]]


def test_all_seven_together():
    """Figure 7: four of six can vote for this leader, (c) and (d) cannot; all end up like it."""
    logs = {1: LEADERS_LOG} | dict(enumerate(FOLLOWERS.values(), start=2))
    net = Network(7, logs=logs, term=7)
    net.elect(1)
    assert [net[k].voted_for for k in range(2, 8)] == ["n1", "n1", "", "", "n1", "n1"]
    net.heartbeat(1)
    assert net.logs() == [[*LEADERS_LOG, 8]] * 7
    assert [net[k].commit_index for k in net.nodes] == [11] * 7


@pytest.mark.parametrize(("panel", "votes"), list(zip("abcdef", (3, 1, 5, 6, 2, 0), strict=True)))
def test_who_else_might_have_led(panel, votes):
    """Figure 7: had another of the seven stood, so many of the others would have had its log for
    as good as their own; four of seven, with its own vote, are a majority."""
    others = [LEADERS_LOG, *(log for name, log in FOLLOWERS.items() if name != panel)]
    net = Network(7, logs={1: FOLLOWERS[panel]} | dict(enumerate(others, start=2)), term=7)
    net.elect(1)
    assert [net[k].voted_for for k in range(2, 8)].count("n1") == votes
    assert (net[1].role is LEADER) == (votes + 1 >= 4)
