"""The search for the leader."""

import pytest

from raftlock.client.protocol.effects import RetryPolicy
from raftlock.client.protocol.route import Route
from raftlock.raft.random64 import Random64
from tests.client.world import endpoint

N1, N2, N3, N9 = (endpoint(name) for name in ("n1", "n2", "n3", "n9"))


@pytest.fixture
def route():
    return Route((N1, N2, N3), Random64(1), RetryPolicy())


def test_one_after_the_other_at_once_then_a_pause(route):
    for node in (N1, N2, N3):
        assert route.next(100) == node
        assert route.not_before <= 100
        route.unreachable(node, 100)
    assert 125 <= route.not_before <= 150
    assert route.next(150) == N1


def test_rounds_go_on_and_on(route):
    asked = []
    for _ in range(6):
        asked.append(route.next(0))
        route.knows_no_leader(asked[-1], 0, None)
    assert asked == [N1, N2, N3, N1, N2, N3]


def test_pauses_grow_and_end_somewhere(route):
    pauses = [route.pause_ms(times) for times in range(1, 40)]
    for pause, full in zip(pauses, [50, 100, 200, 400, 800, *[1_000] * 40], strict=False):
        assert full // 2 <= pause <= full
    assert len(set(pauses[10:])) > 1, "clients must not come back in step"


def test_a_real_answer_ends_the_search(route):
    route.knows_no_leader(N1, 0, None)
    route.knows_no_leader(N2, 0, None)
    route.answered(N3)
    assert route.leader == N3
    assert route.next(0) == N3
    route.knows_no_leader(N3, 0, None)
    assert route.leader is None
    assert route.not_before <= 50, "the pauses begin anew"


def test_a_hint_is_followed_at_once(route):
    route.knows_no_leader(N1, 100, N3)
    assert route.not_before <= 100
    assert route.next(100) == N3


def test_a_hint_to_whom_it_asked_in_vain_is_not(route):
    route.unreachable(N3, 100)
    route.knows_no_leader(N1, 100, N3)
    assert route.not_before > 100
    assert route.next(200) == N2


def test_in_the_next_round_it_may_be_followed(route):
    for node in (N1, N2, N3):
        route.unreachable(node, 0)
    route.knows_no_leader(N1, 0, N3)
    assert route.next(1_000) == N3


def test_hints_that_lead_ever_further_end(route):
    followed = 0
    for each in range(100):
        route.knows_no_leader(endpoint(f"n{100 + each}"), 0, endpoint(f"n{101 + each}"))
        if route.not_before > 0:
            break
        followed += 1
        assert route.next(0) == endpoint(f"n{101 + each}")
    assert followed == 4


@pytest.mark.parametrize(
    ("before", "after"),
    [(N1, None), (N2, N2)],
    ids=["a leader that is gone is forgotten", "one that is still there is kept"],
)
def test_nodes_that_move(route, before, after):
    route.answered(before)
    route.change((N2, N9))
    assert route.leader == after
    assert route.next(0) == N2


@pytest.mark.parametrize(("present", "expected"), [((N1, N2), N2), ((N1, N2, N3), N3)])
def test_a_hint_to_a_node_that_moved_is_dropped(route, present, expected):
    route.knows_no_leader(N1, 0, N3)
    route.change(present)
    assert route.next(0) == expected


def test_with_nobody_left_it_waits(route):
    route.unreachable(N1, 0)
    route.change((N1,))
    assert route.next(10) is None
    assert route.not_before > 10
    assert route.next(1_000) == N1


def test_with_nobody_at_all_it_waits(route):
    route.change(())
    assert route.next(10) is None
    assert route.not_before > 10
