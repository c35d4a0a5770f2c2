import pytest

from raftlock.errors import InvalidArgument
from raftlock.raft import RaftConfig

GOOD = {
    "node_id": "n1",
    "voters": ("n1", "n2", "n3"),
    "election_timeout_ms_min": 150,
    "election_timeout_ms_max": 300,
    "heartbeat_ms": 50,
}


def test_knows_the_others_and_its_patience():
    config = RaftConfig(**GOOD)
    assert config.peers == ("n2", "n3")
    assert config.timeout_range == (150, 300)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"node_id": "n4"}, "n4"),
        ({"voters": ()}, "voters"),
        ({"voters": (), "learners": ("n1",)}, "voters"),
        ({"learners": ("n1",)}, "learner"),
        ({"learners": ("n4", "n4")}, "learner"),
        ({"voters": ("n1", "")}, "empty"),
        ({"voters": ("n1", "n2", "n2")}, "twice"),
        ({"election_timeout_ms_min": 0}, "positive"),
        ({"election_timeout_ms_min": 301}, "minimum"),
        ({"heartbeat_ms": 0}, "heartbeat"),
        ({"heartbeat_ms": 150}, "heartbeat"),
        ({"max_entries_per_append": 0}, "one entry"),
        ({"max_bytes_per_append": 0}, "one entry"),
        ({"max_in_flight": 0}, "on its way"),
        ({"max_uncommitted_bytes": 0}, "on its way"),
        ({"snapshot_entries": 0}, "snapshot"),
        ({"snapshot_bytes": 0}, "snapshot"),
        ({"snapshot_tail": -1}, "snapshot"),
        ({"snapshot_chunk_bytes": 0}, "snapshot"),
        ({"lease_reads": True}, "lease"),
        ({"lease_reads": True, "peer_lost": False, "check_quorum": False}, "lease"),
        ({"first_timeout_ms": (0, 10)}, "first timeout"),
        ({"first_timeout_ms": (10, 9)}, "first timeout"),
    ],
)
def test_refuses_what_could_not_work(change, said):
    with pytest.raises(InvalidArgument, match=said):
        RaftConfig(**GOOD | change)


def test_who_joins_is_a_learner_among_the_present_voters():
    config = RaftConfig(**GOOD | {"node_id": "n4"}, learners=("n4",))
    assert config.peers == ("n1", "n2", "n3")


def test_the_range_of_the_first_timeout_is_optional():
    assert RaftConfig(**GOOD, first_timeout_ms=(5, 9)).first_timeout_ms == (5, 9)
