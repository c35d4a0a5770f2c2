"""The commands that make runs and judge them: explore, replay, scenario, mutants."""

from __future__ import annotations

import argparse
import difflib
import json
import os
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from raftlock.check.checker import check_history, check_trace
from raftlock.check.violation import Violation
from raftlock.cli.common import Commands, positive
from raftlock.panels import write_page
from raftlock.sim.bench import WITNESSES, Verdict, judge, search
from raftlock.sim.explore import Campaign, Look, explore, shrunk_script
from raftlock.sim.files import read_script, write_script
from raftlock.sim.mutants import MUTANTS
from raftlock.sim.scenario import rewrite, rewrite_page
from raftlock.sim.tell import explained, rules_told, told
from raftlock.trace.export import Trace, is_trace, read, write_lines

__all__ = ["add_commands"]

SHOWN_MAX = 5
"""How many broken runs are made shorter and written down: the rest are often the same."""


def add_commands(commands: Commands) -> None:
    """Say what they are called and take."""
    exploring = commands.add_parser("explore", help="run seeds under every check")
    exploring.set_defaults(do=_explore)
    exploring.add_argument("--seeds", type=positive, default=500, help="how many (500)")
    exploring.add_argument("--first", type=positive, default=1, help="the first seed (1)")
    exploring.add_argument(
        "--nodes", type=int, choices=range(1, 10), help="how many (else drawn from the seed)"
    )
    exploring.add_argument(
        "--jobs", type=positive, default=os.cpu_count() or 1, help="processes (all processors)"
    )
    exploring.add_argument(
        "--dask", default="", metavar="ADDRESS", help="on a dask cluster: tcp://HOST:PORT"
    )
    exploring.add_argument("--rules", default="", help="break a rule: a name from `mutants`")
    exploring.add_argument(
        "--out", type=Path, default=Path(), help="where scripts of broken runs go (here)"
    )
    replaying = commands.add_parser("replay", help="do a run again, and tell it in sentences")
    replaying.set_defaults(do=lambda chosen: _replay(Path(chosen.file), chosen))
    replaying.add_argument("file", help="a script that `explore` has written, or a saved trace")
    replaying.add_argument("--lines", type=positive, default=20, help="how many sentences (20)")
    replaying.add_argument("--trace", type=Path, metavar="OUT", help="write the trace there, too")
    replaying.add_argument("--html", type=Path, metavar="OUT", help="write it as a page there, too")
    bench = commands.add_parser("mutants", help="break each rule, and see that the checks notice")
    bench.set_defaults(
        do=lambda told: _mutants(as_json=told.json, seeds=told.search, writing=told.write)
    )
    bench.add_argument("--json", action="store_true", help="a list of objects instead of a table")
    bench.add_argument(
        "--search",
        type=positive,
        default=0,
        metavar="SEEDS",
        help="find the runs anew, in so many",
    )
    bench.add_argument(
        "--write", action="store_true", help="record a run that was found for a rule without one"
    )
    playing = commands.add_parser("scenario", help="do a scenario, and compare what is told")
    playing.set_defaults(do=_scenarios)
    playing.add_argument("files", nargs="+", type=Path)
    playing.add_argument("--rewrite", action="store_true", help="write down what is really told")


# ---- explore ----


def _explore(chosen: argparse.Namespace) -> int:
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    campaign, began = Campaign(), time.monotonic()
    finished = _gather(campaign, _looks(chosen, seeds), len(seeds))
    spent = max(time.monotonic() - began, 0.001)
    if not finished:
        print(f"Interrupted: this is what {campaign.seeds} of {len(seeds)} seeds came to.")
    print(
        f"{campaign.seeds} seeds in {spent:.1f} s: {60 * campaign.seeds / spent:.0f} seeds a "
        f"minute, {campaign.happenings // max(campaign.seeds, 1)} steps a seed, "
        f"{campaign.events / spent:.0f} events a second."
    )
    _print_shares(campaign)
    rare = campaign.too_rare()
    for what in rare:
        print(f"Too rare: {what}.")
    campaign.broken.sort(key=lambda one: one.seed)
    for one in campaign.broken[:SHOWN_MAX]:
        _write_down(one, chosen.rules, chosen.out)
    if len(campaign.broken) > SHOWN_MAX:
        others = ", ".join(str(one.seed) for one in campaign.broken[SHOWN_MAX:][:SHOWN_MAX])
        print(f"{len(campaign.broken)} seeds were broken in all: {others} among the others.")
    if not campaign.broken:
        print("Nothing was broken.")
    return 1 if campaign.broken or rare or not finished else 0


def _looks(chosen: argparse.Namespace, seeds: range) -> Generator[Look, None, None]:
    if not chosen.dask:
        return explore(seeds, nodes=chosen.nodes, jobs=chosen.jobs, mutant=chosen.rules)
    # Only here: nobody who does not ask for it needs to have dask.
    from raftlock.sim.elsewhere import explore_elsewhere

    return explore_elsewhere(chosen.dask, seeds, nodes=chosen.nodes, mutant=chosen.rules)


def _gather(campaign: Campaign, looks: Generator[Look, None, None], total: int) -> bool:
    """Count them as they come; whether all came before somebody pressed Ctrl-C."""
    with (
        closing(looks),
        tqdm(total=total, unit="seed", file=sys.stderr, dynamic_ncols=True) as bar,
    ):
        try:
            for one in looks:
                campaign.add(one)
                bar.update()
                bar.set_postfix_str(f"{len(campaign.broken)} broken", refresh=False)
        except KeyboardInterrupt:
            return False
    return True


def _print_shares(campaign: Campaign) -> None:
    shares = campaign.shares()
    width = max(len(what) for what, _, _ in shares)
    print(f"  {'of the runs':<{width}}  share  least")
    for what, percent, least in shares:
        print(f"  {what:<{width}}  {percent:3} %  {f'{least:3} %' if least else '    -'}")


def _write_down(one: Look, rules: str, folder: Path) -> None:
    script = shrunk_script(one, rules)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"seed-{one.seed}-{one.property.replace(' ', '-').lower()}.json"
    write_script(path, script)
    print(f"Seed {one.seed}: {script.found}")
    print(f"  {one.actions} actions, made {len(script.script)}: raftlock replay {path}")


# ---- replay ----


def _replay(path: Path, chosen: argparse.Namespace) -> int:
    trace, violations = _retold(path) if is_trace(path) else _redone(path)
    if chosen.trace is not None:
        write_lines(chosen.trace, trace.to_lines())
    if chosen.html is not None:
        print(f"The page: {write_page(trace, chosen.html)}\n")
    sentences = told(trace.header, trace.events)
    if len(sentences) > chosen.lines:
        print(f"... {len(sentences) - chosen.lines} sentences before (--lines shows more)")
    for sentence in sentences[-chosen.lines :]:
        print(sentence)
    if not violations:
        print("\nNothing was broken.")
        return 0
    print()
    for line in explained(violations[0]):
        print(line)
    return 1


def _redone(path: Path) -> tuple[Trace, Sequence[Violation]]:
    """Do a script again; the trace that comes of it, and what was broken."""
    script = read_script(path)
    outcome = script.run()
    plan, done = script.plan, len(script.script)
    print(f"Seed {plan.seed}, {plan.nodes} nodes, {done} actions. {rules_told(script.rules)}")
    drawn = ", ".join(f"{name} {value}" for name, value in plan.profile.to_json().items())
    print(f"Unlike in a quiet run: {drawn or 'nothing'}.\n")
    recorder = outcome.recorder
    return Trace(recorder.header, tuple(recorder.events), recorder.dropped), outcome.violations


def _retold(path: Path) -> tuple[Trace, Sequence[Violation]]:
    """A trace as it was written, and what was broken in it."""
    trace = read(path)
    named = trace.header.get("name")
    print(f"A trace of {len(trace.events)} events{f' of {named}' if named else ''}.")
    if trace.dropped:
        print(f"Its first {trace.dropped} events were not kept, so nothing is judged.\n")
        return trace, ()
    print()
    found = check_trace(trace.header, trace.events)
    return trace, [*found, *check_history(trace.header, trace.events)]


# ---- scenarios ----


def _scenarios(chosen: argparse.Namespace) -> int:
    return max(_scenario(path, rewriting=chosen.rewrite) for path in chosen.files)


def _scenario(path: Path, *, rewriting: bool) -> int:
    text = path.read_text(encoding="utf-8")
    really = rewrite_page(text) if path.suffix == ".md" else rewrite(text)
    if really == text:
        print(f"{path.name}: as written.")
        return 0
    if rewriting:
        path.write_text(really, encoding="utf-8")
        print(f"{path.name}: rewritten. Keep it only if you understand the change.")
        return 0
    for line in difflib.unified_diff(
        text.splitlines(), really.splitlines(), "as written", "as told", lineterm=""
    ):
        print(line)
    return 1


# ---- mutants ----


def _mutants(*, as_json: bool, seeds: int, writing: bool) -> int:
    verdicts = []
    for mutant in tqdm(MUTANTS, unit="rule", file=sys.stderr, disable=as_json):
        if seeds:
            found = search(mutant, range(1, seeds + 1))
            verdict = judge(mutant, found)
            recorded = judge(mutant)
            if found is not None and writing and not (recorded.killed_by and recorded.clean):
                write_script(WITNESSES / f"{mutant.name}.json", found)
        else:
            verdict = judge(mutant)
        verdicts.append(verdict)
    if as_json:
        print(json.dumps([verdict.to_json() for verdict in verdicts], indent=1))
    else:
        _print_table(verdicts, searched=bool(seeds))
    return 0 if all(verdict.killed_by and verdict.clean for verdict in verdicts) else 1


def _print_table(verdicts: list[Verdict], *, searched: bool) -> None:
    head = f"{'no.':>3} {'rule':<20} {'killed by':<21} {'seed':>8} {'actions':>7} {'events':>6}"
    print(f"{head}  without")
    for verdict in verdicts:
        # What was not found anew is killed by its recorded run.
        seed = "recorded" if searched and not verdict.found_anew else verdict.seed
        print(
            f"{verdict.number or '':>3} {verdict.name:<20} {verdict.killed_by or 'SURVIVED':<21} "
            f"{seed:>8} {verdict.witness_actions:>7} {verdict.witness_events:>6}  "
            f"{'clean' if verdict.clean else 'BROKEN'}"
        )
    killed = sum(bool(verdict.killed_by) for verdict in verdicts)
    print(f"{killed} of {len(verdicts)} killed.")
