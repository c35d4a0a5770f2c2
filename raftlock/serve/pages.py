"""What a node tells a monitor over plain HTTP: ``/healthz`` and Prometheus text on ``/metrics``.

Both need no token and name no lock: who can reach the port may know how busy the cluster is.
"""

from __future__ import annotations

from collections.abc import Mapping

from raftlock.node.questions import leader_known
from raftlock.types.roles import NodeRole
from raftlock.types.status import LockStats, RaftStatus

__all__ = ["health", "metrics"]

_LOCKS = {
    "held": ("gauge", "Locks that are held now."),
    "waiting": ("gauge", "Clients that stand in a queue now."),
    "contested": ("gauge", "Locks that somebody waits for now."),
    "sessions": ("gauge", "Sessions of clients."),
    "acquired": ("counter", "Grants, at once or after a wait."),
    "renewed": ("counter", "Renewals."),
    "released": ("counter", "Holds that were given back."),
    "expired": ("counter", "Holds that ended by their time to live."),
    "waits_timed_out": ("counter", "Waits that ended without the lock."),
    "refused": ("counter", "Requests that changed nothing."),
}


def health(status: RaftStatus) -> tuple[int, str]:
    """200 while the node knows a leader, 503 otherwise, and in both cases why."""
    leader = leader_known(status)
    if leader == status.id:
        return 200, f"ok: {status.id} leads term {status.term}\n"
    if leader:
        return 200, f"ok: {status.id} follows {leader} in term {status.term}\n"
    return 503, f"no leader: {status.id} knows none in term {status.term}\n"


def metrics(
    status: RaftStatus, locks: LockStats, counts: Mapping[str, int], clients: int
) -> tuple[int, str]:
    """The node as Prometheus text."""
    lines: list[str] = []

    def tell(name: str, kind: str, about: str, value: float, labels: str = "") -> None:
        if not any(line.startswith(f"# TYPE raftlock_{name} ") for line in lines):
            lines.append(f"# HELP raftlock_{name} {about}")
            lines.append(f"# TYPE raftlock_{name} {kind}")
        lines.append(f"raftlock_{name}{labels} {value}")

    for role in NodeRole:
        here = int(status.role is role)
        tell("role", "gauge", "1 for the role that the node has.", here, f'{{role="{role}"}}')
    tell("has_leader", "gauge", "Whether the node knows a leader.", int(bool(leader_known(status))))
    tell("term", "gauge", "The node's term.", status.term)
    tell("log_index", "gauge", "The last entry of the node's log.", status.last_log_index)
    tell("commit_index", "gauge", "The last committed entry it knows of.", status.commit_index)
    tell("applied_index", "gauge", "The last entry in its lock table.", status.last_applied)
    tell("snapshot_index", "gauge", "The last entry in its snapshot.", status.snapshot_index)
    tell("clients", "gauge", "Clients that are connected.", clients)
    for peer, state in sorted(status.replication.items()):
        about = "How many entries a follower lacks, as the leader knows."
        tell("replication_lag", "gauge", about, state.replication_lag, f'{{peer="{peer}"}}')
    for field, (kind, about) in _LOCKS.items():
        suffix = "_total" if kind == "counter" else ""
        tell(f"locks_{field}{suffix}", kind, about, getattr(locks, field))
    for event, count in sorted(counts.items()):
        about = "What happened at the node, by kind (raftlock/types/events.py)."
        tell("events_total", "counter", about, count, f'{{kind="{event}"}}')
    return 200, "\n".join(lines) + "\n"
