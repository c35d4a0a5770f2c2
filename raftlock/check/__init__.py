"""Checks that share nothing with what they judge: they read the trace, and nothing else."""

from raftlock.check.history import Answer, Operation, lock_history, resource_history
from raftlock.check.linearizability import Judgement, Verdict, judge, judge_each
from raftlock.check.objects import FencedRegister, LockObject, SequentialObject

__all__ = [
    "Answer",
    "FencedRegister",
    "Judgement",
    "LockObject",
    "Operation",
    "SequentialObject",
    "Verdict",
    "judge",
    "judge_each",
    "lock_history",
    "resource_history",
]
