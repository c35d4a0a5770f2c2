"""MemoryStorage: what is synced stays, what is not is lost with the power."""

from __future__ import annotations

from raftlock.raft.effects import Persist, Recovered
from raftlock.storage import MemoryStorage
from raftlock.types import (
    Index,
    LogEntry,
    NodeID,
    PersistentState,
    Snapshot,
    SnapshotMetadata,
    Term,
)


def entry(index: int, term: int = 1) -> LogEntry:
    return LogEntry(term=Term(term), index=Index(index), command=b"x%d" % index)


def place(index: int, term: int = 1) -> SnapshotMetadata:
    return SnapshotMetadata(Index(index), Term(term))


def write(
    number: int,
    *entries: LogEntry,
    state: PersistentState | None = None,
    truncate_from: int | None = None,
) -> Persist:
    cut = None if truncate_from is None else Index(truncate_from)
    return Persist(write=number, state=state, truncate_from=cut, entries=entries)


def test_a_new_disk_is_empty() -> None:
    assert MemoryStorage().load() == Recovered()


def test_what_was_synced_survives_a_crash_and_the_rest_does_not() -> None:
    disk = MemoryStorage()
    voted = PersistentState(Term(2), NodeID("n1"))
    disk.write([write(1, entry(1), state=voted)])
    disk.sync()
    disk.write([write(2, entry(2)), write(3, state=PersistentState(Term(3)))])

    assert disk.crash() == 2
    assert disk.load() == Recovered(state=voted, entries=(entry(1),))


def test_unsynced_writes_are_read_through_the_cache_while_the_power_is_on() -> None:
    disk = MemoryStorage()
    disk.write([write(1, entry(1))])
    assert disk.unsynced == (write(1, entry(1)),)
    assert disk.load().entries == (entry(1),)


def test_a_write_truncates_before_it_appends() -> None:
    disk = MemoryStorage()
    disk.write([write(1, entry(1), entry(2), entry(3))])
    disk.write([write(2, entry(2, term=4), truncate_from=2)])
    disk.close()
    assert disk.load().entries == (entry(1), entry(2, term=4))


def test_a_snapshot_takes_the_place_of_the_log_up_to_its_base() -> None:
    disk = MemoryStorage()
    disk.write([write(1, entry(1), entry(2), entry(3))])
    snapshot = Snapshot(place(2), b"two")
    disk.write([Persist(2, None, None, (entry(4),), snapshot, place(1))])
    disk.close()
    assert disk.load() == Recovered(
        entries=(entry(2), entry(3), entry(4)), snapshot=snapshot, base=place(1)
    )
    disk.write([write(3, entry(3, term=2), truncate_from=3)])
    assert disk.load().entries == (entry(2), entry(3, term=2))


def test_a_base_may_lie_behind_the_last_entry() -> None:
    disk = MemoryStorage()
    disk.write([write(1, entry(1), entry(2))])
    disk.write([Persist(2, None, None, (), Snapshot(place(9), b"nine"), place(9))])
    disk.write([write(3, entry(10))])
    assert disk.load().base == place(9)
    assert disk.load().entries == (entry(10),)


def test_a_crash_loses_a_snapshot_together_with_the_compaction() -> None:
    disk = MemoryStorage()
    disk.write([write(1, entry(1), entry(2))])
    disk.sync()
    disk.write([Persist(2, None, None, (), Snapshot(place(2), b"two"), place(2))])
    disk.crash()
    assert disk.load() == Recovered(entries=(entry(1), entry(2)))


def test_a_crash_loses_a_truncation_together_with_the_entries_that_replaced_it() -> None:
    disk = MemoryStorage()
    disk.write([write(1, entry(1), entry(2))])
    disk.sync()
    disk.write([write(2, entry(2, term=4), truncate_from=2)])
    disk.crash()
    assert disk.load().entries == (entry(1), entry(2))
