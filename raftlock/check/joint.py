"""What may happen to a lock that several may hold: shared by readers, or by one permit each.

The sequential specification of `LockObject`, for locks that somebody asked for on such terms. With
several holders there would be far more states to try than with one, so here it is known of each
hold whether it is *certain*. One whose TTL may have ended, or that came of a request without an
answer, is not: it explains what needs it, and stands in nobody's way. What must have ended is
dropped as soon as somebody gets the lock for whom there was no room otherwise.

Requests and releases without an answer are told beforehand. From their calls on they may be done at
any moment, also more than once: that allows a little too much, and is quick.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Sequence
from operator import itemgetter
from typing import NamedTuple

from raftlock.check.history import START, Moment, Operation, seconds
from raftlock.check.objects import CLOCK_MARGIN_PERCENT, earliest_end
from raftlock.trace.fields import flag, number, shorten

__all__ = ["JointHold", "JointLockObject", "JointState", "Terms", "is_joint", "without_repeats"]

_ASKS = ("acquire", "enqueue_waiter")

Terms = tuple[bool, int]
"""Whether a lock is shared, and of how many permits one is had: neither, if it is held alone."""


class JointHold(NamedTuple):
    """Somebody's hold. If not `is_exact`, its token was never heard: it is that one or larger.

    It cannot end by itself before `ends`; at `START` it is not certain that it is there at all. One
    that `is_loose` may be taken back, or never was: it stays uncertain, whatever is said of it.
    """

    client: str
    terms: Terms
    token: int
    is_exact: bool = True
    ends: Moment = START
    is_loose: bool = False

    @property
    def is_certain(self) -> bool:
        """Whether it is there."""
        return self.ends != START

    def may_have(self, token: int) -> bool:
        """Whether that may be its token."""
        return self.token == token if self.is_exact else self.token <= token

    @property
    def key(self) -> tuple[str, Terms, bool]:
        """Of holds that agree in this there is one."""
        return self.client, self.terms, self.is_exact

    def covers(self, other: JointHold) -> bool:
        """Whether it leaves open what the other one leaves open."""
        if (self.client, self.terms) != (other.client, other.terms):
            return False
        if self.is_certain and not (other.is_certain and other.ends >= self.ends):
            return False
        if other.is_loose and not self.is_loose:
            return False
        if self.is_exact:
            return other.is_exact and self.token == other.token
        return self.token <= other.token


class JointState(NamedTuple):
    """Who holds it, or may do so; `last` and `since` mean what they mean in `LockState`.

    Of one client there may be several holds, none of them certain: on different terms, or one whose
    time may be up and one that may have come after it.
    """

    holds: tuple[JointHold, ...] = ()
    last: int = 0
    since: Moment = START

    @property
    def certain(self) -> list[JointHold]:
        """The holds that are there."""
        return [hold for hold in self.holds if hold.is_certain]

    def of(self, client: str) -> list[JointHold]:
        """The client's hold, or those that it may have."""
        return [hold for hold in self.holds if hold.client == client]

    def with_hold(self, hold: JointHold) -> JointState:
        """The state with that hold, instead of the one with its key."""
        others = [each for each in self.holds if each.key != hold.key]
        return self._replace(holds=tuple(sorted((*others, hold))))

    def only(self, holds: Iterable[JointHold]) -> JointState:
        """The state with these holds and no others."""
        return self._replace(holds=tuple(sorted(holds)))

    def seen(self, token: int, at: Moment = START) -> JointState:
        """The state, now that such a token was given, by something done at that moment or later."""
        return self._replace(last=max(self.last, token), since=max(self.since, at))


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
        *,
        operations: Iterable[Operation] = (),
    ) -> None:
        self._margin_percent = margin_percent
        self._jumps = tuple(jumps)
        told = without_repeats(operations)
        self._unheard = sorted(filter(_is_free, told), key=lambda each: each.call)
        # Whoever was told a token got it before anybody got a larger one: no order need be tried
        # in which that is otherwise.
        self._grants = sorted(
            (each.answer.token, each.client if each.answer.word == "granted" else "")
            for each in told
            if each.answer is not None and each.answer.word in ("granted", "revoked")
        )

    def start(self) -> JointState:
        """Nobody holds it, and no token was given."""
        return JointState()

    def after(self, state: JointState, operation: Operation, now: Moment) -> JointState | None:
        """What `operation` makes of the lock, with what nobody was told of before and after it."""
        before = self._with_unheard(state, now)
        then = self._made_of(before, operation)
        if then is None or self._skips(before, then.last):
            return None
        return self._with_unheard(then, now)

    def meanwhile(self, state: JointState, now: Moment) -> JointState:
        """Open requests and releases cost nothing, nor does that a TTL ends."""
        return self._with_unheard(state, now)

    def _with_unheard(self, state: JointState, now: Moment) -> JointState:
        """The state that leaves open what may have been done unheard by then, and what is over."""
        for hold in state.holds:
            if START < hold.ends <= now:
                state = state.with_hold(hold._replace(ends=START))
        for each in self._unheard:
            if each.call > now:
                break
            state = _perhaps(state, each)
        return state

    def _made_of(self, state: JointState, operation: Operation) -> JointState | None:
        if operation.answer is None:
            return _perhaps(state, operation)
        match operation.op, operation.answer.word:
            case "acquire" | "enqueue_waiter", "granted":
                return self._granted(state, operation)
            case ("release", "released") | ("renew", "renewed"):
                return self._named(state, operation)
            case "revoke", "revoked":
                return _revoked(state, operation)
            case "get_lock_info", "info":
                return _looked_at(state, operation)
        return _refused(state, operation)

    def by_itself(self, state: JointState) -> Iterable[tuple[Moment, JointState]]:
        """A TTL may have ended."""
        return [(hold.ends, state.with_hold(hold._replace(ends=START))) for hold in state.certain]

    def describe(self, state: JointState) -> str:
        """Who holds it, with which tokens."""
        if not state.holds:
            return "nobody holds it" + (f" after token {state.last}" if state.last else "")
        told = [
            f"{shorten(hold.client)} (token {hold.token}{'' if hold.is_exact else ' or more'}"
            f"{f', until {seconds(hold.ends)} at least' if hold.is_certain else ', perhaps'})"
            for hold in state.holds
        ]
        return f"{' and '.join(told)} {'hold' if len(told) > 1 else 'holds'} it"

    def covers(self, state: JointState, other: JointState) -> bool:
        """It may be held by all who hold the other, and by nobody else for certain."""
        if state.last > other.last or state.since > other.since:
            return False
        return all(any(mine.covers(hold) for mine in state.holds) for hold in other.holds) and all(
            any(mine.covers(hold) for hold in other.holds) for mine in state.certain
        )

    def kind(self, operation: Operation) -> Hashable | None:
        """Open requests and releases need no count; a revocation may end all holds, once."""
        return None if _is_free(operation) else operation.call

    def reached(self, state: JointState) -> int:
        """The largest token that is known to have been given."""
        return state.last

    def last_chance(self, operation: Operation) -> int | None:
        """Tokens of several holds are mixed: nothing can be said from how far they have come."""
        return None

    def is_lost(self, state: JointState, operation: Operation) -> bool:
        """A token that was given is not given again: then somebody must have, or may have, it."""
        answer = operation.answer
        token = operation.token
        if answer is not None and answer.word == "revoked":
            return answer.token <= state.last
        if answer is None or answer.word not in ("granted", "released", "renewed"):
            return False
        if answer.word == "granted":
            token = answer.token
        holds = state.of(operation.client)
        return token <= state.last and not any(hold.may_have(token) for hold in holds)

    def _granted(self, state: JointState, operation: Operation) -> JointState | None:
        assert operation.answer is not None
        client, terms, token = operation.client, _terms(operation), operation.answer.token
        since = max(state.since, operation.call)
        ends = earliest_end(operation, since, self._margin_percent, self._jumps)
        for mine in state.of(client):
            if mine.terms == terms and mine.may_have(token):
                return _known(state, mine, token, ends)
        if any(hold.is_certain for hold in state.of(client)) or token <= state.last:
            return None
        hold = JointHold(client, terms, token, ends=ends, is_loose=ends == START)
        then = _there(state, hold)
        return None if then is None else then.seen(token, since)

    def _skips(self, state: JointState, token: int) -> bool:
        """Whether somebody was told a token between the last one and that, and cannot have it."""
        first = bisect_right(self._grants, state.last, key=itemgetter(0))
        for given, client in self._grants[first:]:
            if given >= token:
                return False
            if not any(not hold.is_exact and hold.token <= given for hold in state.of(client)):
                return True
        return False

    def _named(self, state: JointState, operation: Operation) -> JointState | None:
        """A release or a renewal."""
        assert operation.answer is not None
        token, since = operation.token, max(state.since, operation.call)
        mine = next((hold for hold in state.of(operation.client) if hold.may_have(token)), None)
        if mine is None or operation.answer.token not in (0, token):
            return None
        if operation.op == "release":
            kept = [hold for hold in state.holds if hold.client != operation.client]
            return state.only(kept).seen(token, since)
        ends = earliest_end(operation, since, self._margin_percent, self._jumps)
        return _known(state, mine, token, ends)


def is_joint(operations: Iterable[Operation]) -> bool:
    """Whether somebody asked to share the lock, or for a permit of it."""
    return any(any(_terms(operation)) for operation in operations)


def without_repeats(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """Of open operations that can stand for each other only the one that was called first."""
    found: dict[Hashable, Operation] = {}
    for place, operation in enumerate(sorted(operations, key=lambda each: each.call)):
        key: Hashable = place
        if _is_free(operation):
            word = "ask" if operation.op in _ASKS else operation.op
            key = (word, operation.client, operation.token, _terms(operation))
        found.setdefault(key, operation)
    return tuple(found.values())


def _is_free(operation: Operation) -> bool:
    """Whether it was not answered, and does no more than leave open what is there."""
    return operation.answer is None and operation.op in (*_ASKS, "release")


def _terms(operation: Operation) -> Terms:
    return flag(operation.arguments, "shared"), number(operation.arguments, "permits")


def _has_room(holds: Sequence[JointHold], terms: Terms) -> bool:
    """Whether somebody may have it on these terms beside those who do."""
    alike = all(hold.terms == terms for hold in holds)
    return not holds or (alike and (terms[0] or len(holds) < terms[1]))


def _known(state: JointState, hold: JointHold, token: int, ends: Moment) -> JointState | None:
    """The state in which that hold is there with that token, and its client has no other."""
    is_loose = hold.is_loose or ends == START
    until = START if is_loose else max(hold.ends, ends)
    known = hold._replace(token=token, is_exact=True, ends=until, is_loose=is_loose)
    then = _there(state, known)
    return None if then is None else then.seen(token)


def _there(state: JointState, hold: JointHold) -> JointState | None:
    """The state in which that hold is there now, and what cannot be there beside it is over."""
    client, terms = hold.client, hold.terms
    certain = [each for each in state.certain if each.client != client]
    if not _has_room(certain, terms):
        return None
    is_full = not terms[0] and len(certain) + 1 >= terms[1]
    kept = [
        each
        for each in state.holds
        if each.client != client
        and (each.is_certain or (each.terms == terms and any(terms) and not is_full))
    ]
    return state.only([*kept, hold])


def _perhaps(state: JointState, operation: Operation) -> JointState:
    """The state that leaves open whether the operation was done."""
    client, terms = operation.client, _terms(operation)
    if operation.op in _ASKS:
        mine = [hold for hold in state.of(client) if hold.terms == terms]
        is_known = any(hold.is_certain or not hold.is_exact for hold in mine)
        if is_known or not _has_room(state.certain, terms):
            return state
        hold = JointHold(client, terms, state.last + 1, is_exact=False, is_loose=True)
        return state.with_hold(hold)
    meant = [hold for hold in state.holds if not operation.token or hold.may_have(operation.token)]
    if operation.op == "release":
        meant = [hold for hold in meant if hold.client == client]
    for hold in meant:
        if not hold.is_loose:
            state = state.with_hold(hold._replace(ends=START, is_loose=True))
    return state


def _refused(state: JointState, operation: Operation) -> JointState | None:
    """The lock after a refusal, or the end of a wait; ``None`` if it cannot stand like that."""
    assert operation.answer is not None
    mine = state.of(operation.client)
    others = [hold for hold in state.holds if hold.client != operation.client]
    is_mine = any(hold.is_certain for hold in mine)
    match operation.answer.word:
        case "lock_held" | "wait_queue_full" | "wait_timed_out" | "wait_cancelled":
            fits = bool(others) and not is_mine and operation.op in _ASKS
        case "cancelled":
            fits = bool(others) and not is_mine and operation.op == "cancel_wait"
        case "not_lock_owner":
            fits = bool(others) and not is_mine
        case "lock_not_held":
            return None if state.certain else state.only(())
        case "version_mismatch" if operation.op == "revoke":
            return state if state.holds else None
        case "version_mismatch":
            return state if any(not _is_surely(hold, operation.token) for hold in mine) else None
        case _:
            fits = False
    return state.only(others) if fits else None


def _is_surely(hold: JointHold, token: int) -> bool:
    return hold.is_exact and hold.token == token


def _revoked(state: JointState, operation: Operation) -> JointState | None:
    """The lock after an administrator took it away."""
    assert operation.answer is not None
    token, named = operation.answer.token, operation.token
    since = max(state.since, operation.call)
    meant = [hold for hold in state.holds if not named or hold.may_have(named)]
    if not meant or token <= state.last:
        return None
    if not named:
        return state.only(()).seen(token, since)
    surely = [hold for hold in meant if hold.is_exact]
    if surely:
        return state.only(hold for hold in state.holds if hold not in surely).seen(token, since)
    for hold in meant:  # which one it was is not known
        state = state.with_hold(hold._replace(ends=START, is_loose=True))
    return state.seen(token, since)


def _looked_at(state: JointState, operation: Operation) -> JointState | None:
    """The lock after somebody was told who holds it: tokens not heard before are known now."""
    answer = operation.answer
    assert answer is not None
    seen = dict(answer.holders or ([(answer.value, answer.token)] if answer.value else []))
    kept = []
    for hold in state.holds:
        token = seen.get(hold.client)
        if token is None and hold.is_certain and not answer.is_partial:
            return None
        if token is None and (hold.is_certain or answer.is_partial):
            kept.append(hold)
        elif token is not None and hold.may_have(token):
            kept.append(hold._replace(token=token, is_exact=True))
        elif token is not None and hold.is_certain:
            return None
    found = {hold.client for hold in kept}
    if not found >= seen.keys():
        return None
    then = state.only(())
    for hold in kept:
        then = then.with_hold(hold)
    return then.seen(max(seen.values(), default=0))
