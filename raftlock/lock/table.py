"""The lock table as it is: what it keeps, what it shows, and what makes two of them equal.

What an entry of the log does to it is in `machine`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict

from raftlock.lock import snapshots
from raftlock.lock.deadlines import Deadlines
from raftlock.lock.limits import Limits
from raftlock.lock.locks import Lock
from raftlock.lock.records import FingerprintSum, as_json, fingerprint_of
from raftlock.lock.rules import LockRules
from raftlock.lock.sessions import SessionTable
from raftlock.lock.statistics import Statistics
from raftlock.types.answers import LockChange
from raftlock.types.events import Json
from raftlock.types.ids import ClientID, Index, LockID, Millis, SessionID
from raftlock.types.status import LockStats

__all__ = ["LockTable"]


class LockTable:
    """Locks, sessions, deadlines, counts and the clock: the state that all replicas share."""

    def __init__(self, rules: LockRules | None = None, *, limits: Limits | None = None) -> None:
        self._rules = rules or LockRules()
        self._limits = limits or Limits()
        self._locks: dict[LockID, Lock] = {}
        self._lock_sum: FingerprintSum[LockID] = FingerprintSum()
        self._sessions = SessionTable()
        self._deadlines = Deadlines()
        self._statistics = Statistics()
        self._clock = Millis(0)
        self._last_applied = Index(0)
        self._last_token = Index(0)
        self._wall = Millis(0)

    # ------------------------------------------------------------ for others

    @property
    def clock(self) -> Millis:
        """Cluster time: the stamp of the last applied entry, in milliseconds."""
        return self._clock

    @property
    def last_applied(self) -> Index:
        """The index of the last applied entry."""
        return self._last_applied

    @property
    def last_token(self) -> Index:
        """The largest fencing token (or session number) given so far."""
        return self._last_token

    def next_deadline(self) -> Millis | None:
        """When (cluster time) the next hold or wait ends, strictly after this; or ``None``."""
        first = self._deadlines.first()
        return None if first is None else first.at

    def info(self, lock_id: LockID) -> LockChange | None:
        """The lock as it stands, or ``None`` if it is neither held nor waited for."""
        lock = self._locks.get(lock_id)
        return None if lock is None else lock.change()

    def look(self, lock_id: LockID) -> Lock:
        """The lock; an idle one, not in the table, if nobody holds it or waits for it.

        Who holds it is what the applied entries say, never what a clock says (DECISIONS.md 10).
        """
        return self._locks.get(lock_id) or Lock(lock_id, self._rules)

    @property
    def wall_offset(self) -> int | None:
        """How far the wall clock is ahead of cluster time, as far as the log says; for people."""
        return self._wall - self._clock if self._wall else None

    def find(self, wanted: Callable[[Lock], bool]) -> list[LockID]:
        """The locks that are held or waited for, and `wanted`, by name."""
        return sorted(lock_id for lock_id, lock in self._locks.items() if wanted(lock))

    def free_in(self, lock_id: LockID) -> Millis:
        """About how long who comes now would wait for the lock; 0 if it is free."""
        lock = self.look(lock_id)
        if lock.is_idle:
            return Millis(0)
        return lock.turn_in(len(lock.queue), self._clock, self._statistics.hold_time_average)

    def all(self) -> tuple[LockChange, ...]:
        """Every lock that is held or waited for, by name."""
        return tuple(self._locks[lock_id].change() for lock_id in sorted(self._locks))

    def session(self, session_id: SessionID) -> bool:
        """Whether the session lives."""
        return self._sessions.get(session_id) is not None

    def sessions(self) -> Iterator[SessionID]:
        """The sessions that live, the least recently used first."""
        return (session.session_id for session in self._sessions)

    def client_of(self, session_id: SessionID) -> ClientID:
        """Whose session it is; empty if it does not live."""
        session = self._sessions.get(session_id)
        return ClientID("") if session is None else session.client_id

    def stats(self) -> LockStats:
        """What the table has done so far, and how much it holds now."""
        locks = self._locks.values()
        return LockStats(
            held=sum(lock.hold is not None for lock in locks),
            waiting=sum(len(lock.queue) for lock in locks),
            contested=sum(bool(lock.queue) for lock in locks),
            sessions=len(self._sessions),
            **asdict(self._statistics),
        )

    def digest(self) -> str:
        """Eight hexadecimal digits, equal on replicas in an equal state.

        Computed when asked, from what changed since it was last asked. Wall-clock times and the
        wording of sentences are left out.
        """
        locks = self._lock_sum.value(self._fingerprint_of)
        sessions = self._sessions.fingerprint()
        counts = self._statistics.numbers()
        whole = fingerprint_of((self._clock, self._last_token, locks, sessions, *counts))
        return f"{whole & 0xFFFFFFFF:08x}"

    def dump(self) -> dict[str, Json]:
        """Everything the table keeps, for a keyframe; sessions in order of use."""
        return {
            "clock": self._clock,
            "last_applied": self._last_applied,
            "last_token": self._last_token,
            "wall": self._wall,
            "statistics": as_json(self._statistics),
            "locks": [self._locks[lock_id].dump() for lock_id in sorted(self._locks)],
            "sessions": as_json(self._sessions),
        }

    def snapshot(self) -> bytes:
        """The whole table as bytes, to stand for all entries applied so far."""
        return snapshots.write(self.dump(), self._rules)

    def restore(self, data: bytes) -> None:
        """Become the table that `data` is a snapshot of; whatever this one was is gone.

        Raises `RemoteProtocolError`, and changes nothing, if it is none.
        """
        image = snapshots.read(data, self._rules)
        self._clock, self._wall = image.clock, image.wall
        self._last_applied, self._last_token = image.last_applied, image.last_token
        self._locks, self._sessions = image.locks, image.sessions
        self._deadlines, self._statistics = image.deadlines, image.statistics
        self._lock_sum = FingerprintSum()
        for lock_id in self._locks:
            self._lock_sum.note(lock_id)

    # ------------------------------------------------------- for the machine

    def _fresh_number(self, index: Index) -> Index:
        """A number larger than every token and session number so far; `index` is the entry's."""
        return max(Index(self._last_token + 1), index)

    def _keep(self, lock: Lock) -> None:
        """A lock was changed: an idle one leaves the table, another is in it."""
        lock.touched(self._wall)
        self._lock_sum.note(lock.lock_id)
        if lock.is_idle:
            self._locks.pop(lock.lock_id, None)
        else:
            self._locks[lock.lock_id] = lock

    def _fingerprint_of(self, lock_id: LockID) -> int | None:
        lock = self._locks.get(lock_id)
        return None if lock is None else lock.fingerprint()
