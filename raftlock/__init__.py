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

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

# What is in here is loaded when it is first asked for: a command that takes a lock has no use for
# simulations, and must not wait for them.
_PLACES = {
    "AsyncCluster": "raftlock.cluster.live",
    "AsyncLockClient": "raftlock.client.client",
    "Cluster": "raftlock.cluster.live",
    "FencedResource": "raftlock.client.fencing",
    "LockClient": "raftlock.client.sync",
    "LockInfo": "raftlock.types",
    "LockRules": "raftlock.lock.rules",
    "LogEntry": "raftlock.types",
    "NodeRole": "raftlock.types",
    "Outcome": "raftlock.types",
    "RaftLockError": "raftlock.errors",
    "RaftStatus": "raftlock.types",
    "Rules": "raftlock.raft.rules",
    "Scenario": "raftlock.sim.sharing",
    "Simulation": "raftlock.sim.simulation",
    "TraceEvent": "raftlock.types",
    "broken": "raftlock.sim.stories",
    "broken_rules": "raftlock.sim.stories",
    "scene": "raftlock.sim.gallery",
    "scenes": "raftlock.sim.gallery",
}


def __getattr__(name: str) -> object:
    """What `name` stands for, from where it is."""
    if name == "errors":
        return import_module("raftlock.errors")
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module 'raftlock' has no attribute {name!r}")
    found: object = getattr(import_module(place), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """All that can be asked for."""
    return sorted(__all__)
