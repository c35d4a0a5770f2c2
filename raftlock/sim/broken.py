"""The broken rules themselves: each overrides one method. `mutants` tells their stories."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from raftlock.client.lease import Lease
from raftlock.lock.rules import Hold, LockRules
from raftlock.raft.log import RaftLog
from raftlock.raft.rules import LogPosition, Rules
from raftlock.sim.client import ClientRules
from raftlock.sim.disk import StorageRules
from raftlock.sim.resource import ResourceRules
from raftlock.types.answers import Outcome, QueuedWaiter
from raftlock.types.ids import ClientID, Index, Millis, NodeID, Term
from raftlock.types.log import LogEntry
from raftlock.types.membership import Configuration
from raftlock.types.roles import NodeRole

__all__ = [
    "AgainAndAgain",
    "AnswerAtOnce",
    "AnyLogMayLead",
    "AnyTokenReleases",
    "AnyoneReleases",
    "ApplyAtOnce",
    "AskAnew",
    "CommitOldTerms",
    "CommitWhatLeaderSays",
    "CountFromAnswer",
    "CountMessages",
    "CountStaleAcks",
    "CountStaleVotes",
    "CutAtDamage",
    "DeposeLeader",
    "DropSessions",
    "ExpireBetweenEntries",
    "ExpireEarly",
    "FollowThePast",
    "ForgetDirectory",
    "ForgetTerm",
    "ForgetVote",
    "GrantTooLate",
    "HalfIsEnough",
    "HeedLateAcks",
    "HeedLateRefusals",
    "IgnoreRefusals",
    "InstallAgain",
    "JumpTheQueue",
    "KeepDeadWaits",
    "KeepSuffix",
    "KeepVote",
    "LastComeFirst",
    "LeadForEver",
    "LeapingClock",
    "LeaveAtOnce",
    "LongLease",
    "LongestLogLeads",
    "LoseLastEntry",
    "MatchMyLength",
    "NeverFence",
    "NeverTruncate",
    "NoPrevCheck",
    "NoPriority",
    "OneHalfCommits",
    "OneHalfElects",
    "OnePermitMore",
    "OwnClock",
    "ReadTooEarly",
    "ReadWhatIsWritten",
    "ReadersFirst",
    "RenewedToken",
    "SameToken",
    "SayBeforeSync",
    "ShorterLease",
    "SleepingWaiters",
    "StayBehind",
    "StepFarBack",
    "SyncAgain",
    "TakeIt",
    "TruncateAlways",
    "TwoChangesAtOnce",
    "VoteAgain",
    "VoteApart",
]


# ---- elections ----


class AnyLogMayLead(Rules):
    def up_to_date(self, candidate: LogPosition, voter: LogPosition) -> bool:
        return True


class LongestLogLeads(Rules):
    def up_to_date(self, candidate: LogPosition, voter: LogPosition) -> bool:
        return candidate[1] >= voter[1]


class VoteAgain(Rules):
    def may_vote(self, voted_for: NodeID, candidate_id: NodeID) -> bool:
        return True


class ForgetVote(Rules):
    def persist_vote(self, voted_for: NodeID) -> NodeID:
        return NodeID("")


class ForgetTerm(Rules):
    def persist_term(self, current_term: Term) -> Term:
        return Term(0)


class KeepVote(Rules):
    def vote_in_new_term(self, voted_for: NodeID) -> NodeID:
        return voted_for


class CountMessages(Rules):
    def with_vote(self, votes: tuple[NodeID, ...], voter: NodeID) -> tuple[NodeID, ...]:
        return (*votes, voter)


class CountStaleVotes(Rules):
    def vote_reply_counts(self, request_term: Term, current_term: Term) -> bool:
        return True


class HalfIsEnough(Rules):
    def quorum(self, voters: int) -> int:
        return max(1, voters // 2)


class LeadForEver(Rules):
    def steps_down_on_higher_term(self, role: NodeRole) -> bool:
        return role is not NodeRole.LEADER


# ---- the log ----


class StayBehind(Rules):
    def adopts_term(self, message_term: Term, current_term: Term) -> bool:
        return False


class CommitOldTerms(Rules):
    def counts_for_commit(self, entry_term: Term, current_term: Term) -> bool:
        return True


class NoPrevCheck(Rules):
    def log_matches(self, term_here: Term, prev_log_term: Term) -> bool:
        return True


class TruncateAlways(Rules):
    def conflict_from(
        self, log: RaftLog, prev_log_index: Index, entries: Sequence[LogEntry]
    ) -> Index | None:
        return Index(prev_log_index + 1) if prev_log_index < log.last_index else None


class NeverTruncate(Rules):
    def conflict_from(
        self, log: RaftLog, prev_log_index: Index, entries: Sequence[LogEntry]
    ) -> Index | None:
        return None


class StepFarBack(Rules):
    """Correct, and slower: after a refusal it tries further back than the hint says.

    With exact hints the first entry that is sent clashes, and what stands behind it goes at once;
    only a leader that steps back too far shows what the two rules below are for.
    """

    def next_after_rejection(
        self, match_index: Index, rejected_prev: Index, hint: Index
    ) -> Index | None:
        following = super().next_after_rejection(match_index, rejected_prev, hint)
        return following and max(Index(match_index + 1), Index(following - 2))


class CommitWhatLeaderSays(StepFarBack):
    def follower_commit(self, leader_commit: Index, last_new_index: Index) -> Index:
        return leader_commit


class MatchMyLength(StepFarBack):
    def match_after_append(self, prev_log_index: Index, new_entries: int, log: RaftLog) -> Index:
        return log.last_index


class CountStaleAcks(Rules):
    def append_reply_counts(self, request_term: Term, current_term: Term) -> bool:
        return True


class FollowThePast(Rules):
    def stale_append(self, request_term: Term, current_term: Term) -> bool:
        return False


class HeedLateRefusals(Rules):
    def next_after_rejection(
        self, match_index: Index, rejected_prev: Index, hint: Index
    ) -> Index | None:
        return max(Index(1), min(hint, rejected_prev))


class HeedLateAcks(Rules):
    def match_after_ack(self, match_index: Index, acknowledged: Index) -> Index:
        return acknowledged


class IgnoreRefusals(Rules):
    def next_after_rejection(
        self, match_index: Index, rejected_prev: Index, hint: Index
    ) -> Index | None:
        return None


class ApplyAtOnce(Rules):
    def applies_up_to(self, commit_index: Index, last_index: Index) -> Index:
        return last_index


class LeapingClock(Rules):
    def time_base(self, log: RaftLog, heard_time: Millis, heard_term: Term) -> Millis:
        return max(log.last_stamp, heard_time) if heard_time else Millis(log.last_stamp + 500)


# ---- reads ----


class AnswerAtOnce(Rules):
    def read_is_confirmed(self, read_round: int, confirmed_round: int) -> bool:
        return True


class ReadTooEarly(Rules):
    def read_index(self, commit_index: Index, first_index: Index) -> Index:
        return commit_index


class LongLease(Rules):
    def lease_holds(self, since_round_began: Millis, patience: int) -> bool:
        return since_round_began < 4 * patience


class DeposeLeader(Rules):
    def withholds_vote(self, since_heard: Millis, patience: int) -> bool:
        return False


# ---- members and snapshots ----


class OneHalfElects(Rules):
    def decides(self, configuration: Configuration, votes: Sequence[NodeID]) -> bool:
        half = configuration.voters
        return sum(vote in half for vote in votes) >= self.quorum(len(half))


class OneHalfCommits(Rules):
    def reached(self, configuration: Configuration, values: Mapping[NodeID, int]) -> int:
        half = configuration.voters
        ordered = sorted((values.get(voter, 0) for voter in half), reverse=True)
        return ordered[self.quorum(len(half)) - 1]


class TwoChangesAtOnce(Rules):
    def may_change_members(self, unsettled_index: Index, commit_index: Index) -> bool:
        return True


class LeaveAtOnce(Rules):
    def configuration_holds(self, index: Index, commit_index: Index) -> bool:
        return True


class InstallAgain(Rules):
    def installs(self, last_included_index: Index, commit_index: Index) -> bool:
        return True


class KeepSuffix(Rules):
    def keeps_suffix(self, term_here: Term | None, last_included_term: Term) -> bool:
        return True


# ---- disks ----


class VoteApart(StorageRules):
    def term_and_vote_together(self) -> bool:
        return False


class CutAtDamage(StorageRules):
    def refuses_damage(self) -> bool:
        return False


class SyncAgain(StorageRules):
    def sync_failure_is_final(self) -> bool:
        return False


class ForgetDirectory(StorageRules):
    def syncs_directory(self) -> bool:
        return False


class SayBeforeSync(StorageRules):
    def waits_for_sync(self) -> bool:
        return False


class LoseLastEntry(StorageRules):
    def keeps_last_entry(self) -> bool:
        return False


# ---- the lock table ----


class OwnClock(LockRules):
    def expiry_clock(self, stamp: Millis, local_now: Millis) -> Millis:
        return local_now


class ExpireEarly(LockRules):
    def is_due(self, now: Millis, deadline: Millis) -> bool:
        return now > deadline - 100


class ExpireBetweenEntries(LockRules):
    def expires_between_entries(self, local_now: Millis) -> Millis | None:
        return local_now


class DropSessions(LockRules):
    def keeps_sessions(self) -> bool:
        return False


class KeepDeadWaits(LockRules):
    def ends_waits(self) -> bool:
        return False


class SameToken(LockRules):
    def token(self, last: Index, index: Index) -> Index:
        return max(last, Index(1))


class RenewedToken(LockRules):
    def kept_token(self, held: Index, fresh: Index) -> Index:
        return fresh


class TakeIt(LockRules):
    def may_take(self, hold: Hold, client_id: ClientID) -> bool:
        return True


class ReadWhatIsWritten(LockRules):
    def may_join(self, holds: Collection[Hold], waiter: QueuedWaiter) -> bool:
        return waiter.shared or super().may_join(holds, waiter)


class OnePermitMore(LockRules):
    def may_join(self, holds: Collection[Hold], waiter: QueuedWaiter) -> bool:
        one_more = replace(waiter, permits=waiter.permits and waiter.permits + 1)
        return super().may_join(holds, one_more)


class ReadersFirst(LockRules):
    def may_overtake(self, waiter: QueuedWaiter, first: QueuedWaiter) -> bool:
        return True


class AnyoneReleases(LockRules):
    def may_release(self, hold: Hold, client_id: ClientID, version: Index) -> bool:
        return True


class AnyTokenReleases(LockRules):
    def may_release(self, hold: Hold, client_id: ClientID, version: Index) -> bool:
        return hold.owner_id == client_id


class ShorterLease(LockRules):
    def extended(self, deadline: Millis, asked: Millis) -> Millis:
        return Millis(asked - 200)


class AgainAndAgain(LockRules):
    def remembered(self, answer: Outcome | None) -> Outcome | None:
        return None


class LastComeFirst(LockRules):
    def waiter_key(self, waiter: QueuedWaiter) -> tuple[int, ...]:
        return (-waiter.index,)


class NoPriority(LockRules):
    def waiter_key(self, waiter: QueuedWaiter) -> tuple[int, ...]:
        return (waiter.index,)


class JumpTheQueue(LockRules):
    def keeps_place(self, waiter: QueuedWaiter, priority: int) -> bool:
        return True


class GrantTooLate(LockRules):
    def may_grant(self, now: Millis, waiter: QueuedWaiter) -> bool:
        return True


class SleepingWaiters(LockRules):
    def promotes(self, why: str) -> bool:
        return False


# ---- clients, and what the locks protect ----


class CountFromAnswer(ClientRules):
    def lease(self, first_left: Millis, answered: Millis, outcome: Outcome) -> Lease:
        return Lease.counted_from(answered, outcome)


class AskAnew(ClientRules):
    def retry_id(self, request_id: str, fresh: str) -> str:
        return fresh


class NeverFence(ResourceRules):
    def accepts(self, highest: int, token: int) -> bool:
        return True
