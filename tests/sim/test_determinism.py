"""The same script gives the same trace, byte for byte, whatever order hashes come in."""

import hashlib
import os
import subprocess
import sys

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
