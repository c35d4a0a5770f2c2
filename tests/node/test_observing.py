"""What a node tells of itself to who observes it: all of it, or from a gap on how it stands."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from raftlock.node import observing
from raftlock.node.observing import Faults, Observation, Stream
from raftlock.raft.random64 import Random64
from raftlock.transport.links import Links
from raftlock.types import Micros, NodeID, Note

FIRST = 5_000


class Clock:
    def __init__(self) -> None:
        self.last_us = Micros(0)
        self.timers: list[Callable[[], None]] = []

    def now_us(self) -> Micros:
        return self.last_us

    def call_at(self, _at: Micros, function: Callable[[], None]) -> Clock:
        self.timers.append(function)
        return self

    def cancel(self) -> None:
        self.timers.clear()


class Line:
    def __init__(self) -> None:
        self.frames: list[dict] = []
        self.aborted = False

    def send(self, text: str) -> bool:
        self.frames.append(json.loads(text))
        return True

    def abort(self) -> None:
        self.aborted = True

    @property
    def events(self) -> list[dict]:
        return [frame for frame in self.frames if "seq" in frame]


class Desk:
    def __init__(self, *, laboratory: bool = True) -> None:
        self.clock = Clock()
        self.died = False
        self.heard: list[str] = []
        faults = Faults(Links(("n1", "n2"), Random64(1)), self.die) if laboratory else None
        self.stream = Stream(
            self.clock, FIRST, lambda _node, note, _term: self.heard.append(note.kind), {}, faults
        )

    def die(self) -> None:
        self.died = True

    def happens(self, count: int) -> None:
        for number in range(count):
            self.clock.last_us = Micros(self.clock.last_us + 10)
            self.stream.emit(NodeID("n1"), Note("commit", {"index": number}), term=3)

    def opens(self, after: int = 0) -> tuple[Line, Observation]:
        line = Line()
        notes = [Note("term", {"term": 3}, "Restart")]
        observation = self.stream.open(NodeID("n1"), line, lambda: (3, notes))
        ask(observation, "observe", after=after)
        return line, observation


def ask(observation: Observation, call: str, **params: object) -> None:
    observation.frame(json.dumps({"id": 1, "call": call, "params": params}))


def test_a_laboratory_s_node_tells_all_from_its_first_event_on() -> None:
    desk = Desk()
    desk.happens(2)
    line, _ = desk.opens()
    desk.happens(1)
    assert [event["seq"] for event in line.events] == [FIRST, FIRST + 1, FIRST + 2]
    assert line.frames[0]["result"]["laboratory"] is True
    assert desk.heard == ["commit"] * 3


def test_who_was_cut_off_goes_on_where_it_was_also_after_a_restart() -> None:
    desk = Desk()
    desk.happens(5)
    assert [event["seq"] for event in desk.opens(FIRST + 2)[0].events] == [FIRST + 3, FIRST + 4]
    # A number of an earlier run of this node: all of this one is news.
    assert len(desk.opens(FIRST - 1_000)[0].events) == 5


def test_who_comes_late_is_told_of_the_gap_and_how_it_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(observing, "KEPT_IN_A_LABORATORY", 3)
    desk = Desk()
    desk.happens(5)
    line, _ = desk.opens()
    assert [event["kind"] for event in line.events] == ["gap", "term"]
    assert len(desk.opens(FIRST + 1)[0].events) == 3


def test_a_node_that_serves_people_keeps_nothing_until_somebody_looks() -> None:
    desk = Desk(laboratory=False)
    desk.happens(5)
    line, _ = desk.opens()
    desk.happens(1)
    assert [event["kind"] for event in line.events] == ["gap", "term", "commit"]


def test_who_wants_a_picture_is_not_told_the_past() -> None:
    desk = Desk()
    desk.happens(2)
    line = Line()
    notes = [Note("term", {"term": 3}, "Restart")]
    observation = desk.stream.open(NodeID("n1"), line, lambda: (3, notes))
    ask(observation, "observe", after=0, picture=True)
    desk.happens(1)
    assert [event["kind"] for event in line.events] == ["gap", "term", "commit"]


def test_it_tells_the_time_while_nothing_happens() -> None:
    desk = Desk()
    line, observation = desk.opens()
    desk.clock.last_us = Micros(100_000)
    desk.clock.timers.pop()()
    assert line.frames[-1] == {"now": 100_000}
    observation.closed()
    assert desk.clock.timers == []


def test_links_are_changed_and_a_process_ended_in_a_laboratory_only() -> None:
    desk = Desk()
    line, observation = desk.opens()
    ask(observation, "get_links")
    links = line.frames[-1]["result"]
    links["changed"] = [["n1", "n2", True, 0, 0, 0]]
    ask(observation, "set_links", links=links)
    assert desk.stream.faults is not None
    assert not desk.stream.faults.links.is_open(NodeID("n1"), NodeID("n2"))
    ask(observation, "kill")
    assert desk.died

    served, observation = Desk(laboratory=False).opens()
    for call in ("get_links", "kill"):
        ask(observation, call)
        assert served.frames[-1]["error"]["name"] == "NOT_IN_THIS_RUNTIME"


@pytest.mark.parametrize(
    ("call", "params", "says"),
    [
        ("dance", {}, "no call 'dance'"),
        ("observe", {"after": -1}, "after is the number"),
        ("observe", {"from": 1}, "no param 'from'"),
        ("observe", {"picture": 1}, "picture is true or false"),
        ("set_links", {"links": 5}, "what get_links gives"),
        ("set_links", {"links": {"nodes": []}}, "no links"),
        ("kill", {"hard": True}, "no param 'hard'"),
    ],
)
def test_what_cannot_be_asked(call: str, params: dict[str, object], says: str) -> None:
    desk = Desk()
    line, observation = desk.opens()
    ask(observation, call, **params)
    assert says in line.frames[-1]["error"]["message"]
    assert not desk.died


def test_an_event_that_is_too_long_ends_the_line_and_not_the_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(observing, "OBSERVE_FRAME_BYTES_MAX", 200)
    desk = Desk()
    line, _ = desk.opens()
    desk.stream.emit(NodeID("n1"), Note("note", {"text": "x" * 300}))
    assert line.aborted


def test_who_asks_too_often_is_refused_and_may_ask_later():
    desk = Desk()
    line, observation = desk.opens()
    ask = json.dumps({"id": 9, "call": "get_links", "params": {}})
    for _ in range(observing.ASKS_BURST + 5):
        observation.frame(ask)
    codes = [frame["error"]["name"] for frame in line.frames if "error" in frame]
    assert codes == ["RATE_LIMITED"] * len(codes)
    assert codes
    desk.clock.last_us = Micros(desk.clock.last_us + 1_000_000)
    before = len(line.frames)
    observation.frame(ask)
    assert "result" in line.frames[before]
