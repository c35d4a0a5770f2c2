"""A node's disk in a directory: an append-only log in segments, and the latest snapshot beside it.

What `write` is given is kept until `sync`, which writes it behind the log and waits for the disk
once (a batch). A batch is written only when the one before it is durable; so damage at the end of
the log, with nothing of a later batch behind it, is a write that the power cut short: it was never
promised to anybody, and is cut off at the next start. Any other damage is a disk that lost what
had been promised, and then the node does not start. Whatever fails, fails for good: a second sync
may succeed without the data being there.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from raftlock.errors import StorageError
from raftlock.raft.effects import Persist, Recovered
from raftlock.storage.files import Directory, Files
from raftlock.storage.records import (
    FORMAT,
    Reference,
    Scan,
    Written,
    any_later,
    encode,
    frame,
    reference_to,
    scan,
)
from raftlock.types.ids import Index
from raftlock.types.log import LogEntry, PersistentState, Snapshot, SnapshotMetadata

__all__ = ["SEGMENT_BYTES", "FileStorage"]

SEGMENT_BYTES = 8 << 20
"""A segment that has grown beyond this is followed by the next."""

RESEED = (
    "do not delete anything by hand: remove this node from the cluster, move its directory away, "
    "and add a new node in its place"
)


class FileStorage:
    """A `Storage` in a directory of its own. Not for two threads at once.

    `load` raises `StorageError` if something is missing that had been promised; only that the disk
    forgot the last segment as a whole cannot be seen from here. `files` stands in for the directory
    in tests.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        files: Files | None = None,
    ) -> None:
        self._files: Files = Directory(path) if files is None else files
        self._path = Path(path)
        self._segment_bytes = segment_bytes
        self._failed = ""
        self._waiting: list[Persist] = []
        self._batch = 0  # the number of the last one
        self._size = 0  # of the last segment
        self._segments: list[tuple[str, int]] = []  # each with the last index that is in it
        self._state = PersistentState()
        self._base = SnapshotMetadata()
        self._snapshot: Reference | None = None
        self._last = 0  # the last index of the log

    # ---- the storage's calls ----

    def load(self) -> Recovered:
        """Give what survived. Raises `StorageError` if that is not all that was promised."""
        try:
            return self._load()
        except OSError as error:
            raise self._fails("could not be read", error) from error

    def write(self, batch: Sequence[Persist]) -> None:
        """Take writes; they are nowhere but here until `sync`."""
        self._check()
        self._waiting.extend(batch)

    def sync(self) -> None:
        """Make all of them durable, by one batch."""
        self._check()
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        try:
            self._make_durable(waiting)
        except OSError as error:
            raise self._fails("could not be written", error) from error

    def close(self) -> None:
        """Sync, and let go of the directory."""
        try:
            if not self._failed:
                self.sync()
        finally:
            self._failed = self._failed or "The storage has been closed."
            self._files.close()

    # ---- writing ----

    def _make_durable(self, waiting: Sequence[Persist]) -> None:
        snapshots = [write.snapshot for write in waiting if write.snapshot is not None]
        for snapshot in snapshots:
            self._keep_snapshot(snapshot)
        self._batch += 1
        parts = []
        for place, write in enumerate(waiting, start=1):
            told = _written(write)
            parts.append(frame(self._batch, encode(told), len(waiting) - place))
            self._note(told)
        name = self._segments[-1][0]
        data = b"".join(parts)
        self._files.append(name, data)
        self._files.sync(name)
        self._size += len(data)
        self._segments[-1] = (name, max(self._segments[-1][1], self._last))
        # In this order: until the next batch is behind it, a segment's head is no only copy, so one
        # that the power cut short may go.
        self._tidy(snapshots=bool(snapshots))
        if self._size > self._segment_bytes:
            self._begin_segment()

    def _keep_snapshot(self, snapshot: Snapshot) -> None:
        """Its file is whole, and there, before anything says so."""
        name = _snapshot_name(reference_to(snapshot))
        if name in self._files.names():
            return
        part = f"{name}.part"
        with suppress(FileNotFoundError):
            self._files.remove(part)
        self._files.append(part, snapshot.data)
        self._files.sync(part)
        self._files.rename(part, name)
        self._files.sync_names()

    def _begin_segment(self) -> None:
        """The next segment: its first record says all that is not in the entries behind it."""
        self._batch += 1
        name = f"log-{self._batch:016d}"
        data = self._head()
        self._files.append(name, data)
        self._files.sync(name)
        self._files.sync_names()
        self._segments.append((name, self._last))
        self._size = len(data)

    def _head(self) -> bytes:
        told = Written(self._state, None, self._snapshot, self._base, last=Index(self._last))
        return FORMAT + frame(self._batch, encode(told))

    def _note(self, write: Written) -> None:
        if write.state is not None:
            self._state = write.state
        if write.truncate_from is not None:
            self._last = write.truncate_from - 1
        if write.snapshot is not None:
            self._snapshot = write.snapshot
        if write.base is not None:
            self._base = write.base
            self._last = max(self._last, write.base.last_included_index)
        if write.entries:
            self._last = write.entries[-1].index
        if write.last is not None:
            self._last = write.last

    def _tidy(self, *, snapshots: bool) -> None:
        """What is behind the base goes, from the first segment on, and older snapshots too."""
        base = self._base.last_included_index
        while len(self._segments) > 1 and self._segments[0][1] <= base:
            self._files.remove(self._segments.pop(0)[0])
        if snapshots and self._snapshot is not None:
            kept = _snapshot_name(self._snapshot)
            for name in self._files.names():
                if name.startswith("snapshot-") and name != kept:
                    self._files.remove(name)

    # ---- reading ----

    def _load(self) -> Recovered:
        names = self._files.names()
        segments = [name for name in names if name.startswith("log-")]
        entries: dict[int, LogEntry] = {}
        for place, name in enumerate(segments):
            data = self._files.read(name)
            if self._read_segment(name, data, entries, last=place == len(segments) - 1):
                self._segments.append((name, self._last))
        if not self._segments:
            if any(name.startswith("snapshot-") for name in names):
                raise self._damaged("the log is gone, and a snapshot is there")
            self._begin_segment()
        # A process that was killed may have left what the system still keeps in its memory. What is
        # given here is acted on, so it must outlast the power, too.
        self._files.sync(self._segments[-1][0])
        self._files.sync_names()
        first = self._base.last_included_index + 1
        kept: list[LogEntry] = []
        while first + len(kept) in entries:
            kept.append(entries[first + len(kept)])
        # The heads say how long the log was: a segment that is gone leaves a hole, or an early end.
        if len(kept) != self._last - self._base.last_included_index:
            raise self._damaged(f"entry {first + len(kept)} is missing in the log")
        return Recovered(self._state, tuple(kept), self._read_snapshot(), self._base)

    def _read_segment(
        self, name: str, data: bytes, entries: dict[int, LogEntry], *, last: bool
    ) -> bool:
        """Whether the segment is one; a last one that was only begun is taken away."""
        if data.startswith(FORMAT[:-2]) and not data.startswith(FORMAT) and b"\n" in data[:40]:
            raise StorageError(
                f"{self._path / name} was written by a newer raftlock: use that one, or a later."
            )
        batch = self._batch + 1
        found = scan(data, len(FORMAT), batch) if data.startswith(FORMAT) else None
        if found is None or not found.records:
            # Those before it say all that its head does. The very first has none before it, and
            # says nothing yet, as long as nothing is behind its head.
            nothing_lost = bool(self._segments) or (batch == 1 and len(data) <= len(_first_head()))
            if last and nothing_lost and not any_later(data, 0, batch):
                self._files.remove(name)
                self._files.sync_names()
                return False
            raise self._damaged(f"{name} has no beginning")
        if found.records[0][0] > batch:
            # What lay between is gone: on purpose, if no more is missing than the base says.
            entries.clear()
            self._batch = found.records[0][0] - 1
        for batch, write in found.records:
            self._take(name, batch, write, entries)
        if not found.whole and (not last or any_later(data, found.end, found.batch)):
            raise self._damaged(f"{name} is damaged at byte {found.end}")
        if last:
            self._make_ready(name, found)
        return True

    def _make_ready(self, name: str, found: Scan) -> None:
        """Cut off what was never promised, so that the next batch can be told from it."""
        self._size = found.end
        if not found.whole:
            self._files.truncate(name, found.end)
            self._files.sync(name)
        if found.is_open:
            # The batch has only a first part. It ends here: else a torn next one, of which a later
            # record is whole, would look like damage in this one.
            end = frame(found.batch, encode(Written()))
            self._files.append(name, end)
            self._files.sync(name)
            self._size += len(end)

    def _take(self, name: str, batch: int, write: Written, entries: dict[int, LogEntry]) -> None:
        known = self._batch
        if batch not in (known, known + 1):
            raise self._damaged(f"{name} goes from batch {known} to {batch}")
        self._batch = batch
        if write.truncate_from is not None:
            _drop(entries, write.truncate_from, self._last)
        before = self._base.last_included_index
        self._note(write)
        for entry in write.entries:
            entries[entry.index] = entry
        _drop(entries, before + 1, self._base.last_included_index)

    def _read_snapshot(self) -> Snapshot | None:
        known = self._snapshot
        if known is None:
            return None
        name = _snapshot_name(known)
        if name not in self._files.names():
            raise self._damaged(f"{name} is gone")
        data = self._files.read(name)
        if not known.matches(data):
            raise self._damaged(f"{name} is not what was written")
        return known.with_data(data)

    # ---- what goes wrong ----

    def _check(self) -> None:
        if self._failed:
            raise StorageError(self._failed)

    def _fails(self, what: str, error: OSError) -> StorageError:
        reason = error.strerror or type(error).__name__
        self._failed = (
            f"The disk at {self._path} {what} ({reason}): this node has stopped. See to the disk, "
            "then start it again."
        )
        return StorageError(self._failed)

    def _damaged(self, what: str) -> StorageError:
        self._failed = f"The log in {self._path} lost what it had promised ({what}): {RESEED}."
        return StorageError(self._failed)


def _written(write: Persist) -> Written:
    snapshot = None if write.snapshot is None else reference_to(write.snapshot)
    return Written(write.state, write.truncate_from, snapshot, write.base, write.entries)


def _drop(entries: dict[int, LogEntry], first: int, last: int) -> None:
    """Forget the entries from `first` to `last`, of which there may be none, or a few."""
    among = range(first, last + 1)
    for index in among if len(among) <= len(entries) else [i for i in entries if i in among]:
        entries.pop(index, None)


def _first_head() -> bytes:
    """How a directory that holds nothing begins."""
    told = Written(PersistentState(), None, None, SnapshotMetadata(), last=Index(0))
    return FORMAT + frame(1, encode(told))


def _snapshot_name(known: Reference) -> str:
    place = known.metadata
    return (
        f"snapshot-{place.last_included_index:020d}-{place.last_included_term}-{known.checksum:08x}"
    )
