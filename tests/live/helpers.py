"""Questions that live tests ask of a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from raftlock import Cluster
from raftlock.trace.view import ClusterView
from raftlock.types import TraceEvent

T = TypeVar("T")


def look(cluster: Cluster, question: Callable[[ClusterView], T]) -> T:
    """Ask the view, on the thread it belongs to."""

    async def ask() -> T:
        await cluster.laboratory.settled()
        return question(cluster.recorder.view)

    return cluster.runner.call(ask())


def events(cluster: Cluster, *kinds: str) -> list[TraceEvent]:
    """The kept events of these kinds, oldest first."""

    async def ask() -> list[TraceEvent]:
        await cluster.laboratory.settled()
        return [event for event in cluster.recorder.events if event.kind in kinds]

    return cluster.runner.call(ask())


def until(cluster: Cluster, predicate: Callable[[ClusterView], bool], timeout: float = 30) -> None:
    """Wait until the view says so."""
    cluster.runner.call(cluster.run_until_here(predicate, timeout))


def others(cluster: Cluster, *nodes: str) -> list[str]:
    """The nodes that are not named."""
    return [node for node in cluster.nodes if node not in nodes]
