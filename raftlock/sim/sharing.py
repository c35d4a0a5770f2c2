"""A run as a short text that can be read, sent and run again.

::

    s=figure-8&off=CommitOldTerms
    nodes=3&seed=5&timing=lan&a=0.3:kill:n1&a=0.9:ask:alice,acquire,printer,ttl_ms=10000&to=2

``s`` is a scene, ``w`` the recorded run of a broken rule; without either a run begins with `nodes`,
`seed` and `timing`. ``off`` names what is left out (several with commas). Each ``a`` is something
that is done: the second of run time, the verb, and what it is done to. ``keep`` says how many lines
of a scene's own script come before. ``to`` is the second at which the run ends.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlsplit

from raftlock.check.checker import check_history, check_trace
from raftlock.check.violation import Violation
from raftlock.errors import InvalidArgument
from raftlock.node.timing import TIMINGS, timing_named
from raftlock.sim.acts import act_of, read_act, read_seconds, seconds_of
from raftlock.sim.settings import NODES_MAX, WorldSettings
from raftlock.sim.switches import settings_among, without
from raftlock.types.events import Json
from raftlock.types.ids import NodeID

if TYPE_CHECKING:
    from raftlock.sim.actions import Action
    from raftlock.sim.simulation import Simulation
    from raftlock.sim.timeline import Timeline

__all__ = ["ADDRESS_KEY", "Scenario", "first_broken", "opened", "scenario_of"]

ADDRESS_KEY = "raftlock"
"""The parameter of a page's address that holds one."""

FORMAT = "raftlock scenario"
VERSION = 1
LENGTH_MAX = 200_000
ACTS_MAX = 5_000
SEED_MAX = 2**63 - 1

_SETTINGS: Mapping[str, tuple[str, int, int]] = {
    "snapshots": ("snapshot_entries", 1, 1_000_000),
    "tail": ("snapshot_tail", 0, 1_000_000),
    "batch": ("batch", 1, 10_000),
    "lease": ("lease_reads", 0, 1),
    "session_ms": ("session_ttl_ms", 100, 86_400_000),
    "loss_ppm": ("loss_ppm", 0, 1_000_000),
    "duplicate_ppm": ("duplicate_ppm", 0, 1_000_000),
    "delay_us": ("delay_us", 0, 60_000_000),
    "stale_ppm": ("stale_ppm", 0, 1_000_000),
    "stale_us": ("stale_us", 0, 600_000_000),
}
"""Further settings: their field in `WorldSettings`, or in its weather, and their bounds."""

_WEATHER = ("loss_ppm", "duplicate_ppm", "delay_us", "stale_ppm", "stale_us")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A run: what it begins with, what is left out, and what is done to it.

    `scene` or `witness` names what it is taken from; what is ``None`` is as there, or as usual.
    `acts` are texts like ``12.1:kill:n1``, in the order in which they are done. `to_us` is the run
    time at which it ends (microseconds). Raises `InvalidArgument` if it makes no sense.
    """

    scene: str = ""
    witness: str = ""
    nodes: int | None = None
    seed: int | None = None
    timing: str | None = None
    off: tuple[str, ...] = ()
    settings: tuple[tuple[str, int], ...] = ()
    keep: int | None = None
    acts: tuple[str, ...] = ()
    to_us: int | None = None

    def __post_init__(self) -> None:
        if self.scene and self.witness:
            raise InvalidArgument("A run is taken from a scene or from a recorded run, not both.")
        if self.keep is not None and not (self.scene or self.witness):
            raise InvalidArgument("keep= goes with a scene (s=) or a recorded run (w=).")
        if self.witness and (self.settings or self.nodes is not None or self.timing is not None):
            raise InvalidArgument("A recorded run (w=) has its own nodes, timing and settings.")
        if self.witness and self.seed is not None:
            raise InvalidArgument("A recorded run (w=) has its own seed.")
        if len(self.acts) > ACTS_MAX:
            raise InvalidArgument(f"A scenario holds at most {ACTS_MAX} acts.")
        if len(dict(self.settings)) < len(self.settings):
            raise InvalidArgument("A setting stands twice in it.")
        object.__setattr__(self, "acts", tuple(map(_plain_act, self.acts)))
        object.__setattr__(self, "settings", tuple(sorted(self.settings)))

    # ---- texts ----

    def __str__(self) -> str:
        parts: list[tuple[str, object]] = [("s", self.scene), ("w", self.witness)]
        parts = [(key, value) for key, value in parts if value]
        wanted = (("nodes", self.nodes), ("seed", self.seed), ("timing", self.timing))
        parts += [(key, value) for key, value in wanted if value is not None]
        parts += [("off", ",".join(self.off))] if self.off else []
        parts += self.settings
        parts += [("keep", self.keep)] if self.keep is not None else []
        parts += [("a", act) for act in self.acts]
        parts += [("to", seconds_of(self.to_us))] if self.to_us is not None else []
        return "&".join(f"{key}={value}" for key, value in parts)

    @classmethod
    def parse(cls, text: str) -> Scenario:
        """What a text means. Raises `InvalidArgument`, with the piece that is wrong."""
        text = text.strip()
        if not text:
            raise InvalidArgument("A scenario is a text like s=figure-8&off=CommitOldTerms.")
        if len(text) > LENGTH_MAX:
            raise InvalidArgument(f"A scenario's text has at most {LENGTH_MAX} letters.")
        given: dict[str, Json] = {}
        acts: list[Json] = []
        for piece in text.split("&"):
            key, equals, value = piece.partition("=")
            if not equals:
                raise InvalidArgument(f"{_short(piece)} is no piece of a scenario: key=value is.")
            if key == "a":
                acts.append(value)
                continue
            if key in given:
                raise InvalidArgument(f"{key[:20]}= stands twice in this scenario.")
            given[key] = value
        return cls._of(given | ({"a": acts} if acts else {}))

    def to_json(self) -> dict[str, Json]:
        """What a file of it holds."""
        told: dict[str, Json] = {"format": FORMAT, "version": VERSION}
        acts: list[Json] = list(self.acts)
        for piece in str(replace(self, acts=())).split("&"):
            key, equals, value = piece.partition("=")
            if equals:
                told[key] = int(value) if value.isdecimal() and key != "to" else value
        return told | ({"a": acts} if acts else {})

    @classmethod
    def from_json(cls, data: Json) -> Scenario:
        """The scenario that a file's value means. Raises `InvalidArgument`."""
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise InvalidArgument(f"This is no scenario: its format is not {FORMAT!r}.")
        if data.get("version") != VERSION:
            raise InvalidArgument(f"This scenario is of another version than {VERSION}.")
        rest = {key: value for key, value in data.items() if key not in ("format", "version")}
        return cls._of(rest)

    def write(self, path: Path | str) -> None:
        """Write it to a file. Raises `OSError`."""
        Path(path).write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path | str) -> Scenario:
        """Read a file that `write` wrote. Raises `InvalidArgument`, and `OSError`."""
        try:
            data: Json = json.loads(Path(path).read_text(encoding="utf-8"))
        except ValueError as error:
            raise InvalidArgument(f"{Path(path).name} is not JSON: {error}.") from None
        return cls.from_json(data)

    @property
    def parameter(self) -> str:
        """It as a parameter of a page's address: ``.../lab?`` and this."""
        return f"{ADDRESS_KEY}={quote(str(self), safe='=:,/~')}"

    @classmethod
    def from_address(cls, address: str) -> Scenario | None:
        """The scenario in a page's address, behind ``?`` or ``#``; ``None`` if there is none."""
        parts = urlsplit(address)
        for part in (parts.query, parts.fragment):
            found = parse_qs(part.rpartition("?")[2]).get(ADDRESS_KEY)
            if found:
                return cls.parse(found[0])
        return None

    @classmethod
    def _of(cls, given: Mapping[str, Json]) -> Scenario:
        settings: list[tuple[str, int]] = []
        taken: dict[str, Json] = {}
        for key, value in given.items():
            if key in _SETTINGS:
                settings.append((key, _whole(key, value, *_SETTINGS[key][1:])))
            elif key in _KEYS:
                taken[key] = value
            else:
                known = ", ".join((*_KEYS, *_SETTINGS))
                raise InvalidArgument(f"A scenario has no {_short(key)}: it may have {known}.")
        acts = taken.get("a", [])
        if not isinstance(acts, list):
            raise InvalidArgument("a must be a list of acts.")
        off = _text("off", taken.get("off", ""))
        made = cls(
            scene=_text("s", taken.get("s", "")),
            witness=_text("w", taken.get("w", "")),
            nodes=_maybe(taken, "nodes", 1, NODES_MAX),
            seed=_maybe(taken, "seed", 0, SEED_MAX),
            timing=_text("timing", taken["timing"]) if "timing" in taken else None,
            off=tuple(off.split(",")) if off else (),
            settings=tuple(settings),
            keep=_maybe(taken, "keep", 0, ACTS_MAX),
            acts=tuple(_text("a", act) for act in acts),
            to_us=read_seconds("to", _text("to", taken["to"])) if "to" in taken else None,
        )
        made.check()
        return made

    # ---- running ----

    def check(self) -> None:
        """Raise `InvalidArgument` if it names something that is not there."""
        self._world()
        for act in self.acts:
            read_act(act)

    def run(self) -> Simulation:
        """The run, at its end. Raises `InvalidArgument` if it cannot be made here."""
        from raftlock.sim.simulation import Simulation

        lines, end = self.base()
        if self.keep is not None:
            lines, end = lines[: self.keep], 0
        lines = [*lines, *(read_act(act) for act in self.acts)]
        made = Simulation.begun(self._world(), self.name, settings_among(self.off))
        made.origin = self
        made.play_script(lines, self.to_us if self.to_us is not None else end)
        return made

    def base(self) -> tuple[Sequence[Action], int]:
        """The script of what it is taken from, and the run time at which that ends."""
        from raftlock.sim.gallery import scene_named
        from raftlock.sim.stories import witness_script

        if self.scene:
            found = scene_named(self.scene)
            # What is left out beside its own rule changes nothing of what is done.
            recorded = found.recorded(tuple({found.rule}.intersection(self.off)))
            return recorded.lines, recorded.end
        return witness_script(self.witness) if self.witness else ((), 0)

    @property
    def name(self) -> str:
        """What a run of it is called."""
        name = self.scene or (f"recorded run {self.witness}" if self.witness else "shared run")
        return f"{name} without {', '.join(self.off)}" if self.off else name

    def _world(self) -> WorldSettings:
        from raftlock.sim.gallery import scene_named
        from raftlock.sim.stories import witness_settings

        if self.witness:
            return without(witness_settings(self.witness), self.off)
        begun = scene_named(self.scene).world if self.scene else _plain()
        begun = replace(
            begun,
            nodes=_names(self.nodes) if self.nodes is not None else begun.nodes,
            seed=self.seed if self.seed is not None else begun.seed,
            timing=timing_named(self.timing) if self.timing is not None else begun.timing,
        )
        return without(_set(begun, dict(self.settings)), self.off)


_KEYS = ("s", "w", "nodes", "seed", "timing", "off", "keep", "a", "to")


def opened(scenario: Scenario) -> Simulation:
    """The run of a scenario at its beginning, to be played; a very long one stays at its end."""
    made = scenario.run()
    with suppress(InvalidArgument):
        made.goto(1)
    return made


def first_broken(simulation: Simulation) -> Violation | None:
    """The first promise that a run has broken up to now, if it is kept whole."""
    recorder = simulation.recorder
    if recorder.dropped:
        return None
    found = check_trace(recorder.header, recorder.events)
    found = found or check_history(recorder.header, recorder.events)
    return found[0] if found else None


def scenario_of(origin: Scenario | None, timeline: Timeline) -> Scenario:
    """The scenario of a run, which was opened as `origin` or made from its settings."""
    script = timeline.script
    if origin is None or not (origin.scene or origin.witness):
        told = _told(timeline.settings)
        return replace(told, acts=tuple(map(act_of, script)), to_us=timeline.furthest)
    plain = replace(origin, keep=None, acts=(), to_us=None)
    base = plain.base()[0]
    same = 0
    while same < min(len(base), len(script)) and _same(base[same], script[same]):
        same += 1
    if same == len(base) == len(script):
        return plain
    acts = tuple(act_of(line) for line in script[same:])
    keep = same if same < len(base) else None
    return replace(plain, keep=keep, acts=acts, to_us=timeline.furthest)


def _same(one: Action, other: Action) -> bool:
    """Whether two lines are one; a recorded run's own do not say after how many happenings."""
    return {**one, "after": 0, "early": 0} == {**other, "after": 0, "early": 0}


def _told(settings: WorldSettings) -> Scenario:
    """A scenario that begins with these settings, or `InvalidArgument`."""
    usual = _plain()
    off = _off(settings)
    weather = settings.weather
    made = []
    for key, (field, low, high) in _SETTINGS.items():
        value = getattr(weather if key in _WEATHER else settings, field)
        before = getattr(usual.weather if key in _WEATHER else usual, field)
        if value != before and low <= value <= high:
            made.append((key, int(value)))
    scenario = Scenario(
        nodes=len(settings.nodes),
        seed=settings.seed,
        timing=settings.timing.name,
        off=off,
        settings=tuple(made),
    )
    known = _set(replace(usual, nodes=_names(len(settings.nodes))), dict(made))
    same = replace(
        known, seed=settings.seed, timing=TIMINGS.get(settings.timing.name, usual.timing)
    )
    ruled = replace(settings, rules=same.rules, pre_vote=True, check_quorum=True)
    if ruled != same:
        raise InvalidArgument("This run has settings that a scenario cannot tell: share its file.")
    return scenario


def _off(settings: WorldSettings) -> tuple[str, ...]:
    names = [name for name in settings.rules.modified.split(", ") if name]
    names += [] if settings.pre_vote else ["pre-vote"]
    return tuple(names + ([] if settings.check_quorum else ["check-quorum"]))


def _plain() -> WorldSettings:
    """What `Simulation()` begins with."""
    return WorldSettings(_names(5), timing_named("lesson"), 7)


def _names(count: int) -> tuple[NodeID, ...]:
    return tuple(NodeID(f"n{number}") for number in range(1, count + 1))


def _set(settings: WorldSettings, given: Mapping[str, int]) -> WorldSettings:
    weather = {name: value for name, value in given.items() if name in _WEATHER}
    others: dict[str, object] = {
        _SETTINGS[name][0]: value for name, value in given.items() if name not in _WEATHER
    }
    if "lease_reads" in others:
        others["lease_reads"] = bool(others["lease_reads"])
    if weather:
        others["weather"] = replace(settings.weather, **weather)
    return replace(settings, **others)  # type: ignore[arg-type]


def _plain_act(act: str) -> str:
    """As it is always written."""
    return act_of(read_act(act))


def _maybe(given: Mapping[str, Json], key: str, low: int, high: int) -> int | None:
    return _whole(key, given[key], low, high) if key in given else None


def _whole(key: str, value: Json, low: int, high: int) -> int:
    if isinstance(value, str) and value.isdecimal() and value.isascii() and len(value) < 20:
        value = int(value)
    if type(value) is not int or not low <= value <= high:
        raise InvalidArgument(
            f"{key}={_short(value)}: a whole number from {low} to {high}, please."
        )
    return value


def _text(key: str, value: Json) -> str:
    if not isinstance(value, str):
        raise InvalidArgument(f"{key} must be a text, not {_short(value)}.")
    return value


def _short(value: object) -> str:
    return repr(str(value)[:40])
