"""Log replication: scenarios L1, L4, L5, L7 and L10 to L13 (paper section 5.3)."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raftlock.errors import ErrorCode
from raftlock.raft import Receive
from raftlock.types import AppendEntriesArgs, AppendEntriesReply, PersistentState
from tests.raft.harness import (
    FOLLOWER,
    HEARTBEAT_MS,
    LEADER,
    Network,
    ack,
    append,
    entries,
    leader_of,
    lone_leader,
    name,
    rejection,
    terms,
    vote,
    vote_request,
)


def test_a_new_leader_tells_everybody_with_an_empty_entry_of_its_term():
    net = Network(3, logs={1: [1, 1]}, holes=(2, 3))
    net.fire(1)
    net.take_sent()
    effects = net.receive(1, 2, vote(2))
    first = replace(append(2, 1, (1, 2), [2]), round=1)
    assert [send.message for send in effects.send_now] == [first] * 2
    assert effects.persist.entries == entries(3, 2)
    assert net[1].commit_index == 0


def test_l1_a_proposal_goes_to_all_peers_and_to_disk_at_once():
    net = leader_of(3)
    effects = net.propose(1)
    entry = effects.persist.entries[0]
    assert (entry.index, entry.term, entry.command) == (2, 1, b"x")
    assert effects.persist.truncate_from is effects.persist.state is None
    assert [send.to for send in effects.send_now] == ["n2", "n3"]
    for send in effects.send_now:
        args = send.message
        assert (args.prev_log_index, args.prev_log_term, args.leader_commit) == (1, 1, 1)
        assert args.entries == (entry,)
    (accepted,) = effects.resolved
    assert (accepted.accepted, accepted.index, accepted.term) == (True, 2, 1)
    assert (accepted.leader_id, accepted.stamp) == ("n1", entry.stamp)


def test_a_proposal_is_not_sent_to_a_follower_that_is_being_probed():
    net = lone_leader(3, acked=(2,))
    net.propose(1)
    assert [target for _, target, _ in net.sent] == [2]


def test_heartbeats_are_sent_in_idle_times():
    net = leader_of(3)
    assert net[1].deadline == net.now + HEARTBEAT_MS
    net.fire(1)
    beats = net.take_sent(AppendEntriesArgs)
    assert [(beat.prev_log_index, beat.entries, beat.leader_commit) for beat in beats] == [
        (1, (), 1)
    ] * 2


def test_a_heartbeat_keeps_followers_from_standing():
    net = Network(3, holes=(2, 3))
    net.now = net[1].deadline - 1
    net.receive(1, 2, append(1, 2))
    net.now += 50
    net.fire(1)
    assert net[1].current_term == 2
    assert net.now > 150


@pytest.mark.parametrize(
    ("prev", "success", "hint"),
    [
        ((0, 0), True, (0, 0)),
        ((1, 1), True, (0, 0)),
        ((2, 2), True, (0, 0)),
        ((1, 2), False, (2, 2)),
        ((3, 3), False, (0, 3)),
    ],
)
def test_l4_the_consistency_check(prev, success, hint):
    net = Network(3, logs={1: [1, 2]}, term=3, holes=(2, 3))
    net.receive(1, 2, append(3, 2, prev))
    (reply,) = net.take_sent()
    assert (reply.success, reply.term, reply.request_term) == (success, 3, 3)
    assert (reply.conflict_term, reply.conflict_index) == hint
    assert reply.prev_log_index == prev[1]
    assert reply.match_index == (prev[1] if success else 0)
    assert terms(net[1].log) == [1, 2]


@pytest.mark.parametrize(
    ("prev", "new", "log", "truncate_from", "written"),
    [
        ((2, 2), [3], [1, 2, 3], None, [3]),
        ((1, 1), [3, 4], [1, 3, 4], 2, [3, 4]),
        ((0, 0), [1], [1, 2], None, None),
        ((0, 0), [3], [3], 1, [3]),
        ((0, 0), [1, 2], [1, 2], None, None),
        ((0, 0), [1, 2, 2], [1, 2, 2], None, [2]),
        ((1, 1), [], [1, 2], None, None),
    ],
)
def test_l5_what_an_append_changes(prev, new, log, truncate_from, written):
    net = Network(3, logs={1: [1, 2]}, term=4, holes=(2, 3))
    effects = net.receive(1, 2, append(4, 2, prev, new))
    assert terms(net[1].log) == log == [entry.term for entry in net.nodes[1].disk.log]
    assert net.take_sent() == [
        AppendEntriesReply(
            4,
            success=True,
            match_index=prev[1] + len(new),
            request_term=4,
            prev_log_index=prev[1],
        )
    ]
    if written is None:
        assert effects.persist is None
    else:
        assert effects.persist.truncate_from == truncate_from
        assert [entry.term for entry in effects.persist.entries] == written


def test_an_acknowledgement_waits_for_the_disk_and_for_all_writes_before_it():
    net = Network(3, holes=(2, 3), auto_sync=False)
    effects = net.receive(1, 2, append(1, 2, (0, 0), [1]))
    assert effects.persist.state == PersistentState(1, "")
    net.receive(1, 2, append(1, 2, (1, 1)))
    assert net.sent == []
    net.sync(1)
    assert [reply.match_index for reply in net.take_sent()] == [1, 1]


FIGURE_7 = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6]


@pytest.mark.parametrize(
    "follower",
    [
        pytest.param([1, 1, 1, 4, 4, 5, 5, 6, 6], id="a"),
        pytest.param([1, 1, 1, 4], id="b"),
        pytest.param([*FIGURE_7, 6], id="c"),
        pytest.param([*FIGURE_7, 7, 7], id="d"),
        pytest.param([1, 1, 1, 4, 4, 4, 4], id="e"),
        pytest.param([1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3], id="f"),
    ],
)
def test_l7_figure_7(follower):
    net = Network(3, logs={1: FIGURE_7, 2: follower}, term=8)
    net.elect(1)
    assert (net[1].role, net[1].current_term) == (LEADER, 9)
    net.propose(1)
    net.deliver()
    net.heartbeat(1)
    assert net.logs() == [[*FIGURE_7, 9, 9]] * 3
    assert [net[k].commit_index for k in (1, 2, 3)] == [12] * 3


def test_l7_figure_7_with_all_six_followers():
    logs = {
        1: FIGURE_7,
        2: [1, 1, 1, 4, 4, 5, 5, 6, 6],
        3: [1, 1, 1, 4],
        4: [*FIGURE_7, 6],
        5: [*FIGURE_7, 7, 7],
        6: [1, 1, 1, 4, 4, 4, 4],
        7: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    }
    net = Network(7, logs=logs, term=7)
    net.elect(1)
    assert net[1].role is LEADER
    net.heartbeat(1)
    assert net.logs() == [[*FIGURE_7, 8]] * 7


def test_l10_an_old_leaders_entries_are_ignored():
    net = Network(3)
    for k in (1, 2, 1):
        net.elect(k)
    assert net[1].current_term == 3
    net.receive(1, 2, append(2, 2, (2, 2), [2]))
    net.propose(1)
    net.deliver()
    assert net.logs() == [[1, 2, 3, 3]] * 3


def hint_and_probe(leader, follower):
    """The follower's first refusal and where the leader tries next, as (index, term)."""
    net = Network(3, logs={1: leader, 2: follower}, term=8, holes=(3,))
    net.fire(1)
    net.take_sent()
    net.receive(1, 3, vote(9))
    net.receive(1, 2, vote(9))
    (probe, *_) = net.take_sent(AppendEntriesArgs, to=2)
    net.receive(2, 1, probe)
    (reply,) = net.take_sent()
    net.receive(1, 2, reply)
    (probe,) = net.take_sent()
    return (
        (reply.conflict_index, reply.conflict_term),
        (probe.prev_log_index, probe.prev_log_term),
    )


@pytest.mark.parametrize(
    ("leader", "follower", "hint", "probe"),
    [
        ([1, 2, 2, 4, 4, 4, 4], [1, 2, 2, *[3] * 8], (4, 3), (3, 2)),
        ([1, 2, 2, 3, 4, 4, 4, 5], [1, 2, 2, *[3] * 8], (4, 3), (4, 3)),
        ([1, 1, 1, 1], [1, 2, 2, 4], (4, 4), (3, 1)),
        ([1] * 6, [1, 2, 2, 4], (5, 0), (4, 1)),
        ([1] * 4, [1, 2, 2, 4, 4, 4], (4, 4), (3, 1)),
        ([1, 1, 1, 4, 5], [1, 1, 1, 4], (5, 0), (4, 4)),
        ([2, *[5] * 8], [2, *[4] * 5], (7, 0), (6, 5)),
        ([2] * 5, [2, *[4] * 7], (2, 4), (1, 2)),
    ],
)
def test_l11_hints_go_back_a_whole_term(leader, follower, hint, probe):
    assert hint_and_probe(leader, follower) == (hint, probe)


@pytest.mark.parametrize(
    ("leader", "follower"),
    [
        ([1, 2, 2, 4, 4, 4, 4], [1, 2, 2, *[3] * 8]),
        ([1, 2, 2, 3, 4, 4, 4, 5], [1, 2, 2, *[3] * 8]),
        ([1, 1, 1, 1], [1, 2, 2, 4]),
        ([1] * 6, [1, 2, 2, 4]),
        ([1] * 4, [1, 2, 2, 4, 4, 4]),
        ([1, 1, 1, 4, 5], [1, 1, 1, 4]),
        ([2, *[5] * 8], [2, *[4] * 5]),
        ([2] * 5, [2, *[4] * 7]),
        (FIGURE_7, [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]),
        ([1, 3, 5, 7, 9], [2, 4, 6, 8]),
        ([1, 3, 5, 7], [2, 2, 4, 4, 6, 6, 8, 8]),
        ([9] * 20, [1, 2, 3, 4, 5, 6, 7, 8]),
    ],
)
def test_l11_few_rounds_find_where_two_logs_agree(leader, follower):
    assert rounds_to_repair(leader, follower) <= len({*leader, *follower}) + 1


def rounds_to_repair(leader, follower):
    """How many messages with their answers it takes a new leader to make the logs equal."""
    term = max([8, *leader, *follower]) + 1
    net = Network(3, logs={1: leader, 2: follower}, term=term, holes=(3,))
    net.fire(1)
    net.take_sent()
    net.receive(1, 3, vote(term + 1))
    rounds = 0
    while terms(net[2].log) != terms(net[1].log):
        (probe,) = net.take_sent(AppendEntriesArgs, to=2)
        net.receive(2, 1, probe)
        (reply,) = net.take_sent()
        net.receive(1, 2, reply)
        rounds += 1
    return rounds


@st.composite
def two_logs(draw):
    """A leader's log and a follower's, as Raft may leave them: equal up to somewhere.

    Behind that place no term is in both: each had one leader, whose entries they would share.
    """
    common = sorted(draw(st.lists(st.integers(1, 4), max_size=8)))
    logs = {"leader": list(common), "follower": list(common)}
    for term in range(max(common, default=1), 14):
        whose = draw(st.sampled_from(["leader", "follower", "nobody"]))
        if whose != "nobody":
            logs[whose] += [term] * draw(st.integers(1, 6))
    return logs["leader"], logs["follower"]


@given(two_logs())
@settings(max_examples=300)
def test_l11_any_two_logs_are_equal_after_one_round_a_term_and_one_more(logs):
    leader, follower = logs
    assert rounds_to_repair(leader, follower) <= len({*leader, *follower}) + 1


def test_l12_reordered_appends_are_repaired():
    net = lone_leader(3, acked=(2,))
    net.propose(1)
    net.propose(1)
    first, second = net.take_sent(to=2)
    assert (first.prev_log_index, second.prev_log_index) == (1, 2)
    # The second came first and was refused; that answer is late, the first one's overtakes it.
    net.receive(1, 2, ack(1, 2))
    net.receive(1, 2, rejection(1, 2, (0, 2)))
    status = net[1].status().replication["n2"]
    assert (status.match_index, status.next_index) == (2, 4)
    # Nothing was resent for it, so the next heartbeat asks whether the second one arrived.
    net.take_sent()
    net.fire(1)
    (beat,) = net.take_sent(to=2)
    net.receive(1, 2, rejection(1, beat.prev_log_index, (0, 3)))
    (repair,) = net.take_sent(to=2)
    assert (repair.prev_log_index, len(repair.entries)) == (2, 1)


def test_l12_of_several_refusals_only_the_first_is_followed_up():
    net = lone_leader(3, acked=(2,))
    for _ in range(3):
        net.propose(1)
    net.take_sent()
    net.receive(1, 2, rejection(1, 2, (0, 2)))
    assert [args.prev_log_index for args in net.take_sent()] == [1]
    net.receive(1, 2, rejection(1, 3, (0, 2)))
    assert net.take_sent() == []
    net.receive(1, 2, ack(1, 4))
    assert net[1].status().replication["n2"].match_index == 4


def test_l12_a_late_refusal_never_takes_match_back():
    net = lone_leader(3, acked=(2,))
    net.receive(1, 2, rejection(1, 1, (0, 1)))
    net.receive(1, 2, rejection(1, 0, (1, 1)))
    status = net[1].status().replication["n2"]
    assert (status.match_index, status.next_index) == (1, 2)
    assert net.take_sent() == []


def test_l13_doubled_and_late_acknowledgements_change_nothing():
    net = leader_of(3)
    answers = []
    net.hook = lambda source, _target, message: answers.append((source, message)) or True
    for _ in range(3):
        net.propose(1)
    net.deliver()
    before = net[1].status()
    assert before.commit_index == 4
    replies = [pair for pair in answers if isinstance(pair[1], AppendEntriesReply)]
    for source, message in [*reversed(replies), *replies]:
        effects = net.receive(1, source, message)
        assert (effects.send_now, effects.apply, effects.persist) == ((), (), None)
    assert net[1].status() == before


def test_l13_answers_heard_twice_bring_about_no_message():
    net = lone_leader(3, acked=(), max_entries_per_append=1, max_in_flight=2)
    for _ in range(4):
        net.propose(1)
    assert net.sent == []
    sent = [len(net.receive(1, 2, ack(1, match)).send_now) for match in (1, 1, 2, 2, 3, 4, 5, 5)]
    assert sent == [2, 0, 1, 0, 1, 0, 0, 0]


@pytest.mark.parametrize("probing", [True, False])
def test_what_was_lost_is_repaired_by_the_next_heartbeat(probing):
    net = Network(3) if probing else leader_of(3)
    if probing:
        net.cut(1, 3)
        net.elect(1)
    net.cut(1, 3)
    for _ in range(3):
        net.propose(1)
    net.deliver()
    assert net[3].log.last_index < 4
    net.recover()
    net.heartbeat(1)
    net.heartbeat(1)
    assert net.logs() == [[1] * 4] * 3
    assert [net[k].commit_index for k in (1, 2, 3)] == [4] * 3


def test_a_lost_acknowledgement_is_repaired_by_the_next_heartbeat():
    net = leader_of(3)
    net.ignore(AppendEntriesReply)
    net.propose(1)
    net.deliver()
    assert net[1].commit_index == 1
    net.recover()
    net.heartbeat(1)
    assert net[1].commit_index == 2


def test_a_message_holds_no_more_than_it_may():
    net = Network(3, logs={1: [1] * 10}, max_entries_per_append=3)
    net.elect(1)
    sizes = [len(args.entries) for _, _, args in net.sent if isinstance(args, AppendEntriesArgs)]
    assert max(sizes) == 3
    assert net.logs() == [[*[1] * 10, 2]] * 3


def test_proposals_that_a_new_leader_overwrites_are_told_so():
    net = leader_of(3)
    net.isolate(1)
    net.propose(1, proposal_id="lost")
    net.elect(2)
    net.recover()
    net.heartbeat(2)
    (accepted, overwritten) = net.nodes[1].resolved
    assert accepted.accepted
    assert (overwritten.proposal_id, overwritten.accepted, overwritten.index) == ("lost", False, 2)
    assert overwritten.code is ErrorCode.REPLICATION_FAILURE
    assert overwritten.leader_id == "n2"
    assert net[1].dump()["proposals"] == {}


def test_a_proposal_that_survives_its_leader_is_not_refused():
    net = leader_of(3)
    net.cut(1, 3)
    net.ignore(AppendEntriesReply)
    net.propose(1, proposal_id="kept")
    net.deliver()
    net.recover()
    net.elect(2)
    net.heartbeat(2)
    assert [resolution.accepted for resolution in net.nodes[1].resolved] == [True]
    assert net[1].dump()["proposals"] == {}
    assert b"x" in [entry.command for entry in net.nodes[1].applied]


def test_a_second_leader_of_the_same_term_is_not_answered():
    net = lone_leader(3)
    effects = net.receive(1, 2, append(1, 2, (0, 0), [1]))
    assert (net[1].role, effects.send_after, effects.persist) == (LEADER, (), None)


def test_a_committed_entry_is_never_dropped():
    net = Network(3, logs={1: [1, 2]}, term=3, holes=(2, 3))
    net.receive(1, 2, append(3, 2, (2, 2), commit=2))
    with pytest.raises(AssertionError, match="entry 2 is committed"):
        net.nodes[1].raft.step(Receive(net.now, name(2), append(3, 2, (1, 1), [3])))


def test_an_answer_to_an_earlier_term_says_nothing():
    net = Network(3, holes=(2, 3))
    for _ in range(2):
        net.fire(1)
    net.receive(1, 2, vote(2))
    late = AppendEntriesReply(2, success=True, match_index=1, request_term=1)
    net.receive(1, 2, late)
    assert net[1].status().replication["n2"].match_index == 0


def test_a_follower_drops_answers_meant_for_a_leader():
    net = Network(3, term=1, holes=(2, 3))
    before = net[1].dump()
    net.receive(1, 2, ack(1, 5))
    assert net[1].dump() == before


@pytest.mark.parametrize(
    "reply",
    [
        ack(1, 99),
        rejection(1, 99, (0, 99)),
        rejection(1, 99, (5, 7)),
        rejection(1, 1, (0, -5)),
    ],
)
def test_an_answer_from_beyond_the_log_does_no_harm(reply):
    net = lone_leader(3, acked=(2, 3))
    net.propose(1)
    net.receive(1, 2, reply)
    net.fire(1)
    assert net[1].role is LEADER


def test_a_restarted_node_is_brought_back():
    net = leader_of(3)
    for _ in range(3):
        net.propose(1)
    net.deliver()
    net.restart(3)
    assert (net[3].commit_index, net[3].last_applied, net[3].log.last_index) == (0, 0, 4)
    net.heartbeat(1)
    assert (net[3].commit_index, len(net.nodes[3].applied)) == (4, 4)


def test_a_restarted_node_keeps_its_vote():
    net = Network(3, holes=(2, 3))
    net.receive(1, 2, vote_request(1, 2))
    net.restart(1)
    net.take_sent()
    net.receive(1, 3, vote_request(1, 3, 9, 9))
    assert net.take_sent() == [vote(1, granted=False)]
    assert net[1].role is FOLLOWER


def test_what_was_not_synced_is_asked_for_again():
    net = leader_of(3)
    net.auto_sync = False
    net.propose(1)
    net.deliver()
    net.sync(1)
    net.sync(2)
    net.deliver()
    assert net[1].commit_index == 2
    net.restart(3)
    assert net[3].log.last_index == 1
    net.auto_sync = True
    net.heartbeat(1)
    assert net.logs() == [[1, 1]] * 3
