"""Snapshots and log compaction: section 7 of the paper, Figure 13, and chapter 5 of the thesis.

A snapshot takes the place of the log up to an entry. A follower that lacks what is no longer in the
leader's log is sent one in chunks, one at a time: its answer says how much it has, so that after a
loss, or a restart of either side, the sending goes on where it must. Nothing of it is used before
all of it is here and its checksum is right.
"""

from __future__ import annotations

from zlib import crc32

from raftlock.raft.core import Core
from raftlock.raft.effects import SnapshotTaken
from raftlock.raft.state import Receiving
from raftlock.types.events import Json
from raftlock.types.ids import Index, NodeID
from raftlock.types.log import Snapshot, SnapshotMetadata
from raftlock.types.roles import NodeRole
from raftlock.types.rpc import InstallSnapshotArgs, InstallSnapshotReply

__all__ = ["ask_if_due", "chunk_arrived", "handle_install_snapshot", "keep", "send_chunk"]


def _last_included(core: Core) -> Index:
    snapshot = core.state.snapshot
    return snapshot.metadata.last_included_index if snapshot else Index(0)


# Taking one


def ask_if_due(core: Core) -> None:
    """Ask for a snapshot once the log behind the last one has grown long, or heavy."""
    state, config = core.state, core.config
    entries = state.last_applied - _last_included(core)
    if entries >= config.snapshot_entries or state.applied_bytes >= config.snapshot_bytes:
        core.out.take_snapshot()


def keep(core: Core, event: SnapshotTaken) -> None:
    """Keep a snapshot of the own state machine, and compact the log up to a tail before it."""
    core.out.action = "TakeSnapshot"
    state = core.state
    assert event.index <= state.last_applied, "a snapshot stands for what was applied"
    if event.index <= _last_included(core):
        return
    members = core.configuration_at(event.index)
    snapshot = Snapshot(state.log.place(event.index), event.data, members)
    core.out.note("snapshot", _told(snapshot))
    upto = core.rules.compacts_up_to(event.index, core.config.snapshot_tail)
    core.compact(snapshot, state.log.place(max(upto, state.log.base.last_included_index)))


# The leader


def send_chunk(core: Core, peer: NodeID) -> None:
    """Send a follower the chunk that it lacks next, of the snapshot it is being sent."""
    core.out.action = "InstallSnapshot"
    state, progress = core.state, core.leadership.progress[peer]
    sending = progress.sending
    if sending is None:
        assert state.snapshot is not None, "a log is compacted behind a snapshot only"
        sending = progress.send(state.snapshot)
        core.note_progress(peer)
    place, whole = sending.snapshot.metadata, sending.snapshot.data
    data = whole[sending.offset : sending.offset + core.config.snapshot_chunk_bytes]
    args = InstallSnapshotArgs(
        term=state.current_term,
        leader_id=core.node_id,
        last_included_index=place.last_included_index,
        last_included_term=place.last_included_term,
        data=data,
        offset=sending.offset,
        done=sending.offset + len(data) == len(whole),
        last_included_stamp=place.last_included_stamp,
        checksum=crc32(data, sending.checksum),
        round=core.leadership.round,
        configuration=sending.snapshot.configuration,
    )
    core.out.send_now(peer, args)


def chunk_arrived(core: Core, peer: NodeID, reply: InstallSnapshotReply) -> None:
    """Send the chunk that is next for a follower who has so much of its snapshot."""
    sending = core.leadership.progress[peer].sending
    if sending is None:
        return
    if reply.last_included_index != sending.snapshot.metadata.last_included_index:
        return
    # An answer heard again says what is known: if a chunk was lost, the next heartbeat repeats it.
    if reply.offset != sending.offset:
        sending.go_on_at(reply.offset)
        send_chunk(core, peer)


# The follower


def handle_install_snapshot(core: Core, sender: NodeID, args: InstallSnapshotArgs) -> None:
    """InstallSnapshot, receiver: gather the chunks, and install the snapshot once it is whole."""
    core.hear_term(args.term)
    core.out.action = "HandleInstallSnapshotRequest"
    state, rules = core.state, core.rules
    offset, match = 0, Index(0)
    # Rule 1: a leader whose term is over only learns that it is.
    if not rules.stale_append(args.term, state.current_term):
        if state.role is NodeRole.LEADER:
            return
        if state.role is NodeRole.CANDIDATE:
            core.become(NodeRole.FOLLOWER)
        core.hear_leader(sender)
        if rules.installs(args.last_included_index, state.commit_index):
            offset = _gather(core, args)
        if args.last_included_index <= state.commit_index:
            match = state.commit_index
    reply = InstallSnapshotReply(
        state.current_term, args.term, args.last_included_index, offset, match, args.round
    )
    core.out.send_after(sender, reply)


def _gather(core: Core, args: InstallSnapshotArgs) -> int:
    """Rules 2 to 4: put the chunk where it belongs; how much of the snapshot is here then.

    All or nothing: what does not fit ends the whole attempt, and the sending begins anew.
    """
    place = SnapshotMetadata(
        args.last_included_index, args.last_included_term, args.last_included_stamp
    )
    receiving = core.state.receiving
    if receiving is None or receiving.metadata != place:
        receiving = core.state.receiving = Receiving(place, args.configuration)
    if args.offset != len(receiving.data):
        # Not the next one: the answer says which that is.
        return len(receiving.data)
    checksum = crc32(args.data, receiving.checksum)
    if not core.rules.chunk_fits(checksum, args.checksum):
        core.state.receiving = None
        return 0
    receiving.data += args.data
    receiving.checksum = checksum
    if args.done:
        _install(core, Snapshot(place, bytes(receiving.data), receiving.configuration))
    return len(receiving.data)


def _install(core: Core, snapshot: Snapshot) -> None:
    """Rules 5 to 8: the snapshot takes the place of the log up to it, and of the state machine."""
    state, place = core.state, snapshot.metadata
    index = place.last_included_index
    state.receiving = None
    # Rule 6: what is behind it stays if it belongs to it, ...
    kept = core.rules.keeps_suffix(state.log.term_at(index), place.last_included_term)
    if not kept and state.log.last_index > index:
        # ... rule 7: and else it goes, with the rest.
        core.truncate(Index(index + 1))
    for overtaken in [known for known in state.proposals if known <= index]:
        del state.proposals[overtaken]
    core.out.note("install", _told(snapshot))
    core.compact(snapshot, place)
    state.commit_index = state.last_applied = index
    core.out.install(snapshot)


def _told(snapshot: Snapshot) -> dict[str, Json]:
    place = snapshot.metadata
    return {
        "index": place.last_included_index,
        "term": place.last_included_term,
        "bytes": len(snapshot.data),
    }
