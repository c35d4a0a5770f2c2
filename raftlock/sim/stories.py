"""Runs that tell a story: a rule that is left out, and what breaks then.

Each is a recorded run of `witnesses/` as a `Simulation` that has come to its end: go back in it,
step by step, or do something else at any moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from raftlock.errors import InvalidArgument
from raftlock.sim.bench import witness_of
from raftlock.sim.files import ScriptFile
from raftlock.sim.mutants import MUTANTS, Mutant, mutant_named
from raftlock.sim.settings import RuleSet, WorldSettings
from raftlock.sim.sharing import Scenario
from raftlock.sim.simulation import Simulation
from raftlock.types.events import Json

__all__ = [
    "BrokenRule",
    "broken",
    "broken_rules",
    "simulation_of",
    "witness_script",
    "witness_settings",
]


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A rule that can be left out: its name, its story, and the promise that breaks first.

    `number` is its place in the list of famous mistakes, 0 if it is not there.
    """

    name: str
    number: int
    story: str
    breaks: str

    def to_json(self) -> dict[str, Json]:
        """For the panel."""
        return {
            "name": self.name,
            "number": self.number,
            "story": self.story,
            "breaks": self.breaks,
        }


def broken_rules() -> Iterator[BrokenRule]:
    """All there are, the famous ones first."""
    listed = sorted(MUTANTS, key=lambda mutant: (mutant.number == 0, mutant.number))
    return (BrokenRule(each.name, each.number, each.story, each.breaks) for each in listed)


def broken(name: str, *, mended: bool = False) -> Simulation:
    """The run in which leaving out rule `name` breaks a promise; `mended`: with the rule in place.

    Raises `InvalidArgument` if there is no such rule; `broken_rules` lists them.
    """
    made = Scenario(witness=_mutant(name).name, off=() if mended else (name,)).run()
    made.name = f"with {name} mended" if mended else f"without the rule: {name}"
    return made


def witness_settings(name: str) -> WorldSettings:
    """What the recorded run of a broken rule begins with, all rules in place."""
    return _witness(name).plan.settings(RuleSet())


def witness_script(name: str) -> tuple[list[dict[str, Json]], int]:
    """What is done in the recorded run of a broken rule, and when it ends (microseconds)."""
    script = _witness(name)
    return script.script, script.end


def simulation_of(script: ScriptFile, rules: RuleSet | None = None) -> Simulation:
    """A recorded run as a simulation, at its end, or where it could not go on."""
    made = Simulation.begun(script.plan.settings(rules or script.rule_set()), "recorded run")
    made.play_script(script.script, script.end)
    return made


def _witness(name: str) -> ScriptFile:
    script = witness_of(_mutant(name))
    assert script is not None, "each has its recorded run"
    return script


def _mutant(name: str) -> Mutant:
    found = mutant_named(name)
    if found is None:
        raise InvalidArgument(f"There is no rule {name[:40]!r} to leave out: see broken_rules().")
    return found
