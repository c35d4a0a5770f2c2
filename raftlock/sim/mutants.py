"""Rules broken on purpose, each in one method: what every one of them is there for.

Each mutant names the property that should go, and the seed of a run in which it does. A run with
the correct rules and the same seed finds nothing. A mutant that stops dying is a hole in the
checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raftlock.sim import broken
from raftlock.sim.world import RuleSet

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


def _mutant(number: int, rules: RuleSet, story: str, killed: tuple[str, int, int]) -> Mutant:
    return Mutant(number, rules, story, *killed)


MUTANTS: tuple[Mutant, ...] = (
    _mutant(
        1,
        RuleSet(raft=broken.AnyLogMayLead()),
        "A candidate may lead though its log lacks committed entries.",
        ("Leader Completeness", 0, 3),
    ),
    _mutant(
        2,
        RuleSet(raft=broken.LongestLogLeads()),
        "Logs are compared by their length, and not by their last term.",
        ("Leader Completeness", 0, 3),
    ),
    _mutant(
        3,
        RuleSet(raft=broken.VoteAgain()),
        "A node gives its vote to whoever asks, as often as it is asked.",
        ("Election Safety", 0, 3),
    ),
    _mutant(
        4,
        RuleSet(raft=broken.ForgetVote()),
        "The vote does not reach the disk.",
        ("one vote a term", 0, 3),
    ),
    _mutant(
        5,
        RuleSet(raft=broken.ForgetTerm()),
        "The term does not reach the disk.",
        ("durability", 0, 3),
    ),
    _mutant(
        7,
        RuleSet(raft=broken.KeepVote()),
        "A vote is kept into the next term, so that nobody can be elected.",
        ("liveness", 0, 3),
    ),
    _mutant(
        8,
        RuleSet(raft=broken.CountMessages()),
        "Votes are counted by messages, and a doubled one counts twice.",
        ("Election Safety", 0, 3),
    ),
    _mutant(
        9,
        RuleSet(raft=broken.CountStaleVotes()),
        "A vote given in an earlier term counts in this one.",
        ("Election Safety", 0, 3),
    ),
    _mutant(
        0,
        RuleSet(raft=broken.VoteInThePast()),
        "A vote is given to a candidate whose term is over.",
        ("one vote a term", 0, 3),
    ),
    _mutant(
        10,
        RuleSet(raft=broken.HalfIsEnough()),
        "Half of the nodes decide, so that two halves may decide differently.",
        ("Election Safety", 0, 3),
    ),
    _mutant(
        11,
        RuleSet(raft=broken.CommitOldTerms()),
        "Entries of earlier terms are committed by counting (the paper's Figure 8).",
        ("Leader Completeness", 0, 3),
    ),
    _mutant(
        12,
        RuleSet(raft=broken.NoPrevCheck()),
        "A follower takes entries without looking at the one before them.",
        ("Log Matching", 0, 3),
    ),
    _mutant(
        13,
        RuleSet(raft=broken.TruncateAlways()),
        "A follower drops its tail at every append: an old message takes away new entries.",
        ("assertion", 0, 3),
    ),
    _mutant(
        14,
        RuleSet(raft=broken.NeverTruncate()),
        "A follower keeps entries that clash with its leader's.",
        ("State Machine Safety", 0, 3),
    ),
    _mutant(
        15,
        RuleSet(raft=broken.CommitWhatLeaderSays()),
        "A follower commits what its leader has, though its own log may differ there.",
        ("State Machine Safety", 0, 3),
    ),
    _mutant(
        16,
        RuleSet(raft=broken.MatchMyLength()),
        "A follower acknowledges all of its log, not what it compared.",
        ("commit rule", 0, 3),
    ),
    _mutant(
        17,
        RuleSet(raft=broken.CountStaleAcks()),
        "An acknowledgement of an earlier term counts in this one.",
        ("commit rule", 0, 3),
    ),
    _mutant(
        18,
        RuleSet(raft=broken.FollowThePast()),
        "Entries of a leader whose term is over are taken.",
        ("Log Matching", 0, 3),
    ),
    _mutant(
        19,
        RuleSet(raft=broken.LeadForEver()),
        "A leader that hears of a newer term goes on leading, in that term.",
        ("Election Safety", 0, 3),
    ),
    _mutant(
        20,
        RuleSet(raft=broken.LateAnswersCount()),
        "A late answer takes a follower's match index back.",
        ("liveness", 0, 3),
    ),
    _mutant(
        21,
        RuleSet(raft=broken.ApplyAtOnce()),
        "Entries are applied before they are committed.",
        ("State Machine Safety", 0, 3),
    ),
    _mutant(
        0,
        RuleSet(raft=broken.LeapingClock()),
        "A new leader's clock begins ahead of the log's: holds expire early.",
        ("cluster time", 0, 3),
    ),
    _mutant(
        22,
        RuleSet(storage=broken.SayBeforeSync()),
        "A node says what it promises before that is on its disk.",
        ("durability", 0, 3),
    ),
    _mutant(
        23,
        RuleSet(storage=broken.LoseLastEntry()),
        "A sync does not cover the last entry of the log.",
        ("durability", 0, 3),
    ),
    _mutant(
        29,
        RuleSet(lock=broken.OwnClock()),
        "Each replica expires locks by its own clock.",
        ("TTL", 0, 3),
    ),
    _mutant(
        30,
        RuleSet(lock=broken.ExpireEarly()),
        "A hold ends before its time to live is over.",
        ("TTL", 0, 3),
    ),
    _mutant(
        31,
        RuleSet(resource=broken.NeverFence()),
        "What the lock protects does not look at the token.",
        ("stale write", 0, 3),
    ),
    _mutant(
        32,
        RuleSet(lock=broken.SameToken()),
        "A token is given a second time.",
        ("fencing", 0, 3),
    ),
    _mutant(
        33,
        RuleSet(lock=broken.RenewedToken()),
        "A renewal changes the token of the hold.",
        ("fencing", 0, 3),
    ),
    _mutant(
        0,
        RuleSet(lock=broken.TakeIt()),
        "A lock is given to whoever asks, also while another holds it.",
        ("mutual exclusion", 0, 3),
    ),
    _mutant(
        34,
        RuleSet(lock=broken.AnyoneReleases()),
        "A lock is released by whoever asks.",
        ("mutual exclusion", 0, 3),
    ),
    _mutant(
        34,
        RuleSet(lock=broken.AnyTokenReleases()),
        "A late release with an old token ends the same client's next hold.",
        ("mutual exclusion", 0, 3),
    ),
    _mutant(
        0,
        RuleSet(lock=broken.ShorterLease()),
        "A renewal can make a hold shorter than it was.",
        ("TTL", 0, 3),
    ),
    _mutant(
        35,
        RuleSet(lock=broken.AgainAndAgain()),
        "A request that is repeated is done again.",
        ("exactly once", 0, 3),
    ),
    _mutant(
        36,
        RuleSet(lock=broken.LastComeFirst()),
        "Whoever came last is granted first.",
        ("queue order", 0, 3),
    ),
    _mutant(
        36,
        RuleSet(lock=broken.NoPriority()),
        "Priorities are taken and ignored.",
        ("queue order", 0, 3),
    ),
    _mutant(
        0,
        RuleSet(lock=broken.JumpTheQueue()),
        "Whoever asks again with a higher priority keeps its early place as well.",
        ("queue order", 0, 3),
    ),
    _mutant(
        37,
        RuleSet(lock=broken.GrantTooLate()),
        "A waiter is granted the lock after its own time was up.",
        ("queue order", 0, 3),
    ),
    _mutant(
        38,
        RuleSet(lock=broken.SleepingWaiters()),
        "A lock that comes free wakes nobody.",
        ("queue order", 0, 3),
    ),
    _mutant(
        0,
        RuleSet(lock=broken.WaitersStay()),
        "A waiter stays in the queue when its session ends.",
        ("queue order", 0, 3),
    ),
    _mutant(
        40,
        RuleSet(client=broken.CountFromAnswer()),
        "A holder counts its time from the answer, and not from when it asked.",
        ("lease ends first", 0, 3),
    ),
)
"""Every mutant, in the order of what it breaks."""

_BY_NAME: Mapping[str, Mutant] = {mutant.name: mutant for mutant in MUTANTS}


def mutant_named(name: str) -> Mutant | None:
    """The mutant of that name."""
    return _BY_NAME.get(name)
