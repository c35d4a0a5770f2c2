"""What a laboratory is made with, and what its trace begins with."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import NamedTuple

from raftlock.lock.rules import LockRules
from raftlock.node.sessions import SESSION_TTL_MS
from raftlock.node.timing import Timing
from raftlock.raft.config import RaftConfig
from raftlock.raft.rules import Rules
from raftlock.storage.memory import MemoryStorage
from raftlock.types.events import Json
from raftlock.types.ids import Millis, NodeID

__all__ = ["NODES_MAX", "Inside", "LabSettings", "header_of"]

NODES_MAX = 9
"""More would neither fit into the picture nor tolerate failures that anybody teaches."""


@dataclass(frozen=True, slots=True)
class LabSettings:
    """What a laboratory is made with; the same settings and seed draw the same timeouts."""

    nodes: tuple[NodeID, ...]
    timing: Timing
    name: str
    seed: int
    rules: Rules | None = None
    lock_rules: LockRules | None = None
    snapshot_entries: int = 10_000
    snapshot_tail: int = 1_000
    session_ttl_ms: Millis = SESSION_TTL_MS

    def plan(self, node: NodeID, rank: int) -> RaftConfig:
        """What one of the first nodes is told; `rank` is its place in the first election."""
        return self._plan(node, self.nodes, rank)

    def plan_of_new(self, node: NodeID, voters: tuple[NodeID, ...]) -> RaftConfig:
        """What a node is told that comes later: who votes now, and that it is none of them."""
        plan = self._plan(node, (*voters, node), len(self.nodes))
        return replace(plan, voters=voters, learners=(node,))

    def _plan(self, node: NodeID, voters: tuple[NodeID, ...], rank: int) -> RaftConfig:
        return replace(
            self.timing.config(node, voters, rank),
            snapshot_entries=self.snapshot_entries,
            snapshot_tail=self.snapshot_tail,
        )


class Inside(NamedTuple):
    """What a laboratory consists of: what nodes were told first, disks, all names."""

    plans: Mapping[NodeID, RaftConfig]
    disks: Mapping[NodeID, MemoryStorage]
    names: AbstractSet[NodeID]


def header_of(settings: LabSettings) -> dict[str, Json]:
    """The header of a laboratory's trace."""
    timing = settings.timing
    return {
        "runtime": "live",
        "name": settings.name,
        "nodes": list(settings.nodes),
        "seed": settings.seed,
        "timing": timing.name,
        "timings": {
            "election_ms": [timing.election_timeout_ms_min, timing.election_timeout_ms_max],
            "heartbeat_ms": timing.heartbeat_ms,
            "delay_ms": timing.link_delay_us // 1000,
        },
        "modified": ", ".join(
            type(rules).__name__
            for rules in (settings.rules, settings.lock_rules)
            if rules is not None and type(rules) not in (Rules, LockRules)
        ),
    }
