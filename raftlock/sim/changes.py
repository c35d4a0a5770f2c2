"""Who belongs to an explored cluster: draws changes of members, and follows each to its end.

Nothing here waits: a change goes on by looking at the world, again and again, and asking for the
next step. So leaders may change meanwhile, and any step be refused or lost. No more disks are lost
than the cluster can do without: else it would be stuck, and rightly so.
"""

from __future__ import annotations

from collections.abc import Iterable

from raftlock.raft.node import Raft
from raftlock.sim.actions import Action
from raftlock.sim.chance import chance, keyed
from raftlock.sim.members import successor
from raftlock.sim.node import SimNode
from raftlock.sim.profile import Profile
from raftlock.sim.world import World
from raftlock.types.events import Json
from raftlock.types.ids import NodeID
from raftlock.types.membership import Configuration

__all__ = ["Changes", "majority_is_intact", "settled_members"]

VOTERS_MAX = 7
VOTERS_MIN = 2

PAUSE_US = 60_000
"""How long a step is given before it is looked at, and perhaps asked for once more."""

LAG_MAX = 8
"""How many entries a learner may lack when it gets its vote."""


class Changes:
    """Draws what changes of the members of one run."""

    def __init__(self, profile: Profile, seed: int, nodes: tuple[NodeID, ...]) -> None:
        self._profile = profile
        self._random = keyed(seed, "changes")
        self._first = nodes
        self._made = len(nodes)
        self._goal: tuple[NodeID, ...] = ()
        self._leaves_first = False
        self._damaged: set[NodeID] = set()
        self._next_at = 0
        self.is_drawn = any(
            (profile.member_ppm, profile.transfer_ppm, profile.wipe_ppm, profile.flip_ppm)
        )

    def tick(self, world: World) -> list[Action]:
        """Begin something now and then, and go on with what was begun; `world` is looked at."""
        if not self.is_drawn:
            return []
        actions = self.settle(world)
        profile, random = self._profile, self._random
        if chance(random, profile.transfer_ppm):
            actions.append({"do": "transfer", "node": self._heir_apparent(world)})
        if chance(random, profile.member_ppm):
            self._change(world)
        if chance(random, profile.wipe_ppm):
            actions += self._lose(world, "wipe")
        if chance(random, profile.flip_ppm):
            actions += self._lose(world, "flip")
        return actions

    def settle(self, world: World) -> list[Action]:
        """The next step of what was begun, and of replacing who will not start over its disk."""
        for node in world.nodes.values():
            # Who is to leave leaves as others do: it is no member any more before it is removed.
            if node.refused and (not self._goal or node.id in self._goal):
                return self._replace(world, node.id)
        if not self._goal or world.clock.now < self._next_at:
            return []
        leader = world.leader()
        members = settled_members(leader.running.raft) if leader is not None else None
        if leader is None or members is None:
            return []
        self._next_at = world.clock.now + PAUSE_US
        return self._step(world, leader, members)

    def at_rest(self, world: World) -> bool:
        """Whether nothing is under way."""
        return not self._goal and not any(node.refused for node in world.nodes.values())

    # ---- what is begun ----

    def _heir_apparent(self, world: World) -> str:
        names = ["", *world.nodes]
        return names[self._random.below(len(names))]

    def _change(self, world: World) -> None:
        """One voter more, or one less."""
        voters, random = self._voters(world), self._random
        if self._goal or not voters:
            return
        if len(voters) < VOTERS_MAX and (len(voters) <= VOTERS_MIN or random.below(2)):
            self._made += 1
            self._goal = (*voters, NodeID(f"n{self._made}"))
            return
        leaving = voters[random.below(len(voters))]
        staying = tuple(name for name in voters if name != leaving)
        if (
            len(staying) >= VOTERS_MIN
            and majority_is_intact(Configuration(staying), world, self._damaged)
            and any(name in self._first for name in staying)
        ):
            self._goal = staying

    def _lose(self, world: World, how: str) -> list[Action]:
        """Lose a disk at once, or let a part of it rot, if the cluster can do without it."""
        voters, random = self._voters(world), self._random
        if not voters:
            return []
        victim = voters[random.below(len(voters))]
        leader = world.leader()
        if leader is not None and random.below(3) == 0:
            victim = leader.id
        if not self._may_lose(world, victim):
            return []
        if how == "flip":
            self._damaged.add(victim)
            return [{"do": "disk", "node": victim, "fault": "flip"}]
        return self._replace(world, victim)

    def _may_lose(self, world: World, victim: NodeID) -> bool:
        """Whether a majority stays, by every configuration that may come to hold.

        One at a time: until the last one is replaced, the next one must wait.
        """
        if self._goal or self._damaged & world.nodes.keys():
            return False
        if not any(name in self._first for name in world.nodes if name != victim):
            return False  # clients know the first nodes only
        nodes = world.nodes.values()
        return all(node.is_up for node in nodes) and all(
            majority_is_intact(configuration, world, {victim})
            for node in nodes
            for configuration in _in_force(node.running.raft)
        )

    def _replace(self, world: World, lost: NodeID) -> list[Action]:
        """The disk of `lost` is gone: its successor takes its place."""
        voters = self._goal or self._voters(world)
        if not voters:
            return []
        if lost not in voters:
            self._goal = voters
            return []
        heir = successor(world, lost)
        self._goal = tuple(heir if name == lost else name for name in voters)
        self._leaves_first = self._random.below(2) == 1
        return [{"do": "wipe", "node": lost}]

    def _voters(self, world: World) -> tuple[NodeID, ...]:
        """The voters, if there is a leader and nothing is under way."""
        leader = world.leader()
        members = settled_members(leader.running.raft) if leader is not None else None
        return members.voters if members is not None else ()

    # ---- how it goes on ----

    def _step(self, world: World, leader: SimNode, members: Configuration) -> list[Action]:
        goal = self._goal
        for name in goal:
            if name in members.members:
                continue
            if name in world.nodes:
                return [_to(members.voters, (*members.learners, name))]
            if "." in name:
                self._goal = ()  # the disk was not lost after all
                return []
            return [{"do": "add", "node": name}]
        if set(goal) == set(members.voters) and not members.learners:
            left = [name for name in world.nodes if name not in goal]
            if not left:
                self._goal = ()
            return [{"do": "remove", "node": name} for name in left]
        committed = leader.running.raft.commit_index
        if all(
            name in members.voters or _applied(world, name) + LAG_MAX >= committed for name in goal
        ):
            return [_to(goal, ())]
        gone = [name for name in members.voters if name not in world.nodes]
        if gone and self._leaves_first:
            staying = tuple(name for name in members.voters if name not in gone)
            return [_to(staying, members.learners)]
        return []


def settled_members(raft: Raft) -> Configuration | None:
    """The members as this node has them, unless a change of them is under way there."""
    index, members = raft.members
    return None if members.is_joint or index > raft.commit_index else members


def _logged(raft: Raft) -> list[tuple[int, Configuration]]:
    """The configurations in its log, each with its index."""
    log = raft.log
    return [
        (entry.index, entry.configuration)
        for entry in log.entries(log.first_index, log.last_index)
        if entry.configuration is not None
    ]


def _in_force(raft: Raft) -> list[Configuration]:
    """Which may come to hold as far as this node knows: the latest committed, and all after it."""
    logged = _logged(raft)
    committed = [index for index, _ in logged if index <= raft.commit_index]
    found = [each for index, each in logged if not committed or index >= committed[-1]]
    return [*found, raft.members[1]]


def majority_is_intact(
    configuration: Configuration, world: World, lost: Iterable[NodeID] = ()
) -> bool:
    """Whether the disks of a majority are there, or will be, in both halves if it is joint."""
    gone = set(lost) | {node.id for node in world.nodes.values() if node.refused}
    return all(
        2 * sum(name in world.nodes and name not in gone for name in half) > len(half)
        for half in configuration.halves
    )


def _applied(world: World, name: NodeID) -> int:
    node = world.nodes.get(name)
    return node.running.raft.last_applied if node is not None and node.is_up else -LAG_MAX


def _to(voters: tuple[NodeID, ...], learners: tuple[NodeID, ...]) -> Action:
    told: dict[str, Json] = {"do": "members"}
    return told | {"voters": list(voters), "learners": list(learners)}
