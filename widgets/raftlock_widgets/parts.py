"""The parts that every frame for the panels has, beyond the picture itself."""

from __future__ import annotations

from raftlock.trace.parts import STANDARD, Maker

__all__ = ["PARTS"]

PARTS: tuple[Maker, ...] = (*STANDARD,)
"""What judges a trace comes from check/ and is added here."""
