"""Rules broken on purpose, each in one method: what every one of them is there for.

Each mutant names the property that should go, and the seed of a run in which it does. A run with
the correct rules and the same seed finds nothing. A mutant that stops dying is a hole in the
checks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raftlock.client.lease import Lease
from raftlock.lock.rules import Hold, LockRules
from raftlock.raft.log import RaftLog
from raftlock.raft.rules import LogPosition, Rules
from raftlock.sim.client import ClientRules
from raftlock.sim.disk import StorageRules
from raftlock.sim.resource import ResourceRules
from raftlock.sim.world import RuleSet
from raftlock.types.answers import Outcome, QueuedWaiter
from raftlock.types.ids import ClientID, Index, Millis, NodeID, Term
from raftlock.types.log import LogEntry
from raftlock.types.roles import NodeRole

__all__ = ["MUTANTS", "Mutant", "mutant_named"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One broken rule. `number` is its line in the list of famous mistakes, 0 if it is not there.

    `seed` and `nodes` are a run that kills it, `breaks` what is then found broken.
    """

    number: int
    rules: RuleSet
    story: str
    breaks: str
    seed: int
    nodes: int

    @property
    def name(self) -> str:
        """The name of the class that breaks the rule."""
        return self.rules.modified


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


class VoteInThePast(Rules):
    def stale_vote_request(self, request_term: Term, current_term: Term) -> bool:
        return False


class HalfIsEnough(Rules):
    def quorum(self, voters: int) -> int:
        return max(1, voters // 2)


class LeadForEver(Rules):
    def steps_down_on_higher_term(self, role: NodeRole) -> bool:
        return role is not NodeRole.LEADER


# ---- the log ----


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


class CommitWhatLeaderSays(Rules):
    def follower_commit(self, leader_commit: Index, last_new_index: Index) -> Index:
        return leader_commit


class MatchMyLength(Rules):
    def match_after_append(self, prev_log_index: Index, new_entries: int, log: RaftLog) -> Index:
        return log.last_index


class CountStaleAcks(Rules):
    def append_reply_counts(self, request_term: Term, current_term: Term) -> bool:
        return True


class FollowThePast(Rules):
    def stale_append(self, request_term: Term, current_term: Term) -> bool:
        return False


class LateAnswersCount(Rules):
    def match_after_ack(self, match_index: Index, acknowledged: Index) -> Index:
        return acknowledged


class ApplyAtOnce(Rules):
    def applies_up_to(self, commit_index: Index, last_index: Index) -> Index:
        return last_index


class LeapingClock(Rules):
    def time_base(self, log: RaftLog, heard_time: Millis, heard_term: Term) -> Millis:
        return max(log.last_stamp, heard_time) if heard_time else Millis(log.last_stamp + 500)


# ---- disks ----


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


class SameToken(LockRules):
    def token(self, last: Index, index: Index) -> Index:
        return max(last, Index(1))


class RenewedToken(LockRules):
    def kept_token(self, held: Index, fresh: Index) -> Index:
        return fresh


class TakeIt(LockRules):
    def may_take(self, hold: Hold, client_id: ClientID) -> bool:
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


class WaitersStay(LockRules):
    def ends_waits(self) -> bool:
        return False


# ---- clients, and what the locks protect ----


class CountFromAnswer(ClientRules):
    def lease(self, first_left: Millis, answered: Millis, outcome: Outcome) -> Lease:
        return Lease.counted_from(answered, outcome)


class NeverFence(ResourceRules):
    def accepts(self, highest: int, token: int) -> bool:
        return True


def _mutant(number: int, rules: RuleSet, story: str, killed: tuple[str, int, int]) -> Mutant:
    return Mutant(number, rules, story, *killed)


MUTANTS: tuple[Mutant, ...] = (
    _mutant(
        1,
        RuleSet(raft=AnyLogMayLead()),
        "A candidate may lead though its log lacks committed entries.",
        ("Leader Completeness", 0, 3),
    ),
    _mutant(
        2,
        RuleSet(raft=LongestLogLeads()),
        "Logs are compared by their length, and not by their last term.",
        ("Leader Completeness", 0, 3),
    ),
    _mutant(
        3,
        RuleSet(raft=VoteAgain()),
        "A node gives its vote to whoever asks, as often as it is asked.",
        ("Election Safety", 0, 3),
    ),
    _mutant(
        4,
        RuleSet(raft=ForgetVote()),
        "The vote does not reach the disk.",
        ("one vote a term", 0, 3),
    ),
    _mutant(
        5,
        RuleSet(raft=ForgetTerm()),
        "The term does not reach the disk.",
        ("durability", 0, 3),
    ),
    _mutant(
        7,
        RuleSet(raft=KeepVote()),
        "A vote is kept into the next term, so that nobody can be elected.",
        ("liveness", 0, 3),
    ),
    _mutant(
        8,
        RuleSet(raft=CountMessages()),
        "Votes are counted by messages, and a doubled one counts twice.",
        ("Election Safety", 0, 3),
    ),
    _mutant(
        9,
        RuleSet(raft=CountStaleVotes()),
        "A vote given in an earlier term counts in this one.",
        ("Election Safety", 0, 3),
    ),
    _mutant(
        0,
        RuleSet(raft=VoteInThePast()),
        "A vote is given to a candidate whose term is over.",
        ("one vote a term", 0, 3),
    ),
    _mutant(
        10,
        RuleSet(raft=HalfIsEnough()),
        "Half of the nodes decide, so that two halves may decide differently.",
        ("Election Safety", 0, 3),
    ),
    _mutant(
        11,
        RuleSet(raft=CommitOldTerms()),
        "Entries of earlier terms are committed by counting (the paper's Figure 8).",
        ("Leader Completeness", 0, 3),
    ),
    _mutant(
        12,
        RuleSet(raft=NoPrevCheck()),
        "A follower takes entries without looking at the one before them.",
        ("Log Matching", 0, 3),
    ),
    _mutant(
        13,
        RuleSet(raft=TruncateAlways()),
        "A follower drops its tail at every append: an old message takes away new entries.",
        ("assertion", 0, 3),
    ),
    _mutant(
        14,
        RuleSet(raft=NeverTruncate()),
        "A follower keeps entries that clash with its leader's.",
        ("State Machine Safety", 0, 3),
    ),
    _mutant(
        15,
        RuleSet(raft=CommitWhatLeaderSays()),
        "A follower commits what its leader has, though its own log may differ there.",
        ("State Machine Safety", 0, 3),
    ),
    _mutant(
        16,
        RuleSet(raft=MatchMyLength()),
        "A follower acknowledges all of its log, not what it compared.",
        ("commit rule", 0, 3),
    ),
    _mutant(
        17,
        RuleSet(raft=CountStaleAcks()),
        "An acknowledgement of an earlier term counts in this one.",
        ("commit rule", 0, 3),
    ),
    _mutant(
        18,
        RuleSet(raft=FollowThePast()),
        "Entries of a leader whose term is over are taken.",
        ("Log Matching", 0, 3),
    ),
    _mutant(
        19,
        RuleSet(raft=LeadForEver()),
        "A leader that hears of a newer term goes on leading, in that term.",
        ("Election Safety", 0, 3),
    ),
    _mutant(
        20,
        RuleSet(raft=LateAnswersCount()),
        "A late answer takes a follower's match index back.",
        ("liveness", 0, 3),
    ),
    _mutant(
        21,
        RuleSet(raft=ApplyAtOnce()),
        "Entries are applied before they are committed.",
        ("State Machine Safety", 0, 3),
    ),
    _mutant(
        0,
        RuleSet(raft=LeapingClock()),
        "A new leader's clock begins ahead of the log's: holds expire early.",
        ("cluster time", 0, 3),
    ),
    _mutant(
        22,
        RuleSet(storage=SayBeforeSync()),
        "A node says what it promises before that is on its disk.",
        ("durability", 0, 3),
    ),
    _mutant(
        23,
        RuleSet(storage=LoseLastEntry()),
        "A sync does not cover the last entry of the log.",
        ("durability", 0, 3),
    ),
    _mutant(
        29,
        RuleSet(lock=OwnClock()),
        "Each replica expires locks by its own clock.",
        ("TTL", 0, 3),
    ),
    _mutant(
        30,
        RuleSet(lock=ExpireEarly()),
        "A hold ends before its time to live is over.",
        ("TTL", 0, 3),
    ),
    _mutant(
        31,
        RuleSet(resource=NeverFence()),
        "What the lock protects does not look at the token.",
        ("stale write", 0, 3),
    ),
    _mutant(
        32,
        RuleSet(lock=SameToken()),
        "A token is given a second time.",
        ("fencing", 0, 3),
    ),
    _mutant(
        33,
        RuleSet(lock=RenewedToken()),
        "A renewal changes the token of the hold.",
        ("fencing", 0, 3),
    ),
    _mutant(
        0,
        RuleSet(lock=TakeIt()),
        "A lock is given to whoever asks, also while another holds it.",
        ("mutual exclusion", 0, 3),
    ),
    _mutant(
        34,
        RuleSet(lock=AnyoneReleases()),
        "A lock is released by whoever asks.",
        ("mutual exclusion", 0, 3),
    ),
    _mutant(
        34,
        RuleSet(lock=AnyTokenReleases()),
        "A late release with an old token ends the same client's next hold.",
        ("mutual exclusion", 0, 3),
    ),
    _mutant(
        0,
        RuleSet(lock=ShorterLease()),
        "A renewal can make a hold shorter than it was.",
        ("TTL", 0, 3),
    ),
    _mutant(
        35,
        RuleSet(lock=AgainAndAgain()),
        "A request that is repeated is done again.",
        ("exactly once", 0, 3),
    ),
    _mutant(
        36,
        RuleSet(lock=LastComeFirst()),
        "Whoever came last is granted first.",
        ("queue order", 0, 3),
    ),
    _mutant(
        36,
        RuleSet(lock=NoPriority()),
        "Priorities are taken and ignored.",
        ("queue order", 0, 3),
    ),
    _mutant(
        0,
        RuleSet(lock=JumpTheQueue()),
        "Whoever asks again with a higher priority keeps its early place as well.",
        ("queue order", 0, 3),
    ),
    _mutant(
        37,
        RuleSet(lock=GrantTooLate()),
        "A waiter is granted the lock after its own time was up.",
        ("queue order", 0, 3),
    ),
    _mutant(
        38,
        RuleSet(lock=SleepingWaiters()),
        "A lock that comes free wakes nobody.",
        ("queue order", 0, 3),
    ),
    _mutant(
        0,
        RuleSet(lock=WaitersStay()),
        "A waiter stays in the queue when its session ends.",
        ("queue order", 0, 3),
    ),
    _mutant(
        40,
        RuleSet(client=CountFromAnswer()),
        "A holder counts its time from the answer, and not from when it asked.",
        ("lease ends first", 0, 3),
    ),
)
"""Every mutant, in the order of what it breaks."""

_BY_NAME: Mapping[str, Mutant] = {mutant.name: mutant for mutant in MUTANTS}


def mutant_named(name: str) -> Mutant | None:
    """The mutant of that name."""
    return _BY_NAME.get(name)
