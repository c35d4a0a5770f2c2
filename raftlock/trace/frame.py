"""Frames: what the browser draws, as JSON, whole or only what changed.

A full frame stands alone. A delta is laid over what the browser has:

- ``nodes``: each object takes the place of the node of that id;
- ``links`` with ``groups``, ``members``, and ``clients``: the whole of it, if anything changed;
- ``messages``: each takes the place of the message of that id, or is new. A message that arrived is
  not told: its slip is over at ``t1``, a lost one's at ``stop``;
- ``logs``: ``{from, entries}`` means drop everything from there on, then append; an object with
  ``first`` is the whole log, as in a full frame. ``cut_at`` is the index from which entries were
  dropped since the last frame, else null; entries up to ``base`` are gone, since a snapshot stands
  for them;
- what `trace/parts` makes: under its own name, if it changed;
- ``locks``: the whole table of a node; ``terms``: a point takes the place of the node's last point
  if both are of one moment; ``events``: new lines.

Times are integer microseconds of run time unless their name ends with ``_ms``. Names from people
pass as they are: whoever draws them draws them as text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from raftlock.trace.clients import ClientView
from raftlock.trace.fields import names, shorten, text
from raftlock.trace.network import MILLION, Flight
from raftlock.trace.nodes import LogView, NodeView, Point
from raftlock.trace.parts import Maker
from raftlock.trace.situation import situation
from raftlock.trace.story import Story
from raftlock.trace.tables import lock_rows
from raftlock.trace.told import Line
from raftlock.trace.view import FULL_SPEED, ClusterView
from raftlock.types import Json

__all__ = ["Cursor", "FrameSource", "Recording"]

SHOWN_ENTRIES = 60
SHOWN_EVENTS = 200
SHOWN_MESSAGES = 250
SHOWN_HOLDS = 20
SHOWN_OP = 40
SHOWN_WHY = 160
"""What a frame holds at most of each: the newest."""

FULL_BYTES = 60_000
"""What a full frame should not exceed as JSON; sentences go first, but for the last few."""

FEWEST_EVENTS = 30


class Recording(Protocol):
    """What frames are made from: a `Recorder`, or a trace being replayed."""

    @property
    def story(self) -> Story:
        """The picture and the sentences."""
        ...

    def show(self, makers: Sequence[Maker]) -> None:
        """Let the story have these parts too; those that it has already change nothing."""
        ...

    def now(self) -> int:
        """Run time, in microseconds."""
        ...

    def wall_ms(self) -> int:
        """Unix milliseconds, 0 if unknown."""
        ...


class Cursor(NamedTuple):
    """How far somebody has seen: the last frame, and the last event that was in it."""

    frame: int
    event: int


class FrameSource:
    """Makes the frames for one viewer. `cursor` is where its last frame ended.

    Send `full()` first, then ``delta(cursor)`` as often as wanted, always with the cursor of the
    last frame that the viewer has: a frame that was lost costs nothing but a larger next one.
    """

    __slots__ = ("_recording", "cursor")

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self.cursor = Cursor(0, 0)

    def full(self) -> dict[str, Json]:
        """Everything shown."""
        story = self._recording.story
        view = story.view
        frame = self._head(view, full=True)
        frame.update(
            cluster=_cluster(view),
            members=_members(view),
            nodes=[_node(node, view) for node in view.nodes.values()],
            links=_links(view),
            groups=_groups(view),
            messages=_messages(view, view.network.in_flight(view.now)),
            logs={node.id: _whole_log(node.log) for node in view.nodes.values()},
            locks={node.id: lock_rows(node.locks) for node in view.nodes.values()},
            terms=_points(view, 0),
            clients=[_client(client) for client in view.clients.values()],
        )
        frame.update({part.name: part.full() for part in story.parts})
        frame["events"] = _last_lines(story, FULL_BYTES - _size(frame))
        return frame

    def delta(self, since: Cursor) -> dict[str, Json] | None:
        """What changed since `since`; ``None`` if nothing did.

        It is a full frame if `since` is so old that what happened after it is no longer remembered.
        """
        story = self._recording.story
        view = story.view
        seen = since.event
        if seen == view.seq:
            return None
        if not _horizon(story) <= seen < view.seq:
            return self.full()
        frame = self._head(view, full=False)
        nodes: list[Json] = []
        logs: dict[str, Json] = {}
        locks: dict[str, Json] = {}
        parts_changed = view.members_version > seen
        if parts_changed:
            frame["members"] = _members(view)
        for node in view.nodes.values():
            if node.version <= seen and not parts_changed:
                continue  # its log and its locks did not change either
            nodes.append(_node(node, view))
            log = _log_since(node.log, seen)
            if log is not None:
                logs[node.id] = log
            if node.locks_version > seen:
                locks[node.id] = lock_rows(node.locks)
        frame.update(
            nodes=nodes,
            messages=_messages(view, view.network.news_since(seen)),
            logs=logs,
            locks=locks,
            terms=_points(view, seen),
            events=[_line(line) for line in _lines_since(story, seen)],
        )
        if view.network.version > seen:
            frame["links"] = _links(view)
            frame["groups"] = _groups(view)
        if view.clients_version > seen:
            frame["clients"] = [_client(client) for client in view.clients.values()]
        for part in story.parts:
            value = part.delta(seen)
            if value is not None:
                frame[part.name] = value
        return frame

    def _head(self, view: ClusterView, *, full: bool) -> dict[str, Json]:
        self.cursor = Cursor(self.cursor.frame + 1, view.seq)
        status = situation(view)
        return {
            "type": "frame",
            "full": full,
            "seq": self.cursor.frame,
            "t": self._recording.now(),
            "speed": view.speed_ppm / FULL_SPEED,
            "paused": view.paused,
            "wall_ms": self._recording.wall_ms(),
            "situation": {"text": status.text, "level": status.level},
        }


def _horizon(story: Story) -> int:
    """The oldest event after which everything is remembered well enough for a delta."""
    view = story.view
    return max(
        story.forgotten,
        view.shape_version,
        view.network.forgotten,
        max((node.log.forgotten for node in view.nodes.values()), default=0),
    )


def _cluster(view: ClusterView) -> dict[str, Json]:
    header = view.header
    timings = header.get("timings")
    left_out = (f"without {name}" for name in names(header, "left_out"))
    cannot: list[Json] = [*names(header, "cannot")]
    told: dict[str, Json] = {"cannot": cannot} if cannot else {}
    return told | {
        "name": text(header, "name"),
        "timing": text(header, "timing"),
        "nodes": list(view.nodes),
        "modified": ", ".join(filter(None, (text(header, "modified"), *left_out))),
        "timings": dict(timings) if isinstance(timings, dict) else {},
    }


def _members(view: ClusterView) -> dict[str, Json]:
    members = view.configuration
    return {
        "voters": list(members.voters),
        "learners": list(members.learners),
        "outgoing": list(members.outgoing),
    }


def _node(node: NodeView, view: ClusterView) -> dict[str, Json]:
    timer, tally = node.timer, node.tally
    askew: dict[str, Json] = {"rate_ppm": node.rate_ppm} if node.rate_ppm else {}
    return askew | {
        "id": node.id,
        "state": node.state,
        "fate": node.fate,
        "why": shorten(node.why, SHOWN_WHY),
        "part": view.part(node.id),
        "handover": node.handover,
        "snapshot": node.snapshot,
        "role": node.role,
        "term": node.term,
        "voted_for": node.voted_for,
        "leader": node.leader,
        "commit": node.commit,
        "applied": node.applied,
        "last": node.log.last,
        "hash": node.hash,
        "timer": timer
        and {"kind": timer.kind, "deadline": timer.deadline, "duration": timer.duration},
        "tally": tally
        and {
            "granted": list(tally.granted),
            "refused": list(tally.refused),
            "needed": tally.needed,
        },
        "progress": {
            peer: {"next": following, "match": match}
            for peer, (following, match) in node.progress.items()
        },
        "disk_busy": bool(node.writes),
        "cluster_time": {
            "ms": node.clock_ms,
            "at": node.clock_at,
            "running": node.clock_running,
        },
    }


def _links(view: ClusterView) -> list[Json]:
    """The directions of links that are not plain, partition walls included."""
    network = view.network
    links: list[Json] = []
    for src in view.nodes:
        for dst in view.nodes:
            shape = network.shape(src, dst)
            is_open = network.is_open(src, dst)
            if src == dst or (is_open and shape is network.plain):
                continue
            links.append(
                {
                    "src": src,
                    "dst": dst,
                    "cut": not is_open,
                    "wall": not is_open and (src, dst) not in network.cuts,
                    "delay_ms": shape.delay_ms,
                    "jitter_ms": shape.jitter_ms,
                    "loss": shape.loss_ppm / 1_000_000,
                }
            )
    return links


def _groups(view: ClusterView) -> Json:
    return [list(group) for group in view.network.groups] or None


def _message(flight: Flight) -> dict[str, Json]:
    moved: dict[str, Json] = {}
    if flight.done or flight.held:  # by hand: that is seldom
        moved = {"done": flight.done / MILLION, "held": flight.held}
    return moved | {
        "id": flight.id,
        "src": flight.src,
        "dst": flight.dst,
        "type": flight.type,
        "label": flight.label,
        "t0": flight.t0,
        "t1": flight.t1,
        "fate": "flying" if flight.stop is None else "lost",
        "stop": flight.stop,
        "why": flight.why,
        "fields": dict(flight.fields),
    }


def _messages(view: ClusterView, flights: list[Flight]) -> list[Json]:
    """What can be drawn: not what comes from, or goes to, a node that is no longer there."""
    there = [flight for flight in flights if {flight.src, flight.dst} <= view.nodes.keys()]
    return [_message(flight) for flight in _thin(there)]


def _thin(flights: list[Flight]) -> list[Flight]:
    """At most as many messages as a frame holds: heartbeats go first, then the oldest."""
    if len(flights) > SHOWN_MESSAGES:
        flights = [flight for flight in flights if not flight.is_heartbeat]
    return flights[-SHOWN_MESSAGES:]


def _whole_log(log: LogView) -> dict[str, Json]:
    shown = log.rows[-SHOWN_ENTRIES:]
    first = shown[0].index if shown else log.first
    return {"first": first, "base": log.base, "entries": _entries(log, first), "cut_at": None}


def _log_since(log: LogView, seen: int) -> dict[str, Json] | None:
    change = log.changed_since(seen)
    if change is None:
        return _whole_log(log) if log.based > seen else None
    if change.cut or log.based > seen or log.last - change.start >= SHOWN_ENTRIES:
        return {**_whole_log(log), "cut_at": change.start if change.cut else None}
    return {"from": change.start, "entries": _entries(log, change.start), "cut_at": None}


def _entries(log: LogView, start: int) -> list[Json]:
    return [
        {"i": row.index, "t": row.term, "op": shorten(row.op, SHOWN_OP), "s": row.stamp}
        for row in log.rows[max(0, start - log.first) :]
    ]


def _points(view: ClusterView, seen: int) -> list[Json]:
    fresh: list[tuple[Point, str]] = []
    for node in view.nodes.values():
        for point in reversed(node.points):
            if point.seq <= seen:
                break
            fresh.append((point, node.id))
    return [
        {"node": node, "t": point.t, "term": point.term, "role": point.role, "state": point.state}
        for point, node in sorted(fresh)
    ]


def _last_lines(story: Story, room: int) -> list[Json]:
    """The last sentences that fit into `room` bytes."""
    lines: list[Json] = []
    for line in reversed(story.lines):
        told = _line(line)
        room -= _size(told) + 1
        if len(lines) >= SHOWN_EVENTS or (room < 0 and len(lines) >= FEWEST_EVENTS):
            break
        lines.append(told)
    return lines[::-1]


def _size(value: Json) -> int:
    return len(json.dumps(value, separators=(",", ":")))


def _lines_since(story: Story, seen: int) -> list[Line]:
    fresh: list[Line] = []
    for line in reversed(story.lines):
        if line.seq <= seen:
            break
        fresh.append(line)
    return fresh[:SHOWN_EVENTS][::-1]


def _line(line: Line) -> dict[str, Json]:
    return {
        "seq": line.seq,
        "t": line.t,
        "node": line.node,
        "kind": line.kind,
        "text": line.text,
        "level": line.level,
        "rule": line.rule,
    }


def _client(client: ClientView) -> dict[str, Json]:
    holds: Iterable[Json] = (
        {"lock": held.lock, "token": held.token, "until": held.until}
        for held in list(client.holds.values())[-SHOWN_HOLDS:]
    )
    return {
        "id": client.id,
        "state": client.state,
        "doing": client.doing,
        "holds": list(holds),
        "last": client.last,
        "last_text": client.last_text,
    }
