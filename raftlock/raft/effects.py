"""What goes into the core and what comes out of it: `step(event) -> Effects`, values both ways.

The driver performs the parts of an `Effects` in the order of its fields:

1. `send_now` may leave at once: a leader's entries, so that its followers' disks work beside its
   own (Raft thesis, section 10.2.1).
2. `persist` goes to storage. Writes are numbered from 1 and complete in order. When one is durable
   the driver steps a `Persisted` event that names it; one such event may stand for several writes.
3. `send_after` leaves once EVERY write handed out so far is durable, also those of earlier steps:
   a vote or an acknowledgement must never be heard before what it promises is on disk.
4. `install`, if it is there, takes the place of all the state machine is; `apply` goes to it then,
   `resolved` to whoever proposed, `reads` to whoever wants to read, `trace` to the recorder.
5. If `take_snapshot`, the driver steps a `SnapshotTaken` with the state machine as it now is.
6. At `wake_at`, or later, the driver steps a `Wake`. Waking early is harmless.

The effects of one step may be folded with those of the next (several writes, one sync), but never
reordered. Events carry the driver's clock in `now`; it must never go backwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from raftlock.errors import ErrorCode
from raftlock.types.events import Note
from raftlock.types.ids import Index, Millis, NodeID, ProposalID, Term
from raftlock.types.log import LogEntry, PersistentState, Snapshot, SnapshotMetadata
from raftlock.types.rpc import Message

__all__ = [
    "ChangeMembers",
    "Effects",
    "Event",
    "PeerLost",
    "Persist",
    "Persisted",
    "Propose",
    "Read",
    "Receive",
    "Recovered",
    "Resolution",
    "Send",
    "SnapshotTaken",
    "Transfer",
    "Wake",
]


# What every step needs is a named tuple: a frozen dataclass takes five times as long to make.


class Receive(NamedTuple):
    """A message has arrived. `sender` is who the connection belongs to, not what is claimed."""

    now: Millis
    sender: NodeID
    message: Message


class Wake(NamedTuple):
    """A deadline may have passed. Step one right after construction to learn the first deadline."""

    now: Millis


@dataclass(frozen=True, slots=True)
class Propose:
    """Somebody wants `command` in the log; it is answered by one `Resolution` of that id.

    An empty command is a tick: an entry that says nothing but its stamp.
    """

    now: Millis
    proposal_id: ProposalID
    command: bytes


@dataclass(frozen=True, slots=True)
class Persisted:
    """Write number `write`, and all before it, are durable.

    `last_index` and `last_term` name the last entry on disk after it. If the core has dropped that
    entry meanwhile, it waits for a later write's word.
    """

    now: Millis
    write: int
    last_index: Index
    last_term: Term


@dataclass(frozen=True, slots=True)
class PeerLost:
    """This node's own connection to `peer` broke: it may be gone, or only the connection."""

    now: Millis
    peer: NodeID


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """`data` is the state machine after it applied the entry at `index`, and none behind it."""

    now: Millis
    index: Index
    data: bytes


@dataclass(frozen=True, slots=True)
class Read:
    """Somebody wants to know the state machine as it is now or later; `Effects.reads` answers."""

    now: Millis
    read_id: ProposalID


@dataclass(frozen=True, slots=True)
class Transfer:
    """Hand leadership to `target`, or to the follower that is furthest if it is empty.

    It is answered by one `Resolution` of that id: accepted once the target was told to stand.
    """

    now: Millis
    proposal_id: ProposalID
    target: NodeID = NodeID("")


@dataclass(frozen=True, slots=True)
class ChangeMembers:
    """Make these the members; it is answered by one `Resolution` of that id, like a proposal.

    Accepted, it is done when a configuration without `outgoing` is committed.
    """

    now: Millis
    proposal_id: ProposalID
    voters: tuple[NodeID, ...]
    learners: tuple[NodeID, ...] = ()


Event = (
    Receive
    | Wake
    | Propose
    | Persisted
    | PeerLost
    | SnapshotTaken
    | Read
    | Transfer
    | ChangeMembers
)
"""Whatever may happen to the core."""


class Send(NamedTuple):
    """A message for a peer. It may be lost, late, doubled or overtaken: Raft allows all four."""

    to: NodeID
    message: Message


@dataclass(frozen=True, slots=True)
class Persist:
    """One write, number `write`, to make durable whole, in this order.

    `state` is ``None`` if term and vote are unchanged; entries from `truncate_from` on are dropped
    (``None``: none are); `snapshot` replaces the one there was; entries up to and including `base`
    are dropped, and `base` is from now on what stands before the first (it may lie behind the
    last); `entries` are appended to what is left. Nothing up to `base` may be dropped before the
    snapshot that stands for it is durable.
    """

    write: int
    state: PersistentState | None
    truncate_from: Index | None
    entries: tuple[LogEntry, ...]
    snapshot: Snapshot | None = None
    base: SnapshotMetadata | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """What became of a proposal.

    If `accepted`, this leader appended it at `index` in `term` with `stamp`, and the answer comes
    when the entry applied at `index` has that term. Otherwise `code` and `message` say why not:
    NOT_LEADER (`leader_id` leads), NO_LEADER, or, after it was accepted, REPLICATION_FAILURE: a new
    leader overwrote it here, so whether it took effect is unknown to this node.

    A read (its id in `proposal_id`) that is `accepted` may be answered now, from the state machine
    as it is, since that has applied all up to `index`.
    """

    proposal_id: ProposalID
    accepted: bool
    index: Index = Index(0)
    term: Term = Term(0)
    stamp: Millis = Millis(0)
    leader_id: NodeID = NodeID("")
    code: ErrorCode = ErrorCode.OK
    message: str = ""


class Effects(NamedTuple):
    """What one step asks for, in the order in which to do it (see the head of this file)."""

    send_now: tuple[Send, ...] = ()
    persist: Persist | None = None
    send_after: tuple[Send, ...] = ()
    install: Snapshot | None = None
    apply: tuple[LogEntry, ...] = ()
    resolved: tuple[Resolution, ...] = ()
    reads: tuple[Resolution, ...] = ()
    take_snapshot: bool = False
    wake_at: Millis | None = None
    trace: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Recovered:
    """What storage kept: term and vote, the latest snapshot, and the log behind `base`, gapless.

    A node that never ran has the default: term 0, no vote, an empty log. The state machine is
    restored from the snapshot before the first step.
    """

    state: PersistentState = PersistentState()
    entries: tuple[LogEntry, ...] = ()
    snapshot: Snapshot | None = None
    base: SnapshotMetadata = SnapshotMetadata()
