"""A sentence and how it is shown."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["FAULT", "GOOD", "INFO", "WARN", "Line", "Told"]

INFO = "info"
GOOD = "good"
WARN = "warn"
FAULT = "fault"


class Told(NamedTuple):
    """A sentence; `level` is ``info``, ``good``, ``warn`` or ``fault`` (done to the cluster)."""

    text: str
    level: str = INFO


class Line(NamedTuple):
    """A sentence with the event it tells: its number, its time (µs), its place and its kind.

    `rule` is the action that the event is part of, if it is part of one.
    """

    seq: int
    t: int
    node: str
    kind: str
    text: str
    level: str
    rule: str = ""
