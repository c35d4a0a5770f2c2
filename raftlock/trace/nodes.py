"""One node as the trace shows it, and its log with what its disk holds of it."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from raftlock.trace.fields import number
from raftlock.types import Configuration, Json, TraceEvent

__all__ = ["LogView", "NodeView", "Point", "Row", "Tally", "Timer"]

KEPT_ENTRIES = 1_000
"""How many of a log's last entries are kept at least; twice as many before the oldest go."""

KEPT_CHANGES = 500
"""How many changes of a log are remembered, so that a delta can say what changed."""

KEPT_CONFIGURATIONS = 20
"""How many configurations before the present one a node's picture keeps."""

KEPT_POINTS = 32
"""How many steps of a node's role and term are kept for the chart."""


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of a log as a grid shows it: `op` in words, `stamp` in cluster time (ms)."""

    index: int
    term: int
    op: str
    stamp: int


class Timer(NamedTuple):
    """A node's running timer: ``election`` or ``heartbeat``, in microseconds of run time."""

    kind: str
    deadline: int
    duration: int


class Tally(NamedTuple):
    """A candidate's count of the votes: who granted, who refused, how many it needs."""

    granted: tuple[str, ...]
    refused: tuple[str, ...]
    needed: int


class Point(NamedTuple):
    """One step in the chart of roles and terms over time; `seq` is the event that made it."""

    seq: int
    t: int
    term: int
    role: str
    state: str


class Change(NamedTuple):
    """One change of a log: everything from `start` on is new; `cut` if entries were dropped."""

    seq: int
    start: int
    cut: bool


@dataclass(slots=True)
class Undo:
    """How to take back a change of the log that the disk has not synced.

    `write` is the number of the write that makes the change durable, 0 while it has none; what
    stood at `start` and after is in `dropped`.
    """

    write: int
    start: int
    dropped: tuple[Row, ...]


class LogView:
    """A node's log, entry by entry, with what a crash would take away.

    A change is undone at a kill unless a ``fsync`` said that its write is durable. A ``write``
    covers all changes told before it that no earlier write covers. Entries up to `base`, the last
    of term `base_term`, are not in the log any more, since a snapshot stands for them; `based` is
    the event that last changed that.
    """

    __slots__ = ("base", "base_term", "based", "changes", "first", "forgotten", "rows", "undo")

    def __init__(self) -> None:
        self.base = self.base_term = 0
        self.based = 0
        self.first = 1
        self.rows: list[Row] = []
        self.undo: list[Undo] = []
        self.changes: deque[Change] = deque(maxlen=KEPT_CHANGES)
        self.forgotten = 0  # the last change that is no longer remembered

    def copy(self) -> LogView:
        """The same log, to go on apart."""
        twin = copy.copy(self)
        twin.rows, twin.changes = list(self.rows), self.changes.copy()
        twin.undo = [copy.copy(undo) for undo in self.undo]
        return twin

    @property
    def last(self) -> int:
        """The index of the last entry, 0 if there is none."""
        return self.first + len(self.rows) - 1

    def term_at(self, index: int) -> int:
        """The term of the entry at `index`; 0 where none is kept."""
        if index == self.base:
            return self.base_term
        place = index - self.first
        return self.rows[place].term if 0 <= place < len(self.rows) else 0

    def put(self, seq: int, rows: list[Row]) -> None:
        """Lay `rows` (consecutive indexes) over the log; what stood there and after goes."""
        if not rows:
            return
        start = rows[0].index
        if self.first <= start <= self.last + 1:
            dropped = tuple(self.rows[start - self.first :])
            self.undo.append(Undo(0, start, dropped))
            self.rows[start - self.first :] = rows
            self._changed(seq, start, cut=bool(dropped))
        else:
            # After a hole (a snapshot, or a trace that begins late) the log begins anew.
            self.undo.clear()
            self.rows, self.first = list(rows), start
            self._set_base(seq, start - 1, 0)
            self._changed(seq, start, cut=True)
        if len(self.rows) > 2 * KEPT_ENTRIES:
            del self.rows[:-KEPT_ENTRIES]
            self.first = self.rows[0].index

    def cut(self, seq: int, start: int) -> None:
        """Drop the entry at `start` and all after it."""
        place = max(0, start - self.first)
        if place < len(self.rows):
            self.undo.append(Undo(0, self.first + place, tuple(self.rows[place:])))
            del self.rows[place:]
            self._changed(seq, self.first + place, cut=True)

    def begin_after(self, seq: int, index: int, term: int) -> None:
        """A snapshot stands for the entries up to `index`: what is behind them stays."""
        if self.last <= index:
            self.undo.clear()
            self.rows, self.first = [], index + 1
            self._set_base(seq, index, term)
            self._changed(seq, self.first, cut=True)

    def compact(self, seq: int, upto: int) -> None:
        """The entries up to `upto` are no longer in the log: the snapshot stands for them.

        This is not undone at a kill: what a restarted node reads from its disk is told anew.
        """
        term = self.term_at(upto)
        if upto >= self.first:
            del self.rows[: upto + 1 - self.first]
            self.first = upto + 1
        self._set_base(seq, upto, term)

    def wipe(self, seq: int) -> None:
        """Nothing is left."""
        self.undo.clear()
        self.rows, self.first = [], 1
        self._set_base(seq, 0, 0)
        self._changed(seq, 1, cut=True)

    def wrote(self, write: int) -> None:
        """Write number `write` was handed to the disk: it covers what no write covered yet."""
        for undo in reversed(self.undo):
            if undo.write:
                break
            undo.write = write

    def synced(self, write: int) -> None:
        """Write number `write`, and all before it, can no longer be lost."""
        self.undo = [undo for undo in self.undo if not 0 < undo.write <= write]

    def settle(self) -> None:
        """Everything in the log came from the disk: nothing of it can be lost."""
        self.undo.clear()

    def lose(self, seq: int) -> int:
        """The node is killed: the log falls back to what is durable; how many entries it lost."""
        before = self.last
        for undo in reversed(self.undo):
            if undo.start < self.first:  # what was before it is no longer kept
                self.rows, self.first = list(undo.dropped), undo.start
            else:
                self.rows[undo.start - self.first :] = undo.dropped
            self._changed(seq, undo.start, cut=True)
        self.undo.clear()
        return max(0, before - self.last)

    def changed_since(self, seq: int) -> Change | None:
        """What changed after event `seq`, all changes taken as one; ``None`` if nothing did.

        Ask only for a `seq` not before `forgotten`.
        """
        start, cut, newest = self.last + 1, False, 0
        for change in reversed(self.changes):
            if change.seq <= seq:
                break
            start, cut, newest = min(start, change.start), cut or change.cut, change.seq
        return Change(newest, start, cut) if newest else None

    def _set_base(self, seq: int, base: int, term: int) -> None:
        if base != self.base:
            self.base, self.base_term, self.based = base, term, seq

    def _changed(self, seq: int, start: int, *, cut: bool) -> None:
        if len(self.changes) == KEPT_CHANGES:
            self.forgotten = self.changes[0].seq
        self.changes.append(Change(seq, start, cut))


@dataclass(slots=True)
class NodeView:
    """One node as everything shown of it; `version` is the event that last changed it.

    `state` is ``up``, ``down`` or ``frozen``; a down node keeps what its disk holds (term, vote,
    log) and nothing else. Why it is down says `fate`: killed, wiped (its disk is lost), stopped
    (its disk failed) or refused (it does not start over its disk), with `why` in words. The cluster
    time it knows is `clock_ms` at `clock_at` (microseconds of run time) and runs on only on a
    leader (`clock_running`). Its own clock is `rate_ppm` in a million too fast. `waited` is how
    long its last election timer ran before it fired.
    `pre_vote` is there while it asks whether it could win an election. `lost` counts the entries
    that its last kill took. `configurations` are those in its log, by index: the last one is what
    it goes by. `handover` is whom a leader hands its office to, `told_by` the leader that told this
    node to stand. `sent` are the followers that a leader sends its snapshot, which stands for the
    entries up to `snapshot`.
    """

    id: str
    state: str = "down"
    fate: str = ""
    why: str = ""
    started: bool = False
    recovering: bool = False
    role: str = "follower"
    term: int = 0
    voted_for: str = ""
    leader: str = ""
    commit: int = 0
    applied: int = 0
    hash: str = ""
    timer: Timer | None = None
    timer_at: int = 0
    waited: int = 0
    tally: Tally | None = None
    pre_vote: Tally | None = None
    progress: dict[str, tuple[int, int]] = field(default_factory=dict)
    log: LogView = field(default_factory=LogView)
    snapshot: int = 0
    configurations: list[tuple[int, Configuration]] = field(default_factory=list)
    handover: str = ""
    told_by: str = ""
    sent: set[str] = field(default_factory=set)
    writes: dict[int, tuple[int, str]] = field(default_factory=dict)
    disk_term: int = 0
    disk_vote: str = ""
    lost: int = 0
    clock_ms: int = 0
    clock_at: int = 0
    clock_running: bool = False
    rate_ppm: int = 0
    locks: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    points: deque[Point] = field(default_factory=lambda: deque(maxlen=KEPT_POINTS))
    version: int = 0
    locks_version: int = 0

    def set_clock(self, event: TraceEvent) -> None:
        """Its own clock goes at another rate, or jumps: its timer runs out that much sooner."""
        data = event.data
        if "rate_ppm" in data:
            self.rate_ppm = number(data, "rate_ppm")
        jump = 1_000 * number(data, "jump_ms")
        if jump and self.timer is not None:
            deadline = max(event.t, self.timer.deadline - jump)
            self.timer = self.timer._replace(deadline=deadline)
        self.version = event.seq

    def copy(self) -> NodeView:
        """The same node, to go on apart."""
        twin = copy.copy(self)
        twin.log, twin.points = self.log.copy(), self.points.copy()
        twin.progress, twin.writes = dict(self.progress), dict(self.writes)
        twin.locks, twin.sent = dict(self.locks), set(self.sent)
        twin.configurations = list(self.configurations)
        return twin

    def cluster_time(self, now: int) -> int:
        """The cluster time (ms) that this node knows at run time `now` (microseconds)."""
        return self.clock_ms + ((now - self.clock_at) // 1000 if self.clock_running else 0)

    def learn_time(self, ms: int, now: int) -> None:
        """Take note of a cluster time seen in a heartbeat or a stamp: it only goes up."""
        if not self.clock_running and ms > self.clock_ms:
            self.clock_ms, self.clock_at = ms, now

    def move_to_term(self, term: int) -> None:
        """Enter a newer term: no vote in it yet, and no leader known."""
        if term > self.term:
            self.term, self.voted_for, self.leader = term, "", ""

    def take_role(self, role: str, now: int) -> None:
        """Change the role and drop what only the old one has."""
        self.role = role
        self.pre_vote = None
        self.handover = self.told_by = ""
        if role != "candidate":
            self.tally = None
        if role != "leader":
            self.progress = {}
            self.sent = set()
            self.clock_ms, self.clock_at = self.cluster_time(now), now
            self.clock_running = False
        if self.timer and (self.timer.kind == "heartbeat") != (role == "leader"):
            self.timer = None

    def write(self, number: int, term: int, vote: str) -> None:
        """The disk begins write `number`; `term` 0 if it leaves term and vote as they are."""
        self.writes[number] = (term, vote)
        self.log.wrote(number)

    def fsync(self, number: int) -> None:
        """Write `number` and all before it are durable."""
        for done in [write for write in self.writes if write <= number]:
            term, vote = self.writes.pop(done)
            if term:
                self.disk_term, self.disk_vote = term, vote
        self.log.synced(number)

    def die(self, seq: int, now: int) -> None:
        """The process ends: only what was synced is left, and the disk's queue is empty."""
        self.take_role("follower", now)
        self.lost = self.log.lose(seq)
        self.writes.clear()
        self.term, self.voted_for, self.leader = self.disk_term, self.disk_vote, ""
        self.commit, self.applied, self.hash = 0, 0, ""
        self.timer, self.recovering = None, False
        self.clock_ms, self.clock_at = self.log.rows[-1].stamp if self.log.rows else 0, now
        self.locks = {}
        self.locks_version = seq
        while len(self.configurations) > 1 and self.configurations[-1][0] > self.log.last:
            self.configurations.pop()

    def lose_disk(self, seq: int) -> None:
        """Nothing is left of a node that is down."""
        self.log.wipe(seq)
        self.term, self.voted_for, self.disk_term, self.disk_vote = 0, "", 0, ""
        self.snapshot, self.clock_ms = 0, 0
        self.configurations = []

    def go_by(self, index: int, configuration: Configuration) -> None:
        """From now on this node goes by these members, as entry `index` says."""
        known = [pair for pair in self.configurations if pair[0] < index]
        self.configurations = [*known[-KEPT_CONFIGURATIONS:], (index, configuration)]

    def mark(self, seq: int, t: int) -> None:
        """Add a point to the chart if role, term or state differ from the last one.

        Points of one moment are one point: an election changes term and role at once.
        """
        points = self.points
        here = Point(seq, t, self.term, self.role, self.state)
        if points and points[-1][2:] == here[2:]:
            return
        if points and points[-1].t == t:
            points[-1] = here
        else:
            points.append(here)
