"""raftlock: a Raft lock service that people learn from by watching it and breaking it.

::

    from raftlock import Cluster

    cluster = Cluster(nodes=5)  # five nodes in this process, with real websockets between them
    cluster.dashboard()  # in a notebook: watch them, and break them

    with cluster.client("alice").lock("printer", ttl=10) as held:
        held.token  # the fencing token: show it to whatever the lock protects

    cluster = Simulation(nodes=5, seed=7)  # the same verbs in virtual time, and a way back

Importing raftlock starts no thread and opens no socket. ARCHITECTURE.md says what is where.
"""

from raftlock import errors
from raftlock.client.client import AsyncLockClient
from raftlock.client.fencing import FencedResource
from raftlock.client.sync import LockClient
from raftlock.cluster.live import AsyncCluster, Cluster
from raftlock.errors import RaftLockError
from raftlock.lock.rules import LockRules
from raftlock.raft.rules import Rules
from raftlock.sim.gallery import scene, scenes
from raftlock.sim.sharing import Scenario
from raftlock.sim.simulation import Simulation
from raftlock.sim.stories import broken, broken_rules
from raftlock.types import (
    LockInfo,
    LogEntry,
    NodeRole,
    Outcome,
    RaftStatus,
    TraceEvent,
)

__version__ = "0.1.0"

__all__ = [
    "AsyncCluster",
    "AsyncLockClient",
    "Cluster",
    "FencedResource",
    "LockClient",
    "LockInfo",
    "LockRules",
    "LogEntry",
    "NodeRole",
    "Outcome",
    "RaftLockError",
    "RaftStatus",
    "Rules",
    "Scenario",
    "Simulation",
    "TraceEvent",
    "broken",
    "broken_rules",
    "errors",
    "scene",
    "scenes",
]
