"""The script of a simulation: what was done to it and when, played again, noted on, and shared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING

from raftlock.errors import NotInThisRuntime, RaftLockError
from raftlock.panels import Panels
from raftlock.sim.actions import Action
from raftlock.sim.timeline import Timeline
from raftlock.trace.fields import number
from raftlock.types.ids import Micros

if TYPE_CHECKING:
    from raftlock.sim.sharing import Scenario

__all__ = ["Scripted"]


class Scripted(Panels):
    """What a simulation does with its script. `origin` is what it was opened from, if anything."""

    _timeline: Timeline
    _paused: bool
    guard: AbstractContextManager[object]
    origin: Scenario | None = None

    @property
    def script(self) -> Sequence[Action]:
        """All that was done to this run up to now, with the times at which it was."""
        return self._timeline.script[: self._timeline.cursor]

    @property
    def to_come(self) -> Sequence[Action]:
        """What its script will do yet, if it was played before and stands in its past."""
        return self._timeline.script[self._timeline.cursor :]

    @property
    def scenario(self) -> Scenario:
        """Seed, settings, rules and script as a value; its text is all that is needed to share it.

        A run that stands in its past is shared with what comes after.
        """
        from raftlock.sim.sharing import scenario_of

        if self._timeline.seam:
            raise NotInThisRuntime(
                "This run began as a live one, so no text can hold it: export() makes a file of it."
            )

        return scenario_of(self.origin, self._timeline)

    def note(self, text: str) -> None:
        """Put words for whoever watches into the trace; whoever plays the run stops there."""
        with self.guard:
            self._timeline.do({"do": "note", "text": text})

    def play_script(self, script: Iterable[Action], end: int) -> None:
        """Do what a script says, each at its time, and run to `end` (microseconds).

        A rule that is left out can end in the program's own assertion: then that is the end.
        """
        with self.guard, suppress(AssertionError):
            for line in script:
                self._reach(line)
                # What was refused when it was written is refused again.
                with suppress(RaftLockError):
                    self._timeline.do({key: line[key] for key in line if key not in _PLACE})
            self._timeline.run_to(Micros(end))

    def expect_script(self, lines: Iterable[Action], end: int) -> None:
        """Let a script that was done once, up to `end`, be what is to come here."""
        self._timeline.script[self._timeline.cursor :] = [dict(line) for line in lines]
        self._timeline.furthest = max(self._timeline.furthest, Micros(end))

    def pass_time(self, seconds: float) -> bool:
        """`run`, unless it is paused; not beyond the next note. Whether it came to one."""
        timeline = self._timeline
        with self.guard:
            if self._paused:
                return False
            at = timeline.clock.now + round(seconds * 1_000_000)
            while timeline.next_at is not None and timeline.next_at <= at:
                told = timeline.recorder.last_seq
                timeline.advance()
                if (
                    timeline.recorder.last_seq > told
                    and timeline.recorder.events[-1].kind == "note"
                ):
                    return True
            timeline.run_to(Micros(at))
        return False

    def _reach(self, line: Action) -> None:
        """Let time pass until that line of a script is due."""
        at, timeline = number(line, "t"), self._timeline
        # A line of a recorded run does not say after what: all of one moment is done together.
        if "after" not in line and at <= timeline.clock.now:
            return
        if not line.get("early"):
            timeline.run_to(Micros(at))
            return
        after = number(line, "after")
        while timeline.world.count < after and (timeline.next_at or at + 1) <= at:
            timeline.advance()
        timeline.clock.now = max(timeline.clock.now, Micros(at))


_PLACE = ("t", "after", "early")
"""Where a line of a script stands; the rest is what is done."""
