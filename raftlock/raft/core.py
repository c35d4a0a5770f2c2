"""What all sections share: the node's state (Figure 2), and the few ways in which it may change.

The sections (election, replication, commitment) are functions over a `Core`. They read `state` as
they like, and change term, vote, role, leader, log and timers by the methods here alone, so that
no change misses its write or its line in the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from raftlock.errors import ErrorCode
from raftlock.raft.config import RaftConfig
from raftlock.raft.effects import Effects, Recovered, Resolution
from raftlock.raft.log import RaftLog
from raftlock.raft.outbox import Outbox
from raftlock.raft.random64 import Random64
from raftlock.raft.rules import Rules
from raftlock.raft.state import Candidacy, Leadership, Progress, State
from raftlock.types.events import Json
from raftlock.types.ids import Index, Millis, NodeID, ProposalID, Term
from raftlock.types.log import LogEntry, PersistentState, Snapshot, SnapshotMetadata
from raftlock.types.membership import Configuration
from raftlock.types.roles import NodeRole

__all__ = ["Core"]

_END = 1 << 62  # behind every index


def _configurations(entries: Iterable[LogEntry]) -> list[tuple[Index, Configuration]]:
    return [
        (entry.index, entry.configuration) for entry in entries if entry.configuration is not None
    ]


class Core:
    """One node's state with all that acts on it. `now` is the present step's time."""

    __slots__ = ("_saved", "config", "now", "out", "random", "rules", "state")

    def __init__(
        self,
        config: RaftConfig,
        recovered: Recovered,
        random: Random64,
        rules: Rules,
        now: Millis,
    ) -> None:
        self.config = config
        self.rules = rules
        self.random = random
        self.now = now
        self.out = Outbox()
        self._saved = recovered.state
        log = RaftLog(recovered.entries, recovered.base)
        snapshot = recovered.snapshot
        applied = snapshot.metadata.last_included_index if snapshot else Index(0)
        assert log.base.last_included_index <= applied <= log.last_index, "the log has no hole"
        before = Configuration(config.voters, config.learners)
        if snapshot is not None and snapshot.configuration is not None:
            before = snapshot.configuration
        self.state = State(
            configurations=[(applied, before), *_configurations(log.entries(applied + 1, _END))],
            current_term=recovered.state.current_term,
            voted_for=recovered.state.voted_for,
            log=log,
            durable_index=log.last_index,
            snapshot=snapshot,
            commit_index=applied,
            last_applied=applied,
        )
        first_timeout = config.first_timeout_ms
        if config.lease_reads and recovered.state.current_term > 0:
            # It may have heard a leader just before it stopped, who counts on it now: it votes for
            # nobody else for a while, and not for itself either.
            self.state.leader_heard = now
            first_timeout = None
        # Followers, rule 2: a node begins as a follower, and waits for a leader to be heard.
        self.out.action = "Restart"
        self.reset_election_timer(first_timeout)

    @property
    def node_id(self) -> NodeID:
        """This node."""
        return self.config.node_id

    @property
    def patience(self) -> Millis:
        """How long a leader may be without a majority, or without its disk: an election timeout.

        It is the longest there is: by then, others may lead.
        """
        return Millis(self.config.election_timeout_ms_max)

    @property
    def configuration(self) -> Configuration:
        """The members: a node goes by the latest configuration in its log, committed or not."""
        return self.state.configurations[-1][1]

    @property
    def peers(self) -> tuple[NodeID, ...]:
        """The members but this node itself."""
        return tuple(member for member in self.configuration.members if member != self.node_id)

    @property
    def quorum(self) -> int:
        """How many voters decide."""
        return self.rules.quorum(len(self.configuration.voters))

    def reached(self, value: Callable[[Progress], int], own: int) -> int:
        """What a majority has reached, of a value that the leader knows of each follower."""
        values = {peer: value(known) for peer, known in self.leadership.progress.items()}
        return self.rules.reached(self.configuration, values | {self.node_id: own})

    @property
    def candidacy(self) -> Candidacy:
        """The election that this candidate stands in."""
        assert self.state.candidacy is not None, "only a candidate has one"
        return self.state.candidacy

    @property
    def leadership(self) -> Leadership:
        """What this leader knows."""
        assert self.state.leadership is not None, "only a leader has one"
        return self.state.leadership

    # Term, vote and role (sections 5.1 and 5.2)

    def hear_term(self, message_term: Term) -> None:
        """All servers, rule 2: on a newer term in any message, go over to it and be a follower."""
        state, rules = self.state, self.rules
        if not rules.adopts_term(message_term, state.current_term):
            return
        self.out.action = "UpdateTerm"
        if state.role is not NodeRole.FOLLOWER and rules.steps_down_on_higher_term(state.role):
            led = state.role is NodeRole.LEADER
            self.follow(NodeID(""))
            self.become(NodeRole.FOLLOWER)
            if led:
                # A candidate's election timeout runs on; a leader had none.
                self.reset_election_timer()
        self.enter_term(message_term)

    def enter_term(self, term: Term) -> None:
        """Go over to a newer term: no vote given in it yet, no leader known."""
        assert term > self.state.current_term, "a term only grows"
        self.state.current_term = term
        self.state.voted_for = self.rules.vote_in_new_term(self.state.voted_for)
        self.state.pre_vote = None
        self.out.note("term", {"term": term})
        self.follow(NodeID(""))

    def vote_for(self, candidate_id: NodeID) -> None:
        """Give this term's vote. The step that calls this sends its answer after the write."""
        if self.state.voted_for != candidate_id:
            self.state.voted_for = candidate_id
            self.out.note("vote", {"for": candidate_id})

    def hear_leader(self, leader_id: NodeID) -> None:
        """Followers, rule 2: this term's leader was heard, so wait for it anew."""
        self.state.pre_vote = None
        self.state.leader_heard = self.now
        self.follow(leader_id)
        self.reset_election_timer()

    def step_down(self) -> None:
        """Lead no more, though nobody else is known to; the term stays."""
        self.follow(NodeID(""))
        self.become(NodeRole.FOLLOWER)
        self.reset_election_timer()

    def not_leader(self, proposal_id: ProposalID) -> Resolution:
        """The answer to who asks a node that does not lead: the leader's name, if it is known."""
        leader_id = self.state.leader_id
        code, message = ErrorCode.NO_LEADER, f"{self.node_id} knows of no leader: ask again."
        if leader_id:
            code, message = ErrorCode.NOT_LEADER, f"{self.node_id} does not lead: ask {leader_id}."
        return Resolution(
            proposal_id, accepted=False, leader_id=leader_id, code=code, message=message
        )

    def follow(self, leader_id: NodeID) -> None:
        """Believe that `leader_id` leads this term; empty if that is not known."""
        if self.state.leader_id != leader_id:
            self.state.leader_id = leader_id
            self.out.note("leader", {"leader": leader_id})

    def become(self, role: NodeRole) -> None:
        """Take a role. The only place where it changes: Figure 4 must have an arrow for it.

        What belonged to the old role alone is forgotten; but a leader's clock is remembered, as if
        heard from another. The caller sets the timer.
        """
        state = self.state
        assert state.role.can_transition_to(role), (state.role, role)
        if state.role is NodeRole.LEADER:
            state.heard_time, state.heard_term = self.cluster_time(self.now), state.current_term
            for read in self.leadership.reads:
                self.out.answer_read(self.not_leader(read.read_id))
            handover = self.leadership.handover
            if handover is not None and not handover.told:
                self.out.resolve(self.not_leader(handover.proposal_id))
        data: dict[str, Json] = {"from": state.role.word, "to": role.word}
        state.role = role
        state.candidacy = state.leadership = state.pre_vote = None
        if role is NodeRole.CANDIDATE:
            state.candidacy = Candidacy()
        if role is NodeRole.LEADER:
            base = self.rules.time_base(state.log, state.heard_time, state.heard_term)
            following = Index(state.log.last_index + 1)
            progress = {peer: Progress(following) for peer in self.peers}
            uncommitted = state.log.entries(state.commit_index + 1, state.log.last_index)
            state.leadership = Leadership(
                progress,
                elected_at=self.now,
                time_base=base,
                first_index=following,
                uncommitted_bytes=sum(len(entry.command) for entry in uncommitted),
            )
            data["cluster_time"] = base
        self.out.note("role", data | {"leader": state.leader_id})

    # Timers (section 5.2)

    def reset_election_timer(self, timeout_range: tuple[int, int] | None = None) -> None:
        """Wait a whole election timeout from now on, drawn anew."""
        low, high = timeout_range or self.config.timeout_range
        self._set_timer("election", self.random.between(low, high))

    def hurry_election_timer(self) -> None:
        """Wait no longer than a heartbeat interval, drawn so that not all stand at once."""
        soon = self.random.between(0, self.config.heartbeat_ms)
        if self.now + soon < self.state.deadline:
            self._set_timer("election", soon)

    def reset_heartbeat_timer(self) -> None:
        """Send heartbeats again after the heartbeat interval."""
        self._set_timer("heartbeat", self.config.heartbeat_ms)

    def _set_timer(self, timer: str, duration: int) -> None:
        self.state.deadline = Millis(self.now + duration)
        micros: dict[str, Json] = {
            "deadline": self.state.deadline * 1000,
            "duration": duration * 1000,
        }
        self.out.note("timer_set", {"timer": timer} | micros)

    # Log (section 5.3)

    def append(self, entries: tuple[LogEntry, ...]) -> None:
        """Put entries at the end of the log, in memory now and on disk with this step's write."""
        if entries:
            self.state.log.append(entries)
            self.out.append(entries)
            self.out.note("append", {}, entries)
            for found in _configurations(entries):
                self.state.configurations.append(found)
                self._configured()

    def truncate(self, first: Index) -> None:
        """Drop the entry at `first` and all behind it; proposals among them are overtaken."""
        state = self.state
        self.out.note("truncate", {"from": first, "to": state.log.last_index})
        assert first > state.commit_index, f"entry {first} is committed: it must never be dropped"
        state.log.truncate(first)
        while state.configurations[-1][0] >= first:
            state.configurations.pop()
            if state.configurations[-1][0] < first:
                self._configured()
        state.durable_index = min(state.durable_index, Index(first - 1))
        self.out.truncate(first)
        for index in [index for index in state.proposals if index >= first]:
            self.out.resolve(
                Resolution(
                    state.proposals.pop(index),
                    accepted=False,
                    index=index,
                    leader_id=state.leader_id,
                    code=ErrorCode.REPLICATION_FAILURE,
                    message="A new leader overwrote the proposal on this node: ask again with"
                    " the same request id.",
                )
            )

    def _configured(self) -> None:
        """Another configuration holds: tell it, and follow it as a leader."""
        index, configuration = self.state.configurations[-1]
        data: dict[str, Json] = {
            "index": index,
            "voters": list(configuration.voters),
            "learners": list(configuration.learners),
            "outgoing": list(configuration.outgoing),
        }
        self.out.note("config", data)
        leadership = self.state.leadership
        if leadership is not None:
            # Who is new has had no time to be silent.
            following = Index(self.state.log.last_index + 1)
            leadership.progress = {
                peer: leadership.progress.get(peer) or Progress(following, last_active=self.now)
                for peer in self.peers
            }

    @property
    def may_stand(self) -> bool:
        """Whether this node may stand for election, by the configurations that may yet hold."""
        known, commit_index = self.state.configurations, self.state.commit_index
        later = [configuration for index, configuration in known if index > commit_index]
        return self.rules.may_stand([self.configuration_at(commit_index), *later], self.node_id)

    def configuration_at(self, index: Index) -> Configuration:
        """The members as of an entry that is in the log, or that the snapshot ends with."""
        known = [found for at, found in self.state.configurations if at <= index]
        return known[-1]

    def compact(self, snapshot: Snapshot, base: SnapshotMetadata) -> None:
        """Keep a snapshot instead of the log up to `base`, on disk with this step's write.

        What the log says of members behind the snapshot still holds.
        """
        state, upto = self.state, snapshot.metadata.last_included_index
        if snapshot.configuration is not None:
            later = [found for found in state.configurations if found[0] > upto]
            before, state.configurations = (
                self.configuration,
                [(upto, snapshot.configuration), *later],
            )
            if self.configuration != before:
                self._configured()
        assert base.last_included_index <= snapshot.metadata.last_included_index
        state.snapshot, state.applied_bytes = snapshot, 0
        state.log.compact(base)
        self.out.compact(snapshot, base)
        self.out.note("compact", {"to": base.last_included_index})

    def note_progress(self, peer: NodeID) -> None:
        """Tell how far a follower is."""
        progress = self.leadership.progress[peer]
        data: dict[str, Json] = {"next": progress.next_index, "match": progress.match_index}
        self.out.note("progress", {"peer": peer, "stream": progress.stream.value} | data)

    # Cluster time (DESIGN: no lock depends on a wall clock)

    def cluster_time(self, now: Millis) -> Millis:
        """A leader's running clock; on others the time from which theirs would run on."""
        state, leadership = self.state, self.state.leadership
        if leadership is None:
            return self.rules.time_base(state.log, state.heard_time, state.heard_term)
        return Millis(leadership.time_base + max(now - leadership.elected_at, 0))

    def hear_time(self, time: Millis, term: Term) -> None:
        """Note the time that this term's leader tells, once the log is that leader's.

        What another leader told before is forgotten then (`Rules.time_base` says why).
        """
        state = self.state
        if state.log.last_term != term:
            return
        state.heard_time = max(time, state.heard_time) if term == state.heard_term else time
        state.heard_term = term

    # The end of a step

    def take_effects(self) -> Effects:
        """Hand out what this step asks for, with term and vote if they changed."""
        effects = self._take_effects()
        if effects.persist is not None:
            self.state.writing.append((effects.persist.write, self.now))
        return effects

    def _take_effects(self) -> Effects:
        state, saved = self.state, self._saved
        if (state.current_term, state.voted_for) == (saved.current_term, saved.voted_for):
            return self.out.take(None, state.deadline)
        self._saved = PersistentState(state.current_term, state.voted_for)
        # What reaches the disk is a rule too, so that a node can be made to forget.
        kept = PersistentState(
            self.rules.persist_term(state.current_term), self.rules.persist_vote(state.voted_for)
        )
        return self.out.take(kept, state.deadline)
