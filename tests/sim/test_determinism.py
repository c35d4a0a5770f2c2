"""The same script gives the same trace, byte for byte, whatever order hashes come in."""

import hashlib
import os
import subprocess
import sys

from raftlock.sim.files import ScriptFile, write_script
from raftlock.sim.run import explore_seed, plan_of
from tests.house import ROOT

PROGRAM = """
import hashlib
from raftlock import Simulation
from raftlock.sim import Weather

simulation = Simulation(
    nodes=5, seed=11, timing="lan",
    weather=Weather(loss_ppm=50_000, duplicate_ppm=50_000, delay_us=5_000, stale_ppm=20_000),
)
simulation.wait_for_leader()
for round in range(6):
    for name in ("alice", "bob", "carol"):
        simulation.client(name).submit("wait", "printer", ttl=1.0, wait_timeout=5)
        simulation.client(name).submit("acquire", "scanner", ttl=1.0)
    simulation.run(0.3)
    victim = simulation.leader or "n1"
    simulation.kill(victim)
    simulation.run(0.7)
    simulation.restart(victim)
lines = simulation.recorder.to_lines()
print(len(lines), hashlib.sha256("\\n".join(lines).encode()).hexdigest())
"""


def run(hash_seed):
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    return done.stdout


def test_two_processes_two_hash_orders_one_trace():
    one, other = run("1"), run("4242")
    assert one == other
    assert int(one.split()[0]) > 5_000
    assert len(one.split()[1]) == hashlib.sha256().digest_size * 2


SEEDS = 12


def digests(hash_seed):
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "tools/determinism.py", "--digests", "--seeds", str(SEEDS)]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment
    )
    return done.stdout.splitlines()


def test_drawn_runs_are_the_same_in_two_processes():
    here = []
    done = set()
    for seed in range(1, SEEDS + 1):
        outcome = explore_seed(plan_of(seed))
        done |= {line["do"] for line in outcome.script}
        lines = outcome.recorder.to_lines()
        whole = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        here.append(f"{seed} {len(lines)} {whole}")
    assert digests("1") == digests("4242") == here
    # These seeds have faults of every room in them.
    assert {"kill", "crash_on_write", "freeze", "partition", "cut", "ask", "write"} <= done
    assert {"disk", "members", "add", "transfer", "stranger"} <= done


def test_a_written_run_is_the_same_in_another_process(tmp_path):
    outcome = explore_seed(plan_of(4))
    script, trace = tmp_path / "run.json", tmp_path / "run.jsonl"
    write_script(script, ScriptFile(outcome.plan, outcome.script, outcome.end))
    program = "import sys; from raftlock.cli import main; raise SystemExit(main(sys.argv[1:]))"
    subprocess.run(
        [sys.executable, "-c", program, "replay", str(script), "--trace", str(trace)],
        check=True,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "77"},
    )
    assert trace.read_text().splitlines() == outcome.recorder.to_lines()
