"""What a run draws from its seed: each kind comes about, ends with the calm, and is replayed."""

from collections import Counter
from dataclasses import replace

import pytest

from raftlock.sim.changes import Changes
from raftlock.sim.profile import STEADY_PPM, Profile, profile_of
from raftlock.sim.run import Plan, explore_seed, plan_of, replay
from raftlock.sim.tally import LEAST_PERCENT

SEEDS = (4, 9, 12, 16, 32, 60, 72, 89, 107)
KINDS = {
    *("kill", "crash_on_write", "restart", "freeze", "thaw", "partition", "cut", "heal"),
    *("transfer", "add", "members", "remove", "wipe", "stranger", "torn", "info"),
    *("disk fail_write", "disk fail_sync", "disk full", "disk well", "disk flip"),
    *("clock jump_ms", "clock rate_ppm"),
}
PROBE = {"do": "ask", "client": "probe", "op": "acquire", "lock": "probe", "ttl_ms": 60_000}


def kinds(script):
    counts = Counter()
    for action in script:
        what = action["do"]
        for detail in ("fault", "jump_ms", "rate_ppm"):
            if what == "disk" and detail == "fault":
                counts[f"disk {action[detail]}"] += 1
            elif what == "clock" and detail in action:
                counts[f"clock {detail}"] += 1
        counts[what] += 1
        counts["torn"] += bool(action.get("torn"))
        counts["info"] += action.get("op") == "info"
    return counts


def drawn(seed):
    """A run of that seed; with clocks that jump, whatever it draws."""
    plan = plan_of(seed)
    clocks = replace(plan.profile, rate_ppm=9_000, rate_change_ppm=5_000, jump_ppm=5_000)
    return Plan(seed, plan.nodes, replace(clocks, lease_reads=False))


@pytest.fixture(scope="module")
def runs():
    return {seed: explore_seed(drawn(seed)) for seed in SEEDS}


def test_each_kind_is_drawn_in_some_run_and_none_breaks_a_promise(runs):
    counts = sum((kinds(run.script) for run in runs.values()), Counter())
    assert {kind for kind in KINDS if not counts[kind]} == set()
    assert {seed: run.violations for seed, run in runs.items() if run.violations} == {}


def test_what_must_happen_sometimes_does(runs):
    seen = Counter()
    for run in runs.values():
        seen.update(what for what, happened in run.tally.sometimes().items() if happened)
    assert set(LEAST_PERCENT) == set(seen)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_with_every_kind_is_replayed_byte_for_byte(runs, seed):
    run = runs[seed]
    again = replay(run.plan, run.script, run.end)
    assert again.recorder.to_lines() == run.recorder.to_lines()
    assert again.violations == []


def test_a_quiet_profile_draws_no_fault():
    run = explore_seed(Plan(5, 3, Profile()))
    assert set(kinds(run.script)) - {"torn", "info"} <= {"ask", "write", "calm"}
    assert run.violations == []


def test_a_lease_needs_steady_clocks_and_check_quorum():
    profiles = [profile_of(seed) for seed in range(1, 400)]
    leased = [each for each in profiles if each.lease_reads]
    assert len(leased) > 40
    for each in leased:
        assert each.check_quorum
        assert each.rate_ppm <= STEADY_PPM
        assert not each.jump_ppm


def test_most_runs_leave_most_kinds_out():
    names = ("member_ppm", "wipe_ppm", "disk_error_ppm", "flip_ppm", "stranger_ppm")
    profiles = [profile_of(seed) for seed in range(1, 400)]
    for name in names:
        share = sum(getattr(each, name) > 0 for each in profiles) / len(profiles)
        assert 0.1 < share < 0.5, name


# ---- changes of members ----


def test_disks_are_lost_one_at_a_time_and_the_cluster_goes_on():
    profile = Profile(wipe_ppm=100_000, flip_ppm=50_000, member_ppm=50_000, crash_ppm=8_000)
    for seed in (1, 2):
        run = explore_seed(Plan(seed, 5, profile))
        assert run.violations == []
        assert run.tally.counts["wiped"] >= 3
        assert run.tally.counts["committed"] > 30


def test_nobody_is_lost_where_nobody_can_be_spared():
    run = explore_seed(Plan(1, 2, Profile(wipe_ppm=500_000, flip_ppm=500_000)))
    assert run.tally.counts["wiped"] == run.tally.counts["refused"] == 0


def test_votes_are_faster_than_the_timeouts_and_so_elections_end():
    drawn = [plan_of(seed).profile for seed in range(14_590, 14_700)]
    assert {profile.sync_us for profile in drawn} == {500, 1_000, 5_000, 20_000}
    for profile in drawn:
        vote_ms = 2 * (profile.sync_us + profile.base_delay_us) // 1_000
        assert 2 * vote_ms < 150 * profile.timeout_percent // 100
    assert explore_seed(plan_of(14_601)).violations == []  # votes were split eleven times


@pytest.mark.parametrize("seed", [4588, 7091])
def test_who_is_to_leave_and_finds_its_disk_damaged_leaves_all_the_same(seed):
    run = explore_seed(plan_of(seed))
    assert run.violations == []
    assert run.tally.counts["refused"] > 0


def test_a_change_under_way_is_brought_to_its_end_in_the_calm():
    profile = Profile(member_ppm=200_000)
    run = explore_seed(Plan(4, 3, profile, chaos_us=1_010_000))
    calm = next(place for place, each in enumerate(run.script) if each["do"] == "calm")
    assert "members" in kinds(run.script[calm:])
    assert run.violations == []


def test_what_is_off_asks_nothing():
    changes = Changes(Profile(), 1, ("n1",))
    assert not changes.is_drawn
    assert changes.tick(None) == []


# ---- the calm ----


def calmed(*before, nodes=3, end=5_000_000, after=()):
    """Some actions, then the calm, and a new command that must be applied."""
    script = [{"t": 600_000 + 50_000 * number, **each} for number, each in enumerate(before)]
    script += [{"t": 2_000_000, "do": "calm"}, {"t": 2_000_000, **PROBE, "time_ms": 3_000}]
    script += [{"t": 2_000_000, **each} for each in after]
    return replay(Plan(7, nodes, Profile(snapshot_entries=20, chunk_bytes=256)), script, end)


@pytest.mark.parametrize(
    "action",
    [
        {"do": "kill", "node": "n1", "torn": True, "kept": 1},
        {"do": "crash_on_write", "node": "n1", "point": "written", "torn": True},
        {"do": "freeze", "node": "n1"},
        {"do": "partition", "groups": [["n1"]]},
        {"do": "cut", "src": "n1", "dst": "n2", "one_way": True},
        {"do": "weather", "loss_ppm": 900_000},
        {"do": "disk", "node": "n1", "fault": "fail_write"},
        {"do": "disk", "node": "n1", "fault": "fail_sync", "left": 1},
        {"do": "disk", "node": "n1", "fault": "full"},
        {"do": "disk", "node": "n1", "fault": "flip"},
        {"do": "clock", "node": "n1", "jump_ms": 5_000},
        {"do": "clock", "node": "n1", "rate_ppm": -30_000},
        {"do": "stranger", "node": "n1", "sort": "replayed"},
        {"do": "transfer", "node": "n1"},
        {"do": "add", "node": "n4"},
        {"do": "members", "voters": ["n1", "n2"], "learners": []},
        {"do": "wipe", "node": "n1"},
    ],
    ids=lambda action: " ".join(str(value) for value in action.values()),
)
def test_each_kind_can_be_scripted_and_ends_with_the_calm(action):
    outcome = calmed(action)
    faults = [event.data["what"] for event in outcome.recorder.events if event.kind == "fault"]
    assert faults[:1] == [action["do"]]
    assert outcome.violations == []
    assert outcome.tally.counts["calls ok"] == 1


def test_who_does_not_come_to_work_is_found():
    (violation,) = calmed(after=[{"do": "kill", "node": "n2"}]).violations
    assert violation.property == "liveness"
    assert violation.nodes == ("n2",)


def test_a_cluster_without_a_majority_of_its_disks_is_rightly_stuck():
    outcome = calmed({"do": "wipe", "node": "n1"}, {"do": "wipe", "node": "n2"})
    assert outcome.tally.counts["calls ok"] == 0
    assert outcome.violations == []


def test_loss_is_expected_once_a_voter_lost_its_disk_and_votes_on():
    outcome = calmed(
        {"do": "wipe", "node": "n1", "as_voter": True}, after=[{"do": "kill", "node": "n2"}]
    )
    assert outcome.violations == []
    assert [each.property for each in outcome.expected] == ["liveness"]
