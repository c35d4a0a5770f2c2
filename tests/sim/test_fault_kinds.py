"""Every kind of fault is drawn by some seeds and left out by others, and can be done by itself."""

import pytest

from raftlock.sim.profile import Profile, profile_of
from raftlock.sim.run import Plan, plan_of, replay

PROFILES = [profile_of(seed) for seed in range(1, 300)]

# A kind, what of a profile draws it, and the same as one line of a script.
FAULTS = {
    "loss": ("loss_ppm", {"do": "drop", "src": "n1", "dst": "n2", "count": 3}),
    "duplication": (
        "duplicate_ppm",
        {"do": "duplicate", "src": "n1", "dst": "n2", "count": 3, "delay_us": 5_000},
    ),
    "delay": ("mean_delay_us", {"do": "link", "src": "n1", "dst": "n2", "delay_us": 40_000}),
    "stale delivery": (
        "stale_ppm",
        {"do": "hold", "src": "n1", "dst": "n2", "count": 3, "delay_us": 900_000},
    ),
    "partition": ("partition_ppm", {"do": "partition", "groups": [["n1"]]}),
    "one way": ("one_way_ppm", {"do": "cut", "src": "n1", "dst": "n2", "one_way": True}),
    "crash": ("crash_ppm", {"do": "kill", "node": "n1"}),
    "crash at a write": (
        "crash_on_write_ppm",
        {"do": "crash_on_write", "node": "n1", "point": "written"},
    ),
    "unsynced writes that stay": ("kept_ppm", {"do": "kill", "node": "n1", "kept": 2}),
    "the whole cluster": ("blackout", {"do": "kill", "node": "n2"}),
    "pause": ("pause_ppm", {"do": "freeze", "node": "n1"}),
    "a holder's pause": ("client_pause_ppm", {"do": "freeze", "node": "client:alice"}),
    "drift": ("rate_ppm", {"do": "clock", "node": "n1", "rate_ppm": 30_000}),
    "jump": ("jump_ppm", {"do": "clock", "node": "n1", "jump_ms": 5_000}),
    "torn record": ("torn_ppm", {"do": "kill", "node": "n1", "kept": 1, "torn": True}),
    "write or sync that fails": (
        "disk_error_ppm",
        {"do": "disk", "node": "n1", "fault": "fail_sync"},
    ),
    "full disk": ("disk_error_ppm", {"do": "disk", "node": "n1", "fault": "full"}),
    "bit flip": ("flip_ppm", {"do": "disk", "node": "n1", "fault": "flip"}),
    "lost disk": ("wipe_ppm", {"do": "wipe", "node": "n1"}),
    "hostile peer": ("stranger_ppm", {"do": "stranger", "node": "n1", "sort": "malformed"}),
}

KNOBS = {
    "batch": {1, 2, 16},
    "in_flight": {1, 4},
    "pre_vote": {False, True},
    "check_quorum": {False, True},
    "snapshot_entries": {5, 20, 1_000},
    "timeout_percent": {50, 100, 200},
    "clients": {2, 3, 4, 5},
    "locks": {1, 2, 3},
}


@pytest.mark.parametrize("kind", FAULTS)
def test_some_seeds_draw_it_and_others_leave_it_out(kind):
    field, _ = FAULTS[kind]
    drawn = [bool(getattr(profile, field)) for profile in PROFILES]
    assert 0 < sum(drawn) < len(drawn)


@pytest.mark.parametrize("kind", FAULTS)
def test_it_is_one_line_of_a_script(kind):
    _, action = FAULTS[kind]
    asks = {"do": "ask", "client": "alice", "op": "acquire", "lock": "printer", "ttl_ms": 60_000}
    asks |= {"time_ms": 2_000}
    script = [{"t": 300_000, **asks}, {"t": 600_000, **action}]
    outcome = replay(Plan(7, 3, Profile(snapshot_entries=20)), script, 1_500_000)
    first = next(event for event in outcome.recorder.events if event.kind == "fault")
    assert first.t == 600_000
    assert first.data["what"] == action["do"]
    assert outcome.violations == []


@pytest.mark.parametrize("knob", KNOBS)
def test_the_protocols_own_constants_are_drawn(knob):
    assert KNOBS[knob] <= {getattr(profile, knob) for profile in PROFILES}


def test_clusters_of_all_sizes_are_drawn():
    assert {plan_of(seed).nodes for seed in range(1, 60)} == {1, 3, 4, 5}
