"""Which order explains what the clients of one lock were told: found within a budget of steps.

It first tries the order of the log: each operation at the moment at which its entry was first
applied. Only if that does not explain the answers is any other order looked for; so what is shown
as the moment of an operation is the log's own wherever the two agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from raftlock.check.clocks import Clocks
from raftlock.check.history import Moment, Operation, lock_history
from raftlock.check.linearizability import Judgement, Point, Verdict, judge
from raftlock.check.objects import LockObject
from raftlock.errors import InvalidArgument
from raftlock.trace.fields import shorten
from raftlock.types import Json, TraceEvent

__all__ = ["STEPS_MAX", "Found", "explain", "unjudged"]

STEPS_MAX = 1_500
"""How many steps one search may take: some tens of milliseconds on the cluster's own loop."""

SHOWN_TEXT = 320
SHOWN_STATE = 80


class Found(NamedTuple):
    """What is known of one lock after `told` of its events.

    `verdict` is ``legal``, ``illegal``, or ``unknown`` (not judged: `text` says why). `steps` are
    the order, ``(operation, run time, how, state after it)``; `operation` is the number of its
    call, 0 for what the lock did by itself; `how` is ``log`` (the moment its entry was applied),
    ``fits`` (a moment that explains the answers), ``ttl`` or ``back`` (given back unheard).
    `stuck` is the call that fits nowhere. `cost` is how many steps it took.
    """

    told: int
    verdict: str
    text: str
    stuck: int = 0
    steps: tuple[tuple[int, int, str, str], ...] = ()
    cost: int = 0

    def to_json(self, lock: str, kept: set[int], last: int) -> dict[str, Json]:
        """As a frame has it: the `last` steps, from the first of the operations `kept` on."""
        place = next((k for k, step in enumerate(self.steps) if step[0] in kept), len(self.steps))
        shown = self.steps[max(place - 1, len(self.steps) - last, 0) :]
        return {
            "lock": lock,
            "verdict": self.verdict,
            "text": self.text,
            "stuck": self.stuck,
            "steps": [list(step) for step in shown],
        }


def unjudged(told: int, why: str) -> Found:
    """A lock of whose history nothing is claimed."""
    return Found(told, "unknown", why)


def explain(
    lock: str, events: Sequence[TraceEvent], clocks: Clocks, applied: Mapping[int, Moment]
) -> Found:
    """Look for an order; `applied` is the log's moment of each call whose entry is known."""
    told = len(events)
    try:
        operations = lock_history(events)
    except InvalidArgument:
        return unjudged(told, f"{shorten(lock)}: not judged, the trace lacks its beginning.")
    thing = LockObject(clocks.margin_percent, clocks.jumps)
    exact = tuple(_at_its_entry(each, applied) for each in operations)
    found = judge(exact, thing, lock=lock, steps_max=STEPS_MAX)
    cost = found.steps + told
    if not found.holds:
        found = judge(operations, thing, lock=lock, steps_max=STEPS_MAX)
        cost += found.steps
    verdict = {Verdict.LEGAL: "legal", Verdict.ILLEGAL: "illegal"}.get(found.verdict, "unknown")
    stuck = found.stuck.call[1] if found.stuck else 0
    calls = {event.seq for event in events if event.kind == "client_call"}
    text = shorten(found.text, SHOWN_TEXT)
    return Found(told, verdict, text, stuck, _steps(found, calls, applied), cost)


def _at_its_entry(operation: Operation, applied: Mapping[int, Moment]) -> Operation:
    """The operation as if it had been called and answered when its entry was applied."""
    moment = applied.get(operation.call[1])
    ended = operation.returned
    if moment is None or ended is None or not operation.call <= moment <= ended:
        return operation
    return replace(operation, call=moment, returned=moment, arguments=_marked(operation))


def _marked(operation: Operation) -> Mapping[str, Json]:
    return {**operation.arguments, "call": operation.call[1]}


def _steps(
    found: Judgement, calls: set[int], applied: Mapping[int, Moment]
) -> tuple[tuple[int, int, str, str], ...]:
    return tuple(_step(point, calls, applied) for point in found.points)


def _step(
    point: Point, calls: set[int], applied: Mapping[int, Moment]
) -> tuple[int, int, str, str]:
    operation, state = point.operation, shorten(point.state, SHOWN_STATE)
    if operation is None:
        return (0, point.at[0], "ttl", state)
    marked = operation.arguments.get("call")
    call = marked if isinstance(marked, int) else operation.call[1]
    if call not in calls:
        return (call, point.at[0], "back", state)
    how = "log" if isinstance(marked, int) else "fits"
    return (call, applied[call][0] if how == "log" else point.at[0], how, state)
