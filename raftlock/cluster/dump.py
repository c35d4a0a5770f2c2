"""Everything of a live laboratory at one moment, for a simulation to go on from."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from raftlock.cluster.lab import WIRE_SECONDS, Laboratory
from raftlock.lock.rules import LockRules
from raftlock.raft.rules import Rules
from raftlock.sim.clone import clone
from raftlock.sim.continued import NOWHERE, ClientDump, Dump, Letter, NodeDump, unheard
from raftlock.sim.queue import ResourceWrite
from raftlock.sim.settings import RuleSet, WorldSettings
from raftlock.types.ids import Micros, NodeID

if TYPE_CHECKING:
    from raftlock.node.driver import Driver
    from raftlock.node.node import Node

__all__ = ["dump"]


async def dump(lab: Laboratory, seed: int | None = None) -> Dump:
    """The cluster as it is. Its clock stands still meanwhile, some hundredths of a second."""
    paused, clock = lab.clock.paused, lab.clock
    if paused:
        return await _dump(lab, seed, paused=True)
    clock.pause()
    told = lab.recorder.last_seq
    try:
        return await _dump(lab, seed, paused=False)
    finally:
        since = lab.recorder.since(told)
        if not any(each.kind == "fault" and each.data.get("what") == "pause" for each in since):
            clock.resume()


async def _dump(lab: Laboratory, seed: int | None, *, paused: bool) -> Dump:
    # Sockets are real: what was sent over them is there first, and waits for its moment.
    await asyncio.sleep(WIRE_SECONDS)
    now = lab.clock.now_us()
    wall = lab.recorder.wall_ms()
    settings = lab.settings
    world = WorldSettings(
        nodes=settings.nodes,
        timing=settings.timing,
        seed=settings.seed if seed is None else seed,
        rules=RuleSet(settings.rules or Rules(), settings.lock_rules or LockRules()),
        snapshot_entries=settings.snapshot_entries,
        snapshot_tail=settings.snapshot_tail,
        session_ttl_ms=settings.session_ttl_ms,
        epoch_ms=wall - now // 1_000,
    )
    return Dump(
        name=settings.name,
        settings=world,
        at=now,
        recorder=lab.recorder.fork(lab.recorder.header, lambda: now),
        nodes=tuple(_node(lab, node) for node in lab.nodes),
        clients=tuple(_client(lab, name) for name in lab.clients),
        links=clone(lab.links),
        letters=tuple(
            Letter(each.sender, node, each.frame.message, each.frame.id, each.due, each.held)
            for node in lab.nodes
            if (running := lab.running(node)) is not None
            for each in running.arrivals.underway
        ),
        writes=tuple(
            (each.at, ResourceWrite(each.client, each.lock_id, each.token, each.leaves, each.slot))
            for each in lab.writes
        ),
        tokens=lab.resource.highest,
        names=frozenset(lab.inside.names),
        paused=paused,
        slowed=lab.clock.speed_ppm != 1_000_000,
    )


def _node(lab: Laboratory, node: NodeID) -> NodeDump:
    inside, running = lab.inside, lab.running(node)
    config, disk = inside.plans[node], inside.disks[node]
    durable, unsynced = disk.durable, disk.unsynced
    if running is None:
        return NodeDump(config, durable, unsynced, None)
    due = running.due
    missed = tuple(
        Letter(sender, node, frame.message, frame.id, Micros(0)) for sender, frame in due.missed
    )
    driver = _driver(lab, running)
    return NodeDump(config, durable, unsynced, driver, running.frozen, due.wake, due.disk, missed)


def _driver(lab: Laboratory, running: Node) -> Driver:
    """A copy that owes nobody an answer: those who wait for one will ask again."""
    same: dict[int, object] = {id(lab.recorder): NOWHERE}
    callers = running.driver.callers  # kept, so that each `id` stays theirs
    same |= {id(each): unheard for each in callers}
    return clone(running.driver, same)


def _client(lab: Laboratory, name: str) -> ClientDump:
    standing = lab.clients[name].standing
    random = clone(standing.random)
    requester = clone(standing.requester, {id(standing.random): random})
    frozen = lab.clients[name].frozen
    return ClientDump(name, requester, random, standing.held, standing.last_number, frozen=frozen)
