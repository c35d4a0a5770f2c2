"""Makes a failing script shorter: fewer actions, a plainer profile, fewer nodes, the same failure.

Whole groups go first (all that one client asked, all cuts of links), then halves, quarters and so
on down to single actions: delta debugging (Zeller and Hildebrandt, 2002). The profile is treated
alike: whatever is not as in a quiet run is put back to that, as much as possible at once. It works
because chance hangs on names here, and not on order: leaving an action out changes nothing else
that was drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

from raftlock.errors import InvalidArgument
from raftlock.sim.collecting import no_collecting
from raftlock.sim.profile import Profile
from raftlock.sim.run import Outcome, Plan, replay
from raftlock.sim.world import RuleSet
from raftlock.trace.fields import number
from raftlock.types.events import Json

__all__ = ["Shrunk", "shrink"]

Line = dict[str, Json]

NODES_MIN = 3
"""Smaller clusters tell little: every node of two is needed, and one is its own majority."""

_GROUPED_BY = ("client", "do", "node", "src", "dst", "lock")
_SEEN_AT_THE_END = frozenset({"liveness", "linearizability", "not judged"})
"""What these say is said of a whole run: it is not over where they are found."""


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

    def try_(self, plan: Plan, script: Sequence[Line], end: int | None = None) -> bool:
        """Whether that breaks the same property; if it does, it is the best from now on."""
        if self.exhausted:
            return False
        self.best.runs += 1
        end = self.best.end if end is None else end
        try:
            with no_collecting():
                outcome = replay(plan, script, end, self._rules)
        except InvalidArgument:
            return False  # settings that do not go together, such as a lease without its quorum
        if not outcome.violations or outcome.violations[0].property != self._property:
            return False
        # What comes after the failure is no part of it; the actions of its very moment may be.
        if self._property not in _SEEN_AT_THE_END:
            end = outcome.end
        kept = [dict(line) for line in script if number(line, "t") <= outcome.end]
        self.best = Shrunk(plan, kept, end, outcome, self.best.runs)
        return True

    def without_groups(self) -> None:
        """Leave out all that has a client, a verb, a node or a lock in common; the most first."""
        groups: dict[tuple[str, str], int] = {}
        for line in self.best.script:
            for name in _GROUPED_BY:
                if name in line:
                    key = (name, str(line[name]))
                    groups[key] = groups.get(key, 0) + 1
        for name, value in sorted(groups, key=lambda key: -groups[key]):
            script = self.best.script
            kept = [line for line in script if name not in line or str(line[name]) != value]
            if len(kept) < len(script) - 1:
                self.try_(self.best.plan, kept)

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

    def plainer_profile(self) -> None:
        """Put everything back to what it is in a quiet run that need not be as it was drawn."""
        plain = Profile()
        profile = self.best.plan.profile
        drawn = [
            each.name
            for each in fields(profile)
            if getattr(profile, each.name) != getattr(plain, each.name)
        ]
        _in_halves(drawn, self._put_back)

    def _put_back(self, names: Sequence[str]) -> bool:
        plain = Profile()
        values = {name: getattr(plain, name) for name in names}
        profile = replace(self.best.plan.profile, **values)
        return self.try_(replace(self.best.plan, profile=profile), self.best.script)

    def fewer_nodes(self) -> None:
        """A smaller cluster; actions on nodes that are not there are refused."""
        while self.best.plan.nodes > NODES_MIN:
            smaller = replace(self.best.plan, nodes=self.best.plan.nodes - 1)
            if not self.try_(smaller, self.best.script):
                return

    def earlier_end(self) -> None:
        """Let the run be over as soon as what is said of the whole of it can be said."""
        if self._property != "linearizability":
            return
        low, high = number(self.best.script[-1], "t") if self.best.script else 0, self.best.end
        while high - low > 50_000 and not self.exhausted:
            middle = (low + high) // 2
            if self.try_(self.best.plan, self.best.script, middle):
                high = middle
            else:
                low = middle


def _in_halves(names: Sequence[str], try_: Callable[[Sequence[str]], bool]) -> None:
    """Try all at once, and whatever does not work as a whole in two halves."""
    if not names or try_(names) or len(names) == 1:
        return
    half = len(names) // 2
    _in_halves(names[:half], try_)
    _in_halves(names[half:], try_)


def shrink(found: Outcome, rules: RuleSet | None = None, runs_max: int = 600) -> Shrunk | None:
    """Make the run of `found` shorter. ``None`` if doing its script again does not break it."""
    shrinker = _Shrinker(found, rules or RuleSet(), runs_max)
    if not shrinker.try_(found.plan, found.script):
        return None
    before = -1
    while before != len(shrinker.best.script) and not shrinker.exhausted:
        before = len(shrinker.best.script)
        shrinker.without_groups()
        shrinker.fewer_actions()
        shrinker.plainer_profile()
        shrinker.fewer_nodes()
        shrinker.earlier_end()
    return shrinker.best
