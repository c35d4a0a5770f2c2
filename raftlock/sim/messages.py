"""Actions on one message that is on its way: what a hand can do that reaches into the network."""

from __future__ import annotations

from collections.abc import Callable

from raftlock.errors import InvalidArgument
from raftlock.sim.meant import Action, tell_fault
from raftlock.sim.queue import Arrival, Happening
from raftlock.sim.world import World
from raftlock.trace.fields import number, text
from raftlock.trace.messages import label, message_type
from raftlock.trace.touch import check_touch, gone, told_of_touch
from raftlock.types.events import Json
from raftlock.types.ids import Micros

__all__ = ["VERBS", "let_go"]


def _message(world: World, action: Action) -> None:
    """Do to message `id` what `how` says; `delay_us` goes with ``delay`` and ``duplicate``."""
    which, how, delay_us = number(action, "id"), text(action, "how"), number(action, "delay_us")
    check_touch(how, delay_us // 1_000)

    def is_meant(happening: Happening) -> bool:
        return isinstance(happening, Arrival) and happening.number == which

    held = world.held.get(which)
    if how == "release" and held is None:
        raise InvalidArgument(f"Message {which} is not held.")
    arrival = held or world.schedule.find(is_meant)
    if not isinstance(arrival, Arrival):
        raise gone(which)
    if how == "hold" and held is not None:
        raise InvalidArgument(f"Message {which} is held already: let it go.")
    about = _about(arrival)
    touch = told_of_touch(which, about, how, delay_us // 1_000)
    tell_fault(world, action, "message", **touch)
    now = world.clock.now
    if how == "duplicate":
        due = Micros(now + delay_us)
        world.tell(arrival.src, "dup", about | {"deliver_at": due}, cause=which)
        world.schedule.put(due, arrival)
        return
    due = Micros(now)
    if held is not None:
        del world.held[which]
    else:
        due = world.schedule.take_out(is_meant)
    if how == "drop":
        world.tell(arrival.dst, "drop", about | {"why": "taken"}, cause=which)
    elif how == "hold":
        world.held[which] = arrival
        world.tell(arrival.src, "due", about | {"deliver_at": now, "held": True}, cause=which)
    else:
        at = Micros(max(due, now) + delay_us) if how == "delay" else Micros(now)
        _put(world, arrival, about, at)


def let_go(world: World) -> None:
    """Every message that is held goes on."""
    for which in list(world.held):
        arrival = world.held.pop(which)
        _put(world, arrival, _about(arrival), Micros(world.clock.now))


def _put(world: World, arrival: Arrival, about: dict[str, Json], at: Micros) -> None:
    world.tell(arrival.src, "due", about | {"deliver_at": at}, cause=arrival.number)
    world.schedule.put(at, arrival)


def _about(arrival: Arrival) -> dict[str, Json]:
    return {
        "id": arrival.number,
        "from": arrival.src,
        "to": arrival.dst,
        "type": message_type(arrival.message),
        "label": label(arrival.message),
    }


VERBS: dict[str, Callable[[World, Action], None]] = {"message": _message}
"""These actions by their names."""
