"""The three roles of a Raft node and the steps between them (paper section 5.1, Figure 4)."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["NodeRole"]


class NodeRole(IntEnum):
    """What a node is in its current term.

    Pre-vote runs in role follower; being a learner is a matter of membership, and being down or
    frozen a matter of the cluster: none of them is a role.
    """

    FOLLOWER = 0
    CANDIDATE = 1
    LEADER = 2

    def __str__(self) -> str:
        """The role as the original prints it: ``Follower``, ``Candidate`` or ``Leader``."""
        return self.name.capitalize()

    @property
    def word(self) -> str:
        """The role as JSON and the trace write it: ``follower``, ``candidate`` or ``leader``."""
        return self.name.lower()

    def can_transition_to(self, target: NodeRole) -> bool:
        """Whether Figure 4 of the paper has an arrow from this role to `target`.

        There is no arrow from follower to follower: a follower that only learns a newer term makes
        no transition.
        """
        return target in _TRANSITIONS[self]

    @staticmethod
    def is_valid(value: int) -> bool:
        """Whether `value` is the number of a role."""
        return value in _NUMBERS


_NUMBERS = frozenset(int(role) for role in NodeRole)

_TRANSITIONS: dict[NodeRole, tuple[NodeRole, ...]] = {
    NodeRole.FOLLOWER: (NodeRole.CANDIDATE,),
    NodeRole.CANDIDATE: (NodeRole.FOLLOWER, NodeRole.CANDIDATE, NodeRole.LEADER),
    NodeRole.LEADER: (NodeRole.LEADER, NodeRole.FOLLOWER),
}
