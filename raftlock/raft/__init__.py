"""The consensus core: Raft as a pure state machine, one section of the paper a file."""

from raftlock.raft.config import RaftConfig
from raftlock.raft.effects import (
    ChangeMembers,
    Effects,
    Event,
    PeerLost,
    Persist,
    Persisted,
    Propose,
    Read,
    Receive,
    Recovered,
    Resolution,
    Send,
    SnapshotTaken,
    Transfer,
    Wake,
)
from raftlock.raft.log import RaftLog
from raftlock.raft.node import Raft
from raftlock.raft.random64 import Random64
from raftlock.raft.rules import LogPosition, Rules

__all__ = [
    "ChangeMembers",
    "Effects",
    "Event",
    "LogPosition",
    "PeerLost",
    "Persist",
    "Persisted",
    "Propose",
    "Raft",
    "RaftConfig",
    "RaftLog",
    "Random64",
    "Read",
    "Receive",
    "Recovered",
    "Resolution",
    "Rules",
    "Send",
    "SnapshotTaken",
    "Transfer",
    "Wake",
]
