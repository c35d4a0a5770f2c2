"""A node: the core and the lock table behind one driver, and the sockets around it."""

from raftlock.node.driver import Driver, Envelope, Work
from raftlock.node.node import Node, NodeSettings

__all__ = ["Driver", "Envelope", "Node", "NodeSettings", "Work"]
