"""What a hand can do to a message on its way between live nodes."""

import pytest

from raftlock import Cluster
from raftlock.errors import InvalidArgument


@pytest.fixture
def cluster():
    with Cluster(nodes=3, seed=5) as made:
        made.wait_for_leader()
        yield made


def caught(cluster, label="AE·1"):
    """Time stands still while an entry is on its way to a follower."""
    found = []

    def is_flying(view):
        found[:] = [m for m in view.network.flights.values() if m.label == label and not m.why]
        return bool(found)

    cluster.client("ann").submit("acquire", "door", ttl=20)
    cluster.run_until(is_flying)
    cluster.pause()
    return found[0]


def told(cluster, number):
    return [each.kind for each in cluster.recorder.events if each.data.get("id") == number]


def arrived(cluster, number):
    cluster.run_until(lambda _view: "deliver" in told(cluster, number))


def test_a_message_can_be_held_copied_and_let_go(cluster):
    message = caught(cluster)
    cluster.message(message.id, "hold")
    cluster.message(message.id, "duplicate", delay=0.2)
    cluster.resume()
    arrived(cluster, message.id)  # the copy
    with pytest.raises(InvalidArgument, match="held already"):
        cluster.message(message.id, "hold")
    cluster.message(message.id, "release")
    cluster.run_until(lambda _view: told(cluster, message.id).count("deliver") == 2)
    with pytest.raises(InvalidArgument, match="not on its way any more"):
        cluster.message(message.id, "now")


def test_a_message_can_be_taken_and_the_entry_comes_all_the_same(cluster):
    message = caught(cluster)
    cluster.message(message.id, "drop")
    assert told(cluster, message.id)[-1] == "drop"
    cluster.resume()
    index = message.fields["prev_log_index"] + 1
    cluster.run_until(lambda view: all(n.log.last >= index for n in view.nodes.values()))
    assert "deliver" not in told(cluster, message.id)


def test_a_message_can_be_hurried_and_delayed(cluster):
    message = caught(cluster)
    cluster.message(message.id, "delay", delay=0.5)
    assert cluster.recorder.events[-1].data["deliver_at"] == message.t1 + 500_000
    cluster.message(message.id, "now")
    cluster.resume()
    arrived(cluster, message.id)
    assert cluster.recorder.story.view.now < message.t1 + 500_000


def test_healing_lets_go_what_is_held(cluster):
    message = caught(cluster)
    cluster.message(message.id, "hold")
    cluster.heal()
    cluster.resume()
    arrived(cluster, message.id)
