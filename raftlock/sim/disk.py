"""A simulated node's disk: records behind each other, a snapshot beside them, and what goes wrong.

It holds values where a real one holds bytes, but it keeps what a real one keeps, and no more. A log
is a row of records in segments. Each record names its batch, and a batch is written only once the
one before it is synced; so damage with nothing of a later batch behind it is a write that the power
cut short, and anything else is a disk that lost what it had promised. A snapshot is a file of its
own: written, renamed over the old one, and its directory synced before the log is cut for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from raftlock.errors import InvalidArgument, StorageError
from raftlock.raft.effects import Persist, Recovered
from raftlock.types.ids import Index
from raftlock.types.log import LogEntry, PersistentState, Snapshot, SnapshotMetadata

__all__ = ["DISK_FAULTS", "SEGMENT_RECORDS", "SimDisk", "StorageRules"]

DISK_FAULTS = ("fail_write", "fail_sync", "full", "flip", "well")
"""The next write fails; the next sync does; every write does, for want of room; a bit flips in what
was synced long ago; and the end of all that but the last."""

SEGMENT_RECORDS = 64
"""How many records a segment holds. A whole one goes when a snapshot stands for all in it."""


class StorageRules:
    """What a disk and those who use it keep to; broken on purpose by a subclass."""

    def waits_for_sync(self) -> bool:
        """Whether a write is called durable only when it is.

        Else a node votes and acknowledges what a crash then takes away (paper, section 5.1: before
        responding to RPCs).
        """
        return True

    def keeps_last_entry(self) -> bool:
        """Whether a sync covers the last entry of the log as well as those before it."""
        return True

    def term_and_vote_together(self) -> bool:
        """Whether a new term and the vote in it are one record.

        As two, the vote first, a crash in between leaves the new vote in the old term: a node that
        voted there already has forgotten whom for, and votes again (hashicorp/raft #661).
        """
        return True

    def refuses_damage(self) -> bool:
        """Whether a node does not start over a log that is damaged in the middle.

        To cut the log there, as for a write that was cut short, throws away what was acknowledged:
        what was committed with this node's word may then be on no majority of disks any more.
        """
        return True

    def sync_failure_is_final(self) -> bool:
        """Whether a sync that failed stops the node.

        A second sync succeeds, since the system has let go of the pages that it could not write:
        they are on no disk, and the node gives its word for them ("fsyncgate").
        """
        return True

    def syncs_directory(self) -> bool:
        """Whether a renamed snapshot's directory is synced before the log is cut for it.

        Else a crash brings the old name back, and with it the old snapshot: what lay between that
        and the log's new beginning is nowhere.
        """
        return True


@dataclass(frozen=True, slots=True)
class _Record:
    """One record. With a `head` it begins a segment, and repeats term and vote as of before."""

    batch: int
    write: Persist
    damaged: bool = False
    head: PersistentState | None = None


@dataclass(frozen=True, slots=True)
class _Rename:
    """A snapshot's file takes the place of the one before."""

    snapshot: Snapshot


class SimDisk:
    """One node's `Storage`. It outlives the node's runs; `fail` is what a power cut does to it."""

    def __init__(self, rules: StorageRules) -> None:
        self.is_full = False
        self._rules = rules
        self._records: list[_Record] = []
        self._in_segment = 0
        self._snapshot: Snapshot | None = None
        self._named: Snapshot | None = None  # what the directory on the disk still says
        self._cache: list[_Record | _Rename] = []
        self._batch = 0
        self._given = PersistentState()  # term and vote as of the last write
        self._held = PersistentState()  # the same, as of the last record
        self._fails_write = self._fails_sync = False
        self._left = 0

    # ---- what a node does with it ----

    def load(self) -> Recovered:
        """Give what is there, after mending what a power cut may have left half done.

        Raises `StorageError` if more is wrong than that. To be cut short here, and to begin again,
        leads to the same.
        """
        self._flush()
        self._cut_torn_tail()
        state, base, entries = _replayed(self._records)
        self._given = self._held = state
        snapshot = self._snapshot
        if snapshot is not None and not _reaches(snapshot.metadata, base, entries):
            # It came from a leader, and the power went before the log was dropped for it.
            base, entries = snapshot.metadata, {}
            self._append(_Record(self._batch, Persist(0, None, Index(1), (), None, base)))
        self._batch = max((record.batch for record in self._records), default=0)
        covered = snapshot.metadata.last_included_index if snapshot is not None else 0
        first, last = base.last_included_index, base.last_included_index + len(entries)
        if first > covered:
            raise StorageError(
                f"Its log begins behind entry {first}, and its snapshot ends with entry {covered}:"
                " what lay between is gone."
            )
        if not all(index in entries for index in range(first + 1, last + 1)):
            raise StorageError(f"Its log has a hole behind entry {first}.")
        log = tuple(entries[index] for index in sorted(entries))
        return Recovered(state, log, snapshot, base)

    def write(self, batch: Sequence[Persist]) -> None:
        """Put the writes into the cache. Raises `StorageError` if the disk takes none."""
        if self.is_full:
            # The record that found no room is there in part.
            self._records.append(_Record(self._batch + 1, batch[0], damaged=True))
            raise StorageError("There is no room on its disk.")
        if self._fails_write:
            self._fails_write = False
            raise StorageError("A write to its disk failed.")
        self._batch += 1
        for write in batch:
            self._cache.extend(self._parts(write))

    def sync(self) -> None:
        """Move the cache to the disk. Raises `StorageError` if that failed."""
        if self._fails_sync:
            self._fails_sync = False
            self._let_go_of_pages()
            if self._rules.sync_failure_is_final():
                self._flush()
                raise StorageError("A sync of its disk failed.")
        self._flush()

    def close(self) -> None:
        """Sync, as a machine does that is shut down in good order."""
        self._flush()

    def take_over(self, durable: Recovered, unsynced: Sequence[Persist]) -> None:
        """Hold what another disk holds, with what is in its cache still in the cache."""
        assert not self._records, "only a disk that is empty"
        base = durable.base if durable.base.last_included_index else None
        self._batch += 1
        self._append(_Record(self._batch, Persist(0, durable.state, None, (), None, base)))
        for entry in durable.entries:
            self._batch += 1
            self._append(_Record(self._batch, Persist(0, None, None, (entry,))))
        self._snapshot = self._named = durable.snapshot
        self._given = durable.state
        if unsynced:
            self.write(unsynced)

    # ---- what is done to it ----

    def fail(self, kept: int = 0, *, torn: bool = False) -> None:
        """Lose power, with the first `kept` records of the cache on the disk.

        If `torn`, the next one is there in part. An entry that a broken rule never synced goes too.
        """
        cache, self._cache = self._cache, self._cache[:kept]
        self._flush()
        for part in cache[kept : kept + 1]:
            if torn and isinstance(part, _Record):
                self._append(replace(part, damaged=True))
        self._snapshot = self._named
        if not self._rules.keeps_last_entry():
            _, _, entries = _replayed(self._records)
            if entries:
                lost = Persist(0, None, Index(max(entries)), ())
                self._append(_Record(self._batch, lost))

    def strike(self, fault: str, left: int = 0) -> None:
        """Let one of `DISK_FAULTS` befall it. A sync that fails leaves the first `left` records."""
        match fault:
            case "fail_write":
                self._fails_write = True
            case "fail_sync":
                self._fails_sync, self._left = True, left
            case "full":
                self.is_full = True
            case "flip":
                self._flip()
            case _:
                self.is_full = self._fails_write = self._fails_sync = False

    def _flip(self) -> None:
        """Damage the record in the middle of those with something of a later batch behind them."""
        whole = [(place, each) for place, each in enumerate(self._records) if not each.damaged]
        last = max((record.batch for _, record in whole), default=0)
        synced = [place for place, record in whole if record.batch < last]
        if not synced:
            raise InvalidArgument("There is nothing old enough on that disk to be damaged yet.")
        place = synced[len(synced) // 2]
        self._records[place] = replace(self._records[place], damaged=True)

    # ---- inside ----

    def _parts(self, write: Persist) -> Iterator[_Record | _Rename]:
        """The records of a write, in the order in which they reach the disk."""
        number, state, batch = write.write, write.state, self._batch
        if state is not None:
            if not self._rules.term_and_vote_together():
                vote = replace(self._given, voted_for=state.voted_for)
                yield _Record(batch, Persist(number, vote, None, ()))
            self._given = state
        if write.snapshot is None:
            yield _Record(batch, write)
            return
        if state is not None or write.truncate_from is not None:
            yield _Record(batch, Persist(number, state, write.truncate_from, ()))
        yield _Rename(write.snapshot)
        yield _Record(batch, Persist(number, None, None, write.entries, None, write.base))

    def _flush(self) -> None:
        compacted = False
        for part in self._cache:
            if isinstance(part, _Record):
                self._append(part)
                compacted = compacted or (part.write.base is not None and not part.damaged)
            elif self._rules.syncs_directory():
                self._snapshot = self._named = part.snapshot
            else:
                # By now the name of the one before has reached the disk by itself.
                self._snapshot, self._named = part.snapshot, self._snapshot
        self._cache = []
        if compacted:
            self._drop_segments()

    def _append(self, record: _Record) -> None:
        if self._in_segment == SEGMENT_RECORDS or not self._records:
            self._in_segment = 0
            record = replace(record, head=self._held)
        self._in_segment += 1
        self._records.append(record)
        if record.write.state is not None and not record.damaged:
            self._held = record.write.state

    def _drop_segments(self) -> None:
        """Drop the segments at the beginning for whose entries the snapshot stands."""
        _, base, _ = _replayed(self._records)
        heads = [place for place, each in enumerate(self._records) if each.head is not None]
        for place in reversed(heads):
            before, behind = self._records[:place], self._records[place:]
            needed = any(
                entry.index > base.last_included_index
                for record in before
                for entry in record.write.entries
            )
            if not needed and any(record.write.base == base for record in behind):
                self._records = behind
                return

    def _cut_torn_tail(self) -> None:
        for place, record in enumerate(self._records):
            if not record.damaged:
                continue
            behind = self._records[place + 1 :]
            later = any(each.batch > record.batch and not each.damaged for each in behind)
            if later and self._rules.refuses_damage():
                raise StorageError("Its log is damaged in the middle.")
            del self._records[place:]
            heads = [at for at, each in enumerate(self._records) if each.head is not None]
            self._in_segment = place - heads[-1] if heads else 0
            return

    def _let_go_of_pages(self) -> None:
        """What a sync could not write is in no cache any more: there is a gap in its place."""
        kept, lost = self._cache[: self._left], self._cache[self._left :]
        gap = [replace(part, damaged=True) for part in lost if isinstance(part, _Record)]
        self._cache = [*kept, *gap]


def _replayed(
    records: Iterable[_Record],
) -> tuple[PersistentState, SnapshotMetadata, dict[int, LogEntry]]:
    """Term and vote, the log's base, and the entries behind it, as the records leave them."""
    state, base = PersistentState(), SnapshotMetadata()
    entries: dict[int, LogEntry] = {}
    for record in records:
        write = record.write
        if record.damaged:
            continue
        if record.head is not None:
            state = record.head
        if write.state is not None:
            state = write.state
        if write.truncate_from is not None:
            for index in [index for index in entries if index >= write.truncate_from]:
                del entries[index]
        if write.base is not None:
            base = write.base
            for index in [index for index in entries if index <= base.last_included_index]:
                del entries[index]
        entries.update((entry.index, entry) for entry in write.entries)
    return state, base, entries


def _reaches(place: SnapshotMetadata, base: SnapshotMetadata, log: dict[int, LogEntry]) -> bool:
    """Whether the log goes on from the snapshot, or has its last entry."""
    index = place.last_included_index
    if index <= base.last_included_index:
        return True
    return index in log and log[index].term == place.last_included_term
