"""The requester against the real lock table, in virtual time."""

import pytest

from raftlock.client.protocol import (
    Cancel,
    Close,
    Connect,
    Connected,
    Disconnected,
    EndpointsChanged,
    Failed,
    Received,
    Requester,
    RetryPolicy,
    Submit,
    TimePassed,
)
from raftlock.errors import (
    InvalidArgument,
    LockHeld,
    NotLockOwner,
    PermissionDenied,
    SessionExpired,
    Timeout,
    TooMany,
    Unavailable,
    WaitCancelled,
    WaitTimedOut,
)
from raftlock.raft.random64 import Random64
from raftlock.transport.codec import ErrorInfo, Response
from raftlock.transport.values import encode
from raftlock.types import (
    ClientID,
    Command,
    LockID,
    LockOperation,
    Millis,
    Outcome,
    OutcomeStatus,
    SessionID,
)
from tests.client.world import Client, World, endpoint

BUILD = LockID("build")


@pytest.fixture
def world():
    return World()


@pytest.fixture
def alice(world):
    return Client(world, "alice")


@pytest.fixture
def bob(world):
    return Client(world, "bob", seed=8)


def holder(world, lock=BUILD):
    change = world.machine.info(lock)
    return change.owner_id if change is not None else ""


def waiters(world, lock=BUILD):
    change = world.machine.info(lock)
    return [waiter.client_id for waiter in change.waiters] if change is not None else []


# --- the plain way -----------------------------------------------------------------------------


def test_the_first_call_connects_opens_a_session_and_asks(world, alice):
    outcome = alice.outcome(alice.acquire())
    assert outcome.status is OutcomeStatus.GRANTED
    assert [request.call for request in alice.sent()] == ["open_session", "acquire"]
    assert alice.requester.session_id == outcome.session_id
    assert alice.sent("acquire")[0].params == {
        "lock_id": "build",
        "client_id": "alice",
        "ttl": 5000,
        "request_id": "alice-1",
        "session_id": alice.requester.session_id,
        "sequence": 1,
        "lowest_unanswered": 1,
    }


def test_a_lease_counts_from_before_the_first_attempt(world, alice):
    alice.outcome(alice.acquire())
    world.run(100)
    began = world.now
    number = alice.acquire("other")
    assert alice.wait_for(number).first_left == began < world.now


def test_answered_numbers_are_told_to_the_service(world, alice):
    for sequence in (1, 2, 3):
        alice.outcome(alice.acquire(f"lock-{sequence}"))
        params = alice.sent("acquire")[-1].params
        assert (params["sequence"], params["lowest_unanswered"]) == (sequence, sequence)


def test_calls_at_once_share_connection_and_session(world, alice):
    numbers = [alice.acquire(f"lock-{each}") for each in range(5)]
    tokens = [alice.outcome(number).token for number in numbers]
    assert sorted(tokens) == tokens
    assert len(set(tokens)) == 5
    assert world.dialled == ["n1"]
    assert len(alice.sent("open_session")) == 1


def test_a_refusal_is_an_error_with_the_request_in_its_details(world, alice, bob):
    alice.outcome(alice.acquire())
    error = bob.error(bob.acquire(request_id="mine"))
    assert isinstance(error, LockHeld)
    assert error.details == {"request_id": "mine", "lock": "build"}
    assert "alice" in error.message


def test_status_needs_no_session_and_any_node_answers(world, alice):
    number = alice.status()
    assert alice.wait_for(number).result == {"id": "n1"}
    assert [request.call for request in alice.sent()] == ["get_status"]


def test_a_look_needs_no_session_and_finds_the_leader(world, alice):
    token = alice.outcome(alice.acquire()).token
    world.elect("n2")
    bob = Client(world, "bob", seed=9)
    seen = bob.wait_for(bob.look()).result
    assert (seen["owner_id"], seen["version"]) == ("alice", token)
    assert {request.call for request in bob.sent()} == {"get_lock_info"}
    assert bob.sent()[-1].params == {"lock_id": "build"}
    assert bob.requester.leader == endpoint("n2")


def test_a_look_is_asked_again_elsewhere(world, alice):
    world.silent.add("n1")
    world.elect("n3", known_to=["n2", "n3"])
    assert alice.wait_for(alice.look()).result["owner_id"] == ""
    assert world.dialled[0] == "n1"
    assert world.dialled[-1] == "n3"


def test_a_look_without_an_answer_may_just_be_repeated(world, alice):
    for node in world.believed:
        world.silent.add(node)
    error = alice.error(alice.look(time_ms=5_000))
    assert isinstance(error, Unavailable)
    assert error.details == {"lock": "build"}


def test_nobody_finishes_a_look_that_nobody_wants(world, alice):
    world.answers_lost = 100
    number = alice.look()
    world.run(20)
    alice.cancel(number)
    assert alice.requester.is_settled
    world.run(20_000)
    assert alice.answers == {}
    world.answers_lost = 0
    assert alice.outcome(alice.acquire()).status is OutcomeStatus.GRANTED, "nothing is in its way"


def test_nobody_is_told_that_nothing_was_asked_under_an_id_that_was(world, alice):
    """The first asking was done, withdrawn and forgotten; the second finds no node to ask."""
    alice.outcome(alice.acquire("another"))
    world.answers_lost = 1
    first = alice.acquire(wait_ms=1_000, request_id="mine", time_ms=2_000)
    assert isinstance(alice.error(first), Timeout)
    alice.settle()
    assert world.machine.info(BUILD) is None, "it was granted, and taken back"
    assert world.machine.stats().acquired == 2
    for node in world.believed:
        world.kill(node)
    world.run(10)
    again = alice.error(alice.acquire(wait_ms=1_000, request_id="mine", time_ms=2_000))
    assert isinstance(again, Timeout)
    assert "asked earlier under the same request id" in again.message
    other = alice.error(alice.acquire(wait_ms=1_000, request_id="other", time_ms=2_000))
    assert isinstance(other, Unavailable)


def test_an_idle_client_is_quiet(world, alice):
    alice.outcome(alice.acquire(ttl=60_000))
    said = len(alice.actions)
    world.run(50_000)
    assert alice.requester.wake_at is None
    world.disconnect_all()
    world.run(5_000)
    assert len(alice.actions) == said


# --- finding the leader ------------------------------------------------------------------------


def test_it_follows_a_hint(world):
    world.elect("n3")
    alice = Client(world)
    alice.outcome(alice.acquire())
    assert world.dialled == ["n1", "n3"]
    assert alice.requester.leader == endpoint("n3")


def test_it_stays_with_the_leader(world):
    world.elect("n3")
    alice = Client(world)
    alice.outcome(alice.acquire())
    world.disconnect_all()
    world.run(10)
    alice.outcome(alice.acquire("other"))
    assert world.dialled == ["n1", "n3", "n3"]


def test_nodes_that_are_down_are_passed_over_at_once(world):
    world.kill("n1")
    world.kill("n2")
    world.elect("n3")
    alice = Client(world)
    alice.outcome(alice.acquire(), ms=50)
    assert world.dialled == ["n1", "n2", "n3"]


def test_a_new_leader_is_found_soon_after_it_is_elected(world, alice):
    alice.outcome(alice.acquire())
    world.kill("n1")
    number = alice.acquire("other")
    world.run(3_000)
    assert number not in alice.answers
    world.elect("n2")
    began = world.now
    alice.outcome(number)
    assert world.now - began < 1_500


def test_the_search_is_bounded_while_nobody_leads(world, alice):
    world.elect(None)
    alice.acquire(time_ms=60_000)
    world.run(60_000)
    assert len(world.dialled) < 100


@pytest.mark.parametrize(
    "believed",
    [
        {"n1": "n2", "n2": "n1", "n3": "n1"},
        {"n1": "n2", "n2": "n3", "n3": "n1"},
        {"n1": "n1", "n2": "n2", "n3": "n3"},
        {"n1": None, "n2": "n1", "n3": None},
    ],
    ids=["two name each other", "three in a circle", "each itself", "one names the clueless"],
)
def test_nodes_that_send_it_in_circles_do_not_keep_it_busy(world, believed):
    world.elect(None)
    world.believed = believed
    alice = Client(world)
    number = alice.acquire(time_ms=30_000)
    world.run(20_000)
    assert len(world.dialled) < 100
    world.elect("n2")
    assert alice.outcome(number, ms=5_000).token


def test_a_hint_outside_of_the_list_is_followed(world):
    world.elect("n3")
    alice = Client(world, nodes=("n1", "n2"))
    alice.outcome(alice.acquire())
    assert world.dialled == ["n1", "n3"]


@pytest.mark.parametrize("address", ["", "nonsense", "n1:0", "[::1]:70000"])
def test_a_hint_that_is_no_address_is_no_hint(address):
    requester = fresh()
    submit(requester)
    requester.step(Connected(Millis(1), 1))
    error = ErrorInfo(201, "NOT_LEADER", "", {"leader": "n9", "address": address})
    actions = requester.step(Received(Millis(2), 1, Response(1, error=error)))
    assert actions == (Close(1),)
    actions = requester.step(TimePassed(requester.wake_at))
    assert [action.endpoint for action in actions] == [endpoint("n2")]


def test_a_silent_leader_is_left_and_not_asked_again_on_a_follower_s_word(world, alice):
    alice.outcome(alice.acquire(ttl=60_000))
    world.silent.add("n1")
    world.elect("n3", known_to=["n3"])  # n2 still names the silent one
    outcome = alice.outcome(alice.acquire("other"))
    assert outcome.status is OutcomeStatus.GRANTED
    assert world.dialled == ["n1", "n2", "n3"]
    assert world.now < 4_000


def test_a_node_that_never_completes_the_connection_is_given_up(world):
    world.silent.add("n1")
    world.elect("n2")
    alice = Client(world)
    alice.outcome(alice.acquire())
    assert world.dialled == ["n1", "n2"]
    assert 2_000 <= world.now < 2_100


def test_endpoints_may_change(world, alice):
    alice.step(EndpointsChanged(Millis(0), (endpoint("n2"), endpoint("n3"))))
    world.elect("n3")
    alice.outcome(alice.acquire())
    assert world.dialled == ["n2", "n3"]


def test_with_nobody_to_ask_the_call_fails_at_its_deadline(world):
    alice = Client(world, nodes=())
    error = alice.error(alice.acquire(time_ms=5_000))
    assert isinstance(error, Unavailable)
    assert "there is no node to ask" in error.message
    assert world.now == 5_000


def test_a_refused_client_is_told_at_once():
    requester = fresh()
    submit(requester)
    (failed, *_) = requester.step(Disconnected(Millis(5), 1, "said: wrong token", denied=True))
    assert isinstance(failed.error, PermissionDenied)
    assert "wrong token" in failed.error.message


# --- the same request, again -------------------------------------------------------------------


def test_a_lost_answer_is_asked_for_with_the_same_ids(world, alice):
    alice.outcome(alice.acquire("first"))
    world.answers_lost = 1
    number = alice.acquire()
    outcome = alice.outcome(number)
    repeated = alice.sent("acquire")[1:]
    assert len(repeated) > 1
    assert all(request.params == repeated[0].params for request in repeated)
    assert world.asked[-1] == world.asked[-2]
    assert len([change for change in world.machine.all() if change.owner_id == "alice"]) == 2
    assert alice.answers[number].first_left < 100, "the lease counts from the first attempt"
    assert outcome.token == world.machine.info(BUILD).token


def test_a_broken_connection_is_made_again_and_all_calls_repeated(world, alice):
    alice.outcome(alice.acquire("first"))
    numbers = [alice.acquire(f"lock-{each}") for each in range(3)]
    world.disconnect_all()
    for number in numbers:
        assert alice.outcome(number).status is OutcomeStatus.GRANTED
    assert len(world.machine.all()) == 4


def test_a_new_leader_answers_what_the_old_one_was_asked(world, alice):
    alice.outcome(alice.acquire("first"))
    world.answers_lost = 1
    number = alice.acquire()
    world.run(20)
    world.elect("n2")
    world.kill("n1")
    assert alice.outcome(number).token == world.machine.info(BUILD).token
    assert alice.requester.leader == endpoint("n2")


def test_a_busy_node_is_asked_again_later_on_the_same_connection(world, alice):
    alice.outcome(alice.acquire("first"))
    world.busy = 3
    alice.outcome(alice.acquire())
    assert world.dialled == ["n1"]
    assert len(alice.sent("acquire")) == 5


@pytest.mark.parametrize("code", [203, 301, 303])
def test_answers_that_decide_nothing_are_asked_elsewhere(code):
    requester = fresh()
    opened(requester)
    submit(requester, now=2)
    error = ErrorInfo(code, "", "")
    requester.step(Received(Millis(3), 1, Response(3, error=error)))
    due = requester.wake_at
    (connect,) = requester.step(TimePassed(due))
    actions = requester.step(Connected(due, connect.connection))
    assert actions[0].request.params["sequence"] == 2


def test_a_malformed_answer_ends_that_connection_only():
    requester = fresh()
    opened(requester)
    submit(requester, now=2)
    actions = requester.step(Received(Millis(3), 1, Response(3, {"status": "nonsense"})))
    assert [type(action) for action in actions] == [Close, Connect]


@pytest.mark.parametrize("session", [0, -1])
def test_a_session_without_a_number_is_malformed(session):
    requester = fresh()
    submit(requester)
    requester.step(Connected(Millis(1), 1))
    outcome = Outcome(
        OutcomeStatus.SESSION_OPENED, LockOperation.OPEN_SESSION, session_id=SessionID(session)
    )
    actions = requester.step(Received(Millis(2), 1, Response(1, encode(outcome))))
    assert [type(action) for action in actions] == [Close, Connect]


def test_news_of_an_older_connection_is_no_news():
    requester = fresh()
    submit(requester)
    requester.step(Disconnected(Millis(1), 1, "refused"))
    assert requester.step(Connected(Millis(2), 1)) == ()
    assert requester.step(Received(Millis(2), 1, Response(1, {}))) == ()
    assert requester.step(Disconnected(Millis(2), 1)) == ()
    assert requester.step(Received(Millis(2), 2, Response(99, {}))) == ()


# --- deadlines ---------------------------------------------------------------------------------


def test_what_never_left_is_known_not_to_be_applied(world, alice):
    for node in tuple(world.believed):
        world.kill(node)
    error = alice.error(alice.acquire(request_id="mine"))
    assert isinstance(error, Unavailable)
    assert "nothing was asked" in error.message
    assert "refused" in error.message
    assert world.now == 10_000


def test_a_timeout_is_never_taken_for_a_failure(world, alice):
    alice.outcome(alice.acquire("first", ttl=60_000))
    world.answers_lost = 99
    error = alice.error(alice.acquire(request_id="mine", ttl=60_000))
    assert isinstance(error, Timeout)
    assert "unknown" in error.message
    assert "request_id='mine'" in error.message
    assert error.details == {"request_id": "mine", "lock": "build"}
    assert holder(world) == "alice", "it was granted all the same"
    # Asking again gets that very grant, and its lease counts from the very first attempt.
    world.answers_lost = 0
    number = alice.acquire(request_id="mine", ttl=60_000)
    outcome = alice.outcome(number)
    assert outcome.token == world.machine.info(BUILD).token
    assert alice.answers[number].first_left < 100
    assert len({(command.session_id, command.sequence) for command in world.asked[2:]}) == 1


def test_an_answer_of_unknown_outcome_is_kept_by_the_service_meanwhile(world, alice):
    alice.outcome(alice.acquire("first", ttl=60_000))
    world.answers_lost = 99
    alice.error(alice.acquire(request_id="mine", ttl=60_000))
    world.answers_lost = 0
    for each in range(10):
        alice.outcome(alice.acquire(f"lock-{each}", ttl=60_000))
    assert alice.sent("acquire")[-1].params["lowest_unanswered"] == 2
    assert alice.outcome(alice.acquire(request_id="mine", ttl=60_000)).token
    alice.outcome(alice.acquire("last", ttl=60_000))
    assert alice.sent("acquire")[-1].params["lowest_unanswered"] == 13


def test_what_the_service_has_forgotten_the_client_forgets_too(world, alice):
    alice.outcome(alice.acquire("first", ttl=600_000))
    world.answers_lost = 99
    alice.error(alice.acquire(request_id="mine"))
    world.answers_lost = 0
    for each in range(70):
        alice.outcome(alice.acquire(f"lock-{each}", ttl=600_000))
    params = alice.sent("acquire")[-1].params
    assert params["lowest_unanswered"] == params["sequence"]


def test_status_that_times_out_says_so():
    requester = fresh()
    requester.step(Submit(Millis(0), 1, "get_status", Millis(1_000)))
    requester.step(Connected(Millis(1), 1))
    (failed,) = requester.step(TimePassed(Millis(1_000)))
    assert isinstance(failed.error, Timeout)
    assert "ask again" in failed.error.message
    assert requester.wake_at is None


def test_a_waiting_call_that_times_out_leaves_no_waiter(world, alice, bob):
    alice.outcome(alice.acquire(ttl=60_000))
    error = bob.error(bob.acquire(wait_ms=60_000, time_ms=2_000))
    assert isinstance(error, Timeout)
    assert "withdrawn" in error.message
    bob.settle()
    assert waiters(world) == []


# --- asking twice ------------------------------------------------------------------------------


def test_an_answered_request_has_the_same_answer_again(world, alice):
    first = alice.acquire(request_id="mine")
    alice.outcome(first)
    asked = len(world.asked)
    again = alice.acquire(request_id="mine")
    assert alice.answers[again].outcome == alice.answers[first].outcome
    assert alice.answers[again].first_left == alice.answers[first].first_left
    assert len(world.asked) == asked


def test_a_request_id_serves_one_request(world, alice):
    alice.outcome(alice.acquire(request_id="mine"))
    error = alice.error(alice.acquire("other", request_id="mine"))
    assert isinstance(error, InvalidArgument)
    assert "another request" in error.message
    world.elect(None)
    alice.acquire(request_id="open")
    error = alice.error(alice.acquire(request_id="open"))
    assert "still being asked" in error.message


def test_requests_without_an_id_are_all_different(world, alice):
    command = Command(LockOperation.ACQUIRE, BUILD, ttl=Millis(5_000))
    first, second = alice.submit(command), alice.submit(command)
    assert alice.outcome(first).token == alice.outcome(second).token


# --- sessions ----------------------------------------------------------------------------------


def end_session(world, client):
    session = client.requester.session_id
    world.propose(Command(LockOperation.END_SESSION, session_id=session))


def test_nothing_was_applied_so_the_request_goes_into_a_new_session(world, alice):
    alice.outcome(alice.acquire("first"))
    old = alice.requester.session_id
    end_session(world, alice)
    outcome = alice.outcome(alice.acquire())
    assert outcome.session_id == alice.requester.session_id > old
    assert outcome.sequence == 1


def test_what_may_have_been_applied_is_never_applied_again(world, alice):
    alice.outcome(alice.acquire("first"))
    world.answers_lost = 1
    number = alice.acquire()
    world.run(100)
    world.propose(Command(LockOperation.RELEASE, BUILD, alice.name, version=token_of(world)))
    end_session(world, alice)
    error = alice.error(number)
    assert isinstance(error, SessionExpired)
    assert "unknown" in error.message
    assert holder(world) == "", "it was not granted a second time"
    outcome = alice.outcome(alice.acquire())
    assert outcome.session_id == alice.requester.session_id


def test_a_wait_of_an_ended_session_is_over(world, alice, bob):
    alice.outcome(alice.acquire(ttl=60_000))
    number = bob.acquire(wait_ms=60_000)
    world.run(100, lambda: number in bob.progress)
    end_session(world, bob)
    assert isinstance(bob.error(number), WaitCancelled)


def test_two_that_share_a_client_id_do_not_go_on_for_ever(world):
    twins = [Client(world, "alice", seed=1), Client(world, "alice", seed=2)]
    numbers = [[twin.acquire(f"lock-{each}") for each in range(4)] for twin in twins]
    world.run(9_000)
    for twin, mine in zip(twins, numbers, strict=True):
        assert all(number in twin.answers for number in mine)
    assert len(world.asked) < 100


def test_if_no_session_can_be_opened_the_calls_are_told():
    requester = fresh()
    submit(requester)
    requester.step(Submit(Millis(0), 2, "get_status", Millis(9_000)))
    requester.step(Connected(Millis(1), 1))
    error = ErrorInfo(405, "TOO_MANY", "no more sessions")
    (failed,) = requester.step(Received(Millis(2), 1, Response(1, error=error)))
    assert (failed.number, type(failed.error)) == (1, TooMany)
    assert not requester.is_settled, "the status is still asked"


def test_a_session_is_not_opened_for_nobody(world, alice):
    world.elect(None)
    number = alice.acquire()
    world.run(500)
    alice.cancel(number)
    assert alice.requester.is_settled
    assert alice.requester.wake_at is None


# --- waiting -----------------------------------------------------------------------------------


def test_a_wait_is_told_its_place_and_then_the_grant(world, alice, bob):
    held = alice.outcome(alice.acquire(ttl=60_000))
    number = bob.acquire(wait_ms=60_000)
    world.run(1_000)
    assert bob.progress[number].position == 0
    assert number not in bob.answers
    alice.outcome(alice.release(held.token))
    outcome = bob.outcome(number)
    assert outcome.token > held.token
    assert outcome.stamp - outcome.enqueued_stamp >= 900


def test_a_wait_ends_when_its_time_is_up(world, alice, bob):
    alice.outcome(alice.acquire(ttl=60_000))
    assert isinstance(bob.error(bob.acquire(wait_ms=2_000)), WaitTimedOut)
    assert waiters(world) == []


def test_a_leader_change_in_the_middle_of_a_wait(world, alice, bob):
    held = alice.outcome(alice.acquire(ttl=60_000))
    number = bob.acquire(wait_ms=60_000)
    world.run(500)
    world.kill("n1")
    world.run(2_000)
    world.elect("n2", known_to=["n2", "n3"])
    world.run(2_000)
    assert waiters(world) == ["bob"]
    alice.outcome(alice.release(held.token))
    assert bob.outcome(number).status is OutcomeStatus.GRANTED
    sequences = {request.params["sequence"] for request in bob.sent("acquire")}
    assert len(bob.sent("acquire")) > 1
    assert sequences == {1}


def test_a_wait_at_a_leader_that_is_cut_off_is_found_out(world, alice, bob):
    alice.outcome(alice.acquire(ttl=4_000))
    number = bob.acquire(wait_ms=60_000)
    world.run(500)
    world.silent.add("n1")  # its connection stands, but it decides nothing any more
    world.elect("n2", known_to=["n2", "n3"])
    outcome = bob.outcome(number)
    assert outcome.status is OutcomeStatus.GRANTED
    assert world.now < 12_000


def test_a_long_wait_costs_the_log_little(world, alice, bob):
    alice.outcome(alice.acquire(ttl=120_000))
    bob.acquire(wait_ms=100_000)
    bob.acquire("build", wait_ms=100_000)
    world.run(60_000)
    assert len(world.asked) < 20


# --- taking back -------------------------------------------------------------------------------


def test_a_cancelled_wait_leaves_the_queue(world, alice, bob):
    alice.outcome(alice.acquire(ttl=60_000))
    number = bob.acquire(wait_ms=60_000)
    world.run(1_000)
    bob.cancel(number)
    bob.settle(1_000)
    assert waiters(world) == []
    assert number not in bob.answers
    assert bob.requester.wake_at is None


def test_a_call_that_never_left_is_just_forgotten(world, alice):
    world.elect(None)
    number = alice.acquire(wait_ms=60_000)
    alice.cancel(number)
    assert alice.requester.is_settled
    alice.cancel(number)
    alice.cancel(99)


def test_a_cancelled_acquire_that_was_granted_is_released(world, alice):
    alice.outcome(alice.acquire("first"))
    number = alice.acquire()
    alice.cancel(number)
    alice.settle(1_000)
    assert holder(world) == ""
    assert number not in alice.answers


def test_a_cancelled_acquire_that_was_refused_is_done(world, alice, bob):
    alice.outcome(alice.acquire())
    bob.outcome(bob.acquire("other"))
    bob.cancel(bob.acquire())
    bob.settle(1_000)
    assert holder(world) == "alice"


def test_the_cancel_meets_the_grant(world, alice, bob):
    held = alice.outcome(alice.acquire(ttl=60_000))
    number = bob.acquire(wait_ms=60_000)
    world.run(1_000)
    alice.release(held.token)
    # The grant is on its way when the caller goes away.
    world.run(50, lambda: holder(world) == "bob")
    bob.cancel(number)
    bob.settle(1_000)
    assert holder(world) == ""
    assert number not in bob.answers


def test_the_cancel_meets_a_grant_whose_answer_was_lost(world, alice, bob):
    held = alice.outcome(alice.acquire(ttl=60_000))
    number = bob.acquire(wait_ms=60_000)
    world.run(1_000)
    world.waiting.clear()
    world.propose(Command(LockOperation.RELEASE, BUILD, alice.name, version=held.token))
    assert holder(world) == "bob"
    bob.cancel(number)
    bob.settle(1_000)
    assert holder(world) == ""
    assert [request.call for request in bob.sent()][-3:] == ["cancel_wait", "acquire", "release"]


def test_the_cancel_overtakes_the_request_on_a_new_connection(world, alice, bob):
    alice.outcome(alice.acquire(ttl=60_000))
    bob.outcome(bob.acquire("other"))
    number = bob.acquire(wait_ms=60_000)
    world.disconnect_all()  # the request never arrives
    world.run(0)
    bob.cancel(number)
    bob.settle(5_000)
    assert waiters(world) == []
    assert [request.call for request in bob.sent()][-3:] == [
        "cancel_wait",
        "acquire",
        "cancel_wait",
    ]


def test_the_caller_goes_away_between_the_answer_and_its_reading(world, alice):
    number = alice.acquire()
    alice.outcome(number)
    alice.cancel(number)
    alice.settle(1_000)
    assert holder(world) == ""


def test_a_cancelled_second_acquire_does_not_take_the_first_one_s_lock(world, alice):
    alice.outcome(alice.acquire())
    alice.cancel(alice.acquire())
    alice.settle(1_000)
    assert holder(world) == "alice"
    again = alice.acquire()
    alice.outcome(again)
    alice.cancel(again)
    alice.settle(1_000)
    assert holder(world) == "alice"


def test_a_release_whose_caller_went_away_is_seen_through(world, alice):
    held = alice.outcome(alice.acquire())
    number = alice.release(held.token)
    world.disconnect_all()
    alice.cancel(number)
    alice.settle(2_000)
    assert holder(world) == ""
    assert number not in alice.answers


def test_what_is_taken_back_is_out_of_the_way_before_the_lock_is_asked_for_again(world, alice):
    alice.outcome(alice.acquire("first"))
    alice.cancel(alice.acquire())
    outcome = alice.outcome(alice.acquire())
    world.run(5_000 - 100)
    assert outcome.token == token_of(world), "the second hold was not released in its place"
    calls = [request.call for request in alice.sent()][-3:]
    assert calls == ["acquire", "release", "acquire"]


def test_a_withdrawal_survives_a_leader_change(world, alice, bob):
    alice.outcome(alice.acquire(ttl=60_000))
    number = bob.acquire(wait_ms=60_000)
    world.run(500)
    world.elect(None)
    bob.cancel(number)
    world.run(3_000)
    world.elect("n2")
    bob.settle(5_000)
    assert waiters(world) == []


def test_a_withdrawal_is_given_up_some_day(world, alice, bob):
    alice.outcome(alice.acquire(ttl=60_000))
    number = bob.acquire(wait_ms=60_000)
    world.run(500)
    world.elect(None)
    bob.cancel(number)
    bob.settle(31_000)
    assert bob.requester.wake_at is None


def test_a_withdrawal_ends_with_its_session(world, alice, bob):
    alice.outcome(alice.acquire(ttl=60_000))
    number = bob.acquire(wait_ms=60_000)
    world.run(500)
    end_session(world, bob)
    bob.cancel(number)
    bob.settle(5_000)
    assert waiters(world) == []


def test_a_cancel_asked_twice_in_an_ended_session_is_done_with():
    requester = fresh()
    opened(requester)
    waits = Command(
        LockOperation.ACQUIRE,
        BUILD,
        ClientID("alice"),
        ttl=Millis(5_000),
        wait=True,
        wait_timeout=Millis(9_000),
        request_id="mine",
    )
    requester.step(Submit(Millis(2), 2, "acquire", Millis(19_000), waits))
    requester.step(Cancel(Millis(3), 2))
    requester.step(Disconnected(Millis(4), 1))
    (cancels,) = requester.step(Connected(Millis(5), 2))
    assert cancels.request.call == "cancel_wait"
    expired = ErrorInfo(401, "SESSION_EXPIRED", "")
    requester.step(Received(Millis(6), 2, Response(cancels.request.id, error=expired)))
    assert requester.is_settled


def test_an_expired_grant_needs_no_release(world, alice):
    alice.outcome(alice.acquire("first", ttl=60_000))
    world.answers_lost = 1
    alice.cancel(alice.acquire(ttl=1_000))
    alice.settle(10_000)
    assert alice.sent("release") == []
    assert holder(world) == ""


# --- bounds ------------------------------------------------------------------------------------


def test_no_more_is_open_at_once_than_the_service_keeps(world, alice):
    alice.outcome(alice.acquire("first"))
    numbers = [alice.acquire(f"lock-{each}", ttl=60_000) for each in range(100)]
    assert len(alice.sent("acquire")) == 65
    assert all(alice.outcome(number).token for number in numbers)


def test_requests_of_unknown_outcome_make_room(world, alice):
    alice.outcome(alice.acquire("first", ttl=60_000))
    world.answers_lost = 10_000
    numbers = [alice.acquire(f"lock-{each}", time_ms=1_000) for each in range(64)]
    world.run(1_100)
    assert all(isinstance(alice.error(number), Timeout) for number in numbers)
    world.answers_lost = 0
    numbers = [alice.acquire(f"more-{each}", ttl=60_000) for each in range(64)]
    assert all(alice.outcome(number).token for number in numbers)


def test_a_release_by_another_name_is_refused(world, alice, bob):
    held = alice.outcome(alice.acquire())
    assert isinstance(bob.error(bob.release(held.token)), NotLockOwner)


# --- by hand -----------------------------------------------------------------------------------


def token_of(world):
    return world.machine.info(BUILD).token


def fresh():
    nodes = ("n1", "n2", "n3")
    return Requester(ClientID("alice"), map(endpoint, nodes), Random64(1), RetryPolicy())


def submit(requester, now=0):
    command = Command(
        LockOperation.ACQUIRE, BUILD, ClientID("alice"), ttl=Millis(5_000), request_id="mine"
    )
    return requester.step(Submit(Millis(now), 1, "acquire", Millis(now + 10_000), command))


def opened(requester):
    """Have a session on connection 1. Frames 1 and 2, number 100 and sequence 1 are used up."""
    command = Command(LockOperation.CANCEL_WAIT, BUILD, ClientID("alice"), request_id="open")
    requester.step(Submit(Millis(0), 100, "cancel_wait", Millis(9_000), command))
    requester.step(Connected(Millis(0), 1))
    outcome = Outcome(
        OutcomeStatus.SESSION_OPENED, LockOperation.OPEN_SESSION, session_id=SessionID(5)
    )
    requester.step(Received(Millis(0), 1, Response(1, encode(outcome))))
    not_waiting = ErrorInfo(108, "NOT_WAITING", "")
    (failed,) = requester.step(Received(Millis(0), 1, Response(2, error=not_waiting)))
    assert isinstance(failed, Failed)
    assert requester.session_id == 5
