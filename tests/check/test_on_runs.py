"""The checks on simulated runs: they find nothing where all is well, and keep nothing for ever."""

from dataclasses import replace

import pytest

from raftlock.check import Checker, check_trace
from raftlock.check import checker as checker_module
from raftlock.sim.profile import profile_of
from raftlock.sim.run import Plan, explore_seed

SNAPSHOTS = {"snapshot_entries": 5, "snapshot_tail": 1, "ask_ppm": 250_000, "clients": 5}


def run(seed, **drawn):
    plan = Plan(seed, 3, replace(profile_of(seed), **drawn))
    return explore_seed(plan).recorder


def test_what_is_forgotten_is_not_needed(monkeypatch):
    monkeypatch.setattr(checker_module, "FORGOTTEN_AT_ONCE", 1)
    traces = [
        run(seed, **SNAPSHOTS, crash_ppm=45_000, partition_ppm=30_000) for seed in range(1, 7)
    ]
    assert [found for each in traces for found in check_trace(each.header, each.events)] == []
    restored = [each for each in traces if any(event.kind == "restore" for event in each.events)]
    assert len(restored) > 1


def test_most_is_forgotten_once_all_logs_have_dropped_it(monkeypatch):
    monkeypatch.setattr(checker_module, "FORGOTTEN_AT_ONCE", 1)
    trace = run(1, **SNAPSHOTS, crash_ppm=0, partition_ppm=0, loss_ppm=0, pause_ppm=0)
    checker = Checker(trace.header)
    for event in trace.events:
        checker.feed(event)
    kept = len(checker.locks.expected)
    assert checker.committed > 50
    assert kept < checker.committed // 2


@pytest.mark.parametrize("seed", [4, 5])
def test_members_disks_and_clocks_are_followed(seed):
    faults = {
        "member_ppm": 20_000,
        "transfer_ppm": 5_000,
        "wipe_ppm": 5_000,
        "disk_error_ppm": 5_000,
        "flip_ppm": 3_000,
        "jump_ppm": 5_000,
    }
    trace = run(seed, **SNAPSHOTS, **faults)
    assert check_trace(trace.header, trace.events) == []
