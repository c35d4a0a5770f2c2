"""What a served node tells of itself: counts for Prometheus, and lines for its log."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping

from raftlock.types.events import Json, Note
from raftlock.types.ids import NodeID

__all__ = ["LOG", "Journal", "JsonLines", "PlainLines"]

LOG = logging.getLogger("raftlock.node")

_TOLD = {
    "role": "{node} is {to} now",
    "leader": "{leader} leads, as {node} sees it",
    "config": "the members: {voters} {learners}",
    "snapshot": "a snapshot up to entry {index}, {bytes} bytes",
    "install": "a snapshot from the leader, up to entry {index}",
    "transfer": "leadership goes to {target}: {what}",
    "truncate": "entries {from} to {to} were never committed, and go",
}
"""The kinds of event that a log tells; all others are counted only."""

_FIELDS = ("node", "term", "event")


class Journal:
    """Keeps nothing but counts: a served node has no picture to draw."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.on_role: Callable[[], None] | None = None

    def hear(self, node: NodeID, note: Note, term: int) -> None:
        """Count it, and tell it if people want to know."""
        self.counts[note.kind] += 1
        if note.kind == "role" and self.on_role is not None:
            self.on_role()
        words = _TOLD.get(note.kind)
        if words is not None and LOG.isEnabledFor(logging.INFO) and not _is_empty(note):
            told = words.format(node=node, **_readable(note.data))
            LOG.info(told, extra={"node": node, "term": term, "event": note.kind})


def _is_empty(note: Note) -> bool:
    return note.kind == "leader" and not note.data.get("leader")


def _readable(data: Mapping[str, Json]) -> dict[str, object]:
    return {
        name: " ".join(map(str, value)) if isinstance(value, list) else value
        for name, value in data.items()
    }


class PlainLines(logging.Formatter):
    """A line for people: the time, the level, what happened."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")


class JsonLines(logging.Formatter):
    """A line of JSON for programs."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as one line."""
        told: dict[str, object] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        for name in _FIELDS:
            value = getattr(record, name, None)
            if value is not None:
                told[name] = value
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return json.dumps(told)
