"""Shared locks and permits in a simulation: its clients, sentences and rows."""

from __future__ import annotations

import pytest

from raftlock import Simulation
from raftlock.check import check_history, check_trace
from raftlock.errors import InvalidArgument, LockHeld, LockNotHeld, WaitCancelled
from raftlock.trace.frame import FrameSource


@pytest.fixture
def simulation():
    run = Simulation(nodes=3, seed=7, timing="lan")
    run.wait_for_leader()
    yield run
    header, events = run.recorder.header, run.recorder.events
    assert check_trace(header, events) == []
    assert check_history(header, events) == []


def told(simulation: Simulation) -> list[str]:
    return [line.text for line in simulation.recorder.story.lines if line.kind == "lock"]


def row(simulation: Simulation, lock: str) -> dict:
    frame = FrameSource(simulation.recorder).full()
    return next(each for each in frame["locks"][simulation.leader] if each["lock"] == lock)


def test_readers_share_and_a_writer_waits_for_all_of_them(simulation):
    alice, bob, carol = (simulation.client(name) for name in ("alice", "bob", "carol"))
    first, second = alice.acquire("page", 60, shared=True), bob.acquire("page", 60, shared=True)
    assert first.shared
    assert first.token < second.token
    writing = carol.enqueue_waiter("page", 60)
    with pytest.raises(LockHeld):
        simulation.client("dave").acquire("page", shared=True)
    info = carol.get_lock_info("page")
    assert [one.client_id for one in info.holders] == ["alice", "bob"]
    alice.release(first)
    assert not writing.done
    bob.release(second)
    held = writing.result()
    assert not held.shared
    carol.write("page")
    simulation.run(1.0)
    token = held.token
    assert told(simulation) == [
        f"alice shares page with token {first.token} for 60 s.",
        f"bob shares page with token {second.token} for 60 s.",
        "carol waits for page: 1st in the queue.",
        "alice releases page.",
        f"bob releases page; carol, next in the queue, holds page with token {token} for 30 s.",
    ]


def test_permits_have_numbers_and_each_is_fenced_for_itself(simulation):
    names = ("alice", "bob", "carol")
    alice, bob, carol = (simulation.client(name) for name in names)
    first = alice.acquire("pool", 2, permits=2)
    second = bob.acquire("pool", 60, permits=2)
    assert (first.slot, second.slot) == (1, 2)
    with pytest.raises(InvalidArgument, match="2 permits"):
        carol.acquire("pool", permits=3)
    alice.write("pool", work=5.0)  # it believes that it may, and then stands still
    third = carol.enqueue_waiter("pool", 60, permits=2).result()
    assert third.slot == 1, "the permit whose time ran out"
    carol.write("pool")
    bob.write("pool")
    simulation.run(8.0)
    writes = [e.data for e in simulation.recorder.events if e.kind == "storage"]
    assert [(w["client"], w["slot"], w["accepted"]) for w in writes] == [
        ("carol", 1, True),
        ("bob", 2, True),
        ("alice", 1, False),
    ]
    assert row(simulation, "pool") | {"queue": 0} == {
        "lock": "pool",
        "owner": "bob",
        "token": second.token,
        "deadline": row(simulation, "pool")["deadline"],
        "ttl": 60_000,
        "queue": 0,
        "permits": 2,
        "slot": 2,
        "holders": 2,
        "others": [
            {
                "client": "carol",
                "token": third.token,
                "deadline": row(simulation, "pool")["others"][0]["deadline"],
                "ttl": 30_000,
                "slot": 1,
            }
        ],
    }


def test_who_shares_a_lock_does_not_write(simulation):
    alice = simulation.client("alice")
    alice.acquire("page", 60, shared=True)
    with pytest.raises(InvalidArgument, match="to write, acquire it alone"):
        alice.write("page")
    simulation.run(1.0)
    assert not [e for e in simulation.recorder.events if e.kind == "storage"]


def test_several_holders_outlive_a_leader(simulation):
    names = [f"c{number}" for number in range(4)]
    clients = {name: simulation.client(name) for name in names}
    tokens = {name: each.acquire("page", 60, shared=True).token for name, each in clients.items()}
    waiting = simulation.client("writer").enqueue_waiter("page", 100)
    simulation.kill(simulation.leader)
    simulation.wait_for_leader()
    for name in names:
        clients[name].release("page", token=tokens[name])
    assert waiting.result().token > max(tokens.values())


def test_a_block_and_a_submission_take_terms_too(simulation):
    alice, bob = simulation.client("alice"), simulation.client("bob")
    with alice.lock("pool", 60, permits=2) as held:
        assert held.slot == 1
        asked = bob.submit("acquire", "pool", permits=2)
        assert asked.result().slot == 2
    waiting = alice.submit("wait", "pool", permits=2)
    assert waiting.result().slot == 1


def test_a_wait_that_is_taken_back_lets_those_behind_it_in(simulation):
    alice, bob, carol = (simulation.client(name) for name in ("alice", "bob", "carol"))
    alice.acquire("page", 60, shared=True)
    writing = bob.enqueue_waiter("page", 60)
    reading = carol.enqueue_waiter("page", 60, shared=True)
    bob.cancel_wait("page")
    with pytest.raises(WaitCancelled):
        writing.result()
    assert reading.result().shared
    assert "carol, next in the queue, shares page" in told(simulation)[-1]


def test_a_renewal_of_one_of_several_says_whose(simulation):
    alice, bob = simulation.client("alice"), simulation.client("bob")
    alice.acquire("page", 60, shared=True)
    held = bob.acquire("page", 60, shared=True)
    bob.renew(held, 90)
    assert told(simulation)[-1] == (
        f"bob keeps page for another 90 s; its token stays {held.token}."
    )


def test_marks_tell_of_each_holder_once(simulation):
    for name in ("alice", "bob"):
        simulation.client(name).acquire("page", 2, shared=True)
    simulation.run(5.0)
    with pytest.raises(LockNotHeld):
        simulation.client("alice").release("page", token=1)
    from raftlock.trace.parts.track import Track

    track = Track(simulation.recorder.header)
    for event in simulation.recorder.events:
        track.apply(event)
    words = [text for _, _, kind, _, _, text in track.marks if kind in ("grant", "expiry")]
    assert [text.split(",")[0].split(" of token")[0] for text in words] == [
        "alice shares page",
        "bob shares page",
        "the time",
        "the time",
    ]
