"""Snapshots and compaction (paper section 7, Figure 13)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftlock.raft import SnapshotTaken
from raftlock.types import (
    InstallSnapshotArgs,
    InstallSnapshotReply,
    SnapshotMetadata,
)
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
    pack,
    rejection,
    terms,
)

INDEX = 5
WHOLE = pack(entries(1, *[1] * INDEX))


# Taking one


def compacted(k=1, count=10, **settings):
    """A leader with a snapshot of its whole log, of which a tail is left."""
    net = leader_of(3, snapshot_tail=0, **settings)
    for _ in range(count):
        net.propose(1)
    net.deliver()
    net.heartbeat(1)
    net.snapshot(k)
    net.take_sent()
    return net


@pytest.mark.parametrize(("tail", "first"), [(0, 12), (3, 9), (11, 1), (99, 1)])
def test_a_snapshot_stands_for_the_log_and_a_tail_is_kept(tail, first):
    net = leader_of(3, snapshot_tail=tail)
    for _ in range(10):
        net.propose(1)
    net.deliver()
    effects = net.snapshot(1)
    status = net[1].status()
    assert (status.snapshot_index, status.snapshot_term, status.last_log_index) == (11, 1, 11)
    assert net[1].log.first_index == first
    assert effects.persist.snapshot.data == pack(net.nodes[1].applied)
    assert effects.persist.base.last_included_index == first - 1


@pytest.mark.parametrize("setting", [{"snapshot_entries": 4}, {"snapshot_bytes": 30}])
def test_one_is_asked_for_after_so_many_entries_or_bytes(setting):
    net = leader_of(3, **setting)
    for _ in range(12):
        net.propose(1, b"x" * 10)
        net.deliver()
    taken = [note.data["index"] for note in net.nodes[1].notes if note.kind == "snapshot"]
    assert taken == ([4, 8, 12] if "snapshot_entries" in setting else [4, 7, 10, 13])


def test_an_older_snapshot_than_the_one_there_is_forgotten():
    net = compacted()
    effects = net.step(1, SnapshotTaken(net.now, 3, b"[]"))
    assert (effects.persist, net[1].status().snapshot_index) == (None, 11)


def test_a_snapshot_stands_for_nothing_that_was_not_applied():
    net = leader_of(3)
    with pytest.raises(AssertionError):
        net.nodes[1].raft.step(SnapshotTaken(net.now, 2, b""))


def test_a_node_starts_again_from_its_snapshot():
    net = compacted(k=3)
    net.restart(3)
    raft = net[3]
    assert (raft.commit_index, raft.last_applied, raft.durable_index) == (11, 11, 11)
    assert net.nodes[3].applied == net.nodes[1].applied
    net.propose(1)
    net.deliver()
    net.heartbeat(1)
    assert len(net.nodes[3].applied) == 12


def test_what_is_compacted_is_compared_with_what_was_there():
    net = compacted()
    net.heartbeat(1)
    assert [net[k].commit_index for k in (1, 2, 3)] == [11] * 3
    net.isolate(1)
    net.elect(2)
    net.recover()
    net.heartbeat(2)
    assert terms(net[1].log) == [2]


# Sending it


def behind(**settings):
    """Node 3 has missed everything that the leader no longer has in its log."""
    net = leader_of(3, snapshot_tail=0, **settings)
    net.isolate(3)
    for _ in range(10):
        net.propose(1)
    net.deliver()
    net.heartbeat(1)
    for k in (1, 2):
        net.snapshot(k)
    net.recover()
    net.take_sent()
    return net


def chunks(net):
    return [message for _, _, message in net.sent if isinstance(message, InstallSnapshotArgs)]


@pytest.mark.parametrize("size", [1 << 16, 100, 7])
def test_who_is_too_far_behind_is_sent_a_snapshot(size):
    net = behind(snapshot_chunk_bytes=size)
    net.heartbeat(1)
    assert net.nodes[3].applied == net.nodes[1].applied
    assert net[3].log.first_index == 12
    sent, data = chunks(net), pack(net.nodes[1].applied)
    assert b"".join(args.data for args in sent) == data
    assert [args.done for args in sent] == [False] * (len(sent) - 1) + [True]
    assert len(sent) == -(-len(data) // size)
    net.propose(1)
    net.deliver()
    assert net[3].log.last_index == 12


def test_meanwhile_the_status_says_so():
    net = behind(snapshot_chunk_bytes=100)
    net.ignore(InstallSnapshotReply)
    net.heartbeat(1)
    assert net[1].status().replication["n3"].snapshot_in_progress
    assert net[1].dump()["progress"]["n3"]["stream"] == "snapshot"
    assert net[1].dump()["progress"]["n3"]["sending"][1] == 0
    assert len(net[3].dump()["receiving"][1]) == 100
    net.recover()
    net.heartbeat(1)
    assert not net[1].status().replication["n3"].snapshot_in_progress


def test_a_lost_chunk_is_repeated_by_the_next_heartbeat():
    net = behind(snapshot_chunk_bytes=50)
    lost = []
    net.hook = lambda _source, _target, message: (
        not (isinstance(message, InstallSnapshotArgs) and message.offset == 100 and not lost)
        or bool(lost.append(message))
    )
    net.heartbeat(1)
    assert len(lost) == 1
    assert net[3].last_applied == 1
    net.heartbeat(1)
    assert net[3].last_applied == 11
    assert chunks(net)[0].offset == 0
    assert [args.offset for args in chunks(net)].count(0) == 1, "it went on where it had been"


def test_a_restarted_follower_is_sent_it_from_the_beginning():
    net = behind(snapshot_chunk_bytes=50)
    net.hook = lambda _source, _target, message: (
        not (isinstance(message, InstallSnapshotArgs) and message.offset == 100)
    )
    net.heartbeat(1)
    net.restart(3)
    net.recover()
    net.heartbeat(1)
    assert net[3].last_applied == 11


def test_doubled_answers_bring_about_no_second_chunk():
    net = behind(snapshot_chunk_bytes=50)
    answers = []
    net.hook = lambda source, _target, message: (
        answers.append((source, message)) or True
        if isinstance(message, InstallSnapshotReply)
        else True
    )
    net.heartbeat(1)
    for source, message in [*answers, *reversed(answers)]:
        assert net.receive(1, source, message).send_now == ()


def sending(**settings):
    """Node 1 sends node 3 its snapshot up to entry 11, in chunks of 100 bytes; 3 says nothing."""
    net = behind(snapshot_chunk_bytes=100, **settings)
    net.receive(1, 3, rejection(1, 11, (0, 2)))
    assert [args.offset for args in chunks(net)] == [0]
    net.take_sent()
    return net


@pytest.mark.parametrize("late", [ack(1, 1), InstallSnapshotReply(1, 1, 9, 0, 9)])
def test_a_late_success_does_not_begin_the_sending_anew(late):
    net = sending()
    net.receive(1, 3, InstallSnapshotReply(1, 1, 11, 100))
    net.take_sent()
    assert net.receive(1, 3, late).send_now == ()
    net.receive(1, 3, InstallSnapshotReply(1, 1, 11, 200))
    assert [args.offset for args in chunks(net)] == [200]


@pytest.mark.parametrize(
    ("index", "offset", "next_offset"),
    [
        (11, 100, 100),
        (11, 0, None),  # the answer to something before
        (11, 10**9, "end"),  # nobody can have that much
        (10, 100, None),  # of another snapshot
    ],
)
def test_the_answer_says_where_to_go_on(index, offset, next_offset):
    net = sending()
    net.receive(1, 3, InstallSnapshotReply(1, 1, index, offset))
    sent = [args.offset for args in chunks(net)]
    size = len(pack(net.nodes[1].applied))
    assert sent == ([] if next_offset is None else [size if next_offset == "end" else next_offset])


def test_the_sending_goes_on_though_a_newer_snapshot_was_taken():
    net = sending()
    net.propose(1)
    net.deliver()
    net.snapshot(1)
    net.take_sent()
    net.receive(1, 3, InstallSnapshotReply(1, 1, 11, 100))
    assert [args.last_included_index for args in chunks(net)] == [11]
    net.take_sent()
    net.receive(1, 3, InstallSnapshotReply(1, 1, 11, 0, 11))
    net.fire(1)
    assert 11 not in [args.last_included_index for args in chunks(net)]


def test_a_lost_connection_begins_the_sending_anew():
    net = sending()
    net.receive(1, 3, InstallSnapshotReply(1, 1, 11, 100))
    net.lose(1, 3)
    net.take_sent()
    net.fire(1)
    assert [args.offset for args in chunks(net)] == [0]


def test_of_what_has_arrived_before_only_the_first_chunk_is_sent_again():
    net = behind(snapshot_chunk_bytes=50)
    net.hook = lambda _source, _target, message: (
        not (isinstance(message, InstallSnapshotArgs) and message.offset == 200)
    )
    net.heartbeat(1)
    net.lose(1, 3)
    offsets = []
    net.hook = lambda _source, _target, message: (
        offsets.append(message.offset) or True if isinstance(message, InstallSnapshotArgs) else True
    )
    net.heartbeat(1)
    assert net[3].last_applied == 11
    assert offsets[:2] == [0, 200]


@pytest.mark.parametrize(
    "reply",
    [
        InstallSnapshotReply(1, 1, 11, 100),  # no snapshot is being sent
        InstallSnapshotReply(1, 0, 11, 100, 1),  # of another term
    ],
)
def test_an_answer_that_nobody_waits_for_says_nothing(reply):
    net = leader_of(3)
    before = net[1].status()
    assert net.receive(1, 2, reply).send_now == ()
    assert net[1].status().replication["n2"].match_index == before.replication["n2"].match_index


def test_a_follower_drops_answers_meant_for_a_leader():
    net = leader_of(3)
    before = net[2].dump()
    net.receive(2, 3, InstallSnapshotReply(1, 1, 11, 100, 5))
    assert net[2].dump() == before


def test_what_was_asked_before_the_snapshot_was_sent_says_nothing():
    net = sending()
    late = ack(1, 1)
    net.receive(1, 3, late)
    assert net[1].status().replication["n3"].match_index == 1
    net.heartbeat(1)
    assert net[3].last_applied == 11


def test_a_refusal_while_a_snapshot_is_sent_says_nothing():
    net = sending()
    for prev in (1, 11):
        assert net.receive(1, 3, rejection(1, prev, (0, 1))).send_now == ()


# Receiving it


def follower(log=(), term=1, **settings):
    return Network(3, logs={1: list(log)}, term=term, holes=(2, 3), **settings)


def answers(net):
    return [(reply.offset, reply.match_index) for reply in net.take_sent(InstallSnapshotReply)]


def test_nothing_is_used_before_all_of_it_is_here():
    net = follower()
    half = len(WHOLE) // 2
    effects = net.receive(1, 2, chunk(1, 2, INDEX, WHOLE[:half], done=False))
    assert (effects.install, effects.persist, answers(net)) == (None, None, [(half, 0)])
    effects = net.receive(1, 2, chunk(1, 2, INDEX, WHOLE[half:], offset=half, before=WHOLE[:half]))
    assert effects.install.metadata == SnapshotMetadata(INDEX, 1, 0)
    assert effects.install.data == effects.persist.snapshot.data == WHOLE
    assert answers(net) == [(len(WHOLE), INDEX)]
    raft = net[1]
    assert (raft.commit_index, raft.last_applied, raft.log.last_index) == (INDEX, INDEX, INDEX)


NEWER = pack(entries(1, *[1] * (INDEX + 2)))


@given(
    st.lists(
        st.tuples(
            st.sampled_from([(INDEX, WHOLE), (INDEX + 2, NEWER)]),
            st.integers(0, len(NEWER) // 20),
            st.integers(1, 3),
        ),
        max_size=60,
    )
)
def test_whatever_chunks_come_in_whatever_order_it_is_all_or_nothing(pieces):
    net = follower()
    for (index, whole), place, count in pieces:
        start, end = 20 * place, 20 * (place + count)
        if start >= len(whole):
            continue
        piece = chunk(
            1,
            2,
            index,
            whole[start:end],
            offset=start,
            done=end >= len(whole),
            before=whole[:start],
        )
        effects = net.receive(1, 2, piece)
        if effects.install is not None:
            assert effects.install.data == whole
            assert effects.install.metadata.last_included_index == index
            assert effects.persist.snapshot.data == whole
    # And however it stood, who goes on where the answers say comes to the end.
    offset = 0
    while net[1].last_applied < INDEX + 2:
        rest = NEWER[offset : offset + 50]
        done = offset + 50 >= len(NEWER)
        net.take_sent()
        piece = chunk(1, 2, INDEX + 2, rest, offset=offset, done=done, before=NEWER[:offset])
        net.receive(1, 2, piece)
        ((offset, _),) = answers(net)
    assert tuple(net.nodes[1].applied) == entries(1, *[1] * (INDEX + 2))


def test_a_snapshot_is_acknowledged_once_it_is_on_disk():
    net = follower(auto_sync=False)
    net.receive(1, 2, chunk(1, 2, INDEX, WHOLE))
    assert net.sent == []
    net.sync(1)
    assert answers(net) == [(len(WHOLE), INDEX)]
    assert net[1].durable_index == INDEX


@pytest.mark.parametrize(
    ("offset", "answer"), [(0, 10), (20, 10), (10, 15)], ids=["again", "a hole", "next"]
)
def test_a_chunk_that_is_not_the_next_one_is_not_taken(offset, answer):
    net = follower()
    net.receive(1, 2, chunk(1, 2, INDEX, WHOLE[:10], done=False))
    net.take_sent()
    piece = chunk(
        1, 2, INDEX, WHOLE[offset : offset + 5], offset=offset, done=False, before=WHOLE[:offset]
    )
    net.receive(1, 2, piece)
    assert answers(net) == [(answer, 0)]


def test_what_does_not_fit_together_is_thrown_away():
    net = follower()
    net.receive(1, 2, chunk(1, 2, INDEX, WHOLE[:10], done=False))
    net.take_sent()
    effects = net.receive(1, 2, chunk(1, 2, INDEX, WHOLE[10:], offset=10, before=b"otherwise!"))
    assert (effects.install, answers(net)) == (None, [(0, 0)])
    net.receive(1, 2, chunk(1, 2, INDEX, WHOLE))
    assert net[1].last_applied == INDEX


def test_another_snapshot_begins_anew():
    net = follower()
    net.receive(1, 2, chunk(1, 2, INDEX, WHOLE[:10], done=False))
    net.receive(1, 2, chunk(1, 2, INDEX + 1, WHOLE[:4], done=False))
    assert answers(net) == [(10, 0), (4, 0)]


@pytest.mark.parametrize(
    ("log", "left"),
    [
        ([1, 1, 1], []),  # shorter
        ([1] * 5, []),
        ([1] * 7, [1, 1]),  # longer, and it agrees there: what is behind stays
        ([2] * 7, []),  # longer, but another leader's
    ],
)
def test_what_is_behind_the_snapshot_stays_if_it_belongs_to_it(log, left):
    net = follower(log, term=2)
    effects = net.receive(1, 2, chunk(3, 2, INDEX, WHOLE))
    assert terms(net[1].log) == left == [entry.term for entry in net.nodes[1].disk.log]
    assert effects.persist.truncate_from == (INDEX + 1 if log == [2] * 7 else None)
    net.restart(1)
    assert (net[1].commit_index, terms(net[1].log)) == (INDEX, left)


def test_what_is_committed_already_needs_no_snapshot():
    net = follower([1] * 7)
    net.receive(1, 2, append(1, 2, (1, 7), commit=6))
    net.take_sent()
    effects = net.receive(1, 2, chunk(1, 2, INDEX, WHOLE))
    assert (effects.install, effects.persist, answers(net)) == (None, None, [(0, 6)])
    assert net[1].last_applied == 6


def test_a_leader_whose_term_is_over_is_not_followed():
    net = follower(term=4)
    effects = net.receive(1, 2, chunk(3, 2, INDEX, WHOLE))
    assert (effects.install, net[1].leader_id) == (None, "")
    (reply,) = net.take_sent()
    assert (reply.term, reply.request_term, reply.match_index) == (4, 3, 0)


def test_a_candidate_yields_to_it():
    net = follower()
    net.fire(1)
    net.receive(1, 2, chunk(2, 2, INDEX, WHOLE))
    assert (net[1].role, net[1].leader_id, net[1].last_applied) == (FOLLOWER, "n2", INDEX)


def test_a_second_leader_of_the_same_term_is_not_answered():
    net = lone_leader(3)
    effects = net.receive(1, 2, chunk(1, 2, INDEX, WHOLE))
    assert (net[1].role, effects.send_after, effects.install) == (LEADER, (), None)


def test_it_keeps_the_follower_from_standing():
    net = follower()
    net.now = net[1].deadline - 1
    net.receive(1, 2, chunk(1, 2, INDEX, WHOLE[:3], done=False))
    assert net[1].deadline >= net.now + 100


def test_entries_that_are_compacted_already_are_taken_for_the_same():
    net = follower()
    net.receive(1, 2, chunk(1, 2, INDEX, WHOLE))
    net.take_sent()
    net.receive(1, 2, append(1, 2, (1, 2), [1, 1]))
    (reply,) = net.take_sent()
    assert (reply.success, reply.match_index) == (True, INDEX)
    net.receive(1, 2, append(1, 2, (1, INDEX), [1], commit=INDEX + 1))
    assert net[1].last_applied == INDEX + 1


def test_proposals_of_a_former_leader_go_with_the_log():
    net = leader_of(3)
    net.isolate(1)
    net.propose(1)
    others = pack([*net.nodes[1].applied, *entries(2, 2, 2)])
    net.receive(1, 2, chunk(2, 2, 3, others, of_term=2))
    assert net[1].dump()["proposals"] == {}


def test_the_time_goes_on_from_the_snapshot():
    net = follower()
    net.receive(1, 2, chunk(1, 2, INDEX, WHOLE, stamp=77))
    assert net[1].cluster_time(net.now) == 77
    net.restart(1)
    assert net[1].cluster_time(net.now) == 77


def test_the_trace_tells_it():
    net = behind()
    net.nodes[3].notes.clear()
    net.heartbeat(1)
    size = len(pack(net.nodes[1].applied))
    told = [(note.kind, note.rule, note.data) for note in net.nodes[3].notes]
    rule = "HandleInstallSnapshotRequest"
    assert ("install", rule, {"index": 11, "term": 1, "bytes": size}) in told
    assert ("compact", rule, {"to": 11}) in told
    kinds = [note.data for note in net.nodes[1].notes if note.kind == "snapshot"]
    assert kinds == [{"index": 11, "term": 1, "bytes": size}]
