"""A simulation on a screen: its time goes by the clock on the wall, or stands still.

Panels draw it and ask for its verbs as they do of a live cluster. Whoever acts in its past gets
another branch; the old future is kept beside it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from threading import RLock
from weakref import WeakKeyDictionary

from raftlock import registry
from raftlock.arguments import Arguments, number, text, whole
from raftlock.errors import InvalidArgument, RaftLockError
from raftlock.runner import ThreadRunner
from raftlock.sim.controls import perform
from raftlock.sim.gallery import came_from, is_scene, restart, scene, scene_named, stops_of
from raftlock.sim.sharing import Scenario, first_broken, opened
from raftlock.sim.simulation import Simulation
from raftlock.sim.stories import broken
from raftlock.trace.recorder import Recorder
from raftlock.types.events import Json

__all__ = ["PREPARED", "Playback", "playback_of", "prepared"]

logger = logging.getLogger(__name__)

TURN_SECONDS = 0.02
TURN_SECONDS_MAX = 0.1
"""A turn moves time on by what has passed on the wall, but not by more than this."""

SPEED_MIN, SPEED_MAX = 0.001, 10.0
BRANCHES_MAX = 12


class Playback:
    """Plays `simulation` and its branches. It begins paused: nothing moves unless it is told to."""

    def __init__(self, simulation: Simulation) -> None:
        self.shown = simulation
        self.all: list[Simulation] = []
        self._lock = RLock()
        self._take(simulation)
        self.speed = _speed_of(simulation)
        self.playing = self.hurrying = False
        self._stuck = ""  # why the run that is shown cannot go on
        self.runner = ThreadRunner(f"raftlock {simulation.name}")
        self._task: asyncio.Task[None] | None = None

    # ---- for the panels ----

    @property
    def recorder(self) -> Recorder:
        """The trace of the branch that is shown."""
        return self.shown.recorder

    @property
    def pace(self) -> tuple[float, bool]:
        """The speed, and whether time stands still."""
        return self.speed, not self.playing

    @contextmanager
    def still(self) -> Generator[bool]:
        """While it is held no cell moves the simulation; false if one is about it now."""
        got = self._lock.acquire(blocking=False)
        try:
            yield got
        finally:
            if got:
                self._lock.release()

    def branches(self) -> Sequence[Mapping[str, Json]]:
        """Each future: its number, name, the event where it began, how far it is, if it shows."""
        return [
            {
                "id": number,
                "name": each.name,
                "from": each.branched_at,
                "from_t": _when(each, each.branched_at),
                "last": each.recorder.last_seq,
                "t": round(each.now * 1_000_000),
                "shown": each is self.shown,
                "scene": _scene_of(each),
                "stuck": self._stuck if each is self.shown else "",
            }
            for number, each in enumerate(self.all)
        ]

    def act_in_the_past(self, seq: int) -> None:
        """Go on from event `seq` in a branch of its own."""
        if len(self.all) >= BRANCHES_MAX:
            raise InvalidArgument(
                f"There are {BRANCHES_MAX} branches already: go on in one of them, or start over."
            )
        branch = self.shown.branch(seq=seq)
        branch.name = f"{self.shown.name}, branch {len(self.all)}"
        self._take(branch)
        self._show(branch)

    async def simulate_here(self, seed: int | None = None) -> Simulation:
        """What is simulated needs no continuing: it says so."""
        return self.shown.simulate(seed=seed)

    async def do(self, verb: str, /, **arguments: Json) -> str | None:
        """Perform one control; runs on the playback's loop."""
        own = self._own.get(verb)
        with self.still() as still:
            if not still:
                raise InvalidArgument("A cell is at work with this simulation: wait for its end.")
            if own is not None:
                return own(arguments)
            here = self.shown.recorder.last_seq
            if self.shown.to_come and verb != "step" and self.shown.branched_at != here:
                # What is still to come stays, beside what is done now.
                self.act_in_the_past(here)
            return perform(self.shown, verb, arguments)

    def stop(self) -> None:
        """End the thread; the simulation stays as it is."""
        registry.unregister(self)
        playbacks.pop(self.all[0], None)
        self.runner.stop()

    # ---- inside ----

    @cached_property
    def _own(self) -> Mapping[str, Callable[[Arguments], str | None]]:
        return {
            "pause": self._pause,
            "resume": self._resume,
            "speed": self._set_speed,
            "choose": self._choose,
            "start_over": self._start_over,
            "leave_out": self._leave_out,
            "stop_at": self._stop_at,
            "share": self._share,
            **{verb: partial(self._bring, verb) for verb in PREPARED},
        }

    def _pause(self, _given: Arguments) -> None:
        self.playing = False

    def _resume(self, _given: Arguments) -> None:
        self.playing = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._play())

    def _set_speed(self, given: Arguments) -> None:
        value = number(given, "value")
        if not SPEED_MIN <= value <= SPEED_MAX:
            raise InvalidArgument(f"The speed goes from {SPEED_MIN} to {SPEED_MAX}, not {value}.")
        self.speed = value

    def _choose(self, given: Arguments) -> str:
        place = whole(given, "branch")
        if not 0 <= place < len(self.all):
            raise InvalidArgument(f"There is no branch {place}.")
        self._show(self.all[place])
        return f"This is {self.shown.name}."

    def _leave_out(self, given: Arguments) -> str:
        """The run that is shown once more, from the same seed and with the same script, without a
        rule; with it again if it is left out already.
        """
        rule = text(given, "rule")
        now = self.shown.scenario
        mended = rule in now.off
        off = tuple(name for name in now.off if name != rule) if mended else (*now.off, rule)
        wanted = replace(now, off=off, to_us=now.to_us)
        made = wanted.run()
        self._add(made)
        way = f"with {rule} in its place" if mended else f"without the rule: {rule}"
        found = first_broken(made)
        if found is None:
            more = "" if mended else " The recorded run of this rule shows what it is for."
            return f"The same run {way}. No promise is broken in it.{more}"
        return f"The same run {way}. Broken: {found.property}."

    def _stop_at(self, given: Arguments) -> None:
        """Go to a stop of the scene that is shown, the first being 1; 0 is its beginning."""
        self.playing = False
        stops = stops_of(self.shown)
        place = whole(given, "stop")
        if not 0 <= place <= len(stops):
            raise InvalidArgument(f"This scene has {len(stops)} stops: there is no stop {place}.")
        self.shown.goto(stops[place - 1] if place else 1)

    def _share(self, _given: Arguments) -> str:
        return str(self.shown.scenario)

    def _bring(self, verb: str, given: Arguments) -> str:
        made = prepared(verb, given)
        # Scenes that nobody has changed do not pile up: they can be opened again.
        self.all[1:] = [each for each in self.all[1:] if not is_scene(each)]
        self._add(made.simulation)
        self.speed = made.speed or self.speed
        return made.words

    def _add(self, made: Simulation) -> None:
        """Show a run beside those that there are; the oldest ones but the first may have to go."""
        if len(self.all) >= BRANCHES_MAX:
            del self.all[1:2]
        self._take(made)
        self._show(made)

    def _start_over(self, _given: Arguments) -> str:
        self.playing = False
        del self.all[1:]
        first = self.all[0]
        self._show(first)
        first.start_over()
        if restart(first):
            return "Started over: the scene stands at its beginning."
        return "Started over: the same seed, nothing done yet."

    def _take(self, simulation: Simulation) -> None:
        """All branches are under one lock: cells move them, and so does this."""
        simulation.guard = self._lock
        self.all.append(simulation)

    def _show(self, simulation: Simulation) -> None:
        self.shown = self.all[0].shown = simulation
        self.playing = False
        self._stuck = ""

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        before = loop.time()
        while self.playing:
            await asyncio.sleep(TURN_SECONDS)
            now = loop.time()
            passed, before = min(now - before, TURN_SECONDS_MAX), now
            with self.still() as still:
                if still and self._is_played():
                    self._move(passed * self.speed)

    def _is_played(self) -> bool:
        """Whether time goes by the clock on the wall; not while it is hurried to something."""
        return self.playing and not self.hurrying

    def _move(self, seconds: float) -> None:
        try:
            if self.shown.pass_time(seconds):
                self.playing = False  # a note: there is something to say
        except (RaftLockError, AssertionError) as error:
            # A rule that is left out can end in the program's own assertion.
            self.playing = False
            self._stuck = f"The program itself gives up here: {str(error) or type(error).__name__}."
            logger.warning("the simulation cannot go on: %s", error)


def _when(simulation: Simulation, seq: int) -> int:
    """When event `seq` was; 0 if it is no longer kept."""
    recorder = simulation.recorder
    place = seq - recorder.dropped - 1
    return recorder.events[place].t if 0 <= place < len(recorder.events) else 0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run to be shown, what to say of it, and how fast to play it (0: as before)."""

    simulation: Simulation
    words: str
    speed: float = 0.0


def prepared(verb: str, given: Arguments) -> Prepared:
    """The run that a page asks for by one of the verbs `PREPARED`."""
    return PREPARED[verb](given)


def _break(given: Arguments) -> Prepared:
    """The run in which leaving out a rule breaks a promise, or the same with the rule."""
    made = broken(text(given, "rule"), mended=given.get("mended") is True)
    return Prepared(made, f"This is a recorded run {made.name}: go through it with the timeline.")


def _scene(given: Arguments) -> Prepared:
    """A scene at its beginning, with its rule or without."""
    found = scene_named(text(given, "scene"))
    without = given.get("without") is True
    way = f", without the rule: {found.rule}" if without else ""
    words = f"{found.title}{way}. It stands at its beginning."
    return Prepared(scene(found.name, without_rule=without), words, found.speed)


def _open(given: Arguments) -> Prepared:
    """The run that a text means, at its beginning; at its end, if it is very long."""
    wanted = Scenario.parse(text(given, "text"))
    made = opened(wanted)
    words = f"This is {made.name}: play it, or move in it with the timeline."
    return Prepared(made, words, _speed_of(made))


PREPARED: Mapping[str, Callable[[Arguments], Prepared]] = {
    "break": _break,
    "scene": _scene,
    "open": _open,
}
"""What a page may open; of a live cluster such a run is shown in its place, apart from it."""


def _speed_of(simulation: Simulation) -> float:
    """How fast to play it at first: each scene says it for itself."""
    origin = simulation.origin
    return scene_named(origin.scene).speed if origin is not None and origin.scene else 1.0


def _scene_of(simulation: Simulation) -> Json:
    """Which scene a run is, whether without its rule, and whether something else was done in it."""
    found = came_from(simulation)
    if found is None:
        return None
    return {"name": found[0], "without": found[1], "left": not is_scene(simulation)}


playbacks: WeakKeyDictionary[Simulation, Playback] = WeakKeyDictionary()


def playback_of(simulation: Simulation) -> Playback:
    """What plays the simulation, begun when first asked for. Running its cell again ends it."""
    known = playbacks.get(simulation)
    if known is None or not known.runner.alive:
        known = playbacks[simulation] = Playback(simulation)
        simulation.let_go = known.stop
        seed = simulation.recorder.header.get("seed")
        place = registry.current_cell() or id(simulation)
        registry.replace(f"{place} {simulation.name} {seed}", known)
    return known
