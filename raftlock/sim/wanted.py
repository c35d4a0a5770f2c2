"""What a verb of `Simulation` wants of the world, in the world's own words."""

from __future__ import annotations

from collections.abc import Sequence

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
    return _left(view, node, now) + 2


def jumps_to_align(view: ClusterView, nodes: Sequence[str], now: int) -> dict[str, int]:
    """By how much (ms) clocks must jump for the election timers to run out all at once.

    A clock can only go on: all come to the one that runs out first. Without `nodes`, of all nodes
    that have such a timer.
    """
    left = _all_left(view, nodes, now)
    soonest = min(left.values())
    return {node: ms - soonest for node, ms in left.items() if ms > soonest}


def jumps_to_spread(
    view: ClusterView, nodes: Sequence[str], now: int, apart: int
) -> dict[str, int]:
    """By how much (ms) clocks must jump for the timers to run out `apart` ms from each other.

    A clock can only go on: the last stays, and those before it come nearer. What does not fit
    between now and the last comes as far apart as there is room for.
    """
    left = _all_left(view, nodes, now)
    order = sorted(left, key=lambda node: (left[node], node))
    apart = min(apart, left[order[-1]] // max(1, len(order) - 1))
    jumps, latest = {}, left[order[-1]]
    for node in reversed(order[:-1]):
        latest = min(left[node], latest - apart)
        if latest < left[node]:
            jumps[node] = left[node] - latest
    return jumps


def _all_left(view: ClusterView, nodes: Sequence[str], now: int) -> dict[str, int]:
    waiting = [
        node.id
        for node in view.nodes.values()
        if node.timer is not None and node.timer.kind == "election"
    ]
    left = {node: _left(view, node, now) for node in nodes or waiting}
    if len(left) < 2:
        raise InvalidArgument("It takes two nodes whose election timers run: choose others.")
    return left


def _left(view: ClusterView, node: str, now: int) -> int:
    """Milliseconds until the node's election timer runs out."""
    if node not in view.nodes:
        raise UnknownNode(f"There is no node {node[:40]!r}: the nodes are {tuple(view.nodes)}.")
    timer = view.nodes[node].timer
    if timer is None or timer.kind != "election":
        raise InvalidArgument(f"{node} has no election timer running: it leads, or is down.")
    return max(0, timer.deadline - now) // 1_000
