"""What every storage does: what is synced stays, what is not is lost with the power."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from raftlock.raft.effects import Persist, Recovered
from raftlock.storage import MemoryStorage, Storage
from raftlock.storage.file import FileStorage
from raftlock.types import (
    Index,
    LogEntry,
    NodeID,
    PersistentState,
    Snapshot,
    SnapshotMetadata,
    Term,
)
from tests.storage.disk import Disk


class Memory:
    """A disk in memory through crashes."""

    def __init__(self) -> None:
        self._disk = MemoryStorage()

    def open(self) -> Storage:
        return self._disk

    def crash(self) -> Storage:
        self._disk.crash()
        return self._disk


class File:
    """A directory through crashes; each is followed by a start."""

    def __init__(self) -> None:
        self._disk = Disk()

    def open(self) -> Storage:
        storage = FileStorage("in-memory", segment_bytes=200, files=self._disk)
        storage.load()
        return storage

    def crash(self) -> Storage:
        self._disk = self._disk.crashed("nothing", names="durable")
        return FileStorage("in-memory", segment_bytes=200, files=self._disk)


Machine = Memory | File


@pytest.fixture(params=[Memory, File])
def machine(request: pytest.FixtureRequest) -> Machine:
    make: Callable[[], Machine] = request.param
    return make()


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


def test_a_new_disk_is_empty(machine: Machine) -> None:
    machine.open()
    assert machine.crash().load() == Recovered()


def test_what_was_synced_survives_a_crash_and_the_rest_does_not(machine: Machine) -> None:
    disk = machine.open()
    voted = PersistentState(Term(2), NodeID("n1"))
    disk.write([write(1, entry(1), state=voted)])
    disk.sync()
    disk.write([write(2, entry(2)), write(3, state=PersistentState(Term(3)))])

    assert machine.crash().load() == Recovered(state=voted, entries=(entry(1),))


def test_what_is_closed_in_good_order_is_synced(machine: Machine) -> None:
    disk = machine.open()
    disk.write([write(1, entry(1))])
    disk.close()
    assert machine.crash().load().entries == (entry(1),)


def test_a_sync_of_nothing_is_one(machine: Machine) -> None:
    disk = machine.open()
    disk.sync()
    disk.write([])
    disk.sync()
    assert machine.crash().load() == Recovered()


def test_a_write_truncates_before_it_appends(machine: Machine) -> None:
    disk = machine.open()
    disk.write([write(1, entry(1), entry(2), entry(3))])
    disk.write([write(2, entry(2, term=4), truncate_from=2)])
    disk.sync()
    assert machine.crash().load().entries == (entry(1), entry(2, term=4))


def test_a_snapshot_takes_the_place_of_the_log_up_to_its_base(machine: Machine) -> None:
    disk = machine.open()
    disk.write([write(1, entry(1), entry(2), entry(3))])
    snapshot = Snapshot(place(2), b"two")
    disk.write([Persist(2, None, None, (entry(4),), snapshot, place(1))])
    disk.sync()
    disk = machine.crash()
    assert disk.load() == Recovered(
        entries=(entry(2), entry(3), entry(4)), snapshot=snapshot, base=place(1)
    )
    disk.write([write(3, entry(3, term=2), truncate_from=3)])
    disk.sync()
    assert machine.crash().load().entries == (entry(2), entry(3, term=2))


def test_a_base_may_lie_behind_the_last_entry(machine: Machine) -> None:
    disk = machine.open()
    disk.write([write(1, entry(1), entry(2))])
    disk.write([Persist(2, None, None, (), Snapshot(place(9), b"nine"), place(9))])
    disk.write([write(3, entry(10))])
    disk.sync()
    found = machine.crash().load()
    assert found.base == place(9)
    assert found.entries == (entry(10),)


def test_a_base_may_be_very_far_ahead(machine: Machine) -> None:
    disk = machine.open()
    disk.write([write(1, entry(1), entry(2))])
    far = place(10**12)
    disk.write([Persist(2, None, None, (entry(10**12 + 1),), Snapshot(far, b"far"), far)])
    disk.sync()
    found = machine.crash().load()
    assert (found.base, found.entries) == (far, (entry(10**12 + 1),))


def test_a_crash_loses_a_snapshot_together_with_the_compaction(machine: Machine) -> None:
    disk = machine.open()
    disk.write([write(1, entry(1), entry(2))])
    disk.sync()
    disk.write([Persist(2, None, None, (), Snapshot(place(2), b"two"), place(2))])
    assert machine.crash().load() == Recovered(entries=(entry(1), entry(2)))


def test_a_crash_loses_a_truncation_together_with_its_replacement(machine: Machine) -> None:
    disk = machine.open()
    disk.write([write(1, entry(1), entry(2))])
    disk.sync()
    disk.write([write(2, entry(2, term=4), truncate_from=2)])
    assert machine.crash().load().entries == (entry(1), entry(2))


def test_many_starts_lose_nothing(machine: Machine) -> None:
    disk = machine.open()
    for index in range(1, 31):
        disk.write([write(index, entry(index), state=PersistentState(Term(index)))])
        disk.sync()
        disk = machine.crash()
        found = disk.load()
        assert found.state.current_term == index
        assert found.entries == tuple(entry(each) for each in range(1, index + 1))


# ---- the cache of the disk in memory, which a simulation looks into ----


def test_unsynced_writes_are_read_through_the_cache_while_the_power_is_on() -> None:
    disk = MemoryStorage()
    disk.write([write(1, entry(1))])
    assert disk.unsynced == (write(1, entry(1)),)
    assert disk.load().entries == (entry(1),)
    disk.write([write(2, entry(2)), write(3)])
    assert disk.crash() == 2
