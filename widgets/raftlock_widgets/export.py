"""A run as one HTML file that needs nothing else: no kernel, no server, no network.

The file holds the panels' own modules and the frames that a page would have been sent, moment by
moment; static/offline.js takes the kernel's place. Whatever people or nodes said is in it as data
only, packed, so that no text of theirs can be taken for markup.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from raftlock.sim.simulation import Simulation
from raftlock.trace.export import Trace
from raftlock.trace.fields import text
from raftlock.trace.frame import FrameSource
from raftlock.trace.parts import Maker
from raftlock.trace.recorder import Recorder
from raftlock.trace.story import Story
from raftlock.types import Json, TraceEvent
from raftlock_widgets.chart import make_chart
from raftlock_widgets.cluster import Showable
from raftlock_widgets.figures import make_figures
from raftlock_widgets.frontend import LOADER, STATIC, modules, style
from raftlock_widgets.marks import KINDS, marks_in
from raftlock_widgets.parts import PARTS
from raftlock_widgets.picture import picture_of
from raftlock_widgets.why import why

__all__ = ["export", "frames_of", "page_of"]

WHOLE_EVERY = 400
"""After how many events a frame is whole again: what has to be read to get anywhere."""

LOOK_SECONDS = 60.0


def export(cluster: Showable | Simulation | Trace, path: Path, *, charts: bool = True) -> None:
    """Write all that is kept of the run to `path`, or as SVG how it is now. Raises `OSError`.

    Without `charts` the file is some hundred kilobytes smaller, since it holds no library for them.
    """
    if path.suffix.lower() == ".svg" and not isinstance(cluster, Trace):
        path.write_text(_picture(cluster), encoding="utf-8")
        return
    header, events = _told(cluster)
    path.write_text(page_of(header, events, charts=charts), encoding="utf-8")


def _told(
    cluster: Showable | Simulation | Trace,
) -> tuple[Mapping[str, Json], Sequence[TraceEvent]]:
    if isinstance(cluster, Trace):
        return cluster.header, cluster.events
    if isinstance(cluster, Simulation):
        shown = cluster.shown
        with shown.guard:
            return shown.recorder.header, list(shown.recorder.events)
    looked: tuple[Mapping[str, Json], list[TraceEvent]]
    looked = cluster.runner.submit(_look(cluster)).result(LOOK_SECONDS)
    return looked


def _picture(cluster: Showable | Simulation) -> str:
    if isinstance(cluster, Simulation):
        with cluster.shown.guard:
            return picture_of(FrameSource(cluster.shown.recorder).full())

    async def look() -> str:
        return picture_of(FrameSource(cluster.recorder).full())

    return str(cluster.runner.submit(look()).result(LOOK_SECONDS))


async def _look(cluster: Showable) -> tuple[Mapping[str, Json], list[TraceEvent]]:
    recorder: Recorder = cluster.recorder
    return recorder.header, list(recorder.events)


class _Retold:
    """A trace that is told again, as far as it has been."""

    def __init__(self, header: Mapping[str, Json]) -> None:
        self.story = Story(header, PARTS)

    def show(self, makers: Sequence[Maker]) -> None:
        """It has all parts."""

    def now(self) -> int:
        """When the last event told was."""
        return self.story.view.now

    def wall_ms(self) -> int:
        """Of no use here."""
        return 0


def frames_of(
    header: Mapping[str, Json], events: Sequence[TraceEvent]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """A frame for each moment, with the number of its last event; some are whole."""
    told = _Retold(header)
    source = FrameSource(told)
    yield 0, dict(source.full())
    whole_at = 0
    for place, event in enumerate(events):
        told.story.apply(event)
        following = events[place + 1] if place + 1 < len(events) else None
        if following is not None and (following.t, following.node) == (event.t, event.node):
            continue
        if event.seq >= whole_at + WHOLE_EVERY:
            whole_at, frame = event.seq, source.full()
        else:
            frame = source.delta(source.cursor) or {}
        yield event.seq, {**_slim(dict(frame)), "t": event.t}


def _slim(frame: dict[str, Any]) -> dict[str, Any]:
    """Without what every frame of the file would say alike."""
    for name in ("type", "seq", "speed", "paused", "wall_ms", "track"):
        frame.pop(name, None)
    return {name: value for name, value in frame.items() if value not in ([], {})}


def page_of(
    header: Mapping[str, Json], events: Sequence[TraceEvent], *, charts: bool = False
) -> str:
    """The file's text."""
    frames = list(frames_of(header, events))
    told = Story(header, PARTS)
    for event in events:
        told.apply(event)
    track = sorted(mark for kind in KINDS for mark in marks_in(told, kind))
    reasons = {f"{rule}/{kind}": why(rule, kind) for rule, kind in _told_of(frames)}
    run = {"frames": frames, "track": track, "why": reasons, "title": _title(header)}
    if charts:
        run["charts"] = _charts()
    shown = {"modules": modules(), "run": run}
    packed = gzip.compress(json.dumps(shown, separators=(",", ":")).encode(), mtime=0)
    return Template((STATIC / "page.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(_title(header)),
        style=style().replace("</", "<\\/"),
        loader=LOADER.read_text(encoding="utf-8").replace("export default", "const widget ="),
        data=base64.b64encode(packed).decode(),
    )


def _charts() -> dict[str, Any] | None:
    """The figures and the library that draws them; nothing where bokeh is not installed."""
    try:
        terms, metrics = make_chart(), make_figures()
    except ImportError:
        return None
    library = terms.library().decode("utf-8")
    return {
        "version": terms.version,
        "library": library,
        "terms": terms.item,
        "metrics": metrics.item,
    }


def _told_of(frames: Iterable[tuple[int, Mapping[str, Any]]]) -> set[tuple[str, str]]:
    """The sorts of event that there are sentences of."""
    return {(line["rule"], line["kind"]) for _, frame in frames for line in frame.get("events", ())}


def _title(header: Mapping[str, Json]) -> str:
    modified = text(header, "modified")
    name = text(header, "name") or "a run"
    return f"{name} without {modified}" if modified else name
