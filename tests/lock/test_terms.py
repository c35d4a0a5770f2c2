"""Locks that several may hold: shared by readers, or by one of so many permits each."""

from __future__ import annotations

import pytest

from raftlock.errors import ErrorCode
from raftlock.lock import AgeingRules, LockRules
from raftlock.types import LockOperation, Millis, OutcomeStatus
from tests.lock.bench import GRANTED, QUEUED, REFUSED, Bench

READ = {"shared": True}
POOL = {"permits": 2}


def holders(bench: Bench, lock: str = "build") -> list[str]:
    info = bench.machine.info(lock)
    return [one.client_id for one in info.holders] if info is not None else []


def slots(bench: Bench, lock: str = "build") -> dict[str, int]:
    info = bench.machine.info(lock)
    return {one.client_id: one.slot for one in info.holders} if info is not None else {}


# ---- who may have it together ----


def test_readers_share_a_lock_and_each_has_a_token_of_its_own():
    bench = Bench()
    tokens = [bench.acquire(name, **READ).token for name in ("alice", "bob", "carol")]
    assert holders(bench) == ["alice", "bob", "carol"]
    assert tokens == sorted(set(tokens))
    assert all(bench.machine.info("build").shared for _ in tokens)


def test_who_writes_waits_for_all_who_read_and_then_has_it_alone():
    bench = Bench()
    first, second = bench.acquire("alice", **READ), bench.acquire("bob", **READ)
    assert bench.acquire("carol").code is ErrorCode.LOCK_HELD
    assert bench.wait("carol").status is QUEUED
    bench.release("alice", first.token)
    assert holders(bench) == ["bob"]
    bench.release("bob", second.token)
    assert holders(bench) == ["carol"]
    assert bench.acquire("alice", **READ).code is ErrorCode.LOCK_HELD


def test_nobody_overtakes_a_writer_that_waits():
    bench = Bench()
    bench.acquire("alice", **READ)
    bench.wait("writer")
    assert bench.acquire("bob", **READ).code is ErrorCode.LOCK_HELD, "else it may starve"
    assert bench.wait("bob", **READ).position == 1


def test_who_is_more_urgent_goes_before_a_writer_that_waits():
    bench = Bench()
    bench.acquire("alice", **READ)
    bench.wait("writer", priority=1)
    assert bench.acquire("bob", priority=2, **READ).status is GRANTED
    assert holders(bench) == ["alice", "bob"]
    assert bench.queue() == ["writer"]


def test_readers_behind_a_writer_come_in_together():
    bench = Bench()
    writer = bench.acquire("writer")
    for name in ("alice", "bob"):
        bench.wait(name, **READ)
    bench.wait("second writer")
    bench.wait("carol", **READ)
    bench.release("writer", writer.token)
    assert holders(bench) == ["alice", "bob"]
    assert bench.queue() == ["second writer", "carol"]
    assert bench.decided == [("alice", "granted"), ("bob", "granted")]


@pytest.mark.parametrize("how", ["cancelled", "too late", "session ended"])
def test_a_writer_that_no_longer_waits_lets_the_readers_behind_it_in(how):
    bench = Bench()
    bench.acquire("alice", ttl=100, **READ)
    number = {"session_id": bench.open("writer"), "sequence": 1, "lowest_unanswered": 1}
    bench.wait("writer", timeout=5, **number)
    bench.wait("bob", timeout=60, **READ)
    assert holders(bench) == ["alice"]
    if how == "cancelled":
        bench.cancel("writer")
    elif how == "too late":
        bench.tick(at=6)
    else:
        bench.end(number["session_id"])
    assert holders(bench) == ["alice", "bob"]
    assert bench.queue() == []


def test_a_writer_that_makes_itself_less_urgent_lets_readers_in():
    bench = Bench()
    bench.acquire("alice", **READ)
    bench.wait("writer", priority=5)
    bench.wait("bob", **READ)
    assert bench.wait("writer", priority=-5).status is QUEUED
    assert holders(bench) == ["alice", "bob"]
    assert bench.queue() == ["writer"]


def test_a_reader_that_becomes_more_urgent_than_the_writer_before_it_comes_in():
    bench = Bench()
    bench.acquire("alice", **READ)
    bench.wait("writer", priority=1)
    bench.wait("bob", **READ, request_id="first")
    assert bench.wait("bob", priority=2, **READ, request_id="second").status is GRANTED
    assert bench.decided == [("bob", "cancelled")], "its first request is over"
    stats = bench.machine.stats()
    assert (stats.waiting, stats.waits_begun, stats.waits_cancelled) == (1, 2, 1)


def test_a_wait_whose_own_request_is_granted_at_last_counts_as_granted():
    bench = Bench()
    bench.acquire("alice", **READ)
    bench.wait("writer", priority=1)
    bench.wait("bob", **READ, request_id="same")
    assert bench.wait("bob", priority=2, **READ, request_id="same").status is GRANTED
    assert bench.decided == []
    stats = bench.machine.stats()
    assert (stats.waits_begun, stats.waits_granted, stats.waiting) == (2, 1, 1)


# ---- permits ----


def test_as_many_have_it_as_there_are_permits():
    bench = Bench()
    assert [bench.acquire(name, **POOL).slot for name in ("alice", "bob")] == [1, 2]
    assert bench.acquire("carol", **POOL).code is ErrorCode.LOCK_HELD
    assert bench.wait("carol", **POOL).status is QUEUED
    bench.release("alice", bench.token())
    assert slots(bench) == {"bob": 2, "carol": 1}, "the permit that came free"


def test_a_permit_that_expires_is_the_next_one_s():
    bench = Bench()
    bench.acquire("alice", ttl=5, **POOL)
    bench.acquire("bob", ttl=50, **POOL)
    bench.wait("carol", **POOL)
    bench.tick(at=5.001)
    assert slots(bench) == {"bob": 2, "carol": 1}


def test_permits_are_renewed_and_released_each_for_itself():
    bench = Bench()
    first, second = bench.acquire("alice", **POOL), bench.acquire("bob", **POOL)
    renewed = bench.renew("bob", ttl=30, token=second.token, at=1)
    assert (renewed.status, renewed.slot) == (OutcomeStatus.RENEWED, 2)
    assert bench.release("alice", second.token).code is ErrorCode.VERSION_MISMATCH
    assert bench.release("alice", first.token).status is OutcomeStatus.RELEASED
    assert holders(bench) == ["bob"]
    assert bench.release("alice", first.token).code is ErrorCode.NOT_LOCK_OWNER


def test_all_agree_on_the_number_of_permits():
    bench = Bench()
    bench.acquire("alice", **POOL)
    refused = bench.acquire("bob", permits=3)
    assert refused.code is ErrorCode.INVALID_ARGUMENT
    assert (
        refused.message
        == "build is held or waited for by one of 2 permits: ask so, or give that up"
    )
    bench.wait("writer")
    assert bench.wait("bob", permits=3).code is ErrorCode.INVALID_ARGUMENT
    bench.release("alice", bench.token())
    assert bench.wait("bob", permits=3).status is QUEUED, "nobody uses it by two permits any more"


def test_one_permit_is_not_the_lock_alone():
    bench = Bench()
    assert bench.acquire("alice", permits=1).slot == 1
    assert bench.acquire("bob", permits=1).code is ErrorCode.LOCK_HELD
    assert bench.acquire("bob").code is ErrorCode.LOCK_HELD


def test_who_asks_alone_waits_until_all_permits_are_back():
    bench = Bench()
    first, second = bench.acquire("alice", **POOL), bench.acquire("bob", **POOL)
    bench.wait("carol")
    bench.release("alice", first.token)
    assert bench.acquire("dave", **POOL).code is ErrorCode.LOCK_HELD, "carol goes first"
    bench.release("bob", second.token)
    assert holders(bench) == ["carol"]


# ---- one client ----


@pytest.mark.parametrize("one", [{}, READ, POOL])
@pytest.mark.parametrize("other", [{}, READ, POOL])
def test_a_client_asks_on_the_terms_on_which_it_has_the_lock(one, other):
    bench = Bench()
    token = bench.acquire("alice", ttl=10, **one).token
    again = bench.acquire("alice", ttl=20, at=1, **other)
    if one == other:
        assert (again.status, again.token, bench.deadline()) == (GRANTED, token, 21)
    else:
        assert (again.status, again.code) == (REFUSED, ErrorCode.INVALID_ARGUMENT)
        assert bench.deadline() == 10


def test_a_client_waits_on_one_sort_of_terms():
    bench = Bench()
    bench.acquire("alice")
    bench.wait("bob", **READ)
    assert bench.wait("bob").code is ErrorCode.INVALID_ARGUMENT
    assert bench.queue() == ["bob"]


def test_several_at_once_are_had_alone():
    bench = Bench()
    bench.acquire("alice", "a", **READ)
    all_of = {"lock_ids": ("a", "b")}
    mine = bench.do(LockOperation.ACQUIRE_ALL, "alice", "", None, ttl=Millis(1_000), **all_of)
    assert mine.code is ErrorCode.INVALID_ARGUMENT
    others = bench.do(LockOperation.ACQUIRE_ALL, "bob", "", None, ttl=Millis(1_000), **all_of)
    assert others.code is ErrorCode.LOCK_HELD


# ---- revoked, looked at, told ----


def test_one_hold_is_revoked_by_its_token_and_all_without():
    bench = Bench()
    tokens = [bench.acquire(name, **READ).token for name in ("alice", "bob", "carol")]
    revoked = bench.do(LockOperation.REVOKE, "admin", "build", None, version=tokens[1])
    assert revoked.token > max(tokens)
    assert holders(bench) == ["alice", "carol"]
    assert bench.do(LockOperation.REVOKE, "admin", "build", None, version=tokens[1]).code is (
        ErrorCode.VERSION_MISMATCH
    )
    bench.wait("dave")
    assert bench.do(LockOperation.REVOKE, "admin", "build", None).waiter_promoted
    assert holders(bench) == ["dave"]


def test_a_retry_of_a_shared_hold_that_ended_says_so():
    bench = Bench()
    number = {"session_id": bench.open("alice"), "sequence": 1, "lowest_unanswered": 1}
    bench.acquire("bob", ttl=50, **READ)
    granted = bench.acquire("alice", ttl=5, **READ, **number)
    assert not bench.acquire("alice", ttl=5, **READ, **number).expired
    bench.tick(at=6)
    again = bench.acquire("alice", ttl=5, **READ, **number)
    assert (again.expired, again.token) == (True, granted.token)


def test_a_table_with_several_holders_is_read_back_the_same():
    bench, other = Bench(), Bench()
    for name in ("alice", "bob"):
        bench.acquire(name, "pool", **POOL)
        bench.acquire(name, "page", **READ)
    bench.wait("carol", "pool", **POOL)
    other.machine.restore(bench.machine.snapshot())
    assert other.machine.digest() == bench.machine.digest()
    assert other.machine.all() == bench.machine.all()


# ---- the rules ----


def test_rules_that_age_let_an_old_reader_go_before_an_urgent_writer():
    bench = Bench(AgeingRules())
    bench.acquire("alice", ttl=100, **READ)
    bench.wait("writer", priority=2, timeout=100, at=10)
    bench.wait("bob", at=10, timeout=100, **READ)
    assert bench.queue() == ["writer", "bob"]


def test_a_rule_says_who_may_join():
    class Two(LockRules):
        def may_join(self, holds, waiter):
            return waiter.shared and len(holds) < 2

    bench = Bench(Two())
    granted = [bench.acquire(name, **READ).status for name in ("alice", "bob", "carol")]
    assert granted == [GRANTED, GRANTED, REFUSED]
    bench.wait("carol", **READ)
    bench.release("alice", bench.token())
    assert holders(bench) == ["bob", "carol"]


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        ({"shared": True, "permits": 2}, "a lock is shared or has permits, and not both"),
        ({"permits": 1_001}, "a lock has 1 to 1000 permits, not 1001"),
    ],
)
def test_terms_have_bounds(terms, sentence):
    refused = Bench().acquire("alice", **terms)
    assert (refused.code, sentence in refused.message) == (ErrorCode.INVALID_ARGUMENT, True)


@pytest.mark.parametrize("op", [LockOperation.RENEW, LockOperation.RELEASE, LockOperation.REVOKE])
def test_terms_are_of_requests_for_a_lock(op):
    bench = Bench()
    token = bench.acquire("alice", **READ).token
    refused = bench.do(op, "alice", "build", None, ttl=Millis(1_000), version=token, **READ)
    assert refused.code is ErrorCode.INVALID_ARGUMENT


def test_a_thousand_may_share_a_lock_and_no_more():
    bench = Bench(LockRules())  # unchecked, for each entry is looked at in full
    for number in range(1_000):
        bench.acquire(f"c{number}", **READ)
    assert len(holders(bench)) == 1_000
    assert bench.acquire("one more", **READ).code is ErrorCode.LOCK_HELD
    assert bench.wait("one more", **READ).status is QUEUED
    bench.release("c0", bench.token())
    assert holders(bench)[-1] == "one more"
