"""How busy a lock table was in the last minute, as one node saw it. No entry decides by it."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from raftlock.types.ids import Millis
from raftlock.types.status import LockRates, LockStats

__all__ = ["Rates"]

MINUTE_MS = 60_000
STEP_MS = 1_000


class Rates:
    """Samples of a table's counts, at most one a second, for the last minute."""

    def __init__(self) -> None:
        self._samples: deque[tuple[Millis, LockStats]] = deque()

    def is_due(self, now: Millis) -> bool:
        """Whether it is time for the next sample."""
        return not self._samples or now - self._samples[-1][0] >= STEP_MS

    def note(self, now: Millis, stats: LockStats) -> None:
        """The counts as they are now."""
        self._samples.append((now, stats))
        # The one before the minute stays: what is counted begins there.
        while len(self._samples) > 1 and now - self._samples[1][0] >= MINUTE_MS:
            self._samples.popleft()

    def over_a_minute(self, now: Millis, stats: LockStats) -> LockStats:
        """`stats` with what was done in the last minute, or in as much of it as was seen."""
        since = next((kept for kept in reversed(self._samples) if now - kept[0] >= MINUTE_MS), None)
        if since is None and self._samples:
            since = self._samples[0]
        if since is None:
            return stats
        before = since[1]
        rates = LockRates(
            over=Millis(now - since[0]),
            acquired=max(0, stats.acquired - before.acquired),
            renewed=max(0, stats.renewed - before.renewed),
            released=max(0, stats.released - before.released),
            expired=max(0, stats.expired - before.expired),
            refused=max(0, stats.refused - before.refused),
        )
        return replace(stats, rates=rates)
