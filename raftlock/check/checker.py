"""All checks at once, over a trace as it comes or as it was kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from raftlock.check.answers import AnswerChecker
from raftlock.check.clocks import Clocks
from raftlock.check.cluster import ClusterModel
from raftlock.check.disks import DiskChecker
from raftlock.check.history import Operation, by_lock, lock_history
from raftlock.check.invariants import RaftChecker
from raftlock.check.joint import JointLockObject, is_joint, without_repeats
from raftlock.check.linearizability import Verdict, judge
from raftlock.check.locks import LockChecker
from raftlock.check.objects import LockObject
from raftlock.check.violation import Findings, Violation
from raftlock.trace.fields import flag, text
from raftlock.types.events import Json, TraceEvent

__all__ = ["Checker", "check_history", "check_trace"]

KEPT_MAX = 100
"""How many violations are kept: after the first few the rest are consequences."""

FORGOTTEN_AT_ONCE = 500
"""After so many entries that all logs have dropped, what is known of them is looked through."""


class Checker:
    """Subscribe `feed` to a recorder from its first event on; `violations` is what it found.

    From a ``gap`` on nothing is claimed: not all that happened is in the trace.

    Once a node that goes on voting has lost its disk, loss is to be expected: from then on
    `disk_was_lost` is true, and what is found goes to `expected`. `end` says that no more comes.
    """

    def __init__(self, header: Mapping[str, Json]) -> None:
        self.violations: list[Violation] = []
        self.expected: list[Violation] = []
        self.disk_was_lost = False
        self._findings = findings = Findings()
        self._clocks = clocks = Clocks(header)
        self._cluster = cluster = ClusterModel(header)
        self._disks = disks = DiskChecker(cluster, findings)
        ages = flag(header, "ageing") or "AgeingRules" in text(header, "modified").split(", ")
        self.locks = locks = LockChecker(clocks, findings, ages=ages)
        self._answers = answers = AnswerChecker(locks.model, findings)
        self._raft = raft = RaftChecker(cluster, disks, clocks, findings)
        on_node = raft.handlers | disks.handlers
        others = locks.handlers | answers.handlers
        others |= {"node": self._life, "fault": self._fault, "compact": self._forget}
        self._handlers = {kind: (on_node.get(kind), others.get(kind)) for kind in on_node | others}
        self._blind = False
        self._cut_off = text(header, "runtime") in {"process", "connected"}
        self._now = 0
        self._forgotten = 0

    @property
    def committed(self) -> int:
        """How many entries are known to be committed."""
        return len(self._cluster.committed)

    def feed(self, event: TraceEvent) -> None:
        """Look at one event."""
        self._blind = self._blind or event.kind == "gap"
        if self._blind or len(self.violations) >= KEPT_MAX:
            return
        findings, node = self._findings, event.node
        if node in self.locks.telling and event.kind != "lock":
            self._told_all(node, ended=event.kind == "node")
        findings.seq = event.seq
        if node in self._disks.recovering:
            self._disks.acts(event)
        handlers = self._handlers.get(event.kind)
        if handlers is not None:
            on_node, other = handlers
            if on_node is not None and node in self._cluster.nodes:
                on_node(self._cluster.nodes[node], event)
            if other is not None:
                other(event)
        self._now = event.t
        if findings.found:
            self._take()

    def end(self) -> None:
        """Look at what the trace leaves open."""
        if self._blind:
            return
        for node in list(self.locks.telling):
            self._told_all(node, ended=True)
        self._answers.end(self._now)
        self._take()

    def _told_all(self, node: str, *, ended: bool) -> None:
        """A process that was killed may have been in the middle of a sentence: it is not judged."""
        if ended and self._cut_off:
            del self.locks.telling[node]
        else:
            self.locks.told_all(node)

    def _take(self) -> None:
        found = self._findings.take()
        if self.disk_was_lost:
            self.expected += found[: KEPT_MAX - len(self.expected)]
        else:
            self.violations += found

    def _forget(self, event: TraceEvent) -> None:
        """A long run would else keep all that ever was; some of it nobody needs."""
        upto = self._cluster.dropped_everywhere
        if upto >= self._forgotten + FORGOTTEN_AT_ONCE:
            self._forgotten = upto
            self._raft.forget(upto)
            self.locks.forget(upto)

    def _life(self, event: TraceEvent) -> None:
        self._disks.life(event)
        self.locks.life(event)
        self._answers.life(event)

    def _fault(self, event: TraceEvent) -> None:
        data = event.data
        what = text(data, "what")
        if what == "clock":
            node = self._cluster.nodes.get(text(data, "node"))
            leads = node is not None and node.role == "leader"
            self._clocks.change(event.t, data, leads=leads)
        elif what in {"wipe", "disk"}:
            self._disks.fault(event)
            if what == "wipe" and flag(data, "as_voter"):
                self.disk_was_lost = True


def check_trace(header: Mapping[str, Json], events: Iterable[TraceEvent]) -> list[Violation]:
    """What a whole trace breaks; it must be there from its first event on.

    Nothing that is to be expected, since a voter has lost its disk (`Checker.expected`), is in it.
    """
    checker = Checker(header)
    for event in events:
        checker.feed(event)
    checker.end()
    return checker.violations


def check_history(header: Mapping[str, Json], events: Collection[TraceEvent]) -> list[Violation]:
    """The locks whose history no order explains, and those whose search was given up.

    The trace must be there from its first event on. Not to be judged counts as a failure, too.
    Where clocks were made to run fast or to jump, holds may end that much earlier.
    """
    clocks = Clocks(header)
    if any(event.kind == "gap" for event in events):
        return []  # others may have held the locks before
    for event in events:
        if event.kind == "fault" and text(event.data, "what") == "clock":
            clocks.change(event.t, event.data, leads=True)  # it may come to lead
    margin, jumps = clocks.margin_percent, clocks.jumps
    found = []
    for lock, operations in by_lock(lock_history(events)).items():
        if is_joint(operations):
            joint = JointLockObject(margin, jumps, operations=operations)
            judgement = judge(without_repeats(operations), joint, lock=lock)
        else:
            judgement = judge(operations, LockObject(margin, jumps), lock=lock)
        if not judgement.holds:
            unknown = judgement.verdict is Verdict.UNKNOWN
            name = "not judged" if unknown else "linearizability"
            found.append(Violation(name, judgement.text, _last(operations)))
    return found


def _last(operations: Iterable[Operation]) -> int:
    """The number of the last event that the operations know of."""
    return max((each.returned or each.call)[1] for each in operations)
