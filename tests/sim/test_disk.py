from dataclasses import replace

import pytest

from raftlock.errors import InvalidArgument, StorageError
from raftlock.raft.effects import Persist, Recovered
from raftlock.raft.random64 import Random64
from raftlock.sim.clone import clone
from raftlock.sim.disk import SEGMENT_RECORDS, SimDisk, StorageRules
from raftlock.types import Index, LogEntry, NodeID, PersistentState, Term
from raftlock.types.log import Snapshot, SnapshotMetadata

N1, N2 = NodeID("n1"), NodeID("n2")


def state(term, vote=""):
    return PersistentState(Term(term), NodeID(vote))


def entry(index, term=1):
    return LogEntry(Term(term), Index(index), b"%d" % index)


def entries(first, last, term=1):
    return tuple(entry(index, term) for index in range(first, last + 1))


def place(index, term=1):
    return SnapshotMetadata(Index(index), Term(term))


def write(number=1, **parts):
    plain = Persist(number, None, None, ())
    return replace(plain, **parts)


def snapshot(index, term=1):
    return Snapshot(place(index, term), b"table %d" % index)


def synced(disk, *writes):
    for each in writes:
        disk.write([each])
        disk.sync()
    return disk


def with_log(count=10, rules=None):
    """A disk with a vote and `count` entries, each of them a batch."""
    disk = SimDisk(rules or StorageRules())
    synced(disk, write(state=state(1, "n1")))
    return synced(disk, *(write(entries=(entry(index),)) for index in range(1, count + 1)))


def indexes(found):
    return [each.index for each in found.entries]


# ---- in good order ----


def test_a_new_disk_is_empty():
    assert SimDisk(StorageRules()).load() == Recovered()


def test_what_was_synced_is_there_after_a_crash_and_nothing_else():
    disk = with_log(3)
    disk.write([write(state=state(2, "n2"), truncate_from=Index(3), entries=(entry(3, 2),))])
    disk.fail()
    found = disk.load()
    assert found == Recovered(state(1, "n1"), entries(1, 3))
    assert disk.load() == found


def test_a_disk_that_is_closed_keeps_what_it_was_given():
    disk = with_log(1)
    disk.write([write(entries=(entry(2),))])
    disk.close()
    assert indexes(disk.load()) == [1, 2]


def test_a_snapshot_stands_for_the_log_before_it():
    disk = with_log(10)
    synced(disk, write(snapshot=snapshot(8), base=place(5)))
    found = disk.load()
    assert (found.snapshot, found.base, indexes(found)) == (snapshot(8), place(5), [6, 7, 8, 9, 10])


def test_segments_for_which_a_snapshot_stands_are_dropped():
    disk = with_log(4 * SEGMENT_RECORDS)
    before = len(disk._records)
    last = 4 * SEGMENT_RECORDS
    synced(disk, write(snapshot=snapshot(last), base=place(last - 10)))
    assert before > 4 * SEGMENT_RECORDS > 2 * SEGMENT_RECORDS > len(disk._records)
    found = disk.load()
    assert (found.state, found.base.last_included_index) == (state(1, "n1"), last - 10)
    assert indexes(found) == list(range(last - 9, last + 1))


# ---- crash points ----


class Script:
    """Writes as a node might ask for them, drawn from a seed."""

    def __init__(self, seed):
        self.random = Random64(seed)
        self.term, self.base, self.log, self.snapped, self.number = 1, 0, [], 0, 0

    @property
    def last(self):
        return self.base + len(self.log)

    def batch(self):
        return [self.write() for _ in range(1 + self.random.below(3))]

    def write(self):
        self.number += 1
        choice = self.random.below(8)
        if choice == 0:
            self.term += 1
            return write(self.number, state=state(self.term, ("", "n1", "n2")[self.term % 3]))
        if choice == 1 and self.last > self.snapped:
            first = self.snapped + 1 + self.random.below(self.last - self.snapped)
            self.term += 1
            del self.log[first - self.base - 1 :]
            return self.more(state=state(self.term), truncate_from=Index(first))
        if choice == 2 and self.last > self.snapped:
            return self.compact(self.snapped + 1 + self.random.below(self.last - self.snapped))
        if choice == 3:
            return self.install()
        return self.more()

    def more(self, **parts):
        new = entries(self.last + 1, self.last + 1 + self.random.below(3), self.term)
        self.log += new
        return write(self.number, entries=new, **parts)

    def compact(self, index):
        self.snapped = index
        upto = max(self.base, index - self.random.below(3))
        term = self.log[index - self.base - 1].term
        base = self.log[upto - self.base - 1].term if upto > self.base else self.term_before
        del self.log[: upto - self.base]
        self.base, self.term_before = upto, base
        return write(self.number, snapshot=snapshot(index, term), base=place(upto, base))

    term_before = 0

    def install(self):
        """A leader's snapshot, from beyond the end of the log."""
        self.term += 1
        index = self.last + 1 + self.random.below(4)
        self.snapped = self.base = index
        self.log, self.term_before = [], self.term
        found = snapshot(index, self.term)
        return write(self.number, state=state(self.term), snapshot=found, base=found.metadata)


def steps_of(batch):
    """The parts of a batch between which a disk may stop, in their order."""
    for each in batch:
        if each.state is not None:
            yield write(state=each.state)
        if each.truncate_from is not None:
            yield write(truncate_from=each.truncate_from)
        if each.snapshot is not None:
            yield write(snapshot=each.snapshot)
        if each.base is not None:
            yield write(base=each.base)
        for more in each.entries:
            yield write(entries=(more,))


def performed(found, step):
    """What is recovered once one more step is done, worked out from the promise alone."""
    log = list(found.entries)
    if step.truncate_from is not None:
        log = [each for each in log if each.index < step.truncate_from]
    base = step.base or found.base
    log = [each for each in log if each.index > base.last_included_index]
    return Recovered(
        step.state or found.state, (*log, *step.entries), step.snapshot or found.snapshot, base
    )


@pytest.mark.parametrize("seed", range(12))
def test_whatever_a_crash_leaves_is_a_beginning_of_what_was_written(seed):
    script, disk = Script(seed), SimDisk(StorageRules())
    before = Recovered()
    for _ in range(40):
        batch = script.batch()
        possible = [before]
        for step in steps_of(batch):
            possible.append(performed(possible[-1], step))
        disk.write(batch)
        for kept in range(len(disk._cache) + 1):
            for torn in (False, True):
                crashed = clone(disk)
                crashed.fail(kept, torn=torn)
                found = crashed.load()
                assert found in possible
                if kept == 0:
                    assert found == before
                # A crash while it mends what it found changes nothing.
                crashed.fail()
                assert crashed.load() == found
                more = found.base.last_included_index + len(found.entries) + 1
                synced(crashed, write(state=state(99), entries=(entry(more, 99),)))
                crashed.fail()
                assert crashed.load() == performed(
                    replace(found, state=state(99)), write(entries=(entry(more, 99),))
                )
        disk.sync()
        before = possible[-1]
        assert clone(disk).load() == before


def test_a_record_that_was_cut_short_is_cut_away():
    disk = with_log(3)
    disk.write([write(entries=(entry(4),)), write(entries=(entry(5),)), write(entries=(entry(6),))])
    disk.fail(1, torn=True)
    assert indexes(disk.load()) == [1, 2, 3, 4]
    synced(disk, write(entries=(entry(5),)))
    disk.fail()
    assert indexes(disk.load()) == [1, 2, 3, 4, 5]


def test_a_leaders_snapshot_without_the_end_of_its_write_takes_the_logs_place():
    disk = with_log(3)
    disk.write([write(snapshot=snapshot(9, 4), base=place(9, 4), entries=(entry(10, 4),))])
    disk.fail(1)  # the file, and not yet the record that drops the log for it
    found = disk.load()
    assert (found.snapshot, found.base, found.entries) == (snapshot(9, 4), place(9, 4), ())
    synced(disk, write(entries=(entry(10, 5),)))
    disk.fail()
    assert indexes(disk.load()) == [10]


# ---- faults ----


def test_a_write_that_fails_leaves_nothing():
    disk = with_log(2)
    disk.strike("fail_write")
    with pytest.raises(StorageError, match="write"):
        disk.write([write(entries=(entry(3),))])
    disk.fail()
    assert indexes(disk.load()) == [1, 2]
    assert indexes(synced(disk, write(entries=(entry(3),))).load()) == [1, 2, 3]


@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_sync_that_fails_leaves_a_beginning_for_good(left):
    disk = with_log(2)
    disk.strike("fail_sync", left)
    disk.write([write(entries=(entry(3),)), write(entries=(entry(4),))])
    with pytest.raises(StorageError, match="sync"):
        disk.sync()
    disk.fail()
    assert indexes(disk.load()) == [1, 2, 3, 4][: 2 + left]


def test_a_full_disk_takes_nothing_until_it_is_well():
    disk = with_log(2)
    disk.strike("full")
    assert disk.is_full
    for _ in range(2):
        with pytest.raises(StorageError, match="room"):
            disk.write([write(entries=(entry(3),))])
        disk.fail()
        assert indexes(disk.load()) == [1, 2]
    disk.strike("well")
    assert indexes(synced(disk, write(entries=(entry(3),))).load()) == [1, 2, 3]


def test_well_ends_what_was_about_to_fail():
    disk = with_log(2)
    disk.strike("fail_write")
    disk.strike("fail_sync")
    disk.strike("well")
    assert indexes(synced(disk, write(entries=(entry(3),))).load()) == [1, 2, 3]


def test_a_damaged_record_in_the_middle_is_refused():
    disk = with_log(10)
    disk.strike("flip")
    disk.fail()
    for _ in range(2):
        with pytest.raises(StorageError, match="damaged in the middle"):
            disk.load()


def test_damage_is_never_done_where_nobody_could_tell_it_from_a_crash():
    disk = SimDisk(StorageRules())
    with pytest.raises(InvalidArgument):
        disk.strike("flip")
    synced(disk, write(state=state(1)))
    with pytest.raises(InvalidArgument):
        disk.strike("flip")
    synced(disk, write(entries=(entry(1),)))
    disk.strike("flip")
    with pytest.raises(InvalidArgument):
        disk.strike("flip")
    with pytest.raises(StorageError):
        disk.load()


# ---- broken rules ----


class TwoRecords(StorageRules):
    def term_and_vote_together(self):
        return False


def test_a_vote_before_its_term_is_a_vote_in_the_term_before():
    for rules, found in ((TwoRecords(), state(1, "n2")), (StorageRules(), state(2, "n2"))):
        disk = synced(SimDisk(rules), write(state=state(1, "n1")))
        disk.write([write(state=state(2, "n2"))])
        crashed = clone(disk)
        crashed.fail(1)
        assert crashed.load().state == found
        crashed.fail()
        assert crashed.load().state == found
        disk.sync()
        assert disk.load().state == state(2, "n2")


class CutAnywhere(StorageRules):
    def refuses_damage(self):
        return False


def test_who_cuts_the_log_anywhere_loses_what_was_synced():
    disk = with_log(10, CutAnywhere())
    disk.strike("flip")
    disk.fail()
    assert indexes(disk.load()) == [1, 2, 3, 4]
    synced(disk, write(entries=(entry(5, 2),)))
    assert indexes(disk.load()) == [1, 2, 3, 4, 5]


class SyncAgain(StorageRules):
    def sync_failure_is_final(self):
        return False


def test_a_second_sync_succeeds_without_the_data():
    disk = with_log(2, SyncAgain())
    disk.strike("fail_sync")
    synced(disk, write(state=state(2, "n2")))
    crashed = clone(disk)
    crashed.fail()
    assert crashed.load().state == state(1, "n1")
    synced(disk, write(entries=(entry(3, 2),)))
    disk.fail()
    with pytest.raises(StorageError, match="damaged"):
        disk.load()


class NoDirectorySync(StorageRules):
    def syncs_directory(self):
        return False


def test_without_the_directory_the_old_snapshot_comes_back():
    disk = with_log(10, NoDirectorySync())
    synced(disk, write(snapshot=snapshot(4), base=place(4)))
    synced(disk, write(snapshot=snapshot(8), base=place(8)))
    assert clone(disk).load().snapshot == snapshot(8)
    disk.fail()
    with pytest.raises(StorageError, match="gone"):
        disk.load()


class LoseLast(StorageRules):
    def keeps_last_entry(self):
        return False


def test_the_last_entry_is_lost_if_no_sync_covers_it():
    disk = with_log(3, LoseLast())
    disk.fail()
    assert indexes(disk.load()) == [1, 2]
    synced(disk, write(entries=(entry(3, 2),)))
    assert indexes(disk.load()) == [1, 2, 3]
