"""The bench of broken rules: is each killed by its witness, and is the run clean without it?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from raftlock.sim.files import ScriptFile, read_script
from raftlock.sim.mutants import Mutant
from raftlock.sim.profile import Profile
from raftlock.sim.run import Plan, explore_seed, plan_of
from raftlock.sim.shrink import shrink
from raftlock.sim.world import RuleSet
from raftlock.types.events import Json

__all__ = ["WITNESSES", "Verdict", "judge", "search", "witness_of"]

WITNESSES = Path(__file__).parent / "witnesses"
"""Where the recorded runs are, one a mutant."""

MORE_SEEDS = 20
"""How many more seeds are looked at once a broken rule was killed by another property's check."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a mutant's witness came to. `killed_by` is empty if it survived.

    `clean` tells that the same run under the correct rules breaks nothing, `found_anew` that it is
    no recorded run.
    """

    name: str
    number: int
    story: str
    killed_by: str
    text: str
    seed: int
    nodes: int
    witness_actions: int
    witness_events: int
    clean: bool
    found_anew: bool = False

    def to_json(self) -> dict[str, Json]:
        """The verdict for programs."""
        return {
            "name": self.name,
            "number": self.number,
            "story": self.story,
            "killed_by": self.killed_by,
            "text": self.text,
            "seed": self.seed,
            "nodes": self.nodes,
            "witness_events": self.witness_actions,
            "trace_events": self.witness_events,
            "clean_without": self.clean,
            "found_anew": self.found_anew,
        }


def witness_of(mutant: Mutant) -> ScriptFile | None:
    """The recorded run that kills it, if there is one."""
    path = WITNESSES / f"{mutant.name}.json"
    return read_script(path) if path.is_file() else None


def judge(mutant: Mutant, witness: ScriptFile | None = None) -> Verdict:
    """Run its witness (the recorded one, unless another is given) with the broken rule, and not."""
    found_anew = witness is not None
    witness = witness or witness_of(mutant)
    if witness is None:
        return Verdict(mutant.name, mutant.number, mutant.story, "", "", 0, 0, 0, 0, clean=False)
    broken = witness.run()
    first = broken.violations[0] if broken.violations else None
    return Verdict(
        mutant.name,
        mutant.number,
        mutant.story,
        first.property if first else "",
        first.text if first else "",
        witness.plan.seed,
        witness.plan.nodes,
        len(witness.script),
        broken.recorder.last_seq,
        clean=not witness.run(RuleSet()).violations,
        found_anew=found_anew,
    )


def aimed_plan(mutant: Mutant, seed: int) -> Plan:
    """The run that a seed draws for this mutant: what the mutant needs is set."""
    chosen: dict[str, int] = dict(mutant.aim)
    plan = plan_of(seed, chosen.pop("nodes", 3 if seed % 2 else 5))
    profile: Profile = replace(plan.profile, **chosen)  # type: ignore[arg-type]
    return replace(plan, profile=profile)


def search(mutant: Mutant, seeds: Iterable[int], runs_max: int = 300) -> ScriptFile | None:
    """Find a run that kills it anew, as short as `runs_max` tries make it; ``None`` if none does.

    A run that breaks the property it is there for is taken before one that breaks another, if it
    comes within the next `MORE_SEEDS`.
    """
    second, left = None, MORE_SEEDS
    for seed in seeds:
        left -= second is not None
        if not left:
            break
        outcome = explore_seed(aimed_plan(mutant, seed), mutant.rules)
        if not outcome.violations:
            continue
        if outcome.violations[0].property == mutant.breaks:
            second = outcome
            break
        second = second or outcome
    if second is None:
        return None
    shorter = shrink(second, mutant.rules, runs_max)
    if shorter is None:
        return None
    first = shorter.outcome.violations[0]
    words = f"{first.property}: {first.text}"
    return ScriptFile(shorter.plan, shorter.script, shorter.end, mutant.name, words)
