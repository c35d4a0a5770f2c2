"""What is on disk when, and what a node is after any crash (Figure 2, persistent state).

P1 to P9 go with E1 to E15 and L1 to L16. Here a test syncs by hand: `sync(k, n)` makes the first n
pending writes durable, and a crash loses the others.
"""

import pytest

from raftlock.raft import Persisted
from raftlock.types import AppendEntriesReply, PersistentState, RequestVoteArgs
from tests.raft.harness import (
    FOLLOWER,
    LEADER,
    Network,
    ack,
    append,
    chunk,
    entries,
    leader_of,
    lone_leader,
    name,
    pack,
    terms,
    vote,
    vote_request,
)


def follower(log=(), term=1):
    return Network(3, logs={1: list(log)}, term=term, holes=(2, 3), auto_sync=False)


def on_disk(net, k=1):
    disk = net.nodes[k].disk
    return disk.state.current_term, disk.state.voted_for, [entry.term for entry in disk.log]


def in_memory(net, k=1):
    return net[k].current_term, net[k].voted_for, terms(net[k].log)


@pytest.mark.parametrize(
    ("message", "state"),
    [
        pytest.param(append(4, 2), PersistentState(4, ""), id="a leader of a newer term"),
        pytest.param(vote_request(4, 2), PersistentState(4, "n2"), id="a vote, in one write"),
        pytest.param(vote(4, granted=False), PersistentState(4, ""), id="an answer"),
        pytest.param(ack(4, 0), PersistentState(4, ""), id="an answer to who does not lead"),
    ],
)
def test_p1_a_newer_term_is_written_whatever_told_of_it(message, state):
    effects = follower().receive(1, 2, message)
    assert effects.persist.state == state


def test_p1_a_refused_candidates_term_is_written_and_no_vote():
    net = follower(log=[1, 1])
    effects = net.receive(1, 2, vote_request(4, 2))
    assert effects.persist.state == PersistentState(4, "")


@pytest.mark.parametrize(
    "message", [append(1, 2), append(1, 2, (0, 0), [1]), vote_request(1, 2, 1, 1), vote(1)]
)
def test_p2_what_is_known_already_is_not_written_again(message):
    net = follower(log=[1])
    net.receive(1, 2, vote_request(1, 2, 1, 1))
    net.sync(1)
    assert net.receive(1, 2, message).persist is None


def test_p2_an_idle_leader_writes_nothing():
    net = leader_of(3)
    before = net.nodes[1].handed_out
    for _ in range(5):
        net.heartbeat(1)
    assert [net.nodes[k].handed_out for k in (1, 2, 3)] == [before, before, before]


def test_p3_a_conflict_is_dropped_and_replaced_in_one_write():
    net = follower(log=[1, 1, 1], term=1)
    write = net.receive(1, 2, append(2, 2, (1, 1), [2])).persist
    assert (write.state, write.truncate_from) == (PersistentState(2, ""), 2)
    assert [entry.term for entry in write.entries] == [2]


@pytest.mark.parametrize(
    ("durable", "kept"),
    [
        (0, (1, "", [1])),
        (1, (1, "", [1, 1, 1])),
        (2, (2, "n3", [1, 1, 1])),
        (3, (2, "n3", [1, 2])),
    ],
)
def test_p4_after_a_crash_a_node_is_what_its_disk_is_and_no_more(durable, kept):
    net = follower(log=[1])
    net.receive(1, 2, append(1, 2, (1, 1), [1, 1]))
    net.receive(1, 3, vote_request(2, 3, 1, 3))
    net.receive(1, 3, append(2, 3, (1, 1), [2]))
    net.sync(1, durable)
    net.restart(1)
    assert in_memory(net) == on_disk(net) == kept
    assert (net[1].role, net[1].leader_id, net[1].commit_index) == (FOLLOWER, "", 0)


@pytest.mark.parametrize("durable", range(4))
def test_p5_nothing_was_promised_that_is_not_kept(durable):
    """Whatever has left the node by the time of the crash is true of it afterwards."""
    net = follower(log=[1])
    net.receive(1, 2, append(1, 2, (1, 1), [1]))
    net.receive(1, 2, append(1, 2, (1, 2), [1]))
    net.receive(1, 3, vote_request(2, 3, 1, 3))
    net.sync(1, durable)
    promised = net.take_sent()
    net.restart(1)
    for reply in promised:
        if isinstance(reply, AppendEntriesReply):
            assert net[1].log.last_index >= reply.match_index
        elif reply.vote_granted:
            assert (net[1].current_term, net[1].voted_for) == (2, "n3")
    assert len(promised) == durable


def test_p6_one_word_of_the_disk_stands_for_all_writes_up_to_it():
    net = follower()
    for index in range(3):
        net.receive(1, 2, append(1, 2, (bool(index), index), [1]))
    assert net.sent == []
    net.sync(1)
    assert [reply.match_index for reply in net.take_sent()] == [1, 2, 3]
    assert net[1].durable_index == 3


def test_p6_a_word_of_what_is_dropped_meanwhile_says_nothing():
    """The write with entries 2 and 3 was durable, and by the time that is told they are gone."""
    net = follower(log=[1])
    net.receive(1, 2, append(1, 2, (1, 1), [1, 1]))
    net.receive(1, 3, append(2, 3, (1, 1), [2]))
    net.step(1, Persisted(net.now, 1, 3, 1))
    assert net[1].durable_index == 1
    net.step(1, Persisted(net.now, 2, 2, 2))
    assert net[1].durable_index == 2


def test_p7_a_candidate_asks_nobody_before_its_own_vote_is_on_disk():
    net = follower()
    net.fire(1)
    assert net.take_sent(RequestVoteArgs) == []
    net.restart(1)
    assert (net[1].current_term, net[1].voted_for) == (1, "")
    net.fire(1)
    net.sync(1)
    assert {args.term for args in net.take_sent(RequestVoteArgs)} == {2}
    net.restart(1)
    assert (net[1].current_term, net[1].voted_for) == (2, "n1")


def test_p8_a_leader_that_crashes_has_what_was_durable_and_begins_as_a_follower():
    net = lone_leader(3, acked=(2,))
    net.auto_sync = False
    net.propose(1, b"a")
    net.sync(1)
    net.propose(1, b"b")
    net.restart(1)
    assert (net[1].role, [entry.command for entry in net[1].log.entries(1, 9)]) == (
        FOLLOWER,
        [b"", b"a"],
    )
    assert net[1].status().replication == {}


def test_p8_what_only_the_leader_that_crashed_had_may_be_lost_or_not_but_is_never_two_things():
    for survives in (True, False):
        net = leader_of(3)
        net.isolate(1)
        net.propose(1, b"a")
        net.restart(1)
        if survives:
            net.recover()
            net.elect(1)
        else:
            net.elect(2)
            net.recover()
        (leader,) = (k for k in net.nodes if net[k].role is LEADER)
        net.propose(leader, b"b")
        net.deliver()
        net.heartbeat(leader)
        commands = [[e.command for e in net.nodes[k].applied if e.command] for k in (1, 2, 3)]
        assert commands == [[b"a", b"b"] if survives else [b"b"]] * 3


@pytest.mark.parametrize("durable", [False, True])
def test_p9_a_snapshot_that_arrives_is_there_whole_or_not_at_all(durable):
    net = follower(log=[1, 1, 2], term=2)
    whole = pack(entries(1, *[1] * 5))
    net.receive(1, 2, chunk(2, 2, 5, whole))
    if durable:
        net.sync(1)
    net.restart(1)
    assert (net[1].status().snapshot_index, terms(net[1].log)) == (
        (5, []) if durable else (0, [1, 1, 2])
    )
    assert len(net.nodes[1].applied) == (5 if durable else 0)


@pytest.mark.parametrize("durable", [False, True])
def test_p9_so_is_a_change_of_members(durable):
    net = leader_of(3)
    net.auto_sync = False
    net.change(1, (1, 2))
    if durable:
        net.sync(1)
    net.restart(1)
    known = net[1].status().configuration
    assert known.voters == ((name(1), name(2)) if durable else tuple(map(name, (1, 2, 3))))
    assert known.is_joint == durable
