"""Scenes: prepared runs that each show one thing, and stop where there is something to say.

Each is a text in ``scenes/``, written in the language of `scenario`. Before its commands stand::

    title    its name for people
    sentence the one thing that it shows
    watch    where to look (up to three)
    rule     what can be left out of it (see `switches`)
    breaks   the promise that goes then, if a promise goes
    teacher  a line for whoever shows it (three)
    speed    how fast it is to be played, in seconds of the run a second

``> note TEXT`` is a stop: whoever plays the scene stops there, and the text is shown. Behind one
may stand a question: ``? QUESTION``, its answers ``- ANSWER``, the right one with ``+`` (``x`` if
it is another one without the rule), and ``= WHY`` (``=x WHY`` without the rule). What is indented
is for the reader, and is not read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

from raftlock.check.checker import check_history, check_trace
from raftlock.errors import InvalidArgument
from raftlock.sim.actions import Action
from raftlock.sim.settings import WorldSettings
from raftlock.sim.sharing import Scenario
from raftlock.sim.simulation import Simulation
from raftlock.sim.stage import SETTINGS, Stage, world_of
from raftlock.sim.switches import left_out, settings_among
from raftlock.types.events import Json

__all__ = [
    "FOLDER",
    "Question",
    "Recorded",
    "Scene",
    "Stop",
    "add_scene",
    "came_from",
    "is_scene",
    "restart",
    "scene",
    "scene_named",
    "scenes",
    "stops_of",
]

FOLDER = Path(__file__).parent / "scenes"

_ORDER = (
    "clean-election",
    "split-vote",
    "leader-kill",
    "stranded-leader",
    "divergence-repair",
    "crash-mid-replication",
    "stale-candidate",
    "double-vote-restart",
    "figure-8",
    "one-way-link",
    "disruptive-rejoin",
    "snapshot-catch-up",
    "stale-read",
    "lease-read-skew",
    "lost-reply-double-acquire",
    "gc-pause-overwrite",
    "ttl-at-failover",
    "priority-overtakes",
    "starvation-then-ageing",
    "two-lock-deadlock",
)

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")

_added: dict[str, Scene] = {}

_ONCE = ("title", "sentence", "rule", "breaks", "speed")
_OFTEN = ("watch", "teacher")


@dataclass(frozen=True, slots=True)
class Question:
    """What the hall is asked at a stop. `right` is the place of the answer, `why` what to say."""

    text: str
    answers: tuple[str, ...]
    right: int
    why: str

    def to_json(self) -> dict[str, Json]:
        """For the panel."""
        return {
            "text": self.text,
            "answers": list(self.answers),
            "right": self.right,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Stop:
    """A place where a scene stops: what is said there, and what is asked."""

    text: str
    question: Question | None = None

    def to_json(self) -> dict[str, Json]:
        """For the panel."""
        asked = self.question.to_json() if self.question is not None else None
        return {"text": self.text, "question": asked}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A scene that was played to its end: what was done, when it ended, and what it came to.

    `stops` are the numbers of the events at which it stops; `broken` is the first promise that was
    broken, with the event and a sentence, or nothing.
    """

    world: WorldSettings
    lines: tuple[Action, ...]
    end: int
    stops: tuple[int, ...]
    broken: tuple[str, int, str] | None


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene as it is written; `recorded` plays it."""

    name: str
    title: str
    sentence: str
    watch: tuple[str, ...]
    rule: str
    breaks: str
    teacher: tuple[str, ...]
    speed: float
    given: tuple[tuple[str, str], ...]
    commands: tuple[tuple[int, str], ...]
    stops: tuple[Stop, ...]
    stops_without: tuple[Stop, ...]

    @property
    def world(self) -> WorldSettings:
        """What it begins with, all rules in place."""
        return world_of(dict(self.given))

    def recorded(self, off: Sequence[str] = ()) -> Recorded:
        """It played to its end, without the rules of these names."""
        return _recorded(self, tuple(off))

    def told(self, *, without: bool = False) -> tuple[Stop, ...]:
        """Its stops, with its rule or without."""
        return self.stops_without if without else self.stops

    def to_json(self) -> dict[str, Json]:
        """For the panel; also what it comes to either way, so it is played if it never was."""
        ways: dict[str, Json] = {}
        for way, off in (("with", ()), ("without", (self.rule,))):
            recorded = self.recorded(off)
            stops = self.told(without=bool(off))
            ways[way] = {
                "stops": [stop.to_json() for stop in stops],
                "events": list(recorded.stops),
                "broken": list(recorded.broken) if recorded.broken is not None else None,
            }
        return self.summary() | {"watch": list(self.watch), "teacher": list(self.teacher), **ways}

    def summary(self) -> dict[str, Json]:
        """For a list of all."""
        return {
            "name": self.name,
            "title": self.title,
            "sentence": self.sentence,
            "rule": self.rule,
            "left_out": left_out(self.rule),
            "breaks": self.breaks,
            "speed": self.speed,
        }


def scenes() -> list[Scene]:
    """All scenes, in the order in which one may show them; your own come last."""
    return [scene_named(name) for name in (*_ORDER, *_added)]


def scene(name: str, *, without_rule: bool = False) -> Simulation:
    """A scene at its beginning, to be played; also without the rule that it is about.

    `Simulation.run` plays it as panels do, and whoever does something else in it leaves it. Raises
    `InvalidArgument` if there is no such scene.
    """
    found = scene_named(name)
    off = (found.rule,) if without_rule else ()
    recorded = found.recorded(off)
    made = Simulation.begun(recorded.world, Scenario(scene=name, off=off).name, settings_among(off))
    made.origin = Scenario(scene=name, off=off)
    restart(made)
    return made


def is_scene(simulation: Simulation) -> bool:
    """Whether a run was opened as a scene, and nothing else was done in it."""
    recorded = _opened_as(simulation)
    if recorded is None:
        return False
    script = [*simulation.script, *simulation.to_come]
    # Whoever does something is the script's last line from then on.
    return len(script) == len(recorded.lines) and script[-1:] == [*recorded.lines[-1:]]


def came_from(simulation: Simulation) -> tuple[str, bool] | None:
    """The scene that a run was opened as, and whether without its rule, whatever was done since."""
    origin = simulation.origin
    return (origin.scene, bool(origin.off)) if origin and _opened_as(simulation) else None


def stops_of(simulation: Simulation) -> tuple[int, ...]:
    """The events at which a scene stops. Raises `InvalidArgument` if that run is none."""
    recorded = _opened_as(simulation)
    if recorded is None or not is_scene(simulation):
        raise InvalidArgument("This run is no scene: choose one.")
    return recorded.stops


def restart(simulation: Simulation) -> bool:
    """Let a simulation that started over be the scene it was opened as; whether it was one."""
    recorded = _opened_as(simulation)
    if recorded is not None:
        simulation.expect_script(recorded.lines, recorded.end)
    return recorded is not None


def _opened_as(simulation: Simulation) -> Recorded | None:
    origin = simulation.origin
    if origin is None or not origin.scene:
        return None
    found = scene_named(origin.scene)
    if origin not in (Scenario(found.name), Scenario(found.name, off=(found.rule,))):
        return None
    return found.recorded(origin.off)


def scene_named(name: str) -> Scene:
    """The scene of that name. Raises `InvalidArgument`."""
    if name in _added:
        return _added[name]
    if name not in _ORDER:
        known = ", ".join((*_ORDER, *_added))
        raise InvalidArgument(f"There is no scene {name[:40]!r}; there are {known}.")
    return _ours(name)


def add_scene(path: Path | str) -> Scene:
    """Add a scene of your own, from a file like those in ``scenes/``: from then on it is there like
    all others, under the file's name. To add it again is to change it.

    Raises `InvalidArgument` with what is wrong with it, and `OSError`.
    """
    path = Path(path)
    name = path.stem
    if not _NAME.fullmatch(name) or name in _ORDER:
        wanted = "small letters, digits and -, and none that there is already"
        raise InvalidArgument(f"The name of a scene has {wanted}: not {name[:40]!r}.")
    made = _named(name, path)
    for off in ((), (made.rule,)):
        made.recorded(off)  # so that a mistake shows now, and not in front of a hall
    _added[name] = made
    return made


@cache
def _ours(name: str) -> Scene:
    return _named(name, FOLDER / f"{name}.txt")


def _named(name: str, path: Path) -> Scene:
    try:
        return _read(name, path.read_text(encoding="utf-8"))
    except InvalidArgument as error:
        raise InvalidArgument(f"Scene {name}: {error.message}") from None


@lru_cache(maxsize=64)
def _recorded(found: Scene, off: tuple[str, ...]) -> Recorded:
    name = found.name
    stage = Stage(dict(found.given) | {"name": Scenario(scene=name, off=off).name}, off)
    for number, command in found.commands:
        try:
            stage.do(command)
        except InvalidArgument as error:
            way = f" without {', '.join(off)}" if off else ""
            raise InvalidArgument(f"Scene {name}{way}, line {number}: {error.message}") from None
        except AssertionError:
            break  # a rule that is left out can end in the program's own assertion
    simulation = stage.simulation
    recorder = simulation.recorder
    broken = check_trace(recorder.header, recorder.events)
    broken = broken or check_history(recorder.header, recorder.events)
    return Recorded(
        world=replace(simulation.world.settings),
        lines=tuple(simulation.script),
        end=round(simulation.now * 1_000_000),
        stops=tuple(event.seq for event in recorder.events if event.kind == "note"),
        broken=(broken[0].property, broken[0].seq, broken[0].text) if broken else None,
    )


# ---- reading ----


class _Reading:
    """A scene's text as it is read, line by line."""

    def __init__(self) -> None:
        self.once: dict[str, str] = {}
        self.often: dict[str, list[str]] = {name: [] for name in _OFTEN}
        self.given: dict[str, str] = {}
        self.commands: list[tuple[int, str]] = []
        self.stops: dict[str, list[_Asking]] = {"with": [], "without": []}
        self.last: dict[str, _Asking] = {}  # the last stop of each way

    def line(self, number: int, line: str) -> None:
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        if word == ">":
            self.commands.append((number, rest))
            self._command(rest)
        elif word in ("?", "-", "+", "x", "=", "=x"):
            for asking in self.last.values():
                asking.take(word, rest)
        elif word in _ONCE:
            self.once[word] = rest
        elif word in _OFTEN:
            self.often[word].append(rest)
        elif word in SETTINGS:
            self.given[word] = rest
        else:
            raise InvalidArgument(f"line {number} begins with {word[:24]!r}, which is nothing.")

    def _command(self, command: str) -> None:
        first, _, rest = command.partition(" ")
        ways = (first,) if first in self.stops else ("with", "without")
        rest = rest if first in self.stops else command
        if rest.startswith("note "):
            text = " ".join(rest.removeprefix("note ").split())
            for way in ways:
                self.last[way] = _Asking(text, without=way == "without")
                self.stops[way].append(self.last[way])


class _Asking:
    """One stop as it is read."""

    def __init__(self, text: str, *, without: bool) -> None:
        self.text, self.without = text, without
        self.question = self.why = ""
        self.answers: list[str] = []
        self.right: int | None = None

    def take(self, sign: str, words: str) -> None:
        match sign:
            case "?":
                self.question = words
            case "=":
                self.why = self.why or words
            case "=x":
                self.why = words if self.without else self.why
            case _:
                if (sign == "x" and self.without) or (sign == "+" and self.right is None):
                    self.right = len(self.answers)
                self.answers.append(words)

    def stop(self) -> Stop:
        if not self.question:
            return Stop(self.text)
        if self.right is None or not self.why:
            raise InvalidArgument("a question needs a right answer (+) and a reason (=).")
        asked = Question(self.question, tuple(self.answers), self.right, self.why)
        return Stop(self.text, asked)


def _read(name: str, text: str) -> Scene:
    reading = _Reading()
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith(("#", "  ")):
            reading.line(number, line)
    once: Mapping[str, str] = reading.once
    for needed in ("title", "sentence", "rule"):
        if needed not in once:
            raise InvalidArgument(f"it needs a line with {needed}.")
    return Scene(
        name=name,
        title=once["title"],
        sentence=once["sentence"],
        watch=tuple(reading.often["watch"]),
        rule=once["rule"],
        breaks=once.get("breaks", ""),
        teacher=tuple(reading.often["teacher"]),
        speed=float(once.get("speed", "1")),
        given=tuple(reading.given.items()),
        commands=tuple(reading.commands),
        stops=tuple(each.stop() for each in reading.stops["with"]),
        stops_without=tuple(each.stop() for each in reading.stops["without"]),
    )
