"""Whether a cluster comes to work again once all its faults have ended.

A new command must be applied by every member that lives, within so many election timeouts, and by
those who join meanwhile in the end. A cluster of which too many disks were lost is rightly stuck:
it is not judged.
"""

from __future__ import annotations

from collections.abc import Iterable

from raftlock.check.violation import Violation
from raftlock.sim.changes import majority_is_intact
from raftlock.sim.client import Ask
from raftlock.sim.node import SimNode
from raftlock.sim.world import World
from raftlock.types.ids import NodeID
from raftlock.types.membership import Configuration

__all__ = ["LIVENESS_TIMEOUTS", "Liveness"]

LIVENESS_TIMEOUTS = 10
"""Within how many election timeouts of virtual time a calmed cluster must work again."""


class Liveness:
    """Made when the faults have ended. `asked` is the new command, once a client has asked it."""

    def __init__(self, world: World) -> None:
        self.span = LIVENESS_TIMEOUTS * world.settings.timing.election_timeout_ms_max * 1_000
        self.due = world.clock.now + self.span
        self.asked: Ask | None = None
        self._world = world
        self._lives = {node.id: node.life for node in world.nodes.values() if node.is_up}

    def judge(self) -> Violation | None:
        """What is wrong when the time is up: all who were there when the faults ended must do."""
        nodes = self._world.nodes
        return self._judge(
            name for name in self._members() if self._lives.get(name) == nodes[name].life
        )

    def judge_finally(self) -> Violation | None:
        """What is wrong at the end of the run: everybody must do."""
        return self._judge(self._members())

    @property
    def is_reached(self) -> bool:
        """Whether everybody does."""
        return bool(self._token) and not self._behind(self._members())

    @property
    def _token(self) -> int:
        asked = self.asked
        return asked.lease.token if asked is not None and asked.lease is not None else 0

    def _judge(self, names: Iterable[NodeID]) -> Violation | None:
        if self.asked is None or not self._can_work():
            return None
        behind = self._behind(names)
        if self._token and not behind:
            return None
        who = ", ".join(behind) if self._token else "a new command"
        sentence = (
            f"{LIVENESS_TIMEOUTS} election timeouts after all faults ended, {who} had not "
            "come to apply a new command."
        )
        last = self._world.recorder.last_seq
        return Violation("liveness", sentence, last, nodes=tuple(behind))

    def _behind(self, names: Iterable[NodeID]) -> list[NodeID]:
        nodes = self._world.nodes
        return [
            name
            for name in names
            if not nodes[name].is_up or self._probed(nodes[name]) < self._token
        ]

    def _probed(self, node: SimNode) -> int:
        """The token with which the probe holds its lock by this node's table.

        The index of its entry would say as much; but a token can be larger than its index.
        """
        asked = self.asked
        command = asked.command if asked is not None else None
        change = node.running.table.info(command.lock_id) if command is not None else None
        return change.token if change is not None else 0

    def _configurations(self) -> list[Configuration]:
        """The leader's; as nobody leads, that of each."""
        leader = self._world.leader()
        nodes = [leader] if leader is not None else self._world.nodes.values()
        return [node.running.raft.members[1] for node in nodes if node.is_up]

    def _members(self) -> list[NodeID]:
        """Whoever belongs to the cluster and has its disk still."""
        world = self._world
        members = {name for each in self._configurations() for name in each.members}
        return [node.id for node in world.nodes.values() if node.id in members and not node.refused]

    def _can_work(self) -> bool:
        """Whether a majority has its disks still."""
        return all(majority_is_intact(each, self._world) for each in self._configurations())
