"""The few ways in which a node's state may change."""

import pytest

from raftlock.raft import RaftConfig, Random64, Recovered, Rules
from raftlock.raft.core import Core
from raftlock.raft.outbox import Outbox
from raftlock.types import PersistentState
from tests.raft.harness import CANDIDATE, FOLLOWER, LEADER, entries


def new_core(recovered=None):
    config = RaftConfig("n1", ("n1", "n2", "n3"), 150, 300, 50)
    return Core(config, recovered or Recovered(), Random64(1), Rules(), 0)


@pytest.mark.parametrize(
    ("path", "legal"),
    [
        ([FOLLOWER], False),
        ([LEADER], False),
        ([CANDIDATE], True),
        ([CANDIDATE, CANDIDATE], True),
        ([CANDIDATE, FOLLOWER], True),
        ([CANDIDATE, LEADER], True),
        ([CANDIDATE, LEADER, FOLLOWER], True),
        ([CANDIDATE, LEADER, CANDIDATE], False),
    ],
)
def test_a_role_changes_only_along_an_arrow_of_figure_4(path, legal):
    core = new_core()
    *before, last = path
    for role in before:
        core.become(role)
    if legal:
        core.become(last)
        assert core.state.role is last
        assert (core.state.candidacy is not None) == (last is CANDIDATE)
        assert (core.state.leadership is not None) == (last is LEADER)
    else:
        with pytest.raises(AssertionError):
            core.become(last)


def test_a_term_only_grows():
    core = new_core(Recovered(PersistentState(3)))
    with pytest.raises(AssertionError):
        core.enter_term(3)


@pytest.mark.parametrize("only_in_a_role", ["candidacy", "leadership"])
def test_a_follower_has_neither_an_election_nor_followers(only_in_a_role):
    with pytest.raises(AssertionError):
        getattr(new_core(), only_in_a_role)


def test_term_and_vote_are_written_when_they_change_and_only_then():
    core = new_core()
    assert core.take_effects().persist is None
    core.enter_term(2)
    core.vote_for("n2")
    assert core.take_effects().persist.state == PersistentState(2, "n2")
    core.vote_for("n2")
    assert core.take_effects().persist is None


def test_a_write_truncates_once_and_before_it_appends():
    outbox = Outbox()
    outbox.append(entries(3, 1))
    with pytest.raises(AssertionError, match="before it appends"):
        outbox.truncate(2)
    outbox = Outbox()
    outbox.truncate(2)
    with pytest.raises(AssertionError, match="one truncation"):
        outbox.truncate(1)


def test_writes_are_numbered_one_by_one():
    outbox = Outbox()
    numbers = []
    for _ in range(3):
        outbox.append(entries(1, 1))
        assert outbox.next_write == len(numbers) + 1
        numbers.append(outbox.take(None, 0).persist.write)
        assert outbox.take(None, 0).persist is None
    assert numbers == [1, 2, 3]
