"""Panels for Jupyter: each draws a cluster's frames and asks for its verbs, and knows nothing else.

They are shown by `Cluster.dashboard()`, `ring()`, `log()` and `locks()`, or directly::

    from raftlock_widgets import dashboard

    dashboard(cluster)

store.py        the widget without a picture: one a cluster, owns the stream and the commands
stream.py       what is sent when: who looks, how fast, when to stop (no asyncio, no widgets)
panel.py        the widgets with a picture
chart.py        the figure of terms and roles over time (bokeh, loaded only when one is shown)
frontend.py     the texts in static/: one ES module a panel
"""

from __future__ import annotations

from raftlock_widgets.panel import dashboard, locks, log, ring

__all__ = ["dashboard", "locks", "log", "ring"]
