"""Each rule is one method: broken in a few lines, the table goes wrong in just that way."""

from __future__ import annotations

import pytest

from raftlock.errors import ErrorCode
from raftlock.lock import AgeingRules, LockRules
from raftlock.types import Index, Millis, OutcomeStatus, SessionID
from tests.lock.bench import GRANTED, QUEUED, REFUSED, TIMED_OUT, Bench


def test_by_the_correct_rules_a_token_is_new_and_normally_the_index():
    rules = LockRules()
    assert rules.token(Index(3), Index(7)) == 7
    assert rules.token(Index(7), Index(7)) == 8
    assert rules.token(Index(9), Index(7)) == 10


def test_by_the_correct_rules_due_is_strictly_after():
    rules = LockRules()
    assert not rules.is_due(Millis(5), Millis(5))
    assert rules.is_due(Millis(6), Millis(5))


def test_by_the_correct_rules_every_lock_that_comes_free_is_handed_on():
    rules = LockRules()
    assert rules.promotes("released")
    assert rules.promotes("expired")
    assert rules.ends_waits()
    assert not rules.accepts_unknown_session()


def test_broken_ttl_by_each_replica_s_own_clock():
    class OwnClock(LockRules):
        def expiry_clock(self, stamp, local_now):
            return local_now

    early, late = Bench(OwnClock()), Bench(OwnClock())
    for bench, now in ((early, 4_000), (late, 6_000)):
        bench.acquire("alice", ttl=5)
        bench.local_now = Millis(now)
        bench.tick(at=1)
    assert (early.holder(), late.holder()) == ("alice", "")
    assert early.machine.digest() != late.machine.digest()


def test_broken_expiry_between_entries():
    class Ticker(LockRules):
        def expires_between_entries(self, local_now):
            return local_now

    early, late, right = Bench(Ticker()), Bench(Ticker()), Bench()
    for bench in (early, late, right):
        bench.acquire("alice", ttl=5)
        bench.wait("bob", ttl=9)
        bench.wait("carol", timeout=1)
    message = early.machine.idle(Millis(5_001))
    assert not message.command_valid
    assert [(it.client_id, it.status) for it in message.outcomes] == [
        ("carol", TIMED_OUT),
        ("bob", GRANTED),
    ]
    assert [change.owner_id for change in message.changes] == ["bob"]
    late.machine.idle(Millis(1_000))
    assert right.machine.idle(Millis(60_000)) is None
    assert [it.holder() for it in (early, late, right)] == ["bob", "alice", "alice"]
    assert early.machine.digest() != late.machine.digest()
    assert late.machine.digest() == right.machine.digest()


def test_broken_tokens_that_are_the_bare_index():
    class BareIndex(LockRules):
        def token(self, last, index):
            return index

    bench = Bench(BareIndex())
    bench.acquire("alice", ttl=5)
    bench.wait("bob")
    bench.wait("carol")
    bench.release("bob", token=4, at=6)
    assert [outcome.token for outcome in bench.message.outcomes] == [4, 4]


def test_broken_tokens_that_repeat_do_not_break_sessions():
    class AlwaysOne(LockRules):
        def token(self, last, index):
            return Index(1)

    bench = Bench(AlwaysOne())
    assert bench.acquire("alice", "a").token == 1
    assert bench.acquire("bob", "b").token == 1
    assert [bench.open("alice"), bench.open("bob")] == [3, 4]


@pytest.mark.parametrize("verb", ["renew", "acquire"])
def test_broken_renewal_that_gives_a_new_token(verb):
    class NewToken(LockRules):
        def kept_token(self, held, fresh):
            return fresh

    bench = Bench(NewToken())
    bench.acquire("alice")
    assert getattr(bench, verb)("alice").token == 2
    assert bench.acquire("bob", "b").token == 3


def test_broken_exclusion():
    class Anyone(LockRules):
        def may_take(self, hold, client_id):
            return True

    bench = Bench(Anyone())
    bench.acquire("alice", ttl=5)
    assert bench.acquire("bob", ttl=60).token == 2
    bench.tick(at=6)
    assert bench.holder() == "bob", "the deadline of alice's hold went with it"


def test_broken_release_and_renewal_by_anyone():
    class Anyone(LockRules):
        def may_release(self, hold, client_id, version):
            return True

        def may_renew(self, hold, client_id, version):
            return True

    bench = Bench(Anyone())
    bench.acquire("alice")
    assert bench.renew("bob", token=0).status is OutcomeStatus.RENEWED
    assert bench.holder() == "alice"
    assert bench.release("bob", token=0).token == 1
    assert bench.holder() == ""


def test_broken_renewal_that_shortens():
    class Shortens(LockRules):
        def extended(self, deadline, asked):
            return asked

    bench = Bench(Shortens())
    bench.acquire("alice", ttl=60)
    bench.renew("alice", ttl=1)
    assert bench.deadline() == 1


def test_broken_order_last_come_first_served():
    class LastFirst(LockRules):
        def waiter_key(self, waiter):
            return (-waiter.index,)

    bench = Bench(LastFirst())
    bench.acquire("alice")
    bench.wait("bob", priority=9)
    bench.wait("carol")
    assert bench.queue() == ["carol", "bob"]


def test_broken_order_without_any_key_is_still_the_same_everywhere():
    class NoKey(LockRules):
        def waiter_key(self, waiter):
            return ()

    bench = Bench(NoKey())
    bench.acquire("alice")
    for client in ("dave", "bob", "carol"):
        bench.wait(client)
    assert bench.queue() == ["dave", "bob", "carol"]


def test_broken_places_that_are_never_kept():
    class NoPlace(LockRules):
        def keeps_place(self, waiter, priority):
            return False

    bench = Bench(NoPlace())
    bench.acquire("alice")
    bench.wait("bob")
    bench.wait("carol")
    bench.wait("bob")
    assert bench.queue() == ["carol", "bob"]


def test_broken_grant_to_a_waiter_that_has_given_up():
    class GrantsLate(LockRules):
        def may_grant(self, now, waiter):
            return True

    bench = Bench(GrantsLate())
    bench.acquire("alice", ttl=5)
    bench.wait("bob", timeout=8)
    bench.tick(at=10)
    assert bench.decided == [("bob", "granted")]


def test_broken_release_that_wakes_nobody():
    class LostWakeUp(LockRules):
        def promotes(self, why):
            return why == "expired"

    bench = Bench(LostWakeUp())
    bench.acquire("alice")
    bench.wait("bob", timeout=30)
    assert not bench.release("alice").waiter_promoted
    assert (bench.holder(), bench.queue()) == ("", ["bob"])
    assert bench.acquire("carol", ttl=5).status is GRANTED
    bench.tick(at=6)
    assert bench.holder() == "bob"


def test_broken_expiry_that_never_comes():
    class Never(LockRules):
        def is_due(self, now, deadline):
            return False

    bench = Bench(Never())
    bench.acquire("alice", ttl=5)
    bench.wait("bob", timeout=1)
    bench.tick(at=60)
    assert (bench.holder(), bench.queue()) == ("alice", ["bob"])


def test_broken_memory_applies_a_retry_again():
    class Forgets(LockRules):
        def remembered(self, answer):
            return None

    bench = Bench(Forgets())
    session = {"session_id": bench.open("alice"), "sequence": 1}
    bench.acquire("alice", ttl=5, **session)
    bench.acquire("alice", ttl=5, at=3, **session)
    assert bench.deadline() == 8


def test_broken_memory_survives_a_number_used_for_two_waits():
    class Forgets(LockRules):
        def remembered(self, answer):
            return None

    bench = Bench(Forgets())
    for lock in "ab":
        bench.acquire("zoe", lock, ttl=60)
    session_id = bench.open("alice")
    session = {"session_id": session_id, "sequence": 1}
    bench.wait("alice", "a", **session)
    bench.wait("alice", "b", **session)
    bench.wait("alice", "b", **session)
    assert bench.message.outcomes == (), "the same request does not cancel itself"
    bench.cancel("alice", "b")
    assert bench.machine.outcome_of(session_id, 1).status is OutcomeStatus.CANCELLED
    bench.wait("alice", "b", **session)
    bench.wait("alice", "b", request_id="by hand")
    bench.end(session_id)
    assert bench.queue("b") == ["alice"]


def test_broken_door_lets_unknown_sessions_in():
    class Open(LockRules):
        def accepts_unknown_session(self):
            return True

    bench = Bench(Open())
    assert bench.acquire("alice", session_id=SessionID(9), sequence=1).status is GRANTED
    assert bench.machine.outcome_of(SessionID(9), 1) is None
    refused = bench.end(SessionID(9))
    assert (refused.status, refused.code) == (REFUSED, ErrorCode.SESSION_EXPIRED)
    assert bench.open("alice", session_id=SessionID(9)) == 9
    assert not bench.machine.session(SessionID(9))


def test_broken_farewell_grants_to_a_client_that_is_gone():
    class Ghosts(LockRules):
        def ends_waits(self):
            return False

    bench = Bench(Ghosts())
    bench.acquire("zoe")
    session_id = bench.open("alice")
    bench.wait("alice", session_id=session_id, sequence=1)
    bench.end(session_id)
    assert bench.message.outcomes == ()
    bench.release("zoe")
    assert bench.holder() == "alice"


# ------------------------------------------------------------------ ageing


def test_by_ageing_rules_a_low_priority_is_not_starved():
    bench = Bench(AgeingRules())
    bench.acquire("alice", ttl=600)
    bench.wait("low", priority=0, at=0, timeout=600)
    bench.wait("high", priority=5, at=4, timeout=600)
    bench.wait("late", priority=5, at=6, timeout=600)
    assert bench.queue() == ["high", "low", "late"]


def test_by_ageing_rules_equals_go_by_their_entry():
    bench = Bench(AgeingRules())
    bench.acquire("alice")
    assert bench.wait("bob").status is QUEUED
    bench.wait("carol")
    bench.wait("dave", priority=1)
    assert bench.queue() == ["dave", "bob", "carol"]
