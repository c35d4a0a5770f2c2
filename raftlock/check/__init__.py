"""Checks that share nothing with what they judge: they read the trace, and nothing else."""

from raftlock.check.checker import Checker, check_history, check_trace
from raftlock.check.history import Answer, Operation, lock_history, resource_history
from raftlock.check.joint import JointLockObject
from raftlock.check.linearizability import Judgement, Verdict, judge, judge_each
from raftlock.check.objects import FencedRegister, LockObject, SequentialObject
from raftlock.check.violation import Violation

__all__ = [
    "Answer",
    "Checker",
    "FencedRegister",
    "JointLockObject",
    "Judgement",
    "LockObject",
    "Operation",
    "SequentialObject",
    "Verdict",
    "Violation",
    "check_history",
    "check_trace",
    "judge",
    "judge_each",
    "lock_history",
    "resource_history",
]
