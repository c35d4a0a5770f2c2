"""Whoever does not know the cluster's token gets no further than the door."""

import pytest

from raftlock import Simulation
from raftlock.errors import InvalidArgument
from raftlock.sim.stranger import SORTS, knock
from raftlock.transport import codec, handshake


@pytest.fixture
def world():
    simulation = Simulation(nodes=3, seed=4)
    simulation.wait_for_leader()
    return simulation.world


@pytest.mark.parametrize("sort", SORTS)
def test_it_is_refused_and_the_node_stays_as_it_was(world, sort):
    before = {name: node.running.raft.dump() for name, node in world.nodes.items()}
    for name in world.nodes:
        knock(world, name, sort)
    assert {name: node.running.raft.dump() for name, node in world.nodes.items()} == before


@pytest.mark.parametrize("sort", ["wrong_token", "replayed", "reflected"])
def test_a_door_that_looks_at_no_proof_is_found_out(world, monkeypatch, sort):
    monkeypatch.setattr(handshake, "_equal", lambda *_: True)
    with pytest.raises(AssertionError, match="got in"):
        knock(world, "n1", sort)


@pytest.mark.parametrize("sort", ["future_term", "far_index", "negative"])
def test_a_decoder_without_bounds_is_found_out(world, monkeypatch, sort):
    monkeypatch.setattr(codec, "_check_bounds", lambda *_: None)
    monkeypatch.setattr("raftlock.transport.json_text.INTEGER_MAX", 1 << 70)
    monkeypatch.setattr("raftlock.transport.json_text._DIGITS_MAX", 30)
    with pytest.raises(AssertionError, match="was read"):
        knock(world, "n1", sort)


def test_an_unknown_sort_is_a_mistake(world):
    with pytest.raises(InvalidArgument):
        knock(world, "n1", "polite")
