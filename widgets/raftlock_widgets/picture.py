"""One picture of a cluster as an SVG that stands alone: for files, and where no kernel runs.

It is drawn from a full frame, as the panels are: status, ring, the logs' ends, the leader's lock
table, the last sentences. It brings its own light ground, so that it can lie on any page. What
people or nodes are called is text in it and nothing else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from raftlock.trace.fields import shorten

__all__ = ["TERM_FILL", "picture_of", "words_of"]

TERM_FILL = ("#e69f00", "#56b4e9", "#2fb58b", "#f0e442", "#d58fb5")
"""A term's colour is the same as in the panels (static/palette.js)."""

INK, MUTED, LINE, GROUND, DOWN = "#1a1f26", "#55606c", "#d7dce1", "#ffffff", "#e3e6ea"

WIDTH = 860
HEAD = 66
RING = 340
ROW = 34
CELL = 62
SHOWN_CELLS = 7
SHOWN_LOCKS = 5
SHOWN_LINES = 4

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Frame = Mapping[str, Any]


def picture_of(frame: Frame) -> str:
    """The full frame as the text of an SVG file."""
    logs = _logs(frame, RING + 20, HEAD + 4)
    below = HEAD + 30 + ROW * max(1, len(frame["nodes"]))
    locks, lock_rows = _locks(frame, RING + 20, below + 22)
    bottom = max(HEAD + RING + 6, below + 44 + 22 * lock_rows)
    lines = _lines(frame, 20, bottom + 18)
    height = bottom + 30 + 18 * min(SHOWN_LINES, max(1, len(frame["events"])))
    inside = [*_head(frame), *_ring(frame), *logs, *locks, *lines]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-label={quoteattr(_clean(words_of(frame)))} '
        'font-family="system-ui, sans-serif" font-size="13">'
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="{GROUND}" stroke="{LINE}"/>'
        + "".join(inside)
        + "</svg>"
    )


def words_of(frame: Frame) -> str:
    """What the picture shows, in two sentences, for who does not see it."""
    nodes = ", ".join(
        f"{node['id']} {_state(node)}" + (f" in term {node['term']}" if node["term"] else "")
        for node in frame["nodes"]
    )
    return f"{frame['situation']['text']} At {run_time(frame['t'])}: {nodes}."


def run_time(micros: int) -> str:
    """Run time as the panels write it: ``0:09.1``."""
    tenths = micros // 100_000
    return f"{tenths // 600}:{tenths // 10 % 60:02}.{tenths % 10}"


# ---- the parts ----


def _head(frame: Frame) -> Iterable[str]:
    cluster = frame["cluster"]
    leader = _leader(frame)
    yield _text(20, 28, frame["situation"]["text"], size=16, most=64)
    name = cluster["name"] + (f", without {cluster['modified']}" if cluster["modified"] else "")
    seen = f"{name} · a picture of the run at {run_time(frame['t'])}: run the notebook to touch it"
    yield _text(20, 50, seen, fill=MUTED, size=12, most=110)
    told = [("leader", leader["id"] if leader else "none")]
    told.append(("term", str(max((node["term"] for node in frame["nodes"]), default=0))))
    told.append(("commit", str(max((node["commit"] for node in frame["nodes"]), default=0))))
    for place, (word, value) in enumerate(told):
        x = WIDTH - 190 + 68 * place
        yield _text(x, 20, word, fill=MUTED, size=11)
        yield _text(x, 40, value, size=16, weight=700, most=9)
    yield f'<path d="M20 {HEAD - 6}H{WIDTH - 20}" stroke="{LINE}"/>'


def _ring(frame: Frame) -> Iterable[str]:
    nodes = frame["nodes"]
    radius = 36 if len(nodes) <= 5 else 36 - 3 * (len(nodes) - 5)
    reach = 0 if len(nodes) == 1 else RING / 2 - radius - 14
    middle = (20 + RING / 2 - 10, HEAD + RING / 2)
    places = {}
    for place, node in enumerate(nodes):
        angle = 2 * math.pi * place / len(nodes) - math.pi / 2
        places[node["id"]] = (
            middle[0] + reach * math.cos(angle),
            middle[1] + reach * math.sin(angle),
        )
    yield from _links(frame, places)
    for node in nodes:
        yield from _node(node, *places[node["id"]], radius)


def _links(frame: Frame, places: Mapping[str, tuple[float, float]]) -> Iterable[str]:
    cut = {(link["src"], link["dst"]) for link in frame["links"] if link["cut"]}
    ids = list(places)
    for place, one in enumerate(ids):
        for other in ids[place + 1 :]:
            (x1, y1), (x2, y2) = places[one], places[other]
            ways = ((one, other) in cut) + ((other, one) in cut)
            dashes = ("", ' stroke-dasharray="9 5"', ' stroke-dasharray="2 7"')[ways]
            ink = MUTED if ways else LINE
            yield (
                f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{ink}" '
                f'stroke-width="1.5"{dashes}/>'
            )
            if ways:
                x, y = (x1 + x2) / 2, (y1 + y2) / 2
                yield _text(x, y + 5, "✕", anchor="middle", weight=700)


def _node(node: Mapping[str, Any], x: float, y: float, radius: float) -> Iterable[str]:
    up = node["state"] == "up"
    fill = TERM_FILL[(node["term"] - 1) % len(TERM_FILL)] if up and node["term"] else DOWN
    leads = up and node["role"] == "leader"
    dashed = "" if up else ' stroke-dasharray="4 4"'
    yield (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{fill}" stroke="{INK}" '
        f'stroke-width="{4 if leads else 1.5}"{dashed}/>'
    )
    yield _text(x, y - 5, node["id"], anchor="middle", size=15, weight=700, most=8)
    yield _text(x, y + 9, _state(node), anchor="middle", size=10.5)
    if node["term"]:
        yield _text(x, y + 22, f"term {node['term']}", anchor="middle", size=10.5)


def _logs(frame: Frame, x: float, y: float) -> Iterable[str]:
    last = max((node["last"] for node in frame["nodes"]), default=0)
    first = max(1, last - SHOWN_CELLS + 1)
    commit = {node["id"]: node["commit"] for node in frame["nodes"]}
    yield _text(x, y + 12, "Logs", weight=700)
    yield _text(
        x + 46,
        y + 12,
        "solid: committed, as far as the node knows; dashed: not yet",
        fill=MUTED,
        size=11,
    )
    for index in range(first, last + 1):
        yield _text(x + 46 + CELL * (index - first), y + 28, str(index), fill=MUTED, size=10)
    for row, node in enumerate(frame["nodes"]):
        top = y + 32 + ROW * row
        yield _text(x, top + 19, node["id"], weight=700, size=12, most=6)
        for entry in frame["logs"][node["id"]]["entries"]:
            if entry["i"] < first:
                continue
            left = x + 46 + CELL * (entry["i"] - first)
            dashes = "" if entry["i"] <= commit[node["id"]] else ' stroke-dasharray="4 3"'
            yield (
                f'<rect x="{left}" y="{top}" width="{CELL - 4}" height="{ROW - 6}" rx="3" '
                f'fill="{TERM_FILL[(entry["t"] - 1) % len(TERM_FILL)]}" stroke="{INK}"{dashes}/>'
            )
            yield _text(left + 4, top + 12, str(entry["t"]), size=10, weight=700)
            yield _text(left + 4, top + 23, entry["op"], size=8.5, most=12)


def _locks(frame: Frame, x: float, y: float) -> tuple[list[str], int]:
    node = _leader(frame) or max(frame["nodes"], key=lambda each: each["applied"], default=None)
    table: Sequence[Mapping[str, Any]] = frame["locks"][node["id"]] if node else ()
    title = f"Locks, as applied at {node['id']}" if node else "Locks"
    drawn = [_text(x, y, title, weight=700, most=40)]
    told = []
    for lock in table[:SHOWN_LOCKS]:
        held = f"{shorten(lock['owner'], 20)}, token {lock['token']}" if lock["owner"] else "free"
        held += f" and {lock['holders'] - 1} more" if "holders" in lock else ""
        queue = [shorten(waiter["client"], 14) for waiter in lock["queue"]]
        more = f" and {len(queue) - 4} more" if len(queue) > 4 else ""
        waits = f" · waiting: {', '.join(queue[:4])}{more}" if queue else ""
        told.append(f"{shorten(lock['lock'], 22)}: {held}{waits}")
    if len(table) > SHOWN_LOCKS:
        told.append(f"and {len(table) - SHOWN_LOCKS} more")
    told = told or ["No lock is held."]
    drawn += [_text(x, y + 22 + 22 * row, line, most=70) for row, line in enumerate(told)]
    return drawn, len(told)


def _lines(frame: Frame, x: float, y: float) -> Iterable[str]:
    yield f'<path d="M20 {y - 16}H{WIDTH - 20}" stroke="{LINE}"/>'
    for row, line in enumerate(frame["events"][-SHOWN_LINES:]):
        at = y + 6 + 18 * row
        yield _text(x, at, run_time(line["t"]), fill=MUTED, size=12)
        yield _text(x + 56, at, line["text"], size=12, most=118)


# ---- smaller things ----


def _leader(frame: Frame) -> Mapping[str, Any] | None:
    leading = [n for n in frame["nodes"] if n["state"] == "up" and n["role"] == "leader"]
    return max(leading, key=lambda node: node["term"], default=None)


def _state(node: Mapping[str, Any]) -> str:
    return str(node["role"] if node["state"] == "up" else node["state"])


def _clean(words: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", words)


def _text(
    x: float,
    y: float,
    words: str,
    *,
    fill: str = INK,
    size: float = 13,
    weight: int = 400,
    anchor: str = "start",
    most: int = 200,
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" font-weight="{weight}" fill="{fill}" '
        f'text-anchor="{anchor}">{escape(shorten(words, most))}</text>'
    )
