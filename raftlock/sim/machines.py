"""Actions on the machine that a simulated node runs on: its disk and its clock."""

from __future__ import annotations

from collections.abc import Callable

from raftlock.errors import InvalidArgument
from raftlock.sim.disk import DISK_FAULTS
from raftlock.sim.meant import Action, node_named, tell_fault
from raftlock.sim.world import World
from raftlock.trace.fields import number, text

__all__ = ["VERBS"]

JUMP_MS_MAX = 3_600_000
RATE_PPM_MAX = 500_000


def _disk(world: World, action: Action) -> None:
    """Let something befall a node's disk, now or at its next use; `left` is for a failed sync."""
    node, fault = node_named(world, text(action, "node")), text(action, "fault")
    if fault not in DISK_FAULTS:
        known = ", ".join(DISK_FAULTS)
        raise InvalidArgument(f"What may befall a disk is one of {known}, not {fault[:24]!r}.")
    node.disk.strike(fault, number(action, "left"))
    tell_fault(world, action, "disk", node=node.id, fault=fault)


def _clock(world: World, action: Action) -> None:
    """Let a node's own clock jump ahead, or run at another rate from now on."""
    node = node_named(world, text(action, "node"))
    jump, rate = number(action, "jump_ms"), number(action, "rate_ppm")
    if not 0 <= jump <= JUMP_MS_MAX:
        raise InvalidArgument(f"A clock jumps ahead, by up to an hour, not by {jump} ms.")
    if not abs(rate) <= RATE_PPM_MAX:
        raise InvalidArgument(f"A clock is off by up to half, not by {rate} in a million.")
    told = {name: number(action, name) for name in ("jump_ms", "rate_ppm") if name in action}
    tell_fault(world, action, "clock", node=node.id, **told)
    world.set_clock(node, jump, rate if "rate_ppm" in action else None)


VERBS: dict[str, Callable[[World, Action], None]] = {"disk": _disk, "clock": _clock}
"""These actions by their names."""
