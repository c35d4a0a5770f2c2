"""What the checks know of the cluster as a whole: its nodes, what is committed, who voted for whom.

Shared by the checks of Raft, each of which says in its own file what it adds to it.
"""

from __future__ import annotations

from collections.abc import Mapping

from raftlock.check.logs import Entry, NodeModel
from raftlock.check.members import MemberBook, Members
from raftlock.trace.fields import names
from raftlock.types.events import Json

__all__ = ["ClusterModel"]

_NOTHING: Entry = (0, 0, 0)


class ClusterModel:
    """The nodes by name, also those that are gone, and what no single node can take back."""

    def __init__(self, header: Mapping[str, Json]) -> None:
        listed, learners = names(header, "nodes"), tuple(names(header, "learners"))
        first = Members(tuple(name for name in listed if name not in learners), learners)
        self.book = MemberBook(first)
        self.nodes = {name: NodeModel(name, first) for name in listed}
        self.committed: list[Entry] = []
        self.committed_in: list[int] = []
        self.votes: dict[tuple[str, int], str] = {}

    @property
    def dropped_everywhere(self) -> int:
        """Up to where no log and no snapshot is of any use any more: nobody will apply that again.

        Not even who comes new, since it gets a snapshot of some node, or what is in its log.
        """
        return min(
            (node.disk.log.base for node in self.nodes.values() if not node.is_gone), default=0
        )

    def begin(self, name: str) -> NodeModel:
        """The node of that name, which may be new."""
        node = self.nodes.get(name)
        if node is None:
            node = self.nodes[name] = NodeModel(name, self.book.first)
        return node

    def see_members(self, node: NodeModel) -> None:
        """Work out anew by which members a node goes."""
        end = node.log.last + 1
        node.members_index, node.members = self.book.latest(
            lambda index: self.term_at(node, index), end, node.first_members
        )

    def entry_before(self, node: NodeModel) -> Entry:
        """The last entry of a node's log, be it one that was dropped; of zeros if there is none."""
        log = node.log
        if log.entries:
            return log.entries[-1]
        return self.committed[log.base - 1] if 0 < log.base <= len(self.committed) else _NOTHING

    def term_at(self, node: NodeModel, index: int) -> int:
        """The term of an entry of a node's log, be it one that was dropped; 0 if not known."""
        entry = node.log.entry(index)
        if entry is not None:
            return entry[0]
        known = 0 < index <= min(node.log.base, len(self.committed))
        return self.committed[index - 1][0] if known else 0

    def first_difference(self, node: NodeModel, upto: int) -> int:
        """Where a node's log first differs from what is committed up to there; 0 if nowhere.

        What was found to be the same once is not looked at again.
        """
        start = max(node.agreed, node.log.base)
        if start >= upto:
            return 0
        mine, there = node.log.part(start + 1, upto), self.committed[start:upto]
        if mine == there:
            node.agreed = upto
            return 0
        return next(
            place for place, entry in enumerate(there, start + 1) if node.log.entry(place) != entry
        )
