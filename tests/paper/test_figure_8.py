"""Figure 8: why an entry of an earlier term is not committed by counting, panel by panel.

Five servers have an entry of term 1. Each panel goes on from the one before; only (e) goes on from
(c), in place of (d). A leader's own entry is the empty one with which it begins. With the rule that
saves it, entry 2 is not committed in (c), so (d) loses nothing; without it, (d) loses an entry that
was committed and executed.
"""

from dataclasses import replace

import pytest

from raftlock.raft import Rules
from raftlock.types import AppendEntriesArgs
from tests.paper.stage import breaks, leaders
from tests.raft.harness import Network


class CommitsEarlierTerms(Rules):
    """The rule taken away: any entry on a majority is committed, whatever its term."""

    def counts_for_commit(self, entry_term, current_term):
        return True


def crash(net, k):
    """It stays down, unreachable, until the next panel lets it return."""
    net.restart(k)
    net.isolate(k)


def panel_a(rules):
    net = Network(5, logs={k: [1] for k in range(1, 6)}, term=1, rules=rules)
    net.hook = lambda _source, target, message: (
        target == 2 or not isinstance(message, AppendEntriesArgs)
    )
    net.elect(1)
    return net


def panel_b(rules):
    net = panel_a(rules)
    crash(net, 1)
    net.ignore(AppendEntriesArgs)
    net.elect(5)
    return net


def panel_c(rules):
    net = panel_b(rules)
    net.recover()
    crash(net, 5)

    def without_the_newest(source, target, message):
        """Servers 2 and 3 hear from server 1, but its own entry of term 4 does not get through."""
        if isinstance(message, AppendEntriesArgs):
            old = tuple(entry for entry in message.entries if entry.term < 4)
            if target != 4 and (source, target) not in net.dropped:
                net.receive(target, source, replace(message, entries=old))
            return False
        return True

    net.hook = without_the_newest
    net.elect(1)  # in term 3 servers 3 and 4 have voted already
    net.elect(1)
    return net


def panel_d(rules):
    net = panel_c(rules)
    net.recover()
    crash(net, 1)
    net.elect(5)  # in term 4 the others have voted already
    net.elect(5)
    net.heartbeat(5)
    return net


def panel_e(rules):
    net = panel_c(rules)
    net.recover()
    net.isolate(5)
    net.cut(1, 4)
    net.heartbeat(1)
    return net


BOTH = pytest.mark.parametrize("rules", [Rules(), CommitsEarlierTerms()], ids=["right", "broken"])


@BOTH
def test_a_server_1_leads_term_2_and_reaches_server_2_alone(rules):
    """Figure 8 (a): entry 2 is on two of five."""
    net = panel_a(rules)
    assert (leaders(net), net[1].current_term) == ([1], 2)
    assert net.logs() == [[1, 2], [1, 2], [1], [1], [1]]


@BOTH
def test_b_server_5_leads_term_3_with_another_entry_2(rules):
    """Figure 8 (b): server 1 is down; 3 and 4 vote for server 5, whose log is as good as theirs.
    Server 2 does not."""
    net = panel_b(rules)
    assert (leaders(net), net[5].current_term) == ([5], 3)
    assert [net[k].voted_for for k in (2, 3, 4)] == ["", "n5", "n5"]
    assert net.logs() == [[1, 2], [1, 2], [1], [1], [1, 3]]


def test_c_server_1_leads_again_and_brings_its_old_entry_to_a_majority():
    """Figure 8 (c): entry 2 is on three of five now. It is of term 2, the leader's term is 4: it is
    not committed."""
    net = panel_c(Rules())
    assert (leaders(net), net[1].current_term) == ([1], 4)
    assert net.logs() == [[1, 2, 4], [1, 2], [1, 2], [1], [1, 3]]
    assert net[1].commit_index == 0


def test_c_without_the_rule_the_old_entry_is_committed():
    """Figure 8 (c): whoever only counts takes entry 2 for safe, and executes it."""
    net = panel_c(CommitsEarlierTerms())
    assert net.logs() == [[1, 2, 4], [1, 2], [1, 2], [1], [1, 3]]
    assert net[1].commit_index == 2
    assert [entry.term for entry in net.nodes[1].applied] == [1, 2]


def test_d_server_5_leads_again_and_overwrites_it():
    """Figure 8 (d): server 1 is down; the others may vote for server 5, and entry 2 is replaced on
    all of them. Nobody had executed it, so nothing is lost."""
    net = panel_d(Rules())
    assert (leaders(net), net[5].current_term) == ([5], 5)
    assert net.logs() == [[1, 2, 4], [1, 3, 5], [1, 3, 5], [1, 3, 5], [1, 3, 5]]
    net.recover()
    net.heartbeat(5)
    assert net.logs() == [[1, 3, 5]] * 5


def test_d_without_the_rule_a_committed_entry_is_lost():
    """Figure 8 (d): server 5 leads without an entry that was committed before."""
    with breaks("Leader Completeness"):
        panel_d(CommitsEarlierTerms())


@BOTH
def test_e_once_an_entry_of_its_own_term_is_on_a_majority_all_before_it_is_safe(rules):
    """Figure 8 (e): entry 3 is of the leader's own term 4, so it is committed, and entry 2 with it:
    server 5 can win no election any more."""
    net = panel_e(rules)
    assert net.logs() == [[1, 2, 4], [1, 2, 4], [1, 2, 4], [1], [1, 3]]
    assert net[1].commit_index == 3
    net.recover()
    crash(net, 1)
    for _ in range(5):
        net.elect(5)
        assert leaders(net) == []
    net.elect(2)
    net.heartbeat(2)
    assert leaders(net) == [2]
    assert [log[:3] for log in net.logs()] == [[1, 2, 4]] * 5
