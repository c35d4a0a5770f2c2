"""What each client asked and was answered, and the order that explains it: a part of frames.

``{ops, locks, bands, cut}``; a delta has the operations and locks that changed:

- ``ops``: ``[call, client, op, lock, t, end, status, word, token, queued, again]``. `call` is the
  number of the event of the first call, which names it; `end` the run time of the answer, 0 if
  there is none yet; `status` ``ok``, ``fail``, ``unknown`` or empty; `word` what the client was
  told; `queued` when it began to stand in the queue (run time, 0: never); `again` how often it was
  asked again;
- ``locks``: ``{lock, verdict, text, stuck, steps}``, see `Found`;
- ``bands``: ``[seq, what, who, from, to]``, faults while they last (`to` 0: still);
- ``cut``: how many earlier operations are not told.

An order is looked for when frames are made, not when events come, and within what the events since
then have earned: a cluster that is busy is judged late, never slowed down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from raftlock.check.clocks import Clocks
from raftlock.check.history import Moment
from raftlock.trace.fields import flag, groups_of, number, rows, shorten, text
from raftlock.types import Json, TraceEvent
from raftlock_widgets.judging import STEPS_MAX, Found, explain, unjudged

__all__ = ["History"]

KEPT_OPS = 60
KEPT_STEPS = 70
KEPT_BANDS = 30
KEPT_LOCKS = 40
KEPT_ENTRIES = 400

JUDGED_CALLS = 240
"""Of a lock with more calls than this no order is looked for any more."""

STEPS_AN_EVENT = 12
"""How much of a search each event of the trace earns: about a tenth of a millisecond."""

STEPS_AT_ONCE = 2_000
SHOWN_WORD = 32

_SHOWN = {"acquire", "enqueue_waiter", "release", "renew", "cancel_wait", "get_lock_info"}
_TAKES = {"acquire", "enqueue_waiter"}


class _Op(NamedTuple):
    changed: int
    client: str
    op: str
    lock: str
    t: int
    end: int = 0
    status: str = ""
    word: str = ""
    token: int = 0
    entry: int = 0  # the index of its own one
    applied: Moment = (0, 0)  # when that was first applied
    granted: Moment = (0, 0)  # when the entry was that gave it the lock it had waited for
    again: int = 0

    def told(self, call: int) -> list[Json]:
        queued = self.applied[0] if self.op in _TAKES and self.granted > self.applied else 0
        waits = self.op == "enqueue_waiter" and self.end == 0
        row: list[Json] = [call, self.client, self.op, self.lock, self.t, self.end, self.status]
        return [
            *row,
            self.word,
            self.token,
            queued or (self.applied[0] if waits else 0),
            self.again,
        ]


class History:
    """The part ``history`` of frames."""

    name = "history"

    def __init__(self, header: Mapping[str, Json]) -> None:
        self._header = header
        self._seq = 0
        self._first = 0  # the first event seen; of what came before it nothing is known
        self._ops: dict[int, _Op] = {}  # replaced, never changed: copies share them
        self._asked: dict[tuple[str, str], int] = {}  # client and request id: the call
        self._cut = 0
        # Of each lock, what its clients said. Copies share the lists, and know what is theirs.
        self._told: dict[str, list[TraceEvent]] = {}
        self._known: dict[str, int] = {}
        self._own: set[str] = set()
        self._applied: dict[int, Moment] = {}  # by call, and by index
        self._entries: dict[tuple[int, int], int] = {}
        self._indexes: dict[int, Moment] = {}
        self._last_index = 0
        self._clients: frozenset[str] = frozenset()
        self._strange: frozenset[str] = frozenset()  # locks of which not all is known
        self._clocks: tuple[tuple[int, Mapping[str, Json]], ...] = ()
        self._found: dict[str, tuple[int, Found]] = {}
        self._earned = STEPS_AT_ONCE
        self._bands: dict[int, list[Json]] = {}
        self._banded = 0

    def apply(self, event: TraceEvent) -> None:
        """Fold one event in."""
        self._seq = event.seq
        self._first = self._first or event.seq
        self._earned = min(STEPS_AT_ONCE, self._earned + STEPS_AN_EVENT)
        match event.kind:
            case "client_call" if text(event.data, "op") in _SHOWN:
                self._called(event)
            case "client_return" if text(event.data, "op") in _SHOWN:
                self._returned(event)
            case "belief":
                if text(event.data, "lock") in self._told:
                    self._say(text(event.data, "lock"), event)
            case "append":
                self._appended(event)
            case "apply":
                self._effect(event)
            case "node":
                self._life(event)
            case "fault":
                self._fault(event)
            case "gap":
                self._first = max(2, event.seq)  # of what was before not all is known

    def full(self) -> Json:
        """All that is kept."""
        self._judge(STEPS_AT_ONCE)
        return self._frame(0)

    def delta(self, seen: int) -> Json | None:
        """What changed after event `seen`."""
        self._earned -= self._judge(self._earned)
        changed = max((op.changed for op in self._ops.values()), default=0)
        judged = max((version for version, _ in self._found.values()), default=0)
        return self._frame(seen) if max(changed, judged, self._banded) > seen else None

    def copy(self) -> History:
        """The same, to go on apart."""
        twin = History(self._header)
        own = twin._own
        twin.__dict__.update(self.__dict__)
        twin._own = own
        for name in ("_ops", "_asked", "_told", "_applied", "_entries", "_indexes", "_found"):
            setattr(twin, name, dict(getattr(self, name)))
        twin._known = {lock: self._length(lock) for lock in self._told}
        twin._bands = dict(self._bands)
        return twin

    def revive(self, events: Iterable[TraceEvent]) -> None:
        """A copy is as good as the first."""

    # ---- what clients said ----

    def _called(self, event: TraceEvent) -> None:
        data = event.data
        client, lock = shorten(text(data, "client")), text(data, "lock")
        request = (text(data, "client"), text(data, "request_id"))
        self._clients |= {text(data, "client")}
        if lock not in self._told and len(self._told) >= KEPT_LOCKS:
            self._forget_lock()
        self._say(lock, event)
        known = self._ops.get(self._asked.get(request, 0))
        if (
            known is not None
            and (known.op, known.lock) == (text(data, "op"), lock)
            and known.status not in {"ok", "fail"}
        ):
            call = self._asked[request]
            self._ops[call] = known._replace(
                changed=event.seq, again=known.again + 1, end=0, status="", word=""
            )
            return
        self._asked[request] = event.seq
        self._ops[event.seq] = _Op(event.seq, client, text(data, "op"), lock, event.t)
        while len(self._ops) > KEPT_OPS:
            del self._ops[next(iter(self._ops))]
            self._cut += 1
        while len(self._asked) > 2 * KEPT_OPS:
            del self._asked[next(iter(self._asked))]

    def _returned(self, event: TraceEvent) -> None:
        data = event.data
        if text(data, "lock") in self._told:
            self._say(text(data, "lock"), event)
        call = self._asked.get((text(data, "client"), text(data, "request_id")), 0)
        token = number(data, "token")
        granted = self._indexes.get(token, (0, 0)) if token else (0, 0)
        op = self._ops.get(call)
        takes = text(data, "op") in _TAKES and text(data, "result") == "granted"
        if takes and granted > self._applied.get(call, (0, 0)):
            self._applied[call] = granted
        if op is None:
            return
        result, owner = text(data, "result"), text(data, "owner")
        word = result or text(data, "text")
        if result == "info":
            word = f"{shorten(owner)} has it" if owner else "free"
            if number(data, "holder_count") > 1:
                word = f"{number(data, 'holder_count')} have it"
        self._ops[call] = op._replace(
            changed=event.seq,
            end=event.t,
            status=text(data, "status") or "unknown",
            word=shorten(word, SHOWN_WORD),
            token=token,
            granted=granted if takes and token > op.entry > 0 else (0, 0),
        )

    def _say(self, lock: str, event: TraceEvent) -> None:
        told = self._told.get(lock)
        if told is None:
            told = self._told[lock] = []
            self._own.add(lock)
        elif lock not in self._own:
            told = self._told[lock] = told[: self._known.get(lock, len(told))]
            self._own.add(lock)
        if len(told) <= 3 * JUDGED_CALLS:
            told.append(event)

    def _length(self, lock: str) -> int:
        told = self._told[lock]
        return len(told) if lock in self._own else self._known.get(lock, len(told))

    def _forget_lock(self) -> None:
        """Of the lock that is quiet for longest no history is kept: it is not judged again."""
        quiet = min(self._told, key=lambda lock: self._told[lock][-1].seq)
        del self._told[quiet]
        self._found.pop(quiet, None)
        self._strange |= {quiet}

    # ---- what the log says ----

    def _appended(self, event: TraceEvent) -> None:
        for entry in rows(event.data, "entries"):
            command = entry.get("command")
            if not isinstance(command, dict):
                continue
            client, lock = text(command, "client_id"), text(command, "lock_id")
            if lock and client and client not in self._clients and lock not in self._strange:
                self._strange |= {lock}
            call = self._asked.get((client, text(command, "request_id")), 0)
            if call:
                self._entries[number(entry, "index"), number(entry, "term")] = call
        while len(self._entries) > KEPT_ENTRIES:
            del self._entries[next(iter(self._entries))]

    def _effect(self, event: TraceEvent) -> None:
        """The first node that applies an entry: from then on it has happened."""
        index = number(event.data, "index")
        if index <= self._last_index:
            return
        self._last_index = index
        moment = (event.t, event.seq)
        self._indexes[index] = moment
        call = self._entries.get((index, number(event.data, "term")), 0)
        if call and call not in self._applied:
            self._applied[call] = moment
            op = self._ops.get(call)
            if op is not None:
                self._ops[call] = op._replace(changed=event.seq, entry=index, applied=moment)
        for kept in (self._indexes, self._applied):
            while len(kept) > KEPT_ENTRIES:
                del kept[next(iter(kept))]

    # ---- what befell them meanwhile ----

    def _life(self, event: TraceEvent) -> None:
        who, state = event.node.removeprefix("client:"), text(event.data, "state")
        for what in ("down", "frozen"):
            if what == state:
                self._begin(event, what, shorten(who))
            else:
                self._end(event, what, shorten(who))

    def _fault(self, event: TraceEvent) -> None:
        data, what = event.data, text(event.data, "what")
        src, dst = text(data, "src"), text(data, "dst")
        pair = f"{src} → {dst}" if flag(data, "one_way") else " – ".join(sorted((src, dst)))
        if what == "partition":
            self._end(event, "split")
            groups = " | ".join(" ".join(group) for group in groups_of(data))
            self._begin(event, "split", shorten(groups, 60))
        elif what == "heal":
            self._end(event, "split")
            self._end(event, "cut")
        elif what == "cut":
            self._begin(event, "cut", shorten(pair, 60))
        elif what == "restore":
            self._end(event, "cut", shorten(pair, 60))
            if not flag(data, "one_way"):
                self._end(event, "cut", f"{src} → {dst}")
                self._end(event, "cut", f"{dst} → {src}")
        elif what == "clock":
            self._clocks = (*self._clocks[-30:], (event.t, data))

    def _begin(self, event: TraceEvent, what: str, who: str) -> None:
        if any(band[1:3] == [what, who] and not band[4] for band in self._bands.values()):
            return
        self._bands[event.seq] = [event.seq, what, who, event.t, 0]
        self._banded = event.seq
        while len(self._bands) > KEPT_BANDS:
            del self._bands[next(iter(self._bands))]

    def _end(self, event: TraceEvent, what: str, who: str | None = None) -> None:
        for seq, band in self._bands.items():
            if band[1] == what and who in (None, band[2]) and not band[4]:
                self._bands[seq] = [*band[:4], event.t]
                self._banded = event.seq

    # ---- telling ----

    def _judge(self, steps: int) -> int:
        """Look for the orders that are due; gives how many steps that took."""
        spent = 0
        for lock in self._told:
            length = self._length(lock)
            found = self._found.get(lock, (0, None))[1]
            if found is not None and found.told == length:
                continue
            expected = (found.cost if found else 0) + 2 * length
            if spent + min(expected, STEPS_MAX) > steps:
                continue
            judged = self._judged(lock, length)
            spent += judged.cost
            # A frame that is made now has it, and so has one that is made after the next event.
            self._found[lock] = (self._seq + 1, judged)
        return spent

    def _judged(self, lock: str, length: int) -> Found:
        name = shorten(lock)
        events = self._told[lock][:length]
        calls = sum(1 for event in events if event.kind == "client_call")
        if self._first > 1:
            return unjudged(length, f"{name}: not judged, the trace lacks its beginning.")
        if lock in self._strange:
            return unjudged(length, f"{name}: not judged, part of its history is not known.")
        if calls > JUDGED_CALLS or length > 3 * JUDGED_CALLS:
            return unjudged(length, f"{name}: not judged any more after {JUDGED_CALLS} calls.")
        clocks = Clocks(self._header)
        for at, data in self._clocks:
            clocks.change(at, data, leads=True)
        return explain(lock, events, clocks, self._applied)

    def _frame(self, seen: int) -> Json:
        kept = set(self._ops)
        locks = {op.lock for op in self._ops.values()}
        locks |= {lock for lock, (_, found) in self._found.items() if found.stuck}
        told: list[Json] = []
        for lock in sorted(locks):
            version, found = self._found.get(lock, (0, None))
            if found is not None and version > seen:
                told.append(found.to_json(lock, kept, KEPT_STEPS // max(1, len(locks))))
        return {
            "ops": [op.told(call) for call, op in self._ops.items() if op.changed > seen],
            "locks": told,
            "bands": list(self._bands.values()),
            "cut": self._cut,
        }
