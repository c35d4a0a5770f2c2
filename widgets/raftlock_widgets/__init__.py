"""Panels for Jupyter: each draws a cluster's frames and asks for its verbs, and knows nothing else.

They are shown by the methods of `raftlock.panels.Panels`, as ``cluster.dashboard()``, which find
`show` here by its entry point.

store.py        the widget without a picture: one a cluster, owns the stream and the commands
stream.py       what is sent when: who looks, how fast, when to stop (no asyncio, no widgets)
panel.py        the widgets with a picture
why.py          why an event happened: the paper's rule, and the code that follows it
parts.py        what else than the picture itself is in a frame
export.py       a run as one file
chart.py        the figure of terms and roles over time (bokeh, loaded only when one is shown)
frontend.py     the texts in static/: one ES module a panel
"""

from __future__ import annotations

from raftlock_widgets.export import export
from raftlock_widgets.panel import show

__all__ = ["export", "show"]
