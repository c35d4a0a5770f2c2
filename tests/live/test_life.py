"""A cluster's own life: it can be slowed, stopped, replaced, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from collections.abc import Iterator
from itertools import pairwise
from types import SimpleNamespace

import psutil
import pytest

from raftlock import Cluster, errors, registry
from tests.live.helpers import events, look, until


def listening() -> set[int]:
    """The ports that this process listens on."""
    connections = psutil.Process().net_connections(kind="tcp")
    return {entry.laddr.port for entry in connections if entry.status == psutil.CONN_LISTEN}


def test_a_stopped_cluster_leaves_no_thread_no_task_and_no_port() -> None:
    threads, ports = threading.active_count(), listening()
    cluster = Cluster(nodes=5, timing="lan")
    cluster.wait_for_leader()
    cluster.client("alice").acquire("build", ttl=10)
    cluster.kill("n1")
    cluster.freeze("n2")
    opened = listening() - ports
    assert len(opened) == 4
    loop = cluster.runner.loop
    cluster.stop()
    assert threading.active_count() == threads
    assert listening() == ports
    assert loop.is_closed()
    assert not asyncio.all_tasks(loop)
    for port in opened:
        with socket.socket() as probe:
            # Ended connections keep a port's old pairs for a while; every server does this.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    cluster.stop()  # twice is no mistake
    with pytest.raises(errors.ClusterStopped, match="make a new one"):
        cluster.kill("n1")
    assert "stopped" in repr(cluster)
    gc.collect()  # a warning about a forgotten socket or task would fail this test


def test_a_cluster_of_the_same_name_replaces_the_one_before() -> None:
    first = Cluster(nodes=1, timing="lan", name="mine")
    second = Cluster(nodes=1, timing="lan", name="mine")
    other = Cluster(nodes=1, timing="lan", name="other")
    try:
        assert not first.runner.alive
        assert second.wait_for_leader() == other.wait_for_leader() == "n1"
    finally:
        second.stop()
        other.stop()
    assert "mine" not in registry.running()


def test_running_a_cell_again_replaces_its_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = SimpleNamespace(id="cell-1")
    shell = SimpleNamespace(get_parent=lambda: {"metadata": {"cellId": cell.id}})
    fake = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(__import__("sys").modules, "IPython", fake)
    first = Cluster(nodes=1, timing="lan")
    again = Cluster(nodes=1, timing="lan")
    cell.id = "cell-2"
    elsewhere = Cluster(nodes=1, timing="lan")
    try:
        assert not first.runner.alive
        assert again.runner.alive
        assert elsewhere.runner.alive
    finally:
        again.stop()
        elsewhere.stop()


@pytest.mark.needs("time")
def test_an_interrupt_ends_the_call_and_nothing_else(trio: Cluster) -> None:
    main = threading.main_thread().ident
    assert main is not None
    trio.pause()  # no leader can be lost or won: the call below would wait for ever
    trio.runner.loop.call_soon_threadsafe(
        trio.runner.loop.call_later, 0.05, lambda: signal_main(main)
    )
    with pytest.raises(KeyboardInterrupt):
        trio.runner.call(trio.laboratory.until(lambda _view: False, 5, "Nothing"))
    trio.resume()
    assert trio.wait_for_leader()
    assert trio.client("alice").acquire("build", ttl=10).token


def signal_main(thread: int) -> None:
    import signal

    signal.pthread_kill(thread, signal.SIGINT)


@pytest.fixture
def moving() -> Iterator[Cluster]:
    with Cluster(nodes=3, timing="lan", seed=5) as cluster:
        cluster.wait_for_leader()
        yield cluster


@pytest.mark.needs("time")
def test_one_may_wait_for_a_time_or_for_a_sight(trio: Cluster) -> None:
    before = trio.now
    trio.run(0.3)
    assert trio.now >= before + 0.3
    trio.kill("n3")
    trio.run_until(lambda view: view.nodes["n3"].state == "down")
    with pytest.raises(errors.Timeout):
        trio.run_until(lambda view: not view.nodes, timeout=0.1)
    trio.pause()
    with pytest.raises(errors.InvalidArgument):
        trio.run(0.1)
    with pytest.raises(errors.InvalidArgument):
        trio.run_until(lambda view: not view.nodes)


def test_paused_nothing_moves_and_resumed_it_goes_on(moving: Cluster) -> None:
    moving.pause()

    async def rest() -> int:
        before = moving.recorder.last_seq
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        loop.call_later(0.4, woken.set_result, None)  # several heartbeats of real time
        await woken
        return moving.recorder.last_seq - before

    assert moving.runner.call(rest()) == 0
    waiting = moving.client("alice").submit("acquire", "build", ttl=10)
    assert not waiting.done
    moving.resume()
    assert waiting.result().token
    assert moving.wait_for_leader()


def test_speed_slows_everything_alike(moving: Cluster) -> None:
    moving.speed = 0.1
    assert moving.speed == 0.1
    start = look(moving, lambda view: view.now)
    until(moving, lambda view: view.now > start + 300_000, timeout=60)
    beats = [
        event.t
        for event in events(moving, "timer_fire")
        if event.data["timer"] == "heartbeat" and event.t > start
    ]
    gaps = [later - earlier for earlier, later in pairwise(beats)]
    # In the cluster's own time a heartbeat is still 50 ms, late by a turn of the clock at most.
    assert gaps
    assert all(45_000 <= gap <= 75_000 for gap in gaps)
    assert moving.leader


def test_starting_over_empties_the_disks_and_mends_everything(moving: Cluster) -> None:
    moving.client("alice").acquire("build", ttl=60)
    moving.kill("n1")
    moving.cut("n2", "n3")
    moving.speed = 0.5
    moving.start_over()
    leader = moving.wait_for_leader()
    assert moving.generation == 1
    assert moving.speed == 1.0
    assert set(moving.status()) == {"n1", "n2", "n3"}
    until(moving, lambda view: view.nodes[leader].applied > 0)
    assert look(moving, lambda view: view.nodes[leader].locks) == {}
    assert moving.client("alice").acquire("build", ttl=60).token


def test_a_lesson_has_a_leader_within_five_seconds() -> None:
    with Cluster(nodes=5) as cluster:
        cluster.wait_for_leader()
        assert look(cluster, lambda view: view.now) < 5_000_000


@pytest.mark.parametrize("nodes", [0, 10, "five", 2.5])
def test_a_cluster_of_a_silly_size_is_refused(nodes: object) -> None:
    with pytest.raises(errors.InvalidArgument, match="1 to 9 nodes"):
        Cluster(nodes=nodes)  # type: ignore[arg-type]


def test_an_unknown_timing_is_refused_with_those_there_are() -> None:
    with pytest.raises(errors.InvalidArgument, match='"lesson" or "lan"'):
        Cluster(timing="warp")


def test_without_the_panels_the_sentence_says_what_to_install(
    trio: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raftlock.panels.entry_points", lambda **_: ())
    with pytest.raises(errors.PanelsNotInstalled, match=r"pip install raftlock\[notebook\]"):
        trio.dashboard()


def test_clicks_that_come_too_fast_are_refused_and_leave_one_node(moving: Cluster) -> None:
    lab = moving.laboratory

    async def hammer() -> list[BaseException | None]:
        await lab.kill("n1")
        return await asyncio.gather(*(lab.restart("n1") for _ in range(3)), return_exceptions=True)

    results = moving.runner.call(hammer())
    refused = [result for result in results if isinstance(result, errors.InvalidArgument)]
    assert len(refused) == 2
    starts = [e for e in events(moving, "node") if e.data["what"] == "restarted"]
    assert len(starts) == 1


def test_a_node_restarted_while_it_dies_keeps_what_it_writes_afterwards(moving: Cluster) -> None:
    lab = moving.laboratory

    async def at_once() -> None:
        await asyncio.gather(lab.kill("n2"), lab.restart("n2"))

    moving.runner.call(at_once())
    until(moving, lambda view: view.nodes["n2"].applied == view.applied_high > 0)
    assert moving.client("alice").acquire("build", ttl=10).token


def test_starting_over_twice_at_once_ends_in_one_cluster(moving: Cluster) -> None:
    async def twice() -> None:
        await asyncio.gather(moving.start_over_here(), moving.start_over_here())

    moving.runner.call(twice())
    assert moving.generation == 2
    moving.wait_for_leader()
    moving.stop()
    assert not [name for name in threading.enumerate() if name.name.startswith("raftlock")]
