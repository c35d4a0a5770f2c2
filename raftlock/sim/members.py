"""Actions that change who belongs to a simulated cluster, and who leads it.

Nodes come and go by `add`, `remove` and `wipe`; what the cluster itself makes of that is an entry
of its log, which `members` asks the leader for. A node that lost its disk does not come back: it
may have promised what it no longer knows. Its successor has a name of its own and no vote.
"""

from __future__ import annotations

from collections.abc import Callable

from raftlock.errors import InvalidArgument, NoLeader
from raftlock.sim.meant import Action, node_named, tell_fault
from raftlock.sim.node import SimNode
from raftlock.sim.settings import NODES_MAX
from raftlock.sim.world import World
from raftlock.trace.fields import flag, names, text
from raftlock.transport.limits import check_node_id
from raftlock.types.events import Json
from raftlock.types.ids import NodeID

__all__ = ["VERBS"]


def _add(world: World, action: Action) -> None:
    """Start a node that has never run. It is no member yet."""
    name = check_node_id(action.get("node"))
    if not world.unused(name):
        raise InvalidArgument(f"There was a node {name} before: give the new one another name.")
    if len(world.nodes) >= NODES_MAX:
        raise InvalidArgument(f"A cluster has at most {NODES_MAX} nodes: remove one first.")
    tell_fault(world, action, "add", node=name)
    world.add(name)


def _remove(world: World, action: Action) -> None:
    """Stop a node for good, once it is no member any more."""
    node = node_named(world, text(action, "node"))
    if node.id in world.members().members:
        raise InvalidArgument(f"{node.id} is a member still: change the members first.")
    tell_fault(world, action, "remove", node=node.id)
    world.dismiss(node, "removed")


def _wipe(world: World, action: Action) -> None:
    """Take a node's disk: another begins in its place or, `as_voter`, it begins itself anew."""
    node, as_voter = node_named(world, text(action, "node")), flag(action, "as_voter")
    becomes = node.id if as_voter else successor(world, node.id)
    tell_fault(world, action, "wipe", node=node.id, becomes=becomes, as_voter=as_voter)
    if as_voter:
        world.erase(node)
        return
    world.network.links.add(becomes, beside=node.id)  # where that stood in a partition
    world.dismiss(node, "wiped")
    world.add(becomes)


def successor(world: World, name: NodeID) -> NodeID:
    """Who takes the place of a node whose disk is gone: n3.2 that of n3, then n3.3, ..."""
    place, _, number = name.rpartition(".")
    if not place or not number.isdecimal():
        place, number = name, "1"
    next_number = int(number) + 1
    while not world.unused(NodeID(f"{place}.{next_number}")):
        next_number += 1
    return NodeID(f"{place}.{next_number}")


def _members(world: World, action: Action) -> None:
    """Ask the leader to go over to these members."""
    leader = _leader(world)
    voters, learners = names(action, "voters"), names(action, "learners")
    voting: list[Json] = [*voters]
    learning: list[Json] = [*learners]
    tell_fault(world, action, "members", voters=voting, learners=learning)
    result = world.answers.next()
    change = leader.running.change_members(
        leader.now_ms(), tuple(map(NodeID, voters)), tuple(map(NodeID, learners)), result
    )
    world.perform(leader, change)
    world.answers.check(world.answers.last)


def _transfer(world: World, action: Action) -> None:
    """Ask the leader to hand over to a node, or to whoever is furthest."""
    leader, target = _leader(world), NodeID(text(action, "node"))
    tell_fault(world, action, "transfer", node=target)
    result = world.answers.next()
    world.perform(leader, leader.running.transfer(leader.now_ms(), target, result))
    world.answers.check(world.answers.last)


def _leader(world: World) -> SimNode:
    leader = world.leader()
    if leader is None:
        raise NoLeader("Nobody leads now: let time pass until there is a leader, and ask again.")
    return leader


VERBS: dict[str, Callable[[World, Action], None]] = {
    "add": _add,
    "remove": _remove,
    "wipe": _wipe,
    "members": _members,
    "transfer": _transfer,
}
"""These actions by their names."""
