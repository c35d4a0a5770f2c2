"""Section 7: log compaction; Figure 12 shows what a snapshot is, Figure 13 how one is sent.

The state machine of the harness is the list of what it has executed, and a snapshot is that list.
The receiver's eight rules of Figure 13 are the last part of this file.
"""

from itertools import pairwise

import pytest

from raftlock.raft import Rules, SnapshotTaken
from raftlock.types import (
    InstallSnapshotArgs,
    InstallSnapshotReply,
    SnapshotMetadata,
)
from tests.paper.stage import breaks, leaders, log_of, names, results, say, told
from tests.raft.harness import (
    FOLLOWER,
    LEADER,
    Network,
    chunk,
    entries,
    leader_of,
    pack,
)


def snapshot_of(net, k):
    """The last entry (term, index) that a node's snapshot stands for."""
    status = net[k].status()
    return status.snapshot_term, status.snapshot_index


def five_commands(**settings):
    """Node 1 leads in term 1; entries 1 (empty) to 6 are committed and executed everywhere."""
    net = leader_of(3, snapshot_tail=0, **settings)
    say(net, 1, b"a", b"b", b"c", b"d", b"e")
    net.heartbeat(1)
    net.take_sent()
    return net


def one_lags_behind(**settings):
    """Node 3 slept through five commands; the leader's log begins behind them."""
    net = leader_of(3, snapshot_tail=0, **settings)
    net.isolate(3)
    say(net, 1, b"a", b"b", b"c", b"d", b"e")
    net.heartbeat(1)
    net.snapshot(1)
    net.recover()
    net.take_sent()
    return net


def chunks(net):
    return [message for _, _, message in net.sent if isinstance(message, InstallSnapshotArgs)]


# Why


def test_a_log_without_snapshots_only_grows():
    """7: an entry a command, whether it still says anything or not."""
    net = leader_of(3)
    say(net, 1, *[b"x"] * 50)
    assert len(log_of(net, 1)) == 51
    assert net[1].log.first_index == 1


def test_a_restart_executes_the_whole_log_anew_and_with_a_snapshot_only_what_is_behind_it():
    """7: the longer the log, the longer that takes."""
    net = five_commands()
    net.snapshot(2)
    for k, again in ((2, 0), (3, 6)):
        net.restart(k)
        before = net[k].last_applied
        net.heartbeat(1)
        assert net[k].last_applied - before == again
        assert results(net, k) == [b"a", b"b", b"c", b"d", b"e"]


# Figure 12: what a snapshot is


def test_a_snapshot_takes_the_place_of_the_committed_entries():
    """7, Figure 12: state as of the last of them, and that entry's place, which is before the
    first entry that is left."""
    net = five_commands()
    net.isolate(1)
    net.propose(1, b"f")
    net.snapshot(1)
    assert snapshot_of(net, 1) == (1, 6)
    assert (net[1].log.first_index, log_of(net, 1)) == (7, [1])
    assert net.nodes[1].disk.snapshot.data == pack(net.nodes[1].applied)


def test_each_takes_its_own_when_it_likes_and_only_of_what_is_committed():
    """7: one server's snapshot says nothing about another's."""
    net = five_commands()
    net.snapshot(2)
    assert [snapshot_of(net, k) for k in (1, 2, 3)] == [(0, 0), (1, 6), (0, 0)]
    net.isolate(1)
    net.propose(1, b"f")
    with pytest.raises(AssertionError, match="stands for what was applied"):
        net.nodes[1].raft.step(SnapshotTaken(net.now, 7, b""))


def test_it_is_the_state_machine_that_writes_its_state():
    """7: Raft keeps the bytes as they are, and looks at none of them."""
    net = five_commands()
    net.step(1, SnapshotTaken(net.now, 6, pack(net.nodes[1].applied)))
    assert net.nodes[1].disk.snapshot.data == pack(net.nodes[1].applied)


def test_with_it_stands_the_place_of_the_last_entry_in_it():
    """7: index and term: the next entry's consistency check needs them, though it is gone."""
    net = five_commands()
    net.snapshot(1)
    net.snapshot(2)
    net.propose(1, b"f")
    (args,) = (message for _, to, message in net.sent if to == 2)
    assert (args.prev_log_index, args.prev_log_term) == (6, 1)
    net.deliver()
    assert log_of(net, 2) == [1]


def test_with_it_stand_the_members_as_of_that_entry():
    """7: else who begins from a snapshot would not know who is in the cluster."""
    net = Network(4, voters=names(1, 2, 3), snapshot_tail=0)
    net.elect(1)
    net.change(1, (1, 2, 3, 4))
    net.deliver()
    net.heartbeat(1)
    net.snapshot(1)
    assert net.nodes[1].disk.snapshot.configuration.voters == names(1, 2, 3, 4)
    net.restart(1)
    assert net[1].status().configuration.voters == names(1, 2, 3, 4)


def test_then_the_log_up_to_there_may_go_and_so_may_the_snapshot_before():
    """7: on disk, too, and in one write: there is always one of them."""
    net = five_commands()
    net.snapshot(1)
    say(net, 1, b"f")
    write = net.snapshot(1).persist
    assert write.base == write.snapshot.metadata
    disk = net.nodes[1].disk
    assert (disk.snapshot.metadata.last_included_index, disk.log) == (7, [])


def test_until_it_is_on_disk_a_crash_finds_all_as_it_was():
    """7: only once it is written may what it stands for be dropped."""
    net = five_commands(auto_sync=True)
    net.auto_sync = False
    net.snapshot(1)
    net.restart(1)
    assert (snapshot_of(net, 1), log_of(net, 1)) == ((0, 0), [1] * 6)


# Sending one


def test_a_leader_sends_one_when_it_no_longer_has_the_entry_that_is_next():
    """7: only then."""
    net = one_lags_behind()
    net.heartbeat(1)
    assert [args.last_included_index for args in chunks(net)] == [6]
    assert results(net, 3) == results(net, 1)


def test_a_follower_that_kept_up_needs_none():
    """7: it has that entry already, so its leader's snapshots do not concern it."""
    net = five_commands()
    net.snapshot(1)
    say(net, 1, b"f")
    net.heartbeat(1)
    assert chunks(net) == []
    assert results(net, 2)[-1] == b"f"


def test_nor_does_one_that_is_only_a_little_behind():
    """7: here a leader keeps a tail of its log for such followers."""
    net = leader_of(3, snapshot_tail=4)
    net.isolate(3)
    say(net, 1, b"a", b"b", b"c")
    net.heartbeat(1)
    net.snapshot(1)
    net.recover()
    net.heartbeat(1)
    net.heartbeat(1)
    assert (snapshot_of(net, 1), net[1].log.first_index) == ((1, 4), 1)
    assert chunks(net) == []
    assert results(net, 3) == [b"a", b"b", b"c"]


def test_who_joins_does():
    """7, with section 6: it has nothing, and the beginning of the log is gone."""
    net = Network(4, voters=names(1, 2, 3), snapshot_tail=0)
    net.elect(1)
    say(net, 1, b"a", b"b")
    net.heartbeat(1)
    net.snapshot(1)
    net.change(1, (1, 2, 3), (4,))
    net.deliver()
    net.heartbeat(1)
    assert {args.last_included_index for args in chunks(net)} == {3}
    assert results(net, 4) == [b"a", b"b"]
    assert net[4].status().configuration.learners == names(4)


def test_what_is_new_takes_the_place_of_the_whole_log():
    """7: also of entries that were never committed, and would clash."""
    net = Network(3, logs={3: [1, 1, 2, 2]}, term=2, snapshot_tail=0)
    net.isolate(3)
    net.elect(1)
    say(net, 1, b"a", b"b", b"c", b"d")
    net.heartbeat(1)
    net.snapshot(1)
    net.recover()
    net.heartbeat(1)
    assert (log_of(net, 3), snapshot_of(net, 3)) == ([], (3, 5))
    assert results(net, 3) == [b"a", b"b", b"c", b"d"]


def test_of_a_log_that_has_all_of_it_what_is_behind_it_stays():
    """7: it is sent again, or by mistake: entries behind it are as good as before, and may have
    been acknowledged."""
    net = Network(3, logs={1: [1] * 7}, holes=(2, 3))
    net.receive(1, 2, chunk(1, 2, 5, pack(entries(1, *[1] * 5))))
    assert (net[1].log.first_index, log_of(net, 1)) == (6, [1, 1])
    net.receive(1, 2, chunk(1, 2, 5, pack(entries(1, *[1] * 5))))
    assert log_of(net, 1) == [1, 1]


class ThrowsAllAway(Rules):
    def keeps_suffix(self, term_here, last_included_term):
        return False


def test_were_it_dropped_a_committed_entry_could_be_lost():
    """7: so it must be kept: with the leader, the follower that dropped it was a majority."""

    def an_old_snapshot_comes_late(rules):
        net = leader_of(3, rules=rules)
        net.isolate(3)
        say(net, 1, b"a", b"b")
        assert (net[1].commit_index, net[2].commit_index) == (3, 1)
        net.receive(2, 1, chunk(1, 1, 2, pack(net.nodes[1].applied[:2])))
        net.recover()
        net.isolate(1)
        net.elect(2)
        assert net[2].role is LEADER

    an_old_snapshot_comes_late(Rules())
    with breaks("Leader Completeness"):
        an_old_snapshot_comes_late(ThrowsAllAway())


# Without asking the leader


def test_followers_take_snapshots_the_leader_does_not_know_of():
    """7: nothing is decided by it: what it stands for is decided already."""
    net = five_commands()
    before = net[1].dump()
    net.snapshot(2)
    assert net.take_sent() == []
    assert net[1].dump() == before
    say(net, 1, b"f")
    net.heartbeat(1)
    assert results(net, 2) == results(net, 1)


def test_two_that_took_them_at_different_places_have_the_same_state():
    """7: consensus came before, so no two snapshots contradict each other."""
    net = five_commands()
    net.snapshot(2)
    say(net, 1, b"f")
    net.heartbeat(1)
    net.snapshot(3)
    for k in (2, 3):
        net.restart(k)
    net.heartbeat(1)
    assert [results(net, k) for k in (2, 3)] == [results(net, 1)] * 2


def test_data_still_flows_from_the_leader_to_followers_only():
    """7: a follower that has a snapshot sends it to nobody, not even to one that lags behind."""
    net = five_commands()
    net.snapshot(2)
    net.isolate(1)
    net.elect(3)
    assert net[3].role is LEADER
    assert {source for source, _, m in net.sent if isinstance(m, InstallSnapshotArgs)} == set()


def test_while_one_is_sent_commands_go_on():
    """7: a leader need not wait for it to commit what the others acknowledge."""
    net = one_lags_behind(snapshot_chunk_bytes=10)
    net.ignore(InstallSnapshotReply)
    net.heartbeat(1)
    assert net[1].status().replication["n3"].snapshot_in_progress
    say(net, 1, b"f")
    assert results(net, 1)[-1] == b"f"


# When


@pytest.mark.parametrize("heavy", [10, 100])
def test_one_is_due_when_the_log_has_grown_to_a_size(heavy):
    """7: a simple rule: after so many bytes; here also after so many entries."""
    net = leader_of(3, snapshot_bytes=1000, snapshot_entries=50)
    for _ in range(100):
        say(net, 1, b"x" * heavy)
    places = [note["index"] for note in told(net, 1, "snapshot")]
    apart = [after - before for before, after in pairwise(places)]
    assert set(apart) == {10 if heavy == 100 else 50}


def test_taking_one_holds_nothing_up():
    """7: commands go on while it is written; it stands for the state when it was begun."""
    net = five_commands()
    begun = len(net.nodes[1].applied), pack(net.nodes[1].applied)
    say(net, 1, b"f", b"g")
    net.step(1, SnapshotTaken(net.now, *begun))
    assert (snapshot_of(net, 1), net[1].last_applied) == ((1, 6), 8)
    net.restart(1)
    net.elect(1)
    assert results(net, 1) == [b"a", b"b", b"c", b"d", b"e", b"f", b"g"]


# Figure 13: InstallSnapshot

WHOLE = pack(entries(1, *[1] * 5))


def piece(term, start, end, index=5):
    """The bytes from `start` to before `end` of a snapshot up to an entry of term 1."""
    data = WHOLE[start:end]
    return chunk(term, 2, index, data, offset=start, done=end >= len(WHOLE), before=WHOLE[:start])


def receiver(log=(), term=1, **settings):
    return Network(3, logs={1: list(log)}, term=term, holes=(2, 3), **settings)


def test_chunks_come_in_order():
    """Figure 13: the next one leaves when the one before it was answered."""
    net = one_lags_behind(snapshot_chunk_bytes=50)
    net.heartbeat(1)
    offsets = [args.offset for args in chunks(net)]
    assert offsets == list(range(0, len(pack(net.nodes[1].applied)), 50))
    assert b"".join(args.data for args in chunks(net)) == pack(net.nodes[1].applied)


def test_each_says_whose_it_is_and_what_the_snapshot_stands_for():
    """Figure 13, the arguments: term, leader, the last entry's index and term, offset, last one?"""
    net = one_lags_behind()
    net.heartbeat(1)
    (args,) = chunks(net)
    assert (args.term, args.leader_id, args.offset, args.done) == (1, "n1", 0, True)
    assert (args.last_included_index, args.last_included_term) == (6, 1)


def test_each_is_a_sign_of_life():
    """Figure 13: a follower that is sent one for long does not stand for election meanwhile."""
    net = receiver()
    for start in range(0, 40, 10):
        net.now = net[1].deadline - 1
        net.receive(1, 2, piece(1, start, start + 10))
    assert (net[1].role, net[1].current_term) == (FOLLOWER, 1)


def test_a_leader_that_hears_of_a_newer_term_by_the_answer_steps_down():
    """Figure 13, the result: the term is there for that."""
    net = one_lags_behind()
    net.isolate(1)
    net.elect(2)
    net.recover()
    net.receive(1, 3, InstallSnapshotReply(2, 1, 6))
    assert (net[1].role, net[1].current_term) == (FOLLOWER, 2)


def test_rule_1_a_leader_whose_term_is_over_gets_an_answer_and_no_more():
    """Figure 13, receiver, rule 1."""
    net = receiver(term=3)
    before = net[1].deadline
    effects = net.receive(1, 2, piece(2, 0, 9999))
    assert (effects.install, net[1].leader_id, net[1].deadline) == (None, "", before)
    assert [reply.term for reply in net.take_sent()] == [3]


def test_rule_2_the_first_chunk_begins_a_new_one():
    """Figure 13, receiver, rule 2: whatever had come of another before."""
    net = receiver()
    net.receive(1, 2, chunk(1, 2, 4, b"another", done=False))
    net.receive(1, 2, piece(1, 0, 10))
    assert net[1].dump()["receiving"] == [[5, 1, 0], WHOLE[:10].decode()]


def test_rule_3_a_chunk_is_put_at_its_place():
    """Figure 13, receiver, rule 3: which is behind those before it, and nowhere else."""
    net = receiver()
    net.receive(1, 2, piece(1, 0, 10))
    for again_or_too_far in (piece(1, 0, 10), piece(1, 20, 30)):
        net.receive(1, 2, again_or_too_far)
        assert net[1].dump()["receiving"][1] == WHOLE[:10].decode()
    net.receive(1, 2, piece(1, 10, 20))
    assert net[1].dump()["receiving"][1] == WHOLE[:20].decode()


def test_rule_4_more_is_waited_for_until_the_last_one():
    """Figure 13, receiver, rule 4: the answer says how much is here."""
    net = receiver()
    effects = net.receive(1, 2, piece(1, 0, 10))
    assert effects.install is None
    assert [(reply.offset, reply.match_index) for reply in net.take_sent()] == [(10, 0)]


def test_rule_5_it_is_kept_and_one_that_stands_for_less_is_forgotten():
    """Figure 13, receiver, rule 5: on disk, before the answer."""
    net = receiver(auto_sync=False)
    net.receive(1, 2, chunk(1, 2, 3, pack(entries(1, 1, 1, 1))))
    net.sync(1)
    assert [reply.match_index for reply in net.take_sent()] == [3]
    net.receive(1, 2, piece(1, 0, 9999))
    assert net.take_sent() == []
    net.sync(1)
    assert [reply.match_index for reply in net.take_sent()] == [5]
    assert net.nodes[1].disk.snapshot.metadata == SnapshotMetadata(5, 1, 0)


@pytest.mark.parametrize(
    ("log", "left"),
    [
        pytest.param([1] * 7, [1, 1], id="rule 6: the entry is there: what is behind it stays"),
        pytest.param([2] * 7, [], id="rule 7: another entry is there: all goes"),
        pytest.param([1] * 3, [], id="rule 7: the log is shorter: all goes"),
    ],
)
def test_rules_6_and_7_what_is_left_of_the_log(log, left):
    """Figure 13, receiver, rules 6 and 7."""
    net = receiver(log, term=3)
    net.receive(1, 2, piece(3, 0, 9999))
    assert (log_of(net, 1), net[1].log.first_index) == (left, 6)


def test_rule_8_the_state_machine_begins_anew_from_it_and_so_do_the_members():
    """Figure 13, receiver, rule 8."""
    net = one_lags_behind()
    net.isolate(3)
    net.change(1, (1, 2))
    net.deliver()
    net.snapshot(1)
    net.change(1, (1, 2, 3))
    net.recover()
    net.heartbeat(1)
    net.heartbeat(1)
    assert results(net, 3) == results(net, 1)
    installed = [note["index"] for note in told(net, 3, "install")]
    assert installed == [8]
    assert net[3].status().configuration.voters == names(1, 2, 3)
    assert leaders(net) == [1]
