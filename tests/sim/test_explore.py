import json
import re
import sys
from contextlib import contextmanager
from dataclasses import replace

import pytest

from raftlock import Simulation
from raftlock.check import check_trace
from raftlock.cli import main, runs
from raftlock.errors import InvalidArgument
from raftlock.sim import elsewhere
from raftlock.sim.elsewhere import explore_elsewhere
from raftlock.sim.explore import Campaign, Look, explore, look, shrunk_script
from raftlock.sim.files import read_script, write_script
from raftlock.sim.mutants import MUTANTS, mutant_named
from raftlock.sim.profile import profile_of
from raftlock.sim.run import Plan, explore_seed, plan_of, replay
from raftlock.sim.shrink import shrink
from raftlock.sim.tally import LEAST_PERCENT
from raftlock.sim.tell import PROMISES
from raftlock.trace.export import Trace, read, write_lines
from tests.house import ROOT, python_files


@contextmanager
def dask_cluster():
    """Two workers of dask's own, in this process; the scheduler's address."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        dashboard_address=None,
        protocol="tcp://",
        host="127.0.0.1",
    ) as cluster:
        yield cluster.scheduler_address


def lines(outcome):
    return outcome.recorder.to_lines()


@pytest.mark.parametrize("seed", [3, 5, 8])
def test_a_run_done_again_from_its_script_is_the_same_byte_for_byte(seed):
    outcome = explore_seed(plan_of(seed))
    again = replay(outcome.plan, outcome.script, outcome.end)
    assert lines(again) == lines(outcome)
    assert again.violations == []


def test_the_correct_rules_break_nothing():
    campaign = Campaign()
    for one in explore(range(1, 26)):
        campaign.add(one)
    assert [(each.seed, each.property, each.text) for each in campaign.broken] == []
    assert campaign.sometimes["elected a leader"] == campaign.seeds == 25
    assert campaign.sometimes["expired a lease"] > 5
    assert campaign.too_rare() == []  # too few to say


def test_several_processes_come_to_the_same():
    seeds = range(1, 7)
    assert list(explore(seeds, jobs=2)) == list(explore(seeds, jobs=1))


def test_what_never_happens_is_a_failure():
    campaign = Campaign()
    for seed in range(200):
        campaign.add(Look(seed, 3, "", "", 0, 0, 0, ("elected a leader",)))
    assert len(campaign.too_rare()) == len(LEAST_PERCENT) - 1


def test_a_failing_run_is_made_shorter_and_written_down(tmp_path):
    looks = (look(seed, None, "AnyLogMayLead") for seed in range(1, 100))
    found = next(each for each in looks if each.property == "Leader Completeness")
    script = shrunk_script(found, "AnyLogMayLead", runs_max=60)
    assert len(script.script) < found.actions
    assert script.found.startswith("Leader Completeness: ")
    write_script(tmp_path / "run.json", script)
    again = read_script(tmp_path / "run.json")
    assert again == script
    assert again.run().violations[0].property == "Leader Completeness"


def test_a_run_that_fails_no_more_is_not_made_shorter():
    rules = mutant_named("AnyLogMayLead").rules
    runs = (explore_seed(plan_of(seed), rules) for seed in range(1, 100))
    found = next(each for each in runs if each.violations)
    assert shrink(found) is None


def test_settings_that_do_not_go_together_make_no_run_shorter():
    rules = mutant_named("HalfIsEnough").rules
    leases = {"lease_reads": True, "check_quorum": True}
    plans = (Plan(seed, 3, replace(profile_of(seed), **leases)) for seed in range(1, 100))
    found = next(run for run in (explore_seed(plan, rules) for plan in plans) if run.violations)
    shorter = shrink(found, rules, runs_max=100)
    assert shorter is not None
    profile = shorter.plan.profile
    assert profile.check_quorum or not profile.lease_reads
    assert shorter.outcome.violations


def test_what_it_finds_is_found_in_the_trace_alone():
    rules = mutant_named("HalfIsEnough").rules
    found = explore_seed(plan_of(1, 3), rules)
    again = check_trace(found.recorder.header, found.recorder.events)
    assert again == found.violations


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        '{"format": "raftlock script", "version": 2}',
        '{"format": "raftlock script", "version": 1, "script": [1]}',
        '{"format": "raftlock script", "version": 1, "script": [], "nodes": 99}',
        '{"format": "raftlock script", "version": 1, "script": [], "nodes": 3, "profile": {"x": 1}}',  # noqa: E501
    ],
)
def test_a_file_that_is_no_script_is_refused(tmp_path, text):
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(InvalidArgument):
        read_script(path)
    assert main(["replay", str(path)]) == 2


def test_unknown_rules_are_refused(tmp_path):
    with pytest.raises(InvalidArgument):
        look(1, None, "NoSuchRule")


def test_a_dask_cluster_comes_to_the_same(tmp_path, capsys):
    with dask_cluster() as address:
        looks = list(explore_elsewhere(address, range(1, 11)))
        asked = ["explore", "--seeds", "2", "--nodes", "3", "--dask", address]
        assert main(asked) == 0
    assert sorted(looks, key=lambda one: one.seed) == list(explore(range(1, 11)))
    assert "2 seeds in " in capsys.readouterr().out


def test_a_worker_with_another_source_is_found_out(monkeypatch):
    sources = iter(["of another day", "as here"])
    monkeypatch.setattr(elsewhere, "source", lambda: next(sources, "as here"))
    with dask_cluster() as address, pytest.raises(InvalidArgument, match="install the same"):
        list(explore_elsewhere(address, [1]))


def test_what_a_worker_cannot_do_is_one_sentence():
    with dask_cluster() as address, pytest.raises(InvalidArgument, match="no broken rules called"):
        list(explore_elsewhere(address, [1], mutant="NoSuchRule"))


def test_where_no_scheduler_is_there_is_one_sentence(capsys):
    assert main(["explore", "--seeds", "1", "--dask", "nowhere"]) == 2
    assert "No dask scheduler answers at nowhere" in capsys.readouterr().err


def test_without_dask_the_way_to_it_is_told(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["explore", "--seeds", "1", "--dask", "tcp://127.0.0.1:1"]) == 2
    assert "pip install 'raftlock[dask]'" in capsys.readouterr().err


def test_an_interrupted_campaign_tells_what_it_has(monkeypatch, capsys):
    def some(seeds, **_):
        yield look(seeds[0], 3)
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "explore", some)
    assert main(["explore", "--seeds", "50"]) == 1
    out = capsys.readouterr().out
    assert "Interrupted: this is what 1 of 50 seeds came to." in out
    assert re.search(r"elected a leader +100 % +99 %", out)


def test_the_command_explores(tmp_path, capsys):
    assert main(["explore", "--seeds", "2", "--jobs", "1", "--nodes", "3"]) == 0
    out = capsys.readouterr().out
    assert "seeds a minute" in out
    assert "Nothing was broken." in out


def test_the_command_fails_if_too_little_happened(monkeypatch, capsys):
    quiet = Look(1, 3, "", "", 0, 0, 0, ("elected a leader",))
    monkeypatch.setattr(runs, "explore", lambda *_, **__: (each for each in [quiet] * 200))
    assert main(["explore", "--seeds", "200"]) == 1
    out = capsys.readouterr().out
    assert "Nothing was broken." in out
    assert "Too rare: installed a snapshot: in 0 % of the runs, and it should be 5 %." in out
    assert "Too rare: elected a leader" not in out


def test_the_command_writes_down_what_it_finds_and_tells_it(tmp_path, capsys):
    asked = ["explore", "--seeds", "1", "--first", "10", "--jobs", "1", "--out", str(tmp_path)]
    assert main([*asked, "--rules", "HalfIsEnough"]) == 1
    (path,) = tmp_path.iterdir()
    assert json.loads(path.read_text())["rules"] == "HalfIsEnough"
    assert str(path) in capsys.readouterr().out
    trace = tmp_path / "run.jsonl"
    assert main(["replay", str(path), "--lines", "3", "--trace", str(trace)]) == 1
    out = capsys.readouterr().out
    assert "A rule is broken on purpose, HalfIsEnough: " in out
    assert "Election Safety: " in out
    assert "Promised was: " in out
    assert "It concerns " in out
    written = read(trace)
    assert check_trace(written.header, written.events) == read_script(path).run().violations
    # What was written down is told, and judged, as it was when it was done; and shown as a page.
    page = tmp_path / "run.html"
    assert main(["replay", str(trace), "--lines", "3", "--html", str(page)]) == 1
    retold = capsys.readouterr().out
    assert out.splitlines()[-8:] == retold.splitlines()[-8:]
    assert "HalfIsEnough" in page.read_text(encoding="utf-8")


def test_a_trace_whose_beginning_is_lost_is_told_and_not_judged(tmp_path, capsys):
    simulation = Simulation(nodes=3, seed=1)
    simulation.wait_for_leader()
    recorder = simulation.recorder
    part = Trace(recorder.header, tuple(recorder.events)[20:], 20)
    write_lines(tmp_path / "part.jsonl", part.to_lines())
    assert main(["replay", str(tmp_path / "part.jsonl"), "--lines", "1"]) == 0
    assert "Its first 20 events were not kept" in capsys.readouterr().out


def test_every_property_has_its_promise():
    said = set()
    for path in python_files(ROOT / "raftlock" / "check", ROOT / "raftlock" / "sim"):
        said |= set(re.findall(r'(?:_say|Violation)\(\s*"([^"]+)"', path.read_text("utf-8")))
    assert {"Election Safety", "fencing", "liveness"} < said
    assert said <= PROMISES.keys()
    assert {mutant.breaks for mutant in MUTANTS} <= PROMISES.keys()


def test_a_missing_file_is_a_mistake(capsys):
    assert main(["replay", "no-such-file.json"]) == 2
    assert "raftlock: " in capsys.readouterr().err
