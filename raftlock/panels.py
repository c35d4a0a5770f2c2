"""What a cluster shows of itself in a notebook, be it live or simulated.

The panels are another package, found by name: this one runs without Jupyter too.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from raftlock.errors import InvalidArgument, PanelsNotInstalled

__all__ = ["Panels", "show", "write_page"]


class Panels:
    """The panels of a cluster. Make one the last line of a cell, and it shows.

    All that are shown of one cluster share what they look at: who goes back in time in one of them
    goes back in all.
    """

    def dashboard(self) -> object:
        """Everything at once: the picture, the logs, the locks, time, and what can be done."""
        return self._panel("dashboard")

    def presenter(self) -> object:
        """The dashboard for a hall: large type, the keys of a presenter, controls out of sight."""
        return self._panel("presenter")

    def ring(self) -> object:
        """The nodes, their links and their messages."""
        return self._panel("ring")

    def log(self) -> object:
        """The nodes' logs, a row a node, aligned on the index."""
        return self._panel("log")

    def ledger(self) -> object:
        """The nodes' logs, a row an index: where they differ is seen at once."""
        return self._panel("ledger")

    def locks(self) -> object:
        """The lock table as applied at a chosen node, beside what each client believes."""
        return self._panel("locks")

    def spacetime(self) -> object:
        """Who sent what to whom, time running down."""
        return self._panel("spacetime")

    def history(self) -> object:
        """What each client asked and was answered, and the order that explains it."""
        return self._panel("history")

    def metrics(self) -> object:
        """Terms, commit lag, failover times, waits and latency, as charts."""
        return self._panel("metrics")

    def timeline(self) -> object:
        """The run from its beginning, to go back and forth in."""
        return self._panel("timeline")

    def scenes(self) -> object:
        """Prepared runs that each show one thing."""
        return self._panel("scenes")

    def rules(self) -> object:
        """Rules to leave out, and what breaks then."""
        return self._panel("rules")

    def export(self, path: Path | str, *, charts: bool = True) -> Path:
        """Write the run as one HTML file that needs nothing else; gives its path.

        Without `charts` it is some 400 kB smaller. Raises `OSError` if it cannot be written.
        """
        return write_page(self, path, charts=charts)

    def picture(self, path: Path | str) -> Path:
        """Write how the cluster is now as one SVG picture; gives its path.

        A page's own "save" buttons give single panels, also as PNG. Raises `InvalidArgument` if the
        path does not end in ``.svg``, `OSError` if it cannot be written.
        """
        written = Path(path)
        if written.suffix.lower() != ".svg":
            raise InvalidArgument(
                f"A picture is an SVG file: end {written.name[:60]!r} in .svg, or save a PNG from "
                "the panel itself."
            )
        _found("export")(self, written)
        return written

    def _panel(self, view: str) -> object:
        return show(self, view)


def write_page(run: object, path: Path | str, *, charts: bool = True) -> Path:
    """Write a cluster's run, or a `Trace`, as one HTML file; gives its path.

    Raises `PanelsNotInstalled`, and `OSError` if it cannot be written.
    """
    written = Path(path)
    _found("export")(run, written, charts=charts)
    return written


def show(cluster: object, view: str) -> object:
    """A panel of what panels can show, by its name. Raises `PanelsNotInstalled`."""
    return _found("show")(cluster, view)


class _Found(Protocol):
    def __call__(self, cluster: object, what: object, /, **more: object) -> object: ...


def _found(name: str) -> _Found:
    for entry in entry_points(group="raftlock.panels", name=name):
        found: _Found = entry.load()
        return found
    raise PanelsNotInstalled("The panels are not installed: pip install raftlock[notebook]")
