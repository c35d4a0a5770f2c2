"""A caller's arguments, in seconds and words, checked and made into commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raftlock.errors import InvalidArgument, InvalidTTL
from raftlock.transport import limits
from raftlock.types.commands import Command, LockOperation
from raftlock.types.ids import ClientID, Index, Millis

__all__ = ["CALL_MS", "Asking", "seconds"]

CALL_MS = Millis(10_000)
"""How long a call may take if its caller does not say; a wait's own time comes on top."""


def seconds(ms: int) -> float:
    """Milliseconds as a person reads them."""
    return ms / 1_000


@dataclass(frozen=True, slots=True)
class Asking:
    """Makes the commands of one client. Whatever is wrong raises before anything is sent.

    `ttl_ms_min` is the shortest TTL allowed: a second, or less in a laboratory.
    """

    client_id: ClientID
    ttl_ms_min: Millis = Millis(limits.TTL_MS_MIN)

    def acquire(
        self,
        lock_id: object,
        *,
        ttl: object,
        wait: bool,
        wait_timeout: object,
        priority: object,
        metadata: object,
        request_id: object,
        shared: object = False,
        permits: object = 0,
    ) -> Command:
        """A request for the lock; with `wait` it stands in the queue for `wait_timeout` seconds."""
        is_shared, count = limits.check_terms(shared=shared, permits=permits)
        return Command(
            LockOperation.ACQUIRE,
            limits.check_lock_id(lock_id),
            self.client_id,
            ttl=self._ttl(ttl),
            priority=limits.check_priority(priority),
            wait=bool(wait),
            wait_timeout=self._wait("wait_timeout", wait_timeout) if wait else Millis(0),
            metadata=self._metadata(metadata),
            request_id=limits.check_request_id(request_id),
            shared=is_shared,
            permits=count,
        )

    def acquire_all(
        self, lock_ids: object, *, ttl: object, metadata: object, request_id: object
    ) -> Command:
        """A request for all of the locks, or none."""
        return Command(
            LockOperation.ACQUIRE_ALL,
            client_id=self.client_id,
            ttl=self._ttl(ttl),
            metadata=self._metadata(metadata),
            request_id=limits.check_request_id(request_id),
            lock_ids=limits.check_lock_ids(lock_ids),
        )

    def enqueue_waiter(
        self,
        lock_id: object,
        *,
        timeout: object,
        priority: object,
        ttl: object,
        metadata: object,
        request_id: object,
        shared: object = False,
        permits: object = 0,
    ) -> Command:
        """A place in the lock's queue for `timeout` seconds."""
        is_shared, count = limits.check_terms(shared=shared, permits=permits)
        return Command(
            LockOperation.ENQUEUE_WAITER,
            limits.check_lock_id(lock_id),
            self.client_id,
            ttl=self._ttl(ttl),
            priority=limits.check_priority(priority),
            timeout=self._wait("timeout", timeout),
            metadata=self._metadata(metadata),
            request_id=limits.check_request_id(request_id),
            shared=is_shared,
            permits=count,
        )

    def release(self, lock_id: object, *, token: object, request_id: object) -> Command:
        """The end of the hold with that token."""
        return Command(
            LockOperation.RELEASE,
            limits.check_lock_id(lock_id),
            self.client_id,
            version=limits.check_token(token),
            request_id=limits.check_request_id(request_id),
        )

    def renew(self, lock_id: object, *, token: object, ttl: object, request_id: object) -> Command:
        """More time for the hold with that token."""
        return Command(
            LockOperation.RENEW,
            limits.check_lock_id(lock_id),
            self.client_id,
            ttl=self._ttl(ttl),
            version=limits.check_token(token),
            request_id=limits.check_request_id(request_id),
        )

    def revoke(self, lock_id: object, *, token: object, request_id: object) -> Command:
        """The end of a hold, whoever has it; 0 as the `token`: of whichever there is."""
        return Command(
            LockOperation.REVOKE,
            limits.check_lock_id(lock_id),
            self.client_id,
            version=limits.check_token(token) if token else Index(0),
            request_id=limits.check_request_id(request_id),
        )

    def cancel_wait(self, lock_id: object, *, request_id: object) -> Command:
        """The end of the client's wait for the lock."""
        return Command(
            LockOperation.CANCEL_WAIT,
            limits.check_lock_id(lock_id),
            self.client_id,
            request_id=limits.check_request_id(request_id),
        )

    def time_for(self, command: Command | None, timeout: object) -> Millis:
        """How long the whole call may take, from the caller's word if it gives one."""
        if timeout is not None:
            ms = limits.millis_from_seconds("timeout", timeout)
            if ms <= 0:
                raise InvalidArgument(
                    f"timeout must be more than 0 seconds, not {seconds(ms):g} s."
                )
            return ms
        if command is None:
            return CALL_MS
        return Millis(CALL_MS + command.wait_timeout + command.timeout)

    def _ttl(self, ttl: object) -> Millis:
        ms = limits.millis_from_seconds("ttl", ttl)
        if self.ttl_ms_min <= ms < limits.TTL_MS_MIN:
            return ms
        if ms < self.ttl_ms_min:
            least, given = seconds(self.ttl_ms_min), seconds(ms)
            raise InvalidTTL(f"ttl must be from {least:g} s to 24 h, not {given:g} s.")
        return limits.check_ttl(ms)

    def _wait(self, field: str, value: object) -> Millis:
        return limits.check_wait(limits.millis_from_seconds(field, value), field)

    def _metadata(self, metadata: object) -> Mapping[str, str]:
        return limits.check_metadata({} if metadata is None else metadata)
