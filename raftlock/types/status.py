"""How a node and its proposals stand, for monitoring and for people to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from raftlock.types.answers import Outcome
from raftlock.types.commands import LockOperation
from raftlock.types.ids import ClientID, Index, LockID, Millis, NodeID, ProposalID, Term
from raftlock.types.membership import Configuration
from raftlock.types.roles import NodeRole

__all__ = [
    "LockRates",
    "LockStats",
    "PeerConnectionStatus",
    "PeerState",
    "PendingProposal",
    "ProposalResult",
    "ProposalStats",
    "RaftStatus",
]


@dataclass(frozen=True, slots=True)
class PeerState:
    """What a leader knows of one follower's log. `last_active` is milliseconds of its own clock."""

    next_index: Index
    match_index: Index
    is_active: bool
    last_active: Millis | None
    snapshot_in_progress: bool
    replication_lag: Index


@dataclass(frozen=True, slots=True)
class LockRates:
    """What was done lately, in `over` milliseconds of the node's clock: a minute, or less."""

    over: Millis = Millis(0)
    acquired: int = 0
    renewed: int = 0
    released: int = 0
    expired: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class LockStats:
    """What a lock table holds now, and what it has done since its log began.

    Equal on all replicas that applied the same. `contested` locks have waiters; `acquired` counts
    grants, at once or after a wait, and `renewed` also what its holder acquired again. Hold times
    are milliseconds of cluster time, of holds that have ended; one that expired ended at its
    deadline. `refused` are requests that changed nothing. `rates` is what the node that was asked
    saw of it lately.
    """

    held: int = 0
    waiting: int = 0
    contested: int = 0
    sessions: int = 0
    acquired: int = 0
    renewed: int = 0
    released: int = 0
    expired: int = 0
    waits_begun: int = 0
    waits_granted: int = 0
    waits_timed_out: int = 0
    waits_cancelled: int = 0
    refused: int = 0
    hold_time_total: Millis = Millis(0)
    hold_time_longest: Millis = Millis(0)
    rates: LockRates | None = None

    @property
    def hold_time_average(self) -> Millis:
        """How long a hold lasted, on average; 0 if none has ended."""
        return Millis(self.hold_time_total // max(1, self.released + self.expired))


@dataclass(frozen=True, slots=True)
class RaftStatus:
    """One node's view of the cluster. `replication` is filled on a leader only.

    `pre_vote` (added) is true while a follower asks whether it could win an election;
    `configuration` (added) are the members as this node knows them; `locks` (added) is what its
    lock table holds and has done, where a client asks.
    """

    id: NodeID
    role: NodeRole
    term: Term
    leader_id: NodeID
    last_log_index: Index
    last_log_term: Term
    commit_index: Index
    last_applied: Index
    snapshot_index: Index = Index(0)
    snapshot_term: Term = Term(0)
    replication: Mapping[NodeID, PeerState] = field(default_factory=dict)
    pre_vote: bool = False
    configuration: Configuration | None = None
    locks: LockStats | None = None


@dataclass(frozen=True, slots=True)
class PeerConnectionStatus:
    """How the connection to a peer stands. `last_active` is milliseconds of the machine's clock."""

    connected: bool
    last_error: str = ""
    last_active: Millis | None = None
    pending_rpcs: int = 0


@dataclass(frozen=True, slots=True)
class ProposalResult:
    """What became of a proposal. `duration` runs from its submission, in milliseconds."""

    success: bool
    error: str = ""
    data: Outcome | None = None
    applied_at: Millis = Millis(0)
    duration: Millis = Millis(0)


@dataclass(frozen=True, slots=True)
class PendingProposal:
    """A proposal whose answer is still to come.

    The original's channel and context are a callback (called once, with the result) and a deadline
    on the proposing node's clock, in milliseconds.
    """

    id: ProposalID
    index: Index
    term: Term
    operation: LockOperation
    start_time: Millis
    result: Callable[[ProposalResult], None]
    deadline: Millis | None
    command: bytes
    client_id: ClientID
    lock_id: LockID


@dataclass(frozen=True, slots=True)
class ProposalStats:
    """How a node's proposals have fared so far; latencies in milliseconds."""

    total_proposals: int = 0
    pending_proposals: int = 0
    successful_proposals: int = 0
    failed_proposals: int = 0
    cancelled_proposals: int = 0
    expired_proposals: int = 0
    average_latency: Millis = Millis(0)
    max_latency: Millis = Millis(0)
