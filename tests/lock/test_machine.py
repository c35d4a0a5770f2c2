"""What an entry does to the table, told as small stories (the bench checks the rest)."""

from __future__ import annotations

import pytest

from raftlock.errors import ErrorCode
from raftlock.lock import Limits, LockMachine, LockRules
from raftlock.node.shown import info_in
from raftlock.types import Index, LockID, LogEntry, Millis, OutcomeStatus, SessionID, Term
from tests.lock.bench import CANCELLED, GRANTED, QUEUED, REFUSED, TIMED_OUT, Bench

# ----------------------------------------------------------------- acquire


def test_a_free_lock_is_granted_with_its_entry_s_index_as_token():
    bench = Bench()
    bench.tick(at=1)
    granted = bench.acquire("alice", ttl=5, at=2, request_id="r1")
    assert (granted.status, granted.token, granted.request_id) == (GRANTED, 2, "r1")
    assert (granted.stamp, granted.enqueued_stamp, granted.ttl) == (2000, 2000, 5000)
    assert granted.deadline == 7000
    assert (granted.code, granted.message) == (ErrorCode.OK, "")
    assert bench.holder() == "alice"
    assert bench.why == {"build": ("granted",)}


def test_a_held_lock_is_refused_with_a_sentence():
    bench = Bench()
    bench.acquire("alice")
    refused = bench.acquire("bob")
    assert (refused.status, refused.code) == (REFUSED, ErrorCode.LOCK_HELD)
    assert refused.message == "alice holds build with token 1: wait for it, or ask again later"
    assert bench.message.command_result_error == refused.message
    assert bench.message.changes == ()


def test_two_locks_are_held_side_by_side():
    bench = Bench()
    assert bench.acquire("alice", "build").token == 1
    assert bench.acquire("bob", "deploy").token == 2
    assert [lock.lock_id for lock in bench.machine.all()] == ["build", "deploy"]


@pytest.mark.parametrize(("ttl", "deadline"), [(20, 21), (9, 10), (2, 10)])
def test_the_holder_acquires_again_keeps_its_token_and_never_loses_time(ttl, deadline):
    bench = Bench()
    bench.acquire("alice", ttl=10)
    again = bench.acquire("alice", ttl=ttl, at=1)
    assert (again.status, again.token) == (GRANTED, 1)
    assert bench.deadline() == deadline
    assert again.deadline == deadline * 1000
    assert again.ttl == ttl * 1000, "the holder may count on what it asked for, no more"
    assert bench.why == {"build": ("renewed",)}


def test_an_entry_says_what_it_was():
    bench = Bench()
    message = bench.put(b"", at=3)
    assert (message.command_valid, message.command_index, message.command_term) == (True, 1, 1)
    assert (message.command_result_data, message.command_result_error) == (None, "")
    assert (bench.machine.clock, bench.machine.last_applied) == (3000, 1)


def test_an_entry_is_applied_once():
    bench = Bench()
    bench.tick(at=1)
    with pytest.raises(AssertionError, match="entry 1 comes after a later one"):
        bench.machine.apply(bench.log[0])


def test_the_clock_never_goes_back_whatever_a_leader_stamps():
    bench = Bench()
    bench.tick(at=5)
    assert bench.acquire(at=2).stamp == 5000
    assert bench.machine.clock == 5000


def test_a_lock_that_nobody_knows_has_no_information():
    assert Bench().machine.info("build") is None
    assert Bench().machine.next_deadline() is None


def test_a_lock_is_looked_at_without_a_trace():
    bench = Bench()
    before = bench.machine.digest()
    assert info_in(bench.machine, LockID("build"), Millis(0)).owner_id == ""
    assert (bench.machine.digest(), bench.machine.all()) == (before, ())


def test_what_is_left_of_a_hold_is_told_by_the_leaders_time_and_the_owner_by_the_log():
    bench = Bench()
    bench.acquire("alice", ttl=10, at=2)
    machine = bench.machine
    assert info_in(machine, LockID("build"), Millis(5_000)).remaining == 7_000
    assert info_in(machine, LockID("build"), Millis(0)).remaining == 10_000, "the table knows more"
    late = info_in(machine, LockID("build"), Millis(60_000))
    assert (late.owner_id, late.remaining, late.expires_at) == ("alice", 0, None)


def test_a_lock_s_moments_on_the_wall():
    bench = Bench()
    bench.acquire("alice", ttl=10, at=2, proposed_at=Millis(900_000))
    bench.tick(at=5)
    info = info_in(bench.machine, LockID("build"), Millis(5_000))
    assert (info.acquired_at, info.last_modified, info.expires_at) == (900_000, 900_000, 910_000)


# ----------------------------------------------------------------- release


def test_release_frees_the_lock_and_it_leaves_the_table():
    bench = Bench()
    bench.acquire("alice")
    released = bench.release("alice", token=1)
    assert (released.status, released.token) == (OutcomeStatus.RELEASED, 1)
    assert not released.waiter_promoted
    assert bench.machine.all() == ()
    (change,) = bench.message.changes
    assert (change.owner_id, change.token, change.why) == ("", 0, ("released",))


@pytest.mark.parametrize("verb", ["release", "renew"])
@pytest.mark.parametrize(
    ("client", "token", "code", "message"),
    [
        (
            "bob",
            1,
            ErrorCode.NOT_LOCK_OWNER,
            (
                "alice holds build with token 1, not bob: "
                "stop using what it protects, and acquire it anew"
            ),
        ),
        (
            "alice",
            9,
            ErrorCode.VERSION_MISMATCH,
            "alice holds build with token 1, not 9: name the token of its last grant",
        ),
    ],
)
def test_release_and_renew_need_the_owner_and_its_token(verb, client, token, code, message):
    bench = Bench()
    bench.acquire("alice", ttl=10)
    refused = getattr(bench, verb)(client, token=token)
    assert (refused.status, refused.code, refused.message) == (REFUSED, code, message)
    assert (bench.holder(), bench.token(), bench.deadline()) == ("alice", 1, 10)


@pytest.mark.parametrize("verb", ["release", "renew"])
def test_nobody_can_release_or_renew_a_free_lock(verb):
    bench = Bench()
    refused = getattr(bench, verb)("alice", token=1)
    assert refused.code is ErrorCode.LOCK_NOT_HELD
    assert refused.message == (
        "nobody holds build (it was released, or its TTL ended): acquire it first"
    )


def test_a_late_release_of_an_older_hold_changes_nothing():
    bench = Bench()
    bench.acquire("alice")
    bench.release("alice", token=1)
    bench.acquire("alice")
    assert bench.release("alice", token=1).code is ErrorCode.VERSION_MISMATCH
    assert bench.holder() == "alice"


# ------------------------------------------------------------------- renew


@pytest.mark.parametrize(("ttl", "deadline"), [(10, 14), (6, 10), (1, 10)])
def test_renew_keeps_the_token_and_never_shortens(ttl, deadline):
    bench = Bench()
    bench.acquire("alice", ttl=10)
    renewed = bench.renew("alice", ttl=ttl, at=4)
    assert (renewed.status, renewed.token) == (OutcomeStatus.RENEWED, 1)
    assert renewed.deadline == deadline * 1000
    assert bench.deadline() == deadline
    assert bench.machine.info("build").ttl == 10_000


def test_a_renewed_lock_expires_at_its_new_deadline_only():
    bench = Bench()
    bench.acquire("alice", ttl=5)
    bench.renew("alice", ttl=5, at=4)
    assert bench.machine.next_deadline() == 9000
    bench.tick(at=9)
    assert bench.holder() == "alice"
    bench.tick(at=9.001)
    assert bench.holder() == ""


# ------------------------------------------------------------------ expiry


def test_a_hold_ends_strictly_after_its_deadline():
    bench = Bench()
    bench.acquire("alice", ttl=5)
    assert bench.tick(at=5).changes == ()
    assert bench.holder() == "alice"
    (change,) = bench.tick(at=5.001).changes
    assert (change.owner_id, change.why) == ("", ("expired",))


def test_any_entry_moves_the_clock_before_its_own_operation():
    bench = Bench()
    bench.acquire("alice", ttl=5)
    late = bench.renew("alice", token=1, at=5.001)
    assert late.code is ErrorCode.LOCK_NOT_HELD
    assert bench.acquire("bob").token == 3


def test_even_bytes_that_are_no_command_move_the_clock():
    bench = Bench()
    bench.acquire("alice", ttl=5)
    message = bench.put(b"\xff", at=6)
    assert message.command_result_data.code is ErrorCode.INVALID_ARGUMENT
    assert message.command_result_error == "a command is JSON text, and these bytes are not"
    assert bench.why == {"build": ("expired",)}


def test_holds_end_in_the_order_of_deadline_then_lock_then_client():
    bench = Bench()
    for lock in "dbca":
        bench.acquire("alice", lock, ttl=3 if lock == "d" else 4)
    for lock in "abcd":
        bench.wait("zoe" if lock == "d" else "bob", lock)
    bench.tick(at=20)
    assert list(bench.why) == ["d", "a", "b", "c"]
    assert [(o.lock_id, o.token) for o in bench.message.outcomes] == [
        ("d", 9),
        ("a", 10),
        ("b", 11),
        ("c", 12),
    ]


def test_waits_and_holds_come_due_in_one_order():
    bench = Bench()
    bench.acquire("carol", "a", ttl=5)
    bench.acquire("carol", "b", ttl=3)
    bench.wait("bob", "a", timeout=4)
    bench.wait("dave", "a", timeout=5)
    bench.wait("erin", "a", timeout=60)
    bench.wait("erin", "b", timeout=60)
    bench.tick(at=6)
    # b's hold (3 s), bob's wait (4 s), then at 5 s on lock a: carol's hold before dave's wait.
    assert [(o.lock_id, o.client_id, o.status) for o in bench.message.outcomes] == [
        ("b", "erin", GRANTED),
        ("a", "bob", TIMED_OUT),
        ("a", "erin", GRANTED),
        ("a", "dave", TIMED_OUT),
    ]
    assert bench.why == {"b": ("expired", "promoted"), "a": ("timed_out", "expired", "promoted")}


# --------------------------------------------------------------- promotion


def test_release_hands_the_lock_to_the_first_waiter_with_a_larger_token():
    bench = Bench()
    bench.acquire("alice")
    queued = bench.wait("bob", ttl=7, timeout=30, at=1, request_id="b1")
    assert (queued.status, queued.position, queued.deadline) == (QUEUED, 0, 31_000)
    assert (queued.stamp, queued.enqueued_stamp, queued.ttl) == (1000, 1000, 7000)
    released = bench.release("alice", at=3)
    assert released.waiter_promoted
    (granted,) = bench.message.outcomes
    assert (granted.status, granted.client_id, granted.request_id) == (GRANTED, "bob", "b1")
    assert (granted.token, granted.ttl, granted.deadline) == (3, 7000, 10_000)
    assert (granted.stamp, granted.enqueued_stamp) == (3000, 1000)
    assert not granted.waiter_promoted
    assert bench.why == {"build": ("released", "promoted")}


def test_expiry_hands_the_lock_on_in_a_tick():
    bench = Bench()
    bench.acquire("alice", ttl=5)
    bench.wait("bob")
    bench.tick(at=5.5)
    assert bench.decided == [("bob", "granted")]
    assert (bench.holder(), bench.token()) == ("bob", 3)
    assert bench.deadline() == 15.5, "bob's TTL runs from the grant"


def test_one_entry_that_promotes_twice_gives_two_tokens():
    """DECISIONS 1: it expires alice, promotes bob, and by its own operation frees bob's lock."""
    bench = Bench()
    bench.acquire("alice", ttl=5)
    bench.wait("bob")
    bench.wait("carol")
    released = bench.release("bob", token=4, at=6)
    assert released.status is OutcomeStatus.RELEASED
    assert bench.decided == [("bob", "granted"), ("carol", "granted")]
    assert [outcome.token for outcome in bench.message.outcomes] == [4, 5]
    assert bench.why == {"build": ("expired", "promoted", "released")}
    assert bench.acquire("dave", "other").token == 6, "no token serves twice"


def test_the_next_entry_s_index_may_be_smaller_than_the_last_token():
    bench = Bench()
    for lock in "abc":
        bench.acquire("alice", lock, ttl=5)
        bench.wait("bob", lock)
    bench.tick(at=6)
    assert [outcome.token for outcome in bench.message.outcomes] == [7, 8, 9]
    assert bench.acquire("dave", "d").token == 10


def test_higher_priority_first_then_the_earlier_entry():
    bench = Bench()
    bench.acquire("alice")
    bench.wait("bob", priority=0)
    bench.wait("carol", priority=5)
    last = bench.wait("dave", priority=0)
    bench.wait("erin", priority=5)
    bench.wait("frank", priority=-3)
    assert last.position == 2
    assert bench.queue() == ["carol", "erin", "bob", "dave", "frank"]
    order = []
    while bench.queue():
        bench.release(bench.holder())
        order.append(bench.holder())
    assert order == ["carol", "erin", "bob", "dave", "frank"]


def test_enqueuing_on_a_free_lock_is_granted_at_once_with_the_default_ttl():
    bench = Bench()
    granted = bench.enqueue("bob", at=1)
    assert (granted.status, granted.ttl, granted.deadline) == (GRANTED, 30_000, 31_000)


def test_enqueue_waiter_carries_its_ttl_and_timeout():
    bench = Bench()
    bench.acquire("alice", ttl=5)
    assert bench.enqueue("bob", timeout=20, ttl=Millis(2000)).deadline == 20_000
    assert bench.enqueue("carol").ttl == 30_000
    bench.tick(at=6)
    assert (bench.holder(), bench.deadline()) == ("bob", 8)


def test_the_holder_enqueues_and_keeps_its_lock():
    bench = Bench()
    bench.acquire("alice", ttl=5)
    assert bench.enqueue("alice", ttl=Millis(9000)).status is GRANTED
    assert (bench.queue(), bench.deadline()) == ([], 9)


# ------------------------------------------------------------------- waits


def test_a_wait_ends_strictly_after_its_timeout():
    bench = Bench()
    bench.acquire("alice", ttl=60)
    bench.wait("bob", timeout=5, at=1, request_id="b1")
    assert bench.machine.next_deadline() == 6000
    assert bench.tick(at=6).outcomes == ()
    (ended,) = bench.tick(at=6.001).outcomes
    assert (ended.status, ended.code) == (TIMED_OUT, ErrorCode.WAIT_TIMED_OUT)
    assert (ended.request_id, ended.stamp, ended.enqueued_stamp) == ("b1", 6001, 1000)
    assert ended.message == "bob waited 5 s for build in vain: ask again, or wait longer"
    assert bench.why == {"build": ("timed_out",)}


def test_a_waiter_past_its_deadline_is_never_granted():
    """The lock came free at 5 s, bob waited until 8 s, but the log says so only at 10 s."""
    bench = Bench()
    bench.acquire("alice", ttl=5)
    bench.wait("bob", timeout=8)
    bench.wait("carol", timeout=60)
    bench.tick(at=10)
    assert bench.decided == [("carol", "granted"), ("bob", "timed_out")]


def test_a_free_lock_whose_waiters_have_all_given_up_leaves_the_table():
    bench = Bench()
    bench.acquire("alice", ttl=5)
    bench.wait("bob", timeout=8)
    bench.tick(at=10)
    assert bench.decided == [("bob", "timed_out")]
    assert bench.why == {"build": ("expired", "timed_out")}
    assert bench.machine.all() == ()
    assert bench.machine.next_deadline() is None


def test_a_release_at_the_very_moment_a_wait_is_over_promotes_the_next():
    bench = Bench()
    bench.acquire("alice", ttl=60)
    bench.wait("bob", timeout=5)
    bench.wait("carol", timeout=60)
    bench.release("alice", at=5.001)
    assert bench.decided == [("bob", "timed_out"), ("carol", "granted")]


def test_a_release_at_a_wait_s_deadline_still_grants_it():
    bench = Bench()
    bench.acquire("alice", ttl=60)
    bench.wait("bob", timeout=5)
    bench.release("alice", at=5)
    assert bench.decided == [("bob", "granted")]


def test_enqueuing_again_at_equal_priority_keeps_the_place_and_changes_the_timeout():
    bench = Bench()
    bench.acquire("alice", ttl=60)
    bench.wait("bob", timeout=5, request_id="b1")
    bench.wait("carol", timeout=60)
    again = bench.wait("bob", timeout=50, ttl=3, at=1, request_id="b2")
    assert (again.status, again.position, again.deadline) == (QUEUED, 0, 51_000)
    assert bench.queue() == ["bob", "carol"]
    (replaced,) = bench.message.outcomes
    assert (replaced.request_id, replaced.status) == ("b1", CANCELLED)
    bench.tick(at=30)
    bench.release("alice")
    (granted,) = bench.message.outcomes
    assert (granted.request_id, granted.ttl) == ("b2", 3000)
    assert granted.enqueued_stamp == 1000, "the second request's own moment, not the first's"


def test_enqueuing_again_at_another_priority_takes_a_newcomer_s_place():
    bench = Bench()
    bench.acquire("alice", ttl=60)
    bench.wait("bob", priority=0)
    bench.wait("carol", priority=5)
    bench.wait("dave", priority=5)
    assert bench.wait("bob", priority=5).position == 2
    assert bench.queue() == ["carol", "dave", "bob"]
    assert bench.wait("carol", priority=4).position == 2


def test_a_request_without_session_sent_again_is_not_cancelled_by_itself():
    bench = Bench()
    bench.acquire("alice")
    bench.wait("bob", request_id="b1")
    bench.wait("bob", request_id="b1")
    assert bench.message.outcomes == ()


def test_acquire_without_wait_leaves_the_client_s_wait_alone():
    bench = Bench()
    bench.acquire("alice")
    bench.wait("bob")
    assert bench.acquire("bob").code is ErrorCode.LOCK_HELD
    assert bench.queue() == ["bob"]


def test_cancel_ends_the_wait_and_answers_it():
    bench = Bench()
    bench.acquire("alice")
    bench.wait("bob", request_id="b1")
    cancel = bench.cancel("bob", request_id="b2")
    assert (cancel.status, cancel.code, cancel.request_id) == (CANCELLED, ErrorCode.OK, "b2")
    (wait,) = bench.message.outcomes
    assert (wait.status, wait.code, wait.request_id) == (CANCELLED, ErrorCode.WAIT_CANCELLED, "b1")
    assert wait.message == ("bob no longer waits for build (the wait was cancelled)")
    assert bench.queue() == []
    assert bench.why == {"build": ("cancelled",)}


def test_cancel_meets_grant_and_the_client_is_told_to_release():
    bench = Bench()
    bench.acquire("alice", ttl=5)
    bench.wait("bob")
    cancel = bench.cancel("bob", at=6)
    assert (cancel.status, cancel.code) == (REFUSED, ErrorCode.NOT_WAITING)
    assert cancel.message == (
        "bob holds build with token 3 and no longer waits: release it instead"
    )
    assert bench.decided == [("bob", "granted")]
    assert bench.release("bob", token=3).status is OutcomeStatus.RELEASED


@pytest.mark.parametrize("held", [True, False])
def test_who_does_not_wait_cannot_cancel(held):
    bench = Bench()
    if held:
        bench.acquire("alice")
    cancel = bench.cancel("bob")
    assert cancel.code is ErrorCode.NOT_WAITING
    assert cancel.message == "bob does not wait for build: there is nothing to cancel"


# ------------------------------------------------------------------ limits


def test_the_table_takes_so_many_locks():
    bench = Bench(limits=Limits(locks=2))
    bench.acquire("alice", "a", ttl=5)
    bench.acquire("alice", "b", ttl=60)
    refused = bench.acquire("alice", "c")
    assert refused.code is ErrorCode.TOO_MANY
    assert refused.message == "2 locks are in use, as many as the table takes: release one first"
    assert bench.acquire("alice", "b").status is GRANTED, "a lock in use can still be asked for"
    assert bench.wait("bob", "b").status is QUEUED
    assert bench.acquire("alice", "c", at=6).status is GRANTED, "a's hold has just ended"


def test_a_queue_takes_so_many_waiters():
    bench = Bench(limits=Limits(waiters_per_lock=2))
    bench.acquire("alice")
    bench.wait("bob")
    bench.wait("carol")
    refused = bench.wait("dave", priority=9)
    assert refused.code is ErrorCode.WAIT_QUEUE_FULL
    assert refused.message == "2 clients wait for build, as many as may: ask again later"
    assert bench.wait("bob", priority=9).status is QUEUED, "who is in it already may ask again"


# ------------------------------------------------------ what people are shown


def test_metadata_and_wall_clock_are_kept_for_people():
    bench = Bench()
    bench.acquire("alice", metadata={"host": "a"}, proposed_at=Millis(1_000_000), at=1)
    bench.wait("bob", metadata={"host": "b"}, proposed_at=Millis(1_001_000), at=2)
    (lock,) = bench.machine.dump()["locks"]
    assert (lock["holds"][0]["metadata"], lock["holds"][0]["acquired_at"]) == (
        {"host": "a"},
        1_000_000,
    )
    assert (lock["queue"][0]["enqueued_at"], lock["last_modified"]) == (1_001_000, 1_001_000)
    bench.tick(at=15)
    (lock,) = bench.machine.dump()["locks"]
    assert lock["holds"][0]["metadata"] == {"host": "b"}
    assert lock["holds"][0]["acquired_at"] == 1_014_000, "a tick has no wall clock: estimated"


@pytest.mark.parametrize(("given", "kept"), [({}, {"host": "a"}), ({"x": "y"}, {"x": "y"})])
def test_a_renewal_keeps_metadata_unless_it_brings_some(given, kept):
    bench = Bench()
    bench.acquire("alice", metadata={"host": "a"})
    bench.renew("alice", metadata=given)
    (lock,) = bench.machine.dump()["locks"]
    assert lock["holds"][0]["metadata"] == kept


def test_no_wall_clock_no_wall_time():
    bench = Bench()
    bench.acquire("alice", at=5)
    (lock,) = bench.machine.dump()["locks"]
    assert (lock["holds"][0]["acquired_at"], lock["last_modified"]) == (0, 0)


# ------------------------------------------------------------------ digest


def test_the_digest_tells_states_apart_and_equal_ones_not():
    one, other = Bench(), Bench()
    assert one.machine.digest() == other.machine.digest()
    seen = {one.machine.digest()}
    for bench in (one, other):
        bench.acquire("alice", at=1)
        bench.wait("bob")
        bench.open("carol")
    assert one.machine.digest() == other.machine.digest()
    for step in (
        lambda bench: bench.wait("dave"),
        lambda bench: bench.renew("alice", ttl=99),
        lambda bench: bench.tick(at=2),
        lambda bench: bench.cancel("dave"),
        lambda bench: bench.release("alice"),
    ):
        step(one)
        assert one.machine.digest() not in seen
        seen.add(one.machine.digest())
        step(other)
        assert one.machine.digest() == other.machine.digest()


def test_the_digest_is_eight_digits_and_stays_what_it_was():
    """A recorded trace holds digests: this one may not change with Python or the platform."""
    bench = Bench()
    bench.acquire("alice", at=1, metadata={"message": "hello"})
    bench.wait("bob", priority=5)
    session = bench.open("carol")
    bench.acquire("carol", session_id=session, sequence=1)
    assert bench.machine.digest() == "dd62f62f"
    assert bench.machine.digest() == "dd62f62f"


def test_what_is_for_people_is_not_in_the_digest():
    one, other = Bench(), Bench()
    one.acquire("alice", proposed_at=Millis(7))
    one.wait("bob", proposed_at=Millis(8))
    other.acquire("alice", proposed_at=Millis(70))
    other.wait("bob", proposed_at=Millis(80))
    assert one.machine.digest() == other.machine.digest()


def test_metadata_is_in_the_digest_whatever_its_keys_are():
    one, other = Bench(), Bench()
    one.acquire("alice", metadata={"message": "a"})
    other.acquire("alice", metadata={"message": "b"})
    assert one.machine.digest() != other.machine.digest()


def test_a_replica_s_own_clock_decides_nothing():
    one, other = Bench(), Bench()
    other.local_now = Millis(10**9)
    for bench in (one, other):
        bench.acquire("alice", ttl=5)
        bench.wait("bob")
        bench.tick(at=4)
    assert one.machine.digest() == other.machine.digest()


def test_next_deadline_stays_quick_and_small_however_often_a_hold_is_renewed():
    bench = Bench()
    bench.acquire("alice")
    for moment in range(1, 1000):
        bench.renew("alice", at=moment)
    assert len(bench.machine._deadlines._heap) < 100


def test_a_full_table_of_10_000_locks_is_applied_entry_by_entry():
    machine = LockMachine()
    bench = Bench()
    bench.acquire("alice", "x")
    template = bench.log[0].command
    for number in range(1, 10_001):
        data = template.replace(b'"x"', b'"lock-%05d"' % number)
        machine.apply(LogEntry(Term(1), Index(number), data, Millis(number)))
    assert len(machine.all()) == 10_000
    data = template.replace(b'"x"', b'"one-more"')
    refused = machine.apply(LogEntry(Term(1), Index(10_001), data, Millis(9_000)))
    assert refused.command_result_data.code is ErrorCode.TOO_MANY
    message = machine.apply(LogEntry(Term(1), Index(10_002), b"", Millis(100_000)))
    assert len(message.changes) == 10_000
    assert machine.all() == ()


# ------------------------------------------------ what stands in the way first


def test_a_field_out_of_bounds_is_refused_before_anything_else():
    bench = Bench()
    refused = bench.acquire("alice", "x" * 10_240, session_id=SessionID(9), sequence=1)
    assert refused.code is ErrorCode.INVALID_ARGUMENT
    assert refused.message == (
        "a lock's name has 1 to 256 characters, this one has 10240: choose a shorter one"
    )


def test_only_a_broken_rule_lets_an_unknown_session_in():
    class Open(LockRules):
        def accepts_unknown_session(self):
            return True

    for rules, status in ((None, REFUSED), (Open(), GRANTED)):
        bench = Bench(rules)
        assert bench.acquire("alice", session_id=SessionID(9), sequence=1).status is status
