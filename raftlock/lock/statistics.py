"""What the table has done since its log began: a few counts, the same on every replica."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import attrgetter

from raftlock.lock.rules import Hold
from raftlock.types import Millis

__all__ = ["Statistics"]


@dataclass(slots=True)
class Statistics:
    """Counts of what entries did; `types.LockStats` says what each one is.

    They are part of the table like its locks: in its digest and its snapshots. Answers that are
    repeated to a retry are not counted again. Every wait that began is granted, timed out,
    cancelled, or there still; every hold that was acquired has ended, or is there still.
    """

    acquired: int = 0
    renewed: int = 0
    released: int = 0
    expired: int = 0
    waits_begun: int = 0
    waits_granted: int = 0
    waits_timed_out: int = 0
    waits_cancelled: int = 0
    refused: int = 0
    hold_time_total: Millis = Millis(0)
    hold_time_longest: Millis = Millis(0)

    def numbers(self) -> tuple[int, ...]:
        """All of them, in their order."""
        return _numbers(self)

    @property
    def hold_time_average(self) -> Millis:
        """How long a hold lasted, on average; 0 if none has ended."""
        return Millis(self.hold_time_total // max(1, self.released + self.expired))

    def wait_ended(self, *, timed_out: bool) -> None:
        """A wait came to nothing."""
        if timed_out:
            self.waits_timed_out += 1
        else:
            self.waits_cancelled += 1

    def hold_ended(self, hold: Hold, clock: Millis, *, expired: bool) -> None:
        """A hold is over. One that expired lasted to its deadline, whenever an entry said so."""
        if expired:
            self.expired += 1
        else:
            self.released += 1
        lasted = max(0, min(clock, hold.deadline) - hold.granted_stamp)
        self.hold_time_total = Millis(self.hold_time_total + lasted)
        self.hold_time_longest = Millis(max(self.hold_time_longest, lasted))


_numbers: Callable[[Statistics], tuple[int, ...]] = attrgetter(
    *(field.name for field in fields(Statistics))
)
