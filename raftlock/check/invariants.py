"""What Raft promises, checked after every event: the paper's Figure 3, and what disks must keep.

Incremental: an event costs what it changes. The properties, by the names that violations carry:

- Election Safety; one vote a term; Leader Append-Only; Log Matching; Leader Completeness; State
  Machine Safety;
- monotone: terms, commit indexes and stamps never go back;
- durability: nothing is said before what it promises is on disk, and a disk keeps what it synced;
- commit rule: what is committed is on the disks of a majority;
- cluster time: between two entries no more of it passes than real time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from raftlock.check.logs import Entry, NodeModel, entries_of
from raftlock.check.violation import Violation
from raftlock.trace.fields import names, number, rows, text
from raftlock.types.events import Json, TraceEvent

__all__ = ["RaftChecker"]


class RaftChecker:
    """Feed it a trace from its beginning; `feed` gives what each event breaks."""

    def __init__(self, header: Mapping[str, Json]) -> None:
        self.nodes = {name: NodeModel(name) for name in names(header, "nodes")}
        # A clock that runs fast stamps more time than has passed, by as much as it was told to.
        rates = header.get("rates_ppm")
        fastest = (
            max((each for each in rates if isinstance(each, int)), default=0)
            if isinstance(rates, list)
            else 0
        )
        self._fastest_ppm = max(fastest, 0)
        self._leaders: dict[int, str] = {}
        self._votes: dict[tuple[str, int], str] = {}
        self._known: dict[tuple[int, int], tuple[int, Entry]] = {}
        self._made: dict[tuple[int, int], int] = {}
        self._committed: list[Entry] = []
        self._committed_in: list[int] = []
        self._digests: dict[int, tuple[str, str]] = {}
        self._found: list[Violation] = []
        self._event: TraceEvent | None = None
        self._checks: dict[str, Callable[[NodeModel, TraceEvent], None]] = {
            "node": self._node,
            "role": self._role,
            "term": self._term,
            "append": self._append,
            "truncate": self._truncate,
            "write": self._write,
            "fsync": self._fsync,
            "commit": self._commit,
            "apply": self._apply,
            "send": self._send,
        }

    def feed(self, event: TraceEvent) -> list[Violation]:
        """Look at one event; what is broken by it."""
        check = self._checks.get(event.kind)
        node = self.nodes.get(event.node)
        if node is None or (check is None and event.rule != "Restart"):
            return []
        self._event, self._found = event, []
        if event.rule == "Restart" and event.kind in {"term", "vote", "append"}:
            node.recover(event)
            return []
        if event.kind != "node":
            wrong = node.recovered()
            if wrong:
                self._say("durability", wrong, nodes=(node.name,))
        if check is not None:
            check(node, event)
        return self._found

    @property
    def committed(self) -> int:
        """How many entries are known to be committed."""
        return len(self._committed)

    def _say(
        self,
        property_: str,
        sentence: str,
        *,
        index: int = 0,
        terms: Iterable[int] = (),
        nodes: Iterable[str] = (),
    ) -> None:
        assert self._event is not None
        self._found.append(
            Violation(property_, sentence, self._event.seq, index, tuple(terms), tuple(nodes))
        )

    # ---- a node's life, its term and its role ----

    def _node(self, node: NodeModel, event: TraceEvent) -> None:
        if text(event.data, "what") in {"started", "restarted"}:
            node.begin()

    def _term(self, node: NodeModel, event: TraceEvent) -> None:
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
        self._leader_completeness(node, term)

    def _leader_completeness(self, node: NodeModel, term: int) -> None:
        """Every entry committed in an earlier term must be in the log of a new leader."""
        count = len(self._committed_in)
        while count and self._committed_in[count - 1] >= term:
            count -= 1
        if node.log[:count] == self._committed[:count]:
            return
        index = next(
            place
            for place, entry in enumerate(self._committed[:count], 1)
            if node.entry(place) != entry
        )
        sentence = (
            f"{node.name} leads term {term} without entry {index}, which was committed in term "
            f"{self._committed_in[index - 1]}."
        )
        terms = (self._committed_in[index - 1], term)
        self._say("Leader Completeness", sentence, index=index, terms=terms, nodes=(node.name,))

    # ---- the log ----

    def _append(self, node: NodeModel, event: TraceEvent) -> None:
        listed = rows(event.data, "entries")
        entries = entries_of(event)
        created = event.rule in {"ClientRequest", "BecomeLeader", "AppendEntries"}
        previous = node.log[-1] if node.log else (0, 0, 0)
        for row, entry in zip(listed, entries, strict=True):
            index = number(row, "index")
            if index != len(node.log) + 1:
                sentence = f"{node.name} put entry {index} behind entry {len(node.log)}."
                self._say("Log Matching", sentence, index=index, nodes=(node.name,))
                return
            self._log_matching(node, index, previous[0], entry)
            if entry[2] < previous[2] or entry[0] < previous[0]:
                sentence = f"Entry {index} of {node.name} is older than the entry before it."
                self._say("monotone", sentence, index=index, nodes=(node.name,))
            if created:
                self._cluster_time(node, index, previous, entry)
            node.append([entry])
            previous = entry

    def _log_matching(self, node: NodeModel, index: int, before: int, entry: Entry) -> None:
        """An index and a term name one entry, and one term before it: so logs agree up to it."""
        known = self._known.setdefault((index, entry[0]), (before, entry))
        if known != (before, entry):
            sentence = (
                f"{node.name} has another entry {index} of term {entry[0]} than was in a log "
                "before, or another one in front of it."
            )
            self._say("Log Matching", sentence, index=index, terms=(entry[0],), nodes=(node.name,))

    def _cluster_time(self, node: NodeModel, index: int, previous: Entry, entry: Entry) -> None:
        assert self._event is not None
        now = self._event.t
        self._made.setdefault((index, entry[0]), now)
        made = self._made.get((index - 1, previous[0]))
        if made is None:
            return
        real_ms = (now - made) * (1_000_000 + self._fastest_ppm) // 1_000_000_000 + 1
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
        node.truncate(first)

    # ---- the disk ----

    def _write(self, node: NodeModel, event: TraceEvent) -> None:
        node.write(event)

    def _fsync(self, node: NodeModel, event: TraceEvent) -> None:
        node.fsync(number(event.data, "write"))

    def _send(self, node: NodeModel, event: TraceEvent) -> None:
        """What leaves a node must be true of its disk already."""
        fields = event.data.get("fields")
        if not isinstance(fields, dict):
            return
        kind, to, term = text(event.data, "type"), text(event.data, "to"), number(fields, "term")
        if kind == "RequestVote" and fields.get("pre_vote") is not True:
            self._votes_for(node, term, node.name)
        elif kind == "RequestVoteReply" and fields.get("granted") is True:
            if fields.get("pre_vote") is not True:
                self._votes_for(node, term, to)
        elif kind == "AppendEntriesReply" and "match_index" in fields:
            match = number(fields, "match_index")
            if node.disk.term < term or (node.disk.term == term and len(node.disk.log) < match):
                sentence = (
                    f"{node.name} acknowledged entry {match} in term {term} before its disk had "
                    f"it: there the log ends at {len(node.disk.log)}, in term {node.disk.term}."
                )
                self._say("durability", sentence, index=match, terms=(term,), nodes=(node.name,))

    def _votes_for(self, node: NodeModel, term: int, candidate: str) -> None:
        first = self._votes.setdefault((node.name, term), candidate)
        if first != candidate:
            sentence = f"{node.name} voted for {first} and for {candidate} in term {term}."
            nodes = (node.name, first, candidate)
            self._say("one vote a term", sentence, terms=(term,), nodes=nodes)
        disk = node.disk
        if disk.term < term or (disk.term == term and disk.voted_for != candidate):
            sentence = (
                f"{node.name} told of its vote for {candidate} in term {term}, which its disk does "
                f"not hold: it has term {disk.term} and vote {disk.voted_for or 'none'}."
            )
            self._say("durability", sentence, terms=(term,), nodes=(node.name, candidate))

    # ---- committing and applying ----

    def _commit(self, node: NodeModel, event: TraceEvent) -> None:
        index = number(event.data, "index")
        if index < node.commit:
            sentence = f"{node.name} took back commit index {node.commit} for {index}."
            self._say("monotone", sentence, index=index, nodes=(node.name,))
        if index > len(node.log):
            sentence = f"{node.name} committed up to {index}, and its log ends at {len(node.log)}."
            self._say("commit rule", sentence, index=index, nodes=(node.name,))
            return
        self._same_as_committed(node, node.commit + 1, index)
        if index > len(self._committed):
            self._on_a_majority(node, index)
            news = node.log[len(self._committed) : index]
            self._committed += news
            self._committed_in += [event.term or node.term] * len(news)
        node.commit = max(node.commit, index)

    def _same_as_committed(self, node: NodeModel, first: int, last: int) -> None:
        here, there = node.log[first - 1 : last], self._committed[first - 1 : last]
        for place, (mine, known) in enumerate(zip(here, there, strict=False)):
            if mine != known:
                index = first + place
                sentence = (
                    f"{node.name} committed another entry {index} (of term {mine[0]}) than was "
                    f"committed before (of term {known[0]})."
                )
                terms = (known[0], mine[0])
                self._say(
                    "State Machine Safety", sentence, index=index, terms=terms, nodes=(node.name,)
                )
                return

    def _on_a_majority(self, node: NodeModel, index: int) -> None:
        entry = node.log[index - 1]
        holding = [other.name for other in self.nodes.values() if other.has_durable(index, entry)]
        if len(holding) <= len(self.nodes) // 2:
            sentence = (
                f"{node.name} committed entry {index}, which is on the disks of "
                f"{', '.join(holding) or 'nobody'} only: no majority of {len(self.nodes)}."
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
        digest = text(event.data, "hash")
        first, known = self._digests.setdefault(index, (node.name, digest))
        if known != digest:
            sentence = (
                f"{node.name} and {first} applied entry {index} and came to different lock tables."
            )
            self._say("State Machine Safety", sentence, index=index, nodes=(first, node.name))
