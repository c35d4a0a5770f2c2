"""What a log holds and what storage keeps (paper Figure 2, "State")."""

from __future__ import annotations

from dataclasses import dataclass

from raftlock.types.answers import LockChange, Outcome
from raftlock.types.ids import Index, Millis, NodeID, Term
from raftlock.types.membership import Configuration

__all__ = [
    "ApplyMsg",
    "IndexOffsetPair",
    "LogEntry",
    "PersistentState",
    "Snapshot",
    "SnapshotMetadata",
]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of the log: a command, where it stands, and the term its leader created it in.

    `command` is opaque to Raft; empty bytes are an entry that only carries its stamp: a new
    leader's no-op, or a tick of cluster time. `stamp` is cluster time in milliseconds (added here;
    the original has none), and `configuration` (added) the members from this entry on, if it says
    who they are.
    """

    term: Term
    index: Index
    command: bytes = b""
    stamp: Millis = Millis(0)
    configuration: Configuration | None = None


@dataclass(frozen=True, slots=True)
class PersistentState:
    """The latest term a node has seen and its vote in it; durable before any reply.

    `voted_for` is empty while the node has not voted in `current_term`.
    """

    current_term: Term = Term(0)
    voted_for: NodeID = NodeID("")


@dataclass(frozen=True, slots=True)
class SnapshotMetadata:
    """Which entry a snapshot ends with (paper section 7), and that entry's stamp (added here)."""

    last_included_index: Index = Index(0)
    last_included_term: Term = Term(0)
    last_included_stamp: Millis = Millis(0)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What stands for the log up to an entry: the state machine as that entry left it (added here).

    `data` is the state machine's own; Raft does not look into it. `configuration` are the members
    as of that entry.
    """

    metadata: SnapshotMetadata
    data: bytes = b""
    configuration: Configuration | None = None


@dataclass(frozen=True, slots=True)
class IndexOffsetPair:
    """Where in its segment file an entry's record begins, in bytes."""

    index: Index
    offset: int


@dataclass(frozen=True, slots=True)
class ApplyMsg:
    """What applying one committed entry, or installing one snapshot, came to.

    Exactly one of `command_valid` and `snapshot_valid` is true. `command_result_data` is the
    outcome of the entry's own command (``None`` for an empty entry) and `command_result_error` the
    refusal's sentence, empty if it was not refused. `outcomes` (added) are the final answers of
    other requests that this entry decided, in the order in which it decided them; `changes`
    (added) are the locks it touched, as they stand after it.
    """

    command_valid: bool = False
    command: bytes = b""
    command_index: Index = Index(0)
    command_term: Term = Term(0)
    command_result_data: Outcome | None = None
    command_result_error: str = ""
    snapshot_valid: bool = False
    snapshot: bytes = b""
    snapshot_index: Index = Index(0)
    snapshot_term: Term = Term(0)
    outcomes: tuple[Outcome, ...] = ()
    changes: tuple[LockChange, ...] = ()
