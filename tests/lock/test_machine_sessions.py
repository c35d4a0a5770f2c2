"""A retry finds its answer: sessions, as clients meet them."""

from __future__ import annotations

import pytest

from raftlock.errors import ErrorCode
from raftlock.lock import Limits
from raftlock.types import (
    Millis,
    Outcome,
    OutcomeStatus,
    SessionID,
)
from tests.lock.bench import CANCELLED, GRANTED, QUEUED, REFUSED, TIMED_OUT, Bench


class Client:
    """A client that numbers its requests, in a session of its own."""

    def __init__(self, bench: Bench, name: str) -> None:
        self.bench, self.name = bench, name
        self.session_id = bench.open(name)

    def ask(self, verb: str, sequence: int, lowest: int = 0, **fields) -> Outcome:
        fields |= {"session_id": self.session_id, "sequence": sequence}
        if lowest:
            fields["lowest_unanswered"] = lowest
        return getattr(self.bench, verb)(self.name, **fields)


# ---------------------------------------------------------------- opening


def test_a_session_s_number_is_a_token():
    bench = Bench()
    bench.acquire("zoe")
    session_id = bench.open("alice", at=1)
    outcome = bench.message.command_result_data
    assert (outcome.status, outcome.client_id) == (OutcomeStatus.SESSION_OPENED, "alice")
    assert session_id == 2
    assert bench.machine.session(session_id)
    assert not bench.machine.session(SessionID(99))
    assert bench.machine.last_token == 2


def test_opening_again_ends_the_old_session_and_its_waits():
    bench = Bench()
    bench.acquire("zoe")
    alice = Client(bench, "alice")
    alice.ask("wait", 1)
    fresh = bench.open("alice")
    assert fresh != alice.session_id
    assert not bench.machine.session(alice.session_id)
    assert bench.decided == [("alice", "cancelled")]
    assert bench.queue() == []
    (ended,) = bench.message.outcomes
    assert (ended.code, ended.sequence) == (ErrorCode.WAIT_CANCELLED, 1)
    assert "its client opened a new session" in ended.message


def test_an_opening_that_was_sent_twice_opens_one_session():
    bench = Bench()
    first = bench.open("alice", request_id="hello-1")
    assert bench.open("alice", request_id="hello-1") == first
    assert bench.open("alice", request_id="hello-2") != first


def test_a_client_resumes_the_session_it_names():
    bench = Bench()
    alice = Client(bench, "alice")
    assert bench.open("alice", session_id=alice.session_id) == alice.session_id
    assert bench.open("alice", session_id=SessionID(99)) == 99
    refused = bench.message.command_result_data
    assert (refused.status, refused.code) == (REFUSED, ErrorCode.SESSION_EXPIRED)


# -------------------------------------------------------------- retrying


def test_a_retry_of_a_final_answer_is_not_applied_again():
    bench = Bench()
    alice = Client(bench, "alice")
    granted = alice.ask("acquire", 1, at=1)
    again = alice.ask("acquire", 1, at=5)
    assert again == granted
    assert bench.deadline() == 11, "the retry did not extend the hold"
    assert bench.message.changes == ()


def test_a_retry_of_a_release_does_not_release_the_next_hold():
    bench = Bench()
    alice = Client(bench, "alice")
    alice.ask("acquire", 1)
    alice.ask("release", 2, token=2)
    alice.ask("acquire", 3)
    assert alice.ask("release", 2, token=2).status is OutcomeStatus.RELEASED
    assert bench.holder() == "alice"


def test_a_refusal_is_final_too():
    bench = Bench()
    bench.acquire("zoe")
    alice = Client(bench, "alice")
    refused = alice.ask("acquire", 1)
    bench.release("zoe")
    assert alice.ask("acquire", 1) == refused
    assert alice.ask("acquire", 2).status is GRANTED


def test_a_retry_of_a_queued_request_gets_its_present_place():
    bench = Bench()
    bench.acquire("zoe")
    alice, bob = Client(bench, "alice"), Client(bench, "bob")
    queued = bob.ask("wait", 1, at=1)
    assert (queued.status, queued.position) == (QUEUED, 0)
    alice.ask("wait", 1, priority=7, at=2)
    again = bob.ask("wait", 1, at=3)
    assert (again.status, again.position) == (QUEUED, 1)
    assert (again.stamp, again.enqueued_stamp, again.deadline) == (1000, 1000, 61_000)
    assert bench.message.changes == ()
    assert bench.queue() == ["alice", "bob"]


def test_a_retry_after_the_grant_gets_the_grant():
    bench = Bench()
    bench.acquire("zoe", ttl=5)
    alice = Client(bench, "alice")
    alice.ask("wait", 1, at=1)
    bench.tick(at=6)
    (granted,) = bench.message.outcomes
    again = alice.ask("wait", 1, at=7)
    assert again == granted
    assert (again.status, again.stamp, again.enqueued_stamp) == (GRANTED, 6000, 1000)


@pytest.mark.parametrize("verb", ["acquire", "renew"])
def test_a_retry_after_the_hold_has_ended_says_so(verb):
    bench = Bench()
    alice = Client(bench, "alice")
    alice.ask("acquire", 1, ttl=5)
    first = alice.ask(verb, 2, ttl=5)
    assert not first.expired
    bench.tick(at=6)
    again = alice.ask(verb, 2, ttl=5)
    assert (again.status, again.token, again.expired) == (first.status, 2, True)
    bench.acquire("alice", ttl=5)
    assert alice.ask(verb, 2).expired, "the hold of today is another one"
    assert bench.holder() == "alice"


def test_a_retry_after_the_wait_timed_out_or_was_cancelled_gets_that():
    bench = Bench()
    bench.acquire("zoe", ttl=60)
    alice = Client(bench, "alice")
    alice.ask("wait", 1, timeout=5)
    alice.ask("wait", 2, lock="other")
    alice.ask("wait", 3, lock="build", timeout=50)
    bench.tick(at=55)
    assert alice.ask("wait", 1).status is CANCELLED, "request 3 took its place"
    assert alice.ask("wait", 3).status is TIMED_OUT


def test_outcome_of_is_what_a_retry_would_be_answered():
    bench = Bench()
    alice = Client(bench, "alice")
    granted = alice.ask("acquire", 1)
    look = bench.machine.outcome_of
    assert look(alice.session_id, 1) == granted
    assert look(alice.session_id, 2) is None
    assert look(SessionID(99), 1) is None


# ------------------------------------------------------------ forgetting


def test_confirmed_answers_are_forgotten_and_their_requests_refused():
    bench = Bench()
    alice = Client(bench, "alice")
    alice.ask("acquire", 1)
    alice.ask("renew", 2)
    alice.ask("release", 3, lowest=3)
    assert bench.machine.outcome_of(alice.session_id, 1) is None
    assert bench.machine.outcome_of(alice.session_id, 2) is None
    late = alice.ask("acquire", 1)
    assert (late.status, late.code) == (REFUSED, ErrorCode.INVALID_ARGUMENT)
    assert late.message == (
        "request 1 of session 1 is older than the answers that are kept, and nothing was done: "
        "ask with a new number"
    )
    assert bench.holder() == ""


def test_a_session_keeps_the_answers_decided_last():
    bench = Bench(limits=Limits(answers_per_session=2))
    alice = Client(bench, "alice")
    for sequence in (1, 2, 3):
        alice.ask("acquire", sequence, lock=f"lock-{sequence}")
    assert bench.machine.outcome_of(alice.session_id, 1) is None
    assert bench.machine.outcome_of(alice.session_id, 2).status is GRANTED
    assert alice.ask("acquire", 1, lock="lock-9").code is ErrorCode.INVALID_ARGUMENT


def test_a_long_wait_does_not_lose_its_answer_to_later_requests():
    """Its client renews another lock a hundred times meanwhile: none of them is confirmed."""
    bench = Bench()
    bench.acquire("zoe", ttl=300)
    alice = Client(bench, "alice")
    alice.ask("wait", 1, timeout=600)
    alice.ask("acquire", 2, lock="other")
    for sequence in range(3, 103):
        renewed = alice.ask("renew", sequence, lowest=1, lock="other", at=sequence)
        assert renewed.status is OutcomeStatus.RENEWED
    assert alice.ask("wait", 1).status is QUEUED
    bench.release("zoe")
    assert alice.ask("wait", 1).status is GRANTED


# ----------------------------------------------------------------- ending


def test_an_unknown_session_is_refused_and_nothing_is_applied():
    bench = Bench()
    refused = bench.acquire("alice", session_id=SessionID(7), sequence=1)
    assert (refused.status, refused.code) == (REFUSED, ErrorCode.SESSION_EXPIRED)
    assert refused.message == "session 7 has ended, and nothing was done: open a new one"
    assert bench.holder() == ""
    assert bench.end(SessionID(7)).code is ErrorCode.SESSION_EXPIRED


def test_a_session_is_used_by_its_own_client_only():
    bench = Bench()
    alice = Client(bench, "alice")
    refused = bench.acquire("bob", session_id=alice.session_id, sequence=1)
    assert (refused.status, refused.code) == (REFUSED, ErrorCode.PERMISSION_DENIED)
    assert refused.message == ("session 1 belongs to alice, not to bob: open a session of its own")
    assert bench.end(alice.session_id, "bob").code is ErrorCode.PERMISSION_DENIED
    assert bench.end(alice.session_id, "alice").status is OutcomeStatus.SESSION_ENDED


def test_the_end_of_a_session_removes_its_waits_and_not_its_locks():
    bench = Bench()
    bench.acquire("zoe", "a")
    bench.acquire("zoe", "b")
    alice = Client(bench, "alice")
    alice.ask("acquire", 1, lock="mine")
    alice.ask("wait", 2, lock="b")
    alice.ask("wait", 3, lock="a")
    ended = bench.end(alice.session_id)
    assert (ended.status, ended.client_id) == (OutcomeStatus.SESSION_ENDED, "alice")
    assert [(o.lock_id, o.status) for o in bench.message.outcomes] == [
        ("b", CANCELLED),
        ("a", CANCELLED),
    ]
    assert (bench.queue("a"), bench.queue("b")) == ([], [])
    assert bench.holder("mine") == "alice"
    assert bench.machine.outcome_of(alice.session_id, 1) is None


def test_a_wait_without_session_outlives_every_session():
    bench = Bench()
    bench.acquire("zoe")
    alice = Client(bench, "alice")
    alice.ask("wait", 1)
    bench.wait("alice", request_id="by hand")
    assert bench.decided == [("alice", "cancelled")]
    assert alice.ask("wait", 1).status is CANCELLED
    bench.end(alice.session_id)
    assert bench.queue() == ["alice"]


def test_the_least_recently_used_session_is_evicted():
    bench = Bench(limits=Limits(sessions=2))
    bench.acquire("zoe")
    alice, bob = Client(bench, "alice"), Client(bench, "bob")
    bob.ask("wait", 1)
    alice.ask("acquire", 1, lock="mine")
    carol = Client(bench, "carol")
    assert bench.decided == [("bob", "cancelled")]
    assert "too many sessions" in bench.message.outcomes[0].message
    assert bob.ask("acquire", 2).code is ErrorCode.SESSION_EXPIRED
    bench.open("alice", session_id=alice.session_id)
    Client(bench, "dave")
    assert bench.machine.session(alice.session_id)
    assert not bench.machine.session(carol.session_id)


def test_a_retry_too_makes_its_session_recently_used():
    bench = Bench(limits=Limits(sessions=2))
    alice, bob = Client(bench, "alice"), Client(bench, "bob")
    alice.ask("acquire", 1)
    bob.ask("acquire", 1)
    alice.ask("acquire", 1)
    Client(bench, "carol")
    assert bench.machine.session(alice.session_id)
    assert not bench.machine.session(bob.session_id)


def test_a_client_that_opens_again_evicts_nobody_else():
    bench = Bench(limits=Limits(sessions=2))
    alice, bob = Client(bench, "alice"), Client(bench, "bob")
    bench.open("bob")
    assert bench.machine.session(alice.session_id)
    assert not bench.machine.session(bob.session_id)


def test_a_session_has_so_many_waits():
    bench = Bench(limits=Limits(waits_per_session=2))
    for lock in "abcd":
        bench.acquire("zoe", lock)
    alice = Client(bench, "alice")
    alice.ask("wait", 1, lock="a")
    alice.ask("wait", 2, lock="b")
    refused = alice.ask("wait", 3, lock="c")
    assert refused.code is ErrorCode.TOO_MANY
    assert refused.message == "alice waits for 2 locks, as many as it may: cancel one"
    assert alice.ask("wait", 4, lock="b", priority=5).status is QUEUED, "one goes, one comes"
    bench.wait("alice", "d")
    assert alice.ask("wait", 5, lock="d").code is ErrorCode.TOO_MANY
    bench.release("zoe", lock="a")
    assert alice.ask("wait", 6, lock="d").status is QUEUED


def test_a_session_in_a_keyframe_has_everything():
    bench = Bench()
    bench.acquire("zoe")
    alice = Client(bench, "alice")
    alice.ask("wait", 1)
    alice.ask("acquire", 2, lock="mine", proposed_at=Millis(1))
    (session,) = bench.machine.dump()["sessions"]
    assert (session["session_id"], session["client_id"], session["used"]) == (2, "alice", 4)
    assert session["waits"] == {"1": "build"}
    assert session["answers"]["2"]["status"] == "granted"
