"""Every rule switched off alone: the safety checks must notice, and the right rules must pass.

Each mutant overrides one method. Those that random schedules seldom find have a written witness.
"""

import pytest

from raftlock.raft import RaftLog, Rules
from raftlock.types import AppendEntriesArgs, Configuration, NodeRole
from tests.raft.harness import LEADER, Network, append, entries, vote
from tests.raft.schedule import Schedule

STEPS = 300
SEEDS = range(150)


@pytest.mark.parametrize("block", range(10))
def test_random_schedules_keep_the_safety_properties(block):
    elected = committed = 0
    for seed in range(block * 20, block * 20 + 20):
        schedule = Schedule(seed)
        schedule.run(STEPS)
        elected += len(schedule.checker.leaders) > 0
        committed += len(schedule.checker.committed) > 3
        schedule.heal_and_finish()
    assert elected >= 18
    assert committed >= 10


class AnyLogWins(Rules):
    def up_to_date(self, candidate, voter):
        return True


class LongerLogWins(Rules):
    def up_to_date(self, candidate, voter):
        return candidate[1] >= voter[1]


class VotesTwice(Rules):
    def may_vote(self, voted_for, candidate_id):
        return True


class ForgetsItsVote(Rules):
    def persist_vote(self, voted_for):
        return ""


class ForgetsItsTerm(Rules):
    def persist_term(self, current_term):
        return 0


class CountsEveryVoteHeard(Rules):
    def with_vote(self, votes, voter):
        return (*votes, voter)


class CountsLateVotes(Rules):
    def vote_reply_counts(self, request_term, current_term):
        return True


class HalfIsEnough(Rules):
    def quorum(self, voters):
        return voters // 2


class CommitsEarlierTerms(Rules):
    def counts_for_commit(self, entry_term, current_term):
        return True


class NeverCompares(Rules):
    def log_matches(self, term_here, prev_log_term):
        return True


class AlwaysTruncates(Rules):
    def conflict_from(self, log, prev_log_index, entries):
        return prev_log_index + 1 if prev_log_index < log.last_index else None


class NeverTruncates(Rules):
    def conflict_from(self, log, prev_log_index, entries):
        return None


class CommitsWhatTheLeaderHas(Rules):
    def follower_commit(self, leader_commit, last_new_index):
        return leader_commit


class MatchesItsWholeLog(Rules):
    def match_after_append(self, prev_log_index, new_entries, log):
        return log.last_index


class CountsLateAcks(Rules):
    def append_reply_counts(self, request_term, current_term):
        return True


class FollowsOldLeaders(Rules):
    def stale_append(self, request_term, current_term):
        return False


class VotesInOldTerms(Rules):
    def stale_vote_request(self, request_term, current_term):
        return False


class LeadsOn(Rules):
    def steps_down_on_higher_term(self, role):
        return role is not NodeRole.LEADER


class AppliesAtOnce(Rules):
    def applies_up_to(self, commit_index, last_index):
        return last_index


class KeepsItsVote(Rules):
    def vote_in_new_term(self, voted_for):
        return voted_for


class ReadsUnasked(Rules):
    def read_is_confirmed(self, read_round, confirmed_round):
        return True


class ReadsWhatItKnows(Rules):
    def read_index(self, commit_index, first_index):
        return commit_index


class InstallsThePast(Rules):
    def installs(self, last_included_index, commit_index):
        return True


class KeepsWhatIsBehind(Rules):
    def keeps_suffix(self, term_here, last_included_term):
        return True


class CompactsTooMuch(Rules):
    """Everything leaves the log, also what the snapshot does not stand for."""

    def compacts_up_to(self, snapshot_index, tail):
        return snapshot_index + 1


class OneHalfDecides(Rules):
    def decides(self, configuration, votes):
        return super().decides(Configuration(configuration.voters), votes)

    def reached(self, configuration, values):
        return super().reached(Configuration(configuration.voters), values)


class LeavesAtOnce(Rules):
    def configuration_holds(self, index, commit_index):
        return True


class ChangesWithoutEnd(Rules):
    def may_change_members(self, unsettled_index, commit_index):
        return True


@pytest.mark.parametrize(
    "mutant",
    [
        ReadsUnasked,
        ReadsWhatItKnows,
        InstallsThePast,
        KeepsWhatIsBehind,
        CompactsTooMuch,
        OneHalfDecides,
        LeavesAtOnce,
        ChangesWithoutEnd,
        AnyLogWins,
        VotesTwice,
        VotesInOldTerms,
        ForgetsItsVote,
        ForgetsItsTerm,
        HalfIsEnough,
        NeverCompares,
        AlwaysTruncates,
        NeverTruncates,
        LeadsOn,
        AppliesAtOnce,
        KeepsItsVote,
    ],
)
def test_random_schedules_notice(mutant):
    def play():
        for seed in SEEDS:
            schedule = Schedule(seed, mutant())
            schedule.run(STEPS)
            schedule.heal_and_finish()

    with pytest.raises(AssertionError):
        play()


# Written witnesses: each plays well by the right rules, and breaks the property by the mutant's.


def longer_but_older_log(rules):
    net = Network(3, logs={1: [1, 1, 1], 2: [1], 3: [1]}, rules=rules)
    net.isolate(1)
    net.elect(2)
    assert net[2].commit_index == 2
    net.recover()
    net.isolate(2)
    net.elect(1)
    net.elect(1)


def a_vote_heard_twice(rules):
    net = Network(5, rules=rules)
    for candidate, voter in ((1, 3), (2, 4)):
        net.fire(candidate)
        net.take_sent()
        for _ in range(2):
            net.receive(candidate, voter, vote(1))


def a_vote_for_the_last_election(rules):
    net = Network(3, rules=rules)
    net.cut(1, 3)
    net.drop(2, 1)
    net.elect(1)  # node 2 votes for it in term 1, but the answer is late
    net.isolate(1)
    net.elect(1)
    net.elect(3)
    net.elect(3)
    assert (net[3].role, net[3].current_term) == (LEADER, 2)
    net.receive(1, 2, vote(1))


def figure_8_by_counting(rules):
    net = Network(5, logs={1: [1, 2], 2: [1, 2], 3: [1], 4: [1], 5: [1, 3]}, term=3, rules=rules)
    for k in (4, 5):
        net.cut(1, k)
    net.ignore(AppendEntriesArgs)
    net.elect(1)
    net.receive(3, 1, append(4, 1, (1, 1), [2]))
    net.receive(2, 1, append(4, 1, (2, 2)))
    net.deliver()  # entry 2 is on nodes 1, 2 and 3: a majority
    net.recover()
    net.cut(1, 5)
    net.cut(2, 5)
    net.elect(5)
    net.elect(5)
    assert net[5].role is LEADER
    net.heartbeat(5)


def a_message_shorter_than_the_log(rules):
    """Node 2 has another leader's entry behind the place it is asked about."""
    net = Network(3, logs={1: [1], 2: [1, 2], 3: [1]}, term=2, rules=rules)
    net.cut(1, 2)
    net.elect(1)
    net.propose(1)
    net.deliver()
    assert net[1].commit_index == 3
    net.receive(2, 1, append(3, 1, (1, 1), (), 3))


def a_log_longer_than_what_was_compared(rules):
    net = Network(3, logs={1: [1], 2: [1, 2], 3: [1]}, term=2, rules=rules)
    net.ignore(AppendEntriesArgs)
    net.elect(1)
    assert net[1].role is LEADER
    net.receive(2, 1, append(3, 1, (1, 1)))
    net.deliver()
    net.recover()
    net.isolate(1)
    net.elect(2)
    assert net[2].role is LEADER


def an_acknowledgement_from_two_terms_ago(rules):
    net = Network(5, logs={k: [1] for k in range(1, 6)}, term=1, rules=rules)
    net.elect(1)
    # In term 2 node 2 alone follows the leader up to entry 5, and its last answer is late.
    net.isolate(1)
    net.dropped.remove((1, 2))
    for _ in range(3):
        net.propose(1)
    net.deliver()
    late = [message for source, target, message in net.sent if (source, target) == (2, 1)][-1]
    assert (late.request_term, late.match_index) == (2, 5)
    # In term 3 node 3 overwrites all that; in term 4 node 1 leads again and reaches node 4 alone.
    net.isolate(2)
    net.elect(3)
    net.recover()
    net.heartbeat(3)
    assert net.logs() == [[1, 2, 3]] * 5
    net.hook = lambda _source, target, message: (
        target == 4 or not isinstance(message, AppendEntriesArgs)
    )
    net.elect(1)
    net.receive(1, 2, late)
    # The others know nothing of its entry, and are enough to elect one of them.
    net.recover()
    net.isolate(1)
    net.isolate(4)
    net.elect(2)
    assert net[2].role is LEADER


def an_old_leader_comes_late(rules):
    net = Network(3, logs={1: [1, 1], 2: [1], 3: [1]}, term=1, rules=rules)
    net.isolate(1)
    net.elect(3)
    assert net[3].commit_index == 2
    net.receive(2, 1, append(1, 1, (1, 1), [1]))  # sent while node 1 led term 1
    net.recover()
    net.isolate(3)
    net.elect(1)
    net.elect(1)


WITNESSES = [
    pytest.param(LongerLogWins, longer_but_older_log, "Leader Completeness"),
    pytest.param(CountsEveryVoteHeard, a_vote_heard_twice, "Election Safety"),
    pytest.param(CountsLateVotes, a_vote_for_the_last_election, "Election Safety"),
    pytest.param(CommitsEarlierTerms, figure_8_by_counting, "Leader Completeness"),
    pytest.param(CommitsWhatTheLeaderHas, a_message_shorter_than_the_log, "State Machine Safety"),
    pytest.param(MatchesItsWholeLog, a_log_longer_than_what_was_compared, "Leader Completeness"),
    pytest.param(CountsLateAcks, an_acknowledgement_from_two_terms_ago, "Leader Completeness"),
    pytest.param(FollowsOldLeaders, an_old_leader_comes_late, "Leader Completeness"),
]


@pytest.mark.parametrize(("mutant", "witness", "broken"), WITNESSES)
def test_a_written_witness(mutant, witness, broken):
    witness(Rules())
    with pytest.raises(AssertionError, match=broken):
        witness(mutant())


@pytest.mark.parametrize(
    ("match_index", "rejected_prev", "hint", "following"),
    [
        (0, 5, 3, 3),
        (0, 5, 9, 5),  # never past the place that was refused
        (4, 7, 2, 5),  # never at or before what is known to match
        (4, 4, 1, None),  # late: the follower has that place since
        (4, 2, 1, None),
        (0, 1, 1, 1),
    ],
)
def test_where_to_try_after_a_refusal(match_index, rejected_prev, hint, following):
    assert Rules().next_after_rejection(match_index, rejected_prev, hint) == following


@pytest.mark.parametrize(
    ("voters", "quorum"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)]
)
def test_a_quorum_is_a_majority(voters, quorum):
    assert Rules().quorum(voters) == quorum


@pytest.mark.parametrize(
    ("heard_term", "base"),
    [(2, 70), (1, 50), (3, 50)],
)
def test_only_the_leader_of_the_last_entry_tells_the_time(heard_term, base):
    assert Rules().time_base(RaftLog(entries(1, 1, 2, stamp=50)), 70, heard_term) == base


def test_time_never_starts_before_the_last_stamp():
    assert Rules().time_base(RaftLog(entries(1, 1, stamp=50)), 20, 1) == 50
    assert Rules().stamp(50, 49) == 50
