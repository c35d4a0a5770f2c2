"""The store: one a cluster, commands answered, everything sent from the cluster's own thread."""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest
from raftlock_widgets import store as module
from raftlock_widgets.chart import Chart
from raftlock_widgets.store import Store, store_of

from .stage import NODES, StageCluster, recorder


class Sent(list):
    """Everything a store sent, each with its buffers and the thread that sent it."""

    def of(self, kind: str) -> list[dict]:
        return [message for message, _, _ in self if message["type"] == kind]

    def wait(self, kind: str, number: int = 1) -> list[dict]:
        end = time.monotonic() + 5
        while len(self.of(kind)) < number:
            assert time.monotonic() < end, f"no {kind} in {[m['type'] for m, _, _ in self]}"
            threading.Event().wait(0.005)
        return self.of(kind)


@pytest.fixture
def cluster() -> Iterator[StageCluster]:
    made = StageCluster()
    yield made
    if made.runner.alive:
        made.runner.stop()


@pytest.fixture
def sent(monkeypatch) -> Sent:
    messages = Sent()

    def send(self, content, buffers=None) -> None:
        messages.append((content, buffers, threading.current_thread()))

    monkeypatch.setattr(Store, "send", send)
    return messages


@pytest.fixture
def store(cluster, sent) -> Store:
    return store_of(cluster)


def say(store: Store, **content) -> None:
    """Let the browser say something, on whatever thread the kernel uses for it."""
    thread = threading.Thread(target=store._receive, args=(store, content, []))
    thread.start()
    thread.join(5)


def test_a_cluster_has_one_store(cluster, store, sent):
    assert store_of(cluster) is store
    store.close()
    assert store_of(cluster) is not store


def test_the_first_picture_is_there_before_anybody_looks(store, sent):
    assert store.snapshot["full"]
    assert store.snapshot["cluster"]["nodes"] == NODES
    assert sent == []


def test_hello_brings_a_frame_from_the_clusters_own_thread(cluster, store, sent):
    say(store, type="hello", page="p")
    (frame, *_) = sent.wait("frame")
    assert frame["full"]
    assert {thread for _, _, thread in sent} == {cluster.runner.thread}
    say(store, type="ack", page="p", seq=frame["seq"], hand=True)
    say(store, type="away", page="p")
    cluster.runner.settle()
    assert not store._stream.viewers.streaming


def test_a_cluster_that_starts_over_is_shown_anew(cluster, store, sent):
    say(store, type="hello", page="p")
    sent.wait("frame")
    cluster.recorder = recorder()
    frames = sent.wait("frame", 2)
    assert frames[-1]["run"] == 1


def test_a_command_is_taken_done_and_answered_on_the_clusters_thread(cluster, store, sent):
    say(store, type="do", id="1", verb="kill", args={"node": "n1"})
    assert sent.wait("done") == [{"type": "done", "id": "1", "ok": True, "text": "killed"}]
    assert sent.of("taken") == [{"type": "taken", "id": "1"}]
    verb, arguments, thread = cluster.asked[0]
    assert (verb, arguments, thread) == ("kill", {"node": "n1"}, cluster.runner.thread)


def test_what_the_cluster_refuses_is_answered_with_its_sentence(store, sent):
    say(store, type="do", id="1", verb="kill", args={"node": "n9"})
    (answer,) = sent.wait("done")
    assert not answer["ok"]
    assert answer["text"] == "There is no such node: this cluster has n1, n2 and n3."


@pytest.mark.parametrize(
    ("verb", "args"),
    [(None, {}), ("kill", None), (["kill"], {}), ("kill", ["n1"])],
)
def test_what_is_no_command_is_refused(cluster, store, sent, verb, args):
    say(store, type="do", id="1", verb=verb, args=args)
    (answer,) = sent.wait("done")
    assert not answer["ok"]
    assert cluster.asked == []


def test_what_is_no_message_is_ignored(cluster, store, sent):
    for content in ("text", None, {"type": "what"}, {}):
        store._receive(store, content, [])
    cluster.runner.settle()
    assert sent == []


def test_a_defect_is_answered_and_logged_and_the_store_lives_on(store, sent, caplog):
    say(store, type="do", id="1", verb="burst", args={})
    (answer,) = sent.wait("done")
    assert "ValueError: a defect" in answer["text"]
    assert "burst" in caplog.text
    say(store, type="do", id="2", verb="kill", args={"node": "n1"})
    assert sent.wait("done", 2)[1]["ok"]


def test_a_long_wait_holds_up_nothing_else(cluster, store, sent):
    say(store, type="do", id="long", verb="wait", args={})
    say(store, type="do", id="short", verb="kill", args={"node": "n1"})
    (answer,) = sent.wait("done")
    assert answer["id"] == "short"
    cluster.runner.call_soon(cluster.gate.set)
    assert sent.wait("done", 2)[1]["id"] == "long"


def test_too_many_commands_at_once_are_refused(cluster, store, sent, monkeypatch):
    monkeypatch.setattr(module, "COMMANDS_MAX", 2)
    for k in range(3):
        say(store, type="do", id=str(k), verb="wait", args={})
    (answer,) = sent.wait("done")
    assert answer["id"] == "2"
    assert "Too many" in answer["text"]


def test_when_the_cluster_stops_the_panels_say_so_and_let_go_of_it(cluster, store, sent):
    say(store, type="do", id="long", verb="wait", args={})
    sent.wait("taken")
    cluster.runner.stop()
    (answer,) = sent.wait("done")
    assert answer == {"type": "done", "id": "long", "ok": False, "text": module.STOPPED}
    assert sent.of("stopped")
    assert store._cluster is None
    del sent[:]
    say(store, type="hello", page="p")
    say(store, type="do", id="2", verb="kill", args={"node": "n1"})
    assert [message["type"] for message, _, _ in sent] == ["stopped", "done"]


def test_a_defect_in_the_stream_is_told_and_logged(cluster, store, sent, monkeypatch, caplog):
    def fail(_now) -> None:
        raise ValueError("a defect")

    monkeypatch.setattr(store._stream, "turn", fail)
    say(store, type="hello", page="p")
    (message,) = sent.wait("stopped")
    assert message["text"] == module.BROKEN
    assert "a defect" in caplog.text


def test_the_chart_and_its_library_come_when_asked_for(store, sent, monkeypatch, tmp_path):
    script = tmp_path / "bokeh.min.js"
    script.write_bytes(b"js")
    made = []
    monkeypatch.setattr(
        module, "make_chart", lambda: made.append(1) or Chart({"a": 1}, "3", script)
    )
    say(store, type="chart", library=True)
    say(store, type="chart", library=False)
    sent.wait("chart", 2)
    assert [buffers for message, buffers, _ in sent if message["type"] == "chart"] == [
        [b"js"],
        None,
    ]
    assert sent.of("chart")[0] == {
        "type": "chart",
        "which": "terms",
        "version": "3",
        "item": {"a": 1},
    }
    assert 1 <= len(made) <= 2


def test_without_bokeh_there_is_a_sentence_in_its_place(store, sent, monkeypatch):
    def missing() -> Chart:
        raise ImportError("No module named 'bokeh'")

    monkeypatch.setattr(module, "make_chart", missing)
    say(store, type="chart", library=True)
    (message,) = sent.wait("chart-missing")
    assert "pip install raftlock[notebook]" in message["text"]


def test_many_threads_may_speak_at_once(cluster, store, sent):
    def talk(name: str) -> None:
        for k in range(50):
            store._receive(
                store, {"type": "do", "id": f"{name}{k}", "verb": "heal", "args": {}}, []
            )

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    answers = sent.wait("done", 200)
    assert len({answer["id"] for answer in answers}) == 200
    assert all(answer["ok"] for answer in answers)


async def test_it_can_be_made_inside_a_running_loop(cluster, sent):
    # A notebook cell runs on the kernel's loop.
    store = store_of(cluster)
    assert store.snapshot["full"]
    await asyncio.sleep(0)


def test_a_prepared_run_of_a_live_cluster_is_shown_apart_one_at_a_time(cluster, store, sent):
    say(store, type="do", id="1", verb="scene", args={"scene": "figure-8"})
    assert sent.wait("done")[0]["ok"]
    (apart,) = sent.wait("apart")
    first = store._apart
    assert apart["store"] == store_of(first).model_id
    say(store, type="do", id="2", verb="break", args={"rule": "VoteAgain"})
    assert "recorded run" in sent.wait("done", 2)[1]["text"]
    assert not first.runner.alive
    second = store._apart
    assert second.shown.recorder.header["modified"] == "VoteAgain"
    say(store, type="do", id="3", verb="open", args={"text": "s=tea"})
    assert "There is no scene 'tea'" in sent.wait("done", 3)[2]["text"]
    assert store._apart is second
    assert cluster.asked == []  # none of this is the live cluster's business
    cluster.runner.stop()
    assert not second.runner.alive


def test_scenes_are_told_when_they_are_asked_for(store, sent):
    say(store, type="ask", what="scenes")
    say(store, type="ask", what="scene", name="figure-8")
    say(store, type="ask", what="scene", name="tea")
    told = sent.wait("answer", 3)
    assert len(told[0]["value"]) == 20
    assert told[1]["value"]["with"]["stops"]
    assert told[2]["value"] is None
