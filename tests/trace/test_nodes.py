import pytest

from raftlock.trace.nodes import (
    KEPT_CHANGES,
    KEPT_ENTRIES,
    KEPT_POINTS,
    LogView,
    NodeView,
    Row,
    Timer,
)


def log_of(*terms, first=1):
    return [Row(first + place, term, "op", 0) for place, term in enumerate(terms)]


def terms(log):
    return [row.term for row in log.rows]


def test_entries_are_laid_over_what_stood_there():
    log = LogView()
    log.put(1, log_of(1, 1, 1))
    log.put(2, log_of(2, 2, first=3))
    assert terms(log) == [1, 1, 2, 2]
    assert log.last == 4
    assert [log.term_at(index) for index in (0, 1, 3, 4, 5)] == [0, 1, 2, 2, 0]


def test_nothing_to_put_or_to_cut_is_no_change():
    log = LogView()
    log.put(1, [])
    log.cut(2, 1)
    assert log.changed_since(0) is None
    assert log.last == 0


def test_after_a_hole_the_log_begins_anew():
    log = LogView()
    log.put(1, log_of(1, 1))
    log.put(2, log_of(3, first=9))
    assert (log.first, log.last, terms(log)) == (9, 9, [3])
    assert log.lose(3) == 0, "what came after a hole is not undone"


def test_what_was_written_but_not_synced_is_lost():
    log = LogView()
    log.put(1, log_of(1, 1))
    log.wrote(1)
    log.put(2, log_of(1, first=3))
    log.wrote(2)
    log.put(3, log_of(1, first=4))
    log.synced(1)
    assert log.lose(4) == 2
    assert log.last == 2
    assert log.lose(5) == 0


def test_one_sync_may_stand_for_several_writes():
    log = LogView()
    for index in (1, 2, 3):
        log.put(index, log_of(1, first=index))
        log.wrote(index)
    log.synced(3)
    assert log.lose(4) == 0
    assert log.last == 3


def test_a_truncation_that_is_not_synced_is_undone():
    log = LogView()
    log.put(1, log_of(1, 1, 1))
    log.wrote(1)
    log.synced(1)
    log.cut(2, 2)
    log.put(3, log_of(2, 2, 2, 2, first=2))
    log.wrote(2)
    assert terms(log) == [1, 2, 2, 2, 2]
    assert log.lose(4) == 2
    assert terms(log) == [1, 1, 1]


def test_a_write_covers_only_what_no_write_covered():
    log = LogView()
    log.put(1, log_of(1))
    log.wrote(1)
    log.wrote(2)  # term and vote only
    log.put(2, log_of(1, first=2))
    log.wrote(3)
    log.synced(2)
    log.lose(3)
    assert log.last == 1


def test_only_the_last_entries_are_kept():
    log = LogView()
    for index in range(1, 2 * KEPT_ENTRIES + 2):
        log.put(index, log_of(1, first=index))
        log.wrote(index)
        if index < KEPT_ENTRIES:
            log.synced(index)
    assert len(log.rows) == KEPT_ENTRIES
    assert log.last == 2 * KEPT_ENTRIES + 1
    assert log.rows[0].index == log.first == KEPT_ENTRIES + 2
    log.cut(3000, 5)
    assert log.last == log.first - 1, "a cut below what is kept drops all of it"
    log.lose(3001)
    assert log.last == KEPT_ENTRIES - 1, "also where the entries themselves are no longer kept"


def test_changes_are_summed_up():
    log = LogView()
    log.put(1, log_of(1, 1, 1))
    log.put(5, log_of(1, first=4))
    assert log.changed_since(0)[1:] == (1, False)
    assert log.changed_since(1)[1:] == (4, False)
    assert log.changed_since(5) is None
    log.cut(6, 3)
    assert log.changed_since(5)[1:] == (3, True)
    log.put(7, log_of(2, first=3))
    assert log.changed_since(6)[1:] == (3, False)
    assert log.changed_since(5)[1:] == (3, True)


def test_changes_are_remembered_for_a_while():
    log = LogView()
    for seq in range(1, KEPT_CHANGES + 3):
        log.put(seq, log_of(1, first=seq))
    assert log.forgotten == 2
    assert log.changed_since(2)[1:] == (3, False)


def test_cluster_time_runs_only_at_a_leader():
    node = NodeView("n1")
    node.learn_time(500, 1_000_000)
    node.learn_time(400, 1_100_000)
    assert node.cluster_time(9_000_000) == 500
    node.clock_at, node.clock_running = 2_000_000, True
    assert node.cluster_time(2_250_000) == 750
    node.learn_time(9999, 2_250_000)
    assert node.cluster_time(2_250_000) == 750, "a leader's time is its own"
    node.take_role("follower", 2_300_000)
    assert node.cluster_time(9_000_000) == 800


@pytest.mark.parametrize(("kind", "role"), [("election", "leader"), ("heartbeat", "follower")])
def test_a_timer_of_the_other_role_stops(kind, role):
    node = NodeView("n1")
    node.timer = Timer(kind, 1, 1)
    node.take_role(role, 0)
    assert node.timer is None


def test_points_of_one_moment_are_one_point():
    node = NodeView("n1")
    node.mark(1, 10)
    node.term = 2
    node.mark(2, 10)
    node.role = "candidate"
    node.mark(3, 10)
    node.mark(4, 20)
    assert [(p.seq, p.t, p.term, p.role) for p in node.points] == [(3, 10, 2, "candidate")]
    for t in range(100):
        node.term = t
        node.mark(5 + t, 30 + t)
    assert len(node.points) == KEPT_POINTS


def test_the_beginning_of_a_log_may_go():
    log = LogView()
    log.put(1, log_of(1, 1, 2))
    log.compact(2, 2)
    assert (log.first, log.base, log.base_term, log.based, terms(log)) == (3, 2, 1, 2, [2])
    log.compact(3, 2)
    assert log.based == 2
    assert [log.term_at(index) for index in (1, 2, 3)] == [0, 1, 2]
    log.put(4, log_of(2, first=4))
    assert (log.last, terms(log)) == (4, [2, 2])
    log.wipe(5)
    assert (log.first, log.last, log.base, log.lose(6)) == (1, 0, 0, 0)


def test_what_was_lost_may_lie_before_the_beginning():
    log = LogView()
    log.put(1, log_of(1, 1))
    log.wrote(1)
    log.synced(1)
    log.put(2, log_of(1, 1, first=3))
    log.compact(3, 4)
    assert log.lose(4) == 2
    assert log.last == 2, "what a restart finds there is told anew"


def test_what_was_lost_before_the_beginning_may_have_stood_over_something():
    log = LogView()
    log.put(1, log_of(1, 1, 1))
    log.wrote(1)
    log.synced(1)
    log.put(2, log_of(2, 2, first=2))
    log.compact(3, 3)
    log.lose(4)
    assert (log.first, terms(log)) == (2, [1, 1])
