"""Many processes, one stream: the order in which a collector writes down what it is told."""

from __future__ import annotations

import asyncio

import pytest

from raftlock.cluster.collector import SILENT_TURNS, Collector, shifted
from raftlock.trace.recorder import Recorder
from raftlock.types import Micros, NodeID, Note, TraceEvent


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 0

    def now_us(self) -> Micros:
        return Micros(self.at)


class Desk:
    """A collector for n1 and n2, whose turns are the test's."""

    def __init__(self) -> None:
        self.clock = Hand()
        self.collector = Collector(self.clock)
        self.recorder = Recorder({"nodes": ["n1", "n2"]}, self.collector.moment)
        self.collector.recorder = self.recorder
        for node in ("n1", "n2"):
            self.collector.attach(NodeID(node))

    def event(self, node: str, seq: int, t: int, kind: str = "commit", **data: object) -> None:
        told = data or {"index": seq}
        event = TraceEvent(seq, Micros(t), NodeID(node), kind, 1, told)  # type: ignore[arg-type]
        self.clock.at = max(self.clock.at, t)
        self.collector.put(NodeID(node), event)

    def now(self, node: str, t: int) -> None:
        self.clock.at = max(self.clock.at, t)
        self.collector.heard(NodeID(node), Micros(t))

    def be_silent(self, turns: int) -> None:
        for source in self.collector._sources.values():
            source.quiet += turns
        self.collector._write()

    @property
    def told(self) -> list[tuple[str, str, int]]:
        return [(event.node, event.kind, event.t) for event in self.recorder.events]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_what_happened_first_is_written_first_whoever_tells_it_first(desk: Desk) -> None:
    desk.event("n1", 1, 500)
    assert desk.told == [], "n2 may still tell of something before"
    desk.event("n2", 1, 200)
    desk.now("n2", 900)
    desk.now("n1", 900)
    assert desk.told == [("n2", "commit", 200), ("n1", "commit", 500)]


def test_what_people_and_clients_do_stands_in_the_same_order(desk: Desk) -> None:
    desk.clock.at = 300
    desk.collector.tell(NodeID("client:alice"), Note("note", {"text": "hello"}))
    desk.event("n1", 1, 250)
    desk.event("n2", 1, 400)
    desk.now("n1", 400)
    assert [node for node, _, _ in desk.told] == ["n1", "client:alice", "n2"]


def test_a_delivery_waits_for_its_sending_and_is_told_by_its_number(desk: Desk) -> None:
    desk.event("n1", 7, 100, "deliver", **{"id": 40, "from": "n2"})
    desk.now("n1", 5_000)
    desk.now("n2", 90)
    assert desk.told == []
    # Its clock is not known well enough: it seems to have sent it later than it arrived.
    desk.event("n2", 40, 130, "send", to="n1", type="RequestVote")
    desk.now("n2", 5_000)
    assert desk.told == [("n2", "send", 130), ("n1", "deliver", 130)]
    sent, arrived = desk.recorder.events
    assert arrived.data["id"] == sent.seq == arrived.cause


def test_a_cause_is_told_by_its_number_here(desk: Desk) -> None:
    desk.event("n1", 1_000, 10)
    later = TraceEvent(1_001, Micros(20), NodeID("n1"), "commit", 1, {"index": 2}, cause=1_000)
    desk.collector.put(NodeID("n1"), later)
    desk.now("n1", 50)
    desk.now("n2", 50)
    assert [(event.seq, event.cause) for event in desk.recorder.events] == [(1, 0), (2, 1)]


def test_who_is_silent_for_too_long_is_not_waited_for_and_late_then(desk: Desk) -> None:
    desk.event("n1", 1, 600_000)
    desk.be_silent(SILENT_TURNS)
    assert desk.told == [("n1", "commit", 600_000)]
    desk.event("n2", 1, 100)
    desk.now("n2", 700_000)
    desk.now("n1", 700_000)
    assert desk.told[-1] == ("n2", "commit", 600_000), "time never goes back"


def test_who_stands_still_or_has_gone_is_not_waited_for(desk: Desk) -> None:
    desk.collector.hold(NodeID("n2"), still=True)
    desk.event("n1", 1, 300)
    assert desk.told == [("n1", "commit", 300)]
    desk.collector.hold(NodeID("n2"), still=False)
    desk.event("n1", 2, 400)
    assert len(desk.told) == 1
    desk.collector.detach(NodeID("n2"))
    assert desk.told[1:] == [("n1", "commit", 400)]


def test_what_a_killed_node_never_told_is_not_made_up(desk: Desk) -> None:
    desk.event("n1", 1, 300, "deliver", **{"id": 99, "from": "n2"})
    desk.collector.detach(NodeID("n2"))
    desk.now("n1", 400)
    [arrived] = desk.recorder.events
    assert (arrived.data["id"], arrived.cause) == (0, 0)


def test_what_was_sent_before_somebody_looked_is_not_waited_for(desk: Desk) -> None:
    """Two nodes that have each got a message of before: neither waits for the other's."""
    desk.event("n1", 50, 100, "deliver", **{"id": 30, "from": "n2"})
    desk.event("n2", 60, 110, "deliver", **{"id": 20, "from": "n1"})
    desk.now("n1", 120)
    desk.now("n2", 120)
    assert [node for node, _, _ in desk.told] == ["n1", "n2"]


def test_everything_waits_for_a_node_that_has_only_just_begun(desk: Desk) -> None:
    desk.collector.detach(NodeID("n2"))
    desk.clock.at = 1_000
    desk.collector.expect(NodeID("n2"))
    desk.event("n1", 1, 2_000)
    assert desk.told == []
    desk.collector.attach(NodeID("n2"))
    desk.event("n2", 1, 1_500)
    desk.now("n2", 3_000)
    desk.now("n1", 3_000)
    assert [node for node, _, _ in desk.told] == ["n2", "n1"]


def test_who_waits_for_the_present_gets_it_once_all_have_told_it(desk: Desk) -> None:
    async def story() -> list[bool]:
        desk.clock.at = 1_000
        waiting = asyncio.ensure_future(desk.collector.settled())
        await asyncio.sleep(0)
        before = waiting.done()
        desk.now("n1", 1_000)
        desk.now("n2", 1_000)
        await asyncio.sleep(0)
        return [before, waiting.done()]

    assert asyncio.run(story()) == [False, True]


def test_a_node_s_times_become_run_time() -> None:
    event = TraceEvent(
        5, Micros(1_000_700), NodeID("n1"), "timer_set", 1, {"deadline": 1_200_000, "duration": 9}
    )
    moved = shifted(event, 1_000_000)
    assert (moved.t, moved.data) == (700, {"deadline": 200_000, "duration": 9})
    plain = TraceEvent(5, Micros(1_000_700), NodeID("n1"), "commit", 1, {"index": 1_200_000})
    assert shifted(plain, 1_000_000).data == {"index": 1_200_000}
