"""What a simulated cluster is made of: nodes, times, weather, and the rules it keeps."""

from __future__ import annotations

from dataclasses import dataclass, replace

from raftlock.client.protocol import RetryPolicy
from raftlock.lock.rules import AgeingRules, LockRules
from raftlock.node.sessions import SESSION_TTL_MS
from raftlock.node.timing import Timing, waking_order
from raftlock.raft.rules import Rules
from raftlock.sim.chance import keyed
from raftlock.sim.client import ClientRules
from raftlock.sim.disk import StorageRules
from raftlock.sim.network import Weather
from raftlock.sim.node import EPOCH_MS, NodePlan
from raftlock.sim.resource import ResourceRules
from raftlock.types.ids import Millis, NodeID

__all__ = ["NODES_MAX", "RuleSet", "WorldSettings"]

NODES_MAX = 9
"""How many nodes a cluster may have at a time."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of a run: the correct ones, or some that are broken on purpose."""

    raft: Rules = Rules()
    lock: LockRules = LockRules()
    client: ClientRules = ClientRules()
    resource: ResourceRules = ResourceRules()
    storage: StorageRules = StorageRules()

    @property
    def modified(self) -> str:
        """The names of those that are not the correct ones; `AgeingRules` are."""
        return ", ".join(type(rules).__name__ for rules in self.all if type(rules) not in _CORRECT)

    @property
    def all(self) -> tuple[object, ...]:
        """One of each policy."""
        return (self.raft, self.lock, self.client, self.resource, self.storage)


_CORRECT = (Rules, LockRules, AgeingRules, ClientRules, ResourceRules, StorageRules)


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """What a world is made of. `batch` is how many entries a message holds at most.

    `rates_ppm` are the nodes' clocks' rates off the run's time, in the nodes' order. With `codec`
    every message is written out as for a wire and read again: slower, and nothing else. The rest
    are `RaftConfig`'s settings of those names, for every node.
    `session_ttl_ms` is how long a session lives unheard, `epoch_ms` what the clock
    on the wall shows when the run begins.
    """

    nodes: tuple[NodeID, ...]
    timing: Timing
    seed: int
    rules: RuleSet = RuleSet()
    weather: Weather = Weather()
    batch: int = 64
    in_flight: int = 64
    pre_vote: bool = True
    check_quorum: bool = True
    rates_ppm: tuple[int, ...] = ()
    retry: RetryPolicy = RetryPolicy()
    codec: bool = False
    snapshot_entries: int = 10_000
    snapshot_tail: int = 1_000
    snapshot_chunk_bytes: int = 1 << 16
    lease_reads: bool = False
    session_ttl_ms: Millis = SESSION_TTL_MS
    epoch_ms: int = EPOCH_MS

    def plan(self, node: NodeID, voters: tuple[NodeID, ...]) -> NodePlan:
        """What `node` is made with; if it is none of the `voters`, it joins as a learner."""
        timing, first = self.timing, node in self.nodes
        order = waking_order(self.nodes, keyed(self.seed, "order"))
        named = voters if node in voters else (*voters, node)
        config = timing.config(node, named, order.index(node) if first else len(order))
        return NodePlan(
            replace(
                config,
                voters=voters,
                learners=() if node in voters else (node,),
                max_entries_per_append=self.batch,
                max_in_flight=self.in_flight,
                pre_vote=self.pre_vote,
                check_quorum=self.check_quorum,
                # A lease is nothing but the belief that a lost connection would shake.
                peer_lost=config.peer_lost and not self.lease_reads,
                lease_reads=self.lease_reads,
                snapshot_entries=self.snapshot_entries,
                snapshot_tail=self.snapshot_tail,
                snapshot_chunk_bytes=self.snapshot_chunk_bytes,
            ),
            timing.sync_us,
            self.rules.raft,
            self.rules.lock,
            self.rules.storage,
            self.rates_ppm[self.nodes.index(node)] if first and self.rates_ppm else 0,
            self.session_ttl_ms,
            self.epoch_ms,
        )
