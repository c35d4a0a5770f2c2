"""Log replication: section 5.3 of the paper, the leader's side and the follower's.

What is on its way is bounded (thesis 10.2): a window of messages for each follower, and a limit on
what waits to be committed. When a window is full, what comes meanwhile goes out in batches.
"""

from __future__ import annotations

from functools import partial

from raftlock.errors import ErrorCode
from raftlock.raft import check_quorum, commitment, reads, snapshotting
from raftlock.raft.core import Core
from raftlock.raft.effects import Propose, Resolution
from raftlock.raft.state import Progress, Stream
from raftlock.types.ids import Index, NodeID
from raftlock.types.log import LogEntry
from raftlock.types.membership import Configuration
from raftlock.types.roles import NodeRole
from raftlock.types.rpc import AppendEntriesArgs, AppendEntriesReply, InstallSnapshotReply

__all__ = [
    "append_own",
    "ask_all",
    "become_leader",
    "handle_append_entries",
    "handle_append_entries_reply",
    "handle_install_snapshot_reply",
    "heartbeat_due",
    "peer_lost",
    "propose",
]

# The leader


def become_leader(core: Core) -> None:
    """Leaders, rule 1: tell everybody at once, with an empty entry of the new term.

    The entry is there to be committed: only with an entry of its own term does a leader know how
    far its log is committed (sections 5.4.2 and 8).
    """
    core.out.action = "BecomeLeader"
    core.follow(core.node_id)
    core.become(NodeRole.LEADER)
    for peer in core.peers:
        core.note_progress(peer)
    append_own(core)
    _heartbeat(core)


def heartbeat_due(core: Core) -> None:
    """Leaders, rule 1: repeat heartbeats in idle times, so that nobody stands for election.

    A heartbeat is an ordinary AppendEntries: it carries what a probed follower should have, and it
    asks the others for the place where their next entry would go. So whatever was lost on the way,
    entries or answers, the answer to a heartbeat repairs it.
    """
    core.out.action = "AppendEntries"
    core.out.note("timer_fire", {"timer": "heartbeat"})
    if check_quorum.still_leads(core):
        _heartbeat(core)


def propose(core: Core, event: Propose) -> None:
    """Leaders, rule 2: append a command to the own log; it is answered when it is applied.

    Others refuse it and say who leads, if they know.
    """
    core.out.action = "ClientRequest"
    state = core.state
    refusal = _refusal(core, event)
    if refusal is not None:
        core.out.resolve(refusal)
        return
    entry = append_own(core, event.command)
    state.proposals[entry.index] = event.proposal_id
    core.out.resolve(
        Resolution(
            event.proposal_id,
            accepted=True,
            index=entry.index,
            term=entry.term,
            stamp=entry.stamp,
            leader_id=core.node_id,
        )
    )
    for peer in core.peers:
        _fill_window(core, peer)


def handle_append_entries_reply(core: Core, sender: NodeID, reply: AppendEntriesReply) -> None:
    """Leaders, rule 3: on success move the follower's indexes on, on failure try further back."""
    progress = _answered(core, sender, reply)
    core.out.action = "HandleAppendEntriesResponse"
    if progress is None:
        return
    # While probing, only the answer to the probe says where to go on. If any late one did, those
    # that overtook each other would call for a whole window again and again, and drown the cluster.
    is_late = progress.stream is Stream.PROBE and reply.prev_log_index != progress.next_index - 1
    if reply.success:
        _acknowledged(core, sender, reply.match_index, is_late=is_late)
    elif progress.stream is not Stream.SNAPSHOT and not is_late:
        _refused(core, sender, reply)


def handle_install_snapshot_reply(core: Core, sender: NodeID, reply: InstallSnapshotReply) -> None:
    """Go on with the next chunk, or behind the snapshot if the follower needs no more of it."""
    progress = _answered(core, sender, reply)
    core.out.action = "HandleInstallSnapshotResponse"
    if progress is None:
        return
    if reply.match_index > 0:
        _acknowledged(core, sender, reply.match_index)
    else:
        snapshotting.chunk_arrived(core, sender, reply)


def _answered(
    core: Core, sender: NodeID, reply: AppendEntriesReply | InstallSnapshotReply
) -> Progress | None:
    """Whose progress a reply tells of; ``None`` if it is of another term, or nobody's."""
    core.hear_term(reply.term)
    state = core.state
    if state.leadership is None:
        return None
    if not core.rules.append_reply_counts(reply.request_term, state.current_term):
        return None
    progress = state.leadership.progress.get(sender)
    if progress is not None:
        progress.last_active = core.now
        progress.round = max(progress.round, reply.round)
        if reads.confirm_rounds(core):
            ask_all(core)
    return progress


def _acknowledged(core: Core, peer: NodeID, match_index: Index, *, is_late: bool = False) -> None:
    """The follower has so much. A late word of that changes nothing in how it is sent to.

    Nor does one that says it has less than the snapshot that it is being sent: it needs that still,
    and has some of it already.
    """
    progress, log = core.leadership.progress[peer], core.state.log
    match = core.rules.match_after_ack(progress.match_index, min(match_index, log.last_index))
    sending = progress.sending
    lacks_snapshot = sending is not None and match < sending.snapshot.metadata.last_included_index
    if is_late or lacks_snapshot:
        progress.has_at_least(match)
    else:
        progress.acknowledge(match)
    core.note_progress(peer)
    commitment.advance_commit_index(core)
    if progress.stream is Stream.REPLICATE:
        _fill_window(core, peer)


def _refused(core: Core, peer: NodeID, reply: AppendEntriesReply) -> None:
    """The logs differ before the place tried: go back a whole term at once (end of section 5.3)."""
    progress, log = core.leadership.progress[peer], core.state.log
    hint = reply.conflict_index
    if reply.conflict_term > 0:
        # If this log has that term too, the two may agree up to its end here.
        last = log.last_index_of(reply.conflict_term)
        if log.term_at(last) == reply.conflict_term:
            hint = Index(last + 1)
    tried = min(reply.prev_log_index, log.last_index)
    following = core.rules.next_after_rejection(progress.match_index, tried, hint)
    if following is None:
        return
    progress.probe(following)
    core.note_progress(peer)
    _send_append(core, peer)


def peer_lost(core: Core, peer: NodeID) -> None:
    """The connection to a follower broke, and who knows what with it: probe where it stands.

    The next heartbeat does, and its answer makes all well again.
    """
    leadership = core.state.leadership
    if leadership is not None and peer in leadership.progress:
        core.out.action = "PeerLost"
        progress = leadership.progress[peer]
        progress.probe(Index(progress.match_index + 1))
        core.note_progress(peer)


def _refusal(core: Core, event: Propose) -> Resolution | None:
    """Why a proposal is not taken; ``None`` if it is."""
    if core.state.role is not NodeRole.LEADER:
        return core.not_leader(event.proposal_id)
    handover = core.leadership.handover
    if handover is not None:
        why = f"{core.node_id} is handing over to {handover.target}"
    elif _is_too_much(core, len(event.command)):
        why = f"Too much waits to be committed on {core.node_id}"
    else:
        return None
    return Resolution(
        event.proposal_id,
        accepted=False,
        leader_id=core.node_id,
        code=ErrorCode.BUSY,
        message=f"{why}: ask again in a moment.",
    )


def _is_too_much(core: Core, size: int) -> bool:
    """Whether what waits to be committed leaves no room for a command of that size.

    One is always let through, however large, and so is a tick, which weighs nothing.
    """
    waiting = core.leadership.uncommitted_bytes
    return waiting > 0 < size and waiting + size > core.config.max_uncommitted_bytes


def append_own(
    core: Core, command: bytes = b"", configuration: Configuration | None = None
) -> LogEntry:
    """Append an entry of the leader's own: a command, a configuration, or nothing but a stamp."""
    state = core.state
    core.leadership.uncommitted_bytes += len(command)
    stamp = core.rules.stamp(state.log.last_stamp, core.cluster_time(core.now))
    index = Index(state.log.last_index + 1)
    entry = LogEntry(state.current_term, index, command, stamp, configuration)
    core.append((entry,))
    return entry


def _heartbeat(core: Core) -> None:
    core.reset_heartbeat_timer()
    ask_all(core)


def ask_all(core: Core) -> None:
    """Begin a round: whoever answers it has not taken anybody else for the leader before."""
    reads.begin_round(core)
    for peer in core.peers:
        _send_append(core, peer)


def _fill_window(core: Core, peer: NodeID) -> None:
    """Send a follower all it lacks, as far as its window has room."""
    progress, log = core.leadership.progress[peer], core.state.log
    while (
        progress.stream is Stream.REPLICATE
        and progress.next_index <= log.last_index
        and len(progress.in_flight) < core.config.max_in_flight
    ):
        _send_append(core, peer)


def _send_append(core: Core, peer: NodeID) -> None:
    """Send a follower what it lacks, as far as one message holds; maybe nothing (a heartbeat).

    With a full window it is always nothing: the answer will say whether anything was lost.

    It may leave before the entries are on this node's own disk: the leader counts itself only when
    they are (thesis, section 10.2.1).
    """
    core.out.action = "AppendEntries"
    state, progress = core.state, core.leadership.progress[peer]
    prev_log_index = Index(progress.next_index - 1)
    prev_log_term = state.log.term_at(prev_log_index)
    if prev_log_term is None or progress.stream is Stream.SNAPSHOT:
        # What the follower lacks is no longer in the log.
        snapshotting.send_chunk(core, peer)
        return
    config, log = core.config, state.log
    entries: tuple[LogEntry, ...] = ()
    if len(progress.in_flight) < config.max_in_flight:
        sizes = config.max_entries_per_append, config.max_bytes_per_append
        entries = log.batch(progress.next_index, *sizes)
    args = AppendEntriesArgs(
        term=state.current_term,
        leader_id=core.node_id,
        prev_log_index=prev_log_index,
        prev_log_term=prev_log_term,
        entries=entries,
        leader_commit=state.commit_index,
        cluster_time=core.cluster_time(core.now),
        round=core.leadership.round,
    )
    core.out.send_now(peer, args)
    if entries and progress.stream is Stream.REPLICATE:
        progress.next_index = Index(entries[-1].index + 1)
        progress.in_flight.append(entries[-1].index)
        core.note_progress(peer)


# The follower


def handle_append_entries(core: Core, sender: NodeID, args: AppendEntriesArgs) -> None:
    """AppendEntries, receiver: follow this term's leader, and answer once all is durable."""
    core.hear_term(args.term)
    core.out.action = "HandleAppendEntriesRequest"
    state = core.state
    answer = partial(
        AppendEntriesReply,
        state.current_term,
        request_term=args.term,
        prev_log_index=args.prev_log_index,
        round=args.round,
    )
    # Rule 1: a leader whose term is over only learns that it is.
    if core.rules.stale_append(args.term, state.current_term):
        core.out.send_after(sender, answer(success=False))
        return
    if state.role is NodeRole.LEADER:
        # Two leaders in one term: Election Safety is broken, and no answer could mend it.
        return
    # Candidates, rule 3: this term has a leader, so the election is over.
    if state.role is NodeRole.CANDIDATE:
        core.become(NodeRole.FOLLOWER)
    # Followers, rule 2: the leader was heard, whatever becomes of its entries.
    core.hear_leader(sender)
    core.out.send_after(sender, _take_entries(core, args, answer))
    core.hear_time(args.cluster_time, args.term)


def _take_entries(
    core: Core, args: AppendEntriesArgs, answer: partial[AppendEntriesReply]
) -> AppendEntriesReply:
    """AppendEntries, receiver, rules 2 to 5: take what fits, commit what the leader has."""
    rules, log = core.rules, core.state.log
    if args.prev_log_index < log.base.last_included_index:
        # It is committed and compacted: what is committed is the leader's.
        return answer(success=True, match_index=core.state.commit_index)
    # Rule 2: the entry before the new ones must be there, and be the leader's.
    term_here = log.term_at(args.prev_log_index)
    if term_here is None:
        return answer(success=False, conflict_index=Index(log.last_index + 1))
    if not rules.log_matches(term_here, args.prev_log_term):
        first = log.first_index_of(term_here)
        return answer(success=False, conflict_index=first, conflict_term=term_here)
    # Rule 3: drop what clashes with a new entry, and all behind it.
    conflict = rules.conflict_from(log, args.prev_log_index, args.entries)
    if conflict is not None:
        core.truncate(conflict)
    # Rule 4: append what is not there yet.
    last_index = log.last_index
    core.append(tuple(entry for entry in args.entries if entry.index > last_index))
    # Rule 5: commit what the leader has committed, as far as the logs are known to agree.
    match = rules.match_after_append(args.prev_log_index, len(args.entries), log)
    commitment.commit(core, rules.follower_commit(args.leader_commit, match))
    return answer(success=True, match_index=match)
