"""Where the panels of a cluster look: at the present, or at an event that is past.

All panels of a cluster look at the same moment. While they look at the past the present goes on,
and is recorded. No asyncio and no widgets here.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from raftlock.errors import InvalidArgument
from raftlock.trace.parts import Maker
from raftlock.trace.recorder import Recorder
from raftlock.trace.story import Story
from raftlock.types import TraceEvent
from raftlock_widgets.cluster import Showable
from raftlock_widgets.marks import KINDS, marks_of

__all__ = ["ALWAYS", "VERBS", "Past", "Travel", "move"]

VERBS = ("seek", "live", "forward", "back", "jump")
"""What a page may ask of the cursor."""

ALWAYS = (
    *("pause", "resume", "speed", "choose", "start_over", "until"),
    *("break", "leave_out", "scene", "stop_at", "open", "share"),
)
"""What can be asked of a cluster whatever is looked at."""


class Past:
    """A recording that stands still at event number `seq`."""

    def __init__(self, recorder: Recorder, seq: int) -> None:
        self.seq = seq
        self.story: Story = recorder.at(seq)

    def show(self, makers: Sequence[Maker]) -> None:
        """It has the parts that its recorder has."""

    def now(self) -> int:
        """When that event was, in microseconds of run time."""
        return self.story.view.now

    def wall_ms(self) -> int:
        """Of no use in the past."""
        return 0


class Travel:
    """The cursor over one recording at a time. `past` is what is looked at; ``None``: the present.

    A cluster that starts over, or goes on in another branch, has another recording: then the
    cursor is live again.
    """

    def __init__(self) -> None:
        self.past: Past | None = None
        self._recorder: Recorder | None = None

    def shown(self, recorder: Recorder) -> Recorder | Past:
        """What frames are to be made of; `recorder` is the cluster's present one."""
        if recorder is not self._recorder:
            self._recorder, self.past = recorder, None
        past = self.past
        # A simulation went back behind what was looked at, or a long run has dropped it.
        if past is not None and not recorder.first <= past.seq <= recorder.last_seq:
            past = self.past = None
        return past or recorder

    def live(self) -> None:
        """Look at the present again."""
        self.past = None

    def seek(self, recorder: Recorder, seq: int) -> None:
        """Look at the moment just after event number `seq`; the nearest one that is kept."""
        seq = min(max(seq, recorder.first), recorder.last_seq)
        if self.past is None or self.past.seq != seq:
            self.past = Past(recorder, seq)

    def step(self, recorder: Recorder, by: int) -> bool:
        """One moment on (`by` 1) or back (-1); whether there was one.

        A moment is all that happened at one place at one time: a node that handles a message
        changes its term, votes and answers.
        """
        here = self.past.seq if self.past is not None else recorder.last_seq
        events = recorder.events
        offset = recorder.dropped + 1  # the number of events[0]
        if by > 0:
            if here >= recorder.last_seq:
                return False
            place = here + 1 - offset
            while place + 1 < len(events) and _together(events[place], events[place + 1]):
                place += 1
            self.seek(recorder, place + offset)
            return True
        if here <= recorder.first:
            return False
        place = here - offset
        while place > 0 and _together(events[place - 1], events[place]):
            place -= 1
        self.seek(recorder, place + offset - 1)
        return True

    def jump(self, recorder: Recorder, kind: str, by: int) -> str:
        """To the next mark of that kind, or the one before; gives its words."""
        if kind not in KINDS:
            raise InvalidArgument(f"There are no marks of kind {kind[:20]!r}: {', '.join(KINDS)}.")
        marks = marks_of(recorder, kind)
        here = self.past.seq if self.past is not None else recorder.last_seq
        # The marks are in the order of their events.
        place = bisect_right([mark[0] for mark in marks], here)
        if by < 0:
            place = place - 1 if not place or marks[place - 1][0] < here else place - 2
        if not 0 <= place < len(marks) or marks[place][0] < recorder.first:
            raise InvalidArgument(f"There is no {kind} {'after' if by > 0 else 'before'} this.")
        self.seek(recorder, marks[place][0])
        return marks[place][5]

    def block(self, recorder: Recorder) -> dict[str, Any]:
        """What a frame says of the cursor. `last` and `last_t` are the present."""
        past = self.past
        return {
            "live": past is None,
            "seq": past.seq if past is not None else recorder.last_seq,
            "t": past.now() if past is not None else recorder.now(),
            "first": recorder.first,
            "last": recorder.last_seq,
            "last_t": recorder.now(),
        }


def move(travel: Travel, cluster: Showable, verb: str, given: Mapping[str, Any]) -> str | None:
    """Do what a page asks of the cursor; raises `InvalidArgument` with a sentence for people."""
    recorder = cluster.recorder
    travel.shown(recorder)
    match verb:
        case "seek" if "t" in given:
            travel.seek(recorder, _before(recorder, _whole(given, "t")))
        case "seek":
            travel.seek(recorder, _whole(given, "seq"))
        case "live":
            travel.live()
        case "jump":
            return travel.jump(recorder, str(given.get("kind", "")), _whole(given, "by"))
        case "forward" if not travel.step(recorder, 1):
            raise InvalidArgument("This is the present: nothing has happened after it yet.")
        case "back" if not travel.step(recorder, -1):
            raise InvalidArgument("This is as far back as the trace goes.")
    return None


def _whole(given: Mapping[str, Any], name: str) -> int:
    value = given.get(name)
    if type(value) is not int:
        raise InvalidArgument(f"The field {name} must hold a whole number.")
    return value


def _before(recorder: Recorder, t: int) -> int:
    """The number of the last event up to run time `t`."""
    return recorder.dropped + bisect_right(recorder.events, t, key=lambda event: event.t)


def _together(one: TraceEvent, other: TraceEvent) -> bool:
    return (one.t, one.node) == (other.t, other.node)
