"""The two timings: one for eyes, one for machines."""

from raftlock.node.timing import TIMINGS


def test_in_a_lesson_people_see_the_ring_run_out() -> None:
    """Elsewhere a broken connection to the leader is reason enough to ask around at once."""
    assert {name: timing.peer_lost for name, timing in TIMINGS.items()} == {
        "lesson": False,
        "lan": True,
    }


def test_a_leader_is_heard_several_times_in_an_election_timeout() -> None:
    for timing in TIMINGS.values():
        assert 3 * timing.heartbeat_ms <= timing.election_timeout_ms_min
        assert 2 * timing.election_timeout_ms_min == timing.election_timeout_ms_max
