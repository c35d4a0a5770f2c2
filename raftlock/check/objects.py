"""What may happen to one object if its clients came one after another: sequential specifications.

A specification says of a state and an operation *with its answer* what the state is afterwards, or
that this cannot happen there. It is written against what a client is promised and shares no line
with the service. To check another object, write a class with the methods of
`SequentialObject`; nothing else in this room has to change. The first four say what may happen; the
others only spare the search what cannot help (`covers` may be ``==``, `meanwhile` the same state,
`kind` the operation's call if no two share one, `reached` 0, `last_chance` ``None``, `is_lost` no).

A lock that several may hold is in `joint`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import NamedTuple, Protocol, TypeVar

from raftlock.check.history import START, Moment, Operation, seconds
from raftlock.trace.fields import number, shorten, text

__all__ = ["FencedRegister", "LockObject", "LockState", "RegisterState", "SequentialObject"]

S = TypeVar("S", bound=Hashable)

CLOCK_MARGIN_PERCENT = 1
"""How far from real time the clock that ends holds may run, in per cent."""


class SequentialObject(Protocol[S]):
    """One object, one operation at a time. States are values: hashable, equal if they are alike."""

    def start(self) -> S:
        """The state before the first operation."""

    def after(self, state: S, operation: Operation, now: Moment) -> S | None:
        """The state after the operation took effect with the answer it had; ``None`` if it cannot.

        `now` is the earliest moment at which that may be. An open operation has no answer: the
        state if it is done here, and the same state if that would change nothing.
        """

    def by_itself(self, state: S) -> Iterable[tuple[Moment, S]]:
        """What may happen without any operation, each with the earliest moment at which it may."""

    def meanwhile(self, state: S, now: Moment) -> S:
        """What the state may become until then at no cost, if anything: else it is the same."""

    def is_lost(self, state: S, operation: Operation) -> bool:
        """Whether an operation can no longer be answered so, as far as that is quickly seen."""

    def describe(self, state: S) -> str:
        """The state in words that follow a colon."""

    def covers(self, state: S, other: S) -> bool:
        """Whether whatever may follow `other` may follow `state` as well, step by step.

        `state` is reached no later than `other`. It may differ only in what leaves more open, and
        after the same operation it must again cover what `other` has become.
        """

    def kind(self, operation: Operation) -> Hashable | None:
        """What sort of open operation this is: one changes a state exactly as another does.

        ``None`` if such an operation never changes anything once one of its sort has: it need not
        be remembered that it was used.
        """

    def reached(self, state: S) -> int:
        """A number that no step makes smaller: how far the object has come."""

    def last_chance(self, operation: Operation) -> int | None:
        """The largest number `reached` at which it can be answered so; ``None`` if at any."""


class LockState(NamedTuple):
    """Who holds the lock (nobody if `owner` is empty), and what is known about the token.

    If not `is_exact`, the grant's answer was never heard: `token` is the least that the token can
    be, and `others` are larger ones that it was said not to be. The hold cannot end by itself
    before `ends`. `last` is the least that the largest token given so far can be. `since` is the
    earliest moment at which the last change can have been stamped: time runs from there, also if it
    came into effect later. Looks say nothing of that, for they are not in the log.
    """

    owner: str = ""
    token: int = 0
    is_exact: bool = True
    ends: Moment = START
    last: int = 0
    others: frozenset[int] = frozenset()
    since: Moment = START

    def is_held_by_another(self, client: str) -> bool:
        """Whether somebody holds it who is not that client."""
        return self.owner not in ("", client)

    def may_be(self, client: str, token: int) -> bool:
        """Whether that client may hold it with that token."""
        if self.is_exact:
            return (self.owner, self.token) == (client, token)
        return self.owner == client and token >= self.token and token not in self.others

    def admits(self, other: LockState) -> bool:
        """Whether every token that the other state's hold can have is one that this one can."""
        if not self.owner:
            return True
        if self.is_exact or other.is_exact:
            return other.is_exact and self.may_be(other.owner, other.token)
        excluded = {each for each in self.others if each >= other.token}
        return self.token <= other.token and excluded <= other.others

    def held_with(self, token: int, ends: Moment) -> LockState:
        """The same hold, now that its token is known."""
        ends = _later(self.ends, ends)
        return LockState(self.owner, token, ends=ends, last=token, since=self.since)

    def held_without(self, token: int) -> LockState:
        """The same hold, now that it is known to have another token."""
        if self.is_exact or token < self.token:
            return self
        others, least = self.others | {token}, self.token
        while least in others:
            least += 1
        others = frozenset(other for other in others if other > least)
        return self._replace(token=least, last=least, others=others)


class LockObject:
    """One lock with tokens, a TTL and a queue.

    - A free lock is granted with a token larger than every one before it; its own holder is granted
      it again with the same token; to anybody else it is refused while it is held.
    - A request that waited takes effect when it is granted. One whose wait timed out or was
      cancelled had stood in the queue until then, so somebody else held the lock at that moment.
      Who is next in the queue cannot be told from outside: a call's way to the queue may take any
      time within its interval.
    - A release or a renewal is done for the holder with its token and refused to all others, each
      refusal for its own reason.
    - A revocation ends the hold there is, whoever has it, with that token if it names one; the
      token in its answer is larger than every one before it.
    - A look finds the holder and its token as they are at one moment, or a free lock.
    - **A hold may end by itself**, and never has to. Clients see only that it has ended, so this is
      a sound over-approximation: it may end at any moment that is not certainly before its TTL was
      over. Certainly before means: earlier than the earliest moment at which the grant (or the last
      renewal) can have been stamped in the order that is being tried, plus 99 % of the TTL, since
      no stamp in the log is less than the one before it, and cluster time runs at
      most 1 % too fast (`margin_percent`; 100 lets a hold end at any moment) and leaps only where
      a leader's clock was made to jump (`jumps`, as of `Clocks`). What the client's own
      library may take back unheard ends at any moment.
    """

    def __init__(
        self,
        margin_percent: int = CLOCK_MARGIN_PERCENT,
        jumps: Iterable[tuple[int, int]] = (),
    ) -> None:
        self._margin_percent = margin_percent
        self._jumps = tuple(jumps)

    def start(self) -> LockState:
        """Nobody holds it, and no token was given."""
        return LockState()

    def after(self, state: LockState, operation: Operation, now: Moment) -> LockState | None:
        """What `operation` makes of the lock."""
        match operation.op:
            case "acquire" | "enqueue_waiter":
                return self._acquired(state, operation)
            case "release":
                return self._released(state, operation)
            case "renew":
                return self._renewed(state, operation)
            case "revoke":
                return _revoked(state, operation)
            case "cancel_wait":
                return state if state.is_held_by_another(operation.client) else None
            case "get_lock_info":
                return _looked_at(state, operation)
        return None

    def by_itself(self, state: LockState) -> Iterable[tuple[Moment, LockState]]:
        """Its TTL ends."""
        if not state.owner:
            return ()
        return ((state.ends, LockState(last=state.last, since=max(state.since, state.ends))),)

    def meanwhile(self, state: LockState, now: Moment) -> LockState:
        """What may happen to it unheard has its cost."""
        return state

    def is_lost(self, state: LockState, operation: Operation) -> bool:
        """What `last_chance` says is all that is quickly seen."""
        return False

    def describe(self, state: LockState) -> str:
        """Who holds it, with which token, and until when at least."""
        if not state.owner:
            return "nobody holds it" + (f" after token {state.last}" if state.last else "")
        token = f"token {state.token}" + ("" if state.is_exact else " or more")
        until = "" if state.ends == START else f" until {seconds(state.ends)} at least"
        return f"{shorten(state.owner)} holds it with {token}{until}"

    def covers(self, state: LockState, other: LockState) -> bool:
        """Held by the same client, or by nobody; it can end no later, and any token fits it too."""
        return (
            state.owner == other.owner
            and state.last <= other.last
            and state.since <= other.since
            and (state.ends == START or START < other.ends >= state.ends)
            and state.admits(other)
        )

    def kind(self, operation: Operation) -> Hashable | None:
        """A client's open requests are alike; no token is released a second time."""
        if operation.op == "revoke":
            return operation.call  # it may end any hold, once
        return operation.client if operation.op in ("acquire", "enqueue_waiter") else None

    def reached(self, state: LockState) -> int:
        """The least token that it can have, or be given next."""
        return state.last if state.owner else state.last + 1

    def last_chance(self, operation: Operation) -> int | None:
        """The token, if the answer says that the lock was held with it."""
        answer = operation.answer
        if answer is None:
            return None
        if answer.word == "granted" or (answer.word == "info" and answer.value):
            return answer.token
        if answer.word == "revoked":
            return answer.token - 1
        return operation.token if answer.word in ("released", "renewed") else None

    def _acquired(self, state: LockState, operation: Operation) -> LockState | None:
        client, answer = operation.client, operation.answer
        is_mine = state.owner == client
        since = max(state.since, operation.call)
        if answer is None:
            if is_mine:
                return state._replace(ends=START)
            if state.owner:
                return state
            least = state.last + 1
            return LockState(client, least, is_exact=False, last=least, since=since)
        if answer.word != "granted":
            return _refused(state, operation)
        token, ends = answer.token, self._end(operation, since)
        if is_mine:
            return state.held_with(token, ends) if state.may_be(client, token) else None
        if state.owner or token <= state.last:
            return None
        return LockState(client, token, ends=ends, last=token, since=since)

    def _renewed(self, state: LockState, operation: Operation) -> LockState | None:
        answer, token = operation.answer, operation.token
        if answer is None or answer.word != "renewed":
            return _refused(state, operation)
        if not state.may_be(operation.client, token) or answer.token not in (0, token):
            return None
        return state.held_with(token, self._end(operation, max(state.since, operation.call)))

    def _released(self, state: LockState, operation: Operation) -> LockState | None:
        answer, token = operation.answer, operation.token
        is_done = state.may_be(operation.client, token)
        free = LockState(last=token, since=max(state.since, operation.call))
        if answer is None:
            return free if is_done else state
        if answer.word != "released":
            return _refused(state, operation)
        return free if is_done and answer.token in (0, token) else None

    def _end(self, operation: Operation, since: Moment) -> Moment:
        return earliest_end(operation, since, self._margin_percent, self._jumps)


def earliest_end(
    operation: Operation, since: Moment, margin_percent: int, jumps: Iterable[tuple[int, int]]
) -> Moment:
    """The earliest moment at which what was stamped then may end by itself."""
    if operation.may_be_taken_back:
        return START
    ttl_us = number(operation.arguments, "ttl") * 1_000
    ends = since[0] + ttl_us * (100 - margin_percent) // 100
    for at, jump_ms in jumps:
        if since[0] <= at < ends:
            ends = max(at, ends - jump_ms * 1_000)
    return (ends, 0)


def _later(ends: Moment, renewed: Moment) -> Moment:
    """A hold that may be taken back stays so; another never ends earlier for being renewed."""
    return START if START in (ends, renewed) else max(ends, renewed)


def _revoked(state: LockState, operation: Operation) -> LockState | None:
    """The lock after an administrator took it away, or was told that there is nothing to take."""
    answer, named = operation.answer, operation.token
    is_it = bool(state.owner) and (not named or state.may_be(state.owner, named))
    since = max(state.since, operation.call)
    if answer is None:
        return LockState(last=max(state.last, named), since=since) if is_it else state
    if answer.word == "version_mismatch":
        is_another = bool(state.owner) and not (state.is_exact and state.token == named)
        return state.held_without(named) if is_another else None
    if answer.word != "revoked":
        return _refused(state, operation)
    fits = is_it and answer.token > max(state.token, state.last)
    return LockState(last=answer.token, since=since) if fits else None


def _refused(state: LockState, operation: Operation) -> LockState | None:
    """The lock after a refusal, or the end of a wait; ``None`` if it does not stand like that."""
    client, is_request = operation.client, operation.op in ("acquire", "enqueue_waiter")
    match operation.answer.word if operation.answer else "":
        case "lock_held" | "wait_queue_full" | "wait_timed_out" | "wait_cancelled":
            return state if is_request and state.is_held_by_another(client) else None
        case "lock_not_held":
            return None if state.owner else state
        case "not_lock_owner":
            return state if state.is_held_by_another(client) else None
        case "version_mismatch":
            is_surely_it = state.is_exact and state.token == operation.token
            is_another = state.owner == client and not is_surely_it
            return state.held_without(operation.token) if is_another else None
    return None


def _looked_at(state: LockState, operation: Operation) -> LockState | None:
    """The lock after somebody was told who holds it: a token not heard before is known now."""
    answer = operation.answer
    if answer is None:
        return state
    if answer.word != "info":
        return None
    if not answer.value:
        return None if state.owner else state
    if not state.may_be(answer.value, answer.token):
        return None
    return state if state.is_exact else state.held_with(answer.token, START)


class RegisterState(NamedTuple):
    """The largest token that was accepted, and what was written with it."""

    token: int = 0
    value: str = ""


class FencedRegister:
    """What a lock protects, fenced: a write is accepted unless a larger token was seen before it.

    Operations are ``write`` (arguments `version` and `value`; accepted or refused) and ``read``
    (answered ``value``).
    """

    def start(self) -> RegisterState:
        """Empty, and no token was seen."""
        return RegisterState()

    def after(
        self, state: RegisterState, operation: Operation, now: Moment
    ) -> RegisterState | None:
        """What `operation` makes of the register."""
        answer = operation.answer
        if operation.op == "read":
            fits = answer is None or (answer.word, answer.value) == ("value", state.value)
            return state if fits else None
        is_stale = operation.token < state.token
        if operation.op != "write" or (answer and answer.word != _verdict(is_stale=is_stale)):
            return None
        if is_stale:
            return state
        return RegisterState(operation.token, text(operation.arguments, "value"))

    def by_itself(self, state: RegisterState) -> Iterable[tuple[Moment, RegisterState]]:
        """Nothing happens to it unasked."""
        return ()

    def covers(self, state: RegisterState, other: RegisterState) -> bool:
        """Only if they are alike: a refused write needs the larger token, an accepted one not."""
        return state == other

    def kind(self, operation: Operation) -> Hashable | None:
        """Writes of one value with one token are alike; a read never changes anything."""
        if operation.op == "read":
            return None
        return operation.token, text(operation.arguments, "value")

    def reached(self, state: RegisterState) -> int:
        """The largest token so far."""
        return state.token

    def last_chance(self, operation: Operation) -> int | None:
        """The token, if a write with it was accepted."""
        is_accepted = operation.answer is not None and operation.answer.word == "accepted"
        return operation.token if is_accepted else None

    def meanwhile(self, state: RegisterState, now: Moment) -> RegisterState:
        """What may happen to it unheard has its cost."""
        return state

    def is_lost(self, state: RegisterState, operation: Operation) -> bool:
        """What `last_chance` says is all that is quickly seen."""
        return False

    def describe(self, state: RegisterState) -> str:
        """The largest token so far, and the value."""
        return f"it holds {state.value!r}, written with token {state.token}"


def _verdict(*, is_stale: bool) -> str:
    return "refused" if is_stale else "accepted"
