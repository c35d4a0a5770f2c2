"""What a live cluster has and a simulation has not: each says why, and what to do instead."""

from __future__ import annotations

from typing import Never

from raftlock.errors import NotInThisRuntime

__all__ = ["LiveOnly"]

_NO_PANELS = "Panels show live clusters only: look at status(), recorder.view or a scenario's text."


class LiveOnly:
    """Verbs of `Cluster` that raise `NotInThisRuntime` here."""

    def async_client(self, name: str) -> Never:
        """A client for coroutines: a simulation has none."""
        raise NotInThisRuntime(f"A simulation has no event loop: say client({name!r}).")

    def dashboard(self) -> Never:
        """A panel: a simulation has none."""
        raise NotInThisRuntime(_NO_PANELS)

    def ring(self) -> Never:
        """A panel: a simulation has none."""
        raise NotInThisRuntime(_NO_PANELS)

    def log(self) -> Never:
        """A panel: a simulation has none."""
        raise NotInThisRuntime(_NO_PANELS)

    def locks(self) -> Never:
        """A panel: a simulation has none."""
        raise NotInThisRuntime(_NO_PANELS)
