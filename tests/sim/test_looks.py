"""A client's look at a lock in a simulated cluster: a true answer, through failovers and cuts."""

import pytest

from raftlock import Simulation
from raftlock.errors import Timeout, Unavailable
from raftlock.sim.clone import clone
from raftlock.types import Millis


@pytest.fixture
def simulation():
    made = Simulation(nodes=3, seed=7, timing="lan")
    made.wait_for_leader()
    return made


def look(simulation, client="carol", lock="printer", time_ms=10_000):
    ask = simulation.world.client(client).look(lock, Millis(time_ms))
    simulation.run_until_answered(ask)
    if ask.error is not None:
        raise ask.error
    return ask.result


def told(simulation, kind):
    return [
        dict(event.data)
        for event in simulation.recorder.events
        if event.kind == kind and event.data["op"] == "get_lock_info"
    ]


def test_a_look_tells_who_holds_and_who_waits(simulation):
    assert look(simulation)["owner_id"] == ""
    held = simulation.client("alice").acquire("printer", ttl=10, metadata={"job": "7"})
    simulation.client("bob").enqueue_waiter("printer")
    simulation.run(2)
    seen = look(simulation)
    assert (seen["owner_id"], seen["version"], seen["metadata"]) == (
        "alice",
        held.token,
        {"job": "7"},
    )
    assert 7_000 < seen["remaining"] < 8_000
    assert [waiter["client_id"] for waiter in seen["waiters_info"]] == ["bob"]
    assert seen["acquired_at"].startswith("2026-01-01T00:00:")
    call, answer = told(simulation, "client_call")[-1], told(simulation, "client_return")[-1]
    assert call["request_id"] == answer["request_id"]
    assert (answer["result"], answer["owner"], answer["token"]) == ("info", "alice", held.token)


def test_a_hold_whose_time_is_over_is_not_told_of(simulation):
    """No entry said so yet: the leader proposes one first, and reads at its index."""
    simulation.client("alice").acquire("printer", ttl=1)
    simulation.run(0.999)
    for _ in range(20):
        ask = simulation.world.client("carol").look("printer", Millis(10_000))
        simulation.run_until_answered(ask)
        if ask.result["owner_id"] == "":
            break
        assert ask.result["remaining"] > 0
    else:
        pytest.fail("it never ended")


def test_a_leader_that_was_cut_off_tells_nothing_old(simulation):
    old = simulation.leader
    simulation.client("alice").acquire("printer")
    look(simulation)
    others = [node for node in simulation.nodes if node != old]
    simulation.partition([old], others)
    ask = simulation.world.client("carol").look("printer", Millis(10_000))
    simulation.run_until_answered(ask)
    assert ask.error is None
    assert ask.result["owner_id"] == "alice"
    assert simulation.leader in others, "the old one was asked first, and could not say"


def test_without_a_majority_there_is_no_answer(simulation):
    look(simulation)
    simulation.partition(*[[node] for node in simulation.nodes])
    with pytest.raises((Timeout, Unavailable)):
        look(simulation, time_ms=3_000)
    assert told(simulation, "client_return")[-1]["status"] in {"unknown", "fail"}


def test_a_look_may_be_taken_back(simulation):
    client = simulation.world.client("carol")
    ask = client.look("printer", Millis(10_000))
    client.cancel(ask.number)
    assert ask.done
    assert told(simulation, "client_return")[-1]["status"] == "unknown"
    simulation.run(1)
    assert look(simulation)["owner_id"] == ""


def test_a_world_is_copied_with_the_looks_that_it_owes(simulation):
    simulation.client("alice").acquire("printer")
    simulation.world.client("carol").look("printer", Millis(10_000))
    leader = simulation.world.nodes[simulation.leader]
    while not leader.driver._asked:  # until the leader is making sure that it leads
        simulation.step()
    copy = clone(simulation.world, simulation._timeline._same()).nodes[simulation.leader]
    (answer,) = copy.driver._asked.values()
    assert answer.func.__self__ is copy.desk, "the copy owes it, and not the old world"


def test_the_words_of_a_client_go_back_and_forth_with_the_run(simulation):
    alice, bob = simulation.client("alice"), simulation.client("bob")
    held = alice.acquire("printer", metadata={"job": "7"})
    info = bob.get_lock_info("printer")
    assert (info.owner_id, info.version, info.metadata) == ("alice", held.token, {"job": "7"})
    seen = told(simulation, "client_return")[-1]
    simulation.back()
    simulation.run(1)
    assert told(simulation, "client_return")[-1] == seen
    alice.release("printer")
    assert bob.get_lock_info("printer", timeout=3).owner_id == ""
    simulation.partition(*[[node] for node in simulation.nodes])
    with pytest.raises((Timeout, Unavailable)):
        bob.get_lock_info("printer", timeout=3)


def test_the_status_that_a_client_asks_for_has_the_table_s_counts(simulation):
    alice = simulation.client("alice")
    alice.acquire("printer")
    alice.release("printer")
    alice.acquire("printer")
    locks = alice.status().locks
    assert (locks.held, locks.acquired, locks.released) == (1, 2, 1)
    assert simulation.status()[simulation.leader].locks is None, "that is Raft's own"
