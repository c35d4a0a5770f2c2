"""What may happen to a lock that several may hold: shared by readers, or by one permit each.

The sequential specification of `LockObject`, for locks that somebody asked for on such terms.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import NamedTuple

from raftlock.check.history import START, Moment, Operation, seconds
from raftlock.check.objects import CLOCK_MARGIN_PERCENT, earliest_end, later
from raftlock.trace.fields import flag, number, shorten

__all__ = ["JointHold", "JointLockObject", "JointState", "is_joint"]

_ASKS = ("acquire", "enqueue_waiter")


class JointHold(NamedTuple):
    """One of those who hold it; the fields mean what they mean in `LockState`."""

    client: str
    terms: tuple[bool, int]
    token: int
    is_exact: bool = True
    ends: Moment = START

    def may_have(self, token: int) -> bool:
        """Whether that may be its token."""
        return self.token == token if self.is_exact else self.token <= token

    def known(self, token: int, ends: Moment = START) -> JointHold:
        """The same hold, now that its token is known."""
        return self._replace(token=token, is_exact=True, ends=later(self.ends, ends))

    def covers(self, other: JointHold) -> bool:
        """Whether it leaves open what the other one leaves open."""
        return (
            (self.client, self.terms) == (other.client, other.terms)
            and (self.ends == START or START < other.ends >= self.ends)
            and (self.token <= other.token if not self.is_exact else other.may_be_only(self.token))
        )

    def may_be_only(self, token: int) -> bool:
        """Whether its token is known to be that one."""
        return self.is_exact and self.token == token


class JointState(NamedTuple):
    """Who holds it, by name; `last` and `since` mean what they mean in `LockState`."""

    holds: tuple[JointHold, ...] = ()
    last: int = 0
    since: Moment = START

    def of(self, client: str) -> JointHold | None:
        """The client's hold, if it has one."""
        return next((hold for hold in self.holds if hold.client == client), None)

    def has_room(self, terms: tuple[bool, int]) -> bool:
        """Whether somebody may have it on these terms beside those who do."""
        shared, permits = terms
        alike = all(hold.terms == terms for hold in self.holds)
        return not self.holds or (alike and (shared or len(self.holds) < permits))

    def with_hold(self, hold: JointHold) -> JointState:
        """The state with that hold, instead of the one that its client had."""
        others = [each for each in self.holds if each.client != hold.client]
        return self._replace(holds=tuple(sorted((*others, hold))))

    def without(self, *gone: JointHold, last: int = 0, since: Moment = START) -> JointState:
        """The state after these have ended."""
        kept = tuple(hold for hold in self.holds if hold not in gone)
        return JointState(kept, max(self.last, last), max(self.since, since))


class JointLockObject:
    """One lock with tokens, TTLs and a queue, for which some ask alone and some together.

    - It is granted to who asks alone while nobody holds it; shared, while all who hold it share it;
      for a permit, while all who hold it have one of as many and there is one left. Each new hold's
      token is larger than every one before it; who holds it already keeps its token.
    - Whoever is refused because it is held, or waits in vain, is not among its holders, and there
      is one: that there was no room cannot be told from outside, since a newcomer must not go
      before others who wait.
    - A release or a renewal is done for a holder with its token. A revocation ends the hold with
      that token, or all of them.
    - A look finds all who hold it at one moment.
    - A hold may end by itself, as in `LockObject`.
    """

    def __init__(
        self,
        margin_percent: int = CLOCK_MARGIN_PERCENT,
        jumps: Iterable[tuple[int, int]] = (),
    ) -> None:
        self._margin_percent = margin_percent
        self._jumps = tuple(jumps)

    def start(self) -> JointState:
        """Nobody holds it, and no token was given."""
        return JointState()

    def after(self, state: JointState, operation: Operation, now: Moment) -> JointState | None:
        """What `operation` makes of the lock."""
        match operation.op:
            case "acquire" | "enqueue_waiter":
                return self._acquired(state, operation)
            case "release" | "renew":
                return self._named(state, operation)
            case "revoke":
                return _revoked(state, operation)
            case "cancel_wait":
                return state if _is_held_by_others(state, operation.client) else None
            case "get_lock_info":
                return _looked_at(state, operation)
        return None

    def by_itself(self, state: JointState) -> Iterable[tuple[Moment, JointState]]:
        """A TTL ends."""
        return [(hold.ends, state.without(hold, since=hold.ends)) for hold in state.holds]

    def describe(self, state: JointState) -> str:
        """Who holds it, with which tokens."""
        if not state.holds:
            return "nobody holds it" + (f" after token {state.last}" if state.last else "")
        told = [
            f"{shorten(hold.client)} (token {hold.token}{'' if hold.is_exact else ' or more'}"
            f"{'' if hold.ends == START else f', until {seconds(hold.ends)} at least'})"
            for hold in state.holds
        ]
        return f"{' and '.join(told)} {'hold' if len(told) > 1 else 'holds'} it"

    def covers(self, state: JointState, other: JointState) -> bool:
        """Held by the same clients on the same terms, who can lose it no later."""
        return (
            len(state.holds) == len(other.holds)
            and state.last <= other.last
            and state.since <= other.since
            and all(map(JointHold.covers, state.holds, other.holds))
        )

    def kind(self, operation: Operation) -> Hashable | None:
        """A client's open requests on equal terms are alike; no token is released twice."""
        if operation.op == "revoke":
            return operation.call  # it may end any hold, once
        return (operation.client, *_terms(operation)) if operation.op in _ASKS else None

    def reached(self, state: JointState) -> int:
        """The least token that is held, or that can be given next."""
        return min((hold.token for hold in state.holds), default=state.last + 1)

    def last_chance(self, operation: Operation) -> int | None:
        """The token, if the answer says that the lock was held with it."""
        answer = operation.answer
        if answer is None:
            return None
        if answer.word == "granted" or (answer.word == "info" and answer.value):
            return min([answer.token, *(token for _, token in answer.holders)])
        if answer.word == "revoked":
            return answer.token - 1
        return operation.token if answer.word in ("released", "renewed") else None

    def _acquired(self, state: JointState, operation: Operation) -> JointState | None:
        client, answer, terms = operation.client, operation.answer, _terms(operation)
        mine, since = state.of(client), max(state.since, operation.call)
        if answer is None:
            if mine is not None:
                return state.with_hold(mine._replace(ends=START)) if mine.terms == terms else state
            if not state.has_room(terms):
                return state
            least = state.last + 1
            hold = JointHold(client, terms, least, is_exact=False)
            return state.with_hold(hold)._replace(last=least, since=since)
        if answer.word != "granted":
            return _refused(state, operation)
        token, ends = answer.token, self._end(operation, since)
        if mine is not None:
            fits = mine.terms == terms and mine.may_have(token)
            return _with_known(state, mine, token, ends) if fits else None
        if not state.has_room(terms) or token <= state.last:
            return None
        hold = JointHold(client, terms, token, ends=ends)
        return state.with_hold(hold)._replace(last=token, since=since)

    def _named(self, state: JointState, operation: Operation) -> JointState | None:
        """A release or a renewal."""
        answer, token, mine = operation.answer, operation.token, state.of(operation.client)
        is_it = mine is not None and mine.may_have(token)
        since = max(state.since, operation.call)
        if answer is None:
            free = operation.op == "release" and is_it and mine is not None
            return state.without(mine, last=token, since=since) if free and mine else state
        if answer.word not in ("released", "renewed"):
            return _refused(state, operation)
        if mine is None or not is_it or answer.token not in (0, token):
            return None
        if operation.op == "release":
            return state.without(mine, last=token, since=since)
        return _with_known(state, mine, token, self._end(operation, since))

    def _end(self, operation: Operation, since: Moment) -> Moment:
        return earliest_end(operation, since, self._margin_percent, self._jumps)


def is_joint(operations: Iterable[Operation]) -> bool:
    """Whether somebody asked to share the lock, or for a permit of it."""
    return any(any(_terms(operation)) for operation in operations)


def _terms(operation: Operation) -> tuple[bool, int]:
    return flag(operation.arguments, "shared"), number(operation.arguments, "permits")


def _with_known(state: JointState, hold: JointHold, token: int, ends: Moment) -> JointState:
    return state.with_hold(hold.known(token, ends))._replace(last=max(state.last, token))


def _is_held_by_others(state: JointState, client: str) -> bool:
    return bool(state.holds) and state.of(client) is None


def _refused(state: JointState, operation: Operation) -> JointState | None:
    """The lock after a refusal, or the end of a wait; ``None`` if it does not stand like that."""
    client, mine = operation.client, state.of(operation.client)
    match operation.answer.word if operation.answer else "":
        case "lock_held" | "wait_queue_full" | "wait_timed_out" | "wait_cancelled":
            fits = operation.op in _ASKS and _is_held_by_others(state, client)
        case "lock_not_held":
            fits = not state.holds
        case "not_lock_owner":
            fits = _is_held_by_others(state, client)
        case "version_mismatch":
            fits = mine is not None and not (mine.is_exact and mine.token == operation.token)
        case _:
            fits = False
    return state if fits else None


def _revoked(state: JointState, operation: Operation) -> JointState | None:
    """The lock after an administrator took it away, or was told that there is nothing to take."""
    answer, named = operation.answer, operation.token
    meant = [hold for hold in state.holds if not named or hold.may_have(named)]
    since = max(state.since, operation.call)
    last = named if answer is None else answer.token
    surely = [hold for hold in meant if hold.is_exact or not named]
    if answer is not None and answer.word == "version_mismatch":
        is_there = any(hold.is_exact and hold.token == named for hold in state.holds)
        return state if state.holds and not is_there else None
    if answer is not None and answer.word != "revoked":
        return _refused(state, operation)
    if not meant:
        return state if answer is None else None
    if answer is not None and answer.token <= max(state.last, *(hold.token for hold in meant)):
        return None
    if surely:
        return state.without(*surely, last=last, since=since)
    # Which one it was is not known: each of them may have ended.
    open_end = state
    for hold in meant:
        open_end = open_end.with_hold(hold._replace(ends=START))
    return open_end._replace(last=max(state.last, last), since=since)


def _looked_at(state: JointState, operation: Operation) -> JointState | None:
    """The lock after somebody was told who holds it: tokens not heard before are known now."""
    answer = operation.answer
    if answer is None:
        return state
    if answer.word != "info":
        return None
    seen = answer.holders or ([(answer.value, answer.token)] if answer.value else [])
    if len(seen) != len(state.holds) and not (answer.is_partial and len(seen) < len(state.holds)):
        return None
    for client, token in seen:
        hold = state.of(client)
        if hold is None or not hold.may_have(token):
            return None
        state = _with_known(state, hold, token, START)
    return state
