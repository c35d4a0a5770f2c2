"""Raft itself, as its driver sees it: events go in, effects come out, nothing else happens.

What each event leads to (Figure 2, "Rules for Servers") is in the section's own file: `election`,
`replication`, `commitment`, `check_quorum`, `reads`, `snapshotting`, `transfer`, `membership`.
"""

from __future__ import annotations

from raftlock.raft import (
    commitment,
    election,
    membership,
    reads,
    replication,
    snapshotting,
    transfer,
)
from raftlock.raft.config import RaftConfig
from raftlock.raft.core import Core
from raftlock.raft.effects import (
    ChangeMembers,
    Effects,
    Event,
    PeerLost,
    Persisted,
    Propose,
    Read,
    Receive,
    Recovered,
    SnapshotTaken,
    Transfer,
    Wake,
)
from raftlock.raft.log import RaftLog
from raftlock.raft.random64 import Random64
from raftlock.raft.rules import Rules
from raftlock.raft.state import Candidacy, Handover, Leadership, Receiving, Sending
from raftlock.types.events import Json, Note
from raftlock.types.ids import Index, Millis, NodeID, Term
from raftlock.types.log import Snapshot, SnapshotMetadata
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
from raftlock.types.status import PeerState, RaftStatus

__all__ = ["Raft"]

_RULES = Rules()


class Raft:
    """One node's consensus core. Pure: its clock is each event's `now`, its chance is `random`.

    `recovered` is what storage kept of this node (term, vote, snapshot, log): committed and
    applied start at the snapshot, and are learnt again from a leader. The caller next steps a
    `Wake`, to learn the first deadline, and from then on performs every `Effects` as the head of
    `effects.py` says.
    """

    __slots__ = ("_core",)

    def __init__(
        self,
        config: RaftConfig,
        recovered: Recovered,
        random: Random64,
        rules: Rules = _RULES,
        *,
        now: Millis,
    ) -> None:
        self._core = Core(config, recovered, random, rules, now)

    def step(self, event: Event) -> Effects:
        """Let one event happen. Perform the effects before the next step, or fold them in order."""
        core = self._core
        core.now = max(core.now, event.now)
        match event:
            case Receive():
                _receive(core, event.sender, event.message)
            case Wake():
                _wake(core)
            case Propose():
                replication.propose(core, event)
            case PeerLost():
                election.peer_lost(core, event.peer)
                replication.peer_lost(core, event.peer)
            case Read():
                if reads.take(core, event.read_id):
                    replication.ask_all(core)
            case Transfer():
                if transfer.begin(core, event):
                    replication.ask_all(core)
            case ChangeMembers():
                membership.change(core, event)
            case SnapshotTaken():
                snapshotting.keep(core, event)
            case _:
                _persisted(core, event)
        commitment.apply_committed(core)
        reads.answer_ready(core)
        membership.settle(core)
        snapshotting.ask_if_due(core)
        return core.take_effects()

    @property
    def unfinished(self) -> tuple[Note, ...]:
        """What a step told that an assertion cut short; empty between steps."""
        return self._core.out.notes

    def cluster_time(self, now: Millis) -> Millis:
        """Cluster time in ms: a leader's runs, anybody else's stands where it would run on."""
        return self._core.cluster_time(now)

    def status(self) -> RaftStatus:
        """How this node stands, for people to read."""
        state = self._core.state
        snapshot = state.snapshot.metadata if state.snapshot else SnapshotMetadata()
        return RaftStatus(
            id=self._core.node_id,
            role=state.role,
            term=state.current_term,
            leader_id=state.leader_id,
            last_log_index=state.log.last_index,
            last_log_term=state.log.last_term,
            commit_index=state.commit_index,
            last_applied=state.last_applied,
            snapshot_index=snapshot.last_included_index,
            snapshot_term=snapshot.last_included_term,
            replication=_replication(self._core),
            pre_vote=state.pre_vote is not None,
            configuration=self._core.configuration,
        )

    def dump(self) -> dict[str, Json]:
        """Everything, for a keyframe; the deadline as time left, commands as Latin-1 text."""
        core, state = self._core, self._core.state
        return {
            "current_term": state.current_term,
            "voted_for": state.voted_for,
            "log": [
                [
                    *(entry.term, entry.index, entry.command.decode("latin-1"), entry.stamp),
                    *_dump_members(entry.configuration),
                ]
                for entry in state.log.entries(state.log.first_index, state.log.last_index)
            ],
            "base": _dump_place(state.log.base),
            "configurations": [
                [index, *_dump_members(configuration)]
                for index, configuration in state.configurations
            ],
            "snapshot": _dump_snapshot(state.snapshot),
            "applied_bytes": state.applied_bytes,
            "receiving": _dump_receiving(state.receiving),
            "durable_index": state.durable_index,
            "commit_index": state.commit_index,
            "last_applied": state.last_applied,
            "role": state.role.word,
            "leader_id": state.leader_id,
            "time_left": state.deadline - core.now,
            "heard_time": state.heard_time,
            "heard_term": state.heard_term,
            "cluster_time": core.cluster_time(core.now),
            "proposals": {str(index): text for index, text in state.proposals.items()},
            "reading": _dump_reading(state.leadership),
            "candidacy": _dump_candidacy(state.candidacy),
            "pre_vote": _dump_candidacy(state.pre_vote),
            "leader_heard": state.leader_heard,
            "writing": [[write, since] for write, since in state.writing],
            "progress": _dump_progress(core),
            "writes": core.out.writes,
            "random": f"{core.random.state:016x}",
        }

    @property
    def role(self) -> NodeRole:
        """Follower, candidate or leader."""
        return self._core.state.role

    @property
    def current_term(self) -> Term:
        """The latest term this node has seen."""
        return self._core.state.current_term

    @property
    def voted_for(self) -> NodeID:
        """Whom this node voted for in that term; empty if nobody."""
        return self._core.state.voted_for

    @property
    def leader_id(self) -> NodeID:
        """Whom this node believes to lead that term; empty if it does not know."""
        return self._core.state.leader_id

    @property
    def commit_index(self) -> Index:
        """Up to where the log is known to be committed."""
        return self._core.state.commit_index

    @property
    def last_applied(self) -> Index:
        """Up to where entries have been handed out to be applied."""
        return self._core.state.last_applied

    @property
    def durable_index(self) -> Index:
        """Up to where the log is known to be on this node's own disk."""
        return self._core.state.durable_index

    @property
    def members(self) -> tuple[Index, Configuration]:
        """The latest configuration in the log, and the index that it holds from."""
        return self._core.state.configurations[-1]

    @property
    def log(self) -> RaftLog:
        """The log. Read only."""
        return self._core.state.log

    @property
    def deadline(self) -> Millis:
        """When this node will act unasked: `Effects.wake_at` of the last step."""
        return self._core.state.deadline


def _receive(core: Core, sender: NodeID, message: Message) -> None:
    """Give a message to its section. What nobody could have sent is dropped.

    A sender need not be a member as far as this node knows: it may be one by now (thesis 4.2.2).
    That it belongs to this cluster is for the transport to know.
    """
    if sender == core.node_id:
        return
    match message:
        case RequestVoteArgs(candidate_id=claimed) if claimed == sender:
            election.handle_request_vote(core, sender, message)
        case RequestVoteReply():
            election.handle_request_vote_reply(core, sender, message)
        case AppendEntriesArgs(leader_id=claimed) if claimed == sender and _is_gapless(message):
            replication.handle_append_entries(core, sender, message)
        case AppendEntriesReply():
            replication.handle_append_entries_reply(core, sender, message)
            _hand_over(core, sender)
        case InstallSnapshotArgs(leader_id=claimed) if claimed == sender:
            snapshotting.handle_install_snapshot(core, sender, message)
        case InstallSnapshotReply():
            replication.handle_install_snapshot_reply(core, sender, message)
            _hand_over(core, sender)
        case TimeoutNow(leader_id=claimed) if claimed == sender:
            transfer.handle_timeout_now(core, sender, message)
        case _:
            pass


def _hand_over(core: Core, sender: NodeID) -> None:
    leadership = core.state.leadership
    if leadership is not None and sender in leadership.progress:
        transfer.target_answered(core, sender)


def _is_gapless(args: AppendEntriesArgs) -> bool:
    following = args.prev_log_index + 1
    return all(entry.index == following + place for place, entry in enumerate(args.entries))


def _wake(core: Core) -> None:
    if core.now < core.state.deadline:
        return
    if core.state.role is NodeRole.LEADER:
        replication.heartbeat_due(core)
        if core.state.leadership is not None:
            transfer.give_up_if_late(core)
    else:
        election.election_timeout(core)


def _persisted(core: Core, event: Persisted) -> None:
    commitment.log_durable(core, event.write, event.last_index, event.last_term)
    election.own_vote_durable(core, event.write)


def _replication(core: Core) -> dict[NodeID, PeerState]:
    """A follower is active if it answered within the longest election timeout."""
    leadership, last_index = core.state.leadership, core.state.log.last_index
    if leadership is None:
        return {}
    since = core.now - core.config.election_timeout_ms_max
    return {
        peer: PeerState(
            next_index=progress.next_index,
            match_index=progress.match_index,
            is_active=progress.last_active is not None and progress.last_active >= since,
            last_active=progress.last_active,
            snapshot_in_progress=progress.sending is not None,
            replication_lag=Index(last_index - progress.match_index),
        )
        for peer, progress in leadership.progress.items()
    }


def _dump_candidacy(candidacy: Candidacy | None) -> Json:
    if candidacy is None:
        return None
    return {
        "own_vote_write": candidacy.own_vote_write,
        "granted": list(candidacy.granted),
        "refused": list(candidacy.refused),
    }


def _dump_reading(leadership: Leadership | None) -> Json:
    if leadership is None:
        return None
    return {
        "round": leadership.round,
        "confirmed": leadership.confirmed,
        "round_began": {str(number): began for number, began in leadership.round_began.items()},
        "handover": _dump_handover(leadership.handover),
        "has_told": leadership.has_told,
        "waiting": [[read.read_id, read.index, read.round] for read in leadership.reads],
    }


def _dump_handover(handover: Handover | None) -> Json:
    if handover is None:
        return None
    return [handover.target, handover.since, handover.proposal_id, handover.told]


def _dump_members(configuration: Configuration | None) -> list[Json]:
    """The members as one more item of a list, or nothing."""
    if configuration is None:
        return []
    parts = (configuration.voters, configuration.learners, configuration.outgoing)
    return [[list(part) for part in parts]]


def _dump_place(place: SnapshotMetadata) -> Json:
    return [place.last_included_index, place.last_included_term, place.last_included_stamp]


def _dump_snapshot(snapshot: Snapshot | None) -> Json:
    if snapshot is None:
        return None
    data = snapshot.data.decode("latin-1")
    return [_dump_place(snapshot.metadata), data, *_dump_members(snapshot.configuration)]


def _dump_sending(sending: Sending | None) -> Json:
    if sending is None:
        return None
    return [_dump_snapshot(sending.snapshot), sending.offset]


def _dump_receiving(receiving: Receiving | None) -> Json:
    if receiving is None:
        return None
    return [_dump_place(receiving.metadata), receiving.data.decode("latin-1")]


def _dump_progress(core: Core) -> Json:
    leadership = core.state.leadership
    if leadership is None:
        return None
    return {
        peer: {
            "next_index": progress.next_index,
            "match_index": progress.match_index,
            "stream": progress.stream.value,
            "in_flight": list(progress.in_flight),
            "round": progress.round,
            "sending": _dump_sending(progress.sending),
            "last_active": progress.last_active,
        }
        for peer, progress in leadership.progress.items()
    }
