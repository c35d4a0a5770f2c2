"""The checks on simulated runs: they find nothing where all is well, and keep nothing for ever."""

import pytest

from raftlock.check import Checker, check_trace
from raftlock.check import checker as checker_module
from raftlock.sim.profile import Profile
from raftlock.sim.run import Plan, explore_seed

SNAPSHOTS = {"snapshot_entries": 5, "snapshot_tail": 1, "ask_ppm": 250_000, "clients": 5}


def run(seed, **drawn):
    return explore_seed(Plan(seed, 3, Profile(**SNAPSHOTS, **drawn))).recorder


def test_what_is_forgotten_is_not_needed(monkeypatch):
    monkeypatch.setattr(checker_module, "FORGOTTEN_AT_ONCE", 1)
    faults = {"crash_ppm": 15_000, "partition_ppm": 8_000, "mean_delay_us": 3_000}
    traces = [run(seed, **faults) for seed in (2, 3, 6)]
    assert [found for each in traces for found in check_trace(each.header, each.events)] == []
    restored = [each for each in traces if any(event.kind == "restore" for event in each.events)]
    assert len(restored) > 1


def test_most_is_forgotten_once_all_logs_have_dropped_it(monkeypatch):
    monkeypatch.setattr(checker_module, "FORGOTTEN_AT_ONCE", 1)
    trace = run(1)
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
        "disk_error_ppm": 20_000,
        "flip_ppm": 3_000,
        "jump_ppm": 20_000,
        "crash_ppm": 4_000,
    }
    trace = run(seed, **faults)
    done = {event.data["what"] for event in trace.events if event.kind == "fault"}
    assert {"members", "disk", "clock"} <= done
    assert check_trace(trace.header, trace.events) == []
