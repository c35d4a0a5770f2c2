"""Recorded runs as simulations: a promise breaks, but not with the rule; and one can go back."""

import pytest

from raftlock import broken, broken_rules
from raftlock.check.checker import check_history, check_trace
from raftlock.errors import InvalidArgument
from raftlock.sim.bench import witness_of
from raftlock.sim.mutants import MUTANTS, mutant_named


def judged(simulation):
    recorder = simulation.recorder
    found = check_trace(recorder.header, recorder.events)
    return found or check_history(recorder.header, recorder.events)


def test_every_rule_has_its_story():
    rules = list(broken_rules())
    assert len(rules) == len(MUTANTS)
    numbers = [rule.number for rule in rules if rule.number]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, 41))
    assert all(rule.story.endswith(".") and rule.breaks for rule in rules)


# That a cluster works again is seen by who waits for it, and not in a trace.
IN_THE_TRACE = [rule.name for rule in broken_rules() if rule.breaks != "liveness"]


@pytest.mark.parametrize("rule", IN_THE_TRACE[::7])
def test_left_out_it_breaks_its_promise_and_in_place_it_does_not(rule):
    mutant = mutant_named(rule)
    run = broken(rule)
    assert judged(run)[0].property == mutant.breaks
    assert run.recorder.header["modified"] == rule
    mended = broken(rule, mended=True)
    assert judged(mended) == []
    assert not mended.recorder.header["modified"]


def test_it_is_the_recorded_run_and_one_can_go_back_in_it():
    rule = next(broken_rules()).name
    run = broken(rule)
    again = witness_of(mutant_named(rule)).run().recorder
    first = len(again.to_lines())
    assert run.recorder.to_lines()[1:first] == again.to_lines()[1:]
    whole = run.recorder.to_lines()
    run.goto(5)
    run.goto(len(whole) - 1)
    assert run.recorder.to_lines() == whole


def test_a_rule_that_is_not_there_is_one_sentence():
    with pytest.raises(InvalidArgument, match=r"There is no rule 'Tea' to leave out"):
        broken("Tea")
