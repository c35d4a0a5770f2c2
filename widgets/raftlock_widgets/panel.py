"""The widgets with a picture: each draws from its cluster's store, together or alone."""

from __future__ import annotations

import anywidget
import traitlets

from raftlock_widgets.cluster import Showable
from raftlock_widgets.frontend import LOADER, STYLE
from raftlock_widgets.store import store_of

__all__ = ["Panel", "dashboard", "locks", "log", "ring"]


class Panel(anywidget.AnyWidget):
    """One view of a cluster; `view` says of what."""

    _esm = LOADER
    _css = STYLE
    view = traitlets.Unicode("dashboard").tag(sync=True)
    store = traitlets.Unicode("").tag(sync=True)

    def __repr__(self) -> str:
        return f"<the {self.view} of a raftlock cluster; it shows in Jupyter while its kernel runs>"


def dashboard(cluster: Showable) -> Panel:
    """Everything: status, ring, logs, locks, controls, terms over time, events."""
    return _panel(cluster, "dashboard")


def ring(cluster: Showable) -> Panel:
    """The nodes, the links and the messages between them."""
    return _panel(cluster, "ring")


def log(cluster: Showable) -> Panel:
    """The nodes' logs side by side."""
    return _panel(cluster, "log")


def locks(cluster: Showable) -> Panel:
    """The lock table, and the controls of a client."""
    return _panel(cluster, "locks")


def _panel(cluster: Showable, view: str) -> Panel:
    return Panel(view=view, store=f"IPY_MODEL_{store_of(cluster).model_id}")
