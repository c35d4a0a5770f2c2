"""All checks at once, over a trace as it comes or as it was kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from raftlock.check.history import Operation, by_lock, lock_history
from raftlock.check.invariants import RaftChecker
from raftlock.check.linearizability import Verdict, judge
from raftlock.check.locks import LockChecker
from raftlock.check.objects import LockObject
from raftlock.check.violation import Violation
from raftlock.types.events import Json, TraceEvent

__all__ = ["Checker", "check_history", "check_trace"]

KEPT_MAX = 100
"""How many violations are kept: after the first few the rest are consequences."""


class Checker:
    """Subscribe `feed` to a recorder from its first event on; `violations` is what it found."""

    def __init__(self, header: Mapping[str, Json]) -> None:
        self.raft = RaftChecker(header)
        self.locks = LockChecker()
        self.violations: list[Violation] = []

    def feed(self, event: TraceEvent) -> None:
        """Look at one event."""
        if len(self.violations) < KEPT_MAX:
            self.violations += self.raft.feed(event)
            self.violations += self.locks.feed(event)


def check_trace(header: Mapping[str, Json], events: Iterable[TraceEvent]) -> list[Violation]:
    """What a whole trace breaks; it must be there from its first event on."""
    checker = Checker(header)
    for event in events:
        checker.feed(event)
    return checker.violations


def check_history(events: Iterable[TraceEvent]) -> list[Violation]:
    """The locks whose history no order explains, and those whose search was given up.

    The trace must be there from its first event on. Not to be judged counts as a failure, too.
    """
    found = []
    for lock, operations in by_lock(lock_history(events)).items():
        judgement = judge(operations, LockObject(), lock=lock)
        if not judgement.holds:
            unknown = judgement.verdict is Verdict.UNKNOWN
            name = "not judged" if unknown else "linearizability"
            found.append(Violation(name, judgement.text, _last(operations)))
    return found


def _last(operations: Iterable[Operation]) -> int:
    """The number of the last event that the operations know of."""
    return max((each.returned or each.call)[1] for each in operations)
