"""Every safety rule of Raft, each one method: what the core asks before it acts.

The core holds no switch. To see what a rule is for, write a subclass that overrides it, give a
laboratory cluster ``rules=Mine()``, and watch what breaks; the docstrings name the property that
should go. Sections are those of the paper "In Search of an Understandable Consensus Algorithm
(Extended Version)", Ongaro and Ousterhout, 2014; the properties are its Figure 3's:

- Election Safety: at most one leader in a term.
- Leader Append-Only: a leader never overwrites or drops entries of its own log.
- Log Matching: if two logs have an entry of the same index and term, they agree up to it.
- Leader Completeness: a committed entry is in the log of every later leader.
- State Machine Safety: no two nodes apply different entries at one index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from raftlock.raft.log import RaftLog
from raftlock.types.ids import Index, Millis, NodeID, Term
from raftlock.types.log import LogEntry
from raftlock.types.membership import Configuration
from raftlock.types.roles import NodeRole

__all__ = ["LogPosition", "Rules"]

LogPosition = tuple[Term, Index]
"""Where a log ends: its last entry's term, then its index."""


class Rules:
    """Raft as it is right. Methods are pure: they decide, and the core acts."""

    __slots__ = ()

    # Terms (section 5.1)

    def adopts_term(self, message_term: Term, current_term: Term) -> bool:
        """Figure 2, all servers: whoever hears of a newer term goes over to it.

        Protects Election Safety: a node that stayed behind would go on voting and leading in a term
        that is over.
        """
        return message_term > current_term

    def steps_down_on_higher_term(self, role: NodeRole) -> bool:
        """Figure 2, all servers: a leader or candidate that hears of a newer term is a follower.

        Protects Election Safety and Log Matching: nobody elected it in the new term, so the entries
        it would create there could clash with those of the leader who was.
        """
        return True

    # Voting (sections 5.2 and 5.4.1)

    def stale_vote_request(self, request_term: Term, current_term: Term) -> bool:
        """RequestVote, rule 1: no vote in a term that is over.

        Protects Election Safety (Figure 2).
        """
        return request_term < current_term

    def may_vote(self, voted_for: NodeID, candidate_id: NodeID) -> bool:
        """RequestVote, rule 2: one vote in a term; the same candidate may hear it again.

        Protects Election Safety (Figure 2): two majorities share a node, and that node voted once.
        """
        return voted_for in {"", candidate_id}

    def up_to_date(self, candidate: LogPosition, voter: LogPosition) -> bool:
        """RequestVote, rule 2: vote only for a log at least as up to date as one's own.

        The later last term is more up to date; if they are equal, the longer log (end of section
        5.4.1). Protects Leader Completeness: every majority has a node with the committed entries,
        and that node votes for nobody who lacks them.
        """
        return candidate >= voter

    def vote_in_new_term(self, voted_for: NodeID) -> NodeID:
        """The vote with which a node enters a newer term: none yet.

        Protects progress (section 5.2): nodes whose votes are all given away can elect nobody.
        """
        return NodeID("")

    def persist_term(self, current_term: Term) -> Term:
        """What goes to disk as the term (Figure 2, persistent state): the term.

        Protects Election Safety: a node that forgot a term would vote in it again.
        """
        return current_term

    def persist_vote(self, voted_for: NodeID) -> NodeID:
        """What goes to disk as the vote (Figure 2, persistent state): the vote.

        Protects Election Safety: a node that forgot its vote would give it a second time.
        """
        return voted_for

    # Disturbing nobody (thesis sections 4.2.3 and 9.6)

    def withholds_vote(self, since_heard: Millis, patience: int) -> bool:
        """Thesis 4.2.3: who has just heard a leader helps nobody to depose it.

        `patience` is the shortest election timeout: nobody who hears that leader stands before.
        Protects progress, from nodes that were removed or cut off; and what a leader reads under
        its lease, for nobody else can have been elected meanwhile (thesis 6.4.1).
        """
        return since_heard < patience

    def pre_vote_reply_counts(self, request_term: Term, current_term: Term) -> bool:
        """Only answers about the term after this one say whether an election would be won.

        Protects progress (thesis 9.6): a late answer would start an election that nobody asked for.
        """
        return request_term == current_term + 1

    # Leading no longer than one can (thesis section 6.2)

    def lost_majority(self, since_heard: Millis, patience: int) -> bool:
        """Thesis 6.2: a leader that hears no majority for an election timeout steps down.

        Protects progress: clients would wait for it, who can commit nothing, for ever.
        """
        return since_heard > patience

    def disk_is_stuck(self, since_handed_out: Millis, patience: int) -> bool:
        """A leader whose own disk has not answered for an election timeout steps down.

        Protects progress (as thesis 6.2): its heartbeats would keep a node in office that can store
        nothing.
        """
        return since_handed_out > patience

    # Counting votes (section 5.2)

    def vote_reply_counts(self, request_term: Term, current_term: Term) -> bool:
        """Only answers to this election's question are its votes.

        Protects Election Safety (section 5.2).
        """
        return request_term == current_term

    def with_vote(self, votes: tuple[NodeID, ...], voter: NodeID) -> tuple[NodeID, ...]:
        """The votes, with this one: a set of voters, not a count of messages.

        Protects Election Safety (section 5.2): a network may deliver one vote twice.
        """
        return votes if voter in votes else (*votes, voter)

    def quorum(self, voters: int) -> int:
        """How many of `voters` decide: a majority, so that any two decisions share a node.

        Protects everything (section 5.2 for elections, 5.3 for commitment).
        """
        return voters // 2 + 1

    def decides(self, configuration: Configuration, votes: Sequence[NodeID]) -> bool:
        """Whether these are enough: a majority of the voters and, while they change, of both sets.

        Votes of others do not count. Protects everything (section 6): old and new majorities that
        decided for themselves need not share a node.
        """
        return all(
            sum(vote in half for vote in votes) >= self.quorum(len(half))
            for half in configuration.halves
        )

    def reached(self, configuration: Configuration, values: Mapping[NodeID, int]) -> int:
        """The highest value that enough nodes have reached; who is not in `values` is at 0.

        Protects Leader Completeness (sections 5.3 and 6), as `decides` does.
        """
        highest = []
        for half in configuration.halves:
            ordered = sorted((values.get(voter, 0) for voter in half), reverse=True)
            highest.append(ordered[self.quorum(len(half)) - 1])
        return min(highest)

    # Members (section 6, thesis chapter 4)

    def may_stand(self, configurations: Sequence[Configuration], node_id: NodeID) -> bool:
        """Only who has a vote stands for election, or had one before what is not committed yet.

        Protects progress (section 6): learners and removed nodes would depose leaders and win
        nothing; but who goes may be the only one left with the entry that says so, and is needed
        until that is committed (thesis 4.2.2).
        """
        return any(node_id in configuration.voting for configuration in configurations)

    def may_change_members(self, unsettled_index: Index, commit_index: Index) -> bool:
        """One change after the other: the last one, and a first entry of this leader, is committed.

        Protects Election Safety and Leader Completeness (section 6): two changes at once could
        leave majorities that share no node.
        """
        return unsettled_index <= commit_index

    def configuration_holds(self, index: Index, commit_index: Index) -> bool:
        """A joint configuration is left, and an office given up, only once that is committed.

        Protects Election Safety (section 6): until then, nodes may go by the configuration before
        it.
        """
        return index <= commit_index

    # Taking entries (section 5.3)

    def stale_append(self, request_term: Term, current_term: Term) -> bool:
        """AppendEntries, rule 1: a leader whose term is over is not followed.

        Protects Leader Completeness (Figure 2): its entries would overwrite those of its successor.
        """
        return request_term < current_term

    def log_matches(self, term_here: Term, prev_log_term: Term) -> bool:
        """AppendEntries, rule 2: the entry before the new ones must be the leader's.

        Protects Log Matching (Figure 2), by induction: logs that agree before an entry agree behind
        it.
        """
        return term_here == prev_log_term

    def conflict_from(
        self, log: RaftLog, prev_log_index: Index, entries: Sequence[LogEntry]
    ) -> Index | None:
        """Figure 2, AppendEntries, rule 3: drop the first entry that clashes, and all behind it.

        A clash is another term at the index of a new entry; ``None`` if there is none. What agrees
        stays, also behind the new entries: a message may be old and short, and what stands behind
        it may have been acknowledged. Dropping too little breaks State Machine Safety, dropping too
        much breaks Leader Completeness.
        """
        for entry in entries:
            if entry.index <= log.last_index and log.term_at(entry.index) != entry.term:
                return entry.index
        return None

    def match_after_append(self, prev_log_index: Index, new_entries: int, log: RaftLog) -> Index:
        """The last index that a follower may call equal to the leader's: the last one it compared.

        Protects Leader Completeness (section 5.3): entries behind it may be some other leader's.
        """
        return Index(prev_log_index + new_entries)

    def follower_commit(self, leader_commit: Index, last_new_index: Index) -> Index:
        """AppendEntries, rule 5: commit no further than the last entry compared.

        Protects State Machine Safety (Figure 2): entries behind it may be some other leader's.
        """
        return min(leader_commit, last_new_index)

    # Following up the answers (section 5.3)

    def append_reply_counts(self, request_term: Term, current_term: Term) -> bool:
        """Only answers to messages of this term say how far a follower is.

        Protects Leader Completeness (section 5.3): what it had in an earlier term it may have
        dropped since.
        """
        return request_term == current_term

    def match_after_ack(self, match_index: Index, acknowledged: Index) -> Index:
        """A follower's match index never goes back within a term: late answers say less, not more.

        Protects progress (section 5.3): what was counted once need not be sent again.
        """
        return max(match_index, acknowledged)

    def next_after_rejection(
        self, match_index: Index, rejected_prev: Index, hint: Index
    ) -> Index | None:
        """Where to try next after a refusal; ``None`` if it is a late one and says nothing.

        A follower that has `match_index` would not now refuse that place or one before it. Protects
        progress (section 5.3): every true refusal brings the next try nearer to where the logs
        agree.
        """
        if rejected_prev <= match_index:
            return None
        return max(Index(match_index + 1), min(hint, rejected_prev))

    # Committing (sections 5.3 and 5.4.2)

    def counts_for_commit(self, entry_term: Term, current_term: Term) -> bool:
        """Figure 2, leaders, rule 4: only entries of its own term are committed by counting.

        Earlier ones are committed along with them. Protects Leader Completeness: an entry of an
        earlier term may be on a majority and yet be overwritten (Figure 8).
        """
        return entry_term == current_term

    def applies_up_to(self, commit_index: Index, last_index: Index) -> Index:
        """Figure 2, all servers, rule 1: what is committed is applied, and nothing else.

        Protects State Machine Safety: an entry that is not committed may be replaced.
        """
        return commit_index

    # Reading (section 8, thesis 6.4)

    def read_index(self, commit_index: Index, first_index: Index) -> Index:
        """Thesis 6.4, steps 1 and 2: what must be applied before a read is answered.

        All that is committed; and the leader's own first entry, since before that is committed it
        does not know what else is. Protects linearizability: a read must see every answer that was
        given before it was asked.
        """
        return max(commit_index, first_index)

    def read_is_confirmed(self, read_round: int, confirmed_round: int) -> bool:
        """Thesis 6.4, step 3: a majority must have answered a round that began after the read.

        Protects linearizability: a leader that was cut off would answer with what was true before
        its successor's entries.
        """
        return read_round <= confirmed_round

    def lease_holds(self, since_round_began: Millis, patience: int) -> bool:
        """Thesis 6.4.1: while nobody of a majority may vote for another, there is no other leader.

        `patience` is the shortest election timeout; clocks may differ by one part in a hundred
        either way. Protects linearizability.
        """
        return since_round_began < patience * 98 // 100

    # Handing over (thesis 3.10)

    def may_take_over(self, match_index: Index, last_index: Index) -> bool:
        """Thesis 3.10, step 2: the target stands only once it has the leader's whole log.

        Protects progress: others would not vote for it, and nobody would lead meanwhile.
        """
        return match_index == last_index

    # Snapshots (section 7)

    def installs(self, last_included_index: Index, commit_index: Index) -> bool:
        """A snapshot is installed only by who lacks some of what it stands for.

        Protects State Machine Safety (Figure 13): an older one would undo what was applied since.
        """
        return last_included_index > commit_index

    def keeps_suffix(self, term_here: Term | None, last_included_term: Term) -> bool:
        """InstallSnapshot, rule 6: what is behind the snapshot stays only if the logs agree there.

        Protects Log Matching (Figure 13): entries behind another leader's entry are that leader's.
        """
        return term_here == last_included_term

    def chunk_fits(self, checksum_here: int, checksum: int) -> bool:
        """A chunk is put behind those before it only if all of them together are what was sent.

        Protects State Machine Safety (Figure 13): half of one snapshot and half of another are
        none.
        """
        return checksum_here == checksum

    def compacts_up_to(self, snapshot_index: Index, tail: int) -> Index:
        """Only what a snapshot stands for leaves the log, and of that a tail is kept.

        Protects Leader Completeness (section 7): entries behind the snapshot are nowhere else.
        """
        return Index(max(snapshot_index - tail, 0))

    # Cluster time (not in the paper; after LogCabin's cluster clock)

    def time_base(self, log: RaftLog, heard_time: Millis, heard_term: Term) -> Millis:
        """The time from which a new leader's clock runs on: the latest that its log's history saw.

        That is its last entry's stamp, or what it has heard since from the leader of that entry's
        term. The time of another leader does not count, even if it is later: a leader that was cut
        off has a clock that kept running while the others elected a new one and theirs stood still,
        and to go over to it would be a leap. Protects the TTL: between two entries of a log no more
        cluster time passes than real time, so no lock expires early.
        """
        return max(log.last_stamp, heard_time) if heard_term == log.last_term else log.last_stamp

    def stamp(self, last_stamp: Millis, cluster_time: Millis) -> Millis:
        """An entry's stamp: the leader's time, and never less than the stamp before it.

        Protects the TTL: where stamps go back, a hold lasts longer than it was granted.
        """
        return max(last_stamp, cluster_time)
