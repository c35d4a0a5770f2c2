"""Who sent what to whom: the newest stretch of a run as points and arrows.

``{start, groups, items, beats, reach, cut}``: `start` is how each node stood before the first item
(``[role, term, state]``), `groups` the split there was then, `items` the newest in the order in
which they began, `cut` how many came before them. An item is

- ``["m", id, src, dst, label, t0, t1, end, got, term]``: a message. `end` is ``flying``, ``got``,
  ``held`` or why it was lost; `got` the number of the event of its arrival or loss;
- ``["e", seq, place, t, kind, words, term, role, origin...]``: something at a node or a client;
  `role` is the node's then (``down`` and ``frozen`` too). With an `origin` (place, number, time and
  label) it was brought about from there: a client's request became an entry, or an entry's
  application an answer;
- ``["f", seq, "", t, what, words, groups]``: something done to the network;
- ``["b", seq, "", t0, t1, count, last, lost]``: heartbeats, and nothing else, sent in that time.

`beats` are the newest of these heartbeats as messages. `reach` is what only heartbeats told:
``[seq, place, upto]`` says that the event `seq` comes after number `upto` at `place`.

A delta has the items that changed or are new, under ``items``, new ``beats`` and ``reach``, and the
rest as it is now.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TypeVar

from raftlock.trace.fields import flag, groups_of, number, rows, shorten, text
from raftlock.trace.messages import HEARTBEAT_LABELS
from raftlock.types import Json, TraceEvent

__all__ = ["KEPT_ITEMS", "SpaceTime"]

KEPT_ITEMS = 140
"""Most are messages, with two ends each: some 300 points."""

KEPT_BEATS = 40
KEPT_REACH = 60
KEPT_SENT = 500
KEPT_POINTS = 80
KEPT_ENTRIES = 100

_NETWORK = {"cut", "restore", "partition", "heal", "link"}
_STATES = {"up": "follower", "down": "down", "frozen": "frozen"}
_ASKS = {
    "acquire": "ACQ",
    "enqueue_waiter": "WAIT",
    "release": "REL",
    "renew": "REN",
    "cancel_wait": "CANCEL",
    "get_lock_info": "LOOK",
}

_ANSWERED = {"fail": "refused", "unknown": "gives up"}

_K = TypeVar("_K")
_V = TypeVar("_V")

_Known = Mapping[str, int]
"""Up to which event of each place something comes after it."""

_NOTHING: _Known = MappingProxyType({})


class SpaceTime:
    """The part ``spacetime`` of frames."""

    name = "spacetime"

    def __init__(self, header: Mapping[str, Json]) -> None:
        nodes = header.get("nodes")
        self._start: dict[str, list[Json]] = {
            str(node): ["follower", 0, "down"]
            for node in (nodes if isinstance(nodes, list) else [])
        }
        self._groups: Json = None
        # Each with the event that last changed it; replaced, never changed: copies share them.
        self._items: dict[int, tuple[int, list[Json]]] = {}
        self._beats: dict[int, tuple[int, list[Json]]] = {}
        self._reach: tuple[tuple[int, str, int], ...] = ()
        self._role: dict[str, str] = {}
        self._cut = 0
        self._changed = 0
        self._causes = _Causes()
        self._called: dict[tuple[str, str], tuple[int, int, str]] = {}  # number, time, label
        self._entries: dict[int, tuple[str, int, int]] = {}  # of each index: who applied it first
        self._requests: dict[tuple[int, int], tuple[str, str]] = {}
        self._answers: dict[tuple[str, str], int] = {}  # at which index a request took effect

    def apply(self, event: TraceEvent) -> None:
        """Fold one event in."""
        data = event.data
        match event.kind:
            case "send":
                self._sent(event)
            case "deliver":
                self._ended(event, number(data, "id"), "got")
            case "drop":
                self._ended(event, number(data, "id"), text(data, "why") or "lost")
            case "due":
                self._moved(event)
            case "dup":
                self._copied(event)
            case "node":
                state = text(data, "state")
                self._role[event.node] = _STATES.get(state, state)
                self._mark(event, text(data, "what"))
            case "term":
                self._mark(event, f"term {event.term}")
            case "role":
                self._role[event.node] = text(data, "to")
                self._mark(event, f"{text(data, 'to')}, term {event.term}")
            case "vote":
                self._mark(event, f"votes for {text(data, 'for')}")
            case "timer_fire" if text(data, "timer") == "election":
                self._mark(event, "heard nothing")
            case "commit" if event.rule == "AdvanceCommitIndex":
                self._mark(event, f"commits {number(data, 'index')}")
            case "truncate":
                self._mark(event, f"cuts off from {number(data, 'from')}")
            case "violation":
                self._mark(event, text(data, "text"))
            case "append":
                self._appended(event)
            case "apply":
                self._applied(event)
            case "client_call" | "client_return":
                self._client(event)
            case "storage":
                verdict = "taken" if flag(data, "accepted") else "refused"
                self._mark(event, f"write #{number(data, 'token')} {verdict}")
            case "fault" if text(data, "what") in _NETWORK:
                what = text(data, "what")
                groups = groups_of(data) if what == "partition" else []
                split = " | ".join(" ".join(group) for group in groups)
                place = f" {text(data, 'src')} {text(data, 'dst')}" if "src" in data else ""
                words = shorten(f"split {split}" if split else what + place, 60)
                item: list[Json] = ["f", event.seq, "", event.t, what, words]
                self._put(event.seq, event, [*item, [list(group) for group in groups]])

    def full(self) -> Json:
        """All that is kept."""
        return self._frame(0)

    def delta(self, seen: int) -> Json | None:
        """What changed."""
        return self._frame(seen) if self._changed > seen else None

    def copy(self) -> SpaceTime:
        """The same, to go on apart."""
        twin = SpaceTime({})
        for name, value in vars(self).items():
            shared = dict(value) if isinstance(value, dict) else value
            setattr(twin, name, shared)
        twin._causes = self._causes.copy()
        return twin

    def revive(self, events: Iterable[TraceEvent]) -> None:
        """A copy is as good as the first."""

    def _frame(self, seen: int) -> Json:
        first = next(iter(self._items), 0)
        return {
            "start": dict(self._start),
            "groups": self._groups,
            "cut": self._cut,
            "items": [item for changed, item in self._items.values() if changed > seen],
            "beats": [beat for changed, beat in self._beats.values() if changed > seen],
            "reach": [list(row) for row in self._reach if row[0] > max(seen, first - 1)],
        }

    # ---- messages ----

    def _sent(self, event: TraceEvent) -> None:
        data, label = event.data, text(event.data, "label")
        due = max(event.t, number(data, "deliver_at"))
        arrow: list[Json] = ["m", event.seq, event.node, text(data, "to"), label, event.t, due]
        arrow += ["flying", 0, event.term]
        is_beat = label in HEARTBEAT_LABELS
        if is_beat:
            self._beat(event)
            self._beats[event.seq] = (event.seq, arrow)
            while len(self._beats) > KEPT_BEATS:
                del self._beats[next(iter(self._beats))]
        else:
            self._put(event.seq, event, arrow)
            self._point(event.seq, event.node)
        self._causes.sent(event.seq, event.node)

    def _beat(self, event: TraceEvent) -> None:
        last = next(reversed(self._items), None)
        if last is not None and self._items[last][1][0] == "b":
            _, seq, _, t0, _, count, _, lost = self._items[last][1]
            assert isinstance(count, int)
            fold: list[Json] = ["b", seq, "", t0, event.t, count + 1, event.seq, lost]
            self._put(last, event, fold)
        else:
            fold = ["b", event.seq, "", event.t, event.t, 1, event.seq, 0]
            self._put(event.seq, event, fold)

    def _ended(self, event: TraceEvent, message: int, end: str) -> None:
        known = self._items.get(message)
        is_beat = known is None or known[1][0] != "m"
        place = event.node
        if end == "got":
            self._causes.arrived(message, event.seq, place, is_told=not is_beat)
        elif is_beat:
            self._lose_beat(event, message)
        if not is_beat and known is not None and known[1][7] != "got":
            arrow = known[1]
            self._put(message, event, [*arrow[:6], event.t, end, event.seq, arrow[9]])
            if end == "got":
                self._point(event.seq, place)
        elif message in self._beats:
            arrow = self._beats[message][1]
            self._beats[message] = (
                event.seq,
                [*arrow[:6], event.t, end, event.seq, arrow[9]],
            )
            self._changed = event.seq

    def _lose_beat(self, event: TraceEvent, message: int) -> None:
        for key, (_, item) in reversed(self._items.items()):
            if item[0] == "b" and key <= message:
                lost = item[7]
                assert isinstance(lost, int)
                self._put(key, event, [*item[:7], lost + 1])
                return

    def _moved(self, event: TraceEvent) -> None:
        message = number(event.data, "id")
        for kept in (self._items, self._beats):
            known = kept.get(message)
            if known is not None and known[1][0] == "m":
                held = flag(event.data, "held")
                due = event.t if held else number(event.data, "deliver_at")
                arrow = [*known[1][:6], due, "held" if held else "flying", 0, known[1][9]]
                kept[message] = (event.seq, arrow)
                self._changed = event.seq

    def _copied(self, event: TraceEvent) -> None:
        known = self._items.get(number(event.data, "id"))
        if known is not None and known[1][0] == "m":
            due = max(event.t, number(event.data, "deliver_at"))
            arrow = [*known[1][:5], event.t, due, "flying", 0, known[1][9]]
            self._put(event.seq, event, ["m", event.seq, *arrow[2:]])

    # ---- clients, and what becomes of their requests ----

    def _client(self, event: TraceEvent) -> None:
        data, op = event.data, text(event.data, "op")
        if op not in _ASKS:
            return
        key = (text(data, "client"), text(data, "request_id"))
        if event.kind == "client_call":
            self._called[key] = (event.seq, event.t, _ASKS[op])
            _trim(self._called, KEPT_ENTRIES)
            self._mark(event, f"{op.replace('_', ' ')} {text(data, 'lock')}")
            return
        token = number(data, "token")
        status = text(data, "status")
        result = text(data, "result") or _ANSWERED.get(status, status)
        words = f"{result} #{token}" if token else result
        index = max(self._answers.get(key, 0), token if result == "granted" else 0)
        source = self._entries.get(index)
        if source is None:
            self._mark(event, words)
            return
        place, seq, t = source
        self._causes.learnt(event.node, place, seq)
        label = words if token else "✓" if status == "ok" else "✗"
        self._mark(event, words, (place, seq, t, label))

    def _appended(self, event: TraceEvent) -> None:
        for entry in rows(event.data, "entries"):
            command = entry.get("command")
            if not isinstance(command, dict):
                continue
            key = (text(command, "client_id"), text(command, "request_id"))
            call = self._called.get(key)
            if call is None:
                continue
            index = number(entry, "index")
            self._requests[index, number(entry, "term")] = key
            _trim(self._requests, KEPT_ENTRIES)
            place = f"client:{key[0]}"
            self._causes.learnt(event.node, place, call[0])
            self._mark(event, f"entry {index}", (place, *call))

    def _applied(self, event: TraceEvent) -> None:
        index = number(event.data, "index")
        if index in self._entries:
            return
        self._entries[index] = (event.node, event.seq, event.t)
        _trim(self._entries, KEPT_ENTRIES)
        key = self._requests.get((index, number(event.data, "term")))
        if key is not None:
            self._answers.setdefault(key, index)
            _trim(self._answers, KEPT_ENTRIES)

    # ---- items ----

    def _mark(
        self, event: TraceEvent, words: str, origin: tuple[str, int, int, str] | None = None
    ) -> None:
        node = event.node
        last = next(reversed(self._items.values()), (0, [""]))[1]
        if event.kind in {"vote", "role"} and last[2:5] == [node, event.t, "term"]:
            self._items.popitem()  # it says the term, too
        told: list[Json] = ["e", event.seq, node, event.t, event.kind, shorten(words, 40)]
        told += [event.term, self._role.get(node, "follower")]
        self._put(event.seq, event, [*told, *(origin or ())])
        self._point(event.seq, node)

    def _point(self, seq: int, place: str) -> None:
        """A point is drawn: tell what it comes after that no arrow shows."""
        fresh = self._causes.point(seq, place)
        if fresh:
            self._reach = (*self._reach, *fresh)[-KEPT_REACH:]

    def _put(self, key: int, event: TraceEvent, item: list[Json]) -> None:
        self._items[key] = (event.seq, item)
        self._changed = event.seq
        while len(self._items) > KEPT_ITEMS:
            gone = self._items.pop(next(iter(self._items)))[1]
            self._cut += 1
            if gone[0] == "e" and gone[4] in {"role", "node", "vote", "term"}:
                role, node = gone[7], str(gone[2])
                state = role if role in {"down", "frozen"} else "up"
                self._start[node] = ["follower" if state != "up" else role, gone[6], state]
            elif gone[0] == "f" and gone[4] in {"partition", "heal"}:
                self._groups = gone[6] or None


class _Causes:
    """What comes after what: of each place, up to which event of each other.

    All of it is kept twice: as it is, and as the arrows show that are drawn, which leave out the
    heartbeats. Mappings are replaced, never changed: copies share them.
    """

    def __init__(self) -> None:
        self._whole: dict[str, _Known] = {}
        self._shown: dict[str, _Known] = {}
        self._under_way: dict[int, tuple[str, _Known, _Known]] = {}
        self._points: dict[str, tuple[int, ...]] = {}

    def copy(self) -> _Causes:
        twin = _Causes()
        twin._whole, twin._shown = dict(self._whole), dict(self._shown)
        twin._under_way, twin._points = dict(self._under_way), dict(self._points)
        return twin

    def sent(self, message: int, src: str) -> None:
        whole, shown = self._whole.get(src, _NOTHING), self._shown.get(src, _NOTHING)
        self._under_way[message] = (src, whole, shown)
        _trim(self._under_way, KEPT_SENT)

    def arrived(self, message: int, _seq: int, dst: str, *, is_told: bool) -> None:
        known = self._under_way.pop(message, None)
        if known is None:
            return
        src, whole, shown = known
        self._whole[dst] = _later(self._whole.get(dst, _NOTHING), whole, src, message)
        if is_told:
            self._shown[dst] = _later(self._shown.get(dst, _NOTHING), shown, src, message)

    def learnt(self, dst: str, src: str, seq: int) -> None:
        """An arrow that is no message: from event `seq` at `src` to what comes next at `dst`."""
        for kept in (self._whole, self._shown):
            kept[dst] = _later(kept.get(dst, _NOTHING), kept.get(src, _NOTHING), src, seq)

    def point(self, seq: int, place: str) -> list[tuple[int, str, int]]:
        """What is drawn next at `place`; gives what it comes after that no arrow shows."""
        whole, shown = self._whole.get(place, _NOTHING), self._shown.get(place, _NOTHING)
        fresh = []
        if whole is not shown:
            for other, upto in whole.items():
                before = shown.get(other, 0)
                points = self._points.get(other, ())
                if upto > before and bisect_right(points, upto) > bisect_right(points, before):
                    fresh.append((seq, other, upto))
            self._shown[place] = whole
        self._points[place] = (*self._points.get(place, ())[-KEPT_POINTS:], seq)
        return fresh


def _later(mine: _Known, other: _Known, src: str, seq: int) -> _Known:
    """What comes after both, and after event `seq` at `src`."""
    found = dict(mine)
    for place, upto in other.items():
        if upto > found.get(place, 0):
            found[place] = upto
    if seq > found.get(src, 0):
        found[src] = seq
    return found


def _trim(kept: dict[_K, _V], limit: int) -> None:
    while len(kept) > limit:
        del kept[next(iter(kept))]
