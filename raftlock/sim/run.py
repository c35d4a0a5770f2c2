"""One run of the explorer: chaos, then a calm in which the cluster must work again, under checks.

A run is a header (nodes, seed, what was drawn) and a script of actions, each at its time. The
explorer draws the script as it goes; `replay` does a written one, and comes to the same trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from raftlock.check.checker import Checker, check_history
from raftlock.check.violation import Violation
from raftlock.sim.actions import Action, try_to
from raftlock.sim.chance import keyed
from raftlock.sim.changes import Changes
from raftlock.sim.faults import Faults, Hardware, Strangers
from raftlock.sim.header import header_of
from raftlock.sim.liveness import Liveness
from raftlock.sim.profile import EAGER, Profile, profile_of, timing_of
from raftlock.sim.queue import Clock
from raftlock.sim.tally import Tally
from raftlock.sim.workload import Workload
from raftlock.sim.world import RuleSet, World, WorldSettings
from raftlock.trace.fields import number
from raftlock.trace.recorder import Recorder
from raftlock.types.events import Json
from raftlock.types.ids import Micros, Millis, NodeID

__all__ = ["Outcome", "Plan", "explore_seed", "plan_of", "replay"]

TICK_US = 10_000
CHAOS_US = 5_000_000
SPANS_MAX = 3
"""A change of members that is under way when the faults end may take so many times as long as
it may take the cluster to come to work."""

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

    @property
    def names(self) -> tuple[NodeID, ...]:
        """The nodes it begins with."""
        return tuple(NodeID(f"n{place}") for place in range(1, self.nodes + 1))

    def settings(self, rules: RuleSet) -> WorldSettings:
        """The world of this run."""
        profile, names = self.profile, self.names
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
            lease_reads=profile.lease_reads,
            session_ttl_ms=Millis(profile.session_ttl_ms),
            snapshot_entries=profile.snapshot_entries,
            snapshot_tail=profile.snapshot_tail,
            snapshot_chunk_bytes=profile.chunk_bytes,
            rates_ppm=tuple(drift.between(-rate, rate) if rate else 0 for _ in names),
            retry=EAGER,
            codec=self.seed % CODEC_EVERY == 0,
        )


@dataclass(slots=True)
class Outcome:
    """What came of a run. `script` is all that was done to it.

    In a run in which a voter lost its disk and votes on, loss is `expected`.
    """

    plan: Plan
    script: list[dict[str, Json]]
    violations: list[Violation]
    tally: Tally
    recorder: Recorder
    end: int
    happenings: int
    expected: list[Violation] = field(default_factory=list)


def plan_of(seed: int, nodes: int | None = None) -> Plan:
    """The run that a seed draws; with 1, 3, 4 or 5 nodes unless the number is given."""
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
        self.liveness: Liveness | None = None
        self.world = World(settings, self.clock, self.recorder)

    @property
    def broken(self) -> bool:
        return bool(self.checker.violations or self.failed)

    def run_to(self, at: int) -> None:
        """Let time pass, as long as nothing is broken; see in time if the cluster works again."""
        liveness = self.liveness
        if liveness is not None and self.clock.now < liveness.due <= at:
            self._pass_time(liveness.due)
            self._note(liveness.judge())
        self._pass_time(at)

    def _pass_time(self, at: int) -> None:
        schedule, world, checker = self.world.schedule, self.world, self.checker
        if self.failed:
            return
        try:
            while not checker.violations:
                next_at = schedule.next_at
                if next_at is None or next_at > at:
                    self.clock.now = max(self.clock.now, Micros(at))
                    return
                world.happen()
        except AssertionError as error:
            self.crashed(error)

    def do(self, actions: Iterable[Action]) -> None:
        """Do them, and put them into the script."""
        for action in actions:
            self.script.append({"t": self.clock.now, **action})
            try:
                ask = try_to(self.world, action)
            except AssertionError as error:
                self.crashed(error)
                break
            if action.get("do") == "calm":
                self.liveness = Liveness(self.world)
            # Only where all faults have ended must the cluster come to work.
            elif ask is not None and self.liveness is not None and action.get("client") == "probe":
                self.liveness.asked = self.liveness.asked or ask

    def _note(self, violation: Violation | None) -> None:
        if violation is not None and not self.broken:
            self.failed.append(violation)

    def crashed(self, error: AssertionError) -> None:
        """The program's own assertions are checks as well."""
        sentence = f"An assertion of the program failed: {str(error)[:200] or 'it says nothing'}"
        self.failed.append(Violation("assertion", sentence, self.recorder.last_seq))

    def calm(self, changes: Changes) -> None:
        """End the faults, and let the cluster come to work again, and changes to their end."""
        self.do([{"do": "calm"}])
        liveness = self.liveness
        assert liveness is not None
        # The faults have ended; what is still on its way from before may take that long.
        probe: dict[str, Json] = {"do": "ask", "client": "probe", "op": "acquire", "lock": "probe"}
        self.do([probe | {"ttl_ms": 60_000, "time_ms": liveness.span // 1_000}])
        if not changes.is_drawn:
            self.run_to(liveness.due)
            return
        end = self.clock.now + SPANS_MAX * liveness.span
        while not self.broken and self.clock.now < end:
            settled = changes.at_rest(self.world) and liveness.is_reached
            if settled and self.clock.now >= liveness.due:
                return
            self.do(changes.settle(self.world))
            self.run_to(self.clock.now + TICK_US)
        if not self.broken and not changes.at_rest(self.world):
            sentence = "A change of members did not come to its end after all faults had ended."
            self._note(Violation("liveness", sentence, self.recorder.last_seq))

    def outcome(self) -> Outcome:
        """What came of it."""
        checker = self.checker
        checker.end()
        if self.liveness is not None and self.clock.now >= self.liveness.due:
            # A run that was cut short says nothing of what would have come.
            self._note(self.liveness.judge_finally())
        found, expected = [*checker.violations, *self.failed], list(checker.expected)
        if not found:
            found = check_history(self.recorder.header, self.recorder.events)
        if checker.disk_was_lost:
            found, expected = list(checker.violations), expected + self.failed
        return Outcome(
            self.plan,
            self.script,
            found,
            self.tally,
            self.recorder,
            self.clock.now,
            self.world.count,
            expected,
        )


def explore_seed(plan: Plan, rules: RuleSet | None = None) -> Outcome:
    """Draw and run what the plan says, under every check."""
    run = _Run(plan, rules or RuleSet())
    profile, seed = plan.profile, plan.seed
    changes = Changes(profile, seed, plan.names)
    faults, work = Faults(profile, seed), Workload(profile, seed)
    others = (Hardware(profile, seed), changes, Strangers(profile, seed))
    while run.clock.now < plan.chaos_us and not run.broken:
        for drawn in (faults, *others, work):
            run.do(drawn.tick(run.world))
        run.run_to(run.clock.now + TICK_US)
    if not run.broken:
        run.calm(changes)
    return run.outcome()


def replay(
    plan: Plan, script: Iterable[Mapping[str, Json]], end: int, rules: RuleSet | None = None
) -> Outcome:
    """Do a written script, under every check, up to time `end` or the first violation."""
    run = _Run(plan, rules or RuleSet())
    for line in script:
        # What is done at one moment is done together, whatever it brings about at that moment.
        if number(line, "t") > run.clock.now:
            run.run_to(number(line, "t"))
        if run.broken:
            break
        run.do([{name: value for name, value in line.items() if name != "t"}])
    run.run_to(end)
    return run.outcome()
