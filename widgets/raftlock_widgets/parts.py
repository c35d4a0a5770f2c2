"""The parts that every frame for the panels has, beyond the picture itself."""

from __future__ import annotations

from raftlock.trace.parts import Maker
from raftlock.trace.parts.metrics import Metrics
from raftlock.trace.parts.origins import Origins
from raftlock.trace.parts.resources import Resources
from raftlock.trace.parts.spacetime import SpaceTime
from raftlock.trace.parts.track import Track
from raftlock_widgets.checks import Checks
from raftlock_widgets.history import History

__all__ = ["PARTS"]

PARTS: tuple[Maker, ...] = (Track, Checks, Resources, Origins, SpaceTime, History, Metrics)
