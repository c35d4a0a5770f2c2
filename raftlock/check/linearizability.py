"""Is there one order that explains everything the clients were told?

A history is linearizable (Herlihy and Wing 1990) if every answered operation can be given one
moment between its call and its return at which it took effect, so that the answers are those of the
same operations done one after another. To find such an order, or to be sure that there is none, is
a search: Wing and Gong (1993) try every operation that may come next, one that was called before
the first outstanding return, and go back when none fits. Lowe (2017) adds what makes it quick:
having come to the same set of operations in the same state once, one need not go there again.

**Lock by lock.** A history is linearizable if and only if its part about each object is (locality
in Herlihy and Wing, P-compositionality in Horn and Kroening 2015). That may be used here since
every operation names one lock, and what the locks do share is nothing that a specification speaks
of: tokens come from one counter, but of one lock it is asked only that they grow, not by how much;
the limits of the table show as refusals that no history keeps. The search for a lock is then
exponential only in the operations that overlap on that lock. What holds between locks, such as that
no token is given on two of them, is for other checks.

**Time.** A step that an object does by itself (a TTL ends) has an earliest moment. The search keeps
the earliest moment at which the present state can have been reached; a step is possible only if
that is no later than the first return still outstanding. The earliest moment is as good as any
other: whatever can happen at a later one can happen then too.

**Open operations** may come anywhere after their call or nowhere. Three things keep them from
multiplying what there is to try, however many they are:

- Nobody was told of them, so they matter only to the next answer: they are tried directly before
  one, the fewest first, like what the object does by itself.
- Those of one kind, such as a client's open requests, can stand for each other. The one that was
  called first fits wherever another does; so it is enough to know how many of a kind are used up.
- One need not go on from a place if one was already at another that is *as good*: the same answers
  are placed, no later, with no more of any kind used up, in a state that covers this one. States
  say themselves what they cover: a hold that may end at any moment, with a token that nobody heard,
  leaves open all that a certain one does. Lowe's rule is the case in which the two are equal.

**No way back.** Tokens only grow. Once a state has come too far for an answer that is not placed
yet, nothing that follows can be an order of all. If there is none, the search is done once more
without this rule, for the longest beginning that fits: that is what a reader wants to be told.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from operator import le, or_
from typing import Generic, NamedTuple, TypeVar

from raftlock.check.history import START, Moment, Operation, by_lock
from raftlock.check.objects import SequentialObject
from raftlock.trace.fields import shorten

__all__ = ["STEPS_MAX", "Judgement", "Point", "Verdict", "judge", "judge_each"]

S = TypeVar("S", bound=Hashable)

STEPS_MAX = 100_000
"""How many steps a search may try: about a second. Most histories need a few an operation."""


class Verdict(StrEnum):
    """What a search came to. Only `LEGAL` is a pass."""

    LEGAL = "legal"
    ILLEGAL = "illegal"
    UNKNOWN = "unknown"
    """The search was given up for its length; nothing was shown, so this counts as a failure."""


@dataclass(frozen=True, slots=True)
class Point:
    """One step of an order: what took effect, no earlier than `at`, and the state after it.

    `operation` is ``None`` for what the object did by itself.
    """

    at: Moment
    operation: Operation | None
    state: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found about one object.

    `points` are an order of all answered operations if it is legal, else the longest beginning of
    one that was found. `stuck` is the operation that had to come next there and fits nowhere: the
    one whose return is the first outstanding. `text` says all this in one sentence.
    """

    lock: str
    verdict: Verdict
    points: tuple[Point, ...]
    stuck: Operation | None
    steps: int
    text: str

    @property
    def holds(self) -> bool:
        """Whether the history is shown to be legal."""
        return self.verdict is Verdict.LEGAL


def judge_each(
    operations: Iterable[Operation], thing: SequentialObject[S], *, steps_max: int = STEPS_MAX
) -> tuple[Judgement, ...]:
    """One judgement a lock (or whatever `Operation.lock` names), by name."""
    parts = by_lock(operations).items()
    return tuple(judge(part, thing, lock=lock, steps_max=steps_max) for lock, part in parts)


def judge(
    operations: Iterable[Operation],
    thing: SequentialObject[S],
    *,
    lock: str = "",
    steps_max: int = STEPS_MAX,
) -> Judgement:
    """Judge operations that are all about one object, called `lock` in what is said."""
    search = _Search(operations := tuple(operations), thing)
    verdict, steps = search.run(steps_max), search.steps
    if verdict is Verdict.ILLEGAL:
        search = _Search(operations, thing, looks_ahead=False)
        search.run(steps_max)
        steps += search.steps
    points, stuck = search.points(), search.stuck() if verdict is Verdict.ILLEGAL else None
    placed = sum(1 for point in points if point.operation and point.operation.answer)
    text = f"{shorten(lock) or 'the object'}: "
    if verdict is Verdict.LEGAL:
        text += f"one order explains all {placed} answers."
    elif verdict is Verdict.UNKNOWN:
        text += (
            f"the search for an order was given up after {steps} steps with {placed} of "
            f"{search.answers} answers placed, so nothing is shown."
        )
    else:
        state = points[-1].state if points else thing.describe(thing.start())
        text += (
            f"no order explains all {search.answers} answers; after the {placed} that fit, "
            f"{stuck} fits nowhere: by then {state}."
        )
    return Judgement(lock, verdict, points, stuck, steps, text)


class _Node(NamedTuple, Generic[S]):
    """How far an order has come: the last step, and all that matters of those before it.

    `done` has a bit for each answered operation that is placed; `due` is the place of the first
    outstanding return among all returns. `spent` says how many open operations of each kind are
    used up. `operation` is what took effect, ``None`` if the object did the step by itself.
    """

    state: S
    now: Moment
    done: int
    due: int
    spent: tuple[int, ...]
    operation: Operation | None = None
    before: _Node[S] | None = None


class _Search(Generic[S]):
    """Depth first, on a stack of its own: a history may be longer than Python's."""

    def __init__(
        self,
        operations: tuple[Operation, ...],
        thing: SequentialObject[S],
        *,
        looks_ahead: bool = True,
    ) -> None:
        # Whatever order they came in: the same history, the same search.
        ordered = sorted(operations, key=lambda each: (each.call, str(each)))
        answered = [each for each in ordered if each.returned is not None]
        self._thing = thing
        self._looks_ahead = looks_ahead
        self._answered = answered
        self._returns = sorted((each.returned or START, n) for n, each in enumerate(answered))
        self._kinds, self._uncounted = _by_kind(ordered, thing)
        chances = [(thing.last_chance(each), n) for n, each in enumerate(answered)]
        self._chances = sorted((last, n) for last, n in chances if last is not None and looks_ahead)
        # Those with the first, the first two, ... chances in order, a bit each.
        bits = accumulate((1 << n for _, n in self._chances), or_, initial=0)
        self._with_first_chances = list(bits)
        self._seen: dict[int, list[_Node[S]]] = {}
        self._best = _Node(thing.start(), START, 0, 0, (0,) * len(self._kinds))
        self.answers = len(answered)
        self.steps = 0

    def run(self, steps_max: int) -> Verdict:
        """Find an order of all answered operations."""
        ways = [self._answers_after(self._best)]
        while self._best.done.bit_count() < self.answers:
            if self.steps > steps_max:
                return Verdict.UNKNOWN
            if not ways:
                return Verdict.ILLEGAL
            node = next(ways[-1], None)
            if node is None:
                ways.pop()
            elif not self._is_too_far(node) and self._is_new(node):
                ways.append(self._answers_after(node))
                if node.done.bit_count() > self._best.done.bit_count():
                    self._best = node
        return Verdict.LEGAL

    def points(self) -> tuple[Point, ...]:
        """The best order found, step by step."""
        found = []
        node = self._best
        while node.before is not None:
            found.append(Point(node.now, node.operation, self._thing.describe(node.state)))
            node = node.before
        return tuple(reversed(found))

    def stuck(self) -> Operation:
        """What had to come next in the best order: whose return is the first outstanding."""
        return self._answered[self._returns[self._best.due][1]]

    def _answers_after(self, here: _Node[S]) -> Iterator[_Node[S]]:
        """The answers that may come next, each perhaps after what nobody was told of.

        One that fits as things stand and changes nothing, neither state nor time, may as well come
        first: any order that has it later is still one with it here. Then nothing else is tried.
        """
        limit, _ = self._returns[here.due]
        candidates = list(self._candidates(here.done, limit))
        for number in candidates:
            operation = self._answered[number]
            if operation.call <= here.now and self._after(here, operation) == here.state:
                yield self._placed(here, number, here.state)
                return
        for node in self._unheard(here, limit):
            for number in candidates:
                state = self._after(node, self._answered[number])
                if state is not None:
                    yield self._placed(node, number, state)

    def _candidates(self, done: int, limit: Moment) -> Iterator[int]:
        """The answered operations that are not placed and were called before that moment."""
        first = (~done & (done + 1)).bit_length() - 1
        for number in range(first, self.answers):
            if self._answered[number].call > limit:
                return
            if not done >> number & 1:
                yield number

    def _after(self, node: _Node[S], operation: Operation) -> S | None:
        self.steps += 1
        return self._thing.after(node.state, operation, max(node.now, operation.call))

    def _placed(self, node: _Node[S], number: int, state: S) -> _Node[S]:
        operation, done, due = self._answered[number], node.done | 1 << number, node.due
        while due < self.answers and done >> self._returns[due][1] & 1:
            due += 1
        now = max(node.now, operation.call)
        return _Node(state, now, done, due, node.spent, operation, node)

    def _unheard(self, here: _Node[S], limit: Moment) -> Iterator[_Node[S]]:
        """`here`, and what may become of it without any answer, the fewest steps first."""
        found = [here]
        for node in found:
            yield node
            for then in self._steps_unheard(node, limit):
                if not any(self._is_as_good(known, then) for known in found):
                    found.append(then)

    def _steps_unheard(self, node: _Node[S], limit: Moment) -> Iterator[_Node[S]]:
        """What the object may do by itself, and the first open operation of each kind."""
        for at, state in self._thing.by_itself(node.state):
            if at <= limit:
                yield node._replace(state=state, now=max(node.now, at), operation=None, before=node)
        spent = node.spent
        ways = [(each, spent) for each in self._uncounted]
        for kind, operations in enumerate(self._kinds):
            if spent[kind] < len(operations):
                now_spent = (*spent[:kind], spent[kind] + 1, *spent[kind + 1 :])
                ways.append((operations[spent[kind]], now_spent))
        for operation, then_spent in ways:
            if operation.call <= limit:
                then = self._after(node, operation)
                if then is not None and then != node.state:
                    now = max(node.now, operation.call)
                    yield _Node(then, now, node.done, node.due, then_spent, operation, node)

    def _is_too_far(self, node: _Node[S]) -> bool:
        """Whether an answer that is not placed has had its last chance."""
        missed = bisect_left(self._chances, (self._thing.reached(node.state), -1))
        if self._with_first_chances[missed] & ~node.done:
            return True
        return self._looks_ahead and any(
            not node.done >> number & 1 and self._thing.is_lost(node.state, operation)
            for number, operation in enumerate(self._answered)
        )

    def _is_new(self, node: _Node[S]) -> bool:
        """Whether the search was never here, nor anywhere that is as good."""
        known = self._seen.setdefault(node.done, [])
        if any(self._comes_as_far(each, node) for each in known):
            return False
        known[:] = [each for each in known if not self._is_as_good(node, each)]
        known.append(node)
        return True

    def _comes_as_far(self, one: _Node[S], other: _Node[S]) -> bool:
        """Whether `one` is as good as `other`, or the object can make it so by itself by then."""
        if self._is_as_good(one, other):
            return True
        meanwhile = self._thing.meanwhile(one.state, other.now)
        if self._is_as_good(one._replace(state=meanwhile), other):
            return True
        return any(
            at <= other.now and self._is_as_good(one._replace(state=state), other)
            for at, state in self._thing.by_itself(one.state)
        )

    def _is_as_good(self, one: _Node[S], other: _Node[S]) -> bool:
        """Whether any order that goes on from `other` can go on from `one` (same answers placed).

        It is then the same order from here on, with each step no later.
        """
        return (
            one.now <= other.now
            and all(map(le, one.spent, other.spent))
            and self._thing.covers(one.state, other.state)
        )


def _by_kind(
    operations: Iterable[Operation], thing: SequentialObject[S]
) -> tuple[list[list[Operation]], list[Operation]]:
    """The open operations kind by kind, and those that need no count."""
    kinds: dict[Hashable, list[Operation]] = {}
    uncounted = []
    for operation in operations:
        if operation.answer is None:
            kind = thing.kind(operation)
            if kind is None:
                uncounted.append(operation)
            else:
                kinds.setdefault(kind, []).append(operation)
    return list(kinds.values()), uncounted
