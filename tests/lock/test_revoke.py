"""A hold that is taken away: its token is overtaken, and whoever waits gets the lock."""

from __future__ import annotations

import pytest

from raftlock.errors import ErrorCode
from raftlock.types import LockOperation, OutcomeStatus
from tests.lock.bench import Bench

REVOKE = LockOperation.REVOKE


def test_the_answer_overtakes_the_holder_and_the_next_overtakes_the_answer():
    bench = Bench()
    first = bench.acquire("alice", ttl=60)
    bench.wait("bob", timeout=60)
    taken = bench.do(REVOKE, "root", "build", 1)
    assert taken.status is OutcomeStatus.REVOKED
    assert taken.waiter_promoted
    assert first.token < taken.token < bench.token()
    assert bench.holder() == "bob"
    assert bench.renew("alice", token=first.token, at=2).code is ErrorCode.NOT_LOCK_OWNER


def test_a_lock_nobody_waits_for_is_free():
    bench = Bench()
    first = bench.acquire("alice", ttl=60)
    assert bench.do(REVOKE, "root", "build", 1, version=first.token).token > first.token
    assert bench.holder() == ""
    assert bench.release("alice", token=first.token, at=2).code is ErrorCode.LOCK_NOT_HELD


@pytest.mark.parametrize("version", [1, 99])
def test_only_the_hold_that_was_meant(version):
    bench = Bench()
    bench.tick(0)
    bench.acquire("alice", ttl=60)
    assert bench.token() not in {1, 99}
    refused = bench.do(REVOKE, "root", "build", 1, version=version)
    assert refused.code is ErrorCode.VERSION_MISMATCH
    assert "look at it again" in refused.message
    assert bench.holder() == "alice"


def test_there_is_nothing_to_take():
    bench = Bench()
    assert bench.do(REVOKE, "root", "build", 1).code is ErrorCode.LOCK_NOT_HELD


def test_a_retry_takes_nothing_more():
    bench = Bench()
    bench.acquire("alice", ttl=60)
    bench.wait("bob", timeout=60)
    session = {"session_id": bench.open("root"), "sequence": 1, "lowest_unanswered": 1}
    taken = bench.do(REVOKE, "root", "build", 1, **session)
    again = bench.do(REVOKE, "root", "build", 2, **session)
    assert again.token == taken.token
    assert bench.holder() == "bob"
