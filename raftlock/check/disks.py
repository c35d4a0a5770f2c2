"""What a disk is for: nothing is said before what it promises is durable, and what is stays so.

- one vote a term: over all lives of a node, by what it told others;
- durability: a vote or an acknowledgement leaves a node when its disk has what it says; a snapshot
  is durable before the entries are dropped that it stands for; a restart finds all that was synced,
  and of what was not any beginning; a disk that nothing was done to is not refused, and does not
  stop its node; a node whose disk is gone never comes back.

A disk that was damaged must be refused, so what a node finds on one is held against it as well.
Whether a real disk did what it was told shows in what is found on it, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable

from raftlock.check.cluster import ClusterModel
from raftlock.check.logs import NodeModel
from raftlock.check.violation import Findings
from raftlock.trace.fields import flag, number, text
from raftlock.types.events import TraceEvent

__all__ = ["DiskChecker"]

_BEGINS = frozenset({"started", "restarted", "added"})
_ACKNOWLEDGEMENTS = frozenset({"AppendEntriesReply", "InstallSnapshotReply"})

_OF_A_RESTART = frozenset({"term", "vote", "install", "append", "config"})
_OF_A_RESTORED_TABLE = frozenset({"restore", "lock"})


class DiskChecker:
    """The lives of nodes, and their disks. `recovering` names the nodes that are reading theirs."""

    def __init__(self, cluster: ClusterModel, findings: Findings) -> None:
        self._cluster = cluster
        self._say = findings.say
        self.recovering: set[str] = set()
        self.handlers: dict[str, Callable[[NodeModel, TraceEvent], None]] = {
            "vote": self._vote,
            "write": self._write,
            "fsync": self._fsync,
            "send": self._send,
        }

    # ---- a node's life ----

    def life(self, event: TraceEvent) -> None:
        """A ``node`` event: it begins, or ends."""
        what, name = text(event.data, "what"), event.node
        if name not in self._cluster.nodes and what not in _BEGINS:
            return
        node = self._cluster.begin(name)
        if what in _BEGINS:
            if node.is_gone:
                sentence = f"{name} is back, though what it had promised went with its disk."
                self._say("durability", sentence, nodes=(name,))
            node.begin()
            self._cluster.see_members(node)
            self.recovering.add(name)
            return
        if what in {"wiped", "removed"}:
            node.is_gone = not node.comes_back_empty
        elif what == "stopped" and not (node.is_full or node.failures_due):
            sentence = f"{name} stopped for its disk's sake, and nothing was done to that."
            self._say("durability", sentence, nodes=(name,))
        elif what == "refused" and not node.is_damaged:
            sentence = f"{name} will not start over its disk, and nothing had damaged that."
            self._say("durability", sentence, nodes=(name,))
        if what == "stopped" and not node.is_full:
            node.failures_due = max(node.failures_due - 1, 0)

    def fault(self, event: TraceEvent) -> None:
        """Something was done to a node's disk."""
        data = event.data
        what, node = text(data, "what"), self._cluster.nodes.get(text(data, "node"))
        if node is None:
            return
        if what == "wipe" and flag(data, "as_voter"):
            node.lose_disk()
            node.comes_back_empty = True
        elif what == "disk":
            self._disk_fault(node, text(data, "fault"))

    def _disk_fault(self, node: NodeModel, fault: str) -> None:
        match fault:
            case "full":
                node.is_full = True
            case "flip":
                node.is_damaged = True
            case "well":
                node.is_full, node.failures_due = False, 0
            case _:
                # A failing write and a failing sync: at most one each is due, whichever was first.
                node.failures_due = min(node.failures_due + 1, 2)

    def acts(self, event: TraceEvent) -> None:
        """A node that was reading its disk does something: is it still that, or has it begun?"""
        kind, name = event.kind, event.node
        if event.rule == "Restart":
            still_reading = kind in _OF_A_RESTART
        else:
            still_reading = kind in _OF_A_RESTORED_TABLE or kind == "node"
        if still_reading:
            return
        self.recovering.discard(name)
        node = self._cluster.nodes[name]
        wrong = node.recovered()
        self._cluster.see_members(node)
        if wrong:
            self._say("durability", wrong, nodes=(name,))

    # ---- what reaches the disk ----

    def _vote(self, node: NodeModel, event: TraceEvent) -> None:
        if event.rule == "Restart":
            node.recover(event)

    def _write(self, node: NodeModel, event: TraceEvent) -> None:
        node.write(event)

    def _fsync(self, node: NodeModel, event: TraceEvent) -> None:
        node.fsync(number(event.data, "write"))
        base, snapshot = node.disk.log.base, node.disk.snapshot
        if base > snapshot:
            sentence = (
                f"{node.name} dropped entries up to {base} from its disk, where the snapshot "
                f"stands for those up to {snapshot} only."
            )
            self._say("durability", sentence, index=base, nodes=(node.name,))

    # ---- what leaves the node ----

    def _send(self, node: NodeModel, event: TraceEvent) -> None:
        """What leaves a node must be true of its disk already."""
        fields = event.data.get("fields")
        if not isinstance(fields, dict):
            return
        kind = event.data.get("type")
        if kind in _ACKNOWLEDGEMENTS:
            match = number(fields, "match_index")
            if match:
                self._acknowledges(node, match, number(fields, "term"))
        elif fields.get("pre_vote") is True:
            return
        elif kind == "RequestVote":
            self.votes_for(node, number(fields, "term"), node.name)
        elif kind == "RequestVoteReply" and fields.get("granted") is True:
            self.votes_for(node, number(fields, "term"), text(event.data, "to"))

    def _acknowledges(self, node: NodeModel, match: int, term: int) -> None:
        disk = node.disk
        if disk.term < term or (disk.term == term and disk.log.last < match):
            sentence = (
                f"{node.name} acknowledged entry {match} in term {term} before its disk had "
                f"it: there the log ends at {disk.log.last}, in term {disk.term}."
            )
            self._say("durability", sentence, index=match, terms=(term,), nodes=(node.name,))

    def votes_for(self, node: NodeModel, term: int, candidate: str) -> None:
        """A node's vote is told to others, or counted by itself."""
        first = self._cluster.votes.setdefault((node.name, term), candidate)
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
