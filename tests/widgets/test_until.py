"""Run until something happens, and stand still there."""

import asyncio

import pytest
from raftlock_widgets.marks import marks_of, marks_since
from raftlock_widgets.parts import PARTS
from raftlock_widgets.playback import Playback
from raftlock_widgets.until import run_until

from raftlock import Cluster, Simulation
from raftlock.errors import InvalidArgument, Timeout
from raftlock.sim.stories import broken


@pytest.fixture
def playback():
    made = Playback(Simulation(nodes=3, seed=4))
    made.recorder.show(PARTS)
    yield made
    made.stop()


def test_a_simulation_stands_still_at_the_event(playback):
    text = asyncio.run(run_until(playback, {"kind": "election"}))
    assert text == "n1 leads term 1"
    assert marks_of(playback.recorder, "election")[-1].t == playback.recorder.now()
    assert not playback.playing
    assert not playback.hurrying


def test_what_has_happened_before_is_not_waited_for(playback):
    asyncio.run(run_until(playback, {"kind": "election"}))
    with pytest.raises(Timeout, match="no election within 60 s"):
        asyncio.run(run_until(playback, {"kind": "election"}))
    assert not playback.playing


def test_locks_are_granted_and_expire(playback):
    asyncio.run(run_until(playback, {"kind": "commit"}))
    playback.shown.client("ann").submit("acquire", "door", ttl=3)
    assert "ann holds door" in asyncio.run(run_until(playback, {"kind": "grant"}))
    before = playback.recorder.now()
    assert "on door is over" in asyncio.run(run_until(playback, {"kind": "expiry"}))
    assert playback.recorder.now() - before > 2_500_000
    assert [mark.kind for mark in marks_of(playback.recorder, "expiry")] == ["expiry"]


def test_somebody_else_may_stop_it(playback):
    async def story():
        running = asyncio.ensure_future(run_until(playback, {"kind": "violation"}))
        await asyncio.sleep(0)
        await playback.do("pause")
        return await running

    with pytest.raises(InvalidArgument, match="Stopped before there was any violation"):
        asyncio.run(story())


def test_there_must_be_such_a_kind(playback):
    with pytest.raises(InvalidArgument, match="no marks of kind 'tea'"):
        asyncio.run(run_until(playback, {"kind": "tea"}))


def test_where_a_promise_broke_can_be_gone_to():
    recorder = broken(first_rule()).recorder
    recorder.show(PARTS)
    found = marks_of(recorder, "violation")
    assert found
    assert all(mark.text for mark in found)
    assert marks_since(recorder, "violation", found[0].seq) == found[1:]


def first_rule():
    from raftlock.sim.stories import broken_rules

    return next(rule.name for rule in broken_rules() if "Election Safety" in rule.breaks)


def test_a_live_cluster_is_paused_where_it_happened():
    with Cluster(nodes=3, seed=4, timing="lan") as cluster:
        cluster.wait_for_leader()
        cluster.recorder.show(PARTS)
        client = cluster.client("ann")

        async def story():
            running = asyncio.ensure_future(run_until(cluster, {"kind": "grant"}))
            await cluster.do("acquire", client=client.client_id, lock="door", ttl_s=20.0)
            return await running

        text = cluster.runner.submit(story()).result(30)
        assert "holds door" in text
        assert cluster.recorder.view.paused
