"""What befalls a run: drawn tick by tick, aimed where it hurts, handed out as plain actions."""

from __future__ import annotations

from dataclasses import dataclass

from raftlock.raft.random64 import Random64
from raftlock.sim.actions import Action
from raftlock.sim.chance import chance, keyed
from raftlock.sim.client import SimClient
from raftlock.sim.node import CRASH_POINTS, SimNode
from raftlock.sim.profile import Profile
from raftlock.sim.stranger import SORTS
from raftlock.sim.world import World
from raftlock.types.events import Json
from raftlock.types.ids import LockID, NodeID
from raftlock.types.roles import NodeRole

__all__ = ["Agenda", "Faults", "Hardware", "Strangers"]


STORM_US = 600_000
"""How long it goes on between two lulls, in runs that have any."""

RIVAL = "rival"
"""Who waits for locks whose holders are stopped."""


class Agenda:
    """Actions that are to be done later, each at its time."""

    def __init__(self, random: Random64) -> None:
        self._random = random
        self._later: list[tuple[int, Action]] = []

    def soon(self, now: int, action: Action, low_ms: int, high_ms: int) -> None:
        """Do it after a time between these two, drawn."""
        self._later.append((now + 1_000 * self._random.between(low_ms, high_ms), action))

    def due(self, now: int) -> list[Action]:
        """What is to be done by now, once."""
        actions = [action for at, action in self._later if at <= now]
        if actions:
            self._later = [each for each in self._later if each[0] > now]
        return actions


@dataclass(frozen=True, slots=True)
class _Stopped:
    """A holder who was stopped when it was about to write, and until when at most."""

    lock: LockID
    token: int
    until: int


class Faults:
    """Draws crashes, pauses and cuts. What it hands out is done at once, in order."""

    def __init__(self, profile: Profile, seed: int) -> None:
        self._profile = profile
        self._random = keyed(seed, "faults")
        self._torn = keyed(seed, "torn")
        self._agenda = Agenda(self._random)
        self._partitioned_until = 0
        self._stopped: dict[str, _Stopped] = {}
        self._overtaken: dict[LockID, int] = {}

    def tick(self, world: World) -> list[Action]:
        """What happens now; `world` is only looked at."""
        now = world.clock.now
        actions = self._agenda.due(now)
        if self._is_lull(now):
            if world.network.links.changed() or world.network.links.groups:
                actions.append({"do": "heal"})
        else:
            actions += self._strike(world)
        actions += self._go_on(now)
        for client in world.clients.values():
            actions += self._pause_client(world, client)
        return actions

    def _is_lull(self, now: int) -> bool:
        lull_us = 1_000 * self._profile.lull_ms
        return now % (STORM_US + lull_us) < lull_us

    def _strike(self, world: World) -> list[Action]:
        """Crashes, pauses and cuts."""
        actions: list[Action] = []
        now, profile, random = world.clock.now, self._profile, self._random
        if chance(random, profile.partition_ppm):
            actions += self._partition(world)
        for node in world.nodes.values():
            if not node.is_up:
                continue
            aimed = 3 if node.running.raft.role is NodeRole.LEADER else 1
            if chance(random, profile.crash_ppm * aimed // 3):
                actions.append(self._crash(node.id, world, "kill"))
            elif not node.trap and chance(random, profile.crash_on_write_ppm * aimed // 3):
                actions.append(self._crash(node.id, world, "crash_on_write"))
            elif not node.frozen and chance(random, profile.pause_ppm * aimed // 3):
                self._soon(now, "thaw", node.id, 50, 3_000)
                actions.append({"do": "freeze", "node": node.id})
        if profile.blackout and chance(random, 2_000):
            actions += self._blackout(world)
        return actions

    def _pause_client(self, world: World, client: SimClient) -> list[Action]:
        """Stop a client; a holder at the worst moment."""
        now_ms = world.now_ms()
        held = [
            lock
            for lock, lease in client.held.items()
            if lease.valid(now_ms) and lease.token > self._overtaken.get(lock, 0)
        ]
        often = 10 if held else 1
        if client.name == RIVAL:
            return self._overtake(client)
        if client.frozen or not chance(self._random, self._profile.client_pause_ppm * often):
            return []
        if held:
            return self._pause_holder(world, client, held[0])
        name = NodeID(f"client:{client.name}")
        self._soon(world.clock.now, "thaw", name, 50, 50 + self._profile.ttl_ms)
        return [{"do": "freeze", "node": name}]

    def _pause_holder(self, world: World, client: SimClient, lock: LockID) -> list[Action]:
        """It has looked at its lease and is about to write: the write goes out when it goes on.

        By then its time is over, and a rival, who does nothing but wait for that, has written;
        unless the cluster cannot say so for long.
        """
        name, ttl_ms = NodeID(f"client:{client.name}"), self._profile.ttl_ms
        lease = client.held[lock]
        most_ms = lease.remaining(world.now_ms()) + self._random.between(2_000, 4_000)
        until = world.clock.now + 1_000 * most_ms
        self._stopped[client.name] = _Stopped(lock, lease.token, until)
        asks: dict[str, Json] = {"do": "ask", "client": RIVAL, "op": "wait", "lock": lock}
        asks |= {"ttl_ms": ttl_ms, "wait_ms": 4_000, "priority": 9, "time_ms": 5_000}
        return [
            {"do": "write", "client": client.name, "lock": lock, "work_us": 5_000},
            {"do": "freeze", "node": name},
            asks,
        ]

    def _go_on(self, now: int) -> list[Action]:
        """Let holders go on whose time to be late has come."""
        actions: list[Action] = []
        for name, each in tuple(self._stopped.items()):
            if now >= each.until or self._overtaken.get(each.lock, 0) > each.token:
                del self._stopped[name]
                actions.append({"do": "thaw", "node": f"client:{name}"})
        return actions

    def _overtake(self, rival: SimClient) -> list[Action]:
        """The rival writes as soon as it may, and lets go."""
        actions: list[Action] = []
        for lock, lease in rival.held.items():
            if self._overtaken.get(lock) != lease.token:
                self._overtaken[lock] = lease.token
                told: dict[str, Json] = {"client": rival.name, "lock": lock}
                actions.append(told | {"do": "write", "work_us": 0})
                actions.append(told | {"do": "ask", "op": "release", "time_ms": 2_000})
        return actions

    def _soon(self, now: int, verb: str, node: NodeID, low_ms: int, high_ms: int) -> None:
        self._agenda.soon(now, {"do": verb, "node": node}, low_ms, high_ms)

    def _crash(self, node: NodeID, world: World, verb: str) -> Action:
        kept = 1 + self._random.below(3) if chance(self._random, self._profile.kept_ppm) else 0
        told: dict[str, Json] = {"do": verb, "node": node, "kept": kept}
        if verb == "crash_on_write":
            told["point"] = CRASH_POINTS[self._random.below(len(CRASH_POINTS))]
        if chance(self._torn, self._profile.torn_ppm):
            told["torn"] = True
        self._soon(world.clock.now, "restart", node, 5, 600)
        if verb == "crash_on_write":
            self._soon(world.clock.now, "restart", node, 600, 1_200)
        return told

    def _blackout(self, world: World) -> list[Action]:
        """The whole cluster loses power at once."""
        up = [node.id for node in world.nodes.values() if node.is_up]
        for node in up:
            self._soon(world.clock.now, "restart", node, 5, 600)
        return [{"do": "kill", "node": node} for node in up]

    def _partition(self, world: World) -> list[Action]:
        """Cut the cluster in one of several ways, or mend it if it has been cut long enough."""
        random, nodes, now = self._random, list(world.nodes), world.clock.now
        if len(nodes) < 2 or now < self._partitioned_until:
            return []
        self._partitioned_until = now + 1_000 * self._profile.partition_ms_min
        if world.network.links.changed() or world.network.links.groups:
            return [{"do": "heal"}]
        leader = next(
            (
                node.id
                for node in world.nodes.values()
                if node.is_up and node.running.raft.role is NodeRole.LEADER
            ),
            nodes[random.below(len(nodes))],
        )
        others = [node for node in nodes if node != leader]
        if chance(random, self._profile.one_way_ppm):
            return self._one_way(leader, others)
        group: list[Json] = [leader]
        match random.below(4):
            case 0:
                group = [node for node in nodes if random.below(2)]
            case 1:
                group.append(others[random.below(len(others))])
            case 2:
                group = [nodes[random.below(len(nodes))]]
            case _:
                pass
        if not 0 < len(group) < len(nodes):
            return []
        return [{"do": "partition", "groups": [group]}]

    def _one_way(self, leader: NodeID, others: list[NodeID]) -> list[Action]:
        """Somebody hears and is not heard, or two sides have one node between them."""
        random = self._random
        if random.below(2):
            heard = random.below(2)
            cut = [node for node in others if random.below(3)]
            return [
                {
                    "do": "cut",
                    "src": leader if heard else node,
                    "dst": node if heard else leader,
                    "one_way": True,
                }
                for node in cut
            ]
        bridge = others[random.below(len(others))]
        rest = [leader, *(node for node in others if node != bridge)]
        half = max(1, len(rest) // 2)
        return [
            {"do": "cut", "src": one, "dst": other, "one_way": False}
            for one in rest[:half]
            for other in rest[half:]
        ]


class Hardware:
    """Draws what befalls disks and clocks, and starts again who was stopped by its disk."""

    def __init__(self, profile: Profile, seed: int) -> None:
        self._profile = profile
        self._random = keyed(seed, "hardware")
        self._agenda = Agenda(self._random)
        self._mended: dict[NodeID, int] = {}
        self._is_drawn = any((profile.disk_error_ppm, profile.rate_change_ppm, profile.jump_ppm))

    def tick(self, world: World) -> list[Action]:
        """What happens now; `world` is only looked at."""
        if not self._is_drawn:
            return []
        actions = self._agenda.due(world.clock.now)
        profile, random = self._profile, self._random
        for node in world.nodes.values():
            if node.is_up and chance(random, profile.disk_error_ppm):
                actions.append(self._disk(node, world))
            elif profile.disk_error_ppm and not node.is_up:
                self._mend(node, world)
        names = list(world.nodes)
        if chance(random, profile.rate_change_ppm):
            rate = random.between(-profile.rate_ppm, profile.rate_ppm)
            node_id = names[random.below(len(names))]
            actions.append({"do": "clock", "node": node_id, "rate_ppm": rate})
        if chance(random, profile.jump_ppm):
            node_id = names[random.below(len(names))]
            actions.append({"do": "clock", "node": node_id, "jump_ms": 1 + random.below(5_000)})
        return actions

    def _disk(self, node: SimNode, world: World) -> Action:
        fault = ("fail_write", "fail_sync", "full")[self._random.below(3)]
        told: dict[str, Json] = {"do": "disk", "node": node.id}
        if fault == "full":
            self._agenda.soon(world.clock.now, told | {"fault": "well"}, 100, 2_000)
        elif fault == "fail_sync":
            told["left"] = self._random.below(4)
        return told | {"fault": fault}

    def _mend(self, node: SimNode, world: World) -> None:
        """Nobody else starts a node that its disk has stopped."""
        if self._mended.get(node.id) != node.life:
            self._mended[node.id] = node.life
            restart: Action = {"do": "restart", "node": node.id}
            self._agenda.soon(world.clock.now, restart, 5, 1_000)


class Strangers:
    """Draws who knocks at the nodes' doors."""

    def __init__(self, profile: Profile, seed: int) -> None:
        self._profile = profile
        self._random = keyed(seed, "knocking")

    def tick(self, world: World) -> list[Action]:
        """Who comes now; `world` is only looked at."""
        random = self._random
        if not chance(random, self._profile.stranger_ppm):
            return []
        names, sorts = list(world.nodes), list(SORTS)
        node, sort = names[random.below(len(names))], sorts[random.below(len(sorts))]
        return [{"do": "stranger", "node": node, "sort": sort}]
