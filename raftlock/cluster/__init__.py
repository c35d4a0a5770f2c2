"""A live cluster in this process: its clock, its thread, and the verbs that people use."""

from raftlock.cluster.live import AsyncCluster, Cluster

__all__ = ["AsyncCluster", "Cluster"]
