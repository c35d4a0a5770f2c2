"""How long a holder may believe that it holds: never longer than the cluster does.

The cluster counts a lock's TTL in cluster time, from the stamp of the entry that granted it. Its
holder cannot see that stamp pass, so it counts on a clock of its own, from a moment that certainly
came earlier: before its first attempt with that request id left. If the request was queued first,
the time it stood in the queue, by the log's own stamps, is added: cluster time does not outrun real
time, so that much has passed since then. Two clocks may run at different rates, 1 % off real time
either way, so a holder counts 98 % of all that is measured in cluster time: of its TTL, and of the
time in the queue, which a leader with a fast clock stamped too long just the same.

Beyond those rates only the fencing token protects.
"""

from __future__ import annotations

from dataclasses import dataclass

from raftlock.types.answers import Outcome
from raftlock.types.ids import Index, Millis

__all__ = ["CLOCK_RATE_MARGIN_PERCENT", "Lease"]

CLOCK_RATE_MARGIN_PERCENT = 1
"""How far from real time a clock's rate may be, holder's and leader's each."""


@dataclass(frozen=True, slots=True)
class Lease:
    """One hold as its holder may believe it, on the holder's own clock in milliseconds.

    `started` is where the count begins, `until` the first millisecond at which the holder must no
    longer act. `ttl` is what the cluster granted, so `until` comes before `started` + `ttl`. `slot`
    is the number of the permit, where it is one; `shared` says that others may hold it too.
    """

    token: Index
    ttl: Millis
    started: Millis
    until: Millis
    slot: int = 0
    shared: bool = False

    @classmethod
    def counted_from(
        cls, first_left: Millis, outcome: Outcome, margin_percent: int = CLOCK_RATE_MARGIN_PERCENT
    ) -> Lease:
        """The lease that a grant or a renewal gives; `first_left` is when its first attempt left.

        An outcome that says it had expired before it was told gives a lease that is over.
        """
        kept_percent = 100 - 2 * margin_percent  # the leader's clock fast, the holder's slow
        queued = max(0, outcome.stamp - outcome.enqueued_stamp)
        started = Millis(first_left + queued * kept_percent // 100)
        counted = 0 if outcome.expired else outcome.ttl * kept_percent // 100
        until = Millis(started + counted)
        return cls(outcome.token, outcome.ttl, started, until, outcome.slot, outcome.shared)

    def extended_by(self, other: Lease) -> Lease:
        """This lease after `other` was granted: for the same hold never shorter than it was."""
        return self if self.token == other.token and self.until > other.until else other

    def remaining(self, now: Millis) -> Millis:
        """How long the holder may still act; 0 if the lease is over."""
        return Millis(max(0, self.until - now))

    def valid(self, now: Millis) -> bool:
        """Whether the holder may act now. Nothing may be done under a lease that is over."""
        return now < self.until

    def needs_renewal(self, now: Millis) -> bool:
        """Whether less than a third of the TTL is left: renew before work is begun under it."""
        return 3 * self.remaining(now) < self.ttl
