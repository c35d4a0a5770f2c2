from __future__ import annotations

import pytest

from raftlock.errors import ErrorCode
from raftlock.lock import refusals
from raftlock.lock.refusals import interval, short
from raftlock.lock.rules import Hold
from raftlock.lock.waiters import Waiter
from raftlock.types import (
    ClientID,
    Command,
    Index,
    LockID,
    LockOperation,
    Millis,
    QueuedWaiter,
    SessionID,
)

ASKED = Command(
    LockOperation.ACQUIRE,
    LockID("build"),
    ClientID("bob"),
    version=Index(3),
    session_id=SessionID(9),
    sequence=4,
)
ALICE = Hold(ClientID("alice"), Index(7), Millis(0), Millis(0))
BOB = Hold(ClientID("bob"), Index(8), Millis(0), Millis(0))
WAITER = Waiter(
    QueuedWaiter(ClientID("bob"), 0, Index(2), Millis(6_500), Millis(1_000)), ASKED, Millis(2_000)
)


@pytest.mark.parametrize(
    ("refusal", "code", "message"),
    [
        (refusals.invalid("no"), ErrorCode.INVALID_ARGUMENT, "no"),
        (
            refusals.held(ASKED, ALICE),
            ErrorCode.LOCK_HELD,
            "alice holds build with token 7: wait for it, or ask again later",
        ),
        (
            refusals.not_held(ASKED),
            ErrorCode.LOCK_NOT_HELD,
            "nobody holds build (it was released, or its TTL ended): acquire it first",
        ),
        (
            refusals.not_yours(ASKED, ALICE),
            ErrorCode.NOT_LOCK_OWNER,
            (
                "alice holds build with token 7, not bob: "
                "stop using what it protects, and acquire it anew"
            ),
        ),
        (
            refusals.not_yours(ASKED, BOB),
            ErrorCode.VERSION_MISMATCH,
            "bob holds build with token 8, not 3: name the token of its last grant",
        ),
        (
            refusals.not_waiting(ASKED, BOB),
            ErrorCode.NOT_WAITING,
            "bob holds build with token 8 and no longer waits: release it instead",
        ),
        (
            refusals.not_waiting(ASKED, ALICE),
            ErrorCode.NOT_WAITING,
            "bob does not wait for build: there is nothing to cancel",
        ),
        (
            refusals.not_waiting(ASKED, None),
            ErrorCode.NOT_WAITING,
            "bob does not wait for build: there is nothing to cancel",
        ),
        (
            refusals.queue_full(ASKED, 1_000),
            ErrorCode.WAIT_QUEUE_FULL,
            "1000 clients wait for build, as many as may: ask again later",
        ),
        (
            refusals.too_many_locks(10_000),
            ErrorCode.TOO_MANY,
            "10000 locks are in use, as many as the table takes: release one first",
        ),
        (
            refusals.too_many_waits(ASKED, 64),
            ErrorCode.TOO_MANY,
            "bob waits for 64 locks, as many as it may: cancel one",
        ),
        (
            refusals.session_unknown(ASKED),
            ErrorCode.SESSION_EXPIRED,
            "session 9 has ended, and nothing was done: open a new one",
        ),
        (
            refusals.wrong_session(ASKED, ClientID("alice")),
            ErrorCode.PERMISSION_DENIED,
            "session 9 belongs to alice, not to bob: open a session of its own",
        ),
        (
            refusals.forgotten(ASKED),
            ErrorCode.INVALID_ARGUMENT,
            (
                "request 4 of session 9 is older than the answers that are kept, "
                "and nothing was done: ask with a new number"
            ),
        ),
        (
            refusals.timed_out(WAITER),
            ErrorCode.WAIT_TIMED_OUT,
            "bob waited 4.5 s for build in vain: ask again, or wait longer",
        ),
        (
            refusals.cancelled(WAITER, "its session ended", ": ask again if it needs it"),
            ErrorCode.WAIT_CANCELLED,
            "bob no longer waits for build (its session ended): ask again if it needs it",
        ),
    ],
)
def test_a_refusal_is_one_sentence_that_says_what_to_do(refusal, code, message):
    assert (refusal.code, refusal.message) == (code, message)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1_000, "1 s"),
        (1_500, "1.5 s"),
        (1_050, "1.05 s"),
        (20_000, "20 s"),
        (100_001, "100.001 s"),
    ],
)
def test_a_duration_as_a_person_says_it(ms, text):
    assert interval(ms) == text


def test_a_long_name_is_cut_in_a_sentence():
    assert short("x" * 40) == "x" * 40
    assert short("x" * 41) == "x" * 39 + "…"
    long = Command(LockOperation.ACQUIRE, LockID("l" * 256), ClientID("b" * 256))
    assert len(refusals.not_yours(long, ALICE).message) < 250
