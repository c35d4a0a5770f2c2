"""The plain names of things, each a type of its own so that a checker can tell them apart.

They are the original raftlock's identifiers (its ``types`` package), plus the units used inside.
"""

from __future__ import annotations

from typing import NewType

__all__ = [
    "ClientID",
    "Index",
    "LockID",
    "Micros",
    "Millis",
    "NodeID",
    "ProposalID",
    "SessionID",
    "Term",
]

NodeID = NewType("NodeID", str)
"""Names a Raft node; unique in its cluster and the same after a restart."""

ClientID = NewType("ClientID", str)
"""Names one holder of locks. Not a person: two programs of one person are two clients."""

LockID = NewType("LockID", str)
"""Names a lock."""

ProposalID = NewType("ProposalID", str)
"""Names one proposal among those its leader has not answered yet."""

Term = NewType("Term", int)
"""A Raft term (paper section 5.1): a number that only grows, with at most one leader each."""

Index = NewType("Index", int)
"""A place in the log, from 1 on; 0 is before the first entry."""

SessionID = NewType("SessionID", int)
"""Names a client's session: the fencing token of the entry that opened it; 0 is none."""

Millis = NewType("Millis", int)
"""Milliseconds: a duration or a moment, on the clock its field names."""

Micros = NewType("Micros", int)
"""Microseconds of run time, the trace's unit; the core is given ``micros // 1000``."""
