"""What is sent to the browsers, and when. No asyncio and no widgets: the time is passed in.

Frames go out only while somebody looks, at most twenty a second, and at least one a second so that
a page can tell a quiet cluster from a dead kernel. Pages say once a second how far they are; a slow
one slows the stream down. Where nobody touched anything for ten minutes the stream stops, so that a
forgotten notebook does not keep its server busy for ever.

Times are seconds of the machine's monotonic clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from raftlock.trace.frame import FrameSource, Recording
from raftlock.trace.recorder import Recorder
from raftlock_widgets.marks import track_of
from raftlock_widgets.parts import PARTS
from raftlock_widgets.travel import Travel

__all__ = ["Frame", "Pace", "Stream", "Viewers", "snapshot_of"]

Frame = dict[str, Any]

Pace = tuple[float, bool]
"""How fast time goes, 1.0 as that of the clock, and whether it stands still."""

INTERVAL = 1 / 20
INTERVAL_SILENT = 1 / 5
"""Between two frames; the second where no page has been heard of for `SILENCE`."""

INTERVAL_MAX = 1.0
PULSE = 1.0
"""A frame goes out at least this often, also if nothing changed."""

SILENCE = 10.0
"""A page may be silent because a cell blocks the kernel: its messages wait, ours do not."""

LAG_MAX = 2.5
LAG_GOOD = 1.0
IDLE_MAX = 600.0
"""Without a hand on it the stream stops after this time."""

WHOLE = 10.0
"""A full frame goes out this often, should a page have missed one and be unable to say so."""

ASIDE = 0.25
"""While the past is looked at, the track still grows, but no faster than this."""

SNAPSHOT = 2.0
ASLEEP = "This view stopped after 10 minutes without a hand on it."


@dataclass(slots=True)
class Page:
    """One browser page: when it was heard of, and whether somebody looks at it."""

    heard: float
    looking: bool = True


class Viewers:
    """Who looks, and how fast they can be served."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.interval = INTERVAL
        self.asleep = False
        self._hand = 0.0
        self._sent: deque[tuple[int, float]] = deque(maxlen=400)

    @property
    def streaming(self) -> bool:
        """Whether frames are wanted."""
        return not self.asleep and any(page.looking for page in self.pages.values())

    def hello(self, page: str, now: float) -> None:
        """A page begins to look, or asks for everything again."""
        self.pages[page] = Page(now)
        self._hand = now
        self.asleep = False
        self.interval = INTERVAL

    def away(self, page: str, now: float) -> None:
        """Nobody looks at a page any more."""
        if page in self.pages:
            self.pages[page] = Page(now, looking=False)

    def ack(self, page: str, seq: int, now: float, *, hand: bool) -> None:
        """A page has drawn frame `seq`; `hand`: somebody moved or pressed something there."""
        self.pages[page] = Page(now)
        if hand:
            self._hand = now
        sent = next((at for number, at in reversed(self._sent) if number == seq), None)
        if sent is None:
            return
        if now - sent > LAG_MAX:
            self.interval = min(INTERVAL_MAX, self.interval * 2)
        elif now - sent < LAG_GOOD:
            self.interval = max(INTERVAL, self.interval / 2)

    def touched(self, now: float) -> None:
        """Somebody used a control."""
        self._hand = now

    def sent(self, seq: int, now: float) -> None:
        """Frame `seq` went out."""
        self._sent.append((seq, now))

    def pause(self, now: float) -> float:
        """How long to wait before the next frame."""
        heard = max((page.heard for page in self.pages.values() if page.looking), default=now)
        return max(self.interval, INTERVAL_SILENT if now - heard > SILENCE else 0.0)

    def falls_asleep(self, now: float) -> bool:
        """Whether the stream stops now; then it says nothing until the next `hello`."""
        if not self.streaming or now - self._hand < IDLE_MAX:
            return False
        self.asleep = True
        return True


class Stream:
    """Turns a cluster's trace into messages. `send` and `keep` are called from `turn` only.

    `recorder` is asked each time, since a cluster that starts over has another trace; `keep` is
    given a small full frame now and then, for a page that opens while no kernel answers. `pace` is
    the speed and whether time stands still, where the trace itself does not say so; `branches` are
    the futures that there are.
    """

    def __init__(
        self,
        recorder: Callable[[], Recorder],
        send: Callable[[Frame], None],
        keep: Callable[[Frame], None],
        pace: Callable[[], Pace | None] = lambda: None,
        branches: Callable[[], Sequence[Mapping[str, Any]]] = tuple,
    ) -> None:
        self.viewers = Viewers()
        self.travel = Travel()
        self._recorder = recorder
        self._send = send
        self._keep = keep
        self._pace = pace
        self._branches = branches
        self._paced: Pace | None = None
        self._live: Recorder | None = None
        self._shown: Recording | None = None
        self._run = -1
        self._source: FrameSource | None = None
        self._whole = True  # whether the next frame must be a full one
        self._news = False  # whether anything was sent after the last full one
        self._last: Frame = {}
        self._told = 0  # the number of the last frame; a pulse repeats it
        self._marked = 0  # up to which event of the present the track was told
        self._last_at = self._whole_at = self._kept_at = float("-inf")

    def hello(self, page: str, now: float) -> None:
        """A page begins to look: it gets a full frame at the next turn."""
        self.viewers.hello(page, now)
        self._whole = True

    def turn(self, now: float) -> None:
        """Send what is due. Called on the cluster's loop."""
        if self.viewers.falls_asleep(now):
            self._send({"type": "asleep", "text": ASLEEP})
        if not self.viewers.streaming:
            return
        frame = self._next(now)
        if frame is None:
            return
        self._last, self._last_at = frame, now
        if frame["seq"] != self._told:
            self._told = frame["seq"]
            self.viewers.sent(frame["seq"], now)
        self._send(frame)
        if self._news and now - self._kept_at >= SNAPSHOT:
            self._kept_at = now
            self._keep(snapshot_of(self._recorder(), self._run))

    def _next(self, now: float) -> Frame | None:
        recorder = self._recorder()
        if recorder is not self._live:
            recorder.show(PARTS)
            self._live, self._run = recorder, self._run + 1
        source = self._look(self.travel.shown(recorder))
        if self._whole or (self._news and now - self._whole_at >= WHOLE):
            return self._dressed(self._full(source, now), recorder)
        frame = source.delta(source.cursor)
        if frame is not None:
            self._news = True
            return self._dressed({**frame, "run": self._run}, recorder)
        pace = self._pace()
        aside = self.travel.past is not None and recorder.last_seq > self._marked
        if pace == self._paced and now - self._last_at < (ASIDE if aside else PULSE):
            return None
        same = ("type", "seq", "speed", "paused", "run")
        again = {key: self._last[key] for key in same} | {
            "full": False,
            "t": self.travel.shown(recorder).now(),
            "wall_ms": recorder.wall_ms(),
        }
        if aside:
            news = track_of(recorder).delta(self._marked)
            again |= {"track": news} if news is not None else {}
        return self._dressed(again, recorder)

    def _look(self, shown: Recording) -> FrameSource:
        """The source of frames of what is looked at. Frames' numbers go on, whatever it is: a late
        ack must not fit a new frame.
        """
        if shown is not self._shown or self._source is None:
            before = self._source
            self._shown, self._source, self._whole = shown, FrameSource(shown), True
            if before is not None:
                number = before.cursor.frame
                self._source.cursor = self._source.cursor._replace(frame=number)
        return self._source

    def _full(self, source: FrameSource, now: float) -> Frame:
        self._whole, self._news, self._whole_at = False, False, now
        return {**source.full(), "run": self._run}

    def _dressed(self, frame: Frame, recorder: Recorder) -> Frame:
        """With the cursor, and the pace of what is looked at."""
        past = self.travel.past
        self._paced = pace = self._pace()
        if past is not None:
            if frame["full"]:
                # The track is the present's; this one ends where one looks.
                frame["track"] = track_of(recorder).full()
            frame["paused"] = True
        elif pace is not None:
            frame["speed"], frame["paused"] = pace
        if "track" in frame or past is None:
            self._marked = recorder.last_seq
        return frame | {"cursor": self.travel.block(recorder) | {"branches": self._branches()}}


def snapshot_of(recording: Recording, run: int = 0) -> Frame:
    """A full frame cut down to a few kilobytes: it is kept with the notebook's widgets."""
    frame: Frame = dict(FrameSource(recording).full())
    frame["run"] = run
    frame["messages"] = []
    for name in (
        "spacetime",
        "origins",
        "metrics",
    ):  # what nobody misses in a picture that stands still
        frame.pop(name, None)
    frame["events"] = frame["events"][-40:]
    frame["terms"] = frame["terms"][-100:]
    frame["clients"] = frame["clients"][:20]
    frame["logs"] = {node: _tail(log) for node, log in frame["logs"].items()}
    frame["locks"] = {
        node: [{**lock, "queue": lock["queue"][:5]} for lock in table[:10]]
        for node, table in frame["locks"].items()
    }
    return frame


def _tail(log: Mapping[str, Any]) -> Frame:
    entries = log["entries"][-20:]
    return {**log, "first": entries[0]["i"] if entries else log["first"], "entries": entries}
