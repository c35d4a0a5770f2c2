"""What the cluster answers to who asked for other members, or for another leader."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from raftlock.errors import error_from_code
from raftlock.raft.effects import Resolution

__all__ = ["Answers"]

_KEPT = 16


class Answers:
    """The last few answers, by the number of the question. `last` is the latest one's."""

    def __init__(self) -> None:
        self.last = 0
        self._known: dict[int, Resolution] = {}

    def next(self) -> Callable[[Resolution], None]:
        """Where the answer to one more question goes."""
        self.last += 1
        return partial(self._hear, self.last)

    def check(self, number: int) -> None:
        """Raise what that question was refused with, if it was."""
        known = self._known.get(number)
        if known is not None and not known.accepted:
            raise error_from_code(known.code, known.message)

    def _hear(self, number: int, resolution: Resolution) -> None:
        self._known[number] = resolution
        while len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]
