"""A node as a process of its own, with its disk in a directory: what `raftlock serve` runs."""

from raftlock.serve.service import serve_node

__all__ = ["serve_node"]
