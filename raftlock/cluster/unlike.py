"""What a simulation has and a live cluster has not: each says why, and what to do instead."""

from __future__ import annotations

from typing import Never

from raftlock.errors import NotInThisRuntime

__all__ = ["VirtualOnly"]


def _not_live(verb: str) -> NotInThisRuntime:
    return NotInThisRuntime(f"A live cluster has no {verb}(): use Simulation, in virtual time.")


class VirtualOnly:
    """Verbs of `Simulation` that raise `NotInThisRuntime` here."""

    def back(self) -> Never:
        """Undo the last event: real time has no way back."""
        raise _not_live("back")

    def goto(self, seq: int) -> Never:
        """Go to just after an event: real time has no way back."""
        raise _not_live("goto")

    def branch(self) -> Never:
        """The same past with another future: real time has one."""
        raise _not_live("branch")

    def crash_on_write(
        self, node: str, point: str = "written", *, kept: int = 0, torn: bool = False
    ) -> Never:
        """A crash at a point of a write: no live node can be hit so exactly."""
        raise _not_live("crash_on_write")

    def disk_fault(self, node: str, fault: str) -> Never:
        """A disk that fails: a live node's has no such switch."""
        raise _not_live("disk_fault")

    def clock_jump(self, node: str, seconds: float) -> Never:
        """A clock that jumps: live nodes share the laboratory's."""
        raise _not_live("clock_jump")

    def drift(self, node: str, percent: float) -> Never:
        """A clock that drifts: live nodes share the laboratory's."""
        raise _not_live("drift")

    def drop(self, a: str, b: str, count: int = 1) -> Never:
        """The next messages lost: `link` sets a live link's loss."""
        raise _not_live("drop")

    def duplicate(self, a: str, b: str, after: float = 0.05, count: int = 1) -> Never:
        """The next messages twice: a live link cannot be told so."""
        raise _not_live("duplicate")

    def hold(self, a: str, b: str, delay: float, count: int = 1) -> Never:
        """The next messages late: `link` sets a live link's delay."""
        raise _not_live("hold")
