"""What the lock service promises, checked after every event against an independent model.

The properties, by the names that violations carry:

- mutual exclusion: nobody gets a lock that another still has, and nobody gets it out of nothing;
- fencing: a token serves one hold, tokens grow, a renewal keeps its token;
- queue order: waiters are granted by priority and then by arrival, none is lost, none too late;
- TTL: a hold ends when its time is up by the log, not before, not after;
- exactly once: a request that is repeated changes nothing;
- lease ends first: a client stops believing before the cluster gives its lock away;
- stale write: what the lock protects takes no write with an older token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from raftlock.check.model import LockModel, LockState
from raftlock.check.violation import Violation
from raftlock.trace.fields import flag, names, number, rows, text
from raftlock.types.events import Json, TraceEvent

__all__ = ["LockChecker"]

Row = tuple[str, int, int, tuple[tuple[str, int, int, int], ...]]
"""A lock: owner, token, deadline, and its queue of (client, priority, index, deadline)."""


@dataclass(slots=True)
class _Expected:
    locks: dict[str, Row]
    expired: set[str]
    was_retry: bool


@dataclass(slots=True)
class _Applying:
    """What a node has told so far of the entry it is applying."""

    seq: int
    index: int
    told: dict[str, Row] = field(default_factory=dict)
    expired: set[str] = field(default_factory=set)


class LockChecker:
    """Feed it a trace from its beginning; `feed` gives what each event breaks."""

    def __init__(self) -> None:
        self._model = LockModel()
        self._commands: dict[tuple[int, int], Mapping[str, Json]] = {}
        self._stands: dict[str, dict[str, Row]] = {}
        self._expected: dict[int, _Expected] = {}
        self._last = 0
        self._applying: dict[str, _Applying] = {}
        self._beliefs: dict[tuple[str, str], tuple[int, int]] = {}
        self._stored: dict[str, tuple[int, str]] = {}
        self.expiries = 0
        self.refused_writes = 0

    def feed(self, event: TraceEvent) -> list[Violation]:
        """Look at one event; what is broken by it, or by what its node left untold before it."""
        kind = event.kind
        if kind == "lock":
            self._told(event)
            return []
        found: list[Violation] = []
        applying = self._applying.pop(event.node, None)
        if applying is not None:
            found += self._compare(applying, event.node)
        if kind == "append":
            for row in rows(event.data, "entries"):
                command = row.get("command")
                if isinstance(command, dict):
                    self._commands[number(row, "index"), number(row, "term")] = command
        elif kind == "apply":
            found += self._apply(event)
        elif kind == "belief":
            self._believes(event)
        elif kind in {"client_call", "client_return"}:
            found += self._client(event)
        elif kind == "storage":
            found += self._storage(event)
        return found

    # ---- the table ----

    def _apply(self, event: TraceEvent) -> list[Violation]:
        index = number(event.data, "index")
        self._applying[event.node] = _Applying(event.seq, index)
        if index != self._last + 1:
            return []
        self._last = index
        command = self._commands.get((index, number(event.data, "term")), {})
        touched = self._model.apply(index, number(event.data, "stamp"), command)
        locks = {lock: _row_of(state) for lock, state in touched.items()}
        expired = {lock for lock, _, _ in self._model.expired}
        self._expected[index] = _Expected(locks, expired, self._model.was_retry)
        return self._leases(event)

    def _told(self, event: TraceEvent) -> None:
        applying = self._applying.get(event.node)
        if applying is None:
            return
        data = event.data
        queue = tuple(
            (
                text(row, "client"),
                number(row, "priority"),
                number(row, "index"),
                number(row, "deadline"),
            )
            for row in rows(data, "queue")
        )
        owner = text(data, "owner")
        deadline = number(data, "deadline") if owner else 0
        if "expired" in names(data, "why"):
            applying.expired.add(text(data, "lock"))
        applying.told[text(data, "lock")] = (owner, number(data, "token"), deadline, queue)

    def _compare(self, applying: _Applying, node: str) -> list[Violation]:
        """Whether the node's table stands as the model says, after the entry it applied."""
        if applying.index == 1:
            self._stands[node] = {}
        stands = self._stands.setdefault(node, {})
        expected = self._expected.get(applying.index)
        if expected is None:
            return []
        found: list[Violation] = []
        for lock in dict.fromkeys((*expected.locks, *applying.told)):
            was = stands.get(lock, _EMPTY)
            should, told = expected.locks.get(lock, was), applying.told.get(lock, was)
            if told != should and not found:
                property_, why = _difference(lock, told, should, was)
                if lock in applying.expired and lock not in expected.expired:
                    property_ = "TTL"
                    why += " It let a hold expire that had not come to its end."
                elif expected.was_retry:
                    property_ = "exactly once"
                    why += " The entry repeats a request that was done before."
                sentence = f"After entry {applying.index}, {node} has {why}"
                found.append(
                    Violation(property_, sentence, applying.seq, applying.index, nodes=(node,))
                )
            stands[lock] = told
        return found

    # ---- clients ----

    def _leases(self, event: TraceEvent) -> list[Violation]:
        """Whose hold has just expired must have stopped believing in it."""
        found = []
        for lock, client, token in self._model.expired:
            self.expiries += 1
            believed, until = self._beliefs.get((client, lock), (0, 0))
            if believed == token and until > event.t:
                left = (until - event.t) // 1_000
                sentence = (
                    f"{client} believes for {left} ms more that it holds {lock} with token "
                    f"{token}, and the cluster has let it expire."
                )
                found.append(Violation("lease ends first", sentence, event.seq))
        return found

    def _believes(self, event: TraceEvent) -> None:
        key = text(event.data, "client"), text(event.data, "lock")
        self._beliefs[key] = number(event.data, "token"), number(event.data, "until")

    def _client(self, event: TraceEvent) -> list[Violation]:
        data = event.data
        if event.kind == "client_call" or text(data, "result") != "granted":
            return []
        token, client, lock = number(data, "token"), text(data, "client"), text(data, "lock")
        if self._model.granted.get(token, (lock, client)) != (lock, client):
            owner = self._model.granted[token]
            sentence = (
                f"{client} was told that it has {lock} with token {token}, which was given to "
                f"{owner[1]} for {owner[0]}."
            )
            return [Violation("fencing", sentence, event.seq)]
        if token not in self._model.granted:
            sentence = f"{client} was told that it has {lock} with token {token}: nobody was."
            return [Violation("fencing", sentence, event.seq)]
        return []

    def _storage(self, event: TraceEvent) -> list[Violation]:
        data = event.data
        lock, client, token = text(data, "lock"), text(data, "client"), number(data, "token")
        if not flag(data, "accepted"):
            self.refused_writes += 1
            return []
        highest, who = self._stored.get(lock, (0, ""))
        if token < highest:
            sentence = (
                f"What {lock} protects took a write of {client} with token {token} after one of "
                f"{who} with token {highest}."
            )
            return [Violation("stale write", sentence, event.seq)]
        if token == highest and who != client:
            sentence = f"{who} and {client} both wrote to what {lock} protects with token {token}."
            return [Violation("fencing", sentence, event.seq)]
        self._stored[lock] = (token, client)
        return []


_EMPTY: Row = ("", 0, 0, ())


def _row_of(state: LockState) -> Row:
    queue = tuple((each.client, each.priority, each.index, each.deadline) for each in state.queue)
    hold = state.hold
    return ("", 0, 0, queue) if hold is None else (hold.client, hold.token, hold.deadline, queue)


def _difference(lock: str, found: Row, should: Row, was: Row) -> tuple[str, str]:
    """Which promise is broken, and in what words."""
    owner, token, deadline, queue = found
    if owner != should[0]:
        holds = f"{lock} held by {owner or 'nobody'}, and it should be {should[0] or 'nobody'}."
        waited = {each[0] for each in was[3]}
        if should[0] in waited or owner in waited:
            return "queue order", holds
        return "mutual exclusion", holds
    if token != should[1]:
        return "fencing", f"{lock} held with token {token} instead of {should[1]}."
    if queue != should[3]:
        mine = ", ".join(each[0] for each in queue) or "nobody"
        right = ", ".join(each[0] for each in should[3]) or "nobody"
        return "queue order", f"{mine} waiting for {lock}; it should be {right}, by their turns."
    return "TTL", f"{lock} expire at {deadline} instead of {should[2]} ms of cluster time."
