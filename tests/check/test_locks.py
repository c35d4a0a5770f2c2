"""The lock checks: a table that keeps its promises, and one lie at a time."""

import pytest

from raftlock.check import check_trace
from tests.check.stories import Story


class Table(Story):
    """A one-node cluster whose log is given as commands; what its table tells is up to the test."""

    def __init__(self):
        super().__init__()
        self.start("n1")
        self.index = 0

    def entry(self, stamp, command, *locks):
        self.index += 1
        index, term = self.index, 1
        row = {"index": index, "term": term, "stamp": stamp, "op": "x", "sum": index}
        if command:
            row["command"] = command
        at = 1_000 * stamp + 1_000
        self.tell("n1", "append", rule="ClientRequest", entries=[row], at=at)
        self.tell("n1", "write", write=index, at=at)
        self.tell("n1", "fsync", write=index, at=at)
        self.tell("n1", "commit", index=index, at=at)
        data = {"index": index, "term": term, "stamp": stamp, "hash": str(index)}
        applied = self.tell("n1", "apply", at=at, **data)
        for lock in locks:
            self.tell("n1", "lock", at=at, cause=applied, **lock)

    def found(self):
        self.tell("", "note", text="the end")
        self.tell("n1", "timer_fire", timer="heartbeat")
        return [each.property for each in check_trace({"nodes": ["n1"]}, self.events)]


def acquire(client, ttl=1_000, **more):
    return {"op": "acquire", "lock_id": "printer", "client_id": client, "ttl": ttl, **more}


def lock(owner="", token=0, deadline=0, queue=()):
    waiting = [
        dict(zip(("client", "priority", "index", "deadline"), row, strict=True)) for row in queue
    ]
    return {
        "lock": "printer",
        "owner": owner,
        "token": token,
        "deadline": deadline,
        "ttl": 0,
        "why": [],
        "queue": waiting,
    }


WAITS = {"wait": True, "wait_timeout": 5_000}


def queue_of_two(table):
    table.entry(0, acquire("alice"), lock("alice", 1, 1_000))
    table.entry(0, acquire("bob", **WAITS), lock("alice", 1, 1_000, [("bob", 0, 2, 5_000)]))
    rows = [("carol", 3, 3, 5_000), ("bob", 0, 2, 5_000)]
    table.entry(0, acquire("carol", priority=3, **WAITS), lock("alice", 1, 1_000, rows))


RELEASE = {"op": "release", "lock_id": "printer", "client_id": "alice", "version": 1}


@pytest.mark.parametrize(
    ("told", "broken"),
    [
        (lock("carol", 4, 1_000, [("bob", 0, 2, 5_000)]), None),
        (lock("bob", 4, 1_000, [("carol", 3, 3, 5_000)]), "queue order"),
        (lock("carol", 1, 1_000, [("bob", 0, 2, 5_000)]), "fencing"),
        (lock("carol", 4, 900, [("bob", 0, 2, 5_000)]), "TTL"),
        (lock("carol", 4, 1_000), "queue order"),
        (lock("", 0, 0, [("carol", 3, 3, 5_000), ("bob", 0, 2, 5_000)]), "queue order"),
        (lock("mallory", 4, 1_000, [("bob", 0, 2, 5_000)]), "queue order"),
    ],
)
def test_a_release_hands_the_lock_on(told, broken):
    table = Table()
    queue_of_two(table)
    table.entry(10, RELEASE, told | {"deadline": told["deadline"] and told["deadline"] + 10})
    assert table.found() == ([] if broken is None else [broken])


def test_a_held_lock_is_not_taken():
    table = Table()
    table.entry(0, acquire("alice"), lock("alice", 1, 1_000))
    table.entry(0, acquire("bob"), lock("bob", 2, 1_000))
    assert table.found() == ["mutual exclusion"]


def test_a_hold_ends_when_its_time_is_up():
    table = Table()
    table.entry(0, acquire("alice"), lock("alice", 1, 1_000))
    table.entry(1_000, None)
    table.entry(1_001, None, lock())
    assert table.found() == []


def test_a_hold_that_does_not_end_is_found():
    table = Table()
    table.entry(0, acquire("alice"), lock("alice", 1, 1_000))
    table.entry(1_001, None)
    assert table.found() == ["mutual exclusion"]


def session(table):
    opened = {"op": "open_session", "client_id": "alice", "request_id": "s"}
    table.entry(0, opened)
    return {"session_id": 1, "sequence": 1, "lowest_unanswered": 1}


def test_a_request_that_is_repeated_changes_nothing():
    table = Table()
    numbers = session(table)
    table.entry(5, acquire("alice", **numbers), lock("alice", 2, 1_005))
    table.entry(9, acquire("alice", **numbers))
    assert table.found() == []


def test_a_request_that_is_done_twice_is_found():
    table = Table()
    numbers = session(table)
    table.entry(5, acquire("alice", **numbers), lock("alice", 2, 1_005))
    table.entry(9, acquire("alice", **numbers), lock("alice", 2, 1_009))
    assert table.found() == ["exactly once"]


@pytest.mark.parametrize(("until_ms", "fine"), [(900, True), (1_200, False)])
def test_a_client_stops_believing_first(until_ms, fine):
    table = Table()
    table.entry(0, acquire("alice"), lock("alice", 1, 1_000))
    about = {"client": "alice", "lock": "printer", "token": 1}
    table.tell("client:alice", "belief", at=2_000, until=until_ms * 1_000, **about)
    table.entry(1_001, None, lock())
    assert table.found() == ([] if fine else ["lease ends first"])


@pytest.mark.parametrize(
    ("writes", "broken"),
    [
        ([("alice", 1, True), ("bob", 2, True), ("alice", 1, False)], None),
        ([("bob", 2, True), ("alice", 1, True)], "stale write"),
        ([("bob", 2, True), ("alice", 2, True)], "fencing"),
    ],
)
def test_what_is_protected_takes_no_old_token(writes, broken):
    table = Table()
    for client, token, accepted in writes:
        table.tell("", "storage", lock="printer", client=client, token=token, accepted=accepted)
    assert table.found() == ([] if broken is None else [broken])


@pytest.mark.parametrize(("token", "fine"), [(1, True), (7, False)])
def test_a_client_is_told_only_of_what_was_granted(token, fine):
    table = Table()
    told = {"client": "alice", "lock": "printer", "op": "acquire", "request_id": "r"}
    table.tell("client:alice", "client_call", **told)
    table.entry(0, acquire("alice", request_id="r"), lock("alice", 1, 1_000))
    table.tell("client:alice", "client_return", status="ok", result="granted", token=token, **told)
    assert table.found() == ([] if fine else ["fencing"])


# ---- waiters ----


def waiting(table, timeout=50):
    """Alice holds for a second; Bob waits for `timeout`, and after him Carol for five seconds."""
    wait = {"wait": True, "wait_timeout": timeout}
    table.entry(0, acquire("alice"), lock("alice", 1, 1_000))
    table.entry(0, acquire("bob", **wait), lock("alice", 1, 1_000, [("bob", 0, 2, timeout)]))
    rows = [("bob", 0, 2, timeout), ("carol", 0, 3, 5_000)]
    table.entry(0, acquire("carol", **WAITS), lock("alice", 1, 1_000, rows))


@pytest.mark.parametrize(
    ("told", "broken"),
    [
        pytest.param(lock("carol", 4, 1_060), None, id="who still waits"),
        pytest.param(
            lock("bob", 4, 1_060, [("carol", 0, 3, 5_000)]), "queue order", id="whose time was up"
        ),
        pytest.param(lock(), "queue order", id="nobody, and a waiter is lost"),
        pytest.param(
            lock(queue=[("carol", 0, 3, 5_000)]), "queue order", id="nobody, beside a waiter"
        ),
    ],
)
def test_a_lock_that_comes_free_goes_to_who_may_still_have_it(told, broken):
    table = Table()
    waiting(table)
    table.entry(60, RELEASE, told)
    assert table.found() == ([] if broken is None else [broken])


def test_a_wait_ends_when_its_time_is_up():
    table = Table()
    waiting(table)
    table.entry(51, None)
    assert table.found() == ["queue order"]


def test_no_queue_is_longer_than_it_may_be():
    table = Table()
    rows = [(f"c{place}", 0, 2, 5_000) for place in range(1_001)]
    table.entry(0, acquire("alice"), lock("alice", 1, 1_000, rows))
    assert "bounds" in table.found()


# ---- snapshots ----


def with_two(table):
    """Three entries: two locks are held, and one of them is given back."""
    other = acquire("bob") | {"lock_id": "scanner"}
    table.entry(0, acquire("alice"), lock("alice", 1, 1_000))
    table.entry(0, other, lock("bob", 2, 1_000) | {"lock": "scanner"})
    table.entry(9, RELEASE, lock())


SCANNER = lock("bob", 2, 1_000) | {"lock": "scanner"}


def restored(index, *locks):
    """The node comes back with a snapshot up to there, and tells its whole table."""
    table = Table()
    with_two(table)
    table.tell("n1", "snapshot", index=index, term=1, bytes=9)
    table.write("n1", 9_000, snapshot=index)
    table.sync("n1", 9_000)
    table.crash()
    table.tell("n1", "install", rule="Restart", index=index, term=1, bytes=9)
    table.tell("n1", "restore", index=index, hash=str(index))
    for each in locks:
        table.tell("n1", "lock", **each)
    rows = [
        {"index": place, "term": 1, "stamp": 9 * (place == 3), "sum": place} for place in (1, 2, 3)
    ]
    table.tell("n1", "append", rule="Restart", entries=rows)
    return table


@pytest.mark.parametrize(
    ("index", "locks", "broken"),
    [
        pytest.param(3, [SCANNER], None, id="the last"),
        pytest.param(2, [lock("alice", 1, 1_000), SCANNER], None, id="one before"),
        pytest.param(1, [lock("alice", 1, 1_000)], None, id="the first"),
        pytest.param(3, [], "mutual exclusion", id="a hold is missing"),
        pytest.param(3, [lock("alice", 1, 1_000), SCANNER], "mutual exclusion", id="one is back"),
        pytest.param(3, [SCANNER | {"token": 7}], "fencing", id="with another token"),
        pytest.param(3, [SCANNER | {"deadline": 5}], "TTL", id="with another deadline"),
    ],
)
def test_a_table_from_a_snapshot_is_the_one_its_entry_left(index, locks, broken):
    table = restored(index, *locks)
    assert table.found() == ([] if broken is None else [broken])


@pytest.mark.parametrize(("told", "fine"), [([lock()], True), ([], False)])
def test_a_node_is_compared_from_its_snapshot_on(told, fine):
    table = restored(2, lock("alice", 1, 1_000), SCANNER)
    table.acts()
    table.tell("n1", "commit", index=3)
    applied = table.tell("n1", "apply", index=3, term=1, stamp=9, hash="3")
    for each in told:
        table.tell("n1", "lock", cause=applied, **each)
    assert table.found() == ([] if fine else ["mutual exclusion"])


@pytest.mark.parametrize(("rules", "fine"), [("AgeingRules", True), ("", False)])
def test_where_waiting_counts_the_turns_are_others(rules, fine):
    """Bob has waited for two seconds when Carol comes with one step of priority more."""
    table = Table()
    table.entry(0, acquire("alice", ttl=9_000), lock("alice", 1, 9_000))
    table.entry(0, acquire("bob", **WAITS), lock("alice", 1, 9_000, [("bob", 0, 2, 5_000)]))
    rows = [("bob", 0, 2, 5_000), ("carol", 1, 3, 7_000)]
    asked = acquire("carol", priority=1, **WAITS)
    table.entry(2_000, asked, lock("alice", 1, 9_000, rows))

    found = check_trace({"nodes": ["n1"], "modified": rules}, table.events)
    assert [each.property for each in found] == ([] if fine else ["queue order"])
