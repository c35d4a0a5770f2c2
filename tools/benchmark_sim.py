"""How fast the simulator is: seeds a minute, events a second, and what going back costs.

Run it on a machine that does nothing else: ``python tools/benchmark_sim.py``. docs/benchmarks.md
says how to read it.
"""

import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from raftlock import Simulation
from raftlock.sim.explore import look

ROUNDS = 5
SEEDS = 40
CORES = 2
EVENTS = 20_000
EVENTS_BEFORE_BACK = 10_000
BACKS = 20


def main() -> int:
    """Measure in rounds, each thing in each round, and tell the medians."""
    print(f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}")
    with ProcessPoolExecutor(CORES) as pool:
        list(pool.map(seeds, [0] * CORES))  # they have started and imported everything
        rounds = [
            (*on_all_cores(pool, 1 + SEEDS * number), plain(), back()) for number in range(ROUNDS)
        ]
    a_minute, a_core, a_second, steps, without, going_back = map(median, zip(*rounds, strict=True))
    print(f"medians of {ROUNDS} rounds of {SEEDS * CORES} seeds on {CORES} cores:")
    print(f"  with every check and the liveness phase  {a_minute:7.0f} seeds a minute")
    print(f"    of one core, by its own time           {a_core:7.0f} seeds a minute")
    print(f"                                           {a_second:7.0f} events a second")
    print(f"                                           {steps:7.0f} steps a seed")
    print(f"  without checks, on one core              {without:7.0f} events a second")
    print(f"  back() after {EVENTS_BEFORE_BACK} events                {going_back:7.1f} ms")
    return 0


def on_all_cores(pool: ProcessPoolExecutor, first: int) -> tuple[float, float, float, float]:
    """Seeds a minute of all cores together and of one, events a second, and steps a seed."""
    began = time.perf_counter()
    halves = list(pool.map(seeds, [first + SEEDS * ROUNDS * core for core in range(CORES)]))
    spent = time.perf_counter() - began
    events, steps, own = (sum(each) for each in zip(*halves, strict=True))
    count = SEEDS * CORES
    return 60 * count / spent, 60 * count / own, events / spent, steps / count


def seeds(first: int) -> tuple[int, int, float]:
    """What one process does: seeds from `first` on, as `raftlock explore` runs them."""
    began = time.process_time()
    looks = [look(seed) for seed in range(first, first + SEEDS)] if first else []
    own = time.process_time() - began
    return sum(each.events for each in looks), sum(each.happenings for each in looks), own


def plain() -> float:
    """Events a second of one core, with nobody watching."""
    simulation = Simulation(nodes=5, seed=5, timing="lan")
    began = time.process_time()
    while simulation.recorder.last_seq < EVENTS:
        simulation.run(1)
    return simulation.recorder.last_seq / (time.process_time() - began)


def back() -> float:
    """Milliseconds that `back()` takes in a long run; the median of several."""
    simulation = Simulation(nodes=5, seed=5, timing="lan")
    while simulation.recorder.last_seq < EVENTS_BEFORE_BACK:
        simulation.run(1)
    costs = []
    for _ in range(BACKS):
        began = time.perf_counter()
        simulation.back()
        costs.append(1_000 * (time.perf_counter() - began))
    return median(costs)


if __name__ == "__main__":
    raise SystemExit(main())
