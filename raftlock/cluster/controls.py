"""What a panel may ask of a cluster: a verb, and arguments as they came from the browser.

Whatever is wrong with them becomes one clear sentence, and nothing has changed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from raftlock.arguments import Arguments, flag, groups, link_change, number, text, whole
from raftlock.cluster import clients, members
from raftlock.cluster.base import Lab
from raftlock.errors import InvalidArgument

__all__ = ["VERBS", "perform"]


async def perform(lab: Lab, verb: str, arguments: Arguments) -> str | None:
    """Perform `verb` and say in a few words what came of it.

    Raises a `RaftLockError` whose sentence is for the person who asked.
    """
    control = VERBS.get(verb)
    if control is None:
        raise InvalidArgument(f"There is no control {verb[:40]!r}.")
    return await control(lab, arguments)


async def _kill(lab: Lab, given: Arguments) -> None:
    await lab.kill(text(given, "node"), by="panel")


async def _restart(lab: Lab, given: Arguments) -> None:
    await lab.restart(text(given, "node"), by="panel")


async def _freeze(lab: Lab, given: Arguments) -> None:
    await clients.freeze(lab, text(given, "node"), by="panel")


async def _thaw(lab: Lab, given: Arguments) -> None:
    await clients.thaw(lab, text(given, "node"), by="panel")


async def _transfer(lab: Lab, given: Arguments) -> str:
    """To a node that is named, or to whoever is furthest."""
    target = text(given, "node") if given.get("node") else ""
    return f"{await members.transfer_leadership(lab, target, by='panel')} leads now."


async def _add(lab: Lab, given: Arguments) -> str:
    name = text(given, "node")
    await members.add_node(lab, name, by="panel")
    return f"{name} is a member, with a vote."


async def _remove(lab: Lab, given: Arguments) -> str:
    name = text(given, "node")
    await members.remove_node(lab, name, by="panel")
    return f"{name} is no member any more."


async def _wipe(lab: Lab, given: Arguments) -> str:
    name, as_voter = text(given, "node"), given.get("as_voter") is True
    becomes = await members.wipe(lab, name, as_voter=as_voter, by="panel")
    return f"The disk of {name} is lost: {becomes} begins with an empty one."


async def _cut(lab: Lab, given: Arguments) -> None:
    one_way = given.get("one_way") is True
    await lab.cut(text(given, "src"), text(given, "dst"), one_way=one_way, by="panel")


async def _restore(lab: Lab, given: Arguments) -> None:
    one_way = given.get("one_way") is True
    await lab.restore(text(given, "src"), text(given, "dst"), one_way=one_way, by="panel")


async def _partition(lab: Lab, given: Arguments) -> None:
    await lab.partition(*groups(given), by="panel")


async def _heal(lab: Lab, _given: Arguments) -> None:
    await lab.heal(by="panel")


async def _message(lab: Lab, given: Arguments) -> None:
    delay = number(given, "delay_ms", 100.0) / 1000
    number_of = whole(given, "id")
    await lab.message(number_of, text(given, "how"), delay=delay, by="panel")


async def _link(lab: Lab, given: Arguments) -> None:
    change = link_change(given)
    await lab.link(text(given, "src"), text(given, "dst"), **change, by="panel")


async def _speed(lab: Lab, given: Arguments) -> None:
    await lab.set_speed(number(given, "value"), by="panel")


async def _pause(lab: Lab, _given: Arguments) -> None:
    await lab.pause(by="panel")


async def _resume(lab: Lab, _given: Arguments) -> None:
    await lab.resume(by="panel")


async def _step(lab: Lab, _given: Arguments) -> None:
    await lab.step()


async def _acquire(lab: Lab, given: Arguments) -> str:
    return await _ask(lab, given, "acquire")


async def _wait(lab: Lab, given: Arguments) -> str:
    return await _ask(lab, given, "wait")


async def _release(lab: Lab, given: Arguments) -> str:
    return await _ask(lab, given, "release")


async def _renew(lab: Lab, given: Arguments) -> str:
    return await _ask(lab, given, "renew")


async def _cancel(lab: Lab, given: Arguments) -> str:
    return await _ask(lab, given, "cancel")


async def _write(lab: Lab, given: Arguments) -> str:
    client, lock = text(given, "client"), text(given, "lock")
    await clients.write(lab, client, lock)
    return f"{client} writes to what {lock} protects."


async def _ask(lab: Lab, given: Arguments, op: str) -> str:
    """Ask for a lock in a client's name, and tell how it stands: the answer, or the place in line.

    Nobody waits here until a lock is free: the panel shows the queue, and the client goes on
    waiting by itself.
    """
    client = lab.client(text(given, "client"))
    asked = client.submit(
        op,
        text(given, "lock"),
        ttl=number(given, "ttl_s", 10.0),
        priority=whole(given, "priority"),
        wait_timeout=number(given, "wait_s", 60.0),
        shared=flag(given, "shared"),
        permits=whole(given, "permits"),
    )
    await asked.placed()
    if not asked.done:
        ahead = asked.position or 0
        place = f"{ahead} ahead of it" if ahead else "next in line"
        return f"{asked.client_id} waits for {asked.lock_id}: {place}."
    held = await asked.wait()
    if held is not None:
        return f"{asked.client_id} holds {asked.lock_id} with token {held.token}."
    done = "gave back" if op == "release" else "no longer waits for"
    return f"{asked.client_id} {done} {asked.lock_id}."


VERBS: Mapping[str, Callable[[Lab, Arguments], Awaitable[str | None]]] = {
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
    "speed": _speed,
    "pause": _pause,
    "resume": _resume,
    "step": _step,
    "acquire": _acquire,
    "wait": _wait,
    "release": _release,
    "renew": _renew,
    "cancel": _cancel,
    "write": _write,
}
