"""What clients asked and were told, as intervals: the history that linearizability is about.

An operation took effect, if it did, at one moment between its call and its return. Nothing else is
known about it, so nothing else is read: not the log, not the nodes.

What becomes of each call:

- **answered**: it returned a result, or a refusal by which the lock table says how the lock stood.
  Both are kept. A refusal is an answer like any other: "held" is wrong if nobody held the lock.
- **open**: it timed out, was given up, failed in a way that does not say whether it was done, or
  never returned. It may take effect at any moment after its call, however late, or never. An open
  renewal and an open cancel_wait are left out: the one can only make a hold last longer, and no
  check here ever needs a hold to end; the other takes no lock from anybody. A look that was not
  answered is left out, too, whatever became of it: it changes nothing.
- **dropped**: the table refused it without a word about the lock (a bad TTL, a full table, nobody
  waits). That is definite: it did nothing, so it constrains nothing.

Three things that a client's library does belong to its operations:

- it repeats a request under its request id until it has an answer. Calls that share one are one
  operation, from the first call to the answer. (A different second answer is an operation of its
  own: the service must then have done it twice, and is judged as if it had.) But a call for a lock
  that was given up is withdrawn, and asked anew after that: it stays, open, beside the later one.
- it takes back what nobody waits for any more, and tells no one: a hold that came from a call which
  was ever open `may_be_taken_back` at any moment.
- a client that no longer believes in a hold which it never released may have given it back: that is
  an open release, from the moment at which it stopped believing.

A history needs its trace from the first event on, and every client of the cluster in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from raftlock.errors import ErrorCode, InvalidArgument
from raftlock.trace.fields import flag, number, rows, shorten, text
from raftlock.types.events import Json, TraceEvent

__all__ = [
    "START",
    "Answer",
    "Moment",
    "Operation",
    "by_lock",
    "lock_history",
    "resource_history",
    "seconds",
]

Moment = tuple[int, int]
"""When something was told: microseconds of run time, and the number of the event.

The number decides between events of one microsecond: what returned before another was called came
before it, also where time stands still.
"""

START: Moment = (0, 0)
"""Before everything."""

_TAKES = frozenset({"acquire", "enqueue_waiter"})
_LOOK = "get_lock_info"
_WITHOUT_TRACE = frozenset({"renew", "cancel_wait", _LOOK})
_OPERATIONS = _TAKES | _WITHOUT_TRACE | {"release", "revoke"}

_TELLS_OF_THE_LOCK = frozenset(
    {
        ErrorCode.LOCK_HELD,
        ErrorCode.LOCK_NOT_HELD,
        ErrorCode.NOT_LOCK_OWNER,
        ErrorCode.VERSION_MISMATCH,
        ErrorCode.WAIT_CANCELLED,
        ErrorCode.WAIT_QUEUE_FULL,
        ErrorCode.WAIT_TIMED_OUT,
    }
)
_TELLS_NOTHING = frozenset({ErrorCode.INVALID_TTL, ErrorCode.NOT_WAITING, ErrorCode.TOO_MANY})
"""Refused by the table itself, for ever. Any other error may follow an attempt that was done."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client was told.

    `word` is what became of a request (``granted``, ``released``, ``renewed``, ``cancelled``,
    ``accepted``, ``value`` ...) or the name of the refusal in small letters (``lock_held`` ...).
    Who looked (``info``) was told the owner as the `value`, empty if the lock was free; and where
    several hold it together, the `holders` with their tokens: all of them unless `is_partial`.
    """

    word: str
    token: int = 0
    value: str = ""
    holders: tuple[tuple[str, int], ...] = ()
    is_partial: bool = False

    def __str__(self) -> str:
        if self.word == "info":
            told = self.holders or ([(self.value, self.token)] if self.value else [])
            return " and ".join(f"{shorten(who)} has it, token {n}" for who, n in told) or "free"
        words = self.word.replace("_", " ")
        if self.token:
            words += f", token {self.token}"
        return f"{words} {self.value!r}" if self.value else words


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of one client, as far as that client knows.

    `answer` and `returned` are ``None`` if it is open. `arguments` are those of the call, by their
    names in the trace.
    """

    client: str
    op: str
    lock: str
    call: Moment
    returned: Moment | None = None
    answer: Answer | None = None
    arguments: Mapping[str, Json] = field(default_factory=dict)
    may_be_taken_back: bool = False

    def __post_init__(self) -> None:
        assert (self.answer is None) == (self.returned is None), "an answer has its moment"
        assert self.returned is None or self.call <= self.returned, "nobody is answered unasked"

    @property
    def token(self) -> int:
        """The fencing token that it names; 0 if none."""
        return number(self.arguments, "version")

    def __str__(self) -> str:
        """The operation in a few words: ``alice's release of token 3 (1.200 s: released)``."""
        what = "look" if self.op == _LOOK else self.op.replace("_", " ")
        what += f" of token {self.token}" if self.token else ""
        if self.returned is None:
            told = f"{seconds(self.call)}, no answer"
        else:
            told = f"{seconds(self.call)} to {seconds(self.returned)}: {self.answer}"
        return f"{shorten(self.client)}'s {what} ({told})"


def seconds(moment: Moment) -> str:
    """A moment as people read it: ``1.250 s``."""
    whole, rest = divmod(moment[0] // 1_000, 1_000)
    return f"{whole}.{rest:03d} s"


def by_lock(operations: Iterable[Operation]) -> dict[str, tuple[Operation, ...]]:
    """The operations lock by lock, locks by name."""
    found: dict[str, list[Operation]] = {}
    for operation in operations:
        found.setdefault(operation.lock, []).append(operation)
    return {lock: tuple(found[lock]) for lock in sorted(found)}


def lock_history(events: Iterable[TraceEvent]) -> tuple[Operation, ...]:
    """The operations on locks that a trace tells of, by the moment of their call.

    Raises `InvalidArgument` if the trace lacks its beginning.
    """
    reader = _Reader()
    for event in events:
        if event.kind == "client_call":
            reader.calls(event)
        elif event.kind == "client_return":
            reader.returns(event)
        elif event.kind == "belief":
            reader.believes(event)
    return reader.history()


def resource_history(events: Iterable[TraceEvent]) -> tuple[Operation, ...]:
    """The writes on what the locks protect: each is known to the moment (kind ``storage``)."""
    return tuple(
        Operation(
            client=text(event.data, "client"),
            op="write",
            lock=text(event.data, "lock"),
            call=(event.t, event.seq),
            returned=(event.t, event.seq),
            answer=Answer("accepted" if flag(event.data, "accepted") else "refused"),
            arguments={"version": number(event.data, "token")},
        )
        for event in events
        if event.kind == "storage"
    )


_Request = tuple[str, str, str, str]  # client, op, lock, request id


@dataclass(slots=True)
class _Attempt:
    operation: Operation
    is_dropped: bool = False


class _Reader:
    def __init__(self) -> None:
        self._attempts: dict[_Request, list[_Attempt]] = {}
        self._asking: dict[_Request, list[_Attempt]] = {}
        self._believed: dict[tuple[str, str], int] = {}
        self._released: set[tuple[str, str, int]] = set()
        self._given_back: list[Operation] = []

    def calls(self, event: TraceEvent) -> None:
        request = _request(event)
        client, op, lock, _ = request
        if op not in _OPERATIONS:
            return
        operation = Operation(client, op, lock, (event.t, event.seq), arguments=event.data)
        if op == "release":
            self._released.add((client, lock, operation.token))
        attempt = _Attempt(operation)
        self._attempts.setdefault(request, []).append(attempt)
        self._asking.setdefault(request, []).append(attempt)

    def returns(self, event: TraceEvent) -> None:
        request = _request(event)
        if request[1] not in _OPERATIONS:
            return
        asking = self._asking.get(request)
        if not asking:
            client, op, lock, _ = map(shorten, request)
            raise InvalidArgument(
                f"Event {event.seq}: {client} is answered its {op} of {lock}, which it was never "
                "seen to ask: a history needs its trace from the first event on."
            )
        # One who asks again while an earlier call is still out is refused at home, so in either
        # order the pairs come to the same: one operation that ends with the last answer.
        attempt = asking.pop(0)
        answer = _answer(event.data)
        if answer is not None:
            # A trace put together from several clocks may tell a return before its call.
            told = max(attempt.operation.call, (event.t, event.seq))
            attempt.operation = replace(attempt.operation, returned=told, answer=answer)
        attempt.is_dropped = _status(event.data) in _TELLS_NOTHING

    def believes(self, event: TraceEvent) -> None:
        client, lock = text(event.data, "client"), text(event.data, "lock")
        before = self._believed.pop((client, lock), 0)
        token = number(event.data, "token")
        if token:
            self._believed[client, lock] = token
        elif before and (client, lock, before) not in self._released:
            call, arguments = (event.t, event.seq), {"version": before}
            self._given_back.append(Operation(client, "release", lock, call, arguments=arguments))

    def history(self) -> tuple[Operation, ...]:
        found = list(self._given_back)
        for attempts in self._attempts.values():
            found += _as_one([a.operation for a in attempts if not a.is_dropped])
        kept = [each for each in found if each.answer or each.op not in _WITHOUT_TRACE]
        return tuple(sorted(kept, key=lambda each: each.call))


def _as_one(attempts: list[Operation]) -> list[Operation]:
    """The calls with one request id as one operation, or as many as had different answers."""
    found: list[Operation] = []
    for attempt in attempts:
        was_open = attempt.answer is None and attempt.op in _TAKES
        one = replace(attempt, may_be_taken_back=was_open)
        if found and attempt.answer in (found[-1].answer, None):
            last = found.pop()
            one = replace(last, may_be_taken_back=last.may_be_taken_back or was_open)
        elif found and found[-1].answer is None:
            last = found[-1]
            one = replace(one, call=last.call, may_be_taken_back=last.may_be_taken_back)
            if last.op not in _TAKES:
                found.pop()
        found.append(one)
    return found


def _request(event: TraceEvent) -> _Request:
    data = event.data
    return text(data, "client"), text(data, "op"), text(data, "lock"), text(data, "request_id")


def _answer(data: Mapping[str, Json]) -> Answer | None:
    """What the client was told about the lock; ``None`` if it cannot know what became of it."""
    result = text(data, "result") if text(data, "status") == "ok" else ""
    if text(data, "op") == _LOOK:
        if result != "info":
            return None
        holders = tuple(
            (text(one, "client"), number(one, "token")) for one in rows(data, "holders")
        )
        is_partial = number(data, "holder_count") > len(holders)
        owner = text(data, "owner")
        return Answer(result, number(data, "token"), owner, holders, is_partial)
    if result:
        return Answer(result, number(data, "token"))
    code = _status(data)
    return Answer(code.name.lower()) if code in _TELLS_OF_THE_LOCK else None


def _status(data: Mapping[str, Json]) -> ErrorCode:
    try:
        return ErrorCode(number(data, "code"))
    except ValueError:  # a newer node's
        return ErrorCode.UNSPECIFIED
