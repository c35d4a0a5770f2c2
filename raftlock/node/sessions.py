"""Which sessions a leader has not heard of for too long: their end is for it to propose.

Only a leader counts, by its own node's clock, and it counts from its election: what clients said
to the leader before it is not in the log, so no session ends early because the leader changed
(Raft thesis 6.3). What a session's end does is the lock table's: its waits go, its locks stay.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from raftlock.types.answers import Outcome, OutcomeStatus
from raftlock.types.commands import LockOperation
from raftlock.types.ids import Millis, SessionID

__all__ = ["SESSION_TTL_MS", "SessionWatch"]

SESSION_TTL_MS = Millis(10_000)
"""How long a session lives unheard, unless a node is told otherwise."""

ENDING_MAX = 64
"""How many ends may be on their way at once: many clients may fall silent together."""

AGAIN_MS = 100
"""When to propose again what a busy log did not take."""


class SessionWatch:
    """The sessions of the table by when they were last heard, the longest silent first.

    A session that the table has lost otherwise stays until its time is up, and is forgotten then.
    """

    def __init__(self, ttl_ms: Millis) -> None:
        assert ttl_ms > 0, ttl_ms
        self.ttl_ms = ttl_ms
        self._heard: OrderedDict[SessionID, Millis] = OrderedDict()
        self._ending: set[SessionID] = set()
        self._not_before = Millis(0)
        self._leads = False

    def begin(self, now: Millis, sessions: Iterable[SessionID]) -> None:
        """The node leads from now on: all sessions of its table count as heard."""
        self.stop()
        self._leads = True
        self._heard.update((session, now) for session in sessions)

    def stop(self) -> None:
        """The node leads no longer: whoever does watches."""
        self._leads = False
        self._heard.clear()
        self._ending.clear()
        self._not_before = Millis(0)

    def hear(self, now: Millis, session: SessionID) -> None:
        """A command or a keep-alive of that session came in; unknown ones are passed over."""
        if session in self._heard:
            self._heard[session] = now
            self._heard.move_to_end(session)

    def applied(self, now: Millis, outcome: Outcome | None) -> None:
        """An entry was applied: it may have opened a session, or ended one."""
        if outcome is None or not self._leads:
            return
        if outcome.op is LockOperation.END_SESSION:
            self._heard.pop(outcome.session_id, None)
            self._ending.discard(outcome.session_id)
        elif outcome.status is OutcomeStatus.SESSION_OPENED:
            self._heard[outcome.session_id] = now
            self._heard.move_to_end(outcome.session_id)

    def due(self, now: Millis) -> list[SessionID]:
        """The sessions whose end is to be proposed now, the longest silent first."""
        due: list[tuple[Millis, SessionID]] = []
        if now < self._not_before:
            return []
        for session, heard in self._heard.items():
            if now - heard <= self.ttl_ms or len(due) + len(self._ending) >= ENDING_MAX:
                break
            due.append((heard, session))
        return [session for _, session in sorted(due)]

    def proposed(self, now: Millis, session: SessionID, *, accepted: bool) -> None:
        """The end of the session was proposed; if the log did not take it, it is due again soon."""
        if not accepted:
            self._not_before = Millis(now + AGAIN_MS)
        else:
            self._heard.pop(session, None)
            self._ending.add(session)

    def forget(self, session: SessionID) -> None:
        """The table has no such session any more: it was evicted, or its client opened another."""
        self._heard.pop(session, None)

    def wake_at(self) -> Millis | None:
        """When an end is next due; ``None`` if no session is watched, or enough are ending."""
        if not self._heard or len(self._ending) >= ENDING_MAX:
            return None
        longest_silent = next(iter(self._heard.values()))
        return max(self._not_before, Millis(longest_silent + self.ttl_ms + 1))
