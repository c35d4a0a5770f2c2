"""Section 5.3: log replication."""

import pytest

from raftlock.errors import ErrorCode
from raftlock.types import AppendEntriesArgs, AppendEntriesReply
from tests.paper.stage import REQUESTS, alone_as, leaders, log_of, results, say, told
from tests.raft.harness import (
    CANDIDATE,
    LEADER,
    Network,
    ack,
    append,
    leader_of,
    lone_leader,
    rejection,
)


def refusals(net):
    return [m for _, _, m in net.sent if isinstance(m, AppendEntriesReply) and not m.success]


def test_once_elected_a_leader_serves_clients():
    """5.3: it takes commands from then on; a candidate takes none."""
    (refused,) = alone_as(CANDIDATE).propose(1).resolved
    (taken,) = alone_as(LEADER).propose(1).resolved
    assert (refused.code, taken.accepted) == (ErrorCode.NO_LEADER, True)


def test_a_command_goes_into_the_leaders_log_and_to_all_others_in_parallel():
    """5.3: one step appends the entry, and asks all others to do the same."""
    net = leader_of(3)
    effects = net.propose(1, b"x")
    assert log_of(net, 1) == [1, 1]
    assert [send.to for send in effects.send_now] == ["n2", "n3"]
    assert [send.message.entries for send in effects.send_now] == [effects.persist.entries] * 2


def test_it_is_executed_once_it_is_safe_and_not_before():
    """5.3: the state machine gets the command, and the client its answer, after replication."""
    net = lone_leader(3, acked=(2, 3))
    assert net.propose(1, b"x").apply == ()
    assert [entry.command for entry in net.receive(1, 2, ack(1, 2)).apply] == [b"x"]


def test_a_leader_repeats_itself_until_all_have_everything():
    """5.3: also after the client has its answer, be a follower slow, crashed or unreachable."""
    net = leader_of(3)
    net.isolate(3)
    say(net, 1, b"x", b"y")
    assert results(net, 1) == [b"x", b"y"]
    for _ in range(20):
        net.heartbeat(1)
    net.restart(3)
    net.recover()
    net.heartbeat(1)
    net.heartbeat(1)
    assert [results(net, k) for k in (1, 2, 3)] == [[b"x", b"y"]] * 3


def test_an_entry_holds_a_command_its_leaders_term_and_its_place():
    """5.3: the term is the one in which the leader got the command, the index counts from 1."""
    net = Network(3, term=4)
    net.elect(1)
    net.propose(1, b"x")
    noop, entry = net[1].log.entries(1, 2)
    assert (noop.command, noop.term, noop.index) == (b"", 5, 1)
    assert (entry.command, entry.term, entry.index) == (b"x", 5, 2)


def test_the_leader_decides_what_is_committed():
    """5.3: a follower may well have an entry, as all have; it waits for the leader's word."""
    net = leader_of(3)
    net.ignore(AppendEntriesReply)
    say(net, 1, b"x")
    assert net.logs() == [[1, 1]] * 3
    assert [results(net, k) for k in (1, 2, 3)] == [[]] * 3
    net.recover()
    net.heartbeat(1)
    net.heartbeat(1)
    assert [results(net, k) for k in (1, 2, 3)] == [[b"x"]] * 3


def test_what_is_committed_outlives_crashes_and_is_executed_by_all():
    """5.3: here every server crashes, and two of five never come back."""
    net = leader_of(5)
    say(net, 1, b"x")
    assert results(net, 1) == [b"x"]
    for k in net.nodes:
        net.restart(k)
    net.isolate(1)
    net.isolate(2)
    net.elect(3)
    net.heartbeat(3)
    assert [results(net, k) for k in (3, 4, 5)] == [[b"x"]] * 3


@pytest.mark.parametrize(("size", "needed"), [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2)])
def test_an_entry_is_committed_once_its_leader_has_it_on_a_majority(size, needed):
    """5.3: the leader and so many others."""
    net = lone_leader(size, acked=range(2, size + 1))
    net.propose(1)
    for k in range(2, 2 + needed):
        assert net[1].commit_index == 1
        net.receive(1, k, ack(1, 2))
    assert net[1].commit_index == 2


def test_figure_6():
    """5.3, Figure 6: five logs of different lengths; what three of them have is committed."""
    net = lone_leader(5, logs={1: [1, 1, 1, 2]})
    for _ in range(3):
        net.propose(1)
    assert log_of(net, 1) == [1, 1, 1, 2, 3, 3, 3, 3]
    for k, has in ((2, 5), (3, 8), (4, 2), (5, 7)):
        net.receive(1, k, ack(3, has))
    assert net[1].commit_index == 7


def test_all_entries_before_a_committed_one_are_committed():
    """5.3: also those of earlier leaders, which this one has only found in its log."""
    net = Network(3, logs={1: [1, 1, 2], 2: [1, 1, 2], 3: [1]}, term=2)
    net.elect(1)
    assert (log_of(net, 1), net[1].commit_index) == ([1, 1, 2, 3], 4)
    assert [entry.term for entry in net.nodes[1].applied] == [1, 1, 2, 3]


def test_every_append_tells_how_far_the_log_is_committed():
    """5.3: heartbeats too, so that the followers learn of it in the end."""
    net = leader_of(3)
    say(net, 1, b"x")
    assert (net[1].commit_index, net[2].commit_index) == (2, 1)
    net.take_sent()
    net.fire(1)
    assert [beat.leader_commit for beat in net.take_sent(AppendEntriesArgs)] == [2, 2]
    net.heartbeat(1)
    assert [net[k].commit_index for k in (2, 3)] == [2, 2]


def test_a_follower_executes_what_it_learns_to_be_committed_in_order():
    """5.3: entry by entry as the log has them, and none that is not committed."""
    net = Network(3, logs={1: [1, 1, 1, 1]}, holes=(2, 3))
    for leader_commit, applied in ((0, []), (1, [1]), (3, [2, 3])):
        effects = net.receive(1, 2, append(1, 2, (1, 4), (), leader_commit))
        assert [entry.index for entry in effects.apply] == applied


def test_a_leader_makes_one_entry_an_index_and_never_moves_it():
    """5.3: so that an index and a term name one command. Another leader has another term."""
    net = leader_of(3)
    net.isolate(1)
    for command in (b"a", b"b"):
        net.propose(1, command)
    assert [entry.index for entry in net[1].log.entries(1, 9)] == [1, 2, 3]
    net.elect(2)
    say(net, 2, b"c")
    assert [net[k].log.entry(2).term for k in (1, 2)] == [1, 2]
    assert [net[k].log.entry(3).term for k in (1, 2)] == [1, 2]


def test_an_append_names_the_entry_before_its_first():
    """5.3: by index and by term."""
    net = Network(3, logs={1: [1, 1, 2], 2: [1, 1, 2]}, term=4)
    net.elect(1)
    net.take_sent()
    net.propose(1)
    args = net.take_sent(AppendEntriesArgs)[0]
    assert (args.prev_log_index, args.prev_log_term) == (4, 5)


@pytest.mark.parametrize(
    ("prev", "found"),
    [((1, 1), True), ((2, 2), True), ((2, 3), False), ((1, 2), False), ((2, 1), False)],
)
def test_a_follower_that_does_not_find_that_entry_refuses(prev, found):
    """5.3: the consistency check: the place must be there, with that term. Else nothing changes."""
    net = Network(3, logs={1: [1, 2]}, holes=(2, 3))
    net.receive(1, 2, append(2, 2, prev, [2]))
    (reply,) = net.take_sent()
    assert reply.success == found
    assert found or log_of(net, 1) == [1, 2]


def test_empty_logs_agree():
    """5.3: this is where the induction begins: before the first entry nothing can differ."""
    net = Network(3, logs={1: [1, 1]}, term=2, holes=(2, 3))
    net.receive(1, 2, append(2, 2, (0, 0), [2]))
    assert (net.take_sent()[0].success, log_of(net, 1)) == (True, [2])


def test_a_success_says_that_the_logs_are_equal_up_to_there():
    """5.3: and this is where it leads: an append that is taken has made two logs agree."""
    net = Network(5, logs={1: [1, 3], 2: [], 3: [1, 1, 1], 4: [2, 2], 5: [1, 3, 3]}, term=3)
    seen = []

    def look(source, target, message):
        if isinstance(message, AppendEntriesReply) and message.success:
            seen.append(message.match_index)
            assert net[source].log.entries(1, seen[-1]) == net[target].log.entries(1, seen[-1])
        return True

    net.isolate(5)
    net.elect(1)
    net.recover()
    net.hook = look
    say(net, 1, b"x", b"y")
    net.heartbeat(1)
    assert net.logs() == [[1, 3, 4, 4, 4]] * 5
    assert len(seen) >= 8


def test_normally_no_append_is_refused():
    """5.3: as long as the leader stays, logs only grow together."""
    net = leader_of(5)
    for _ in range(10):
        say(net, 1, b"x")
        net.heartbeat(1)
    assert refusals(net) == []
    assert net.logs() == [[1] * 11] * 5


def test_crashes_of_leaders_leave_logs_that_differ():
    """5.3: three leaders, each of which crashes before anybody has its entries."""
    net = Network(5)
    net.ignore(AppendEntriesArgs)
    for k in (1, 2, 3):
        net.elect(k)
        net.propose(k)
        net.restart(k)
    assert net.logs() == [[1, 1], [2, 2], [3, 3], [], []]


@pytest.mark.parametrize(
    "follower",
    [
        pytest.param([1, 1], id="lacks entries"),
        pytest.param([1, 1, 2, 2, 2, 2], id="has more"),
        pytest.param([1, 1, 3, 3], id="lacks some and has others"),
        pytest.param([3, 3, 3, 3], id="over several terms"),
    ],
)
def test_a_leader_makes_followers_copy_its_own_log(follower):
    """5.3: entries that clash with the leader's are overwritten by them."""
    net = Network(3, logs={1: [1, 1, 2, 2], 2: follower}, term=4)
    net.cut(1, 2)
    net.elect(1)
    net.recover()
    net.heartbeat(1)
    assert net.logs() == [[1, 1, 2, 2, 5]] * 3


def test_the_repair_goes_to_the_last_entry_on_which_both_agree():
    """5.3: behind it the follower's entries go and the leader's come; before it, all stays."""
    net = Network(3, logs={1: [1, 1, 1, 4], 2: [1, 1, 3, 3]}, term=4)
    net.elect(1)
    assert told(net, 2, "truncate") == [{"from": 3, "to": 4}]
    (write,) = [note for note in net.nodes[2].notes if note.kind == "append"]
    assert write.entries == net[1].log.entries(3, 5)


def test_all_of_it_follows_from_the_consistency_check():
    """5.3: nothing is sent for a repair but appends, and answers to them."""
    net = Network(3, logs={1: [1, 1, 1, 4], 2: [1, 1, 3, 3]}, term=4)
    net.fire(1)
    net.deliver()
    between = [m for source, target, m in net.sent if {source, target} == {1, 2}]
    appends = [m for m in between if isinstance(m, AppendEntriesArgs | AppendEntriesReply)]
    assert len(between) == 2 + len(appends)
    assert log_of(net, 2) == log_of(net, 1)


def test_a_new_leader_supposes_that_all_have_its_log():
    """5.3: next index begins just behind the log as it was at the election."""
    net = lone_leader(3, logs={1: [1, 1, 2]})
    followers = net[1].status().replication.values()
    assert [(peer.next_index, peer.match_index) for peer in followers] == [(4, 0)] * 2


def test_a_refusal_moves_the_next_index_back_and_the_leader_tries_again():
    """5.3: at once, until the two logs meet."""
    net = lone_leader(3, logs={1: [1, 2, 3, 4]})
    for prev in (4, 3, 2, 1):
        net.receive(1, 2, rejection(5, prev, (0, prev)))
        (again,) = net.take_sent()
        assert again.prev_log_index == prev - 1
        assert net[1].status().replication["n2"].next_index == prev
    assert again.entries == net[1].log.entries(1, 5)


def test_once_an_append_is_taken_the_logs_stay_equal_for_the_rest_of_the_term():
    """5.3: no refusal comes after the first success."""
    net = Network(3, logs={1: [1, 1, 2, 2], 2: [1, 1, 1, 1], 3: [1]}, term=2)
    net.elect(1)
    assert len(refusals(net)) == 2
    for _ in range(10):
        say(net, 1, b"x")
        net.heartbeat(1)
        assert log_of(net, 1) == log_of(net, 2) == log_of(net, 3)
    assert len(refusals(net)) == 2


def test_a_refusal_tells_the_term_that_clashed_and_where_it_begins():
    """5.3: this optimization of the paper is in use: the follower helps the leader to go back."""
    net = Network(3, logs={1: [1, 2, 2, 3, 3, 3]}, holes=(2, 3))
    net.receive(1, 2, append(4, 2, (4, 6)))
    (reply,) = net.take_sent()
    assert (reply.conflict_term, reply.conflict_index) == (3, 4)


@pytest.mark.parametrize("clashing_terms", [1, 2, 3, 4])
def test_one_refusal_a_clashing_term(clashing_terms):
    """5.3: however many entries each of those terms has."""
    theirs = [term for term in range(2, 2 + clashing_terms) for _ in range(5)]
    net = Network(3, logs={1: [1, *[8] * 25], 2: [1, *theirs], 3: [1]}, term=8)
    net.cut(1, 3)
    net.elect(1)
    from_a_short_log = 1
    assert len(refusals(net)) <= clashing_terms + from_a_short_log
    assert log_of(net, 2) == log_of(net, 1)


def test_a_leader_does_nothing_special_when_it_begins():
    """5.3: it sends what it always sends, and the logs converge."""
    net = Network(3, logs={1: [1, 2], 2: [1, 1, 1], 3: []}, term=2)
    net.elect(1)
    assert {type(m) for source, _, m in net.sent if source == 1} == {*REQUESTS}
    assert net.logs() == [[1, 2, 3]] * 3


def test_a_leader_never_changes_what_its_log_has():
    """5.3: others may have more, and other entries; it only adds to its own."""
    net = Network(3, logs={1: [1, 2], 2: [1, 1, 1, 1], 3: [1, 1]}, term=2)
    net.elect(1)
    net.receive(1, 2, append(3, 2, (0, 0), [3]))  # nobody else can lead its term
    say(net, 1, b"x")
    assert log_of(net, 1)[:2] == [1, 2]
    assert told(net, 1, "truncate") == []


def test_a_majority_that_is_up_is_enough():
    """5.3: entries are taken, replicated and executed while most servers are up."""
    net = leader_of(5)
    net.isolate(4)
    net.isolate(5)
    say(net, 1, b"x", b"y")
    net.heartbeat(1)
    assert [results(net, k) for k in (1, 2, 3)] == [[b"x", b"y"]] * 3
    assert leaders(net) == [1]


def test_normally_one_round_to_a_majority_is_enough():
    """5.3: one request and one answer, and the entry is committed."""
    net = leader_of(3)
    net.propose(1, b"x")
    (_, target, request) = net.in_flight.popleft()
    net.in_flight.clear()
    net.receive(target, 1, request)
    (_, _, answer) = net.in_flight.popleft()
    net.receive(1, target, answer)
    assert results(net, 1) == [b"x"]


def test_one_slow_follower_slows_nobody():
    """5.3: the others' answers are enough, be it a hundred commands behind."""
    net = leader_of(3)
    net.drop(1, 3)
    for number in range(100):
        say(net, 1, b"%d" % number)
        assert len(results(net, 1)) == number + 1
    assert net[3].log.last_index == 1
