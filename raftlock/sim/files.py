"""A run as a file: what it began with, and what was done to it; JSON that a person can edit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from raftlock.errors import InvalidArgument
from raftlock.sim.mutants import mutant_named
from raftlock.sim.profile import Profile
from raftlock.sim.run import Outcome, Plan, replay
from raftlock.sim.world import RuleSet
from raftlock.trace.fields import number, text
from raftlock.types.events import Json

__all__ = ["FORMAT", "ScriptFile", "read_script", "write_script"]

FORMAT = "raftlock script"
VERSION = 1


@dataclass(frozen=True, slots=True)
class ScriptFile:
    """A run that can be done again: ``ScriptFile.run()``. `rules` is a mutant's name, or empty.

    `found` is what was broken when it was written, in words.
    """

    plan: Plan
    script: list[dict[str, Json]]
    end: int
    rules: str = ""
    found: str = ""

    def rule_set(self) -> RuleSet:
        """The rules it ran under. Raises `InvalidArgument` if this program does not know them."""
        if not self.rules:
            return RuleSet()
        mutant = mutant_named(self.rules)
        if mutant is None:
            text_ = (
                f"The run used the rules {self.rules[:60]!r}, which are not known here: hand them "
                "over as rules=."
            )
            raise InvalidArgument(text_)
        return mutant.rules

    def run(self, rules: RuleSet | None = None) -> Outcome:
        """Do it again, under every check."""
        return replay(self.plan, self.script, self.end, rules or self.rule_set())

    def to_json(self) -> dict[str, Json]:
        """What the file holds."""
        plan = self.plan
        return {
            "format": FORMAT,
            "version": VERSION,
            "seed": plan.seed,
            "nodes": plan.nodes,
            "rules": self.rules,
            "found": self.found,
            "profile": plan.profile.to_json(),
            "end": self.end,
            "script": [dict(line) for line in self.script],
        }


def write_script(path: Path, script: ScriptFile) -> None:
    """Write it, an action a line."""
    data = script.to_json()
    lines = data.pop("script")
    assert isinstance(lines, list)
    head = json.dumps(data, indent=1)[:-2]
    body = ",\n".join(f"  {json.dumps(line)}" for line in lines)
    path.write_text(f'{head},\n "script": [\n{body}\n ]\n}}\n', encoding="utf-8")


def read_script(path: Path) -> ScriptFile:
    """Read a file. Raises `InvalidArgument` with what is wrong with it, and `OSError`."""
    try:
        data: Json = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidArgument(f"{path.name} is not JSON: {error}.") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise InvalidArgument(f"{path.name} is no script of a run: its format is not {FORMAT!r}.")
    if data.get("version") != VERSION:
        raise InvalidArgument(f"{path.name} is of another version than {VERSION}.")
    lines = data.get("script")
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise InvalidArgument(f"{path.name}: its script must be a list of objects.")
    profile = data.get("profile")
    plan = Plan(
        number(data, "seed"),
        number(data, "nodes"),
        _profile(profile if isinstance(profile, dict) else {}),
    )
    if plan.nodes not in range(1, 10):
        raise InvalidArgument(f"{path.name}: a cluster has 1 to 9 nodes, not {plan.nodes}.")
    script = [dict(line) for line in lines if isinstance(line, dict)]
    return ScriptFile(plan, script, number(data, "end"), text(data, "rules"), text(data, "found"))


def _profile(data: Mapping[str, Json]) -> Profile:
    known = {each.name for each in fields(Profile)}
    chosen: dict[str, int] = {}
    for name, value in data.items():
        if name not in known or not isinstance(value, int) or value < 0:
            raise InvalidArgument(f"A profile has no {name[:40]!r} of {str(value)[:40]!r}.")
        chosen[name] = value
    return _with(Profile(), chosen)


def _with(profile: Profile, chosen: Mapping[str, int]) -> Profile:
    made = {
        each.name: chosen.get(each.name, getattr(profile, each.name)) for each in fields(profile)
    }
    return Profile(**made)
