import time

import pytest

from raftlock import Simulation
from raftlock.errors import InvalidArgument
from raftlock.trace.export import encode_event


def eventful(seconds=3.0):
    simulation = Simulation(nodes=3, seed=5, timing="lan")
    simulation.wait_for_leader()
    alice, bob = simulation.client("alice"), simulation.client("bob")
    held = alice.acquire("printer", ttl=1)
    bob.submit("wait", "printer", ttl=2.0)
    simulation.kill(simulation.leader)
    simulation.run(seconds)
    assert held.token > 0
    return simulation


def trace(simulation):
    return [encode_event(event) for event in simulation.recorder.events]


def test_back_and_step_lead_to_the_same_place():
    simulation = eventful()
    told = trace(simulation)
    for _ in range(30):
        simulation.back()
        here = trace(simulation)
        assert here == told[: len(here)]
    while simulation.recorder.last_seq < len(told):
        simulation.step()
    assert trace(simulation) == told


def test_going_to_any_event_and_forward_again():
    simulation = eventful()
    told = trace(simulation)
    for seq in (len(told) // 2, 10, len(told) - 5, 1, len(told)):
        simulation.goto(seq)
        assert simulation.recorder.last_seq >= seq
        here = trace(simulation)
        assert here == told[: len(here)]
    assert trace(simulation) == told


def test_going_beyond_what_has_happened_runs_on():
    simulation = eventful()
    last = simulation.recorder.last_seq
    simulation.goto(last + 100)
    assert simulation.recorder.last_seq >= last + 100


def test_something_new_in_the_past_makes_a_new_future():
    simulation = eventful()
    told = trace(simulation)
    simulation.goto(len(told) // 2)
    simulation.client("carol").submit("acquire", "scanner")
    simulation.run(5)
    assert trace(simulation) != told[: simulation.recorder.last_seq]
    assert any('"carol"' in line for line in trace(simulation))
    assert [action["do"] for action in simulation.script].count("kill") == 1


def test_a_branch_has_the_same_past_and_its_own_future():
    simulation = eventful()
    told = trace(simulation)
    other = simulation.branch()
    assert trace(other) == told
    assert other.now == simulation.now
    other.kill(other.leader)
    other.run(1)
    assert trace(simulation) == told
    simulation.run(1)
    assert trace(simulation) != trace(other)


def test_requests_and_holds_tell_how_they_stand_there():
    simulation = Simulation(nodes=3, seed=5, timing="lan")
    simulation.wait_for_leader()
    before = simulation.recorder.last_seq
    asked = simulation.client("alice").submit("acquire", "printer")
    simulation.run(1)
    assert asked.done
    simulation.goto(before + 1)
    assert not asked.done
    assert asked.result().token > 0


def test_the_picture_follows_back():
    simulation = Simulation(nodes=3, seed=5, timing="lan")
    simulation.wait_for_leader()
    assert simulation.recorder.view.seq == simulation.recorder.last_seq
    simulation.kill("n1")
    assert simulation.recorder.view.nodes["n1"].state == "down"
    simulation.back()
    assert simulation.recorder.view.nodes["n1"].state == "up"
    assert simulation.recorder.view.seq == simulation.recorder.last_seq


def test_there_is_nothing_before_the_beginning():
    simulation = Simulation(nodes=1, timing="lan")
    with pytest.raises(InvalidArgument):
        simulation.back()


def test_going_back_is_quick_after_many_events():
    simulation = Simulation(nodes=5, seed=5, timing="lan")
    simulation.run(25)
    assert simulation.recorder.last_seq > 10_000
    costs = []
    for _ in range(5):
        began = time.process_time()
        simulation.back()
        costs.append(time.process_time() - began)
    # The aim is 50 ms; a machine that is busy with other things gets some slack.
    assert sorted(costs)[2] < 0.25, costs
