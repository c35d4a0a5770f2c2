"""Several locks in one entry: all of them, or none."""

from __future__ import annotations

import pytest

from raftlock.errors import ErrorCode
from raftlock.lock.limits import LOCKS_AT_ONCE_MAX, Limits
from raftlock.types import LockOperation, OutcomeStatus
from tests.lock.bench import Bench, ms

ALL = LockOperation.ACQUIRE_ALL


def acquire_all(bench, client, *names, at=None, ttl=10.0, **fields):
    return bench.do(ALL, client, "", at, lock_ids=names, ttl=ms(ttl), **fields)


def test_each_has_a_token_of_its_own():
    bench = Bench()
    bench.acquire("bob", lock="z")
    got = acquire_all(bench, "alice", "a", "b", "c")
    assert got.status is OutcomeStatus.GRANTED
    assert list(got.tokens) == ["a", "b", "c"]
    assert len(set(got.tokens.values())) == 3
    assert min(got.tokens.values()) > bench.token("z")
    assert got.token == max(got.tokens.values())
    assert [bench.holder(name) for name in "abc"] == ["alice"] * 3
    assert [bench.token(name) for name in "abc"] == list(got.tokens.values())


def test_none_is_granted_if_one_is_held():
    bench = Bench()
    bench.acquire("bob", lock="b")
    refused = acquire_all(bench, "alice", "a", "b", "c")
    assert refused.code is ErrorCode.LOCK_HELD
    assert "bob holds b" in refused.message
    assert [bench.holder(name) for name in "abc"] == ["", "bob", ""]


def test_what_is_ones_own_is_kept_with_its_token_and_lasts_longer():
    bench = Bench()
    mine = bench.acquire("alice", lock="b", ttl=5)
    got = acquire_all(bench, "alice", "a", "b", ttl=20, at=1)
    assert got.tokens["b"] == mine.token < got.tokens["a"]
    bench.tick(15)
    assert [bench.holder(name) for name in "ab"] == ["alice", "alice"]


def test_a_retry_is_answered_with_the_same_and_says_if_one_has_ended():
    bench = Bench()
    session = {"session_id": bench.open("alice"), "sequence": 1, "lowest_unanswered": 1}
    got = acquire_all(bench, "alice", "a", "b", **session)
    again = acquire_all(bench, "alice", "a", "b", at=1, **session)
    assert (again.tokens, again.expired) == (got.tokens, False)
    bench.release("alice", lock="b", token=got.tokens["b"], at=2)
    late = acquire_all(bench, "alice", "a", "b", at=3, **session)
    assert (late.tokens, late.expired) == (got.tokens, True)
    assert bench.holder("b") == "", "nothing is done a second time"


def test_it_survives_a_snapshot():
    bench = Bench()
    session = {"session_id": bench.open("alice"), "sequence": 1, "lowest_unanswered": 1}
    got = acquire_all(bench, "alice", "a", "b", **session)
    other = Bench()
    other.machine.restore(bench.machine.snapshot())
    assert other.machine.digest() == bench.machine.digest()
    assert other.machine.outcome_of(session["session_id"], 1).tokens == got.tokens


@pytest.mark.parametrize(
    "names",
    [(), ("a", "a"), tuple(map(str, range(LOCKS_AT_ONCE_MAX + 1))), ("a", ""), ("x" * 257,)],
)
def test_what_cannot_be_asked(names):
    bench = Bench()
    assert acquire_all(bench, "alice", *names).code is ErrorCode.INVALID_ARGUMENT
    assert bench.machine.all() == ()


def test_a_full_table_grants_none_of_them():
    bench = Bench(limits=Limits(locks=2))
    bench.acquire("bob", lock="x")
    assert acquire_all(bench, "alice", "a", "b").code is ErrorCode.TOO_MANY
    assert acquire_all(bench, "alice", "a").status is OutcomeStatus.GRANTED
