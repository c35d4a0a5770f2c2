"""A session is kept alive while something hangs on it: one message for all, and none too many."""

from itertools import pairwise

import pytest

from raftlock.client.protocol import Answered
from raftlock.errors import ErrorCode, SessionExpired, WaitCancelled
from raftlock.lock.commands import encode as encode_command
from raftlock.types import Command, LockOperation, Millis, OutcomeStatus
from tests.client.world import Client, World

TTL = 9_000
THIRD = TTL // 3
SOON = 20  # a few times what a message takes


@pytest.fixture
def world():
    made = World()
    made.session_ttl = TTL
    return made


def spans(world):
    moments = [moment for moment, _ in world.kept_alive]
    return [later - earlier for earlier, later in pairwise(moments)]


def test_a_holder_says_that_it_lives_each_third_of_the_ttl(world):
    alice = Client(world)
    number = alice.acquire(ttl=60_000)
    alice.outcome(number)
    asked = world.now
    world.run(THIRD - SOON)
    assert world.kept_alive == []
    world.run(40_000)
    assert asked < world.kept_alive[0][0] <= asked + THIRD + SOON
    assert len(world.kept_alive) >= 12
    assert all(abs(span - THIRD) <= SOON for span in spans(world))
    assert {session for _, session in world.kept_alive} == {alice.requester.session_id}
    assert len(world.entries) == 2, "nothing of it is in the log"
    assert world.dialled == ["n1"]


def test_one_message_is_for_all_locks_and_waits(world):
    world.propose(Command(LockOperation.ACQUIRE, "scanner", "zoe", Millis(80_000)))
    alice = Client(world)
    for lock in ("build", "deploy", "test"):
        alice.outcome(alice.acquire(lock, ttl=60_000))
    waiting = alice.acquire("scanner", wait_ms=60_000)
    world.run(20_000)
    assert alice.progress[waiting].position == 0
    assert len(world.kept_alive) == 6
    assert all(abs(span - THIRD) <= SOON for span in spans(world))


def test_whoever_waits_is_not_asked_for_its_place_anew(world):
    world.propose(Command(LockOperation.ACQUIRE, "build", "zoe", Millis(80_000)))
    alice = Client(world)
    alice.acquire(wait_ms=60_000)
    world.run(30_000)
    assert len(alice.sent("acquire")) == 1, "an answered keep-alive shows that the leader leads"


def test_whoever_says_something_else_need_not_say_that_it_lives(world):
    alice = Client(world)
    alice.outcome(alice.acquire(ttl=60_000))
    for _ in range(10):
        world.run(THIRD - SOON)
        alice.outcome(alice.acquire(ttl=60_000))
    assert world.kept_alive == []


def test_whoever_has_nothing_to_lose_falls_silent(world):
    alice = Client(world)
    token = alice.outcome(alice.acquire(ttl=60_000)).token
    world.run(2 * THIRD + SOON)
    assert len(world.kept_alive) == 2
    alice.outcome(alice.release(token))
    world.run(60_000)
    assert len(world.kept_alive) == 2
    assert alice.requester.wake_at is None


def test_a_hold_that_was_not_given_back_is_over_with_its_ttl(world):
    alice = Client(world)
    alice.outcome(alice.acquire(ttl=2 * THIRD + 1_000))
    world.run(60_000)
    assert len(world.kept_alive) == 2
    assert alice.requester.wake_at is None


def test_a_service_that_says_no_ttl_hears_nothing(world):
    world.session_ttl = 0
    alice = Client(world)
    alice.outcome(alice.acquire(ttl=60_000))
    world.run(60_000)
    assert world.kept_alive == []


def test_it_goes_to_the_new_leader(world):
    alice = Client(world)
    alice.outcome(alice.acquire(ttl=60_000))
    world.elect("n2")
    world.run(THIRD + 1_000)
    assert len(world.kept_alive) == 1
    assert world.dialled == ["n1", "n2"]
    world.kill("n2")
    world.elect("n3")
    world.run(2 * THIRD)
    assert world.dialled[-1] == "n3"
    assert len(world.kept_alive) >= 2


def test_a_silent_node_is_left(world):
    alice = Client(world)
    alice.outcome(alice.acquire(ttl=60_000))
    world.silent.add("n1")
    world.elect("n2")
    world.run(2 * THIRD + 1_000)
    assert world.dialled[-1] == "n2"
    assert world.kept_alive


def test_closing_does_not_wait_for_it(world):
    alice = Client(world)
    alice.outcome(alice.acquire(ttl=60_000))
    world.silent.add("n1")
    world.run(THIRD + SOON)
    assert alice.sent("keep_alive")
    assert alice.requester.is_settled


def end(world, session):
    world.append(encode_command(Command(LockOperation.END_SESSION, session_id=session)))


def test_what_was_not_asked_before_goes_out_in_a_new_session(world):
    alice = Client(world)
    token = alice.outcome(alice.acquire(ttl=60_000)).token
    old = alice.requester.session_id
    end(world, old)
    assert alice.outcome(alice.release(token)).status is OutcomeStatus.RELEASED
    assert alice.requester.session_id != old


def test_a_keep_alive_that_comes_too_late_opens_nothing(world):
    alice = Client(world)
    token = alice.outcome(alice.acquire(ttl=60_000)).token
    end(world, alice.requester.session_id)
    world.run(30_000)
    assert len(world.kept_alive) == 1, "there is no session to keep"
    assert alice.requester.session_id == 0
    assert alice.outcome(alice.release(token)).status is OutcomeStatus.RELEASED


def test_a_wait_whose_session_ended_ends_with_a_clear_word(world):
    world.propose(Command(LockOperation.ACQUIRE, "build", "zoe", Millis(80_000)))
    alice = Client(world)
    waiting = alice.acquire(wait_ms=60_000)
    world.run(1_000)
    end(world, alice.requester.session_id)
    error = alice.error(waiting)
    assert isinstance(error, WaitCancelled)
    assert "its session ended" in error.message


def test_a_wait_that_was_not_told_learns_it_by_the_keep_alive(world):
    world.propose(Command(LockOperation.ACQUIRE, "build", "zoe", Millis(80_000)))
    alice = Client(world)
    waiting = alice.acquire(wait_ms=60_000)
    world.run(1_000)
    world.answers_lost = 1
    end(world, alice.requester.session_id)
    error = alice.error(waiting, ms=THIRD + SOON)
    assert isinstance(error, SessionExpired)
    assert error.code is ErrorCode.SESSION_EXPIRED
    assert "look how the lock stands" in error.message
    again = alice.acquire(wait_ms=60_000)
    world.run(1_000)
    assert again in alice.progress


def test_a_waiter_is_granted_long_after_its_sessions_ttl(world):
    world.propose(Command(LockOperation.ACQUIRE, "build", "zoe", Millis(50_000)))
    alice = Client(world)
    waiting = alice.acquire(wait_ms=60_000)
    answer = alice.wait_for(waiting, ms=51_000)
    assert isinstance(answer, Answered)
    assert len(world.kept_alive) == 16
