"""Where a step gathers what it asks for, until it is handed out as one `Effects`.

What must wait for the disk (Figure 2: "updated on stable storage before responding") is kept apart
from what need not (thesis 10.2.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from raftlock.raft.effects import Effects, Persist, Resolution, Send
from raftlock.types.events import Json, Note
from raftlock.types.ids import Index, Millis, NodeID
from raftlock.types.log import LogEntry, PersistentState, Snapshot, SnapshotMetadata
from raftlock.types.rpc import Message

__all__ = ["Outbox"]


class Outbox:
    """The effects of the present step. `action` is what the core is doing, as raft.tla names it."""

    __slots__ = (
        "_apply",
        "_base",
        "_entries",
        "_install",
        "_notes",
        "_reads",
        "_resolved",
        "_send_after",
        "_send_now",
        "_snapshot",
        "_take_snapshot",
        "_truncate_from",
        "action",
        "writes",
    )

    def __init__(self) -> None:
        self.writes = 0
        self.action = ""
        self._clear()

    def _clear(self) -> None:
        self._send_now: list[Send] = []
        self._send_after: list[Send] = []
        self._truncate_from: Index | None = None
        self._snapshot: Snapshot | None = None
        self._base: SnapshotMetadata | None = None
        self._entries: list[LogEntry] = []
        self._install: Snapshot | None = None
        self._take_snapshot = False
        self._apply: list[LogEntry] = []
        self._resolved: list[Resolution] = []
        self._reads: list[Resolution] = []
        self._notes: list[Note] = []

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was told since the last step's effects were handed out."""
        return tuple(self._notes)

    @property
    def next_write(self) -> int:
        """The number of the write that this step will hand out, if it hands out one."""
        return self.writes + 1

    def send_now(self, to: NodeID, message: Message) -> None:
        """Send what promises nothing, beside this node's own disk."""
        self._send_now.append(Send(to, message))

    def send_after(self, to: NodeID, message: Message) -> None:
        """Send what promises something: once everything handed out so far is durable."""
        self._send_after.append(Send(to, message))

    def truncate(self, first: Index) -> None:
        """Have the entries from `first` on dropped from disk."""
        assert self._truncate_from is None, "one truncation a step"
        assert not self._entries, "a write truncates before it appends"
        self._truncate_from = first

    def compact(self, snapshot: Snapshot, base: SnapshotMetadata) -> None:
        """Have a snapshot made durable, and then what it stands for dropped up to `base`."""
        assert not self._entries, "a write compacts before it appends"
        self._snapshot, self._base = snapshot, base

    def append(self, entries: Iterable[LogEntry]) -> None:
        """Have entries made durable."""
        self._entries += entries

    def install(self, snapshot: Snapshot) -> None:
        """Put a snapshot in the place of the state machine."""
        assert not self._apply, "what was applied before would be lost"
        self._install = snapshot

    def take_snapshot(self) -> None:
        """Ask for a snapshot of the state machine as it is after this step."""
        self._take_snapshot = True

    def apply(self, entries: Iterable[LogEntry]) -> None:
        """Hand committed entries to the state machine."""
        self._apply += entries

    def resolve(self, resolution: Resolution) -> None:
        """Tell a proposer what became of its proposal."""
        self._resolved.append(resolution)

    def answer_read(self, resolution: Resolution) -> None:
        """Tell whoever wants to read that now is the time, or why not."""
        self._reads.append(resolution)

    def note(self, kind: str, data: Mapping[str, Json], entries: tuple[LogEntry, ...] = ()) -> None:
        """Tell the trace what happened, in the course of the present action."""
        self._notes.append(Note(kind, data, self.action, entries))

    def take(self, state: PersistentState | None, wake_at: Millis) -> Effects:
        """Hand out what was gathered, with `state` to be made durable unless it is ``None``."""
        effects = Effects(
            send_now=tuple(self._send_now),
            persist=self._take_write(state),
            send_after=tuple(self._send_after),
            install=self._install,
            apply=tuple(self._apply),
            resolved=tuple(self._resolved),
            reads=tuple(self._reads),
            take_snapshot=self._take_snapshot,
            wake_at=wake_at,
            trace=tuple(self._notes),
        )
        self._clear()
        return effects

    def _take_write(self, state: PersistentState | None) -> Persist | None:
        parts = (state, self._truncate_from, self._snapshot, self._entries or None)
        if all(part is None for part in parts):
            return None
        self.writes += 1
        write = Persist(
            self.writes,
            state,
            self._truncate_from,
            tuple(self._entries),
            self._snapshot,
            self._base,
        )
        data: dict[str, Json] = {"write": write.write}
        if state is not None:
            data |= {"term": state.current_term, "voted_for": state.voted_for}
        if write.entries:
            data |= {"from": write.entries[0].index, "to": write.entries[-1].index}
        if write.snapshot is not None:
            data["snapshot"] = write.snapshot.metadata.last_included_index
        if write.base is not None:
            data["base"] = write.base.last_included_index
        self.note("write", data)
        return write
