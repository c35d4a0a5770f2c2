"""What is sent when: only to those who look, whole or changes, no faster than it is seen."""

import json
from itertools import pairwise

import pytest
from raftlock_widgets import stream as module
from raftlock_widgets.stream import Stream, Viewers, snapshot_of

from raftlock.trace.recorder import Recorder
from raftlock.types import Note

from .stage import lead, recorder


class Bench:
    """A stream with a hand-driven clock, and everything it sent."""

    def __init__(self) -> None:
        self.now = 100.0
        self.recorder = recorder(lambda: int(self.now * 1_000_000))
        self.sent: list[dict] = []
        self.kept: list[dict] = []
        self.stream = Stream(lambda: self.recorder, self.sent.append, self.kept.append)

    def run(self, seconds: float, *, each=None) -> list[dict]:
        """Turn as the publisher does, for `seconds`; what was sent meanwhile."""
        before, end = len(self.sent), self.now + seconds
        while self.now < end:
            if each:
                each()
            self.stream.turn(self.now)
            self.now += self.stream.viewers.pause(self.now)
        return self.sent[before:]

    def vote(self) -> None:
        self.recorder.emit("n1", Note("commit", {"index": self.recorder.last_seq}))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_nothing_is_sent_while_nobody_looks(bench):
    assert bench.run(5, each=bench.vote) == []
    assert bench.kept == []


def test_who_begins_to_look_gets_everything_then_what_changed(bench):
    lead(bench.recorder, "n1", 1)
    bench.stream.hello("page", bench.now)
    (first,) = bench.run(0.05)
    assert first["full"]
    assert [node["id"] for node in first["nodes"]] == ["n1", "n2", "n3"]
    bench.vote()
    (second,) = bench.run(0.05)
    assert not second["full"]
    assert [node["id"] for node in second["nodes"]] == ["n1"]
    assert second["seq"] == first["seq"] + 1


def test_a_hello_in_the_middle_is_answered_with_everything(bench):
    bench.stream.hello("one", bench.now)
    bench.run(0.2, each=bench.vote)
    bench.stream.hello("two", bench.now)
    assert bench.run(0.05)[0]["full"]


def test_at_most_twenty_a_second_however_much_happens(bench):
    bench.stream.hello("page", bench.now)

    def much() -> None:
        for _ in range(30):
            bench.vote()

    frames = bench.run(5, each=much)
    assert 95 <= len(frames) <= 101


def test_a_quiet_cluster_still_gives_a_sign_every_second(bench):
    bench.stream.hello("page", bench.now)
    frames = bench.run(10)
    assert 9 <= len(frames) <= 12
    pulse = frames[-1]
    assert not pulse["full"]
    assert "nodes" not in pulse
    assert pulse["t"] > frames[1]["t"]
    assert {"type", "seq", "t", "speed", "paused"} <= pulse.keys()


def test_a_page_that_missed_a_frame_is_whole_again_soon(bench):
    bench.stream.hello("page", bench.now)
    frames = bench.run(25, each=bench.vote)
    whole = [frame["t"] / 1e6 for frame in frames if frame["full"]]
    assert len(whole) == 3
    assert all(b - a <= module.WHOLE + 0.1 for a, b in pairwise(whole))


def test_a_quiet_cluster_is_not_sent_whole_again(bench):
    bench.stream.hello("page", bench.now)
    assert sum(frame["full"] for frame in bench.run(60)) == 1


def test_a_cluster_that_started_over_is_sent_whole(bench):
    bench.stream.hello("page", bench.now)
    before = bench.run(0.3, each=bench.vote)
    bench.recorder = recorder(lambda: 5)
    frame = bench.run(0.05)[0]
    assert frame["full"]
    assert frame["run"] == before[-1]["run"] + 1
    assert frame["seq"] > before[-1]["seq"]


def test_away_ends_it_and_another_page_goes_on(bench):
    bench.stream.hello("one", bench.now)
    bench.stream.hello("two", bench.now)
    bench.stream.viewers.away("one", bench.now)
    assert bench.run(1, each=bench.vote)
    bench.stream.viewers.away("two", bench.now)
    assert bench.run(1, each=bench.vote) == []
    bench.stream.viewers.away("never seen", bench.now)


def test_ten_minutes_without_a_hand_and_it_says_so_and_stops(bench):
    bench.stream.hello("page", bench.now)
    for _ in range(590):
        bench.run(1)
        bench.stream.viewers.ack("page", bench.sent[-1]["seq"], bench.now, hand=False)
    assert not bench.stream.viewers.asleep
    *_, last = bench.run(20)
    assert last["type"] == "asleep"
    assert "10 minutes" in last["text"]
    assert bench.run(30, each=bench.vote) == []
    bench.stream.hello("page", bench.now)
    assert bench.run(0.05)[0]["full"]


def test_a_hand_keeps_it_awake(bench):
    bench.stream.hello("page", bench.now)
    for k in range(1300):
        bench.run(1)
        if k == 500:
            bench.stream.viewers.touched(bench.now)
        hand = k == 900
        bench.stream.viewers.ack("page", bench.sent[-1]["seq"], bench.now, hand=hand)
    assert not bench.stream.viewers.asleep


def test_a_slow_page_slows_the_stream_and_a_quick_one_restores_it():
    viewers = Viewers()
    viewers.hello("page", 0.0)
    viewers.sent(1, 0.0)
    viewers.ack("page", 1, 3.0, hand=False)
    assert viewers.pause(3.0) == pytest.approx(0.1)
    for _ in range(10):
        viewers.ack("page", 1, 3.0, hand=False)
    assert viewers.pause(3.0) == module.INTERVAL_MAX
    viewers.sent(2, 4.0)
    for _ in range(10):
        viewers.ack("page", 2, 4.1, hand=False)
    assert viewers.pause(4.1) == module.INTERVAL


def test_a_silent_page_is_served_five_a_second_and_an_old_ack_means_nothing():
    viewers = Viewers()
    viewers.hello("page", 0.0)
    assert viewers.pause(9.0) == module.INTERVAL
    assert viewers.pause(11.0) == module.INTERVAL_SILENT
    viewers.ack("page", 99, 12.0, hand=False)
    assert viewers.pause(12.0) == module.INTERVAL


def test_a_small_picture_is_kept_but_only_when_something_happened(bench):
    bench.stream.hello("page", bench.now)
    bench.run(10)
    quiet = len(bench.kept)
    bench.run(10, each=bench.vote)
    assert quiet == 0
    assert 4 <= len(bench.kept) - quiet <= 6
    assert bench.kept[-1]["full"]


def test_the_kept_picture_stays_small_whatever_happens(bench):
    made: Recorder = bench.recorder
    lead(made, "n1", 1)
    queue = [
        {"client": f"client-{k:03}", "priority": 1, "index": k, "deadline": 1} for k in range(50)
    ]
    for node in ("n1", "n2", "n3"):
        entries = [
            {"index": k, "term": 1, "stamp": k, "op": f"acq some-long-lock-name→client-{k}"}
            for k in range(1, 300)
        ]
        made.emit(node, Note("append", {"entries": entries}), term=1)
        for k in range(60):
            lock = {
                "lock": f"lock-{k:03}",
                "owner": "a" * 40,
                "token": k,
                "deadline": 9,
                "ttl": 9,
                "why": [],
                "queue": queue,
            }
            made.emit(node, Note("lock", lock), term=1)
    picture = snapshot_of(made)
    assert len(json.dumps(picture)) < 64 * 1024
    assert picture["logs"]["n1"]["entries"][-1]["i"] == 299
    assert picture["logs"]["n1"]["first"] == picture["logs"]["n1"]["entries"][0]["i"]
