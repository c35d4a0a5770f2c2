"""Section 5.4: safety. 5.4.1 restricts who may lead, 5.4.2 what is committed, 5.4.3 says why that
is enough; Figures 3 and 8 have files of their own.
"""

from itertools import combinations

import pytest

from raftlock.raft import Rules
from raftlock.types import AppendEntriesArgs, RequestVoteArgs
from tests.paper.stage import breaks, carry, leaders, log_of, only, results, say, told
from tests.raft.harness import (
    CANDIDATE,
    FOLLOWER,
    LEADER,
    Network,
    ack,
    append,
    leader_of,
    lone_leader,
    vote,
    vote_request,
)

# 5.4: what was said so far is not enough


class AnyLogWins(Rules):
    def up_to_date(self, candidate, voter):
        return True


def one_sleeps_through_three_commands_and_leads(rules):
    net = leader_of(3, rules=rules)
    net.isolate(3)
    say(net, 1, b"a", b"b", b"c")
    net.heartbeat(1)
    assert results(net, 1) == results(net, 2) == [b"a", b"b", b"c"]
    net.recover()
    net.isolate(1)
    net.elect(3)
    return net


def test_whoever_slept_must_not_lead():
    """5.4: it would overwrite what others have executed, and execute other commands itself."""
    net = one_sleeps_through_three_commands_and_leads(Rules())
    assert leaders(net) == [1]
    with breaks("Leader Completeness"):
        one_sleeps_through_three_commands_and_leads(AnyLogWins())


def test_a_leader_has_all_that_was_committed_in_earlier_terms():
    """5.4: so much does the restriction give: one of those that have it leads next."""
    net = one_sleeps_through_three_commands_and_leads(Rules())
    net.elect(2)
    assert leaders(net) == [1, 2]
    net.heartbeat(2)
    assert results(net, 3) == [b"a", b"b", b"c"]


# 5.4.1: election restriction


@pytest.mark.parametrize("up", list(combinations(range(1, 6), 3)))
def test_whoever_is_elected_had_all_committed_entries_at_that_moment(up):
    """5.4.1: nothing has to be brought to it afterwards, whichever three of the five are up."""
    net = leader_of(5)
    net.hook = only((1, 2), (1, 3))
    say(net, 1, b"x")
    assert (net[1].commit_index, log_of(net, 4), log_of(net, 5)) == (2, [1], [1])
    net.restart(1)
    net.recover()
    for down in set(range(1, 6)) - set(up):
        net.isolate(down)
    net.ignore(AppendEntriesArgs)
    for k in up * 2:
        net.elect(k)
        if net[k].role is LEADER:
            break
    assert log_of(net, leaders(net)[0])[:2] == [1, 1]


def test_entries_flow_from_leaders_to_followers_only():
    """5.4.1: nobody sends a leader entries; votes and answers carry none."""
    net = Network(3, logs={1: [1, 1, 2], 2: [1, 1, 1, 1, 1], 3: []}, term=2)
    net.elect(1)
    say(net, 1, b"x")
    assert {source for source, _, message in net.sent if hasattr(message, "entries")} == {1}
    assert net.logs() == [[1, 1, 2, 3, 3]] * 3


def test_the_vote_keeps_out_who_lacks_a_committed_entry():
    """5.4.1: its log is behind that of a majority, so a majority refuses."""
    net = leader_of(5)
    net.isolate(5)
    say(net, 1, b"x")
    net.recover()
    for _ in range(5):
        net.elect(5)
        assert net[5].role is not LEADER
    assert [net[k].voted_for for k in (1, 2, 3, 4)] == [""] * 4


def test_every_majority_has_somebody_with_the_entry():
    """5.4.1: any three of five share a server with those three that have it; it is the one that
    refuses."""
    for voters in combinations(range(1, 6), 3):
        assert {1, 2, 3} & set(voters)
    net = leader_of(5)
    net.hook = only((1, 2), (1, 3))
    say(net, 1, b"x")
    net.hook = only((3, 4), (3, 5), (4, 5))
    net.elect(4)
    assert (net[4].role, net[5].voted_for, net[3].voted_for) == (CANDIDATE, "n4", "")


def test_a_log_as_fresh_as_those_of_its_voters_is_enough():
    """5.4.1: it need not be the freshest of all."""
    net = Network(5, logs={1: [1, 1], 2: [1, 1], 3: [1], 4: [1, 1, 1], 5: [1, 2]}, term=2)
    net.elect(1)
    assert [net[k].voted_for for k in (2, 3, 4, 5)] == ["n1", "n1", "", ""]
    assert leaders(net) == [1]


def test_a_request_for_a_vote_says_where_the_log_ends():
    """5.4.1: by its last entry's index and term, which is all that a voter needs."""
    net = Network(3, logs={1: [1, 2, 2]}, holes=(2, 3))
    net.fire(1)
    assert net.take_sent() == [vote_request(3, 1, last_term=2, last_index=3)] * 2


@pytest.mark.parametrize(
    ("own", "last_term", "last_index", "granted"),
    [
        pytest.param([1, 1, 1], 2, 1, True, id="later term, though shorter"),
        pytest.param([2], 1, 9, False, id="earlier term, though longer"),
        pytest.param([1, 2], 2, 3, True, id="same term and longer"),
        pytest.param([1, 2], 2, 2, True, id="the same"),
        pytest.param([1, 2], 2, 1, False, id="same term and shorter"),
    ],
)
def test_the_later_last_term_is_fresher_and_then_the_longer_log(
    own, last_term, last_index, granted
):
    """5.4.1: a voter that has the fresher log refuses."""
    net = Network(3, logs={1: own}, term=2, holes=(2, 3))
    net.receive(1, 2, vote_request(3, 2, last_term, last_index))
    assert net.take_sent() == [vote(3, granted=granted)]


# 5.4.2: committing entries from previous terms


def test_an_entry_of_the_leaders_own_term_is_committed_by_a_majority():
    """5.4.2: this is the case that section 5.3 told of."""
    net = lone_leader(5, acked=(2, 3, 4, 5))
    net.propose(1)
    net.receive(1, 2, ack(1, 2))
    assert net[1].commit_index == 1
    net.receive(1, 3, ack(1, 2))
    assert net[1].commit_index == 2


def test_what_a_crashed_leader_left_its_successors_finish():
    """5.4.2: they go on replicating it, be it committed or not."""
    net = leader_of(5)
    net.hook = only((1, 2))
    say(net, 1, b"x")
    assert net[1].commit_index == 1
    net.recover()
    net.isolate(1)
    net.elect(2)
    net.heartbeat(2)
    assert [results(net, k) for k in (2, 3, 4, 5)] == [[b"x"]] * 4


def test_an_old_entry_is_not_committed_by_counting():
    """5.4.2: not if it is on a majority, and not if it is on all, which would be safe: the rule is
    kept simple."""
    net = Network(5, logs={1: [1, 2]}, holes=(2, 3, 4, 5))
    net.fire(1)
    for k in (2, 3):
        net.receive(1, k, vote(3))
    for k in (2, 3, 4, 5):
        net.receive(1, k, ack(3, 2))
        assert net[1].commit_index == 0


def test_an_entry_of_the_own_term_commits_all_before_it():
    """5.4.2: by Log Matching, whoever has the new one has all of them."""
    net = Network(5, logs={1: [1, 2]}, holes=(2, 3, 4, 5))
    net.fire(1)
    for k in (2, 3):
        net.receive(1, k, vote(3))
    net.receive(1, 2, ack(3, 3))
    assert net[1].commit_index == 0
    effects = net.receive(1, 3, ack(3, 3))
    assert [entry.index for entry in effects.apply] == [1, 2, 3]


def test_a_new_leaders_empty_entry_does_it_without_any_client():
    """5.4.2 with section 8: a leader begins with an entry of its own term, so that what it found
    need not wait for the next command."""
    net = Network(3, logs={k: [1, 2] for k in (1, 2, 3)}, term=2)
    net.elect(1)
    assert (net[1].commit_index, net[1].log.entry(3).command) == (3, b"")


def test_entries_keep_their_term_whoever_replicates_them():
    """5.4.2: so an entry can be recognized at any time, in any log."""
    net = leader_of(3)
    net.hook = only((1, 2))
    say(net, 1, b"x")
    net.recover()
    before = net[2].log.entry(2)
    for leader in (2, 1, 2):
        net.elect(leader)
    assert [net[k].log.entry(2) for k in (1, 2, 3)] == [before] * 3
    assert before.term == 1


def test_a_new_leader_resends_nothing_that_a_follower_has():
    """5.4.2: entries need no new number, so only those that are missing are sent."""
    net = Network(3, logs={1: [1, 1, 2], 2: [1, 1, 2], 3: [1, 1]}, term=2)
    net.elect(1)
    sent = {2: [], 3: []}
    for _, target, message in net.sent:
        if isinstance(message, AppendEntriesArgs):
            sent[target] += [entry.index for entry in message.entries]
    assert sent == {2: [4], 3: [4, 3, 4]}


# 5.4.3: the argument, in its steps. Server 1 leads term T and commits an entry; server 5, which
# lacks it, would be the first leader of a later term U without it. Server 3 is "the voter".


def committed_by_1_2_3():
    net = leader_of(5)
    net.hook = only((1, 2), (1, 3))
    say(net, 1, b"x")
    assert (net[1].commit_index, net.logs()) == (2, [[1, 1], [1, 1], [1, 1], [1], [1]])
    net.recover()
    return net


def test_step_1_a_leader_that_lacks_an_entry_lacked_it_when_it_was_elected():
    """5.4.3: for no leader deletes or overwrites anything."""
    net = Network(3, logs={1: [1, 1]}, holes=(2, 3))
    net.fire(1)
    before = log_of(net, 1)
    net.receive(1, 2, vote(2))
    net.receive(1, 2, append(2, 2, (0, 0), [2]))
    net.propose(1)
    assert log_of(net, 1)[:2] == before


def test_step_2_somebody_both_took_the_entry_and_votes():
    """5.4.3, Figure 9: those with the entry and those who vote are majorities and share one."""
    net = committed_by_1_2_3()
    net.isolate(1)
    net.isolate(2)
    net.elect(5)
    asked = {target for _, target, m in net.sent if isinstance(m, RequestVoteArgs) and m.term == 2}
    have_it = {k for k in net.nodes if log_of(net, k) == [1, 1]}
    assert have_it & (asked - {1, 2}) == {3}


def test_step_3_the_voter_took_the_entry_before_it_voted():
    """5.4.3: had it voted first, its term would be too new for the old leader's entry."""
    net = leader_of(5)
    net.propose(1)
    net.fire(5)
    carry(net, 5, 3)
    assert (net[3].voted_for, net[3].current_term) == ("n5", 2)
    carry(net, 1, 3)
    assert log_of(net, 3) == [1]
    carry(net, 3, 1)
    assert (net[1].role, net[1].current_term) == (FOLLOWER, 2)


def test_step_4_the_voter_still_has_it_when_it_votes():
    """5.4.3: leaders in between have the entry, and followers drop only what clashes with one."""
    net = committed_by_1_2_3()
    net.elect(2)
    net.elect(3)
    assert leaders(net) == [3]
    say(net, 3, b"y")
    assert told(net, 3, "truncate") == []
    assert log_of(net, 3)[:2] == [1, 1]


def test_step_5_the_voter_votes_for_no_log_behind_its_own():
    """5.4.3: so if it votes for server 5, that one's log is at least as fresh."""
    net = committed_by_1_2_3()
    net.isolate(1)
    net.isolate(2)
    for _ in range(3):
        net.elect(5)
        assert net[3].voted_for == ""
    assert leaders(net) == [1]


def test_step_6_with_the_same_last_term_the_candidates_log_is_the_longer_one():
    """5.4.3: and by Log Matching has all that the voter's has, the entry too: contradiction."""
    net = leader_of(5)
    net.hook = only((1, 2), (1, 3))
    say(net, 1, b"x")
    net.hook = only((1, 5))
    net.propose(1, b"y")
    net.heartbeat(1)
    net.hook = only((3, 5), (4, 5))
    net.elect(5)
    assert (net[3].voted_for, leaders(net)) == ("n5", [1, 5])
    assert net[5].log.entries(1, 2) == net[3].log.entries(1, 2)


def test_step_7_with_a_later_last_term_its_maker_had_the_entry():
    """5.4.3: an earlier leader made that last entry, and it had the committed one; by Log Matching
    so has whoever has its entry: contradiction."""
    net = committed_by_1_2_3()
    net.hook = only((2, 3), (2, 4), (2, 5))
    net.elect(2)
    net.hook = only((3, 5), (4, 5))
    net.elect(5)
    assert (log_of(net, 5), net[5].role) == ([1, 1, 2, 3], LEADER)
    assert net[5].log.entry(2) == net[1].log.entry(2)


def test_step_8_so_leaders_have_what_was_committed_directly_or_along_with_it():
    """5.4.3: entries that are committed indirectly are in later leaders' logs as well."""
    net = Network(3, logs={1: [1, 1, 2], 2: [1, 1], 3: [1]}, term=2)
    net.cut(1, 3)
    net.elect(1)
    assert net[1].commit_index == 4
    net.recover()
    net.isolate(1)
    for k in (3, 2):
        net.elect(k)
    net.elect(2)
    assert (net[2].role, net[3].role) == (LEADER, FOLLOWER)
    assert net[2].log.entries(1, 4) == net[1].log.entries(1, 4)


def test_what_one_has_executed_nobody_contradicts():
    """5.4.3: State Machine Safety: whenever another executes that index, it is the same command."""
    net = committed_by_1_2_3()
    assert [results(net, k) for k in net.nodes] == [[b"x"], [], [], [], []]
    net.isolate(1)
    for leader in (2, 3, 2):
        net.elect(leader)
    net.recover()
    assert net[2].role is LEADER
    net.heartbeat(2)
    say(net, 2, b"y")
    net.heartbeat(2)
    assert [results(net, k) for k in net.nodes] == [[b"x", b"y"]] * 5


def test_all_execute_the_same_commands_in_the_same_order():
    """5.4.3: by index, without a gap, also those who come late and those who begin again."""
    net = leader_of(3)
    net.isolate(3)
    commands = [b"%d" % number for number in range(10)]
    say(net, 1, *commands)
    net.restart(2)
    net.recover()
    net.heartbeat(1)
    net.heartbeat(1)
    assert [results(net, k) for k in (1, 2, 3)] == [commands] * 3
    assert [entry.index for entry in net.nodes[3].applied] == list(range(1, 12))
