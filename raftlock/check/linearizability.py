"""Is there an order in which the clients' calls could have happened one at a time?

After Wing and Gong ("Testing and verifying concurrent objects", 1993) with Lowe's pruning ("Testing
for linearizability", 2017): try the calls that may come first, one by one, and never look twice at
the same set of done calls in the same state. Locks do not touch each other, so each is judged by
itself. A call whose outcome is unknown may have happened at any time from its beginning to the end
of the history, or not at all.

Nobody calls the end of a hold by its TTL: it is an operation of nobody, which may happen once its
time has passed since the call that got or prolonged the hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from raftlock.check.violation import Violation
from raftlock.errors import ErrorCode
from raftlock.trace.fields import flag, number, text
from raftlock.types.events import TraceEvent

__all__ = ["Operation", "check_history", "history_of", "is_linearizable"]

OPERATIONS_MAX = 200
STATES_MAX = 200_000
CLOCK_RATE_PERCENT = 1
"""How much faster than real time the cluster's may run; two milliseconds more are rounding."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One call on one lock. Times are microseconds; `end` is ``None`` if its outcome is unknown.

    `op` is acquire, release, renew or expire. `ok` tells whether it was done or refused. `lease`
    names what an acquire or renew began, and which one an expire ends, unless it names a token.
    """

    client: str
    op: str
    call: int
    end: int | None
    ok: bool = True
    token: int = 0
    lease: int = 0
    seq: int = 0


@dataclass(frozen=True, slots=True)
class _State:
    """A lock. A token of 0 with an owner is one that nobody was told."""

    owner: str = ""
    token: int = 0
    last: int = 0
    lease: int = 0


def is_linearizable(operations: Sequence[Operation]) -> bool | None:
    """Whether the calls on one lock could have happened one at a time; ``None``: too hard to say.

    Every call with an end must be in the order, the others may.
    """
    calls = sorted(operations, key=lambda each: each.call)
    needed = sum(1 << place for place, each in enumerate(calls) if each.end is not None)
    looked_at = 0
    seen: dict[tuple[int, _State], list[int]] = {(0, _State()): [0]}
    stack = [(0, _State())]
    while stack:
        done, state = stack.pop()
        if done & needed == needed:
            return True
        looked_at += 1
        if looked_at > STATES_MAX:
            return None
        for place in _next(calls, done):
            after = _step(state, calls[place])
            if after is None:
                continue
            found = done | 1 << place
            # Where as much was done with fewer of the calls that need not have happened, all that
            # can follow from here can follow from there: those calls can still happen.
            others = seen.setdefault((found & needed, after), [])
            if not any(other & ~found == 0 for other in others):
                others.append(found)
                stack.append((found, after))
    return False


def _next(calls: Sequence[Operation], done: int) -> list[int]:
    """Which calls may come next: those that began before any other one had to be over."""
    left = [place for place in range(len(calls)) if not done >> place & 1]
    first_end = min((end for place in left if (end := calls[place].end) is not None), default=None)
    # The stack hands out its last first: what must happen is tried before what may have.
    may = [p for p in left if first_end is None or calls[p].call <= first_end]
    return sorted(may, key=lambda place: (calls[place].end is not None, -calls[place].call))


def _step(state: _State, call: Operation) -> _State | None:
    """The lock after this call, or ``None`` if it could not have come to what it came to."""
    if call.op == "expire":
        meant = state.token == call.token if call.token else state.lease == call.lease
        return _freed(state) if state.owner and meant else None
    if call.op == "acquire":
        return _acquired(state, call)
    mine = state.owner == call.client and (
        state.token == call.token or (state.token == 0 and call.token > state.last)
    )
    if not call.ok:
        return None if mine and state.token else state
    if not mine:
        return None
    if call.op == "release":
        return _freed(_State(state.owner, call.token, max(state.last, call.token), state.lease))
    return _State(state.owner, call.token, max(state.last, call.token), call.lease)


def _acquired(state: _State, call: Operation) -> _State | None:
    if not call.ok:
        return state if state.owner not in {"", call.client} else None
    known = call.token > 0
    if not state.owner:
        if known and call.token <= state.last:
            return None
        return _State(call.client, call.token, max(state.last, call.token), call.lease)
    if state.owner != call.client:
        return None
    if known and state.token and call.token != state.token:
        return None
    return _State(state.owner, call.token or state.token, max(state.last, call.token), call.lease)


def _freed(state: _State) -> _State:
    return _State(last=max(state.last, state.token))


# ---- from a trace ----


@dataclass(slots=True)
class _Histories:
    open: dict[tuple[str, str], TraceEvent] = field(default_factory=dict)
    in_doubt: set[tuple[str, str]] = field(default_factory=set)
    locks: dict[str, list[Operation]] = field(default_factory=dict)

    def add(self, lock: str, *operations: Operation) -> None:
        self.locks.setdefault(lock, []).extend(operations)


def history_of(events: Iterable[TraceEvent]) -> dict[str, list[Operation]]:
    """The calls that clients made, by lock, from the trace's ``client_call`` and their returns.

    Calls that say nothing of the lock (a place in the queue, a wait in vain) are left out.
    """
    histories = _Histories()
    for event in events:
        if event.kind == "client_call":
            key = text(event.data, "client"), text(event.data, "request_id")
            if key not in histories.open:
                histories.open[key] = event
        elif event.kind == "client_return":
            key = text(event.data, "client"), text(event.data, "request_id")
            call, status = histories.open.get(key), text(event.data, "status")
            if status == "unknown":
                histories.in_doubt.add(key)
                if call is not None and flag(call.data, "wait"):
                    # It is taken back: who asks again under its name may be granted once more.
                    _unanswered(histories, call)
            # Whoever asks again in vain still does not know what became of the first time.
            elif call is not None and not (status == "fail" and key in histories.in_doubt):
                del histories.open[key]
                _returned(histories, call, event)
    for call in histories.open.values():
        _unanswered(histories, call)
    return histories.locks


_HELD = (ErrorCode.LOCK_HELD,)
_NOT_MINE = (ErrorCode.LOCK_NOT_HELD, ErrorCode.NOT_LOCK_OWNER, ErrorCode.VERSION_MISMATCH)


def _kind(call: TraceEvent) -> str:
    op = text(call.data, "op")
    return "acquire" if op == "enqueue_waiter" else op


def _returned(histories: _Histories, call: TraceEvent, event: TraceEvent) -> None:
    client, lock, op = text(call.data, "client"), text(call.data, "lock"), _kind(call)
    ok = text(event.data, "status") == "ok"
    # Other errors say that nothing was asked, or nothing of the lock.
    refused = number(event.data, "code") in (_HELD if op == "acquire" else _NOT_MINE)
    if op not in {"acquire", "release", "renew"} or not (ok or refused):
        return
    token = number(event.data, "token") if ok else number(call.data, "version")
    done = Operation(client, op, call.t, event.t, ok, token, lease=call.seq, seq=event.seq)
    histories.add(lock, done)
    if not ok:
        return
    if op in {"acquire", "renew"}:
        ttl_us = 1_000 * (number(call.data, "ttl") or 30_000)
        over = call.t + ttl_us * (100 - CLOCK_RATE_PERCENT) // 100 - 2_000
        histories.add(lock, Operation(client, "expire", over, None, lease=call.seq))


def _unanswered(histories: _Histories, call: TraceEvent) -> None:
    client, lock, op = text(call.data, "client"), text(call.data, "lock"), _kind(call)
    if op in {"acquire", "release", "renew"}:
        token = number(call.data, "version")
        histories.add(lock, Operation(client, op, call.t, None, token=token, lease=call.seq))
        # A client takes back by itself what its caller was never told of.
        taken_back = Operation(client, "expire", call.t, None, token=token, lease=call.seq)
        histories.add(lock, taken_back)


def check_history(events: Iterable[TraceEvent]) -> list[Violation]:
    """The locks whose history no order explains, and those that are too long to be judged."""
    found = []
    for lock, operations in history_of(events).items():
        last = max((each.seq for each in operations), default=0)
        verdict = is_linearizable(operations) if len(operations) <= OPERATIONS_MAX else None
        if verdict is False:
            sentence = f"No order of the {len(operations)} calls on {lock} explains their answers."
            found.append(Violation("linearizability", sentence, last))
        elif verdict is None:
            sentence = f"The {len(operations)} calls on {lock} are too many to be judged."
            found.append(Violation("not judged", sentence, last))
    return found
