"""What the lock service promises, checked after every event against an independent model.

The properties, by the names that violations carry:

- mutual exclusion: nobody gets a lock that another still has, and nobody gets it out of nothing;
- fencing: a token serves one hold, tokens grow, a renewal keeps its token;
- queue order: waiters are granted by priority and then by arrival, none is lost, none too late, and
  none waits beside a free lock;
- TTL: a hold ends when its time is up by the log, not before, not after;
- exactly once: a request that is repeated changes nothing;
- bounds: no queue is longer than it may be;
- lease ends first: a client stops believing before the cluster gives its lock away, as long as no
  clock runs fast by more than a lease allows for, and no leader's clock has jumped meanwhile;
- stale write: what the lock protects takes no write with an older token, whatever clocks do.

A node that took a snapshot over is compared from there on: first its whole table, then each entry.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from raftlock.check.bounds import WAITERS_MAX
from raftlock.check.clocks import Clocks
from raftlock.check.model import LockModel, LockState
from raftlock.check.violation import Findings
from raftlock.trace.fields import flag, names, number, rows, text
from raftlock.types.events import Json, TraceEvent

__all__ = ["LockChecker"]

Terms = tuple[bool, int]
"""Whether a lock is shared, and of how many permits one is had."""

_Holder = tuple[str, int, int, int]
"""Client, token, deadline, and the number of its permit."""

_Waiter = tuple[str, int, int, int, Terms]
"""Client, priority, index, deadline, and what it waits for."""

Row = tuple[tuple[_Holder, ...], Terms, tuple[_Waiter, ...]]
"""A lock: who holds it, on which terms, and its queue."""


@dataclass(slots=True)
class _Expected:
    """What the model says that an entry does."""

    locks: dict[str, Row]
    expired: set[str]
    was_retry: bool


@dataclass(slots=True)
class _Telling:
    """What a node has told so far of the entry it is applying, or of the table it took over."""

    seq: int
    index: int
    is_whole: bool
    told: dict[str, Row] = field(default_factory=dict)
    expired: set[str] = field(default_factory=set)


class LockChecker:
    """Its `handlers` look at one event of their kind each; `telling` names who is in the middle.

    `expected` is what the model says of the entries that somebody may yet apply, by their index.
    """

    def __init__(self, clocks: Clocks, findings: Findings, *, ages: bool = False) -> None:
        self.model = LockModel(ages=ages)
        self.telling: dict[str, _Telling] = {}
        self.expiries = 0
        self.refused_writes = 0
        self._clocks = clocks
        self._say = findings.say
        # Each command is told once; with the run time at which it came into a log.
        self._commands: dict[tuple[int, int], tuple[Mapping[str, Json], int]] = {}
        self._stands: dict[str, dict[str, Row]] = {}
        self.expected: dict[int, _Expected] = {}
        self._last = 0
        # How each lock stood from which entry on: what a snapshot's table is compared with.
        self._history: dict[str, list[tuple[int, Row]]] = {}
        self._beliefs: dict[tuple[str, str], tuple[int, int]] = {}
        self._stored: dict[str, dict[int, tuple[int, str]]] = {}
        self.handlers: dict[str, Callable[[TraceEvent], None]] = {
            "append": self._append,
            "apply": self._apply,
            "restore": self._restore,
            "lock": self._told,
            "belief": self._believes,
            "storage": self._storage,
        }

    def told_all(self, node: str) -> None:
        """What a node tells of its locks is complete: is it as it must be?"""
        telling = self.telling.pop(node)
        if telling.is_whole:
            self._compare_whole(telling, node)
        else:
            self._compare(telling, node)

    def life(self, event: TraceEvent) -> None:
        """A ``node`` event: a node that begins has an empty table."""
        if event.data.get("state") == "up" and text(event.data, "what") != "thawed":
            self._stands[event.node] = {}

    def forget(self, upto: int) -> None:
        """Nobody will apply an entry before `upto` any more, or take over a table of then."""
        self.expected = {index: each for index, each in self.expected.items() if index >= upto}
        for lock, rows_ in self._history.items():
            first = bisect_right(rows_, upto, key=lambda row: row[0]) - 1
            self._history[lock] = rows_[max(first, 0) :]

    # ---- the table ----

    def _append(self, event: TraceEvent) -> None:
        if event.rule != "ClientRequest":
            return
        for row in rows(event.data, "entries"):
            command = row.get("command")
            if isinstance(command, dict):
                self._commands[number(row, "index"), number(row, "term")] = command, event.t

    def _apply(self, event: TraceEvent) -> None:
        index = number(event.data, "index")
        self.telling[event.node] = _Telling(event.seq, index, is_whole=False)
        if index != self._last + 1:
            return
        self._last = index
        key = (index, number(event.data, "term"))
        command, made = self._commands.pop(key, ({}, event.t))
        touched = self.model.apply(index, number(event.data, "stamp"), command, made)
        locks = {lock: _row_of(state) for lock, state in touched.items()}
        for lock, row in locks.items():
            self._history.setdefault(lock, []).append((index, row))
        expired = {lock for lock, _ in self.model.expired}
        self.expected[index] = _Expected(locks, expired, self.model.was_retry)
        if expired:
            self._leases(event)

    def _restore(self, event: TraceEvent) -> None:
        index = number(event.data, "index")
        self.telling[event.node] = _Telling(event.seq, index, is_whole=True)

    def _told(self, event: TraceEvent) -> None:
        telling = self.telling.get(event.node)
        if telling is None:
            return
        data = event.data
        queue = tuple(
            (
                text(row, "client"),
                number(row, "priority"),
                number(row, "index"),
                number(row, "deadline"),
                _terms(row),
            )
            for row in rows(data, "queue")
        )
        lock, owner = text(data, "lock"), text(data, "owner")
        holders = [_holder(owner, data)] if owner else []
        holders += [_holder(text(row, "client"), row) for row in rows(data, "others")]
        if "expired" in names(data, "why"):
            telling.expired.add(lock)
        telling.told[lock] = (tuple(holders), _terms(data), queue)
        if len(queue) > WAITERS_MAX:
            sentence = f"{len(queue)} wait for {lock}: at most {WAITERS_MAX} may."
            self._say("bounds", sentence, index=telling.index, nodes=(event.node,))

    def _compare(self, telling: _Telling, node: str) -> None:
        """Whether the node's table stands as the model says, after the entry it applied."""
        stands = self._stands.setdefault(node, {})
        expected = self.expected.get(telling.index)
        if expected is None:
            return
        is_right = True
        for lock in dict.fromkeys((*expected.locks, *telling.told)):
            was = stands.get(lock, _EMPTY)
            should, told = expected.locks.get(lock, was), telling.told.get(lock, was)
            if told != should and is_right:
                is_right = False
                property_, why = _difference(lock, told, should, was)
                if lock in telling.expired and lock not in expected.expired:
                    property_ = "TTL"
                    why += " It let a hold expire that had not come to its end."
                elif expected.was_retry:
                    property_ = "exactly once"
                    why += " The entry repeats a request that was done before."
                sentence = f"After entry {telling.index}, {node} has {why}"
                self._say(property_, sentence, index=telling.index, nodes=(node,), seq=telling.seq)
            stands[lock] = told

    def _compare_whole(self, telling: _Telling, node: str) -> None:
        """Whether the table that came with a snapshot is the one that its entry left."""
        if telling.index <= self._last:
            for lock in dict.fromkeys((*self._history, *telling.told)):
                told, should = telling.told.get(lock, _EMPTY), self._row_at(lock, telling.index)
                if told != should:
                    property_, why = _difference(lock, told, should, _EMPTY)
                    sentence = f"With the snapshot of entry {telling.index}, {node} has {why}"
                    index, seq = telling.index, telling.seq
                    self._say(property_, sentence, index=index, nodes=(node,), seq=seq)
                    break
        self._stands[node] = telling.told

    def _row_at(self, lock: str, index: int) -> Row:
        """How the lock must stand after an entry."""
        rows_ = self._history.get(lock, [])
        place = bisect_right(rows_, index, key=lambda row: row[0])
        return rows_[place - 1][1] if place else _EMPTY

    # ---- clients, and what they write to ----

    def _leases(self, event: TraceEvent) -> None:
        """Whose hold has just expired must have stopped believing in it."""
        for lock, hold in self.model.expired:
            self.expiries += 1
            believed, until = self._beliefs.get((hold.client, lock), (0, 0))
            is_safe = self._clocks.keep_leases(hold.since)
            if believed == hold.token and until > event.t and is_safe:
                left = (until - event.t) // 1_000
                sentence = (
                    f"{hold.client} believes for {left} ms more that it holds {lock} with token "
                    f"{hold.token}, and the cluster has let it expire."
                )
                self._say("lease ends first", sentence)

    def _believes(self, event: TraceEvent) -> None:
        key = text(event.data, "client"), text(event.data, "lock")
        self._beliefs[key] = number(event.data, "token"), number(event.data, "until")

    def _storage(self, event: TraceEvent) -> None:
        data = event.data
        lock, client, token = text(data, "lock"), text(data, "client"), number(data, "token")
        if not flag(data, "accepted"):
            self.refused_writes += 1
            return
        # One who has it alone comes after all others; of one permit, only its own holders.
        slot, stored = number(data, "slot"), self._stored.setdefault(lock, {})
        before = [each for at, each in stored.items() if slot == 0 or at in {0, slot}]
        highest, who = max(before, default=(0, ""))
        if token < highest:
            sentence = (
                f"What {lock} protects took a write of {client} with token {token} after one of "
                f"{who} with token {highest}."
            )
            self._say("stale write", sentence)
        elif token == highest and who != client:
            sentence = f"{who} and {client} both wrote to what {lock} protects with token {token}."
            self._say("fencing", sentence)
        else:
            stored[slot] = (token, client)


_EMPTY: Row = ((), (False, 0), ())


def _terms(data: Mapping[str, Json]) -> Terms:
    return flag(data, "shared"), number(data, "permits")


def _holder(client: str, data: Mapping[str, Json]) -> _Holder:
    return client, number(data, "token"), number(data, "deadline"), number(data, "slot")


def _row_of(state: LockState) -> Row:
    holders = tuple((each.client, each.token, each.deadline, each.slot) for each in state.holds)
    terms = state.holds[0].terms if state.holds else (False, 0)
    queue = tuple(
        (each.client, each.priority, each.index, each.deadline, each.terms) for each in state.queue
    )
    return holders, terms, queue


def _difference(lock: str, found: Row, should: Row, was: Row) -> tuple[str, str]:
    """Which promise is broken, and in what words."""
    (holders, terms, queue), (right_holders, right_terms, right_queue) = found, should
    clients, right_clients = [each[0] for each in holders], [each[0] for each in right_holders]
    if clients != right_clients:
        names = " and ".join(clients) or "nobody"
        right = " and ".join(right_clients) or "nobody"
        waited = {each[0] for each in was[2]}
        moved = set(clients) ^ set(right_clients)
        # There was room for one more, and somebody who waits had to come first.
        overtakes = right_queue and moved <= set(clients) and terms == right_terms
        overtakes = overtakes and (terms[0] or len(clients) <= terms[1])
        is_order = moved & waited or not moved or overtakes
        property_ = "queue order" if is_order else "mutual exclusion"
        return property_, f"{lock} held by {names}, and it should be {right}."
    for mine, right_one in zip(holders, right_holders, strict=True):
        if mine[1] != right_one[1]:
            return "fencing", f"{lock} held with token {mine[1]} instead of {right_one[1]}."
        if mine[3] != right_one[3]:
            return "fencing", f"{lock} held by permit {mine[3]} instead of {right_one[3]}."
    if terms != right_terms:
        words = f"{_words(terms)}, and it should be {_words(right_terms)}"
        return "mutual exclusion", f"{lock} held {words}."
    if queue != right_queue:
        mine_waiting = ", ".join(each[0] for each in queue) or "nobody"
        right = ", ".join(each[0] for each in right_queue) or "nobody"
        sentence = f"{mine_waiting} waiting for {lock}; it should be {right}, by their turns."
        return "queue order", sentence
    ends = [(mine[2], one[2]) for mine, one in zip(holders, right_holders, strict=True)]
    mine_end, right_end = next(each for each in ends if each[0] != each[1])
    return "TTL", f"{lock} expire at {mine_end} instead of {right_end} ms of cluster time."


def _words(terms: Terms) -> str:
    return f"by one of {terms[1]} permits" if terms[1] else "shared" if terms[0] else "alone"
