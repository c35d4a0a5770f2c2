"""How fast a cluster is: two settings, one for eyes and one for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from raftlock.errors import InvalidArgument
from raftlock.raft.config import RaftConfig
from raftlock.raft.random64 import Random64
from raftlock.types.ids import NodeID

__all__ = ["TIMINGS", "Timing", "timing_named", "waking_order"]


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of one laboratory, at speed 1. Durations in the unit their names end with."""

    name: str
    election_timeout_ms_min: int
    election_timeout_ms_max: int
    heartbeat_ms: int
    link_delay_us: int
    sync_us: int
    first_timeout_ms: int
    first_timeout_step_ms: int
    peer_lost: bool

    def config(self, node: NodeID, voters: tuple[NodeID, ...], rank: int) -> RaftConfig:
        """The core's settings for one node; `rank` is its place in the first election's order.

        The very first timeouts stand apart from each other by more than the round trip of a
        pre-vote and the way of a request, so that the second node to wake has been asked for its
        vote by then, and has its timer set anew: a leader stands soon, always.
        """
        first = self.first_timeout_ms + rank * self.first_timeout_step_ms
        return RaftConfig(
            node_id=node,
            voters=voters,
            election_timeout_ms_min=self.election_timeout_ms_min,
            election_timeout_ms_max=self.election_timeout_ms_max,
            heartbeat_ms=self.heartbeat_ms,
            first_timeout_ms=(first, first + self.first_timeout_step_ms // 4),
            peer_lost=self.peer_lost,
        )


TIMINGS = {
    "lesson": Timing(
        name="lesson",
        election_timeout_ms_min=1_500,
        election_timeout_ms_max=3_000,
        heartbeat_ms=500,
        link_delay_us=200_000,
        sync_us=50_000,
        first_timeout_ms=600,
        first_timeout_step_ms=1_000,
        peer_lost=False,  # people want to see the ring run out
    ),
    "lan": Timing(
        name="lan",
        election_timeout_ms_min=150,
        election_timeout_ms_max=300,
        heartbeat_ms=50,
        link_delay_us=0,
        sync_us=1_000,
        first_timeout_ms=100,
        first_timeout_step_ms=80,
        peer_lost=True,
    ),
}
"""``lesson`` can be followed by eye; ``lan`` is what a real cluster in one building would use."""


def timing_named(name: str) -> Timing:
    """The timing of that name. Raises `InvalidArgument` with the names there are."""
    try:
        return TIMINGS[name]
    except KeyError:
        known = " or ".join(f'"{known}"' for known in TIMINGS)
        raise InvalidArgument(f"There is no timing {name!r}: choose {known}.") from None


def waking_order(nodes: Sequence[NodeID], random: Random64) -> list[NodeID]:
    """The nodes in an order that the seed decides: who may wake first in the first election."""
    left = list(nodes)
    return [left.pop(random.below(len(left))) for _ in nodes]
