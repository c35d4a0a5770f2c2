"""The table and the naive one go through the same entries and must say and hold the same."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raftlock.lock import LockRules, encode
from raftlock.types import LockOperation, Millis, Outcome, OutcomeStatus
from tests.lock.bench import Bench
from tests.lock.naive import NaiveTable
from tests.lock.traffic import Traffic, holders_in

STEPS = (0, 0, 1, 1, 100, 301, 1_000, 2_500)


def plainly(outcome: Outcome) -> dict:
    return {
        "status": outcome.status.value,
        "lock": outcome.lock_id,
        "client": outcome.client_id,
        "session": outcome.session_id,
        "sequence": outcome.sequence,
        "request": outcome.request_id,
        "token": outcome.token,
        "ttl": outcome.ttl,
        "until": outcome.deadline,
        "stamp": outcome.stamp,
        "enqueued": outcome.enqueued_stamp,
        "position": outcome.position,
        "expired": outcome.expired,
        "promoted": outcome.waiter_promoted,
        "slot": outcome.slot,
        # The reason of an ended wait is its status; the naive table names codes of refusals only.
        "code": outcome.code.name if outcome.status is OutcomeStatus.REFUSED else "OK",
    }


def table(bench: Bench) -> dict[str, tuple]:
    return {
        lock.lock_id: (
            [(one.client_id, one.token, one.deadline, one.slot) for one in lock.holders],
            (lock.shared, lock.permits),
            [
                (
                    *(w.client_id, w.priority, w.index, w.deadline, w.enqueued_stamp),
                    (w.shared, w.permits),
                )
                for w in lock.waiters
            ],
        )
        for lock in bench.machine.all()
    }


def run(draw: random.Random, entries: int, seen: Counter, rules: LockRules | None = None) -> Bench:
    """One run of both; `seen` counts what happened in it."""
    bench, naive, traffic = Bench(rules), NaiveTable(), Traffic(draw)
    now = 0
    for index in range(1, entries + 1):
        now += draw.choice(STEPS)
        command = traffic.next(holders_in(bench.machine))
        message = bench.put(b"" if command is None else encode(command), now / 1000)
        said = naive.apply(index, now, command)
        own = message.command_result_data
        assert (None if own is None else plainly(own)) == said
        assert [plainly(outcome) for outcome in message.outcomes] == naive.final
        assert table(bench) == naive.table()
        seen["shared by several"] += any(
            lock.shared and lock.others for lock in bench.machine.all()
        )
        seen["two permits"] += any(lock.permits and lock.others for lock in bench.machine.all())
        assert bench.machine.last_token == naive.tokens[-1]
        assert bench.machine.stats() == naive.stats()
        assert bench.machine.idle(Millis(now + 50)) is None or rules is not None
        if own is not None:
            seen[own.status.value] += 1
            seen[own.code.name] += 1
            seen["expired retry"] += own.expired
            seen["retry"] += bool(own.sequence and own.stamp < now)
            if own.op is LockOperation.OPEN_SESSION:
                traffic.opened(own.client_id, own.session_id)
        seen.update(f"{outcome.status.value} later" for outcome in message.outcomes)
        seen["two grants in one entry"] += (
            sum(outcome.status is OutcomeStatus.GRANTED for outcome in message.outcomes) > 1
        )
    return bench


def runs(seeds: int, rules: LockRules | None = None) -> Counter:
    seen: Counter = Counter()
    for seed in range(seeds):
        run(random.Random(seed), 120, seen, rules)
    return seen


def test_many_runs_and_everything_happens_in_them():
    seen = runs(220)
    for what, least in {
        "granted": 250,
        "queued": 250,
        "released": 250,
        "renewed": 100,
        "cancelled": 20,
        "session_opened": 250,
        "session_ended": 20,
        "LOCK_HELD": 100,
        "LOCK_NOT_HELD": 100,
        "NOT_LOCK_OWNER": 100,
        "VERSION_MISMATCH": 20,
        "NOT_WAITING": 100,
        "SESSION_EXPIRED": 100,
        "INVALID_ARGUMENT": 20,
        "retry": 200,
        "expired retry": 50,
        "granted later": 250,
        "timed_out later": 250,
        "cancelled later": 100,
        "two grants in one entry": 10,
        "revoked": 20,
        "shared by several": 250,
        "two permits": 250,
    }.items():
        assert seen[what] >= least, f"{what} hardly happens: {seen}"


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_any_run(draw, entries):
    run(draw, entries, Counter())


@pytest.mark.parametrize("seed", range(5))
def test_a_long_run(seed):
    bench = run(random.Random(seed), 1_500, Counter())
    assert bench.machine.last_applied == 1_500


class AllBroken(LockRules):
    """Every rule broken, to be taken one at a time."""

    def expiry_clock(self, stamp, local_now):
        return local_now

    def expires_between_entries(self, local_now):
        return local_now

    def is_due(self, now, deadline):
        return now >= deadline

    def token(self, last, index):
        return index

    def kept_token(self, held, fresh):
        return fresh

    def may_take(self, hold, client_id):
        return True

    def may_join(self, holds, waiter):
        return waiter.shared or waiter.permits > 0

    def may_overtake(self, waiter, first):
        return True

    def may_release(self, hold, client_id, version):
        return hold.owner_id == client_id

    def may_renew(self, hold, client_id, version):
        return hold.token == version

    def extended(self, deadline, asked):
        return asked

    def waiter_key(self, waiter):
        return (waiter.index,)

    def keeps_place(self, waiter, priority):
        return True

    def may_grant(self, now, waiter):
        return True

    def promotes(self, why):
        return why == "released"

    def remembered(self, answer):
        return None

    def accepts_unknown_session(self):
        return True

    def ends_waits(self):
        return False


BROKEN = {name: rule for name, rule in vars(AllBroken).items() if not name.startswith("_")}


def test_every_rule_is_among_the_broken_ones():
    rules = {name for name in vars(LockRules) if not name.startswith("_")}
    # Here no snapshot is taken: what it must keep is for test_snapshots.
    assert rules - {"keeps_sessions"} == BROKEN.keys()


@pytest.mark.parametrize("name", BROKEN)
def test_the_naive_table_tells_a_broken_rule(name):
    """If it did not, its agreement with the correct rules would say little."""
    rules = type("Broken", (LockRules,), {name: BROKEN[name]})()
    with pytest.raises(AssertionError):
        runs(200, rules)
