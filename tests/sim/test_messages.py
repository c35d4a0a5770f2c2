"""What a hand can do to a message on its way, in virtual time."""

import pytest

from raftlock import Simulation
from raftlock.check.checker import check_trace
from raftlock.errors import InvalidArgument


@pytest.fixture
def simulation():
    """The leader has just sent an entry to two followers."""
    made = Simulation(nodes=3, seed=3, timing="lan")
    made.wait_for_leader()
    made.run(0.2)
    made.client("ann").submit("acquire", "door", ttl=5)
    made.run_until(lambda view: bool(entries(view)))
    yield made
    made.run(1)
    assert check_trace(made.recorder.header, made.recorder.events) == []


def entries(view):
    return [each for each in view.network.flights.values() if each.label == "AE·1" and not each.why]


def flying(simulation):
    return entries(simulation.recorder.story.view)


def kinds_of(simulation, number):
    return [e.kind for e in simulation.recorder.events if e.data.get("id") == number]


def test_at_once(simulation):
    message = flying(simulation)[0]
    now = simulation.now
    simulation.message(message.id, "now")
    simulation.run_until(lambda view: message.id not in view.network.flights)
    assert simulation.now == now
    assert kinds_of(simulation, message.id) == ["fault", "due", "deliver"]


def test_taken_off_the_wire(simulation):
    message = flying(simulation)[0]
    simulation.message(message.id, "drop")
    assert kinds_of(simulation, message.id) == ["fault", "drop"]
    with pytest.raises(InvalidArgument, match="not on its way any more"):
        simulation.message(message.id, "drop")
    simulation.run(0.3)
    assert kinds_of(simulation, message.id) == ["fault", "drop"]


def test_later(simulation):
    message = flying(simulation)[0]
    simulation.message(message.id, "delay", delay=0.1)
    late = simulation.recorder.story.view.network.flights[message.id]
    assert late.t1 == message.t1 + 100_000
    simulation.run_until(lambda view: message.id not in view.network.flights)
    assert round(simulation.now * 1e6) == message.t1 + 100_000


def test_twice(simulation):
    message = flying(simulation)[0]
    simulation.message(message.id, "duplicate", delay=0.05)
    simulation.run(0.1)
    assert kinds_of(simulation, message.id).count("deliver") == 2


def test_held_until_it_is_let_go(simulation):
    message, other = flying(simulation)
    simulation.message(message.id, "hold")
    simulation.message(other.id, "hold")
    with pytest.raises(InvalidArgument, match="held already"):
        simulation.message(message.id, "hold")
    simulation.run(0.5)
    view = simulation.recorder.story.view
    assert "deliver" not in kinds_of(simulation, message.id)
    assert message.id in {each.id for each in view.network.in_flight(view.now)}
    simulation.message(message.id, "release")
    simulation.heal()
    simulation.run(0.1)
    assert "deliver" in kinds_of(simulation, message.id)
    assert "deliver" in kinds_of(simulation, other.id)
    with pytest.raises(InvalidArgument, match="is not held"):
        simulation.message(message.id, "release")


def test_nonsense(simulation):
    message = flying(simulation)[0]
    with pytest.raises(InvalidArgument, match="A message can be: now, drop"):
        simulation.message(message.id, "eat")
    with pytest.raises(InvalidArgument, match="not on its way"):
        simulation.message(10**9, "now")
    with pytest.raises(InvalidArgument):
        simulation.message(message.id, "delay", delay=-1)


def test_it_can_be_undone_and_is_part_of_the_script(simulation):
    message = flying(simulation)[0]
    before = len(simulation.recorder.events)
    simulation.message(message.id, "hold")
    simulation.run(0.2)
    simulation.goto(before)
    simulation.message(message.id, "drop")
    assert kinds_of(simulation, message.id) == ["fault", "drop"]
    assert [action["how"] for action in simulation.script if action["do"] == "message"] == ["drop"]
