"""Who decides: the members that a node goes by, worked out from its log alone.

What nodes tell of their configuration is only used to learn what the entries say. A node goes by
the last entry of its log that says something, committed or not (thesis 4.1).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from raftlock.trace.fields import names
from raftlock.types.events import Json

__all__ = ["MemberBook", "Members", "members_of"]


@dataclass(frozen=True, slots=True)
class Members:
    """Who votes; while that changes, `outgoing` has those who voted before, and both decide."""

    voters: tuple[str, ...]
    learners: tuple[str, ...] = ()
    outgoing: tuple[str, ...] = ()

    @property
    def halves(self) -> tuple[tuple[str, ...], ...]:
        """The sets of which each decides by its majority."""
        return (self.voters, self.outgoing) if self.outgoing else (self.voters,)

    @property
    def voting(self) -> tuple[str, ...]:
        """Whoever has a vote, each once."""
        return tuple(dict.fromkeys(self.voters + self.outgoing))

    def decide(self, having: Collection[str]) -> bool:
        """Whether those are a majority, of each half."""
        return all(2 * sum(name in having for name in half) > len(half) for half in self.halves)

    def may_follow(self, before: Members) -> bool:
        """Whether no majority of one can be without a node of a majority of the other."""
        mine, theirs = set(self.voters), set(before.voters)
        if self.outgoing:
            return set(self.outgoing) == theirs and not before.outgoing
        return mine == theirs

    def __str__(self) -> str:
        """The sets of voters, in words."""
        return " with ".join("(" + ", ".join(half) + ")" for half in self.halves)


def members_of(data: Mapping[str, Json]) -> Members:
    """The members that a ``config`` event tells of."""
    return Members(
        tuple(names(data, "voters")),
        tuple(names(data, "learners")),
        tuple(names(data, "outgoing")),
    )


class MemberBook:
    """The entries that say who the members are, by index and term; `first` holds before them."""

    def __init__(self, first: Members) -> None:
        self.first = first
        self._said: dict[tuple[int, int], Members] = {}

    def learn(self, index: int, term: int, members: Members) -> bool:
        """An entry says so; false if it was known to say something else."""
        return self._said.setdefault((index, term), members) == members

    def latest(
        self, term_at: Callable[[int], int], before: int, first: Members | None = None
    ) -> tuple[int, Members]:
        """The last entry below index `before` that says something, in a log of those terms."""
        found, members = 0, first or self.first
        for (index, term), said in self._said.items():
            if found < index < before and term_at(index) == term:
                found, members = index, said
        return found, members
