"""What Raft promises, checked after every event: the paper's Figure 3, and what belongs to it.

Incremental: an event costs what it changes. The properties, by the names that violations carry:

- Election Safety: one leader a term, with the votes of a majority that left their nodes;
- Leader Append-Only; Log Matching; Leader Completeness;
- State Machine Safety: all apply the same, in order, and a snapshot stands for just that;
- commit rule: what is committed is on the disks of a majority, of each half while voters change;
- membership: two sets of voters that follow each other cannot decide without one another;
- monotone: terms, commit indexes and stamps never go back, nor does what a leader knows that its
  followers have;
- durability: nobody drops what was committed, by then, in the term that it is in, or before;
- cluster time: between two entries no more of it passes than real time.

Snapshots take nothing out of the claims: what a log has dropped is known from what was committed.
Not visible in a trace, and so not claimed: messages in flight, and the bytes of what is uncommitted
(`RaftConfig` bounds both).
"""

from __future__ import annotations

from collections.abc import Callable

from raftlock.check.clocks import Clocks
from raftlock.check.cluster import ClusterModel
from raftlock.check.disks import DiskChecker
from raftlock.check.logs import Entry, NodeModel, entries_of
from raftlock.check.members import members_of
from raftlock.check.violation import Findings
from raftlock.trace.fields import number, rows, text
from raftlock.types.events import TraceEvent

__all__ = ["RaftChecker"]

_CHANGES = frozenset({"ChangeMembers", "LeaveJoint"})
"""The rules by which a leader begins a change of members, and ends it."""


class RaftChecker:
    """Its `handlers` look at one event of their kind each; the node is where it happened."""

    def __init__(
        self, cluster: ClusterModel, disks: DiskChecker, clocks: Clocks, findings: Findings
    ) -> None:
        self._cluster, self._disks, self._clocks = cluster, disks, clocks
        self._findings = findings
        self._say = findings.say
        self._leaders: dict[int, str] = {}
        # By index and term: the term before, the entry, and when it was made.
        self._known: dict[tuple[int, int], tuple[int, Entry, int]] = {}
        self._digests: dict[int, tuple[str, str]] = {}
        # By leader and follower: the leader's term, and how far it then knew the follower to be.
        self._matches: dict[tuple[str, str], tuple[int, int]] = {}
        self.handlers: dict[str, Callable[[NodeModel, TraceEvent], None]] = {
            "role": self._role,
            "term": self._term,
            "append": self._append,
            "truncate": self._truncate,
            "progress": self._progress,
            "config": self._config,
            "commit": self._commit,
            "apply": self._apply,
            "snapshot": self._snapshot,
            "install": self._install,
            "restore": self._restore,
            "compact": self._compact,
        }

    def forget(self, upto: int) -> None:
        """Nobody will have, or apply, an entry before `upto` any more."""
        self._known = {key: known for key, known in self._known.items() if key[0] >= upto}
        self._digests = {index: each for index, each in self._digests.items() if index >= upto}

    # ---- term and role ----

    def _term(self, node: NodeModel, event: TraceEvent) -> None:
        if event.rule == "Restart":
            node.recover(event)
            return
        term = number(event.data, "term")
        if term < node.term:
            sentence = f"{node.name} went back from term {node.term} to {term}."
            self._say("monotone", sentence, terms=(node.term, term), nodes=(node.name,))
        node.term = term

    def _role(self, node: NodeModel, event: TraceEvent) -> None:
        node.role = text(event.data, "to")
        if node.role != "leader":
            return
        term = event.term or node.term
        first = self._leaders.setdefault(term, node.name)
        if first != node.name:
            sentence = f"{first} and {node.name} were both elected in term {term}."
            self._say("Election Safety", sentence, terms=(term,), nodes=(first, node.name))
        self._disks.votes_for(node, term, node.name)
        self._has_votes(node, term)
        self._leader_completeness(node, term)

    def _has_votes(self, node: NodeModel, term: int) -> None:
        votes, members = self._cluster.votes, node.members
        granted = [name for name in members.voting if votes.get((name, term)) == node.name]
        if not members.decide(granted):
            sentence = (
                f"{node.name} leads term {term} with the votes of {', '.join(granted) or 'nobody'}:"
                f" no majority of {members}."
            )
            self._say("Election Safety", sentence, terms=(term,), nodes=(node.name,))

    def _leader_completeness(self, node: NodeModel, term: int) -> None:
        """Every entry committed in an earlier term must be in the log of a new leader."""
        committed_in = self._cluster.committed_in
        count = len(committed_in)
        while count and committed_in[count - 1] >= term:
            count -= 1
        index = self._cluster.first_difference(node, count)
        if index:
            sentence = (
                f"{node.name} leads term {term} without entry {index}, which was committed in term "
                f"{committed_in[index - 1]}."
            )
            terms = (committed_in[index - 1], term)
            self._say("Leader Completeness", sentence, index=index, terms=terms, nodes=(node.name,))

    # ---- the log ----

    def _append(self, node: NodeModel, event: TraceEvent) -> None:
        if event.rule == "Restart":
            node.recover(event)
            return
        listed = rows(event.data, "entries")
        previous, index = self._cluster.entry_before(node), node.log.last
        taken: list[Entry] = []
        for row, entry in zip(listed, entries_of(event), strict=True):
            index += 1
            if number(row, "index") != index:
                sentence = f"{node.name} put entry {row['index']} behind entry {index - 1}."
                self._say("Log Matching", sentence, index=index, nodes=(node.name,))
                break
            self._log_matching(node, index, previous, entry, event.t)
            if entry[2] < previous[2] or entry[0] < previous[0]:
                sentence = f"Entry {index} of {node.name} is older than the entry before it."
                self._say("monotone", sentence, index=index, nodes=(node.name,))
            taken.append(entry)
            previous = entry
        node.append(taken)

    def _log_matching(
        self, node: NodeModel, index: int, previous: Entry, entry: Entry, now: int
    ) -> None:
        """An index and a term name one entry, and one term before it: so logs agree up to it."""
        known = self._known.get((index, entry[0]))
        if known is None:
            self._known[index, entry[0]] = (previous[0], entry, now)
            self._cluster_time(node, index, previous, entry, now)
        elif known[0] != previous[0] or known[1] != entry:
            sentence = (
                f"{node.name} has another entry {index} of term {entry[0]} than was in a log "
                "before, or another one in front of it."
            )
            self._say("Log Matching", sentence, index=index, terms=(entry[0],), nodes=(node.name,))

    def _cluster_time(
        self, node: NodeModel, index: int, previous: Entry, entry: Entry, now: int
    ) -> None:
        """An entry is made when it is first seen: at the leader that puts it into its log."""
        before = self._known.get((index - 1, previous[0]))
        if before is None or entry[2] <= previous[2]:
            return
        real_ms = self._clocks.passed_ms(before[2], now)
        if entry[2] - previous[2] > real_ms:
            sentence = (
                f"{node.name} let {entry[2] - previous[2]} ms of cluster time pass between entries "
                f"{index - 1} and {index}, in {real_ms} ms of real time: locks expire early."
            )
            self._say("cluster time", sentence, index=index, nodes=(node.name,))

    def _truncate(self, node: NodeModel, event: TraceEvent) -> None:
        first = number(event.data, "from")
        if node.role == "leader":
            sentence = f"{node.name} dropped entries from {first} on while it led."
            self._say("Leader Append-Only", sentence, index=first, nodes=(node.name,))
        if first <= node.commit:
            sentence = f"{node.name} dropped entry {first}, which it had committed."
            self._say("State Machine Safety", sentence, index=first, nodes=(node.name,))
        else:
            self._drops_committed(node, first)
        node.truncate(first)
        if node.members_index >= first:
            self._cluster.see_members(node)

    def _drops_committed(self, node: NodeModel, first: int) -> None:
        """Nobody in the term of a commitment, or a later one, is asked to drop what was committed.

        In an earlier term that may be: the leader of that term is overtaken, and does not know it.
        """
        cluster = self._cluster
        if first > len(cluster.committed) or node.term < cluster.committed_in[first - 1]:
            return
        if node.log.entry(first) == cluster.committed[first - 1]:
            term = cluster.committed_in[first - 1]
            sentence = f"{node.name} dropped entry {first}, which was committed in term {term}."
            self._say("durability", sentence, index=first, terms=(term,), nodes=(node.name,))

    def _progress(self, node: NodeModel, event: TraceEvent) -> None:
        """Within a term a leader never takes a follower for less far than it knew it to be."""
        data, peer = event.data, text(event.data, "peer")
        match, following = number(data, "match"), number(data, "next")
        key = (node.name, peer)
        term, known = self._matches.get(key, (0, 0))
        term_now = event.term or node.term
        known = known if term == term_now else 0
        if match < known or following <= known:
            sentence = (
                f"{node.name} takes {peer} to have entries up to {match} and would send it entry "
                f"{following} next, though it knew already that {peer} has those up to {known}."
            )
            self._say("monotone", sentence, index=known, terms=(term_now,), nodes=(node.name, peer))
        self._matches[key] = (term_now, match)

    # ---- members ----

    def _config(self, node: NodeModel, event: TraceEvent) -> None:
        """An entry says who the members are, or one that did is gone."""
        members = members_of(event.data)
        index = number(event.data, "index")
        if event.rule == "Restart":
            # What a log says is learnt from it; this is for a node whose log says nothing.
            if index == 0:
                node.first_members = members
            return
        if index > node.snapshot and node.log.entry(index) is not None:
            term = self._cluster.term_at(node, index)
            if not self._cluster.book.learn(index, term, members):
                sentence = f"{node.name} takes entry {index} for other members than another node."
                self._say("Log Matching", sentence, index=index, terms=(term,), nodes=(node.name,))
            self._follows(node, event, index)
        self._cluster.see_members(node)
        here = members.voters + members.outgoing + members.learners
        for key in [key for key in self._matches if key[0] == node.name and key[1] not in here]:
            del self._matches[key]  # who comes back is new

    def _follows(self, node: NodeModel, event: TraceEvent, index: int) -> None:
        """Each set of voters goes over to the next by a joint one, and each is settled before."""
        cluster, members = self._cluster, members_of(event.data)
        previous, before = cluster.book.latest(lambda at: cluster.term_at(node, at), index)
        if not members.may_follow(before):
            sentence = (
                f"Entry {index} of {node.name} goes over from {before} to {members}: majorities "
                "of the two need not have a node in common."
            )
            self._say("membership", sentence, index=index, nodes=(node.name,))
        if event.rule in _CHANGES and previous > node.commit:
            sentence = (
                f"{node.name} began entry {index}, a change of members, before the one in entry "
                f"{previous} was committed."
            )
            self._say("membership", sentence, index=index, nodes=(node.name,))

    # ---- committing and applying ----

    def _commit(self, node: NodeModel, event: TraceEvent) -> None:
        index, cluster = number(event.data, "index"), self._cluster
        if index < node.commit:
            sentence = f"{node.name} took back commit index {node.commit} for {index}."
            self._say("monotone", sentence, index=index, nodes=(node.name,))
        if index > node.log.last:
            sentence = f"{node.name} committed up to {index}, and its log ends at {node.log.last}."
            self._say("commit rule", sentence, index=index, nodes=(node.name,))
            return
        known = len(cluster.committed)
        self._same_as_committed(node, min(index, known))
        if index > known and node.log.base <= known:
            self._on_a_majority(node, index)
            news = node.log.part(known + 1, index)
            cluster.committed += news
            cluster.committed_in += [event.term or node.term] * len(news)
            if node.agreed == known:
                node.agreed = index
        node.commit = max(node.commit, index)

    def _same_as_committed(self, node: NodeModel, upto: int) -> None:
        index = self._cluster.first_difference(node, upto)
        if not index:
            return
        mine, known = self._cluster.term_at(node, index), self._cluster.committed[index - 1][0]
        sentence = (
            f"{node.name} committed another entry {index} (of term {mine}) than was "
            f"committed before (of term {known})."
        )
        nodes = (node.name,)
        self._say("State Machine Safety", sentence, index=index, terms=(known, mine), nodes=nodes)

    def _on_a_majority(self, node: NodeModel, index: int) -> None:
        """Who is no voter, as far as the node that commits knows, does not count."""
        members, nodes = node.members, self._cluster.nodes
        entry = node.log.entry(index)
        assert entry is not None, "it was looked at before"
        holding = [
            name
            for name in members.voting
            if name in nodes and nodes[name].has_durable(index, entry)
        ]
        if not members.decide(holding):
            sentence = (
                f"{node.name} committed entry {index}, which is on the disks of "
                f"{', '.join(holding) or 'nobody'} only: no majority of {members}."
            )
            self._say("commit rule", sentence, index=index, terms=(entry[0],), nodes=(node.name,))

    def _apply(self, node: NodeModel, event: TraceEvent) -> None:
        index = number(event.data, "index")
        if index != node.applied + 1:
            sentence = f"{node.name} applied entry {index} after entry {node.applied}."
            self._say("State Machine Safety", sentence, index=index, nodes=(node.name,))
        if index > node.commit:
            sentence = f"{node.name} applied entry {index} before it was committed."
            self._say("State Machine Safety", sentence, index=index, nodes=(node.name,))
        node.applied = max(node.applied, index)
        self._same_table(node, index, text(event.data, "hash"), "applied")

    def _same_table(self, node: NodeModel, index: int, digest: str, verb: str) -> None:
        first, known = self._digests.setdefault(index, (node.name, digest))
        if known != digest:
            sentence = (
                f"{node.name} {verb} entry {index} and {first} applied it, and they came to "
                "different lock tables."
            )
            self._say("State Machine Safety", sentence, index=index, nodes=(first, node.name))

    # ---- snapshots ----

    def _snapshot(self, node: NodeModel, event: TraceEvent) -> None:
        """A node keeps its own table in the place of entries."""
        index = number(event.data, "index")
        if index > node.applied:
            sentence = f"{node.name} took a snapshot of entry {index}, and had not applied that."
            self._say("State Machine Safety", sentence, index=index, nodes=(node.name,))
        self._stands_for_committed(node, event)
        node.snapshot = index

    def _install(self, node: NodeModel, event: TraceEvent) -> None:
        """A snapshot takes the place of a log, or was found on the disk."""
        index = number(event.data, "index")
        self._stands_for_committed(node, event)
        if event.rule == "Restart":
            node.recover(event)
            return
        if node.role == "leader":
            sentence = f"{node.name} took over a snapshot in the place of its log while it led."
            self._say("Leader Append-Only", sentence, index=index, nodes=(node.name,))
        if index <= node.commit:
            sentence = (
                f"{node.name} took over a snapshot up to {index} behind commit {node.commit}."
            )
            self._say("monotone", sentence, index=index, nodes=(node.name,))
        term = number(event.data, "term")
        if node.log.last > index and self._cluster.term_at(node, index) != term:
            sentence = (
                f"{node.name} keeps its entries from {index + 1} on behind a snapshot that ends "
                f"with another entry {index} than was before them."
            )
            self._say("Log Matching", sentence, index=index, terms=(term,), nodes=(node.name,))
        node.install(index)
        self._cluster.see_members(node)

    def _stands_for_committed(self, node: NodeModel, event: TraceEvent) -> None:
        index, term = number(event.data, "index"), number(event.data, "term")
        committed = self._cluster.committed
        if not 0 < index <= len(committed) or committed[index - 1][0] != term:
            sentence = (
                f"The snapshot of {node.name} stands for entries up to {index} (of term {term}), "
                "which are not what was committed."
            )
            self._say("State Machine Safety", sentence, index=index, nodes=(node.name,))

    def _restore(self, node: NodeModel, event: TraceEvent) -> None:
        """The lock table is that of a snapshot: the one that was to be, and equal to all others."""
        index = number(event.data, "index")
        if index != node.snapshot:
            sentence = (
                f"{node.name} took over the table of entry {index}, and its snapshot stands for "
                f"those up to {node.snapshot}."
            )
            self._say("State Machine Safety", sentence, index=index, nodes=(node.name,))
        node.applied = index
        self._same_table(node, index, text(event.data, "hash"), "took over")

    def _compact(self, node: NodeModel, event: TraceEvent) -> None:
        to = number(event.data, "to")
        if to > node.snapshot:
            sentence = (
                f"{node.name} dropped entries up to {to}, and its snapshot stands for those up to "
                f"{node.snapshot}."
            )
            self._say("durability", sentence, index=to, nodes=(node.name,))
        node.compact(to)
        self._cluster.see_members(node)
