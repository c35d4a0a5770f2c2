import pytest

from raftlock.raft import RaftLog
from raftlock.types import LogEntry, SnapshotMetadata
from tests.raft.harness import entries


def test_an_empty_log():
    log = RaftLog()
    assert (log.last_index, log.last_term, log.last_stamp) == (0, 0, 0)
    assert (log.term_at(0), log.term_at(1), log.entries(1, 9)) == (0, None, ())


def test_what_stands_where():
    log = RaftLog(entries(1, 1, 1, 2, stamp=7))
    assert (log.last_index, log.last_term, log.last_stamp) == (3, 2, 7)
    assert [log.term_at(index) for index in (-1, 0, 1, 3, 4)] == [None, 0, 1, 2, None]
    assert log.entry(3) == entries(3, 2, stamp=7)[0]


@pytest.mark.parametrize(
    ("first", "last", "indexes"),
    [(1, 2, [1, 2]), (2, 2, [2]), (2, 9, [2, 3]), (3, 2, []), (4, 9, []), (1, 0, []), (1, -1, [])],
)
def test_a_range_includes_its_last(first, last, indexes):
    log = RaftLog(entries(1, 1, 1, 2))
    assert [entry.index for entry in log.entries(first, last)] == indexes


@pytest.mark.parametrize(
    ("first", "count", "size", "indexes"),
    [
        (1, 9, 99, [1, 2, 3, 4]),
        (1, 2, 99, [1, 2]),
        (1, 9, 20, [1, 2]),
        (1, 9, 19, [1]),
        (1, 9, 5, [1]),  # larger than what fits, so it goes alone
        (4, 9, 5, [4]),
        (5, 9, 99, []),
    ],
)
def test_a_batch_holds_so_many_entries_and_bytes(first, count, size, indexes):
    log = RaftLog(LogEntry(1, index, b"x" * 10) for index in range(1, 5))
    assert [entry.index for entry in log.batch(first, count, size)] == indexes


@pytest.mark.parametrize(
    ("term", "first", "last"), [(1, 1, 2), (2, 3, 2), (3, 3, 5), (4, 6, 5), (0, 1, 0)]
)
def test_where_a_term_begins_and_ends(term, first, last):
    log = RaftLog(entries(1, 1, 1, 3, 3, 3))
    assert (log.first_index_of(term), log.last_index_of(term)) == (first, last)


def test_truncation_drops_the_entry_and_all_behind_it():
    log = RaftLog(entries(1, 1, 1, 2))
    log.truncate(2)
    assert log.last_index == 1


def test_a_compacted_log_knows_what_is_before_it_and_no_more():
    log = RaftLog(entries(1, 1, 1, 2, 3, stamp=7))
    log.compact(log.place(2))
    assert (log.first_index, log.last_index, log.base) == (3, 4, SnapshotMetadata(2, 1, 7))
    assert [log.term_at(index) for index in (0, 1, 2, 3, 4, 5)] == [None, None, 1, 2, 3, None]
    assert [entry.index for entry in log.entries(3, 9)] == [3, 4]
    assert (log.first_index_of(3), log.last_index_of(2), log.last_index_of(1)) == (4, 3, 2)
    assert log.place(2) == log.base
    log.truncate(4)
    log.append(entries(4, 5))
    assert log.last_term == 5


def test_a_log_may_begin_behind_its_end():
    log = RaftLog(entries(1, 1))
    log.compact(SnapshotMetadata(9, 4, 50))
    assert (log.last_index, log.last_term, log.last_stamp, log.entries(10, 20)) == (9, 4, 50, ())
    log.append(entries(10, 4))
    assert log.entry(10).index == 10


@pytest.mark.parametrize(
    "misuse",
    [
        lambda log: log.append(entries(3, 1)),
        lambda log: log.truncate(2),
        lambda log: log.truncate(0),
        lambda log: log.entry(0),
        lambda log: log.entry(2),
        lambda log: log.entries(0, 1),
        lambda log: log.compact(SnapshotMetadata(-1)),
    ],
)
def test_misuse_is_a_programmers_error(misuse):
    with pytest.raises(AssertionError):
        misuse(RaftLog(entries(1, 1)))
