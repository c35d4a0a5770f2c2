"""The role's table is Figure 4 of the paper, as the original has it."""

import pytest

from raftlock.types import NodeRole

ARROWS = {
    ("FOLLOWER", "CANDIDATE"),
    ("CANDIDATE", "FOLLOWER"),
    ("CANDIDATE", "CANDIDATE"),
    ("CANDIDATE", "LEADER"),
    ("LEADER", "LEADER"),
    ("LEADER", "FOLLOWER"),
}


@pytest.mark.parametrize("source", NodeRole)
@pytest.mark.parametrize("target", NodeRole)
def test_the_arrows(source, target):
    assert source.can_transition_to(target) == ((source.name, target.name) in ARROWS)


def test_names_and_words():
    assert [str(role) for role in NodeRole] == ["Follower", "Candidate", "Leader"]
    assert [role.word for role in NodeRole] == ["follower", "candidate", "leader"]
    assert [int(role) for role in NodeRole] == [0, 1, 2]


def test_which_numbers_are_roles():
    assert [number for number in range(-2, 6) if NodeRole.is_valid(number)] == [0, 1, 2]
