"""Section 6: changes of membership. Figure 10 is what must not be, Figure 11 the way around it.

"Old" are nodes 1, 2, 3, and "new" are 3, 4, 5, if nothing else is said: so neither has a majority
of the other. What is refused, what snapshots and restarts do to members, and the rules broken on
purpose are in tests/raft/test_membership.py.
"""

import pytest

from raftlock.raft import Rules
from raftlock.types import AppendEntriesArgs, Configuration, RequestVoteArgs
from tests.paper.stage import breaks, carry, leaders, log_of, names, only, results, say
from tests.raft.harness import FOLLOWER, LEADER, Network, leader_of

OLD, NEW = (1, 2, 3), (3, 4, 5)


def members(net, k):
    """Whose votes a node counts, by the latest configuration in its log: now, and before."""
    known = net[k].status().configuration
    return known.voters, known.outgoing


def old_cluster(**settings):
    """Node 1 leads 1, 2, 3; nodes 4 and 5 run, and are no members yet."""
    net = Network(5, voters=names(*OLD), **settings)
    net.elect(1)
    net.heartbeat(1)
    net.take_sent()
    return net


def in_between(*reached, **settings):
    """The leader has begun to change old into new, and reaches only these nodes."""
    net = old_cluster(**settings)
    net.hook = only(*((1, k) for k in reached))
    net.change(1, NEW)
    net.deliver()
    return net


class SwitchesAtOnce(Rules):
    """Each goes over from the old voters to the new by itself: no decision needs both."""

    def decides(self, configuration, votes):
        return super().decides(Configuration(configuration.voters), votes)

    def reached(self, configuration, values):
        return super().reached(Configuration(configuration.voters), values)


def four_and_five_know_of_it_and_two_does_not(rules):
    """Figure 10: half of the cluster goes by the old members, and half by the new ones."""
    net = in_between(4, 5, rules=rules)
    net.isolate(1)
    net.hook = only((1, 2), (2, 3), (4, 5), (3, 4), (3, 5))
    net.elect(2)
    assert net[2].role is LEADER
    say(net, 2, b"x")


def test_who_goes_over_at_once_has_two_majorities():
    """6, Figure 10: not all can switch in one moment, so the cluster can be split in two."""
    four_and_five_know_of_it_and_two_does_not(Rules())
    with breaks("Leader Completeness|State Machine Safety"):
        four_and_five_know_of_it_and_two_does_not(SwitchesAtOnce())


def test_a_change_takes_no_node_down():
    """6: it is an entry like others, and the cluster does all the rest by itself."""
    net = old_cluster()
    net.change(1, NEW)
    net.deliver()
    net.elect(3)
    assert members(net, 3) == (names(*NEW), ())
    assert leaders(net) == [3]


# Joint consensus


def test_entries_go_to_the_members_of_both():
    """6, joint consensus, first rule."""
    net = in_between(2)
    net.hook = lambda *_: True
    net.heartbeat(1)
    assert [log_of(net, k)[:2] for k in (2, 3, 4, 5)] == [[1, 1]] * 4


@pytest.mark.parametrize("leader", [2, 5])
def test_a_member_of_either_may_lead(leader):
    """6, joint consensus, second rule: if it has the joint configuration."""
    net = in_between(2, 5)
    net.isolate(1)
    net.hook = lambda *_: True
    net.ignore(AppendEntriesArgs)
    net.elect(leader)
    assert net[leader].role is LEADER


@pytest.mark.parametrize(
    ("reached", "agreed"),
    [
        pytest.param((2,), False, id="a majority of old alone"),
        pytest.param((4, 5), False, id="of new alone"),
        pytest.param((2, 4, 5), True, id="of both"),
        pytest.param((3, 4), True, id="of both, with one in common"),
    ],
)
def test_entries_are_committed_by_a_majority_of_each(reached, agreed):
    """6, joint consensus, third rule, for entries; the joint configuration is the first."""
    net = in_between(*reached)
    assert (net[1].commit_index >= 2) == agreed


@pytest.mark.parametrize(
    ("reached", "elected"), [((1, 3), False), ((4, 5), False), ((1, 4, 5), True), ((3, 4), True)]
)
def test_leaders_are_elected_by_a_majority_of_each(reached, elected):
    """6, joint consensus, third rule, for elections: here node 2 stands."""
    net = in_between(2)
    net.hook = only(*((2, k) for k in reached))
    net.ignore(AppendEntriesArgs)
    net.elect(2)
    assert (net[2].role is LEADER) == elected


def test_the_cluster_serves_its_clients_all_the_while():
    """6: commands go on from before the change to behind it."""
    net = old_cluster()
    say(net, 1, b"before")
    net.change(1, (1, 2, 4))
    net.propose(1, b"meanwhile")
    net.deliver()
    say(net, 1, b"after")
    net.heartbeat(1)
    assert results(net, 4) == [b"before", b"meanwhile", b"after"]


# Figure 11: one entry, and then another


def test_the_members_are_entries_in_the_log():
    """6: first the joint configuration, and then the new one."""
    net = old_cluster()
    net.change(1, (1, 2, 4))
    net.deliver()
    net.heartbeat(1)
    told = [entry.configuration for entry in net[4].log.entries(2, 3)]
    assert told == [
        Configuration(names(1, 2, 4), outgoing=names(1, 2, 3)),
        Configuration(names(1, 2, 4)),
    ]


def test_a_node_goes_by_the_latest_in_its_log_committed_or_not():
    """6: from the moment the entry is there; and no longer, if it is dropped."""
    net = in_between(4)
    assert net[4].commit_index < 2
    assert members(net, 4) == (names(*NEW), names(*OLD))
    assert members(net, 2) == (names(*OLD), ())
    net.isolate(1)
    net.hook = only((2, 3))
    net.elect(2)
    net.hook = lambda *_: True
    net.heartbeat(2)
    net.recover()
    net.heartbeat(2)
    net.heartbeat(2)
    assert members(net, 1) == (names(*OLD), ())


def test_so_the_leader_needs_both_already_for_the_joint_entry_itself():
    """6: with all of old, and of new only node 3, it is not committed."""
    net = in_between(2, 3)
    assert net[1].commit_index == 1
    net.hook = only((1, 4))
    net.heartbeat(1)
    net.heartbeat(1)
    assert net[1].commit_index == 2


@pytest.mark.parametrize(
    ("heard_of_it", "after"),
    [
        pytest.param((2, 4), (names(*NEW), ()), id="the winner has it"),
        pytest.param((4, 5), (names(*OLD), ()), id="the winner has not"),
    ],
)
def test_if_the_leader_crashes_before_it_is_committed_either_may_come_of_it(heard_of_it, after):
    """6: node 2 leads next, and goes on with what is in its own log."""
    net = in_between(*heard_of_it)
    assert net[1].commit_index == 1
    net.isolate(1)
    net.hook = lambda *_: True
    net.elect(2)
    net.elect(2)
    for leader in leaders(net):
        net.heartbeat(leader)
    assert members(net, 3) == after


def test_new_alone_decides_nothing_before_it_is_committed():
    """6: though all of new know of it, they cannot elect anybody without old."""
    net = in_between(3, 4, 5)
    net.isolate(1)
    net.isolate(2)
    for k in NEW * 2:
        net.elect(k)
    assert [net[k].role for k in NEW if net[k].role is LEADER] == []


def test_old_alone_decides_nothing_once_it_is_committed():
    """6: and nobody is elected without it, since a majority of old has it and does not vote so."""
    net = in_between(2, 4, 5)
    assert net[1].commit_index >= 2
    net.restart(1)
    net.hook = only((1, 2), (1, 3), (2, 3))
    for k in (3, 2, 1, 3, 2, 1):
        net.elect(k)
    assert leaders(net) == []


def test_then_the_leader_makes_an_entry_of_the_new_members_alone():
    """6: it takes effect where it is seen, like the one before."""
    net = in_between(2, 4, 5)
    assert [entry.configuration for entry in net[1].log.entries(3, 3)] == [
        Configuration(names(*NEW))
    ]
    assert members(net, 5) == (names(*NEW), ())


def test_once_that_is_committed_those_who_are_no_members_may_be_shut_down():
    """6: by a majority of new; old does not matter any more."""
    net = old_cluster()
    net.change(1, NEW)
    net.deliver()
    for gone in (1, 2):
        net.isolate(gone)
    net.elect(3)
    say(net, 3, b"x")
    assert results(net, 3) == [b"x"]


# New servers, leaders that go, servers that were removed


def test_a_voter_with_an_empty_log_can_keep_all_from_being_committed():
    """6, first issue: why nobody should get its vote before it has caught up."""
    net = old_cluster()
    net.isolate(3)
    net.change(1, (1, 2, 3, 4))
    net.cut(1, 4)
    net.deliver()
    say(net, 1, b"x")
    assert results(net, 1) == []


def test_so_whoever_joins_has_the_log_first_and_no_vote():
    """6, first issue: a learner gets all entries, and is needed for none."""
    net = old_cluster()
    net.change(1, OLD, (4,))
    net.isolate(4)
    say(net, 1, b"x")
    assert results(net, 1) == [b"x"]
    net.recover()
    net.heartbeat(1)
    net.heartbeat(1)
    assert results(net, 4) == [b"x"]
    for k in (2, 3):
        net.isolate(k)
    say(net, 1, b"y")
    assert (log_of(net, 4), results(net, 1)) == ([1, 1, 1, 1], [b"x"])


def test_a_leader_that_is_not_among_the_new_goes_when_they_are_committed():
    """6, second issue: not before, for until then it may be that only old can elect anybody."""
    net = old_cluster()
    net.change(1, NEW)
    while net[1].role is LEADER:
        assert net[1].commit_index < 3
        net.receive(*_next_of(net))
    assert (net[1].commit_index, net[1].role) == (3, FOLLOWER)


def _next_of(net):
    source, target, message = net.in_flight.popleft()
    return target, source, message


def test_until_then_it_leads_a_cluster_without_itself():
    """6, second issue: it replicates the new members' entry, and does not count itself for it."""
    net = in_between(2, 4)
    net.fire(1)
    for source, target in ((1, 3), (3, 1), (1, 3), (3, 1)):
        carry(net, source, target)
    assert (members(net, 1), net[1].role) == ((names(*NEW), ()), LEADER)
    net.hook = only((1, 4))
    net.deliver()
    net.heartbeat(1)
    assert log_of(net, 1) == log_of(net, 4) == [1, 1, 1]
    assert net[1].commit_index == 2, "1 and 4 have it, and of these only 4 counts"
    net.hook = only((1, 4), (1, 5))
    net.heartbeat(1)
    assert (net[1].commit_index, net[1].role) == (3, FOLLOWER)


def removed_and_unaware(**settings):
    """Node 4 was removed while it was cut off, and does not know."""
    net = leader_of(4, **settings)
    net.isolate(4)
    net.change(1, (1, 2, 3))
    net.deliver()
    net.heartbeat(1)
    net.recover()
    return net


def test_a_removed_server_would_disturb_the_others_for_ever():
    """6, third issue: it hears no heartbeats, stands, and its new terms depose every leader."""
    net = removed_and_unaware()
    for term in (2, 3, 4):
        net.elect(4)
        assert (leaders(net), net[1].current_term) == ([], term)


def test_who_has_just_heard_a_leader_neither_votes_nor_takes_over_the_term():
    """6, third issue: so it disturbs nobody."""
    net = removed_and_unaware(check_quorum=True)
    for _ in range(3):
        net.now = max(net.now, net[4].deadline)
        net.heartbeat(1)
        net.elect(4)
    assert (leaders(net), [net[k].current_term for k in (1, 2, 3)]) == ([1], [1, 1, 1])


def test_that_changes_nothing_for_elections_that_are_due():
    """6, third issue: who stands has heard no leader for that long, and nor have the others."""
    net = leader_of(3, check_quorum=True)
    net.heartbeat(1)
    net.isolate(1)
    net.now = max(net[k].deadline for k in (2, 3))
    net.take_sent()
    net.elect(2)
    assert net[2].role is LEADER
    assert {m.term for _, _, m in net.sent if isinstance(m, RequestVoteArgs)} == {2}
