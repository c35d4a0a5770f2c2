"""The one place where an `Effects` becomes deeds: persist, send, apply, resolve.

Sans-IO: the real node and the simulator both put events in and perform the `Work` that comes out.

A request's way through here: `propose` -> the core appends and asks for a write -> `Work.write` ->
(the disk) -> `synced` -> the core hears that it is durable -> other nodes acknowledge -> the core
hands the committed entry over -> the lock table applies it -> the proposal has its answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from zlib import crc32

from raftlock.errors import ErrorCode
from raftlock.lock.commands import describe, encode, fields_of
from raftlock.lock.machine import LockMachine
from raftlock.lock.rules import LockRules
from raftlock.node.looks import Look, Page
from raftlock.node.picture import picture
from raftlock.node.proposals import Proposals
from raftlock.node.rates import Rates
from raftlock.node.sessions import SESSION_TTL_MS, SessionWatch
from raftlock.node.shown import info_in, lock_data
from raftlock.node.watching import Watches
from raftlock.raft.config import RaftConfig
from raftlock.raft.effects import (
    ChangeMembers,
    Event,
    Persist,
    Persisted,
    Propose,
    Read,
    Recovered,
    Resolution,
    Send,
    SnapshotTaken,
    Transfer,
    Wake,
)
from raftlock.raft.node import Raft
from raftlock.raft.random64 import Random64
from raftlock.raft.rules import Rules
from raftlock.types.answers import Outcome
from raftlock.types.commands import Command, LockInfo, LockOperation
from raftlock.types.events import Emitter, Json, Note
from raftlock.types.ids import Index, LockID, Millis, NodeID, ProposalID, SessionID, Term
from raftlock.types.log import LogEntry, Snapshot
from raftlock.types.membership import Configuration
from raftlock.types.roles import NodeRole
from raftlock.types.rpc import Message
from raftlock.types.status import LockStats, ProposalResult

__all__ = ["Driver", "Envelope", "Work"]


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message that may leave now. `cause` is the trace number of what brought it about."""

    to: NodeID
    message: Message
    cause: int


@dataclass(slots=True)
class Work:
    """What the caller must do now, in this order.

    `sends` may leave at once. `write`, if not empty, goes to storage; once it is synced the caller
    calls `Driver.synced`. `outcomes` are the final answers of requests that were queued, for
    whoever still waits for them here. `lost_leadership` says that this node led before and does so
    no longer: nobody whom it owes an answer will get one from here. At `wake_at` (milliseconds of
    the node's clock) the caller steps a `Wake`.
    """

    sends: list[Envelope] = field(default_factory=list)
    write: tuple[Persist, ...] = ()
    outcomes: list[Outcome] = field(default_factory=list)
    lost_leadership: bool = False
    wake_at: Millis | None = None


class Driver:
    """One node's core, lock table and unfinished business.

    Its methods take the node's clock in milliseconds, which must not go backwards.
    """

    def __init__(
        self,
        config: RaftConfig,
        recovered: Recovered,
        recorder: Emitter,
        *,
        seed: int,
        now: Millis,
        rules: Rules | None = None,
        lock_rules: LockRules | None = None,
        session_ttl_ms: Millis = SESSION_TTL_MS,
    ) -> None:
        self.raft = Raft(config, recovered, Random64(seed), rules or Rules(), now=now)
        self.table = LockMachine(lock_rules or LockRules())
        self.proposals = Proposals()
        self.watch = SessionWatch(session_ttl_ms)
        self.rates = Rates()
        self.watches = Watches()
        self._me = config.node_id
        self._recorder = recorder
        self._queued: list[Persist] = []
        self._in_flight: tuple[Persist, ...] = ()
        self._held: deque[tuple[int, Envelope]] = deque()
        self._last_write = 0
        self._told_sync = 0
        self._on_disk = (self.raft.log.last_index, self.raft.log.last_term)
        self._empty_index = Index(0)
        self._asked: dict[ProposalID, Callable[[Resolution], None]] = {}
        self._asked_count = 0
        self._ready_reads: list[Resolution] = []
        self._tell_recovery(recovered)

    def step(self, event: Event, cause: int = 0) -> Work:
        """Put one event through the core. `cause` is the trace number of what brought it here."""
        work = Work()
        led = self.raft.role is NodeRole.LEADER
        if isinstance(event, Wake):
            self._idle(event.now, work)
        self._run(event, cause, work)
        return self._finish(event.now, led, work)

    def propose(
        self, now: Millis, command: Command, result: Callable[[ProposalResult], None]
    ) -> Work:
        """Propose `command`; `result` is called once, in this call or a later one."""
        self.watch.hear(now, command.session_id)
        pending = self.proposals.submit(now, command, encode(command), result)
        return self.step(Propose(now, pending.id, pending.command))

    def read(self, now: Millis, result: Callable[[Resolution], None]) -> Work:
        """Ask when the table may be read; `result` is called once, in this call or a later one.

        If it is told `accepted`, the table as it is in that moment is a true answer.
        """
        return self.step(Read(now, self._ask(result)))

    def keep_alive(
        self, now: Millis, session: SessionID, result: Callable[[Resolution], None]
    ) -> Work:
        """A session's client says that it lives; `result` is `read`'s.

        An answer from here would be worth nothing if this node led only by its own belief: the
        leader that there is would end the session all the same.
        """
        self.watch.hear(now, session)
        return self.read(now, result)

    def lock_info(self, now: Millis, lock_id: LockID) -> LockInfo:
        """How the lock stands in the table, for whom `read` has told that it may be read."""
        return info_in(self.table, lock_id, self.raft.cluster_time(now))

    def find_locks(self, now: Millis, look: Look) -> Page:
        """The locks that are wanted, for whom `read` has told that the table may be read."""
        at = self.raft.cluster_time(now)
        found = self.table.find(lambda lock: look.filter.matches(lock, at))
        shown = found[look.offset : look.offset + look.limit]
        infos = tuple(info_in(self.table, lock_id, at) for lock_id in shown)
        return Page(infos, len(found), look.offset)

    def lock_stats(self, now: Millis) -> LockStats:
        """What the table holds and has done, and how much of it in the last minute."""
        return self.rates.over_a_minute(now, self.table.stats())

    def transfer(self, now: Millis, target: NodeID, result: Callable[[Resolution], None]) -> Work:
        """Hand leadership to `target`, or to who is furthest if it is empty (`raft.Transfer`).

        `result` is called once, in this call or a later one: accepted when the target was told to
        stand. Whether it was elected is for the caller to see.
        """
        return self.step(Transfer(now, self._ask(result), target))

    def change_members(
        self,
        now: Millis,
        voters: tuple[NodeID, ...],
        learners: tuple[NodeID, ...],
        result: Callable[[Resolution], None],
    ) -> Work:
        """Begin to go over to these members (`raft.ChangeMembers`).

        `result` is called once, in this call or a later one: accepted when the first entry of the
        change is in this leader's log. It is done when a configuration that is not joint is
        committed: see `RaftStatus.configuration`.
        """
        return self.step(ChangeMembers(now, self._ask(result), voters, learners))

    def synced(self, now: Millis) -> Work:
        """The write handed out last is durable: what waited for it may leave."""
        assert self._in_flight, "nothing was being written"
        last, cause = self._in_flight[-1].write, self.on_disk()
        self._told_sync = 0
        for write in self._in_flight:
            self._note_on_disk(write)
        self._in_flight = ()
        work = Work()
        led = self.raft.role is NodeRole.LEADER
        while self._held and self._held[0][0] <= last:
            work.sends.append(self._held.popleft()[1])
        index, term = self._on_disk
        self._run(Persisted(now, last, index, term), cause, work)
        return self._finish(now, led, work)

    @property
    def callers(self) -> tuple[object, ...]:
        """What is called with the answers that it owes to others than itself."""
        asked = (
            each
            for each in self._asked.values()
            if not (isinstance(each, partial) and each.func == self._end_proposed)
        )
        return (*(each.result for each in self.proposals.pending()), *asked)

    def on_disk(self) -> int:
        """Tell that the write handed out last is durable, unless that was told; the event's number.

        `synced` tells it too. This is for a node that dies, or stands still, before it hears it.
        """
        if self._in_flight and not self._told_sync:
            self._told_sync = self._tell(Note("fsync", {"write": self._in_flight[-1].write}))
        return self._told_sync

    def _ask(self, result: Callable[[Resolution], None]) -> ProposalID:
        """An id for what is no proposal, so that its answer finds the way back."""
        self._asked_count += 1
        asked = ProposalID(f"asked {self._asked_count}")
        self._asked[asked] = result
        return asked

    def _run(self, event: Event, cause: int, work: Work) -> None:
        try:
            effects = self.raft.step(event)
        except AssertionError:
            # What led to it, so that whoever reads the trace sees which promise was broken first.
            self._tell_all(self.raft.unfinished, cause)
            raise
        first = self._tell_all(effects.trace, cause)
        cause = cause or first
        work.sends.extend(Envelope(send.to, send.message, cause) for send in effects.send_now)
        if effects.persist is not None:
            self._queued.append(effects.persist)
            self._last_write = effects.persist.write
        self._send_after(effects.send_after, cause, work)
        # Resolved before applied: in a cluster of one an entry is accepted and applied in one step.
        for resolution in effects.resolved:
            if not resolution.proposal_id and not resolution.accepted:
                self._empty_index = Index(0)  # no tick was taken: it is still due
            asked = self._asked.pop(resolution.proposal_id, None)
            if asked is not None:
                asked(resolution)
            else:
                self.proposals.resolve(event.now, resolution)
        if effects.install is not None:
            self._restore(effects.install, cause)
        for entry in effects.apply:
            self._apply(entry, event.now, cause, work)
        self._ready_reads.extend(effects.reads)
        work.wake_at = effects.wake_at
        if effects.take_snapshot:
            taken = SnapshotTaken(event.now, self.table.last_applied, self.table.snapshot())
            self._run(taken, cause, work)

    def _finish(self, now: Millis, led: bool, work: Work) -> Work:  # noqa: FBT001 - private
        leads = self.raft.role is NodeRole.LEADER
        if leads and not led:
            # The no-op of a new leader is an empty entry: until it is applied, no tick is due.
            self._empty_index = self.raft.log.last_index
            self.watch.begin(now, self.table.sessions())
        elif led and not leads:
            self.watch.stop()
        self._end_silent_sessions(now, work)
        self._tick_if_due(now, work)
        work.wake_at = _earlier(work.wake_at, self.watch.wake_at())
        self._answer_reads(now)
        if led and self.raft.role is not NodeRole.LEADER:
            work.lost_leadership = True
            text = f"{self._me} no longer leads: ask the new leader with the same request id."
            self.proposals.fail_all(now, ErrorCode.NOT_LEADER, text)
        if not self._in_flight and self._queued:
            self._in_flight = tuple(self._queued)
            self._queued.clear()
            work.write = self._in_flight
        return work

    def _tick_if_due(self, now: Millis, work: Work) -> None:
        """Propose an empty entry when a deadline of the table has passed and nothing else came.

        At most one empty entry is on its way at a time: its stamp says all that a second could.
        """
        if self.raft.role is not NodeRole.LEADER:
            return
        deadline = self.table.next_deadline()
        if deadline is None or self.raft.last_applied < self._empty_index:
            return
        left = deadline - self.raft.cluster_time(now)
        if left >= 0:
            work.wake_at = _earlier(work.wake_at, Millis(now + left + 1))
            return
        # Set first: the step below must not find another one due.
        self._empty_index = Index(self.raft.log.last_index + 1)
        self._run(Propose(now, ProposalID(""), b""), 0, work)

    def _end_silent_sessions(self, now: Millis, work: Work) -> None:
        """Propose the end of each session that was silent for longer than its TTL."""
        for session in self.watch.due(now):
            if not self.table.session(session):
                self.watch.forget(session)
                continue
            end = Command(
                LockOperation.END_SESSION,
                client_id=self.table.client_of(session),
                session_id=session,
            )
            asked = self._ask(partial(self._end_proposed, now, session))
            self._run(Propose(now, asked, encode(end)), 0, work)

    def _end_proposed(self, now: Millis, session: SessionID, resolution: Resolution) -> None:
        self.watch.proposed(now, session, accepted=resolution.accepted)

    def _answer_reads(self, now: Millis) -> None:
        """Answer the reads that the core let go.

        If a deadline has passed that no entry has said yet, they wait for the tick that says it.
        """
        leads, deadline = self.raft.role is NodeRole.LEADER, self.table.next_deadline()
        if leads and deadline is not None and deadline < self.raft.cluster_time(now):
            return
        ready, self._ready_reads = self._ready_reads, []
        for resolution in ready:
            self._asked.pop(resolution.proposal_id)(resolution)

    def _send_after(self, sends: tuple[Send, ...], cause: int, work: Work) -> None:
        busy = bool(self._in_flight or self._queued)
        for send in sends:
            envelope = Envelope(send.to, send.message, cause)
            if busy:
                self._held.append((self._last_write, envelope))
            else:
                work.sends.append(envelope)

    def _note_on_disk(self, write: Persist) -> None:
        if write.truncate_from is not None and self._on_disk[0] >= write.truncate_from:
            self._on_disk = (Index(write.truncate_from - 1), Term(0))
        base = write.base
        if base is not None and self._on_disk[0] <= base.last_included_index:
            self._on_disk = (base.last_included_index, base.last_included_term)
        if write.entries:
            self._on_disk = (write.entries[-1].index, write.entries[-1].term)

    def _apply(self, entry: LogEntry, now: Millis, cause: int, work: Work) -> None:
        message = self.table.apply(entry, now)
        data: dict[str, Json] = {
            "index": entry.index,
            "term": entry.term,
            "stamp": entry.stamp,
            "op": self._words(entry),
            "hash": self.table.digest(),
        }
        applied = self._tell(Note("apply", data), cause)
        for change in message.changes:
            self._tell(Note("lock", lock_data(change)), applied)
        self.watches.changed(entry.index, message.changes)
        self.watch.applied(now, message.command_result_data)
        if self.rates.is_due(now):
            self.rates.note(now, self.table.stats())
        self.proposals.applied(now, entry.index, entry.term, message.command_result_data)
        work.outcomes.extend(message.outcomes)

    def _idle(self, now: Millis, work: Work) -> None:
        """No entry came: by the correct rules the table stays as it is (`LockMachine.idle`)."""
        message = self.table.idle(now)
        if message is not None:
            for change in message.changes:
                self._tell(Note("lock", lock_data(change)))
            work.outcomes.extend(message.outcomes)

    def _restore(self, snapshot: Snapshot, cause: int) -> None:
        """The table becomes the snapshot's; all its locks are told, since any may have changed."""
        self.table.restore(snapshot.data)
        self.watches.begin_after(snapshot.metadata.last_included_index)
        data: dict[str, Json] = {
            "index": snapshot.metadata.last_included_index,
            "hash": self.table.digest(),
        }
        self._tell(Note("restore", data), cause)
        for change in self.table.all():
            self._tell(Note("lock", lock_data(change)), cause)

    def _tell_recovery(self, recovered: Recovered) -> None:
        """Tell the trace what a restarted node found on its disk."""
        state, (index, members) = recovered.state, self.raft.members
        if state.current_term == 0:
            # It has never run: who joins says by whom it goes, the others go by the header.
            if members.learners:
                self._tell(Note("config", _members_data(index, members), rule="Restart"))
            return
        self._tell(Note("term", {"term": state.current_term}, rule="Restart"))
        if state.voted_for:
            self._tell(Note("vote", {"for": state.voted_for}, rule="Restart"))
        if recovered.snapshot is not None:
            place = recovered.snapshot.metadata
            data: dict[str, Json] = {
                "index": place.last_included_index,
                "term": place.last_included_term,
                "bytes": len(recovered.snapshot.data),
            }
            told = self._tell(Note("install", data, rule="Restart"))
            self._restore(recovered.snapshot, told)
        if recovered.entries:
            self._tell(Note("append", rule="Restart", entries=recovered.entries))
        if index > 0 or members.learners:
            self._tell(Note("config", _members_data(index, members), rule="Restart"))

    # ---- how it stands, in the words of the trace ----

    def picture(self, now: Millis) -> Iterator[Note]:
        """How the node stands, for who begins to look at it; see `node.picture`."""
        return picture(self, now)

    def entries_in_words(self, entries: Sequence[LogEntry]) -> list[Json]:
        """Entries as an ``append`` has them."""
        return [self._entry(entry, whole=False) for entry in entries]

    def members_in_fields(self, index: Index, members: Configuration) -> dict[str, Json]:
        """Members as a ``config`` has them."""
        return _members_data(index, members)

    def locks_in_fields(self) -> Iterator[dict[str, Json]]:
        """All locks as a ``lock`` has them."""
        return map(lock_data, self.table.all())

    def _tell_all(self, notes: tuple[Note, ...], cause: int) -> int:
        """Record `notes` in order, and give the first one's number: it is the others' cause."""
        first = 0
        for note in notes:
            number = self._tell(note, cause or first)
            first = first or number
        return first

    def _tell(self, note: Note, cause: int = 0) -> int:
        if note.entries:
            # A command's fields are told once: by the leader who puts it into the log.
            whole = note.rule == "ClientRequest"
            entries: list[Json] = [self._entry(entry, whole=whole) for entry in note.entries]
            note = Note(note.kind, {**note.data, "entries": entries}, note.rule)
        return self._recorder.emit(self._me, note, term=self.raft.current_term, cause=cause)

    def _entry(self, entry: LogEntry, *, whole: bool) -> dict[str, Json]:
        told: dict[str, Json] = {
            "index": entry.index,
            "term": entry.term,
            "stamp": entry.stamp,
            "op": self._words(entry),
            "sum": crc32(entry.command),
        }
        if whole and entry.command:
            told["command"] = fields_of(entry.command)
        return told

    def _words(self, entry: LogEntry) -> str:
        """An entry in a word or two. The first of its term that is empty is its leader's no-op."""
        if entry.configuration is not None:
            return _members_in_words(entry.configuration)
        if not entry.command and self.raft.log.term_at(Index(entry.index - 1)) != entry.term:
            return "no-op"
        return describe(entry.command)


def _earlier(one: Millis | None, other: Millis | None) -> Millis | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _members_in_words(members: Configuration) -> str:
    words = "members " + " ".join(members.voters)
    if members.learners:
        words += f", {' '.join(members.learners)} learning"
    if members.outgoing:
        words += f", with {' '.join(members.outgoing)}"
    return words


def _members_data(index: Index, members: Configuration) -> dict[str, Json]:
    return {
        "index": index,
        "voters": list(members.voters),
        "learners": list(members.learners),
        "outgoing": list(members.outgoing),
    }
