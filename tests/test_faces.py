"""The two clusters have one face: whoever can use a live one can use a simulated one."""

import asyncio
import inspect
from inspect import Parameter

import pytest

from raftlock import AsyncCluster, Cluster, LockClient, Simulation
from raftlock.errors import NotInThisRuntime
from raftlock.sim.aio import AsyncSimulation
from raftlock.sim.faces import SimLockClient

# What panels and the loop need of a live cluster; and simulated clients of a simulation.
LIVE_PARTS = {
    "do",
    "run_here",
    "run_until_here",
    "start_over_here",
    "aio",
    "runner",
    "simulate_here",
}
LIVE_PARTS |= {"act_in_the_past", "branches", "connect", "pace", "still"}
VIRTUAL_PARTS = {
    "aio",
    "ask",
    "now_ms",
    "run_until_answered",
    "script",
    "ask_to_lead",
    "branched_at",
    "begun",
    "expect_script",
    "note",
    "origin",
    "scenario",
    "to_come",
    "pass_time",
    "play_script",
    "played",
    "take_back",
    "world",
}
CLIENT_PARTS = {"aio", "client_id", "get", "result_of", "write"}
# Who is in a simulation sees its whole table; its clients ask what a history can be judged by.
CLIENT_PARTS |= {"find_lock", "get_backoff_advice", "get_locks", "health"}
CLIENT_PARTS |= {"acquire_all", "from_access", "lock_all"}


LIVE_ONLY = ("async_client", "simulate")
VIRTUAL_ONLY = ("back", "branch", "clock_jump", "crash_on_write", "disk_fault", "drift", "drop")
VIRTUAL_ONLY += ("align_timers", "spread_timers", "duplicate", "fire_timer", "goto", "hold")


def face(kind):
    return {name for name in dir(kind) if not name.startswith("_")}


def parameters(function):
    return {
        name: (each.kind, each.default)
        for name, each in inspect.signature(function).parameters.items()
    }


def assert_fits(wanted, offered):
    """Each call of `wanted` is a call of `offered` too, which may take more."""
    wanted, offered = parameters(wanted), parameters(offered)
    assert wanted.items() <= offered.items()
    assert list(wanted) == [name for name in offered if name in wanted]
    for name in offered.keys() - wanted.keys():
        kind, default = offered[name]
        assert kind is Parameter.KEYWORD_ONLY
        assert default is not Parameter.empty


def verbs(one, other):
    return sorted(
        name for name in face(one) & face(other) if inspect.isfunction(getattr(one, name))
    )


def test_both_have_the_same_verbs():
    assert face(Cluster) - LIVE_PARTS == face(Simulation) - VIRTUAL_PARTS
    assert face(AsyncCluster) == face(AsyncSimulation)
    assert face(LockClient) - CLIENT_PARTS == face(SimLockClient) - CLIENT_PARTS


@pytest.mark.parametrize("name", verbs(Cluster, Simulation))
def test_a_verb_takes_the_same(name):
    assert_fits(getattr(Cluster, name), getattr(Simulation, name))


@pytest.mark.parametrize("name", verbs(AsyncCluster, AsyncSimulation))
def test_an_awaited_verb_takes_the_same(name):
    assert_fits(getattr(AsyncCluster, name), getattr(AsyncSimulation, name))
    assert inspect.iscoroutinefunction(getattr(AsyncSimulation, name))


@pytest.mark.parametrize("name", verbs(LockClient, SimLockClient))
def test_a_client_s_verb_takes_the_same(name):
    assert_fits(getattr(LockClient, name), getattr(SimLockClient, name))


def test_both_begin_with_the_same_settings():
    settings = parameters(Cluster).keys()
    assert settings - {"runtime"} <= parameters(Simulation).keys()


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((Cluster, name) for name in VIRTUAL_ONLY),
        *((Simulation, name) for name in LIVE_ONLY),
    ],
)
def test_what_only_the_other_has_says_so(kind, name):
    verb = getattr(kind, name)
    needed = [each for each in parameters(verb).values() if each[1] is Parameter.empty]
    with pytest.raises(NotInThisRuntime) as caught:
        verb(*["n1"] * len(needed))
    assert caught.value.message.endswith(".")


def test_the_awaited_verbs_of_a_simulation_do_the_same():
    async def story(aio):
        await aio.wait_for_leader()
        await aio.run(0.5)
        await aio.add_node("n4")
        await aio.kill("n1")
        await aio.run_until(lambda view: view.nodes["n1"].state == "down")
        with pytest.raises(NotInThisRuntime):
            await aio.set_speed(0.5)

    one, other = (Simulation(nodes=3, seed=3, timing="lan") for _ in range(2))
    asyncio.run(story(one.aio))
    other.wait_for_leader()
    other.run(0.5)
    other.add_node("n4")
    other.kill("n1")
    assert one.recorder.to_lines() == other.recorder.to_lines()
