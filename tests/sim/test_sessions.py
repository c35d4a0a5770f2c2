"""Sessions in a simulated cluster: the silent lose their waits, nobody loses anything too early."""

import pytest

from raftlock import Simulation
from raftlock.errors import InvalidArgument, WaitCancelled


@pytest.fixture
def simulation():
    return started()


def started(session_ttl=10.0):
    made = Simulation(nodes=3, seed=3, timing="lan", session_ttl=session_ttl)
    made.wait_for_leader()
    return made


def contested(simulation):
    """Alice holds the printer for long; bob and then carol wait for it."""
    simulation.client("alice").acquire("printer", ttl=40)
    waits = []
    for name in ("bob", "carol"):
        waits.append(simulation.client(name).submit("wait", "printer", wait_timeout=100, ttl=5))
        simulation.run(0.1)
    return waits


def ends(simulation):
    """When the end of whose session was applied first."""
    moments = {}
    for event in simulation.recorder.events:
        if event.kind == "apply" and event.data["op"].startswith("end session "):
            name = event.data["op"].removeprefix("end session ")
            moments.setdefault(name, []).append(event.t / 1_000_000)
    return {name: min(found) for name, found in moments.items()}


def last(simulation, kind="lock"):
    return [event for event in simulation.recorder.events if event.kind == kind][-1].data


def queue(simulation):
    leader = simulation.world.nodes[simulation.leader]
    return [waiter.client_id for waiter in leader.running.table.info("printer").waiters]


def test_a_frozen_waiter_leaves_after_the_ttl_and_the_next_is_granted(simulation):
    bob, carol = contested(simulation)
    frozen_at = simulation.now
    simulation.freeze("client:bob")
    simulation.run(9)
    assert queue(simulation) == ["bob", "carol"]
    simulation.run(2)
    assert queue(simulation) == ["carol"]
    (ended,) = ends(simulation).items()
    assert ended[0] == "bob"
    assert frozen_at + 9 < ended[1] < frozen_at + 10.5
    assert last(simulation)["why"] == ["session_ended"]
    simulation.client("alice").release("printer")
    simulation.run(1)
    assert carol.done
    simulation.thaw("client:bob")
    simulation.run(1)
    with pytest.raises(WaitCancelled, match="its session ended"):
        bob.result()
    assert simulation.client("bob").acquire("scanner", ttl=5).token, "in a new session"


def test_a_waiter_that_lives_stays(simulation):
    contested(simulation)
    simulation.run(30)
    assert queue(simulation) == ["bob", "carol"]
    assert ends(simulation) == {}


def test_a_lock_outlives_its_holders_session(simulation):
    bob, _carol = contested(simulation)
    simulation.freeze("client:alice")
    simulation.run(15)
    assert list(ends(simulation)) == ["alice"]
    leader = simulation.world.nodes[simulation.leader]
    assert leader.running.table.info("printer").owner_id == "alice"
    assert not bob.done
    simulation.run(26)
    assert bob.done
    assert queue(simulation) == ["carol"]


def test_a_failover_ends_no_session_early(simulation):
    contested(simulation)
    simulation.freeze("client:bob")
    simulation.run(8)
    simulation.kill(simulation.leader)
    simulation.wait_for_leader()
    elected_at = simulation.now
    simulation.run(9)
    assert queue(simulation) == ["bob", "carol"]
    simulation.run(2)
    assert queue(simulation) == ["carol"]
    assert list(ends(simulation)) == ["bob"]
    assert ends(simulation)["bob"] > elected_at + 9.5


def test_who_has_nothing_to_lose_loses_its_session_and_may_begin_anew(simulation):
    alice = simulation.client("alice")
    alice.acquire("printer", ttl=5)
    alice.release("printer")
    simulation.run(12)
    assert list(ends(simulation)) == ["alice"]
    first = alice.acquire("printer", ttl=5).token
    assert first > 0
    assert list(ends(simulation)) == ["alice"]


def test_a_leader_that_was_cut_off_keeps_nobody_alive():
    simulation = started(session_ttl=2.0)
    contested(simulation)
    old = simulation.leader
    simulation.partition([old], [node for node in simulation.nodes if node != old])
    simulation.run(6)
    assert simulation.leader != old
    assert queue(simulation) == ["bob", "carol"], "they found the new leader in time"
    assert ends(simulation) == {}


def test_going_back_takes_the_watch_along(simulation):
    contested(simulation)
    simulation.freeze("client:bob")
    simulation.run(5)
    simulation.back()
    simulation.run(15)
    assert list(ends(simulation)) == ["bob"]


def test_the_header_says_how_long_a_session_lives_if_that_is_not_the_usual():
    assert started(session_ttl=2.0).recorder.header["session_ttl_ms"] == 2_000
    assert "session_ttl_ms" not in started().recorder.header
    with pytest.raises(InvalidArgument, match="session_ttl must be"):
        Simulation(3, session_ttl=0)
