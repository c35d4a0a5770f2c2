"""A table as bytes and back: equal to the one it was, also in what it does next."""

from __future__ import annotations

import random

import pytest

from raftlock.errors import RemoteProtocolError
from raftlock.lock.commands import encode
from raftlock.lock.machine import LockMachine
from raftlock.lock.rules import LockRules
from raftlock.types import Index, LogEntry, Millis, OutcomeStatus, Term
from tests.lock.bench import Bench
from tests.lock.traffic import Traffic, holders_in


def entries(seed: int, count: int, table: LockMachine) -> list[LogEntry]:
    """Apply `count` entries as careless clients would send them; the entries."""
    traffic = Traffic(random.Random(seed))
    applied, stamp = [], 0
    for index in range(1, count + 1):
        stamp += traffic.draw.choice((0, 1, 100, 700))
        command = traffic.next(holders_in(table))
        data = encode(command) if command else b""
        entry = LogEntry(Term(1), Index(index), data, Millis(stamp))
        outcome = table.apply(entry).command_result_data
        if outcome is not None and outcome.status is OutcomeStatus.SESSION_OPENED:
            traffic.opened(outcome.client_id, outcome.session_id)
        applied.append(entry)
    return applied


@pytest.mark.parametrize("seed", range(20))
def test_a_table_that_is_read_back_is_the_same_and_goes_on_the_same(seed: int) -> None:
    whole = LockMachine()
    log = entries(seed, 120, whole)
    for cut in (0, 1, 40, 100):
        part = LockMachine()
        for entry in log[:cut]:
            part.apply(entry)
        restored = LockMachine()
        restored.restore(part.snapshot())
        assert (restored.digest(), restored.dump()) == (part.digest(), part.dump())
        assert restored.snapshot() == part.snapshot()
        assert restored.next_deadline() == part.next_deadline()
        assert restored.stats() == part.stats()
        for entry in log[cut:]:
            assert restored.apply(entry) == part.apply(entry)
        assert restored.digest() == whole.digest()


def test_traffic_fills_every_part_of_a_table() -> None:
    seen = set()
    for seed in range(20):
        table = LockMachine()
        entries(seed, 120, table)
        seen |= {"sessions" for _ in table.dump()["sessions"]}  # type: ignore[union-attr]
        seen |= {"queue" for change in table.all() if change.waiters}
        seen |= {"hold" for change in table.all() if change.owner_id}
    assert len(seen) == 3


IDLE = '{"lock_id":"","holds":[],"queue":[],"last_modified":""}'
EMPTY = '"clock":0,"last_applied":0,"last_token":0,"wall":0,"statistics":{}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        f'{{{EMPTY},"locks":[1],"sessions":[]}}',
        f'{{{EMPTY[:-1]}"waits":1}},"locks":[],"sessions":[]}}',
        f'{{{EMPTY[:-2]}1,"locks":[],"sessions":[]}}',
        f'{{{EMPTY},"locks":[],"sessions":[{{}}]}}',
        f'{{{EMPTY},"sessions":[],"locks":[{{"lock_id":1,"holds":[]}}]}}',
        f'{{{EMPTY},"sessions":[],"locks":[{{"lock_id":"a","holds":[{{"who":1}}]}}]}}',
        f'{{{EMPTY},"sessions":[],"locks":[{{"lock_id":"a","holds":[],"queue":1}}]}}',
        f'{{{EMPTY},"sessions":[],"locks":[{IDLE}]}}',
    ],
)
def test_what_is_no_table_changes_nothing(text: str) -> None:
    table = LockMachine()
    entries(1, 60, table)
    before = table.dump()
    with pytest.raises(RemoteProtocolError, match="not one of a lock table"):
        table.restore(text.encode())
    assert table.dump() == before


def test_a_snapshot_without_sessions_is_a_rule_broken() -> None:
    class DropsSessions(LockRules):
        def keeps_sessions(self) -> bool:
            return False

    table = LockMachine(DropsSessions())
    entries(3, 150, table)
    assert table.dump()["sessions"]
    table.restore(table.snapshot())
    assert table.dump()["sessions"] == []


def test_a_free_lock_with_waiters_is_kept_too() -> None:
    """By broken rules only: the correct ones hand a lock on as soon as it is free."""

    class Sleeping(LockRules):
        def promotes(self, why: str) -> bool:
            return False

    bench = Bench(Sleeping())
    bench.acquire("alice")
    bench.wait("bob", timeout=7)
    bench.release("alice", at=1)
    restored = LockMachine(Sleeping())
    restored.restore(bench.machine.snapshot())
    assert restored.digest() == bench.machine.digest()
    assert restored.next_deadline() == 7_000
