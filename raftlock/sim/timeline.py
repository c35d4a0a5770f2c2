"""A run that can be gone back in: its script, and copies of the world now and then.

A run is its settings and its script; the rest follows. Going back means taking the last copy from
before, and doing again what came between, which leads to the same world and the same trace, byte
for byte. Going forward over what has been done before does the script's actions again at their
places. Whoever does something new in the past makes a new future: the old one is forgotten.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from raftlock.errors import InvalidArgument
from raftlock.sim.actions import Action, perform, try_to
from raftlock.sim.client import Ask
from raftlock.sim.clone import clone
from raftlock.sim.queue import Clock
from raftlock.sim.world import World, WorldSettings
from raftlock.trace.fields import number
from raftlock.trace.recorder import Recorder
from raftlock.types.events import Json
from raftlock.types.ids import Micros

__all__ = ["Past", "Timeline"]

KEYFRAME_EVERY = 400
"""How many moments lie between two copies: what has to be done again to go back by one."""

KEYFRAMES_MAX = 48
"""How many copies are kept; beyond that every second one of the older half is let go."""


class Past(Protocol):
    """A run that was lived elsewhere, and is continued here; see `raftlock.sim.continued`."""

    @property
    def at(self) -> Micros:
        """The run time at which it goes on."""

    def told(self, header: Mapping[str, Json], clock: Callable[[], Micros]) -> Recorder:
        """A recorder that holds the trace up to here."""

    def world(self, settings: WorldSettings, clock: Clock, recorder: Recorder) -> World:
        """The world as it is then; a new one each time, and always the same."""


@dataclass(frozen=True, slots=True)
class _Keyframe:
    moment: int
    cursor: int
    seq: int
    t: Micros
    world: World


@dataclass(frozen=True, slots=True)
class _Told:
    """After that moment the trace had got as far as `seq`."""

    moment: int
    seq: int


class Timeline:
    """A world with its past. A moment is one happening, or one action of the script."""

    def __init__(
        self,
        settings: WorldSettings,
        header: Mapping[str, Json],
        *,
        limit: int = 30_000,
        attach: Callable[[Recorder], None] | None = None,
        past: Past | None = None,
    ) -> None:
        self.settings = settings
        self.clock = Clock()
        self._past = past
        if past is None:
            self.recorder = Recorder(header, self.clock.now_us, limit=limit)
        else:
            self.clock.now = past.at
            self.recorder = past.told(header, self.clock.now_us)
        if attach is not None:
            attach(self.recorder)
        self.script: list[dict[str, Json]] = []
        self.cursor = 0
        self.furthest = self.clock.now  # how far it has ever been, on this way
        if past is None:
            self.world = World(settings, self.clock, self.recorder)
        else:
            self.world = past.world(settings, self.clock, self.recorder)
        # With a past of another kind: the first event that is this run's own.
        self.seam = 0 if past is None else self.recorder.last_seq
        self._told = [_Told(0, self.recorder.last_seq)]
        self._keyframes: list[_Keyframe] = []
        self._keep()

    def afresh(self) -> Timeline:
        """The same beginning, with nothing done yet."""
        return Timeline(self.settings, self.recorder.header, past=self._past)

    @property
    def moment(self) -> int:
        """How many moments have passed."""
        return self.world.count + self.cursor

    @property
    def next_at(self) -> Micros | None:
        """When the next moment is, if there is one."""
        due = self.world.schedule.next_at
        if self.cursor < len(self.script) and self._after(self.cursor) == self.world.count:
            return Micros(number(self.script[self.cursor], "t"))
        return None if due is None else max(due, self.clock.now)

    # ---- forward ----

    def do(self, action: Action) -> Ask | None:
        """Do something new, here and now: what was recorded beyond this point is forgotten."""
        self._forget_future()
        due = self.world.schedule.next_at
        # Else it would be enough to say when: it was done after all that was due by then.
        early: dict[str, Json] = (
            {"early": True} if due is not None and due <= self.clock.now else {}
        )
        line = {"t": self.clock.now, "after": self.world.count, **early, **action}
        self.script.append(line)
        self.cursor += 1
        try:
            return perform(self.world, action)
        finally:
            # What was refused stays in the script: it may have drawn a number before.
            self._passed()

    def advance(self) -> bool:
        """Let one moment pass; whether there was one."""
        if self.cursor < len(self.script) and self._after(self.cursor) == self.world.count:
            action = self.script[self.cursor]
            self.cursor += 1
            self.clock.now = max(self.clock.now, Micros(number(action, "t")))
            try_to(self.world, action)  # what was refused the first time is refused again
        elif not self.world.happen():
            return False
        self._passed()
        return True

    def run_to(self, at: Micros) -> None:
        """Let all moments up to that time pass."""
        while True:
            next_at = self.next_at
            if next_at is None or next_at > at:
                break
            self.advance()
        self.clock.now = max(self.clock.now, at)
        self.furthest = max(self.furthest, self.clock.now)

    # ---- back ----

    def back(self) -> None:
        """Undo the last moment that told something."""
        place = bisect_left(self._told, self.recorder.last_seq, key=_seq_of)
        last = self._told[place]
        if last.moment == 0:
            raise (
                self.not_mine()
                if self.seam
                else InvalidArgument("This is the beginning: there is nothing to go back to.")
            )
        self._go(last.moment - 1)

    def goto(self, seq: int) -> None:
        """Go to the moment that told event number `seq`: just after it."""
        if seq < 1:
            raise InvalidArgument(f"Events are numbered from 1, and {seq} is not among them.")
        if seq < self.seam:
            raise self.not_mine()
        place = bisect_left(self._told, seq, key=_seq_of)
        if place == len(self._told):
            while self.recorder.last_seq < seq:
                if not self.advance():
                    raise InvalidArgument(f"There is no event {seq}: nothing more will happen.")
            return
        self._go(self._told[place].moment)

    def not_mine(self) -> InvalidArgument:
        """What was lived before this run was continued from it can be looked at, not done again."""
        return InvalidArgument(
            f"Up to event {self.seam} this run was live: that part can be looked at, not lived "
            "again."
        )

    def _go(self, moment: int) -> None:
        if moment < self.moment:
            frame = next(each for each in reversed(self._keyframes) if each.moment <= moment)
            if frame.seq < self.recorder.dropped:
                kept = self.recorder.dropped + 1
                raise InvalidArgument(f"The trace is kept from event {kept} on: go there at most.")
            self.clock.now = frame.t
            self.cursor = frame.cursor
            self.world = clone(frame.world, self._same())
            self.recorder.rewind(frame.seq)
        while self.moment < moment:
            self.advance()

    # ---- inside ----

    def _after(self, place: int) -> int:
        return number(self.script[place], "after")

    def _passed(self) -> None:
        """A moment has passed, for the first time or once more."""
        self.furthest = max(self.furthest, self.clock.now)
        if self._told[-1].moment < self.moment and self._told[-1].seq < self.recorder.last_seq:
            self._told.append(_Told(self.moment, self.recorder.last_seq))
        if self.moment >= self._keyframes[-1].moment + KEYFRAME_EVERY:
            self._keep()

    def _keep(self) -> None:
        copy = clone(self.world, self._same())
        self._keyframes.append(
            _Keyframe(self.moment, self.cursor, self.recorder.last_seq, self.clock.now, copy)
        )
        if len(self._keyframes) > KEYFRAMES_MAX:
            half = KEYFRAMES_MAX // 2
            self._keyframes[:half] = self._keyframes[:half:2]

    def _same(self) -> dict[int, object]:
        """What all copies of this world share: the clock and the recorder."""
        return {id(self.clock): self.clock, id(self.recorder): self.recorder}

    def _forget_future(self) -> None:
        del self.script[self.cursor :]
        self.furthest = self.clock.now
        while self._keyframes[-1].moment > self.moment:
            self._keyframes.pop()
        while self._told[-1].moment > self.moment:
            self._told.pop()


def _seq_of(told: _Told) -> int:
    return told.seq
