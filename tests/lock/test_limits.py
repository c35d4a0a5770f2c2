"""Bounds are checked inside the table: one sentence, and nothing changes."""

from __future__ import annotations

import pytest

from raftlock.errors import ErrorCode
from raftlock.lock.limits import problem_with, wait_of
from raftlock.types import ClientID, Command, LockID, LockOperation, Millis, SessionID
from tests.lock.bench import GRANTED, QUEUED, REFUSED, Bench

ACQUIRE = LockOperation.ACQUIRE
HOUR = 60 * 60 * 1000


def command(op=ACQUIRE, lock="build", client="alice", ttl=1_000, **fields) -> Command:
    return Command(op, LockID(lock), ClientID(client), Millis(ttl), **fields)


def waits(op=ACQUIRE, ms=1_000, **fields) -> Command:
    if op is ACQUIRE:
        return command(op, wait=True, wait_timeout=Millis(ms), **fields)
    return command(op, timeout=Millis(ms), **fields)


@pytest.mark.parametrize(
    "good",
    [
        command(lock="x" * 256, client="y" * 256),
        command(lock="a lock/with: any <text> é"),
        command(request_id="r" * 128),
        command(metadata={f"{number:064}": "v" * 256 for number in range(32)}),
        command(ttl=1),
        command(ttl=24 * HOUR),
        command(priority=1000),
        command(priority=-1000),
        waits(ms=1),
        waits(ms=600_000),
        waits(LockOperation.ENQUEUE_WAITER, ms=600_000, ttl=0),
        command(LockOperation.RELEASE, ttl=0),
        command(LockOperation.CANCEL_WAIT, ttl=0),
        command(session_id=SessionID(1), sequence=1, lowest_unanswered=1),
        Command(LockOperation.OPEN_SESSION, client_id=ClientID("alice")),
        Command(LockOperation.END_SESSION, session_id=SessionID(1)),
    ],
)
def test_within_bounds(good):
    assert problem_with(good) is None


ARGUMENT = ErrorCode.INVALID_ARGUMENT
TTL = ErrorCode.INVALID_TTL
NAME = "name has 1 to 256 characters, this one has"


@pytest.mark.parametrize(
    ("bad", "code", "message"),
    [
        (command(lock=""), ARGUMENT, f"a lock's {NAME} 0: give one"),
        (command(lock="x" * 10_240), ARGUMENT, f"a lock's {NAME} 10240: choose a shorter one"),
        (command(client=""), ARGUMENT, f"a client's {NAME} 0: give one"),
        (command(client="x" * 257), ARGUMENT, f"a client's {NAME} 257: choose a shorter one"),
        (
            command(LockOperation.OPEN_SESSION, client=""),
            ARGUMENT,
            f"a client's {NAME} 0: give one",
        ),
        (
            command(LockOperation.END_SESSION, client="x" * 257, session_id=SessionID(1)),
            ARGUMENT,
            f"a client's {NAME} 257: choose a shorter one",
        ),
        (
            command(LockOperation.END_SESSION),
            ARGUMENT,
            "session 0 is no session: name the one to end",
        ),
        (
            command(request_id="r" * 129),
            ARGUMENT,
            "a request id has up to 128 characters, this one has 129: shorten it",
        ),
        (
            command(metadata={str(number): "" for number in range(33)}),
            ARGUMENT,
            "metadata has up to 32 entries, this has 33: leave some out",
        ),
        (
            command(LockOperation.OPEN_SESSION, metadata={"k" * 65: ""}),
            ARGUMENT,
            "metadata has keys of up to 64 characters and values of up to 256: shorten them",
        ),
        (
            command(metadata={"k": "v" * 257}),
            ARGUMENT,
            "metadata has keys of up to 64 characters and values of up to 256: shorten them",
        ),
        (command(ttl=0), TTL, "a TTL is 1 ms to 24 hours, not 0 ms: choose another"),
        (
            command(LockOperation.RENEW, ttl=24 * HOUR + 1),
            TTL,
            "a TTL is 1 ms to 24 hours, not 86400.001 s: choose another",
        ),
        (waits(ms=0), ARGUMENT, "a wait is 1 ms to 10 minutes, not 0 ms: choose another"),
        (
            waits(LockOperation.ENQUEUE_WAITER, ms=600_001),
            ARGUMENT,
            "a wait is 1 ms to 10 minutes, not 600.001 s: choose another",
        ),
        (
            command(priority=1001),
            ARGUMENT,
            "a priority is -1000 to 1000, not 1001: choose another",
        ),
        (
            command(session_id=SessionID(1)),
            ARGUMENT,
            (
                "a session numbers its requests from 1, and lowest_unanswered is no larger than "
                "the request's own number: correct the two numbers"
            ),
        ),
    ],
)
def test_out_of_bounds(bad, code, message):
    problem = problem_with(bad)
    assert problem is not None
    assert (problem.code, problem.message) == (code, message)


def test_a_request_cannot_be_answered_before_it_is_asked():
    bad = command(session_id=SessionID(1), sequence=3, lowest_unanswered=4)
    assert problem_with(bad).code is ARGUMENT


def test_who_waits_and_for_how_long():
    assert wait_of(command(wait_timeout=Millis(5))) is None
    assert wait_of(waits(ms=5)) == 5
    assert wait_of(waits(LockOperation.ENQUEUE_WAITER, ms=6)) == 6
    assert wait_of(command(LockOperation.RELEASE, wait=True, wait_timeout=Millis(5))) is None


def test_the_table_refuses_and_changes_nothing():
    bench = Bench()
    bench.acquire("alice")
    assert bench.acquire("alice", ttl=0).code is TTL
    assert bench.renew("alice", ttl=0).code is TTL
    assert bench.wait("bob", timeout=0).status is REFUSED
    assert bench.acquire("bob", "x" * 10_240).status is REFUSED
    assert bench.message.changes == ()
    assert bench.deadline() == 10


def test_a_request_out_of_bounds_is_not_remembered():
    bench = Bench()
    session_id = bench.open("alice")
    assert bench.acquire("alice", ttl=0, session_id=session_id, sequence=1).status is REFUSED
    assert bench.machine.outcome_of(session_id, 1) is None
    assert bench.acquire("alice", session_id=session_id, sequence=1).status is GRANTED


def test_markup_in_a_name_is_a_name():
    bench = Bench()
    assert bench.acquire("<img src=x>", "<b>").status is GRANTED
    assert bench.wait("bob", "<b>").status is QUEUED
