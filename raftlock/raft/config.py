"""Who takes part and how patient they are: all that the core is told about its surroundings.

Election timeouts and heartbeats are those of section 5.6 of the paper; the bounds on what is on its
way are section 10.2 of the thesis.
"""

from __future__ import annotations

from dataclasses import dataclass

from raftlock.errors import InvalidArgument
from raftlock.types.ids import NodeID

__all__ = ["RaftConfig"]


@dataclass(frozen=True, slots=True)
class RaftConfig:
    """One node's settings; times in milliseconds. Raises `InvalidArgument` if they make no sense.

    `voters` and `learners` are the members until the log says otherwise. Who joins a cluster that
    is there already names its present voters, and itself as a learner.

    The election timeout is drawn anew, from `election_timeout_ms_min` up to and including
    `election_timeout_ms_max`, whenever its timer is reset (paper section 5.2): that is what keeps
    votes from splitting for ever. `heartbeat_ms` must be shorter, or followers would revolt between
    two heartbeats (section 5.6). `first_timeout_ms` is the range of the first draw after a start,
    if a cluster should not make people wait for its first leader; under `lease_reads` only a node
    that has never run goes by it.

    `pre_vote` asks before it disturbs (thesis 9.6); `check_quorum` lets a leader step down that
    hears no majority, and followers stand by one they hear (6.2, 4.2.3); with `peer_lost` a broken
    connection to the leader counts as a first sign that it is gone.

    What is on its way is bounded: `max_entries_per_append` and `max_bytes_per_append` a message (a
    larger entry goes alone), `max_in_flight` messages with entries to a follower before it answers,
    and `max_uncommitted_bytes` of commands in the log before new ones are refused as busy.

    With `lease_reads` a leader answers reads without asking around while nobody else can have been
    elected (thesis 6.4.1): only for clocks that run alike, and for nothing that a token guards.

    After `snapshot_entries` entries or `snapshot_bytes` bytes of commands a snapshot is taken, and
    the log is compacted up to the last `snapshot_tail` entries before it, so that those who are a
    little behind need no snapshot. One is sent in chunks of `snapshot_chunk_bytes`.
    """

    node_id: NodeID
    voters: tuple[NodeID, ...]
    election_timeout_ms_min: int
    election_timeout_ms_max: int
    heartbeat_ms: int
    max_entries_per_append: int = 64
    first_timeout_ms: tuple[int, int] | None = None
    pre_vote: bool = True
    check_quorum: bool = True
    peer_lost: bool = True
    learners: tuple[NodeID, ...] = ()
    lease_reads: bool = False
    max_bytes_per_append: int = 1 << 20
    max_in_flight: int = 64
    max_uncommitted_bytes: int = 1 << 24
    snapshot_entries: int = 10_000
    snapshot_bytes: int = 1 << 24
    snapshot_tail: int = 1_000
    snapshot_chunk_bytes: int = 1 << 16

    def __post_init__(self) -> None:
        """Refuse settings under which the cluster could not work."""
        for holds, sentence in (
            (all(self.voters), "A voter's name must not be empty."),
            (len(set(self.voters)) == len(self.voters), "A voter is named twice."),
            (
                bool(self.voters) and self.node_id in self.voters + self.learners,
                f"Node {self.node_id!r} is neither among the voters nor among the learners.",
            ),
            (
                len(set(self.learners) | set(self.voters)) == len(self.learners) + len(self.voters),
                "A learner is named twice, or is a voter too.",
            ),
            (
                0 < self.election_timeout_ms_min <= self.election_timeout_ms_max,
                "The election timeout must be positive, and its minimum not above its maximum.",
            ),
            (
                0 < self.heartbeat_ms < self.election_timeout_ms_min,
                "The heartbeat interval must be positive and shorter than any election timeout.",
            ),
            (
                not self.lease_reads or (self.check_quorum and not self.peer_lost),
                "Reads under a lease need check_quorum, and no peer_lost.",
            ),
            (
                min(self.max_entries_per_append, self.max_bytes_per_append) > 0,
                "A message must have room for at least one entry.",
            ),
            (
                min(self.max_in_flight, self.max_uncommitted_bytes) > 0,
                "What is on its way must be allowed to be something.",
            ),
            (
                min(self.snapshot_entries, self.snapshot_bytes, self.snapshot_chunk_bytes) > 0
                and self.snapshot_tail >= 0,
                "A snapshot must stand for something, and a chunk hold something of it.",
            ),
            (
                self.first_timeout_ms is None
                or 0 < self.first_timeout_ms[0] <= self.first_timeout_ms[1],
                "The first timeout must be positive, and its minimum not above its maximum.",
            ),
        ):
            if not holds:
                raise InvalidArgument(sentence)

    @property
    def peers(self) -> tuple[NodeID, ...]:
        """The first members but this node itself, in the configuration's order."""
        return tuple(name for name in self.voters + self.learners if name != self.node_id)

    @property
    def timeout_range(self) -> tuple[int, int]:
        """The shortest and the longest election timeout."""
        return self.election_timeout_ms_min, self.election_timeout_ms_max
