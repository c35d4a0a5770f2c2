"""What a notebook shows where no kernel runs: the last picture, in an output of its own.

A panel's own output names a widget, and a viewer without a kernel has none. So each panel that is
shown leaves a second output beside it, which the live page hides. It is told anew at the end of
each cell, now and then while somebody looks, and when the cluster stops; what was saved with the
notebook is what it looked like then.
"""

from __future__ import annotations

import base64
import html
import logging
import secrets
import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol
from weakref import WeakSet

from raftlock_widgets.picture import picture_of, words_of

__all__ = ["Stills", "bundle_of", "in_a_kernel", "renew_after_cells"]

logger = logging.getLogger(__name__)

RENEW_SECONDS = 10.0
"""While somebody looks, the output is told anew no more often than this."""

STILLS_MAX = 8
"""How many outputs of one cluster are told: those shown last."""


def in_a_kernel() -> bool:
    """Whether outputs can be told anew here. IPython is asked only if it is already there."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def bundle_of(frame: Mapping[str, Any], store: str = "") -> dict[str, str]:
    """The picture of a full frame in the formats of an output.

    An ``<img>`` shows it also in a notebook that is not trusted, and nothing in it can run there.
    """
    svg, words = picture_of(frame), words_of(frame)
    packed = base64.b64encode(svg.encode()).decode()
    return {
        "text/html": f'<div class="raftlock-still" data-store="{html.escape(store)}"><img '
        f'style="max-width: 100%" alt="{html.escape(words)}" '
        f'src="data:image/svg+xml;base64,{packed}"></div>',
        "image/svg+xml": svg,
        "text/plain": words,
    }


class _Renewed(Protocol):
    def renew_still(self) -> None: ...


_after_cells: WeakSet[_Renewed] = WeakSet()


def renew_after_cells(store: _Renewed) -> None:
    """At the end of each cell, let `store` tell its pictures anew."""
    if not in_a_kernel():
        return
    _listen()
    _after_cells.add(store)


@cache
def _listen() -> None:
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    assert shell is not None, "asked for in a kernel only"
    shell.events.register("post_run_cell", _cell_ended)


def _cell_ended(_result: object) -> None:
    for store in tuple(_after_cells):
        store.renew_still()


class Stills:
    """The outputs with one cluster's last picture.

    `add` is called by cells, `renew` on the cluster's loop, where `look` gives a full frame of now.
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._ids: list[str] = []
        self._shown: str = ""
        self._due = 0.0

    def add(self, frame: Mapping[str, Any]) -> None:
        """Leave one more output in the running cell."""
        if not frame or not in_a_kernel():
            return
        self._ids = [*self._ids, f"raftlock-{secrets.token_hex(8)}"][-STILLS_MAX:]
        self._publish(bundle_of(frame, self._store), self._ids[-1:], update=False)

    def renew(self, look: Callable[[], Mapping[str, Any]], now: float = float("inf")) -> None:
        """Tell them anew if it is time; `now` is seconds, at the end or at once without it."""
        if not self._ids or now < self._due:
            return
        self._due = now + RENEW_SECONDS if now < float("inf") else self._due
        bundle = bundle_of(look(), self._store)
        if bundle["image/svg+xml"] != self._shown:
            self._publish(bundle, self._ids, update=True)

    def _publish(self, bundle: Mapping[str, str], ids: list[str], *, update: bool) -> None:
        from IPython.display import publish_display_data

        self._shown = bundle["image/svg+xml"]
        for display in ids:
            publish_display_data(dict(bundle), transient={"display_id": display}, update=update)
