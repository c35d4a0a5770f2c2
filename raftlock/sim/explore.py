"""Many seeds, on several processes, and what came of them together."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Generator, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from raftlock.errors import InvalidArgument
from raftlock.sim.collecting import no_collecting
from raftlock.sim.files import ScriptFile
from raftlock.sim.mutants import mutant_named
from raftlock.sim.run import explore_seed, plan_of
from raftlock.sim.shrink import shrink
from raftlock.sim.tally import LEAST_PERCENT
from raftlock.sim.world import RuleSet

__all__ = ["Campaign", "Look", "explore", "look", "shrunk_script"]

CHUNK = 8
"""How many seeds a process is handed at a time."""

ENOUGH_SEEDS = 100
"""With fewer the shares of what must happen sometimes say nothing."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one seed came to."""

    seed: int
    nodes: int
    property: str
    text: str
    actions: int
    events: int
    happenings: int
    sometimes: tuple[str, ...]


@dataclass(slots=True)
class Campaign:
    """What many came to."""

    seeds: int = 0
    events: int = 0
    happenings: int = 0
    broken: list[Look] = field(default_factory=list)
    sometimes: Counter[str] = field(default_factory=Counter)

    def add(self, one: Look) -> None:
        """Count one more."""
        self.seeds += 1
        self.events += one.events
        self.happenings += one.happenings
        self.sometimes.update(one.sometimes)
        if one.property:
            self.broken.append(one)

    def shares(self) -> list[tuple[str, int, int]]:
        """What happened sometimes, in how many of a hundred runs, and in how many it should."""
        seen = [what for what in sorted(self.sometimes) if what not in LEAST_PERCENT]
        runs = max(self.seeds, 1)
        return [
            (what, 100 * self.sometimes[what] // runs, LEAST_PERCENT.get(what, 0))
            for what in (*LEAST_PERCENT, *seen)
        ]

    def too_rare(self) -> list[str]:
        """What has to happen sometimes, and did so in too few runs. Nothing of few seeds."""
        if self.seeds < ENOUGH_SEEDS:
            return []
        return [
            f"{what}: in {percent} % of the runs, and it should be {least} %"
            for what, percent, least in self.shares()
            if 100 * self.sometimes[what] < least * self.seeds
        ]


def look(seed: int, nodes: int | None = None, mutant: str = "") -> Look:
    """Run one seed."""
    plan = plan_of(seed, nodes)
    with no_collecting():
        outcome = explore_seed(plan, _rules(mutant))
    first = outcome.violations[0] if outcome.violations else None
    return Look(
        seed,
        plan.nodes,
        first.property if first else "",
        first.text if first else "",
        len(outcome.script),
        outcome.recorder.last_seq,
        outcome.happenings,
        tuple(what for what, happened in outcome.tally.sometimes().items() if happened),
    )


def explore(
    seeds: Iterable[int], *, nodes: int | None = None, jobs: int = 1, mutant: str = ""
) -> Generator[Look, None, None]:
    """Run the seeds, on `jobs` processes; each is handed out as soon as it is done."""
    tasks = [(seed, nodes, mutant) for seed in seeds]
    if jobs <= 1:
        yield from map(_look, tasks)
        return
    with ProcessPoolExecutor(jobs, initializer=_leave_interrupts) as pool:
        yield from pool.map(_look, tasks, chunksize=CHUNK)


def shrunk_script(found: Look, mutant: str = "", runs_max: int = 600) -> ScriptFile:
    """The script of a broken run, made as short as it can be in `runs_max` tries."""
    rules = _rules(mutant)
    outcome = explore_seed(plan_of(found.seed, found.nodes), rules)
    shorter = shrink(outcome, rules, runs_max)
    words = f"{outcome.violations[0].property}: {outcome.violations[0].text}"
    if shorter is None:
        return ScriptFile(outcome.plan, outcome.script, outcome.end, mutant, words)
    first = shorter.outcome.violations[0]
    words = f"{first.property}: {first.text}"
    return ScriptFile(shorter.plan, shorter.script, shorter.end, mutant, words)


def _leave_interrupts() -> None:
    """A worker finishes its seeds when the terminal interrupts: the campaign then ends the rest."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _look(task: tuple[int, int | None, str]) -> Look:
    return look(*task)


def _rules(mutant: str) -> RuleSet:
    if not mutant:
        return RuleSet()
    known = mutant_named(mutant)
    if known is None:
        raise InvalidArgument(f"There are no broken rules called {mutant[:60]!r}.")
    return known.rules
