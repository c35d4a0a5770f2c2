"""What a panel may ask of a simulation: the verbs of a live cluster's panel, in virtual time.

None of them waits: it is done, and what comes of it shows as time goes on. Only who joins or leaves
the members is waited for, since several steps belong to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from raftlock.arguments import Arguments, flag, groups, link_change, names, number, text, whole
from raftlock.errors import InvalidArgument

if TYPE_CHECKING:
    from raftlock.sim.simulation import Simulation

__all__ = ["VERBS", "perform"]


def perform(simulation: Simulation, verb: str, arguments: Arguments) -> str | None:
    """Perform `verb` and say in a few words what came of it.

    Raises a `RaftLockError` whose sentence is for the person who asked.
    """
    control = VERBS.get(verb)
    if control is None:
        raise InvalidArgument(f"There is no control {verb[:40]!r}.")
    return control(simulation, arguments)


def _kill(simulation: Simulation, given: Arguments) -> None:
    simulation.kill(text(given, "node"))


def _restart(simulation: Simulation, given: Arguments) -> None:
    simulation.restart(text(given, "node"))


def _freeze(simulation: Simulation, given: Arguments) -> None:
    simulation.freeze(text(given, "node"))


def _thaw(simulation: Simulation, given: Arguments) -> None:
    simulation.thaw(text(given, "node"))


def _transfer(simulation: Simulation, given: Arguments) -> str:
    node = text(given, "node") if given.get("node") else ""
    simulation.ask_to_lead(node)
    return f"The leader hands over to {node or 'whoever is furthest'}."


def _add(simulation: Simulation, given: Arguments) -> str:
    name, before = text(given, "node"), simulation.now
    simulation.add_node(name)
    return f"{name} is a member, with a vote; that took {simulation.now - before:.1f} s."


def _remove(simulation: Simulation, given: Arguments) -> str:
    name, before = text(given, "node"), simulation.now
    simulation.remove_node(name)
    return f"{name} is no member any more; that took {simulation.now - before:.1f} s."


def _wipe(simulation: Simulation, given: Arguments) -> str:
    name = text(given, "node")
    becomes = simulation.wipe(name, as_voter=given.get("as_voter") is True)
    return f"The disk of {name} is lost: {becomes} begins with an empty one."


def _cut(simulation: Simulation, given: Arguments) -> None:
    one_way = given.get("one_way") is True
    simulation.cut(text(given, "src"), text(given, "dst"), one_way=one_way)


def _restore(simulation: Simulation, given: Arguments) -> None:
    one_way = given.get("one_way") is True
    simulation.restore(text(given, "src"), text(given, "dst"), one_way=one_way)


def _partition(simulation: Simulation, given: Arguments) -> None:
    simulation.partition(*groups(given))


def _heal(simulation: Simulation, _given: Arguments) -> None:
    simulation.heal()


def _message(simulation: Simulation, given: Arguments) -> None:
    delay = number(given, "delay_ms", 100.0) / 1000
    simulation.message(whole(given, "id"), text(given, "how"), delay=delay)


def _link(simulation: Simulation, given: Arguments) -> None:
    change = link_change(given)
    simulation.link(text(given, "src"), text(given, "dst"), **change)


def _step(simulation: Simulation, _given: Arguments) -> None:
    simulation.step()


def _fire(simulation: Simulation, given: Arguments) -> None:
    simulation.fire_timer(text(given, "node"))


def _align(simulation: Simulation, given: Arguments) -> str:
    simulation.align_timers(*names(given, "nodes"))
    return "Their election timers run out at one time."


def _spread(simulation: Simulation, given: Arguments) -> str:
    simulation.spread_timers(*names(given, "nodes"))
    return "Their election timers run out one after the other."


def _drift(simulation: Simulation, given: Arguments) -> None:
    simulation.drift(text(given, "node"), number(given, "percent"))


def _acquire(simulation: Simulation, given: Arguments) -> str:
    return _ask(simulation, given, "acquire")


def _wait(simulation: Simulation, given: Arguments) -> str:
    return _ask(simulation, given, "wait")


def _release(simulation: Simulation, given: Arguments) -> str:
    return _ask(simulation, given, "release")


def _renew(simulation: Simulation, given: Arguments) -> str:
    return _ask(simulation, given, "renew")


def _cancel(simulation: Simulation, given: Arguments) -> str:
    return _ask(simulation, given, "cancel")


def _write(simulation: Simulation, given: Arguments) -> str:
    client, lock = text(given, "client"), text(given, "lock")
    simulation.write(client, lock)
    return f"{client} writes to what {lock} protects."


_ASKED = {
    "acquire": "asks for",
    "wait": "asks to wait for",
    "release": "asks to release",
    "renew": "asks to renew",
    "cancel": "asks to wait no longer for",
}


def _ask(simulation: Simulation, given: Arguments, op: str) -> str:
    client, lock = text(given, "client"), text(given, "lock")
    simulation.client(client).submit(
        op,
        lock,
        ttl=number(given, "ttl_s", 10.0),
        priority=whole(given, "priority"),
        wait_timeout=number(given, "wait_s", 60.0),
        shared=flag(given, "shared"),
        permits=whole(given, "permits"),
    )
    return f"{client} {_ASKED[op]} {lock}: play or step to see what comes of it."


VERBS: Mapping[str, Callable[[Simulation, Arguments], str | None]] = {
    "kill": _kill,
    "restart": _restart,
    "freeze": _freeze,
    "thaw": _thaw,
    "transfer": _transfer,
    "add": _add,
    "remove": _remove,
    "wipe": _wipe,
    "cut": _cut,
    "restore": _restore,
    "partition": _partition,
    "heal": _heal,
    "link": _link,
    "message": _message,
    "step": _step,
    "drift": _drift,
    "fire": _fire,
    "align": _align,
    "spread": _spread,
    "acquire": _acquire,
    "wait": _wait,
    "release": _release,
    "renew": _renew,
    "cancel": _cancel,
    "write": _write,
}
