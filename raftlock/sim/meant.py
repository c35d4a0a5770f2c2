"""Whom an action means, and that it was done: what all kinds of actions share."""

from __future__ import annotations

from collections.abc import Mapping

from raftlock.errors import InvalidArgument, UnknownNode
from raftlock.sim.client import SimClient
from raftlock.sim.node import SimNode
from raftlock.sim.world import World
from raftlock.trace.fields import text
from raftlock.transport.limits import check_client_id
from raftlock.types.events import Json
from raftlock.types.ids import NodeID

__all__ = [
    "Action",
    "client_of",
    "name_of",
    "node_named",
    "node_up",
    "place_of",
    "tell_fault",
    "two_nodes",
]

Action = Mapping[str, Json]


def tell_fault(world: World, action: Action, what: str, **data: Json) -> None:
    """Put it into the trace that this is done, and by whom."""
    world.tell("", "fault", {"what": what, "by": text(action, "by") or "cell", **data})


def node_named(world: World, name: str) -> SimNode:
    """The node of that name."""
    node = world.nodes.get(NodeID(name))
    if node is None:
        there = ", ".join(world.nodes)
        raise UnknownNode(f"There is no node {name[:40]!r}: the nodes are {there}.")
    return node


def node_up(world: World, action: Action) -> SimNode:
    """The action's node, which must be up."""
    node = node_named(world, text(action, "node"))
    if not node.is_up:
        raise InvalidArgument(f"{node.id} is down: restart it first.")
    return node


def place_of(world: World, action: Action) -> SimNode | SimClient:
    """A node by its name, or a client as ``client:NAME``."""
    name = text(action, "node")
    if not name.startswith("client:"):
        return node_named(world, name)
    client = world.clients.get(name.removeprefix("client:"))
    if client is None:
        raise InvalidArgument(f"There is no {name[:40]!r} yet: let it ask for something first.")
    return client


def name_of(place: SimNode | SimClient) -> str:
    """The name of a place in the trace."""
    return place.id if isinstance(place, SimNode) else f"client:{place.name}"


def client_of(world: World, action: Action) -> SimClient:
    """The action's client; made if it has never done anything."""
    return world.client(check_client_id(text(action, "client")))


def two_nodes(world: World, action: Action) -> tuple[NodeID, NodeID]:
    """The two ends of the action's link."""
    src = node_named(world, text(action, "src"))
    dst = node_named(world, text(action, "dst"))
    if src is dst:
        raise InvalidArgument(f"A link joins two nodes: {src.id} has none to itself.")
    return src.id, dst.id
