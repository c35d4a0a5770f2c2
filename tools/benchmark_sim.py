"""How fast the simulator is: seeds a minute, events a second, and what going back costs.

Run it on a machine that does nothing else: ``python tools/benchmark_sim.py``.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from raftlock import Simulation
from raftlock.sim.explore import look

SEEDS = 60
BACKS = 20


def main() -> int:
    """Measure, in seconds of this process's own time on one processor."""
    began = time.process_time()
    looks = [look(seed) for seed in range(1, SEEDS + 1)]
    spent = time.process_time() - began
    steps = sum(each.happenings for each in looks)
    print(
        f"with every check and the liveness phase: {60 * SEEDS / spent:.0f} seeds a minute a core"
    )
    print(f"  {steps // SEEDS} steps a seed, {sum(e.events for e in looks) / spent:.0f} events/s")

    simulation = Simulation(nodes=5, seed=5, timing="lan")
    began = time.process_time()
    while simulation.recorder.last_seq < 10_000:
        simulation.run(1)
    spent = time.process_time() - began
    print(f"without checks: {simulation.recorder.last_seq / spent:.0f} events a second a core")

    costs = []
    for _ in range(BACKS):
        began = time.process_time()
        simulation.back()
        costs.append(1_000 * (time.process_time() - began))
    costs.sort()
    print(
        f"back() after 10,000 events: median {costs[BACKS // 2]:.1f} ms, worst {costs[-1]:.1f} ms"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
