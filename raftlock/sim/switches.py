"""Rules and settings that can be left out of a run by name, one after the other.

Most names are rules broken on purpose (`mutants`); a few are settings, or a rule that is good to
have and not part of Raft.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches

from raftlock.errors import InvalidArgument
from raftlock.lock.rules import LockRules
from raftlock.sim.mutants import MUTANTS, mutant_named
from raftlock.sim.settings import RuleSet, WorldSettings

__all__ = ["SWITCHES", "Switch", "left_out", "settings_among", "without"]


@dataclass(frozen=True, slots=True)
class Switch:
    """Something that can be left out: its name, and what a run without it is like."""

    name: str
    story: str
    leave: Callable[[WorldSettings], WorldSettings]


SWITCHES: Mapping[str, Switch] = {
    each.name: each
    for each in (
        Switch(
            "pre-vote",
            "Who hears no leader stands at once, without asking first whether it could win.",
            lambda settings: replace(settings, pre_vote=False),
        ),
        Switch(
            "check-quorum",
            "A leader that hears nobody goes on leading.",
            lambda settings: replace(settings, check_quorum=False),
        ),
        Switch(
            "read-index",
            "A leader answers reads by its lease, which is counted by its own clock.",
            lambda settings: replace(settings, lease_reads=True),
        ),
        Switch(
            "ageing",
            "Waiting does not count: only priority does.",
            lambda settings: replace(settings, rules=replace(settings.rules, lock=LockRules())),
        ),
    )
}
"""What can be left out beside the rules of `MUTANTS`."""


def left_out(name: str) -> str:
    """What a run without it is like. Raises `InvalidArgument` if nothing has that name."""
    if name in SWITCHES:
        return SWITCHES[name].story
    mutant = mutant_named(name)
    if mutant is None:
        raise _unknown(name)
    return mutant.story


def settings_among(names: Iterable[str]) -> list[str]:
    """Those that are settings of Raft; rules name themselves, and ageing is a matter of taste."""
    return [name for name in names if name in SWITCHES and name != "ageing"]


def without(settings: WorldSettings, names: Iterable[str]) -> WorldSettings:
    """These settings with all of `names` left out. Raises `InvalidArgument`, with the wrong one."""
    for name in names:
        switch, mutant = SWITCHES.get(name), mutant_named(name)
        if switch is not None:
            settings = switch.leave(settings)
        elif mutant is not None:
            settings = replace(settings, rules=_with(settings.rules, mutant.rules, name))
        else:
            raise _unknown(name)
    return settings


def _with(rules: RuleSet, broken: RuleSet, name: str) -> RuleSet:
    correct = RuleSet()
    for field in fields(RuleSet):
        mine, theirs = getattr(rules, field.name), getattr(broken, field.name)
        usual = type(getattr(correct, field.name))
        if type(theirs) is usual or type(mine) is type(theirs):
            continue
        if type(mine) is not usual and not isinstance(theirs, type(mine)):
            text = (
                f"{type(mine).__name__} and {name} change the same policy: leave out one of them."
            )
            raise InvalidArgument(text)
        rules = replace(rules, **{field.name: theirs})
    return rules


def _unknown(name: str) -> InvalidArgument:
    known = [*SWITCHES, *(mutant.name for mutant in MUTANTS)]
    near = get_close_matches(name, known, 1, 0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}."
    return InvalidArgument(f"There is no rule {name[:40]!r} to leave out: {hint}")
