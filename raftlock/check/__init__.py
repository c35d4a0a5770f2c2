"""Checks that share nothing with what they judge: they read the trace, and nothing else."""

from raftlock.check.checker import Checker, check_trace
from raftlock.check.violation import Violation

__all__ = ["Checker", "Violation", "check_trace"]
