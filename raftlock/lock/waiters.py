"""One lock's queue: who waits, in the order in which they will be granted."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass

from raftlock.lock.records import fingerprint
from raftlock.lock.rules import LockRules
from raftlock.types import ClientID, Command, Index, Millis, QueuedWaiter

__all__ = ["WaitQueue", "Waiter"]

_Row = tuple[tuple[int, ...], Index, ClientID]


@dataclass(frozen=True, slots=True)
class Waiter:
    """A client in a queue.

    `place` is what decides its turn and what people are shown. `command` is the request to answer
    when the wait ends, and `stamp` the cluster time of that request's entry: if the client asked
    again, `place.enqueued_stamp` can be older. `enqueued_at` (Unix milliseconds) is for people.
    """

    place: QueuedWaiter
    command: Command
    stamp: Millis
    enqueued_at: Millis = Millis(0)

    def answers(self, command: Command) -> bool:
        """Whether this wait is that of `command`: the same request, perhaps sent again."""
        mine = self.command
        return (mine.session_id, mine.sequence, mine.request_id) == (
            command.session_id,
            command.sequence,
            command.request_id,
        )


class WaitQueue:
    """Waiters in ascending order of `LockRules.waiter_key`, at most one a client.

    A sorted list: finding a place takes O(log n) comparisons, and a queue is bounded
    (`Limits.waiters_per_lock`), so moving its tail is cheap.
    """

    def __init__(self, rules: LockRules) -> None:
        self._rules = rules
        self._rows: list[_Row] = []
        self._waiters: dict[ClientID, tuple[_Row, Waiter]] = {}
        self._fingerprints: dict[ClientID, int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Waiter]:
        """The waiters in grant order."""
        return (self._waiters[client_id][1] for _, _, client_id in self._rows)

    def get(self, client_id: ClientID) -> Waiter | None:
        """The client's wait, or ``None`` if it is not in the queue."""
        return self._waiters[client_id][1] if client_id in self._waiters else None

    def put(self, waiter: Waiter) -> None:
        """Add a waiter; one of the same client is replaced."""
        place = waiter.place
        if place.client_id in self._waiters:
            self.remove(place.client_id)
        # The enqueuing entry's index breaks ties that a rule's key leaves, and the client's name
        # those that nothing leaves: the order must not depend on anything but the log.
        row = (self._rules.waiter_key(place), place.index, place.client_id)
        insort(self._rows, row)
        self._waiters[place.client_id] = (row, waiter)

    def remove(self, client_id: ClientID) -> None:
        """Take a client out; it must be in the queue."""
        assert client_id in self._waiters, f"{client_id} is not in the queue"
        del self._rows[self.position(client_id)]
        del self._waiters[client_id]
        self._fingerprints.pop(client_id, None)

    def position(self, client_id: ClientID) -> int:
        """The client's place, counted from 0 at the head; it must be in the queue."""
        return bisect_left(self._rows, self._waiters[client_id][0])

    def places(self) -> tuple[QueuedWaiter, ...]:
        """The queue in grant order, as people are shown it."""
        return tuple(waiter.place for waiter in self)

    def fingerprints(self) -> list[int]:
        """64 bits over each waiter in grant order; anew only for those that came since."""
        known = self._fingerprints
        for client_id, (_, waiter) in self._waiters.items():
            if client_id not in known:
                known[client_id] = fingerprint(waiter.place, waiter.command, waiter.stamp)
        return [known[client_id] for _, _, client_id in self._rows]
