"""Every broken rule is noticed in its recorded run, and the run is clean with the rule in place."""

import ast
import inspect
import json
import textwrap
from dataclasses import replace

import pytest

from raftlock.cli import main
from raftlock.errors import InvalidArgument
from raftlock.sim.bench import WITNESSES, judge, search, witness_of
from raftlock.sim.broken import StepFarBack
from raftlock.sim.mutants import MUTANTS, mutant_named
from raftlock.sim.settings import RuleSet

FAMOUS = range(1, 41)
"""The numbers of the famous mistakes, some of which more than one class makes."""

POLICIES = {type(policy) for policy in RuleSet().all}

by_name = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)


def broken_class(mutant):
    """The one class in its rule set that is not the correct one, and the policy it belongs to."""
    changed = [
        (type(mine), type(right))
        for mine, right in zip(mutant.rules.all, RuleSet().all, strict=True)
        if type(mine) is not type(right)
    ]
    assert len(changed) == 1
    return changed[0]


# ---- the recorded runs ----


@by_name
def test_it_is_killed_by_its_witness(mutant):
    verdict = judge(mutant)
    assert verdict.killed_by == mutant.breaks, verdict.text
    assert verdict.clean
    assert verdict.witness_actions <= 60


def test_every_witness_has_its_mutant():
    names = {mutant.name for mutant in MUTANTS}
    assert {path.stem for path in WITNESSES.glob("*.json")} == names
    assert len(names) == len(MUTANTS)


@by_name
def test_a_witness_tells_what_it_found(mutant):
    witness = witness_of(mutant)
    assert witness.rules == mutant.name
    assert witness.found.startswith(f"{mutant.breaks}: ")


def test_all_famous_mistakes_are_there():
    assert {mutant.number for mutant in MUTANTS} - {0} == set(FAMOUS)


def test_nothing_is_found_by_an_assertion_of_the_program_alone():
    assert "assertion" not in {mutant.breaks for mutant in MUTANTS}


# ---- what a broken rule is ----


@by_name
def test_it_overrides_one_method_of_its_policy(mutant):
    mine, right = broken_class(mutant)
    # With exact hints two of the rules hardly ever matter: theirs is a slower, correct leader.
    assert mine.__bases__ in {(right,), (StepFarBack,)}
    methods = [name for name in vars(mine) if not name.startswith("__")]
    assert len(methods) == 1
    (method,) = methods
    assert inspect.signature(vars(mine)[method]) == inspect.signature(vars(right)[method])


@by_name
def test_it_is_a_few_lines(mutant):
    mine, _ = broken_class(mutant)
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(mine))).body
    (method,) = definition.body
    assert len(method.body) <= 3


def test_every_kind_of_policy_is_broken_by_some():
    assert {broken_class(mutant)[1] for mutant in MUTANTS} == POLICIES


# ---- what their traces say ----


def test_a_trace_says_for_ever_by_which_rules_it_was_made(tmp_path):
    mutant = mutant_named("AnyLogMayLead")
    outcome = witness_of(mutant).run()
    header = outcome.recorder.header
    assert header["modified"] == "AnyLogMayLead"
    assert len(header["rules_hash"]) == 8
    outcome.recorder.write(tmp_path / "trace.jsonl")
    kept = json.loads((tmp_path / "trace.jsonl").read_text().splitlines()[0])
    assert kept["modified"] == "AnyLogMayLead"
    assert kept["rules_hash"] == header["rules_hash"]


def test_other_rules_have_another_hash():
    witness = witness_of(mutant_named("AnyLogMayLead"))
    hashes = {
        replace(witness, script=[], end=1).run(mutant.rules).recorder.header["rules_hash"]
        for mutant in MUTANTS
    }
    assert len(hashes) == len(MUTANTS)


def test_the_correct_rules_leave_no_mark():
    witness = witness_of(mutant_named("AnyLogMayLead"))
    header = witness.run(RuleSet()).recorder.header
    assert header["modified"] == ""
    assert "rules_hash" not in header


def test_a_run_by_unknown_rules_asks_for_them():
    mutant = mutant_named("AnyLogMayLead")
    unknown = replace(witness_of(mutant), rules="MyOwn")
    with pytest.raises(InvalidArgument, match=r"'MyOwn', which are not known here: .*rules="):
        unknown.run()
    assert unknown.run(mutant.rules).violations[0].property == mutant.breaks


# ---- the bench ----


def test_a_witness_can_be_found_anew():
    mutant = mutant_named("ForgetTerm")
    found = search(mutant, range(1, 5), runs_max=20)
    verdict = judge(mutant, found)
    assert verdict.killed_by == "durability"


def test_the_table_for_programs(capsys):
    assert main(["mutants", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == len(MUTANTS)
    assert {"name", "killed_by", "seed", "witness_events"} <= rows[0].keys()


def test_the_table_for_people(capsys):
    assert main(["mutants"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "no.",
        "rule",
        "killed",
        "by",
        "seed",
        "actions",
        "events",
        "without",
    ]
    assert lines[1].startswith("  1 AnyLogMayLead")
    assert lines[-1] == f"{len(MUTANTS)} of {len(MUTANTS)} killed."
