"""Makes a failing script shorter: fewer actions, less weather, fewer nodes, the same failure.

Delta debugging (Zeller and Hildebrandt, 2002) on the list of actions, then one thing of the profile
after the other. It works because chance hangs on names here, and not on order: leaving an action
out changes nothing else that was drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from raftlock.sim.run import Outcome, Plan, replay
from raftlock.sim.world import RuleSet
from raftlock.trace.fields import number
from raftlock.types.events import Json

__all__ = ["Shrunk", "shrink"]

Line = dict[str, Json]

_TO_ZERO = ("loss_ppm", "duplicate_ppm", "mean_delay_us", "stale_ppm", "rate_ppm")


@dataclass(slots=True)
class Shrunk:
    """The shortest run found that still breaks the same property, after `runs` tries."""

    plan: Plan
    script: list[Line]
    end: int
    outcome: Outcome
    runs: int


class _Shrinker:
    def __init__(self, found: Outcome, rules: RuleSet, runs_max: int) -> None:
        self.best = Shrunk(found.plan, list(found.script), found.end, found, 0)
        self._property = found.violations[0].property
        self._rules = rules
        self._runs_max = runs_max

    @property
    def exhausted(self) -> bool:
        return self.best.runs >= self._runs_max

    def try_(self, plan: Plan, script: Sequence[Line]) -> bool:
        """Whether that breaks the same property; if it does, it is the best from now on."""
        if self.exhausted:
            return False
        self.best.runs += 1
        outcome = replay(plan, script, self.best.end, self._rules)
        if not outcome.violations or outcome.violations[0].property != self._property:
            return False
        end = outcome.end
        # What comes after the failure is no part of it; the actions of its very moment may be.
        kept = [dict(line) for line in script if number(line, "t") <= end]
        self.best = Shrunk(plan, kept, self.best.end, outcome, self.best.runs)
        if self._property not in {"liveness", "linearizability"}:
            self.best.end = end
        return True

    def fewer_actions(self) -> None:
        """Leave out halves, then quarters, and so on, down to single actions."""
        size = max(1, len(self.best.script) // 2)
        while size and not self.exhausted:
            place = 0
            while place < len(self.best.script) and not self.exhausted:
                script = self.best.script
                if not self.try_(self.best.plan, script[:place] + script[place + size :]):
                    place += size
            size //= 2

    def less_weather(self) -> None:
        """One kind of weather less, if it still fails."""
        for name in _TO_ZERO:
            profile = self.best.plan.profile
            if getattr(profile, name):
                calmer = replace(profile, **{name: 0})  # type: ignore[arg-type]
                self.try_(replace(self.best.plan, profile=calmer), self.best.script)

    def fewer_nodes(self) -> None:
        """A smaller cluster; actions on nodes that are not there are refused."""
        while self.best.plan.nodes > 3:
            smaller = replace(self.best.plan, nodes=self.best.plan.nodes - 1)
            if not self.try_(smaller, self.best.script):
                return


def shrink(found: Outcome, rules: RuleSet | None = None, runs_max: int = 600) -> Shrunk | None:
    """Make the run of `found` shorter. ``None`` if doing its script again does not break it."""
    shrinker = _Shrinker(found, rules or RuleSet(), runs_max)
    if not shrinker.try_(found.plan, found.script):
        return None
    before = -1
    while before != len(shrinker.best.script) and not shrinker.exhausted:
        before = len(shrinker.best.script)
        shrinker.fewer_actions()
        shrinker.less_weather()
        shrinker.fewer_nodes()
    return shrinker.best
