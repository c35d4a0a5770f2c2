"""What a client believes that it holds."""

from __future__ import annotations

from dataclasses import replace

from raftlock.client.asking import seconds
from raftlock.client.clock import Clock
from raftlock.client.lease import Lease
from raftlock.types.ids import ClientID, Index, LockID, Millis

__all__ = ["Held"]


class Held:
    """One hold: its fencing token, and how long its holder may still act.

    Hand `token` to whatever the lock protects. Once `valid` is false the holder must stop, whatever
    it was doing; renew in time. A renewal of the same hold makes this very object last longer.
    """

    def __init__(
        self, lock_id: LockID, client_id: ClientID, lease: Lease, clock: Clock, request_id: str
    ) -> None:
        self.lock_id = lock_id
        self.client_id = client_id
        self.request_id = request_id
        self._lease = lease
        self._clock = clock

    def __repr__(self) -> str:
        return f"<{self.client_id} holds {self.lock_id!r} with token {self.token}>"

    @property
    def lease(self) -> Lease:
        """The hold as a value: token, TTL, and until when, on the client's clock."""
        return self._lease

    @property
    def token(self) -> Index:
        """The fencing token: unique in the cluster for ever, and larger than any before it."""
        return self._lease.token

    @property
    def slot(self) -> int:
        """The number of its permit, from 1 on, where the lock has permits; else 0."""
        return self._lease.slot

    @property
    def shared(self) -> bool:
        """Whether others may hold it at the same time, to read as this one does."""
        return self._lease.shared

    @property
    def ttl(self) -> float:
        """The granted time to live in seconds."""
        return seconds(self._lease.ttl)

    @property
    def remaining(self) -> float:
        """Seconds for which the holder may still act; 0 once the hold is over."""
        return seconds(self._lease.remaining(self._now()))

    @property
    def valid(self) -> bool:
        """Whether the holder may act now."""
        return self._lease.valid(self._now())

    @property
    def needs_renewal(self) -> bool:
        """Whether less than a third of the TTL is left."""
        return self._lease.needs_renewal(self._now())

    def renewed(self, lease: Lease) -> None:
        """The cluster prolonged the hold."""
        self._lease = self._lease.extended_by(lease)

    def end(self) -> None:
        """The hold is over, whatever the count says: the service has said so."""
        self._lease = replace(self._lease, until=min(self._lease.until, self._now()))

    def _now(self) -> Millis:
        return Millis(self._clock.now_us() // 1000)
