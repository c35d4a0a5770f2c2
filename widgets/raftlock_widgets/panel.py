"""The widgets with a picture: each draws from its cluster's store, together or alone."""

from __future__ import annotations

import anywidget
import traitlets

from raftlock.sim.simulation import Simulation
from raftlock_widgets.cluster import Showable
from raftlock_widgets.frontend import LOADER, style
from raftlock_widgets.playback import playback_of
from raftlock_widgets.store import Store, store_of

__all__ = ["Panel", "show"]


class Panel(anywidget.AnyWidget):
    """One view of a cluster; `view` says of what."""

    _esm = LOADER
    _css = style()
    view = traitlets.Unicode("dashboard").tag(sync=True)
    store = traitlets.Unicode("").tag(sync=True)

    def __init__(self, view: str, shown: Store) -> None:
        super().__init__(view=view, store=f"IPY_MODEL_{shown.model_id}")
        self._shown = shown

    def _ipython_display_(self) -> None:
        """Show the view, and beside it a picture for where no kernel runs (see `still`)."""
        from IPython.display import display

        shown = self._repr_mimebundle_()
        display({"text/plain": repr(self)} if shown is None else shown[0], raw=True)
        self._shown.leave_still()

    def __repr__(self) -> str:
        return f"<the {self.view} of a raftlock cluster; it shows in Jupyter while its kernel runs>"


def show(cluster: Showable | Simulation, view: str) -> Panel:
    """One panel of a cluster, by its name in static/main.js; ``dashboard`` has all of them."""
    if isinstance(cluster, Simulation):
        cluster = playback_of(cluster)
    return Panel(view, store_of(cluster))
