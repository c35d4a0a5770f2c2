"""The widgets with a picture: each draws from its cluster's store, together or alone."""

from __future__ import annotations

import anywidget
import traitlets

from raftlock.sim.simulation import Simulation
from raftlock_widgets.cluster import Showable
from raftlock_widgets.frontend import LOADER, style
from raftlock_widgets.playback import playback_of
from raftlock_widgets.store import store_of

__all__ = ["Panel", "show"]


class Panel(anywidget.AnyWidget):
    """One view of a cluster; `view` says of what."""

    _esm = LOADER
    _css = style()
    view = traitlets.Unicode("dashboard").tag(sync=True)
    store = traitlets.Unicode("").tag(sync=True)

    def __repr__(self) -> str:
        return f"<the {self.view} of a raftlock cluster; it shows in Jupyter while its kernel runs>"


def show(cluster: Showable | Simulation, view: str) -> Panel:
    """One panel of a cluster, by its name in static/main.js; ``dashboard`` has all of them."""
    if isinstance(cluster, Simulation):
        cluster = playback_of(cluster)
    return Panel(view=view, store=f"IPY_MODEL_{store_of(cluster).model_id}")
