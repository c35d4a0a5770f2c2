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

**Open operations** may come anywhere after their call or nowhere. They are tried last, and only
where they change something: most of the time nothing needs them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from raftlock.check.history import START, Moment, Operation, by_lock
from raftlock.check.objects import SequentialObject
from raftlock.trace.fields import shorten

__all__ = ["STEPS_MAX", "Judgement", "Point", "Verdict", "judge", "judge_each"]

S = TypeVar("S", bound=Hashable)

STEPS_MAX = 500_000
"""How many steps a search may try: some seconds. Ordinary histories need a few an operation."""


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
    search = _Search(tuple(operations), thing)
    verdict = search.run(steps_max)
    points, stuck = search.points(), search.stuck
    placed = sum(1 for point in points if point.operation and point.operation.answer)
    text = f"{shorten(lock) or 'the object'}: "
    if verdict is Verdict.LEGAL:
        text += f"one order explains all {placed} answers."
    elif verdict is Verdict.UNKNOWN:
        text += (
            f"the search for an order was given up after {search.steps} steps with {placed} of "
            f"{search.answers} answers placed, so nothing is shown."
        )
    else:
        state = points[-1].state if points else thing.describe(thing.start())
        text += (
            f"no order explains all {search.answers} answers; after the {placed} that fit, "
            f"{stuck} fits nowhere: by then {state}."
        )
    return Judgement(lock, verdict, points, stuck, search.steps, text)


@dataclass(frozen=True, slots=True)
class _Step(Generic[S]):
    """`operation` (a number) takes effect, perhaps after what the object did by itself.

    `passed` is the state in between, if it did something. `now` is the earliest moment of it all.
    """

    operation: int
    state: S
    now: Moment
    passed: S | None = None


class _Line:
    """Calls and returns of the answered operations in order, less those that are taken out.

    A linked list as in Wing and Gong's program: taking an operation out and putting it back, in the
    opposite order, cost the same however long the history is. Place 0 is before the first and after
    the last.
    """

    def __init__(self, operations: Sequence[Operation], answered: Sequence[int]) -> None:
        marks: list[tuple[Moment, bool, int]] = []
        for number in answered:
            operation = operations[number]
            assert operation.returned is not None, "an answer has its moment"
            marks += [(operation.call, False, number), (operation.returned, True, number)]
        # Where they share a moment, calls come first: such operations overlap.
        marks.sort()
        self._after = [*range(1, len(marks) + 1), 0]
        self._before = [len(marks), *range(len(marks))]
        self._marks = marks
        self._places: dict[int, list[int]] = {number: [] for number in answered}
        for place, (_, _, number) in enumerate(marks, 1):
            self._places[number].append(place)

    def first_return(self) -> tuple[Moment, int]:
        """The first outstanding return, and whose it is. There must be one."""
        place = self._after[0]
        while not self._marks[place - 1][1]:
            place = self._after[place]
        moment, _, number = self._marks[place - 1]
        return moment, number

    def candidates(self) -> Iterator[int]:
        """The operations called before the first outstanding return.

        Between two of them, others may be taken out if they are put back before going on.
        """
        place = self._after[0]
        while not self._marks[place - 1][1]:
            yield self._marks[place - 1][2]
            place = self._after[place]

    def take_out(self, number: int) -> None:
        """Leave both marks of an operation out."""
        for place in self._places[number]:
            self._after[self._before[place]] = self._after[place]
            self._before[self._after[place]] = self._before[place]

    def put_back(self, number: int) -> None:
        """Undo the last `take_out`."""
        for place in reversed(self._places[number]):
            self._after[self._before[place]] = place
            self._before[self._after[place]] = place


class _Search(Generic[S]):
    """Depth first, on a stack of its own: a history may be longer than Python's."""

    def __init__(self, operations: tuple[Operation, ...], thing: SequentialObject[S]) -> None:
        # Whatever order they came in: the same history, the same search.
        self._operations = sorted(operations, key=lambda each: (each.call, str(each)))
        self._thing = thing
        answered = [n for n, each in enumerate(self._operations) if each.answer is not None]
        self._open = [n for n, each in enumerate(self._operations) if each.answer is None]
        self._line = _Line(self._operations, answered)
        self._open_mask = sum(1 << number for number in self._open)
        self._seen: dict[tuple[int, S, Moment], list[int]] = {}
        self._path: list[_Step[S]] = []
        self._best: list[_Step[S]] = []
        self._placed = 0
        self._best_placed = -1
        self.answers = len(answered)
        self.stuck: Operation | None = None
        self.steps = 0

    def run(self, steps_max: int) -> Verdict:
        """Find an order of all answered operations."""
        done = 0
        here = _Step(-1, self._thing.start(), START)
        ways: list[Iterator[_Step[S]]] = []
        while self._placed < self.answers:
            if len(ways) == len(self._path):
                ways.append(self._steps_from(here, done))
            step = next(ways[-1], None)
            if self.steps > steps_max:
                self._remember()
                self.stuck = None
                return Verdict.UNKNOWN
            if step is not None:
                now_done = done | 1 << step.operation
                if self._is_new(now_done, step):
                    here, done = step, now_done
                    self._place(step)
                continue
            self._remember()
            ways.pop()
            if not self._path:
                return Verdict.ILLEGAL
            done ^= 1 << self._displace()
        self._best, self.stuck = self._path, None
        return Verdict.LEGAL

    def points(self) -> tuple[Point, ...]:
        """The best order found, step by step."""
        found = []
        for step in self._best:
            if step.passed is not None:
                found.append(Point(step.now, None, self._thing.describe(step.passed)))
            operation = self._operations[step.operation]
            found.append(Point(step.now, operation, self._thing.describe(step.state)))
        return tuple(found)

    def _steps_from(self, here: _Step[S], done: int) -> Iterator[_Step[S]]:
        """What may come next: answered operations by their calls, and then open ones.

        One that fits as things stand and changes nothing, neither state nor time, may as well come
        first: any order that has it later is still one with it here. Then nothing else is tried.
        """
        limit, _ = self._line.first_return()
        for number in self._line.candidates():
            operation = self._operations[number]
            if operation.call > here.now:
                break
            self.steps += 1
            if self._thing.after(here.state, operation, here.now) == here.state:
                yield _Step(number, here.state, here.now)
                return
        for number in self._line.candidates():
            yield from self._ways_to(number, here, limit)
        for number in self._open:
            if self._operations[number].call > limit:
                return
            if not done >> number & 1:
                yield from self._ways_to(number, here, limit)

    def _ways_to(self, number: int, here: _Step[S], limit: Moment) -> Iterator[_Step[S]]:
        """The operation at once, and after what the object may do by itself before."""
        operation, thing = self._operations[number], self._thing
        self.steps += 1
        now = max(here.now, operation.call)
        state = thing.after(here.state, operation, now)
        if state is not None and (operation.answer is not None or state != here.state):
            yield _Step(number, state, now)
        alone = thing.by_itself(here.state)
        if alone is None or alone[0] > limit:
            return
        now, passed = max(now, alone[0]), alone[1]
        state = thing.after(passed, operation, now)
        if state is not None and (operation.answer is not None or state != passed):
            yield _Step(number, state, now, passed)

    def _is_new(self, done: int, step: _Step[S]) -> bool:
        """Lowe's pruning: whether the search was never here with as many ways to go on.

        An open operation that is not used up can only help, so having been here with fewer of them
        used up is as good as having been here with the same.
        """
        spent = done & self._open_mask
        known = self._seen.setdefault((done ^ spent, step.state, step.now), [])
        if any(less & spent == less for less in known):
            return False
        known.append(spent)
        return True

    def _place(self, step: _Step[S]) -> None:
        self._path.append(step)
        if self._operations[step.operation].answer is not None:
            self._line.take_out(step.operation)
            self._placed += 1

    def _displace(self) -> int:
        number = self._path.pop().operation
        if self._operations[number].answer is not None:
            self._line.put_back(number)
            self._placed -= 1
        return number

    def _remember(self) -> None:
        """Nothing fits here: keep the longest order so far, and what stopped it."""
        if self._placed > self._best_placed:
            self._best_placed, self._best = self._placed, list(self._path)
            self.stuck = self._operations[self._line.first_return()[1]]
