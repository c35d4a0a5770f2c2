"""Who sent what to whom: the newest stretch of a run as points and arrows.

``{start, items, cut}``: `start` is how each node stood before the first item (``[role, term,
state]``), `items` the newest in the order in which they began, `cut` how many came before them. An
item is

- ``["m", id, src, dst, label, t0, t1, end, got, term]``: a message. `end` is ``flying``, ``got``,
  ``held`` or why it was lost; `got` the number of the event of its arrival or loss;
- ``["e", seq, node, t, kind, words, term, role]``: something at a node or a client; `role` is the
  node's then (``down`` and ``frozen`` too);
- ``["f", seq, "", t, what, words]``: something done to the network;
- ``["b", seq, "", t0, t1, count]``: heartbeats, and nothing else, in that time.

A delta has the items that changed or are new, under ``items``, and the rest as it is now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from raftlock.trace.fields import number, shorten, text
from raftlock.trace.messages import HEARTBEAT_LABELS
from raftlock.types import Json, TraceEvent

__all__ = ["SpaceTime"]

KEPT_ITEMS = 200

_NETWORK = {"cut", "restore", "partition", "heal", "link"}
_STATES = {"up": "follower", "down": "down", "frozen": "frozen"}


class SpaceTime:
    """The part ``spacetime`` of frames."""

    name = "spacetime"

    def __init__(self, header: Mapping[str, Json]) -> None:
        nodes = header.get("nodes")
        self._start: dict[str, list[Json]] = {
            str(node): ["follower", 0, "down"]
            for node in (nodes if isinstance(nodes, list) else [])
        }
        # Each with the event that last changed it; replaced, never changed: copies share them.
        self._items: dict[int, tuple[int, list[Json]]] = {}
        self._role: dict[str, str] = {}
        self._cut = 0
        self._changed = 0

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
            case "node":
                state = text(data, "state")
                self._role[event.node] = _STATES.get(state, state)
                self._mark(event, text(data, "what"))
            case "role":
                self._role[event.node] = text(data, "to")
                self._mark(event, f"{text(data, 'to')}, term {event.term}")
            case "vote":
                self._mark(event, f"votes for {text(data, 'for')}")
            case "commit" if event.rule == "AdvanceCommitIndex":
                self._mark(event, f"commits {number(data, 'index')}")
            case "truncate":
                self._mark(event, f"cuts off from {number(data, 'from')}")
            case "client_call":
                if not text(data, "op").endswith("_session"):
                    self._mark(event, f"{text(data, 'op').replace('_', ' ')} {text(data, 'lock')}")
            case "client_return":
                if not text(data, "op").endswith("_session"):
                    token = number(data, "token")
                    result = text(data, "result") or text(data, "status")
                    self._mark(event, f"{result} #{token}" if token else result)
            case "fault" if text(data, "what") in _NETWORK:
                what = text(data, "what")
                place = f" {text(data, 'src')} {text(data, 'dst')}" if "src" in data else ""
                self._put(event.seq, event, ["f", event.seq, "", event.t, what, what + place])

    def full(self) -> Json:
        """All that is kept."""
        return {"start": dict(self._start), "cut": self._cut, "items": self._newer(0)}

    def delta(self, seen: int) -> Json | None:
        """What changed."""
        if self._changed <= seen:
            return None
        return {"start": dict(self._start), "cut": self._cut, "items": self._newer(seen)}

    def copy(self) -> SpaceTime:
        """The same, to go on apart."""
        twin = SpaceTime({})
        twin._start, twin._items = dict(self._start), dict(self._items)
        twin._role, twin._cut, twin._changed = dict(self._role), self._cut, self._changed
        return twin

    def revive(self, events: Iterable[TraceEvent]) -> None:
        """A copy is as good as the first."""

    def _newer(self, seen: int) -> list[Json]:
        return [item for changed, item in self._items.values() if changed > seen]

    def _sent(self, event: TraceEvent) -> None:
        data, label = event.data, text(event.data, "label")
        if label in HEARTBEAT_LABELS:
            self._beat(event)
            return
        due = max(event.t, number(data, "deliver_at"))
        arrow: list[Json] = ["m", event.seq, event.node, text(data, "to"), label, event.t, due]
        self._put(event.seq, event, [*arrow, "flying", 0, event.term])

    def _beat(self, event: TraceEvent) -> None:
        last = next(reversed(self._items), None)
        if last is not None and self._items[last][1][0] == "b":
            _, seq, _, t0, _, count = self._items[last][1]
            assert isinstance(count, int)
            self._put(last, event, ["b", seq, "", t0, event.t, count + 1])
        else:
            self._put(event.seq, event, ["b", event.seq, "", event.t, event.t, 1])

    def _ended(self, event: TraceEvent, message: int, end: str) -> None:
        known = self._items.get(message)
        if known is None or known[1][0] != "m" or known[1][7] == "got":
            return
        arrow = known[1]
        self._put(message, event, [*arrow[:6], event.t, end, event.seq, arrow[9]])

    def _moved(self, event: TraceEvent) -> None:
        known = self._items.get(number(event.data, "id"))
        if known is not None and known[1][0] == "m":
            held = event.data.get("held") is True
            due = event.t if held else number(event.data, "deliver_at")
            arrow = [*known[1][:6], due, "held" if held else "flying", 0, known[1][9]]
            self._put(number(event.data, "id"), event, arrow)

    def _mark(self, event: TraceEvent, words: str) -> None:
        node = event.node
        told: list[Json] = ["e", event.seq, node, event.t, event.kind, shorten(words, 40)]
        self._put(event.seq, event, [*told, event.term, self._role.get(node, "follower")])

    def _put(self, key: int, event: TraceEvent, item: list[Json]) -> None:
        self._items[key] = (event.seq, item)
        self._changed = event.seq
        while len(self._items) > KEPT_ITEMS:
            gone = self._items.pop(next(iter(self._items)))[1]
            self._cut += 1
            if gone[0] == "e" and gone[4] in {"role", "node"}:
                node = str(gone[2])
                role = gone[7]
                state = role if role in {"down", "frozen"} else "up"
                kept: Json = "follower" if state != "up" else role
                self._start[node] = [kept, gone[6], state]
