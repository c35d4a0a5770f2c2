"""Elections: scenarios E1 to E15 (paper sections 5.1, 5.2 and 5.4.1)."""

import pytest

from raftlock.errors import ErrorCode
from raftlock.raft import Persisted, Raft, RaftConfig, Random64, Receive, Recovered, Wake
from raftlock.types import (
    AppendEntriesArgs,
    InstallSnapshotArgs,
    PersistentState,
    RequestVoteArgs,
    RequestVoteReply,
)
from tests.raft.harness import (
    CANDIDATE,
    ELECTION_MS,
    FOLLOWER,
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


def alone(role, term=1):
    """Node 1 of three, the others silent, in this role at this term."""
    net = Network(3, holes=(2, 3), term=term if role is FOLLOWER else term - 1)
    if role is not FOLLOWER:
        net.fire(1)
    if role is LEADER:
        net.receive(1, 2, vote(term))
    assert (net[1].role, net[1].current_term) == (role, term)
    net.take_sent()
    return net


ROLES = [FOLLOWER, CANDIDATE, LEADER]


@pytest.mark.parametrize("role", ROLES)
def test_e1_a_higher_term_wins(role):
    net = alone(role)
    net.receive(1, 2, append(2, 2))
    assert (net[1].role, net[1].current_term, net[1].leader_id) == (FOLLOWER, 2, "n2")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("reply", [vote(2, granted=False), rejection(2, 0), ack(2, 0)])
def test_e1_a_higher_term_wins_also_in_an_answer(role, reply):
    net = alone(role)
    net.receive(1, 2, reply)
    assert (net[1].role, net[1].current_term, net[1].leader_id) == (FOLLOWER, 2, "")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "message", [vote_request(1, 2, 9, 9), append(1, 2), append(1, 2, (0, 0), [1])]
)
def test_e2_a_stale_term_changes_nothing_and_is_told_the_newer_one(role, message):
    net = alone(role, term=2)
    before = net[1].dump()
    effects = net.receive(1, 2, message)
    assert net[1].dump() == before
    assert effects.persist is None
    assert [send.message.term for send in effects.send_after] == [2]


def test_e3_starts_as_a_follower_with_what_was_kept():
    net = Network(3, logs={1: [1, 1, 4, 4]}, term=5, votes={1: 2}, holes=(2, 3))
    raft = net[1]
    assert (raft.role, raft.current_term, raft.voted_for) == (FOLLOWER, 5, "n2")
    assert (raft.commit_index, raft.last_applied, raft.durable_index) == (0, 0, 4)
    assert terms(raft.log) == [1, 1, 4, 4]
    assert net.nodes[1].handed_out == 0
    net.receive(1, 2, append(5, 2, (4, 4), commit=3))
    assert (raft.commit_index, len(net.nodes[1].applied)) == (3, 3)


@pytest.mark.parametrize("role", [FOLLOWER, CANDIDATE])
def test_e4_an_election_starts(role):
    net = alone(role)
    net.auto_sync = False
    effects = net.fire(1)
    assert (net[1].role, net[1].current_term, net[1].voted_for) == (CANDIDATE, 2, "n1")
    assert effects.persist.state == PersistentState(2, "n1")
    assert effects.send_now == ()
    assert [send.to for send in effects.send_after] == ["n2", "n3"]
    assert {send.message for send in effects.send_after} == {vote_request(2, 1)}
    assert net.sent == []
    net.sync(1)
    assert net.take_sent(RequestVoteArgs) == [vote_request(2, 1)] * 2


def test_e4_says_where_its_log_ends():
    net = Network(3, logs={1: [1, 2]}, holes=(2, 3))
    net.fire(1)
    assert net.take_sent() == [vote_request(3, 1, 2, 2)] * 2


@pytest.mark.parametrize(
    ("size", "grants", "denials", "role"),
    [
        (1, 0, 0, LEADER),
        (3, 2, 0, LEADER),
        (3, 1, 0, LEADER),
        (5, 4, 0, LEADER),
        (5, 3, 0, LEADER),
        (5, 2, 0, LEADER),
        (3, 0, 2, FOLLOWER),
        (5, 0, 4, FOLLOWER),
        (5, 1, 3, FOLLOWER),
        (3, 0, 0, CANDIDATE),
        (5, 1, 0, CANDIDATE),
        (5, 0, 2, CANDIDATE),
        (5, 0, 0, CANDIDATE),
        (4, 1, 0, CANDIDATE),
        (4, 2, 0, LEADER),
        (4, 0, 2, FOLLOWER),
    ],
)
def test_e5_one_round(size, grants, denials, role):
    net = Network(size, holes=range(2, size + 1))
    net.fire(1)
    for k in range(2, 2 + grants + denials):
        net.receive(1, k, vote(1, granted=k < 2 + grants))
    assert (net[1].role, net[1].current_term) == (role, 1)


@pytest.mark.parametrize("granted", [True, False])
def test_e5_one_voter_is_one_vote_however_often_it_is_heard(granted):
    net = Network(5, holes=range(2, 6))
    net.fire(1)
    for _ in range(5):
        net.receive(1, 2, vote(1, granted=granted))
    assert net[1].role is CANDIDATE


@pytest.mark.parametrize(
    ("voted_for", "candidate", "granted"),
    [(None, 2, True), (None, 3, True), (2, 2, True), (2, 3, False), (3, 2, False), (3, 3, True)],
)
def test_e6_first_come_first_served(voted_for, candidate, granted):
    net = Network(3, term=1, votes={1: voted_for} if voted_for else None, holes=(2, 3))
    effects = net.receive(1, candidate, vote_request(1, candidate))
    assert net.take_sent() == [vote(1, granted=granted)]
    assert net[1].voted_for == name(candidate if granted else voted_for)
    assert (effects.persist is not None) == (voted_for is None)


def test_a_vote_is_on_disk_before_it_is_told():
    net = Network(3, holes=(2, 3), auto_sync=False)
    net.receive(1, 2, vote_request(1, 2))
    assert net.sent == []
    net.sync(1)
    assert net.take_sent() == [vote(1)]


@pytest.mark.parametrize(("last", "waits"), [((1, 1), True), ((0, 0), False)])
def test_only_a_granted_vote_gives_the_candidate_time(last, waits):
    net = Network(3, logs={1: [1]}, holes=(2, 3))
    before = net[1].deadline
    net.now = 90
    net.receive(1, 2, vote_request(2, 2, *last))
    assert (net[1].deadline >= 90 + ELECTION_MS[0]) == waits
    assert waits or net[1].deadline == before


@pytest.mark.parametrize("term", [1, 2])
def test_e7_a_candidate_yields_to_the_leader(term):
    net = alone(CANDIDATE)
    net.receive(1, 2, append(term, 2))
    assert (net[1].role, net[1].current_term, net[1].leader_id) == (FOLLOWER, term, "n2")


def test_e8_every_timeout_comes_up():
    net = Network(1, holes=(), voters=("n1", "n2"))
    drawn = set()
    for _ in range(1500):
        net.fire(1)
        drawn.add(net[1].deadline - net.now)
    assert drawn == set(range(ELECTION_MS[0], ELECTION_MS[1] + 1))


def test_e8_nodes_seldom_fire_together():
    randoms = [Random64(seed) for seed in range(5)]
    clashes = 0
    for _ in range(1000):
        first, second, *_ = sorted(random.between(10, 19) for random in randoms)
        clashes += first == second
    assert clashes <= 300


def test_the_timer_is_drawn_anew_at_every_heartbeat():
    net = Network(3, holes=(2, 3))
    drawn = set()
    for _ in range(20):
        net.receive(1, 2, append(1, 2))
        drawn.add(net[1].deadline)
    assert len(drawn) > 10


def test_only_the_first_timeout_has_a_range_of_its_own():
    net = Network(3, holes=(2, 3), first_timeout_ms=(20, 30))
    assert 20 <= net[1].deadline <= 30
    net.fire(1)
    assert net[1].deadline - net.now >= ELECTION_MS[0]


def test_waking_early_changes_nothing():
    net = Network(3)
    before = net[1].dump()
    effects = net.step(1, Wake(net[1].deadline - 1))
    assert effects.wake_at == net[1].deadline
    assert (effects.trace, effects.send_now, effects.persist) == ((), (), None)
    assert net[1].dump() == before | {"time_left": 1}


def test_a_clock_that_goes_back_is_taken_to_stand_still():
    net = Network(3)
    net.step(1, Wake(90))
    net.step(1, Wake(10))
    assert net[1].dump()["time_left"] == net[1].deadline - 90


@pytest.mark.parametrize(
    ("log", "last_term", "last_index", "granted"),
    [
        ([1], 1, 1, True),
        ([1], 1, 2, True),
        ([1, 1], 1, 1, False),
        ([1], 2, 1, True),
        ([1], 2, 2, True),
        ([1, 1], 2, 1, True),
        ([2], 1, 1, False),
        ([2], 1, 2, False),
        ([2, 2], 1, 1, False),
        ([], 0, 0, True),
    ],
)
def test_e9_a_vote_needs_a_fresh_log(log, last_term, last_index, granted):
    net = Network(3, logs={1: log}, holes=(2, 3))
    net.receive(1, 2, vote_request(3, 2, last_term, last_index))
    assert net.take_sent() == [vote(3, granted=granted)]


@pytest.mark.parametrize("role", ROLES)
def test_e10_a_vote_in_any_role(role):
    net = alone(role)
    net.receive(1, 2, vote_request(2, 2, 9, 9))
    assert net.take_sent() == [vote(2)]
    assert (net[1].role, net[1].current_term, net[1].voted_for) == (FOLLOWER, 2, "n2")


def test_e11_duelling_candidates():
    net = Network(3)
    net.cut(1, 3)
    net.fire(1)
    net.fire(3)
    net.deliver()
    assert (net[1].role, net[1].current_term) == (LEADER, 1)
    assert (net[3].role, net[3].current_term) == (CANDIDATE, 1)
    net.recover()
    net.elect(3)
    assert net.roles() == [FOLLOWER] * 3
    assert [net[k].current_term for k in (1, 2, 3)] == [2] * 3
    assert net.logs() == [[1], [1], []]


def test_e13_a_newer_uncommitted_log_loses():
    net = Network(5, logs={1: [1], 2: [1], 3: [2]}, term=1)
    for k in (4, 5):
        net.receive(k, 3, vote_request(2, 3, 2, 1))
    net.take_sent()
    net.elect(1)
    assert (net[1].role, net[1].current_term) == (FOLLOWER, 2)
    net.elect(1)
    assert (net[1].role, net[1].current_term) == (LEADER, 3)
    net.heartbeat(1)
    assert net.logs() == [[1, 3]] * 5


def test_e14_a_late_self_vote_elects_nobody():
    net = Network(1, auto_sync=False, voters=("n1", "n2"))
    net.fire(1)
    net.receive(1, 2, vote(1))
    assert net[1].role is CANDIDATE, "its own vote is not on disk yet"
    net.receive(1, 2, append(1, 2))
    net.sync(1)
    assert (net[1].role, net[1].leader_id) == (FOLLOWER, "n2")


def test_e14_the_self_vote_of_an_earlier_election_does_not_count():
    net = Network(1, auto_sync=False)
    net.fire(1)
    net.fire(1)
    net.sync(1, 1)
    assert (net[1].role, net[1].current_term) == (CANDIDATE, 2)
    net.sync(1)
    assert net[1].role is LEADER


def test_e14_a_self_vote_counts_once():
    net = Network(5, holes=range(2, 6))
    net.fire(1)
    for _ in range(3):
        net.step(1, Persisted(net.now, 1, 0, 0))
    net.receive(1, 2, vote(1))
    assert net[1].role is CANDIDATE


def test_e14_a_late_ack_of_ones_own_entry_from_an_earlier_term():
    net = lone_leader(3, auto_sync=True)
    net.auto_sync = False
    net.propose(1)
    net.receive(1, 3, append(2, 3, (0, 0), [2]))
    assert terms(net[1].log) == [2]
    net.sync(1, 1)
    assert (net[1].commit_index, net[1].durable_index) == (0, 0)
    net.sync(1)
    assert net[1].durable_index == 1


def test_e15_a_proposal_where_nobody_leads():
    net = Network(3, holes=(2, 3))
    (refused,) = net.propose(1).resolved
    assert (refused.accepted, refused.code, refused.leader_id) == (False, ErrorCode.NO_LEADER, "")
    assert net[1].log.last_index == 0


def test_e15_a_proposal_where_somebody_else_leads():
    net = leader_of(3)
    (refused,) = net.propose(2).resolved
    assert (refused.proposal_id, refused.accepted) == ("p", False)
    assert (refused.code, refused.leader_id) == (ErrorCode.NOT_LEADER, "n1")
    assert "n1" in refused.message
    assert net.logs() == [[1]] * 3


def test_a_cluster_of_one_elects_itself_once_its_vote_is_on_disk():
    net = Network(1, auto_sync=False)
    net.fire(1)
    assert net[1].role is CANDIDATE
    net.sync(1)
    assert net[1].role is LEADER
    net.sync(1)
    assert net[1].commit_index == 1


def test_a_vote_for_another_term_does_not_count():
    net = Network(3, holes=(2, 3))
    net.fire(1)
    net.fire(1)
    net.receive(1, 2, vote(1, of_term=2))
    assert (net[1].role, net[1].current_term) == (CANDIDATE, 2)


def test_a_vote_after_the_election_does_not_count():
    net = alone(LEADER)
    before = net[1].dump()
    net.receive(1, 3, vote(1))
    assert net[1].dump() == before


def test_a_leader_that_hears_nothing_goes_on_leading():
    net = alone(LEADER)
    for _ in range(100):
        net.fire(1)
    assert (net[1].role, net[1].current_term) == (LEADER, 1)


def test_a_leader_that_steps_down_waits_a_whole_election_timeout():
    net = alone(LEADER)
    net.receive(1, 2, rejection(2, 0))
    assert net[1].deadline >= net.now + ELECTION_MS[0]


@pytest.mark.parametrize(
    ("sender", "message"),
    [
        (1, vote_request(5, 1, 9, 9)),  # itself
        (2, vote_request(5, 3, 9, 9)),  # in another's name
        (2, append(5, 3)),
        (2, RequestVoteReply(5, vote_granted=True, is_pre_vote=True, request_term=1)),
        (2, AppendEntriesArgs(5, name(2), 0, 0, entries(2, 5))),  # with a gap
        (2, AppendEntriesArgs(5, name(2), 0, 0, entries(1, 5) * 2)),
        (2, InstallSnapshotArgs(5, name(3), 9, 9)),
    ],
)
def test_what_nobody_could_have_sent_is_dropped(sender, message):
    net = alone(CANDIDATE)
    before = net[1].dump()
    effects = net.step(1, Receive(net.now, name(sender), message))
    assert net[1].dump() == before
    assert (effects.send_now, effects.send_after, effects.trace) == ((), (), ())


def test_the_same_seed_draws_the_same_timeouts():
    def draw(seed):
        config = RaftConfig("n1", ("n1", "n2"), 100, 900, 50)
        raft = Raft(config, Recovered(), Random64(seed), now=0)
        deadlines = []
        for _ in range(5):
            deadlines.append(raft.deadline)
            raft.step(Wake(raft.deadline))
        return deadlines

    assert draw(1) == draw(1) != draw(2)
