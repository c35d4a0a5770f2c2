"""What a client remembers of requests for which no caller waits any more."""

from __future__ import annotations

from collections import OrderedDict

from raftlock.client.protocol.effects import Answered, Failed
from raftlock.client.protocol.pending import Pending
from raftlock.client.protocol.session import Session
from raftlock.types.answers import OutcomeStatus
from raftlock.types.ids import Index, LockID, Millis

__all__ = ["Memory"]

UNKNOWN_MAX = 32
"""How many requests of unknown outcome are remembered, so that they can be asked for again."""

ANSWERS_MAX = 64
"""How many answers are remembered, for a caller who repeats an answered request."""

LEFT_MAX = 256
"""How many ids of requests that were asked are remembered, so that nobody is told they were not."""


class Memory:
    """Requests by their request ids, and the holds that callers were told of."""

    def __init__(self) -> None:
        self._unknown: OrderedDict[str, Pending] = OrderedDict()  # the oldest first, as below
        self._answers: OrderedDict[str, tuple[Pending, Answered | Failed]] = OrderedDict()
        self._left: OrderedDict[str, None] = OrderedDict()
        # The token of each hold, and which call got it: 0 once a second call was told of it too.
        self._holds: dict[LockID, tuple[Index, int]] = {}
        self._held_until: dict[LockID, Millis] = {}

    # --- requests -----------------------------------------------------------------------------

    def unknown(self, request_id: str) -> Pending | None:
        """The request of that id whose outcome is unknown."""
        return self._unknown.get(request_id)

    def answer(self, request_id: str) -> tuple[Pending, Answered | Failed] | None:
        """The request of that id and the answer that it got."""
        return self._answers.get(request_id)

    def keep_answer(self, request_id: str, call: Pending, answer: Answered | Failed) -> None:
        """`call` was answered; the oldest answer makes room."""
        self._answers[request_id] = (call, answer)
        if len(self._answers) > ANSWERS_MAX:
            self._answers.popitem(last=False)

    def keep_unknown(self, request_id: str, call: Pending) -> Pending | None:
        """The outcome of `call` is unknown. Returns the call that makes room, if one must."""
        self._unknown[request_id] = call
        return self.forget_oldest() if len(self._unknown) > UNKNOWN_MAX else None

    def take_unknown(self, request_id: str) -> Pending:
        """The request of that id is asked for again."""
        return self._unknown.pop(request_id)

    def note_left(self, request_id: str) -> None:
        """A request of that id leaves for a node; the oldest id makes room."""
        self._left[request_id] = None
        if len(self._left) > LEFT_MAX:
            self._left.popitem(last=False)

    def has_left(self, request_id: str) -> bool:
        """Whether a request of that id was ever asked, as far as is remembered."""
        return request_id in self._left

    def forget_oldest(self) -> Pending | None:
        """Give up the oldest request of unknown outcome, if there is one."""
        return self._unknown.popitem(last=False)[1] if self._unknown else None

    def forget_with(self, session: Session) -> list[Pending]:
        """Give up the requests whose answers the service no longer keeps."""
        gone = [
            request_id
            for request_id, call in self._unknown.items()
            if call.session_id == session.id and session.is_forgotten(call.sequence)
        ]
        return [self._unknown.pop(request_id) for request_id in gone]

    # --- holds --------------------------------------------------------------------------------

    def token(self, lock_id: LockID) -> Index:
        """The token of the hold that some caller knows of; 0 if there is none."""
        return self._holds.get(lock_id, (Index(0), 0))[0]

    def may_hold(self, at: Millis) -> bool:
        """Whether some lock may still be held then: never said too early, maybe too late."""
        return any(until > at for until in self._held_until.values())

    def note(self, call: Pending, answer: Answered, now: Millis) -> None:
        """The caller of `call` is told of `answer`."""
        outcome = answer.outcome
        if outcome is None:
            return
        lock_id = outcome.lock_id
        tokens = outcome.tokens or {lock_id: outcome.token}
        if outcome.status is OutcomeStatus.GRANTED:
            for lock, token in tokens.items():
                self._holds[lock] = (token, 0 if self.token(lock) == token else call.number)
        elif outcome.status is OutcomeStatus.RELEASED:
            self._holds.pop(lock_id, None)
            self._held_until.pop(lock_id, None)
        if outcome.status in (OutcomeStatus.GRANTED, OutcomeStatus.RENEWED) and not outcome.expired:
            over = [lock for lock, until in self._held_until.items() if until <= now]
            for lock in over:
                del self._held_until[lock]
            for lock in tokens:
                self._held_until[lock] = Millis(now + outcome.ttl)

    def take_back(self, number: int) -> list[tuple[LockID, Index]]:
        """The holds that only the caller of that call was told of, who went away unheard."""
        found = [
            (lock, token) for lock, (token, given_to) in self._holds.items() if given_to == number
        ]
        for lock, _ in found:
            del self._holds[lock]
            self._held_until.pop(lock, None)
        return found
