"""What a verb of `Simulation` wants of the world, in the world's own words."""

from __future__ import annotations

from raftlock.errors import InvalidArgument, UnknownNode
from raftlock.trace.view import ClusterView
from raftlock.types.events import Json
from raftlock.types.ids import NodeID
from raftlock.types.membership import Configuration

__all__ = ["jump_to_the_end", "left_by_a_crash", "with_member"]

_NOBODY = NodeID("")


def left_by_a_crash(kept: int, torn: bool) -> dict[str, Json]:  # noqa: FBT001 - inside
    """What is not as usual of it."""
    told: dict[str, Json] = {"kept": kept} if kept else {}
    return told | {"torn": True} if torn else told


def with_member(
    now: Configuration,
    *,
    voter: NodeID = _NOBODY,
    learner: NodeID = _NOBODY,
    gone: NodeID = _NOBODY,
) -> Configuration:
    """Those members with one more, or one fewer, or one in another part."""
    voters = [name for name in now.voters if name not in {voter, learner, gone}]
    learners = [name for name in now.learners if name not in {voter, learner, gone}]
    voters += [voter] if voter else []
    learners += [learner] if learner else []
    return Configuration(tuple(voters), tuple(learners))


def jump_to_the_end(view: ClusterView, node: str, now: int) -> int:
    """By how much (ms) a node's clock must jump for its election timer to run out."""
    if node not in view.nodes:
        raise UnknownNode(f"There is no node {node[:40]!r}: the nodes are {tuple(view.nodes)}.")
    timer = view.nodes[node].timer
    if timer is None or timer.kind != "election":
        raise InvalidArgument(f"{node} has no election timer running: it leads, or is down.")
    return max(0, timer.deadline - now) // 1_000 + 2
