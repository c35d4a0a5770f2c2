"""The watch over sessions: who was silent for too long, by the clock of the node that leads."""

from __future__ import annotations

from raftlock.node.sessions import AGAIN_MS, ENDING_MAX, SessionWatch
from raftlock.sim.clone import clone
from raftlock.types import LockOperation, Millis, Outcome, OutcomeStatus, SessionID

TTL = 10_000


def leading(*sessions: int, at: int = 0) -> SessionWatch:
    watch = SessionWatch(Millis(TTL))
    watch.begin(Millis(at), map(SessionID, sessions))
    return watch


def opened(session: int) -> Outcome:
    status, op = OutcomeStatus.SESSION_OPENED, LockOperation.OPEN_SESSION
    return Outcome(status, op, session_id=SessionID(session))


def ended(session: int, status: OutcomeStatus = OutcomeStatus.SESSION_ENDED) -> Outcome:
    return Outcome(status, LockOperation.END_SESSION, session_id=SessionID(session))


def take(watch: SessionWatch, at: int) -> list[int]:
    due = watch.due(Millis(at))
    for session in due:
        watch.proposed(Millis(at), session, accepted=True)
    return list(due)


def test_whoever_does_not_lead_watches_nothing() -> None:
    watch = SessionWatch(Millis(TTL))
    watch.applied(Millis(0), opened(5))
    watch.hear(Millis(0), SessionID(5))
    assert watch.due(Millis(99_999)) == []
    assert watch.wake_at() is None


def test_a_session_is_due_once_it_was_silent_for_longer_than_its_ttl() -> None:
    watch = leading(5, at=700)
    assert watch.wake_at() == 700 + TTL + 1
    assert take(watch, 700 + TTL) == []
    assert take(watch, 700 + TTL + 1) == [5]
    assert take(watch, 99_999) == [], "its end is on its way"
    assert watch.wake_at() is None


def test_who_is_heard_is_not_due() -> None:
    watch = leading(5, 6)
    watch.hear(Millis(4_000), SessionID(5))
    assert watch.wake_at() == TTL + 1
    assert take(watch, TTL + 1) == [6]
    assert watch.wake_at() == 4_000 + TTL + 1
    watch.hear(Millis(TTL), SessionID(5))
    watch.hear(Millis(TTL), SessionID(99))  # a number that anybody can make up
    assert watch.wake_at() == TTL + TTL + 1


def test_the_longest_silent_goes_first_then_the_lower_number() -> None:
    watch = leading(9, 3, 7)
    watch.hear(Millis(10), SessionID(9))
    watch.applied(Millis(20), opened(2))
    assert take(watch, 50_000) == [3, 7, 9, 2]


def test_a_new_leader_gives_everybody_a_full_ttl() -> None:
    watch = leading(5)
    assert take(watch, TTL + 1) == [5]
    watch.stop()
    assert watch.wake_at() is None
    watch.begin(Millis(20_000), [SessionID(5)])
    assert take(watch, 20_000 + TTL) == []
    assert take(watch, 20_000 + TTL + 1) == [5]


def test_what_the_log_did_not_take_is_due_again_soon() -> None:
    watch = leading(5, 6)
    for session in watch.due(Millis(TTL + 1)):
        watch.proposed(Millis(TTL + 1), session, accepted=False)
    assert watch.wake_at() == TTL + 1 + AGAIN_MS
    assert watch.due(Millis(TTL + AGAIN_MS)) == []
    assert take(watch, TTL + 1 + AGAIN_MS) == [5, 6]


def test_an_end_that_is_applied_is_over_whatever_it_came_to() -> None:
    watch = leading(5, 6)
    assert take(watch, TTL + 1) == [5, 6]
    watch.applied(Millis(TTL + 2), ended(5))
    watch.applied(Millis(TTL + 2), ended(6, OutcomeStatus.REFUSED))
    watch.applied(Millis(TTL + 3), None)  # a tick
    watch.applied(Millis(TTL + 3), opened(5))
    assert take(watch, 2 * TTL + 3) == []
    assert take(watch, 2 * TTL + 4) == [5]


def test_only_so_many_end_at_once() -> None:
    watch = leading(*range(1, ENDING_MAX + 3))
    first = take(watch, TTL + 1)
    assert first == list(range(1, ENDING_MAX + 1))
    assert watch.wake_at() is None, "the end of one of them wakes the node"
    watch.applied(Millis(TTL + 2), ended(1))
    assert watch.wake_at() == TTL + 1
    assert take(watch, TTL + 2) == [ENDING_MAX + 1]


def test_a_session_that_is_gone_is_forgotten() -> None:
    watch = leading(5)
    watch.forget(SessionID(5))
    assert watch.wake_at() is None


def test_a_copy_goes_its_own_way() -> None:
    watch = leading(5)
    copy = clone(watch)
    copy.hear(Millis(9_000), SessionID(5))
    assert take(watch, TTL + 1) == [5]
    assert take(copy, TTL + 1) == []
