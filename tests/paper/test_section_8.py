"""Section 8: what clients may count on. The core does the reads, the lock table does each request
once, and a simulation shows both together.
"""

import pytest

from raftlock import Simulation
from raftlock.errors import ErrorCode
from raftlock.lock import LockMachine, LockRules
from raftlock.raft import Rules
from raftlock.types import AppendEntriesArgs
from tests.lock.bench import GRANTED, Bench
from tests.paper.stage import leaders, log_of, results, say
from tests.raft.harness import LEADER, Network, ack, leader_of, lone_leader


def answered(net, k=1):
    """The indexes that a node's reads had to see, of those it let go."""
    return [read.index for read in net.nodes[k].reads if read.accepted]


# Finding the leader


def test_who_does_not_lead_refuses_and_says_who_does():
    """8: a client may ask anybody first."""
    net = leader_of(3)
    net.propose(2)
    net.read(3)
    refusals = [*net.nodes[2].resolved, *net.nodes[3].reads]
    assert [(r.accepted, r.code, r.leader_id) for r in refusals] == [
        (False, ErrorCode.NOT_LEADER, "n1")
    ] * 2


def test_it_knows_by_the_entries_it_is_sent():
    """8: each message of a leader names it."""
    net = Network(3)
    net.elect(2)
    assert {m.leader_id for _, _, m in net.sent if isinstance(m, AppendEntriesArgs)} == {"n2"}
    assert [net[k].leader_id for k in (1, 2, 3)] == ["n2"] * 3


def test_if_the_leader_crashes_a_client_asks_another():
    """8: its request times out there, and it tries the next node until one answers."""
    made = Simulation(nodes=3, seed=1, timing="lan")
    alice = made.client("alice")
    made.wait_for_leader()
    first = alice.acquire("printer", ttl=30)
    made.kill(made.leader)
    assert alice.renew("printer").token == first.token
    assert made.leader is not None


# Once, and not twice


class AgainAndAgain(LockRules):
    def remembered(self, answer):
        return None


def a_release_is_sent_twice(rules):
    """Alice gives her lock back, and asks anew because no answer came; Bob has it meanwhile."""
    table = Bench(rules)
    session = table.open("alice")
    token = table.acquire("alice", session_id=session, sequence=1).token
    released = [table.release("alice", token, session_id=session, sequence=2)]
    bob = table.acquire("bob")
    released.append(table.release("alice", token, session_id=session, sequence=2))
    return released, bob


def test_a_request_that_is_repeated_would_be_done_again():
    """8: the leader had committed it, and crashed before it could say so."""
    released, _ = a_release_is_sent_twice(AgainAndAgain())
    assert [answer.code for answer in released] == [ErrorCode.OK, ErrorCode.NOT_LOCK_OWNER]


def test_so_each_has_a_number_and_its_answer_is_kept_with_it():
    """8: whoever asks again with that number gets the first answer, and nothing is done."""
    released, bob = a_release_is_sent_twice(None)
    assert released[0] == released[1]
    assert (released[0].code, bob.status) == (ErrorCode.OK, GRANTED)


def test_the_answers_are_in_the_replicated_table_so_a_new_leader_has_them():
    """8: numbers and answers are part of the state, and of its snapshots."""
    table = Bench()
    session = table.open("alice")
    first = table.acquire("alice", session_id=session, sequence=1)
    other = LockMachine()
    other.restore(table.machine.snapshot())
    assert other.outcome_of(session, 1) == first


def test_a_client_that_asks_anew_after_a_crash_holds_the_lock_once():
    """8: in one run: the leader falls with the answer unsent, and the client asks its successor, so
    that the log has the request twice."""
    made = Simulation(nodes=3, seed=4, timing="lan")
    leader = made.wait_for_leader()
    alice = made.client("alice")
    alice.acquire("warm-up")
    made.crash_on_write(leader, "sent")
    token = alice.acquire("printer", ttl=30).token
    made.run(1)
    assert made.leader != leader
    events = [event for event in made.recorder.events if event.rule == "ClientRequest"]
    ops = [entry["op"] for e in events if e.kind == "append" for entry in e.data["entries"]]
    assert ops.count("acq printer→alice") == 2
    locks = [event.data for event in made.recorder.events if event.kind == "lock"]
    assert {lock["token"] for lock in locks if lock["lock"] == "printer"} == {token}


# Reading


def test_a_read_writes_nothing():
    """8: neither into the log nor to disk."""
    net = leader_of(3)
    effects = net.read(1)
    net.deliver()
    assert (effects.persist, log_of(net, 1), answered(net)) == (None, [1], [1])


class Trusting(Rules):
    """A leader that reads without asking whether it still leads."""

    def read_is_confirmed(self, read_round, confirmed_round):
        return True


def superseded(rules):
    """Node 1 does not know that node 2 leads by now, and has committed something else."""
    net = leader_of(3, rules=rules)
    net.isolate(1)
    net.elect(2)
    say(net, 2, b"new")
    net.read(1)
    net.deliver()
    assert leaders(net) == [1, 2]
    assert (results(net, 1), results(net, 2)) == ([], [b"new"])
    return net


def test_without_more_it_could_be_stale():
    """8: the leader that answers may have a successor of whom it does not know."""
    assert answered(superseded(Trusting())) == [1]


def test_so_a_leader_hears_a_majority_before_it_answers():
    """8, second precaution: a round of heartbeats, begun after the question."""
    net = superseded(Rules())
    assert answered(net) == []
    net.recover()
    net.heartbeat(1)
    (read,) = net.nodes[1].reads
    assert (read.accepted, read.code) == (False, ErrorCode.NO_LEADER)


def test_a_new_leader_has_all_that_is_committed_and_may_not_know_how_far_that_is():
    """8, first precaution: why it needs one."""
    net = leader_of(3)
    net.propose(1, b"x")
    net.deliver()
    net.isolate(1)
    net.ignore(AppendEntriesArgs)
    net.elect(2)
    assert (net[2].role, net[1].commit_index, net[2].commit_index) == (LEADER, 2, 1)
    assert net[2].log.entry(2).command == b"x"


def test_so_it_begins_with_an_empty_entry_and_knows_once_that_is_committed():
    """8, first precaution: until then no read is answered, though a majority follows it."""
    net = lone_leader(3)
    assert net[1].log.entry(1).command == b""
    net.read(1)
    for k in (2, 3):
        net.receive(1, k, ack(1, 0, of_round=9))
    assert answered(net) == []
    net.receive(1, 2, ack(1, 1, of_round=9))
    assert answered(net) == [1]


@pytest.mark.parametrize(("waited_ms", "at_once"), [(0, True), (300, False)])
def test_under_a_lease_it_may_trust_to_time_instead(waited_ms, at_once):
    """8: nobody else is elected so soon after a round, if clocks run alike. Off by default."""
    net = leader_of(3, lease_reads=True, check_quorum=True, peer_lost=False)
    net.heartbeat(1)
    net.now += waited_ms
    net.read(1)
    assert (answered(net) == [1]) == at_once
