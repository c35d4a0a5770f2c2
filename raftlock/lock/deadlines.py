"""When the next hold or wait comes due."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import NamedTuple

from raftlock.types import ClientID, LockID, Millis

__all__ = ["Deadline", "Deadlines"]

_SLACK = 64


class Deadline(NamedTuple):
    """One deadline; tuples sort as things come due: by moment, then lock, then client."""

    at: Millis
    lock_id: LockID
    client_id: ClientID
    of_wait: bool


class Deadlines:
    """A heap in which a replaced or dropped deadline stays until it comes up (lazy deletion).

    Every operation is O(log n), amortised. The heap never holds more than twice what was live at
    one time, and a little.
    """

    def __init__(self) -> None:
        self._heap: list[Deadline] = []
        self._live: dict[tuple[LockID, ClientID, bool], Millis] = {}

    def set(self, item: Deadline) -> None:
        """Put the deadline of a hold or wait, in place of the one it had."""
        key = item[1:]
        if self._live.get(key) == item.at:
            return
        self._live[key] = item.at
        heappush(self._heap, item)
        if len(self._heap) > 2 * len(self._live) + _SLACK:
            self._heap = [Deadline(at, *rest) for rest, at in self._live.items()]
            heapify(self._heap)

    def drop(self, lock_id: LockID, client_id: ClientID, *, of_wait: bool) -> None:
        """Forget a hold's or a wait's deadline, if it has one."""
        self._live.pop((lock_id, client_id, of_wait), None)

    def first(self) -> Deadline | None:
        """The earliest deadline, or ``None``."""
        while self._heap:
            item = self._heap[0]
            if self._live.get(item[1:]) == item.at:
                return item
            heappop(self._heap)
        return None
