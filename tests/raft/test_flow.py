"""Flow control: scenarios L12 and L14 to L16 (thesis section 10.2)."""

import pytest

from raftlock.errors import ErrorCode
from raftlock.types import AppendEntriesArgs
from tests.raft.harness import LEADER, ack, leader_of, lone_leader, rejection

WINDOW = 4


def windowed(**settings):
    """A leader whose follower 2 has its whole log, with a window of four messages."""
    return lone_leader(3, acked=(2,), max_in_flight=WINDOW, **settings)


def sizes(net):
    return [len(args.entries) for args in net.take_sent(AppendEntriesArgs, to=2)]


def stream(net, k=2):
    return net[1].dump()["progress"][f"n{k}"]["stream"]


def test_l14_a_full_window_lets_nothing_out():
    net = windowed()
    for _ in range(WINDOW):
        net.propose(1)
    assert sizes(net) == [1] * WINDOW
    for _ in range(10):
        net.propose(1)
    assert sizes(net) == []


@pytest.mark.parametrize(
    ("acked", "sent"),
    [
        (1, []),  # passed before: frees nothing
        (2, [1]),
        (3, [1, 1]),
        (5, [1] * 4),
    ],
)
def test_l14_an_answer_frees_what_it_covers(acked, sent):
    net = windowed(max_entries_per_append=1)
    for _ in range(WINDOW + 10):
        net.propose(1)
    net.take_sent()
    net.receive(1, 2, ack(1, acked))
    assert sizes(net) == sent
    net.receive(1, 2, ack(1, acked))
    assert sizes(net) == []


def test_what_comes_while_the_window_is_full_goes_in_batches():
    net = windowed(max_entries_per_append=6)
    for _ in range(WINDOW + 10):
        net.propose(1)
    net.take_sent()
    net.receive(1, 2, ack(1, 3))
    assert sizes(net) == [6, 4]


def test_a_batch_has_a_size_too():
    net = windowed(max_bytes_per_append=20)
    for _ in range(WINDOW):
        net.propose(1, b"x" * 9)
    for size in (9, 9, 30, 1):
        net.propose(1, b"x" * size)
    net.take_sent()
    net.receive(1, 2, ack(1, 5))
    assert sizes(net) == [2, 1, 1]


def test_l14_a_heartbeat_goes_out_all_the_same_and_is_empty():
    net = windowed()
    for _ in range(WINDOW + 1):
        net.propose(1)
    net.take_sent()
    net.fire(1)
    (beat,) = net.take_sent(AppendEntriesArgs, to=2)
    assert (beat.entries, beat.prev_log_index) == ((), 1 + WINDOW)
    # All four had arrived, only the answers were lost: this one stands for them.
    net.receive(1, 2, ack(1, 1 + WINDOW))
    assert sizes(net) == [1]


def test_a_window_whose_messages_were_lost_is_found_out_by_a_heartbeat():
    net = leader_of(3, max_in_flight=2)
    net.ignore(AppendEntriesArgs)
    for _ in range(5):
        net.propose(1)
    net.deliver()
    net.recover()
    net.heartbeat(1)
    assert net.logs() == [[1] * 6] * 3
    assert net[1].commit_index == 6


def test_a_follower_far_behind_is_filled_up_as_fast_as_the_window_allows():
    net = leader_of(3, max_entries_per_append=2, max_in_flight=3)
    net.isolate(3)
    for _ in range(20):
        net.propose(1)
    net.deliver()
    net.recover()
    net.heartbeat(1)
    assert net.logs() == [[1] * 21] * 3


def test_l12_a_late_refusal_after_the_connection_broke():
    net = windowed()
    net.propose(1)
    net.propose(1)
    net.receive(1, 2, ack(1, 2))
    net.lose(1, 2)
    net.take_sent()
    net.receive(1, 2, rejection(1, 2, (0, 2)))
    net.fire(1)
    probes = net.take_sent(AppendEntriesArgs, to=2)
    assert [(probe.prev_log_index, len(probe.entries)) for probe in probes] == [(2, 1)]
    assert net[1].status().replication["n2"].match_index == 2


def test_l15_a_probe_heals_without_a_proposal():
    net = leader_of(3)
    net.lose(1, 2)
    assert stream(net) == "probe"
    net.propose(1)
    assert net.take_sent(to=2) == []
    net.heartbeat(1)
    assert stream(net) == "replicate"
    assert net.logs() == [[1, 1]] * 3


@pytest.mark.parametrize(("who", "whom"), [(2, 1), (1, 9)])
def test_a_connection_that_is_not_to_a_follower_is_no_matter(who, whom):
    net = leader_of(3)
    before = net[who].dump()
    net.lose(who, whom)
    assert net[who].dump() == before


# L16: a limit on what waits to be committed


def busy(**settings):
    net = lone_leader(3, max_uncommitted_bytes=1024, **settings)
    for _ in range(1024):
        assert net.propose(1, b"x").resolved[0].accepted
    return net


def test_l16_what_is_too_much_is_refused():
    net = busy()
    (refused,) = net.propose(1, b"x").resolved
    assert (refused.accepted, refused.code) == (False, ErrorCode.BUSY)
    assert (refused.leader_id, net[1].log.last_index) == ("n1", 1025)


def test_l16_a_tick_weighs_nothing():
    assert busy().propose(1, b"").resolved[0].accepted


def test_l16_one_is_let_through_however_large():
    net = lone_leader(3, max_uncommitted_bytes=1024)
    assert net.propose(1, b"x" * 5000).resolved[0].accepted
    assert not net.propose(1, b"x").resolved[0].accepted


def test_l16_what_is_committed_no_longer_counts():
    net = busy()
    net.receive(1, 2, ack(1, 1025))
    assert net.nodes[1].raft._core.leadership.uncommitted_bytes == 0
    assert net.propose(1, b"x" * 1024).resolved[0].accepted


def test_l16_a_new_leader_counts_what_it_found():
    net = leader_of(3, max_uncommitted_bytes=10)
    net.ignore(AppendEntriesArgs)
    net.propose(1, b"x" * 10)
    net.receive(2, 1, net.take_sent(AppendEntriesArgs, to=2)[0])
    net.fire(2)
    net.deliver()
    assert net[2].role is LEADER
    assert not net.propose(2, b"x").resolved[0].accepted


def test_answers_that_were_overtaken_do_not_open_the_window_while_probing():
    net = windowed(max_entries_per_append=1)
    for _ in range(WINDOW + 4):
        net.propose(1)
    net.receive(1, 2, rejection(1, 3, (0, 2)))  # the third arrived before the first
    assert stream(net) == "probe"
    net.take_sent()
    net.receive(1, 2, ack(1, 3))  # the second: here it is, after all
    assert stream(net) == "probe"
    assert sizes(net) == []
    assert net[1].status().replication["n2"].match_index == 3
    net.fire(1)
    assert sizes(net) == [1]  # a probe behind what the follower has
    net.receive(1, 2, ack(1, 4, prev=3))
    assert stream(net) == "replicate"
    assert sizes(net) == [1] * WINDOW
