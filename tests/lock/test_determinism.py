"""The same entries give the same table: twice, in another process, and whatever they hold."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raftlock.lock import Limits, LockMachine, decode, encode
from raftlock.types import ApplyMsg, Index, LogEntry, Millis, Term
from tests.lock.bench import Bench
from tests.lock.test_commands import COMMANDS
from tests.lock.traffic import Traffic, holders_in

ROOT = Path(__file__).resolve().parents[2]

TINY = Limits(locks=2, waiters_per_lock=2, sessions=2, answers_per_session=2, waits_per_session=1)

REPLAY = """
import json, sys
from raftlock.lock import LockMachine
from raftlock.types import Index, LogEntry, Millis, Term
machine = LockMachine()
for index, stamp, command in json.load(sys.stdin):
    machine.apply(LogEntry(Term(1), Index(index), command.encode(), Millis(stamp)))
    print(machine.digest())
"""


def a_log(seed: int, entries: int = 300) -> tuple[list[LogEntry], list[str]]:
    """A log of careless traffic, and the digest after each entry."""
    draw = random.Random(seed)
    bench, traffic, digests, now = Bench(), Traffic(draw), [], 0
    for _ in range(entries):
        now += draw.choice((0, 1, 100, 1_000))
        command = traffic.next(holders_in(bench.machine))
        message = bench.put(b"" if command is None else encode(command), now / 1000)
        if message.command_result_data is not None:
            opened = message.command_result_data
            if opened.session_id and not opened.sequence:
                traffic.opened(opened.client_id, opened.session_id)
        digests.append(bench.machine.digest())
    return bench.log, digests


@pytest.mark.parametrize("hash_seed", ["0", "1", "4711"])
def test_another_process_with_another_hash_seed_has_the_same_digests(hash_seed):
    log, digests = a_log(seed=7)
    sent = json.dumps([(entry.index, entry.stamp, entry.command.decode()) for entry in log])
    done = subprocess.run(
        [sys.executable, "-c", REPLAY],
        input=sent,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.split() == digests


def test_digests_do_not_depend_on_when_they_are_asked_for():
    log, digests = a_log(seed=8)
    machine = LockMachine()
    for entry in log:
        machine.apply(entry)
    assert machine.digest() == digests[-1]


def test_equal_tables_dump_equal_keyframes_that_json_can_carry():
    log, _ = a_log(seed=9)
    one, other = LockMachine(), LockMachine()
    for entry in log:
        assert one.apply(entry) == other.apply(entry)
    assert json.loads(json.dumps(one.dump())) == one.dump() == other.dump()


def the_same(entries: list[tuple[int, bytes]]) -> None:
    """Two tables, one of which is asked for its digest all the time."""
    one, other = LockMachine(limits=TINY), LockMachine(limits=TINY)
    for index, (stamp, data) in enumerate(entries, start=1):
        entry = LogEntry(Term(1), Index(index), data, Millis(stamp))
        message = one.apply(entry, Millis(index))
        one.digest()
        assert isinstance(message, ApplyMsg)
        assert other.apply(entry, Millis(0)) == message
        assert all(lock.owner_id for lock in one.all())
    assert one.digest() == other.digest()


STAMPS = st.integers(-5, 2**60)


@settings(deadline=None)
@given(st.lists(st.tuples(STAMPS, st.binary(max_size=40)), max_size=20))
def test_any_bytes_are_applied(entries):
    the_same(entries)


@settings(deadline=None)
@given(st.lists(st.tuples(STAMPS, COMMANDS), max_size=20))
def test_any_commands_are_applied(entries):
    the_same([(stamp, encode(command)) for stamp, command in entries])


@settings(deadline=None)
@given(st.integers(0, 2**32), st.data())
def test_traffic_with_bytes_changed_on_the_way_is_applied(seed, data):
    log, _ = a_log(seed, entries=30)
    broken = []
    for entry in log:
        command = bytearray(entry.command)
        if command and data.draw(st.booleans()):
            command[data.draw(st.integers(0, len(command) - 1))] = data.draw(st.integers(0, 255))
        broken.append((entry.stamp, bytes(command)))
    the_same(broken)


@pytest.mark.parametrize("seed", range(40))
def test_a_tiny_table_is_full_all_the_time_and_holds(seed):
    """Limits of two: evictions, full queues and forgotten answers at every turn."""
    log, _ = a_log(seed, entries=200)
    the_same([(entry.stamp, entry.command) for entry in log])
    machine = LockMachine(limits=TINY)
    for entry in log:
        machine.apply(entry)
        assert len(machine.all()) <= 2
        assert all(len(lock.waiters) <= 2 for lock in machine.all())


def test_what_decode_gives_is_what_was_meant():
    log, _ = a_log(seed=3, entries=50)
    for entry in log:
        if entry.command:
            assert encode(decode(entry.command)) == entry.command
