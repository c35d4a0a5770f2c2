"""Figures of a run: how far nodes lag, how long nobody led, how long clients waited.

``{lag, failovers, calls}``, each the newest, oldest first:

- `lag`: ``[seq, t, node, entries]``, how many committed entries a node had not yet applied, noted
  when it changes;
- `failovers`: ``[seq, t, ms, before, leader, term]``, the time from the loss of a leader to the
  first entry that the next one commits;
- `calls`: ``[seq, t, client, op, ms, status, waited]``, an answered request: how long it took, and
  whether its caller was ready to stand in the queue.

A delta has those that are new.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from raftlock.trace.fields import flag, number, shorten, text
from raftlock.types import Json, TraceEvent

__all__ = ["Metrics"]

KEPT = 240
"""How many of each are kept."""

OPEN_MAX = 400
"""How many unanswered requests are remembered."""

_LOSSES = {"killed", "frozen", "wiped", "stopped", "refused", "removed"}

Row = tuple[int, Json]


class Metrics:
    """The part ``metrics`` of frames."""

    name = "metrics"

    def __init__(self, _header: Mapping[str, Json]) -> None:
        self._lag: deque[Row] = deque(maxlen=KEPT)
        self._failovers: deque[Row] = deque(maxlen=KEPT)
        self._calls: deque[Row] = deque(maxlen=KEPT)
        self._applied: dict[str, int] = {}
        self._behind: dict[str, int] = {}
        self._commit = 0
        self._open: dict[str, tuple[int, bool]] = {}
        self._leader = ""
        self._lost: int | None = None  # since when nobody leads, if somebody did before
        self._fault = 0  # when the network was last changed
        self._waiting: tuple[str, int] | None = None  # who won since, and in which term
        self._changed = 0

    def apply(self, event: TraceEvent) -> None:
        """Fold one event in."""
        match event.kind:
            case "commit":
                self._committed(event)
            case "apply" | "restore":
                self._applied[event.node] = number(event.data, "index")
                self._lags(event, event.node)
            case "role":
                self._role(event)
            case "node":
                if text(event.data, "what") in _LOSSES and event.node == self._leader:
                    self._lose(event.t)
                if text(event.data, "state") == "down":
                    self._applied.pop(event.node, None)
                    self._behind.pop(event.node, None)
            case "fault" if text(event.data, "what") in {"cut", "partition"}:
                self._fault = event.t
            case "client_call":
                self._asked(event)
            case "client_return":
                self._answered(event)

    def full(self) -> Json:
        """All that is kept."""
        return self._since(0)

    def delta(self, seen: int) -> Json | None:
        """What is new."""
        return self._since(seen) if self._changed > seen else None

    def copy(self) -> Metrics:
        """The same, to go on apart."""
        twin = Metrics({})
        twin._lag, twin._failovers = self._lag.copy(), self._failovers.copy()
        twin._calls, twin._open = self._calls.copy(), dict(self._open)
        twin._applied, twin._behind = dict(self._applied), dict(self._behind)
        twin._commit, twin._leader, twin._lost = self._commit, self._leader, self._lost
        twin._fault, twin._waiting, twin._changed = self._fault, self._waiting, self._changed
        return twin

    def revive(self, events: Iterable[TraceEvent]) -> None:
        """A copy is as good as the first."""

    def _since(self, seen: int) -> dict[str, Json]:
        return {
            name: [row for seq, row in rows if seq > seen]
            for name, rows in (
                ("lag", self._lag),
                ("failovers", self._failovers),
                ("calls", self._calls),
            )
        }

    def _add(self, rows: deque[Row], event: TraceEvent, *values: Json) -> None:
        rows.append((event.seq, [event.seq, event.t, *values]))
        self._changed = event.seq

    def _committed(self, event: TraceEvent) -> None:
        index = number(event.data, "index")
        if index > self._commit:
            self._commit = index
            for node in self._applied:
                self._lags(event, node)
        if self._waiting == (event.node, event.term) and event.rule == "AdvanceCommitIndex":
            self._waiting = None
            if self._lost is not None:
                ms = (event.t - self._lost) // 1000
                self._add(self._failovers, event, ms, self._leader, event.node, event.term)
            self._leader, self._lost = event.node, None

    def _lags(self, event: TraceEvent, node: str) -> None:
        behind = max(0, self._commit - self._applied.get(node, 0))
        if behind <= 1:
            behind = 0  # that is how followers are; only more is worth a point
        if behind != self._behind.get(node, 0):
            self._behind[node] = behind
            self._add(self._lag, event, node, behind)

    def _role(self, event: TraceEvent) -> None:
        if text(event.data, "to") == "leader":
            if self._leader and self._leader != event.node and self._lost is None:
                # The old one still believes: it was cut off, at the last change of the network.
                self._lost = self._fault or event.t
            self._waiting = (event.node, event.term)
        elif text(event.data, "from") == "leader" and event.node == self._leader:
            self._lose(event.t)

    def _lose(self, t: int) -> None:
        if self._lost is None:
            self._lost = t

    def _asked(self, event: TraceEvent) -> None:
        request = text(event.data, "request_id")
        self._open[request] = (event.t, flag(event.data, "wait"))
        if len(self._open) > OPEN_MAX:
            del self._open[next(iter(self._open))]

    def _answered(self, event: TraceEvent) -> None:
        data = event.data
        asked = self._open.pop(text(data, "request_id"), None)
        op = text(data, "op")
        if asked is None or op.endswith("_session"):
            return
        client, ms = shorten(text(data, "client")), (event.t - asked[0]) // 1000
        waited = asked[1] or op == "enqueue_waiter"
        self._add(self._calls, event, client, op, ms, text(data, "status"), waited)
