"""The state of one node: Figure 2's box, and what is needed to run it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from zlib import crc32

from raftlock.raft.log import RaftLog
from raftlock.types.ids import Index, Millis, NodeID, ProposalID, Term
from raftlock.types.log import Snapshot, SnapshotMetadata
from raftlock.types.membership import Configuration
from raftlock.types.roles import NodeRole

__all__ = [
    "Candidacy",
    "Handover",
    "Leadership",
    "Progress",
    "Receiving",
    "Sending",
    "State",
    "Stream",
    "WaitingRead",
]


class Stream(StrEnum):
    """How a leader sends to one follower.

    `PROBE`: it does not know yet where the two logs agree, so it sends one message and waits for
    its answer, or for the next heartbeat, with `next_index` in its place. `REPLICATE`: it knows, so
    `next_index` moves on with each message sent, without waiting for the answer, as long as the
    window has room; a refusal, be it of the next heartbeat, tells if one was lost. `SNAPSHOT`: its
    log no longer holds what the follower lacks, so it sends a snapshot, chunk by chunk.
    """

    PROBE = "probe"
    REPLICATE = "replicate"
    SNAPSHOT = "snapshot"


@dataclass(slots=True)
class Sending:
    """A snapshot on its way to a follower, who has `offset` bytes of it; `checksum` is theirs."""

    snapshot: Snapshot
    offset: int = 0
    checksum: int = 0

    def go_on_at(self, offset: int) -> None:
        """The follower has that much."""
        self.offset = min(offset, len(self.snapshot.data))
        self.checksum = crc32(self.snapshot.data[: self.offset])


@dataclass(slots=True)
class Receiving:
    """A snapshot that is arriving: the bytes of it that are here, and their checksum."""

    metadata: SnapshotMetadata
    configuration: Configuration | None
    data: bytearray = field(default_factory=bytearray)
    checksum: int = 0


@dataclass(slots=True)
class Progress:
    """What a leader knows of one follower's log (Figure 2, volatile state on leaders).

    `in_flight` has the last index of each message with entries that is not answered yet; `round` is
    the latest round of heartbeats that the follower has answered.
    """

    next_index: Index
    match_index: Index = Index(0)
    stream: Stream = Stream.PROBE
    in_flight: deque[Index] = field(default_factory=deque)
    round: int = 0
    sending: Sending | None = None
    last_active: Millis | None = None

    def probe(self, next_index: Index) -> None:
        """Find out anew where the logs agree, beginning with the place before `next_index`."""
        self.next_index, self.stream, self.sending = next_index, Stream.PROBE, None
        self.in_flight.clear()

    def send(self, snapshot: Snapshot) -> Sending:
        """Send a snapshot, from its first byte; the log goes on behind it."""
        self.probe(Index(snapshot.metadata.last_included_index + 1))
        self.stream, self.sending = Stream.SNAPSHOT, Sending(snapshot)
        return self.sending

    def has_at_least(self, match_index: Index) -> None:
        """The follower has everything up to there; how it is sent to stays as it is."""
        self.match_index = match_index
        self.next_index = max(self.next_index, Index(match_index + 1))

    def acknowledge(self, match_index: Index) -> None:
        """The follower has everything up to there."""
        following = Index(match_index + 1)
        if self.stream is not Stream.REPLICATE:
            self.probe(following)
            self.stream = Stream.REPLICATE
        self.has_at_least(match_index)
        while self.in_flight and self.in_flight[0] <= match_index:
            self.in_flight.popleft()


@dataclass(slots=True)
class Candidacy:
    """One election, seen by its candidate; or one pre-vote, seen by who asks.

    `own_vote_write` numbers the write that holds the candidate's vote for itself: the vote counts
    once that write is durable, like everybody else's.
    """

    own_vote_write: int = 0
    granted: tuple[NodeID, ...] = ()
    refused: tuple[NodeID, ...] = ()


@dataclass(frozen=True, slots=True)
class WaitingRead:
    """A read that waits for `index` to be applied and for a majority's answers to `round`."""

    read_id: ProposalID
    index: Index
    round: int


@dataclass(slots=True)
class Handover:
    """A leadership that is being handed to `target`, `since` then; `told` once it shall stand."""

    target: NodeID
    since: Millis
    proposal_id: ProposalID
    told: bool = False


@dataclass(slots=True)
class Leadership:
    """What only a leader has: its followers' progress, and where its clock began to run.

    `first_index` is where its own first entry stands. `uncommitted_bytes` are those of the commands
    in its log that are not committed yet. `round` counts its rounds of heartbeats, `confirmed` is
    the last one that a majority answered, and `round_began` when it and those after it began.
    `has_told` stays true once any follower was told to stand: it may do so at any time.
    """

    progress: dict[NodeID, Progress]
    elected_at: Millis
    time_base: Millis
    first_index: Index
    uncommitted_bytes: int = 0
    round: int = 0
    confirmed: int = 0
    round_began: dict[int, Millis] = field(default_factory=dict)
    reads: list[WaitingRead] = field(default_factory=list)
    handover: Handover | None = None
    has_told: bool = False


@dataclass(slots=True)
class State:
    """All that changes in a node. `candidacy` and `leadership` are there in these roles only.

    `pre_vote` is there while a follower asks whether it could win.
    """

    # Figure 2, persistent state: on disk before any message that follows from it.
    current_term: Term
    voted_for: NodeID
    log: RaftLog

    # The configurations that may yet be needed, each with the index of its entry: the latest one
    # holds, and those before it do if its entry is dropped.
    configurations: list[tuple[Index, Configuration]]

    # The latest snapshot, and how many bytes of commands were applied since.
    snapshot: Snapshot | None = None
    applied_bytes: int = 0
    receiving: Receiving | None = None

    # How much of the log is known to be on this node's own disk.
    durable_index: Index = Index(0)

    # Figure 2, volatile state on all servers.
    commit_index: Index = Index(0)
    last_applied: Index = Index(0)
    role: NodeRole = NodeRole.FOLLOWER
    leader_id: NodeID = NodeID("")

    # Figure 2, volatile state on candidates and leaders.
    candidacy: Candidacy | None = None
    leadership: Leadership | None = None
    pre_vote: Candidacy | None = None

    # When this node will act unasked: its election timeout, or a leader's next heartbeat.
    deadline: Millis = Millis(0)

    # When a leader was last heard; for its sake this node refuses others for a while.
    leader_heard: Millis | None = None

    # The writes that are not durable yet: their numbers, and when each was handed out.
    writing: deque[tuple[int, Millis]] = field(default_factory=deque)

    # The latest cluster time heard from the leader of `heard_term`.
    heard_time: Millis = Millis(0)
    heard_term: Term = Term(0)

    # Proposals accepted here and neither committed nor overwritten yet.
    proposals: dict[Index, ProposalID] = field(default_factory=dict)
