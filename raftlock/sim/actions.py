"""What can be done to a world: one action a verb, written as JSON, so that a script can hold it.

An action is an object with ``do`` and the verb's own fields, and in a script with ``t``, the run
time in microseconds at which it is done, after everything that is due by then. Whatever is wrong
with one raises one sentence, and nothing has changed.
"""

from __future__ import annotations

from collections.abc import Callable

from raftlock.errors import InvalidArgument, RaftLockError
from raftlock.sim import machines, members, messages
from raftlock.sim.client import Ask, SimClient
from raftlock.sim.meant import (
    Action,
    client_of,
    name_of,
    node_named,
    node_up,
    place_of,
    tell_fault,
    two_nodes,
)
from raftlock.sim.network import Weather
from raftlock.sim.node import CRASH_POINTS, SimNode
from raftlock.sim.stranger import SORTS, knock
from raftlock.sim.world import World
from raftlock.trace.fields import flag, number, text
from raftlock.transport.limits import check_lock_id
from raftlock.types.commands import Command
from raftlock.types.events import Json
from raftlock.types.ids import LockID, Millis

__all__ = ["OPERATIONS", "VERBS", "Action", "command_for", "perform", "try_to"]

OPERATIONS = ("acquire", "release", "renew", "wait", "cancel", "info")
"""What a client's ``ask`` may be."""


def perform(world: World, action: Action) -> Ask | None:
    """Do it; a client's request is handed back, to be looked at later."""
    verb = text(action, "do")
    if verb == "ask":
        return _ask(world, action)
    control = _VERBS.get(verb)
    if control is None:
        raise InvalidArgument(f"There is no action {verb[:40]!r}.")
    control(world, action)
    return None


# ---- nodes ----


def _kill(world: World, action: Action) -> None:
    node = node_up(world, action)
    tell_fault(world, action, "kill", node=node.id)
    node.kept_writes, node.torn = number(action, "kept"), flag(action, "torn")
    world.stop(node)


def _stranger(world: World, action: Action) -> None:
    """Somebody who is no member sends a node something."""
    node, sort = node_up(world, action), text(action, "sort")
    if sort not in SORTS:
        raise InvalidArgument(f"A stranger is one of {', '.join(SORTS)}, not {sort[:24]!r}.")
    tell_fault(world, action, "stranger", node=node.id, sort=sort)
    knock(world, node.id, sort)


def _restart(world: World, action: Action) -> None:
    node = node_named(world, text(action, "node"))
    if node.is_up:
        raise InvalidArgument(f"{node.id} is running: kill it first, then restart it.")
    tell_fault(world, action, "restart", node=node.id)
    world.start(node, "restarted")


def _crash_on_write(world: World, action: Action) -> None:
    node, point = node_up(world, action), text(action, "point")
    if point not in CRASH_POINTS:
        known = ", ".join(CRASH_POINTS)
        raise InvalidArgument(f"A crash point is one of {known}, not {point[:24]!r}.")
    tell_fault(world, action, "crash_on_write", node=node.id, point=point)
    node.trap = point
    node.kept_writes, node.torn = number(action, "kept"), flag(action, "torn")


def _freeze(world: World, action: Action) -> None:
    place = place_of(world, action)
    if isinstance(place, SimNode) and not place.is_up:
        raise InvalidArgument(f"{place.id} is down: restart it first.")
    name = name_of(place)
    if place.frozen:
        raise InvalidArgument(f"{name} is frozen already: thaw it.")
    tell_fault(world, action, "freeze", node=name)
    place.frozen = True
    world.tell(name, "node", {"state": "frozen", "what": "frozen"})


def _thaw(world: World, action: Action) -> None:
    place = place_of(world, action)
    name = name_of(place)
    if not place.frozen:
        raise InvalidArgument(f"{name} is not frozen.")
    tell_fault(world, action, "thaw", node=name)
    world.tell(name, "node", {"state": "up", "what": "thawed"})
    if isinstance(place, SimNode):
        world.thaw(place)
    else:
        world.thaw_client(place)


def _calm(world: World, action: Action) -> None:
    """End every fault: what follows must lead to a cluster that works."""
    tell_fault(world, action, "calm")
    world.network.links.heal()
    world.network.forget_arrangements()
    messages.let_go(world)
    world.network.weather = Weather()
    for node in world.nodes.values():
        node.trap = ""
        node.disk.strike("well")
        if node.frozen:
            world.tell(node.id, "node", {"state": "up", "what": "thawed"})
            world.thaw(node)
        if not node.is_up and not node.refused:
            world.start(node, "restarted")
    for client in world.clients.values():
        if client.frozen:
            world.tell(name_of(client), "node", {"state": "up", "what": "thawed"})
            world.thaw_client(client)


# ---- links ----


def _cut(world: World, action: Action) -> None:
    src, dst = two_nodes(world, action)
    one_way = flag(action, "one_way")
    world.network.links.cut(src, dst, one_way=one_way)
    tell_fault(world, action, "cut", src=src, dst=dst, one_way=one_way)


def _restore(world: World, action: Action) -> None:
    src, dst = two_nodes(world, action)
    one_way = flag(action, "one_way")
    world.network.links.restore(src, dst, one_way=one_way)
    tell_fault(world, action, "restore", src=src, dst=dst, one_way=one_way)


def _partition(world: World, action: Action) -> None:
    groups = action.get("groups")
    if not isinstance(groups, list):
        raise InvalidArgument("A partition is a list of groups, each a list of nodes.")
    named = []
    for group in groups:
        if not isinstance(group, list):
            raise InvalidArgument("A partition is a list of groups, each a list of nodes.")
        named.append([node_named(world, str(node)).id for node in group])
    world.network.links.partition(named)
    told: list[Json] = [list(group) for group in world.network.links.groups]
    tell_fault(world, action, "partition", groups=told)


def _heal(world: World, action: Action) -> None:
    world.network.links.heal()
    world.network.forget_arrangements()
    tell_fault(world, action, "heal")
    messages.let_go(world)


def _link(world: World, action: Action) -> None:
    src, dst = two_nodes(world, action)
    links, one_way = world.network.links, flag(action, "one_way")
    links.set(
        src,
        dst,
        delay_us=number(action, "delay_us") if "delay_us" in action else None,
        jitter_us=number(action, "jitter_us") if "jitter_us" in action else None,
        loss_ppm=number(action, "loss_ppm") if "loss_ppm" in action else None,
        one_way=one_way,
    )
    for one, other in ((src, dst),) if one_way else ((src, dst), (dst, src)):
        state = links.state(one, other)
        tell_fault(
            world,
            action,
            "link",
            src=one,
            dst=other,
            delay_ms=state.delay_us // 1_000,
            jitter_ms=state.jitter_us // 1_000,
            loss_ppm=state.loss_ppm,
        )


def _arrange(world: World, action: Action) -> None:
    """Do something to the next messages of one link: drop, duplicate or hold them."""
    src, dst = two_nodes(world, action)
    what, count = text(action, "do"), number(action, "count") or 1
    world.network.arrange(src, dst, what, number(action, "delay_us"), count)
    tell_fault(world, action, what, src=src, dst=dst)


def _weather(world: World, action: Action) -> None:
    """Change what chance does to messages; a field that is left out is 0."""
    plain = Weather()
    world.network.weather = Weather(
        loss_ppm=number(action, "loss_ppm"),
        duplicate_ppm=number(action, "duplicate_ppm"),
        delay_us=number(action, "mean_delay_us"),
        stale_ppm=number(action, "stale_ppm"),
        stale_us=number(action, "stale_us") or plain.stale_us,
    )
    told = {key: value for key, value in action.items() if key.endswith(("_ppm", "_us"))}
    world.tell("", "fault", {"what": "weather", "by": text(action, "by") or "cell", **told})


# ---- time and the clients ----


def _note(world: World, action: Action) -> None:
    """Somebody's words for whoever watches. The run goes on as it would without them."""
    words = text(action, "text")
    if not words:
        raise InvalidArgument("A note needs its text.")
    world.tell("", "note", {"text": words})


def _pause(world: World, action: Action) -> None:
    tell_fault(world, action, "pause")


def _resume(world: World, action: Action) -> None:
    tell_fault(world, action, "resume")


def _write(world: World, action: Action) -> None:
    """A holder writes to what its lock protects; `work_us` passes before the write leaves it."""
    client = client_of(world, action)
    world.write(client, LockID(text(action, "lock")), number(action, "work_us"))


def _cancel(world: World, action: Action) -> None:
    """Take back a request of a client, by its number."""
    client_of(world, action).cancel(number(action, "number"))


def _ask(world: World, action: Action) -> Ask:
    client = client_of(world, action)
    if client.frozen:
        raise InvalidArgument(f"{client.name} is frozen and asks nothing: thaw it first.")
    if text(action, "op") == "info":
        time_ms = number(action, "time_ms") or client.asking.time_for(None, None)
        return client.look(check_lock_id(action.get("lock")), Millis(time_ms))
    command = command_for(client, action)
    if command is None:
        return client.submit(None, client.asking.time_for(None, None), "get_status")
    time_ms = number(action, "time_ms") or client.asking.time_for(command, None)
    return client.submit(command, Millis(time_ms), again=text(action, "again"))


def command_for(client: SimClient, action: Action) -> Command | None:
    """The command that an ``ask`` means; ``None`` for a look at the status. Raises if it cannot."""
    op, lock = text(action, "op"), action.get("lock")
    request_id, again = text(action, "request_id"), text(action, "again")
    if again:
        # It is meant as one request with that; how a client asks again is a rule of its own.
        request_id = client.rules.retry_id(again, f"{again}-again")
    request_id = request_id or client.request_id()
    asking, metadata = client.asking, action.get("metadata")
    ttl = number(action, "ttl_ms") / 1_000 if "ttl_ms" in action else 10.0
    wait = number(action, "wait_ms") / 1_000 if "wait_ms" in action else 60.0
    priority = number(action, "priority")
    shared, permits = flag(action, "shared"), number(action, "permits")
    token = number(action, "token") if "token" in action else None
    if op in {"acquire", "wait"}:
        return asking.acquire(
            lock,
            ttl=ttl,
            wait=op == "wait",
            wait_timeout=wait,
            priority=priority,
            shared=shared,
            permits=permits,
            metadata=metadata,
            request_id=request_id,
        )
    if op == "enqueue_waiter":
        return asking.enqueue_waiter(
            lock,
            timeout=wait,
            priority=priority,
            shared=shared,
            permits=permits,
            ttl=ttl,
            metadata=metadata,
            request_id=request_id,
        )
    if op == "acquire_all":
        locks, ids = action.get("locks"), {"metadata": metadata, "request_id": request_id}
        return asking.acquire_all(locks, ttl=ttl, **ids)
    if op == "revoke":
        return asking.revoke(lock, token=token or 0, request_id=request_id)
    if op == "cancel":
        return asking.cancel_wait(lock, request_id=request_id)
    if op == "status":
        return None
    if op not in {"release", "renew"}:
        known = ", ".join(OPERATIONS)
        raise InvalidArgument(f"There is no operation {op[:24]!r}: choose one of {known}.")
    meant = client.hold_meant(LockID(text(action, "lock")), token, op)
    if op == "release":
        return asking.release(lock, token=meant, request_id=request_id)
    if "ttl_ms" not in action:
        held = client.held.get(LockID(text(action, "lock")))
        ttl = held.ttl / 1_000 if held is not None else 10.0
    return asking.renew(lock, token=meant, ttl=ttl, request_id=request_id)


def try_to(world: World, action: Action) -> Ask | None:
    """Try an action of a script that was made shorter: what it needs may not be there any more."""
    try:
        return perform(world, action)
    except RaftLockError:
        return None


_VERBS: dict[str, Callable[[World, Action], None]] = {
    "kill": _kill,
    "calm": _calm,
    "restart": _restart,
    "crash_on_write": _crash_on_write,
    "freeze": _freeze,
    "thaw": _thaw,
    "cut": _cut,
    "restore": _restore,
    "partition": _partition,
    "heal": _heal,
    "link": _link,
    "drop": _arrange,
    "duplicate": _arrange,
    "hold": _arrange,
    "weather": _weather,
    "note": _note,
    "pause": _pause,
    "resume": _resume,
    "write": _write,
    "take_back": _cancel,
    "stranger": _stranger,
    **members.VERBS,
    **machines.VERBS,
    **messages.VERBS,
}

VERBS = frozenset({"ask", *_VERBS})
"""What an action may do."""
