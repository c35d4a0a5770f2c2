"""The vocabulary: every type of the original raftlock's ``types`` package, under its own name."""

from raftlock.types.answers import LockChange, Outcome, OutcomeStatus, QueuedWaiter
from raftlock.types.commands import (
    BackoffAdvice,
    Command,
    LockInfo,
    LockOperation,
    SnapshotOperation,
    WaiterInfo,
)
from raftlock.types.events import KINDS, Json, Note, TraceEvent
from raftlock.types.ids import (
    ClientID,
    Index,
    LockID,
    Micros,
    Millis,
    NodeID,
    ProposalID,
    SessionID,
    Term,
)
from raftlock.types.log import (
    ApplyMsg,
    IndexOffsetPair,
    LogEntry,
    PersistentState,
    Snapshot,
    SnapshotMetadata,
)
from raftlock.types.membership import Configuration
from raftlock.types.roles import NodeRole
from raftlock.types.rpc import (
    AppendEntriesArgs,
    AppendEntriesReply,
    InstallSnapshotArgs,
    InstallSnapshotReply,
    Message,
    RequestVoteArgs,
    RequestVoteReply,
    TimeoutNow,
)
from raftlock.types.status import (
    PeerConnectionStatus,
    PeerState,
    PendingProposal,
    ProposalResult,
    ProposalStats,
    RaftStatus,
)

__all__ = [
    "KINDS",
    "AppendEntriesArgs",
    "AppendEntriesReply",
    "ApplyMsg",
    "BackoffAdvice",
    "ClientID",
    "Command",
    "Configuration",
    "Index",
    "IndexOffsetPair",
    "InstallSnapshotArgs",
    "InstallSnapshotReply",
    "Json",
    "LockChange",
    "LockID",
    "LockInfo",
    "LockOperation",
    "LogEntry",
    "Message",
    "Micros",
    "Millis",
    "NodeID",
    "NodeRole",
    "Note",
    "Outcome",
    "OutcomeStatus",
    "PeerConnectionStatus",
    "PeerState",
    "PendingProposal",
    "PersistentState",
    "ProposalID",
    "ProposalResult",
    "ProposalStats",
    "QueuedWaiter",
    "RaftStatus",
    "RequestVoteArgs",
    "RequestVoteReply",
    "SessionID",
    "Snapshot",
    "SnapshotMetadata",
    "SnapshotOperation",
    "Term",
    "TimeoutNow",
    "TraceEvent",
    "WaiterInfo",
]
