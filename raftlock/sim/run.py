"""One run of the explorer: chaos, then a calm in which the cluster must work again, under checks.

A run is a header (nodes, seed, what was drawn) and a script of actions, each at its time. The
explorer draws the script as it goes; `replay` does a written one, and comes to the same trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from raftlock.check.checker import Checker, check_history
from raftlock.check.violation import Violation
from raftlock.sim.actions import Action, try_to
from raftlock.sim.chance import keyed
from raftlock.sim.client import Ask
from raftlock.sim.faults import Faults
from raftlock.sim.header import header_of
from raftlock.sim.profile import EAGER, Profile, profile_of, timing_of
from raftlock.sim.queue import Clock
from raftlock.sim.tally import Tally
from raftlock.sim.workload import Workload
from raftlock.sim.world import RuleSet, World, WorldSettings
from raftlock.trace.fields import number
from raftlock.trace.recorder import Recorder
from raftlock.types.events import Json
from raftlock.types.ids import Micros, NodeID

__all__ = ["Outcome", "Plan", "explore_seed", "plan_of", "replay"]

TICK_US = 10_000
CHAOS_US = 5_000_000
LIVENESS_TIMEOUTS = 10
"""Within how many election timeouts of virtual time a calmed cluster must work again."""

CODEC_EVERY = 50
"""In one run of so many, messages go through the codec; in the others they pass as values."""

TRACE_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run begins with; `nodes` may be fewer than were drawn once it is made shorter."""

    seed: int
    nodes: int
    profile: Profile
    chaos_us: int = CHAOS_US

    def settings(self, rules: RuleSet) -> WorldSettings:
        """The world of this run."""
        profile = self.profile
        names = tuple(NodeID(f"n{place}") for place in range(1, self.nodes + 1))
        drift = keyed(self.seed, "rates")
        rate = profile.rate_ppm
        return WorldSettings(
            nodes=names,
            timing=timing_of(profile, keyed(self.seed, "timing")),
            seed=self.seed,
            rules=rules,
            weather=profile.weather,
            batch=profile.batch,
            in_flight=profile.in_flight,
            pre_vote=profile.pre_vote,
            check_quorum=profile.check_quorum,
            rates_ppm=tuple(drift.between(-rate, rate) if rate else 0 for _ in names),
            retry=EAGER,
            codec=self.seed % CODEC_EVERY == 0,
        )


@dataclass(slots=True)
class Outcome:
    """What came of a run. `script` is all that was done to it."""

    plan: Plan
    script: list[dict[str, Json]]
    violations: list[Violation]
    tally: Tally
    recorder: Recorder
    end: int
    happenings: int


def plan_of(seed: int, nodes: int | None = None) -> Plan:
    """The run that a seed draws; with a size of 3 or 5 unless it is given."""
    size = nodes if nodes is not None else (3, 3, 3, 4, 5, 5, 5, 1)[keyed(seed, "size").below(8)]
    return Plan(seed, size, profile_of(seed))


class _Run:
    """A world under checks; it stops at the first violation."""

    def __init__(self, plan: Plan, rules: RuleSet) -> None:
        settings = plan.settings(rules)
        self.plan = plan
        self.clock = Clock()
        header = header_of(settings, f"seed {plan.seed}")
        self.recorder = Recorder(header, self.clock.now_us, limit=TRACE_MAX)
        self.checker = Checker(header)
        self.tally = Tally()
        self.recorder.subscribe(self.checker.feed)
        self.recorder.subscribe(self.tally.feed)
        self.script: list[dict[str, Json]] = []
        self.failed: list[Violation] = []
        self.world = World(settings, self.clock, self.recorder)

    @property
    def broken(self) -> bool:
        return bool(self.checker.violations or self.failed)

    def run_to(self, at: int) -> None:
        """Let time pass, as long as nothing is broken."""
        schedule, world = self.world.schedule, self.world
        try:
            while not self.checker.violations:
                next_at = schedule.next_at
                if next_at is None or next_at > at:
                    self.clock.now = max(self.clock.now, Micros(at))
                    return
                world.happen()
        except AssertionError as error:
            self.crashed(error)

    def do(self, actions: Iterable[Action]) -> list[Ask]:
        """Do them, and put them into the script."""
        asked = []
        for action in actions:
            self.script.append({"t": self.clock.now, **action})
            try:
                ask = try_to(self.world, action)
            except AssertionError as error:
                self.crashed(error)
                break
            if ask is not None:
                asked.append(ask)
        return asked

    def crashed(self, error: AssertionError) -> None:
        """The program's own assertions are checks as well."""
        sentence = f"An assertion of the program failed: {str(error)[:200] or 'it says nothing'}"
        self.failed.append(Violation("assertion", sentence, self.recorder.last_seq))

    def calm(self) -> None:
        """End the faults, and see whether the cluster comes to work again."""
        timing = self.world.settings.timing
        span = LIVENESS_TIMEOUTS * timing.election_timeout_ms_max * 1_000
        self.do([{"do": "calm"}])
        end = self.clock.now + span
        # The faults have ended; what is still on its way from before may take that long.
        asked = self.do(
            [
                {
                    "do": "ask",
                    "client": "probe",
                    "op": "acquire",
                    "lock": "probe",
                    "ttl_ms": 60_000,
                    "time_ms": span // 1_000,
                }
            ]
        )
        self.run_to(end)
        self._see_that_it_works(asked)

    def _see_that_it_works(self, asked: list[Ask]) -> None:
        if self.broken:
            return
        index = asked[0].lease.token if asked and asked[0].lease is not None else 0
        behind = [
            node.id
            for node in self.world.nodes.values()
            if not node.is_up or node.running.raft.last_applied < index
        ]
        if not index or behind:
            who = ", ".join(behind) if index else "a new command"
            sentence = (
                f"{LIVENESS_TIMEOUTS} election timeouts after all faults ended, {who} had not "
                "come to apply a new command."
            )
            self.failed.append(
                Violation("liveness", sentence, self.recorder.last_seq, nodes=tuple(behind))
            )

    def outcome(self) -> Outcome:
        """What came of it."""
        found = [*self.checker.violations, *self.failed]
        if not found:
            found = check_history(self.recorder.events)
        return Outcome(
            self.plan,
            self.script,
            found,
            self.tally,
            self.recorder,
            self.clock.now,
            self.world.count,
        )


def explore_seed(plan: Plan, rules: RuleSet | None = None) -> Outcome:
    """Draw and run what the plan says, under every check."""
    run = _Run(plan, rules or RuleSet())
    faults = Faults(plan.profile, keyed(plan.seed, "faults"))
    work = Workload(plan.profile, plan.seed)
    while run.clock.now < plan.chaos_us and not run.broken:
        run.do(faults.tick(run.world))
        run.do(work.tick(run.world))
        run.run_to(run.clock.now + TICK_US)
    if not run.broken:
        run.calm()
    return run.outcome()


def replay(
    plan: Plan, script: Iterable[Mapping[str, Json]], end: int, rules: RuleSet | None = None
) -> Outcome:
    """Do a written script, under every check, up to time `end` or the first violation."""
    run = _Run(plan, rules or RuleSet())
    probes: list[Ask] = []
    calmed = False
    for line in script:
        # What is done at one moment is done together, whatever it brings about at that moment.
        if number(line, "t") > run.clock.now:
            run.run_to(number(line, "t"))
        if run.broken:
            break
        action = {name: value for name, value in line.items() if name != "t"}
        asked = run.do([action])
        calmed = calmed or action.get("do") == "calm"
        # Only where all faults have ended must the cluster come to work.
        if calmed and action.get("client") == "probe":
            probes += asked
    run.run_to(end)
    if probes and not run.broken:
        run._see_that_it_works(probes)  # noqa: SLF001 - the same run, told what to do
    return run.outcome()
