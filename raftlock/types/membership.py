"""Who belongs to a cluster (paper section 6, thesis chapter 4)."""

from __future__ import annotations

from dataclasses import dataclass

from raftlock.types.ids import NodeID

__all__ = ["Configuration"]


@dataclass(frozen=True, slots=True)
class Configuration:
    """The members of a cluster: who votes, and who only learns (has the log, but no vote).

    While the voters change, `outgoing` has those of before: every decision then needs a majority of
    both (joint consensus). At all other times it is empty. Who voted before may be a learner after.
    """

    voters: tuple[NodeID, ...] = ()
    learners: tuple[NodeID, ...] = ()
    outgoing: tuple[NodeID, ...] = ()

    @property
    def is_joint(self) -> bool:
        """Whether the voters are changing."""
        return bool(self.outgoing)

    @property
    def halves(self) -> tuple[tuple[NodeID, ...], ...]:
        """The sets of voters of which a decision needs a majority each."""
        return (self.voters, self.outgoing) if self.outgoing else (self.voters,)

    @property
    def voting(self) -> tuple[NodeID, ...]:
        """Whoever has a vote, each once."""
        return tuple(dict.fromkeys(self.voters + self.outgoing))

    @property
    def members(self) -> tuple[NodeID, ...]:
        """Everybody, each once."""
        return tuple(dict.fromkeys(self.voters + self.outgoing + self.learners))
