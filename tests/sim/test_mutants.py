"""Every broken rule is noticed in its recorded run, and the run is clean with the rule in place."""

import json

import pytest

from raftlock.cli import main
from raftlock.sim.bench import WITNESSES, judge, search
from raftlock.sim.mutants import MUTANTS, mutant_named

RECORDED = [mutant for mutant in MUTANTS if (WITNESSES / f"{mutant.name}.json").is_file()]


@pytest.mark.parametrize("mutant", RECORDED, ids=lambda mutant: mutant.name)
def test_it_is_killed_by_its_witness(mutant):
    verdict = judge(mutant)
    assert verdict.killed_by == mutant.breaks, verdict.text
    assert verdict.clean
    assert verdict.witness_actions <= 60


def test_every_witness_has_its_mutant():
    names = {mutant.name for mutant in MUTANTS}
    assert {path.stem for path in WITNESSES.glob("*.json")} <= names
    assert len(names) == len(MUTANTS)


def test_every_mutant_has_its_witness():
    assert [mutant.name for mutant in MUTANTS if mutant not in RECORDED] == []


def test_a_witness_can_be_found_anew():
    mutant = mutant_named("ForgetTerm")
    found = search(mutant, range(1, 5), runs_max=20)
    verdict = judge(mutant, found)
    assert verdict.killed_by == "durability"


def test_the_table_for_programs(capsys):
    main(["mutants", "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == len(MUTANTS)
    assert {"name", "killed_by", "seed", "witness_events"} <= rows[0].keys()
