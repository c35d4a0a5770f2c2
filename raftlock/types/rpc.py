"""The messages of Raft, field for field as in the paper's figures and the original's types."""

from __future__ import annotations

from dataclasses import dataclass

from raftlock.types.ids import Index, Millis, NodeID, Term
from raftlock.types.log import LogEntry
from raftlock.types.membership import Configuration

__all__ = [
    "AppendEntriesArgs",
    "AppendEntriesReply",
    "InstallSnapshotArgs",
    "InstallSnapshotReply",
    "Message",
    "RequestVoteArgs",
    "RequestVoteReply",
    "TimeoutNow",
]


@dataclass(frozen=True, slots=True)
class RequestVoteArgs:
    """A candidate asks for a vote (Figure 2); with `is_pre_vote`, only whether it could win.

    `is_transfer` (added) says that the leader itself asked this candidate to stand, so that nobody
    refuses for the leader's sake.
    """

    term: Term
    candidate_id: NodeID
    last_log_index: Index
    last_log_term: Term
    is_pre_vote: bool = False
    is_transfer: bool = False


@dataclass(frozen=True, slots=True)
class RequestVoteReply:
    """The answer to a request for a vote.

    `term` is the voter's current term. `request_term` (added) is the term that was asked about, so
    that an answer which comes late cannot count in another election.
    """

    term: Term
    vote_granted: bool
    is_pre_vote: bool = False
    request_term: Term = Term(0)


@dataclass(frozen=True, slots=True)
class AppendEntriesArgs:
    """A leader's entries, or its heartbeat if `entries` is empty (Figure 2).

    `cluster_time` (added) is the leader's cluster time when it sent this, in milliseconds. `round`
    (added) counts the leader's rounds of heartbeats; answers name it, so that the leader knows
    since when a majority has still taken it for one.
    """

    term: Term
    leader_id: NodeID
    prev_log_index: Index
    prev_log_term: Term
    entries: tuple[LogEntry, ...] = ()
    leader_commit: Index = Index(0)
    cluster_time: Millis = Millis(0)
    round: int = 0


@dataclass(frozen=True, slots=True)
class AppendEntriesReply:
    """The answer to AppendEntries.

    On success `match_index` is the last index known to agree with the leader's log. On failure
    `conflict_index` and `conflict_term` say where to try next (end of the paper's section 5.3); a
    `conflict_term` of 0 means that the log is too short. `request_term` (added) is the term of the
    request, `prev_log_index` (added) the place it asked about, so that a late answer is known for
    one, and `round` (added) the request's.
    """

    term: Term
    success: bool
    conflict_index: Index = Index(0)
    conflict_term: Term = Term(0)
    match_index: Index = Index(0)
    request_term: Term = Term(0)
    prev_log_index: Index = Index(0)
    round: int = 0


@dataclass(frozen=True, slots=True)
class InstallSnapshotArgs:
    """One chunk of a snapshot (paper Figure 13); the stamp and `checksum` are added here.

    `checksum` is the CRC-32 of the snapshot's bytes up to the end of this chunk, so that chunks
    which do not belong together are not put together. `configuration` (added) are the members as
    of the entry that the snapshot ends with.
    """

    term: Term
    leader_id: NodeID
    last_included_index: Index
    last_included_term: Term
    data: bytes = b""
    offset: int = 0
    done: bool = True
    last_included_stamp: Millis = Millis(0)
    checksum: int = 0
    round: int = 0
    configuration: Configuration | None = None


@dataclass(frozen=True, slots=True)
class InstallSnapshotReply:
    """The answer to a chunk (all but `term` is added here); `request_term` is the term it was of.

    `offset` says how much of the snapshot up to `last_included_index` has arrived, and so where to
    go on. Once the node has all of it, or needs none of it, `match_index` is not 0 and says up to
    where its log agrees with the leader's.
    """

    term: Term
    request_term: Term = Term(0)
    last_included_index: Index = Index(0)
    offset: int = 0
    match_index: Index = Index(0)
    round: int = 0


@dataclass(frozen=True, slots=True)
class TimeoutNow:
    """A leader asks a follower to stand for election at once (thesis 3.10; added here)."""

    term: Term
    leader_id: NodeID


Message = (
    RequestVoteArgs
    | RequestVoteReply
    | AppendEntriesArgs
    | AppendEntriesReply
    | InstallSnapshotArgs
    | InstallSnapshotReply
    | TimeoutNow
)
"""Whatever one node may say to another."""
