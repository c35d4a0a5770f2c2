"""The client's side of a session: which of its requests the service must still remember."""

from __future__ import annotations

from raftlock.types.ids import Millis, SessionID

__all__ = ["OPEN_MAX", "Session"]

OPEN_MAX = 64
"""How many requests may be unanswered at once: the service keeps as many answers and waits."""

_UNSAID = Millis(0)


class Session:
    """One session's numbers (Raft thesis, section 6.3).

    Every request gets the next number, once, and keeps it for all its attempts. The lowest number
    still unanswered travels with each command and tells the service what it may forget.

    The service ends a session that it does not hear of for `ttl_ms`; 0 if it did not say.
    """

    def __init__(
        self, session_id: SessionID, ttl_ms: Millis = _UNSAID, now: Millis = _UNSAID
    ) -> None:
        assert session_id > 0, session_id
        self.id = session_id
        self._ttl_ms = ttl_ms
        self._said_at = now
        self._next = 1
        self._open: set[int] = set()

    @property
    def lowest_unanswered(self) -> int:
        """The lowest number whose answer may still be asked for."""
        return min(self._open, default=self._next)

    @property
    def is_full(self) -> bool:
        """Whether some request must be settled before another one may leave."""
        return len(self._open) >= OPEN_MAX

    @property
    def keep_alive_at(self) -> Millis | None:
        """When nothing was said in it for a third of its TTL: two more may be lost then."""
        return Millis(self._said_at + self._ttl_ms // 3) if self._ttl_ms else None

    def said(self, now: Millis) -> None:
        """Something leaves in this session."""
        self._said_at = now

    def is_forgotten(self, number: int) -> bool:
        """Whether the service may have let the request's answer go, to keep later ones."""
        return self._next - number > OPEN_MAX

    def take(self) -> int:
        """A number for a new request."""
        assert not self.is_full
        number = self._next
        self._next += 1
        self._open.add(number)
        return number

    def settle(self, number: int) -> None:
        """The request has its answer, or nobody will ever ask for it again."""
        self._open.discard(number)
