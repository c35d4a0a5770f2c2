"""The model of the lock table: limits, sessions, and what it answers."""

import pytest

from raftlock.check.bounds import is_within_bounds
from raftlock.check.model import LockModel


class Log:
    """Applies commands one after the other."""

    def __init__(self):
        self.model = LockModel()
        self.index = 0

    def add(self, op="acquire", client="alice", lock="printer", stamp=0, **more):
        self.index += 1
        command = {"op": op, "client_id": client, "lock_id": lock, "ttl": 1_000, **more}
        return self.model.apply(self.index, stamp, command)

    def open(self, client):
        self.add("open_session", client, "", request_id="s")
        return self.index

    def owner(self, lock="printer"):
        hold = next(iter(self.model.lock(lock).holds), None)
        return hold.client if hold else ""

    def waiters(self, lock="printer"):
        return [wait.client for wait in self.model.lock(lock).queue]

    def answers(self, client, request):
        return self.model.answers.get((client, request), [])


@pytest.fixture
def log():
    return Log()


def numbers(session, sequence, lowest=1):
    return {"session_id": session, "sequence": sequence, "lowest_unanswered": lowest}


def waits(session, sequence):
    return {"wait": True, "wait_timeout": 5_000} | numbers(session, sequence)


def test_the_session_that_was_used_longest_ago_makes_room(log):
    first = log.open("c0")
    second = log.open("c1")
    for place in range(2, 10_000):
        log.open(f"c{place}")
    log.add("release", "c0", "printer", version=1, **numbers(first, 1))
    log.open("one more")
    log.add("acquire", "c1", **numbers(second, 1))
    assert log.owner() == ""
    log.add("acquire", "c0", **numbers(first, 2))
    assert log.owner() == "c0"


def test_the_end_of_a_session_ends_its_waits_and_not_its_locks(log):
    alice, bob = log.open("alice"), log.open("bob")
    log.add(**numbers(alice, 1))
    log.add(client="bob", request_id="r", **waits(bob, 1))
    log.add(client="bob", lock="scanner", **numbers(bob, 2))
    log.add("end_session", "bob", "", session_id=bob)
    assert log.waiters() == []
    assert log.owner("scanner") == "bob"
    assert log.answers("bob", "r") == [("ended", 0)]


def test_a_client_that_opens_anew_ends_its_session(log):
    old = log.open("alice")
    log.add("open_session", "alice", "", request_id="another")
    log.add(**numbers(old, 1))
    assert log.owner() == ""


def test_an_opening_that_is_repeated_changes_nothing(log):
    session = log.open("alice")
    log.open("alice")
    log.add(**numbers(session, 1))
    assert log.owner() == "alice"


def test_a_session_is_its_clients_own(log):
    session = log.open("alice")
    log.add(client="bob", **numbers(session, 1))
    assert log.owner() == ""


def test_what_was_let_go_is_not_done_again(log):
    session = log.open("alice")
    for sequence in range(1, 67):
        log.add("cancel_wait", request_id=f"r{sequence}", **numbers(session, sequence))
    log.add("acquire", request_id="r1", **numbers(session, 1))
    assert log.owner() == ""
    assert log.model.was_retry
    log.add("acquire", request_id="late", **numbers(session, 67))
    assert log.owner() == "alice"


def test_what_the_client_has_confirmed_is_not_done_again(log):
    session = log.open("alice")
    log.add("cancel_wait", **numbers(session, 5, lowest=5))
    log.add(**numbers(session, 4, lowest=4))
    assert log.owner() == ""


def test_an_answer_that_comes_late_is_kept_anew(log):
    """Of a wait whose client has confirmed its number meanwhile nothing is kept."""
    alice, bob = log.open("alice"), log.open("bob")
    log.add(**numbers(alice, 1))
    log.add(client="bob", request_id="r", **waits(bob, 1))
    log.add("cancel_wait", "bob", "scanner", **numbers(bob, 2, lowest=2))
    log.add("release", version=3, **numbers(alice, 2))
    assert log.owner() == "bob"
    log.add(client="bob", request_id="r", **waits(bob, 1) | {"lowest_unanswered": 1})
    assert log.answers("bob", "r") == [("granted", 6), ("refused", 0)]


def test_a_session_waits_for_so_many_at_once(log):
    alice, bob = log.open("alice"), log.open("bob")
    for sequence in range(1, 66):
        log.add(lock=f"l{sequence}", **numbers(alice, sequence))
        log.add(client="bob", lock=f"l{sequence}", **waits(bob, sequence))
    assert log.waiters("l64") == ["bob"]
    assert log.waiters("l65") == []


def test_a_queue_has_an_end(log):
    log.add()
    for place in range(1_001):
        log.add(client=f"c{place}", wait=True, wait_timeout=5_000)
    assert len(log.waiters()) == 1_000


def test_there_are_so_many_locks_and_no_more(log):
    for place in range(10_000):
        log.add(lock=f"l{place}", ttl=100_000)
    log.add(lock="one more")
    assert log.owner("one more") == ""
    log.add("release", lock="l5", version=6)
    log.add(lock="one more")
    assert log.owner("one more") == "alice"


def test_who_asks_again_keeps_its_turn_at_equal_priority(log):
    log.add()
    for client in ("bob", "carol", "bob"):
        log.add(client=client, request_id=client, wait=True, wait_timeout=5_000, sequence=log.index)
    assert log.waiters() == ["bob", "carol"]
    log.add(client="bob", wait=True, wait_timeout=5_000, priority=-1)
    assert log.waiters() == ["carol", "bob"]
    assert log.answers("bob", "bob") == [("ended", 0), ("ended", 0)]


def test_a_renewal_makes_no_hold_shorter(log):
    log.add(ttl=5_000)
    log.add("renew", version=1, ttl=10)
    assert log.model.lock("printer").holds[0].deadline == 5_000


def test_time_ends_what_is_due_in_its_order(log):
    log.add(ttl=10)
    log.add(client="bob", ttl=5, wait=True, wait_timeout=5_000, request_id="r")
    log.add("cancel_wait", "nobody", stamp=11)
    assert log.owner() == "bob"
    log.add("cancel_wait", "nobody", stamp=17)
    assert log.owner() == ""
    assert log.answers("bob", "r") == [("granted", 3)]


FITS = {"op": "acquire", "client_id": "alice", "lock_id": "printer", "ttl": 1_000}


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({}, True),
        ({"lock_id": ""}, False),
        ({"lock_id": "x" * 256}, True),
        ({"lock_id": "x" * 257}, False),
        ({"client_id": "x" * 257}, False),
        ({"request_id": "x" * 129}, False),
        ({"ttl": 0}, False),
        ({"ttl": 86_400_000}, True),
        ({"ttl": 86_400_001}, False),
        ({"priority": 1_001}, False),
        ({"wait": True}, False),
        ({"wait": True, "wait_timeout": 600_000}, True),
        ({"wait": True, "wait_timeout": 600_001}, False),
        ({"op": "enqueue_waiter", "ttl": 0, "timeout": 1}, True),
        ({"op": "enqueue_waiter", "ttl": 0}, False),
        ({"op": "release", "ttl": 0}, True),
        ({"metadata": {"k" * 65: "v"}}, False),
        ({"metadata": {"k": "v" * 257}}, False),
        ({"metadata": {f"k{number}": "v" for number in range(33)}}, False),
        ({"metadata": {"k": "v"}}, True),
        ({"session_id": 1}, False),
        ({"session_id": 1, "sequence": 1, "lowest_unanswered": 2}, False),
        ({"session_id": 1, "sequence": 2, "lowest_unanswered": 2}, True),
        ({"op": "open_session", "client_id": ""}, False),
        ({"op": "open_session", "lock_id": ""}, True),
        ({"op": "end_session"}, False),
        ({"op": "end_session", "client_id": "", "session_id": 3}, True),
    ],
)
def test_what_the_fields_of_a_command_may_be(change, fits):
    assert is_within_bounds(FITS | change) is fits


def test_what_is_out_of_bounds_is_refused(log):
    log.add(ttl=0, request_id="r")
    assert log.owner() == ""
    assert log.answers("alice", "r") == [("refused", 0)]
