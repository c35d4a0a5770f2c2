"""Sessions: how a retry finds its answer instead of being applied twice (Raft thesis 6.3).

A client numbers its requests. The table keeps, for each session, the answers that the client has
not yet confirmed to have (`Command.lowest_unanswered`), and the locks it waits for. Everything is
bounded, and what is dropped is chosen by the order of the log alone, so that all replicas drop the
same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from raftlock.lock.records import FingerprintSum, fingerprint, fingerprint_of
from raftlock.types import ClientID, Index, LockID, Outcome, SessionID

__all__ = ["Session", "SessionTable"]


@dataclass(slots=True)
class Session:
    """One client's session, opened by the request `request_id` and last used by entry `used`.

    `answers` has final outcomes by sequence number, in the order in which they were decided;
    `waits` the lock that each request still in a queue waits for. Answers below `kept_from` are
    the client's own to remember; `let_go` is the highest number whose answer had to make room.
    """

    session_id: SessionID
    client_id: ClientID
    request_id: str
    used: Index = Index(0)
    kept_from: int = 0
    let_go: int = 0
    answers: dict[int, Outcome] = field(default_factory=dict)
    waits: dict[int, LockID] = field(default_factory=dict)

    def use(self, index: Index, lowest_unanswered: int) -> None:
        """A request came at `index`: what lies below its `lowest_unanswered` can be forgotten."""
        self.used = index
        if lowest_unanswered > self.kept_from:
            self.kept_from = lowest_unanswered
            for sequence in [known for known in self.answers if known < lowest_unanswered]:
                del self.answers[sequence]

    def has_forgotten(self, sequence: int) -> bool:
        """Whether an unknown request may have been answered before: then it must not be applied.

        A request numbered below one whose answer had to make room is taken for such a one, even if
        it was never seen: refusing a new request is safe, applying an old one is not.
        """
        if sequence in self.answers or sequence in self.waits:
            return False
        return sequence < self.kept_from or sequence <= self.let_go

    def settle(self, outcome: Outcome, limit: int) -> None:
        """Keep a request's final answer; at more than `limit` the one decided first goes."""
        assert outcome.status.is_final, "a queued request has no answer yet"
        self.waits.pop(outcome.sequence, None)
        self.answers.pop(outcome.sequence, None)  # a new answer is the one decided last
        if outcome.sequence >= self.kept_from:
            self.answers[outcome.sequence] = outcome
        if len(self.answers) > limit:
            oldest = next(iter(self.answers))
            self.let_go = max(self.let_go, oldest)
            del self.answers[oldest]


@dataclass(slots=True)
class _Known:
    """Fingerprints of what a session is made of: what never changes, and each answer."""

    of_itself: int
    answers: dict[int, int] = field(default_factory=dict)


class SessionTable:
    """All sessions, the least recently used first; at most one a client."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[SessionID, Session] = OrderedDict()
        self._of_client: dict[ClientID, Session] = {}
        self._known: dict[SessionID, _Known] = {}
        self._sum: FingerprintSum[SessionID] = FingerprintSum()

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        """The sessions in order of use, by the log: the first is the one to evict."""
        return iter(self._sessions.values())

    def get(self, session_id: SessionID) -> Session | None:
        """The session, or ``None`` if it ended, was evicted, or never was."""
        return self._sessions.get(session_id)

    def of_client(self, client_id: ClientID) -> Session | None:
        """The client's session, if it has one."""
        return self._of_client.get(client_id)

    def add(self, session: Session) -> None:
        """Take in a new session; the caller has ended the client's former one."""
        assert session.session_id not in self._sessions, "a session's number serves once"
        assert session.client_id not in self._of_client, "a client has one session"
        self._sessions[session.session_id] = session
        self._of_client[session.client_id] = session
        self._sum.note(session.session_id)

    def use(self, session: Session, index: Index, lowest_unanswered: int = 0) -> None:
        """A request of the session came at `index`: it is now the most recently used."""
        session.use(index, lowest_unanswered)
        self._sessions.move_to_end(session.session_id)
        self._sum.note(session.session_id)

    def settle(self, outcome: Outcome, limit: int) -> None:
        """Keep a final answer in its session, if that still lives."""
        session = self._sessions.get(outcome.session_id)
        if session is not None:
            session.settle(outcome, limit)
            self._sum.note(session.session_id)
            if session.session_id in self._known:
                self._known[session.session_id].answers.pop(outcome.sequence, None)

    def remove(self, session: Session) -> None:
        """End a session and forget its answers; its waits are the caller's to end."""
        del self._sessions[session.session_id], self._of_client[session.client_id]
        self._sum.note(session.session_id)
        self._known.pop(session.session_id, None)

    def fingerprint(self) -> int:
        """64 bits over all sessions; the order of use shows in what each is used by."""
        return self._sum.value(self._fingerprint_of)

    def _fingerprint_of(self, session_id: SessionID) -> int | None:
        session = self._sessions.get(session_id)
        if session is None:
            return None
        known = self._known.get(session_id)
        if known is None:
            of_itself = fingerprint(session_id, session.client_id, session.request_id)
            known = self._known[session_id] = _Known(of_itself)
        known.answers = {
            sequence: known.answers.get(sequence) or fingerprint(answer)
            for sequence, answer in session.answers.items()
        }
        return fingerprint_of(
            (
                *(known.of_itself, session.used, session.kept_from, session.let_go),
                fingerprint(list(session.waits.items())) if session.waits else 0,
                *chain.from_iterable(known.answers.items()),
            )
        )
