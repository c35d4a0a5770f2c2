"""Rules broken on purpose, each in one method: what every one of them is there for.

Each mutant names the property that should go; beside this file is a run for each in which it does
(``witnesses/``). The same run with the correct rules finds nothing. A mutant that stops dying is a
hole in the checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raftlock.sim import broken
from raftlock.sim.aims import AIMS
from raftlock.sim.world import RuleSet

__all__ = ["MUTANTS", "Mutant", "mutant_named"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One broken rule. `number` is its line in the list of famous mistakes, 0 if it is not there.

    `breaks` is the property that goes first.
    """

    number: int
    rules: RuleSet
    story: str
    breaks: str

    @property
    def name(self) -> str:
        """The name of the class that breaks the rule."""
        return self.rules.modified

    @property
    def aim(self) -> Mapping[str, int]:
        """What a search for it draws no longer, but sets."""
        return AIMS.get(self.name, {})


_EXCLUSION = "mutual exclusion"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        1,
        RuleSet(raft=broken.AnyLogMayLead()),
        "A candidate may lead though its log lacks committed entries.",
        "Leader Completeness",
    ),
    Mutant(
        2,
        RuleSet(raft=broken.LongestLogLeads()),
        "Logs are compared by their length, and not by their last term.",
        "Leader Completeness",
    ),
    Mutant(
        3,
        RuleSet(raft=broken.VoteAgain()),
        "A node gives its vote to whoever asks, as often as it is asked.",
        "one vote a term",
    ),
    Mutant(
        4,
        RuleSet(raft=broken.ForgetVote()),
        "The vote does not reach the disk.",
        "durability",
    ),
    Mutant(
        5,
        RuleSet(raft=broken.ForgetTerm()),
        "The term does not reach the disk.",
        "durability",
    ),
    Mutant(
        6,
        RuleSet(storage=broken.VoteApart()),
        "A new term and the vote in it are two writes, and the power goes in between.",
        "durability",
    ),
    Mutant(
        7,
        RuleSet(raft=broken.KeepVote()),
        "A vote is kept into the next term, so that nobody can be elected.",
        "liveness",
    ),
    Mutant(
        8,
        RuleSet(raft=broken.CountMessages()),
        "Votes are counted by messages, and a doubled one counts twice.",
        "Election Safety",
    ),
    Mutant(
        9,
        RuleSet(raft=broken.CountStaleVotes()),
        "A vote given in an earlier term counts in this one.",
        "Election Safety",
    ),
    Mutant(
        0,
        RuleSet(raft=broken.StayBehind()),
        "Who hears of a newer term stays in its own.",
        "Election Safety",
    ),
    Mutant(
        10,
        RuleSet(raft=broken.HalfIsEnough()),
        "Half of the nodes decide, so that two halves may decide differently.",
        "Election Safety",
    ),
    Mutant(
        11,
        RuleSet(raft=broken.CommitOldTerms()),
        "Entries of earlier terms are committed by counting (the paper's Figure 8).",
        "Leader Completeness",
    ),
    Mutant(
        12,
        RuleSet(raft=broken.NoPrevCheck()),
        "A follower takes entries without looking at the one before them.",
        "Log Matching",
    ),
    Mutant(
        13,
        RuleSet(raft=broken.TruncateAlways()),
        "A follower drops its tail at every append: an old message takes away new entries.",
        "durability",
    ),
    Mutant(
        14,
        RuleSet(raft=broken.NeverTruncate()),
        "A follower keeps entries that clash with its leader's.",
        "State Machine Safety",
    ),
    Mutant(
        15,
        RuleSet(raft=broken.CommitWhatLeaderSays()),
        "A follower commits what its leader has, though its own log may differ there.",
        "State Machine Safety",
    ),
    Mutant(
        16,
        RuleSet(raft=broken.MatchMyLength()),
        "A follower acknowledges all of its log, not what it compared.",
        "commit rule",
    ),
    Mutant(
        17,
        RuleSet(raft=broken.CountStaleAcks()),
        "An acknowledgement of an earlier term counts in this one.",
        "commit rule",
    ),
    Mutant(
        18,
        RuleSet(raft=broken.FollowThePast()),
        "Entries of a leader whose term is over are taken.",
        "State Machine Safety",
    ),
    Mutant(
        19,
        RuleSet(raft=broken.LeadForEver()),
        "A leader that hears of a newer term goes on leading, in that term.",
        "Log Matching",
    ),
    Mutant(
        20,
        RuleSet(raft=broken.HeedLateRefusals()),
        "A late refusal sends the leader back behind what the follower has acknowledged since.",
        "monotone",
    ),
    Mutant(
        20,
        RuleSet(raft=broken.HeedLateAcks()),
        "A late acknowledgement makes the leader forget what the follower has acknowledged since.",
        "monotone",
    ),
    Mutant(
        20,
        RuleSet(raft=broken.IgnoreRefusals()),
        "A refusal is taken for a late one, and the leader never tries further back.",
        "liveness",
    ),
    Mutant(
        21,
        RuleSet(raft=broken.ApplyAtOnce()),
        "Entries are applied before they are committed.",
        "State Machine Safety",
    ),
    Mutant(
        0,
        RuleSet(raft=broken.LeapingClock()),
        "A new leader's clock begins ahead of the log's: holds expire early.",
        "cluster time",
    ),
    Mutant(
        22,
        RuleSet(storage=broken.SayBeforeSync()),
        "A node says what it promises before that is on its disk.",
        "durability",
    ),
    Mutant(
        23,
        RuleSet(storage=broken.LoseLastEntry()),
        "A sync does not cover the last entry of the log.",
        "durability",
    ),
    Mutant(
        24,
        RuleSet(storage=broken.CutAtDamage()),
        "A log that is damaged in the middle is cut off there, like a write cut short.",
        "durability",
    ),
    Mutant(
        25,
        RuleSet(storage=broken.SyncAgain()),
        "A sync that failed is tried again, and its success is believed.",
        "durability",
    ),
    Mutant(
        26,
        RuleSet(storage=broken.ForgetDirectory()),
        "The directory of a renamed snapshot is not synced before the log is cut for it.",
        "durability",
    ),
    Mutant(
        27,
        RuleSet(lock=broken.DropSessions()),
        "A snapshot leaves the sessions out, and with them what was answered.",
        "State Machine Safety",
    ),
    Mutant(
        28,
        RuleSet(raft=broken.AnswerAtOnce()),
        "A leader answers reads without asking whether it still leads.",
        "linearizability",
    ),
    Mutant(
        0,
        RuleSet(raft=broken.ReadTooEarly()),
        "A new leader answers reads before it knows what is committed.",
        "linearizability",
    ),
    Mutant(
        0,
        RuleSet(raft=broken.LongLease()),
        "A leader trusts in its lease for longer than nobody else can be elected.",
        "linearizability",
    ),
    Mutant(
        0,
        RuleSet(raft=broken.DeposeLeader()),
        "Who has just heard a leader helps to depose it, in spite of its lease.",
        "linearizability",
    ),
    Mutant(
        0,
        RuleSet(raft=broken.OneHalfElects()),
        "While voters change, the new ones elect a leader without the old ones.",
        "Election Safety",
    ),
    Mutant(
        0,
        RuleSet(raft=broken.OneHalfCommits()),
        "While voters change, the new ones commit without the old ones.",
        "commit rule",
    ),
    Mutant(
        0,
        RuleSet(raft=broken.TwoChangesAtOnce()),
        "A change of members is begun before the last one is committed.",
        "membership",
    ),
    Mutant(
        0,
        RuleSet(raft=broken.LeaveAtOnce()),
        "A joint configuration is left before it is committed.",
        "membership",
    ),
    Mutant(
        0,
        RuleSet(raft=broken.InstallAgain()),
        "A snapshot is installed though all that it stands for is there.",
        "monotone",
    ),
    Mutant(
        0,
        RuleSet(raft=broken.KeepSuffix()),
        "What is behind a snapshot stays, though it is another leader's.",
        "Log Matching",
    ),
    Mutant(
        29,
        RuleSet(lock=broken.OwnClock()),
        "Each replica expires locks by its own clock.",
        "TTL",
    ),
    Mutant(
        30,
        RuleSet(lock=broken.ExpireBetweenEntries()),
        "Each replica expires locks while no entry comes, and the log does not say so.",
        "State Machine Safety",
    ),
    Mutant(
        0,
        RuleSet(lock=broken.ExpireEarly()),
        "A hold ends before its time to live is over.",
        "TTL",
    ),
    Mutant(
        31,
        RuleSet(resource=broken.NeverFence()),
        "What the lock protects does not look at the token.",
        "stale write",
    ),
    Mutant(
        32,
        RuleSet(lock=broken.SameToken()),
        "A token is given a second time.",
        "fencing",
    ),
    Mutant(
        33,
        RuleSet(lock=broken.RenewedToken()),
        "A renewal changes the token of the hold.",
        "fencing",
    ),
    Mutant(
        0,
        RuleSet(lock=broken.TakeIt()),
        "A lock is given to whoever asks, also while another holds it.",
        "mutual exclusion",
    ),
    Mutant(
        0,
        RuleSet(lock=broken.ReadWhatIsWritten()),
        "A lock is shared with who reads, also while one who writes has it alone.",
        "mutual exclusion",
    ),
    Mutant(0, RuleSet(lock=broken.OnePermitMore()), "There is one permit too many.", _EXCLUSION),
    Mutant(
        0,
        RuleSet(lock=broken.ReadersFirst()),
        "Readers share a lock with readers, whoever waits for it: who writes may wait for ever.",
        "queue order",
    ),
    Mutant(
        34,
        RuleSet(lock=broken.AnyoneReleases()),
        "A lock is released by whoever asks.",
        "mutual exclusion",
    ),
    Mutant(
        34,
        RuleSet(lock=broken.AnyTokenReleases()),
        "A late release with an old token ends the same client's next hold.",
        "mutual exclusion",
    ),
    Mutant(
        0,
        RuleSet(lock=broken.ShorterLease()),
        "A renewal can make a hold shorter than it was.",
        "TTL",
    ),
    Mutant(
        35,
        RuleSet(lock=broken.AgainAndAgain()),
        "A request that is repeated is done again.",
        "exactly once",
    ),
    Mutant(
        36,
        RuleSet(lock=broken.LastComeFirst()),
        "Whoever came last is granted first.",
        "queue order",
    ),
    Mutant(
        36,
        RuleSet(lock=broken.NoPriority()),
        "Priorities are taken and ignored.",
        "queue order",
    ),
    Mutant(
        0,
        RuleSet(lock=broken.JumpTheQueue()),
        "Whoever asks again with a higher priority keeps its early place as well.",
        "queue order",
    ),
    Mutant(
        37,
        RuleSet(lock=broken.GrantTooLate()),
        "A waiter is granted the lock after its own time was up.",
        "queue order",
    ),
    Mutant(
        0,
        RuleSet(lock=broken.KeepDeadWaits()),
        "Who falls silent stays in the queue, and is granted locks.",
        "queue order",
    ),
    Mutant(
        38,
        RuleSet(lock=broken.SleepingWaiters()),
        "A lock that comes free wakes nobody.",
        "queue order",
    ),
    Mutant(
        39,
        RuleSet(client=broken.AskAnew()),
        "A client that was not answered in time asks anew, under another request id.",
        "exactly once",
    ),
    Mutant(
        40,
        RuleSet(client=broken.CountFromAnswer()),
        "A holder counts its time from the answer, and not from when it asked.",
        "lease ends first",
    ),
)
"""Every mutant, in the order of what it breaks."""

_BY_NAME: Mapping[str, Mutant] = {mutant.name: mutant for mutant in MUTANTS}


def mutant_named(name: str) -> Mutant | None:
    """The mutant of that name."""
    return _BY_NAME.get(name)
