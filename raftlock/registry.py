"""Which clusters live in this process, so that a re-run cell replaces its own and leaks none."""

from __future__ import annotations

import atexit
import sys
import threading
from typing import Protocol

__all__ = ["current_cell", "replace", "running", "unregister"]


class _Stoppable(Protocol):
    def stop(self) -> None: ...


_lock = threading.Lock()
_running: dict[str, _Stoppable] = {}


def current_cell() -> str | None:
    """The id of the notebook cell that is running, or ``None`` outside a notebook.

    IPython is asked only if it is already there: importing raftlock must not bring Jupyter along.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    get_parent = getattr(shell, "get_parent", None)
    if get_parent is None:
        return None
    metadata = get_parent().get("metadata", {})
    cell = metadata.get("cellId")
    return cell if isinstance(cell, str) else None


def replace(key: str, cluster: _Stoppable) -> None:
    """Note that `cluster` lives under `key`; whoever lived there before is stopped first."""
    with _lock:
        before = _running.pop(key, None)
        _running[key] = cluster
    if before is not None:
        before.stop()


def unregister(cluster: _Stoppable) -> None:
    """Forget `cluster`, which has been stopped."""
    with _lock:
        for key in [key for key, known in _running.items() if known is cluster]:
            del _running[key]


def running() -> dict[str, _Stoppable]:
    """The clusters that live now, by key."""
    with _lock:
        return dict(_running)


@atexit.register
def _stop_all() -> None:
    for cluster in running().values():
        cluster.stop()
