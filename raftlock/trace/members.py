"""Who belongs to the cluster in a picture, and who decides in it."""

from __future__ import annotations

from collections.abc import Collection

from raftlock.trace.nodes import NodeView
from raftlock.types import Configuration

__all__ = ["LEARNER", "NO_MEMBER", "VOTER", "decides", "part_of", "present"]

VOTER = "voter"
LEARNER = "learner"
NO_MEMBER = "no member"


def decides(configuration: Configuration, names: Collection[str]) -> bool:
    """Whether these are a majority of the voters; while the voters change, of the old ones too."""
    return all(
        2 * sum(voter in names for voter in half) > len(half) for half in configuration.halves
    )


def part_of(configuration: Configuration, name: str) -> str:
    """What a node is in the cluster: it votes, it only learns, or it is no member."""
    if name in configuration.voting:
        return VOTER
    return LEARNER if name in configuration.learners else NO_MEMBER


def present(nodes: Collection[NodeView], first: Configuration) -> Configuration:
    """The members by the word of the leader, or else of the node whose word is the latest.

    Of two leaders the one of the higher term is believed. `first` is what holds as long as no node
    tells of members.
    """
    known = [node for node in nodes if node.configurations]
    up = [node for node in known if node.state == "up"]
    leading = [node for node in up if node.role == "leader"]
    if leading:
        return max(leading, key=lambda node: node.term).configurations[-1][1]
    latest = max((node.configurations[-1] for node in up or known), key=_index, default=None)
    return latest[1] if latest is not None else first


def _index(known: tuple[int, Configuration]) -> int:
    return known[0]
