"""A session by itself, and the table of sessions."""

from __future__ import annotations

import pytest

from raftlock.lock.sessions import Session, SessionTable
from raftlock.types import ClientID, Index, LockID, LockOperation, Outcome, OutcomeStatus, SessionID


def alice_s(number: int = 1) -> Session:
    return Session(SessionID(number), ClientID("alice"), "")


def answer(sequence: int, session_id: int = 1, token: int = 0) -> Outcome:
    return Outcome(
        OutcomeStatus.GRANTED,
        LockOperation.ACQUIRE,
        session_id=SessionID(session_id),
        sequence=sequence,
        token=Index(token),
    )


def test_answers_below_the_lowest_unanswered_are_forgotten():
    session = alice_s()
    for sequence in (1, 2, 3):
        session.settle(answer(sequence), limit=64)
    session.use(Index(5), lowest_unanswered=3)
    assert list(session.answers) == [3]
    session.use(Index(6), lowest_unanswered=1)
    assert (session.kept_from, session.used) == (3, 6), "what was confirmed stays confirmed"
    assert [session.has_forgotten(sequence) for sequence in (2, 3, 4)] == [True, False, False]


def test_at_its_limit_the_answer_decided_first_goes():
    session = alice_s()
    for sequence in (2, 1, 3):
        session.settle(answer(sequence), limit=2)
    assert list(session.answers) == [1, 3]
    assert [session.has_forgotten(sequence) for sequence in (1, 2, 4)] == [False, True, False]


def test_a_queued_request_has_no_answer_to_keep():
    queued = Outcome(OutcomeStatus.QUEUED, LockOperation.ACQUIRE, sequence=1)
    with pytest.raises(AssertionError, match="no answer yet"):
        alice_s().settle(queued, limit=2)


def test_an_answer_its_client_has_confirmed_already_is_not_kept():
    session = alice_s()
    session.waits[1] = LockID("build")
    session.use(Index(5), lowest_unanswered=3)
    assert not session.has_forgotten(1), "it still waits"
    session.settle(answer(1), limit=64)
    assert (session.answers, session.waits) == ({}, {})
    assert session.has_forgotten(1)


def test_a_newer_answer_to_the_same_request_counts_as_decided_last():
    session = alice_s()
    for sequence in (1, 2, 1, 3):
        session.settle(answer(sequence), limit=2)
    assert list(session.answers) == [1, 3]


def test_an_answer_for_a_session_that_has_ended_is_dropped():
    table = SessionTable()
    table.settle(answer(1, session_id=5), limit=64)
    assert len(table) == 0


def test_fingerprints_follow_every_change():
    table = SessionTable()
    session = alice_s()
    table.add(session)
    seen = [table.fingerprint()]
    table.use(session, Index(4))
    seen.append(table.fingerprint())
    for sequence in (1, 2):
        table.settle(answer(sequence), limit=64)
        seen.append(table.fingerprint())
    table.settle(answer(1), limit=64)  # now the one that was decided last
    seen.append(table.fingerprint())
    table.settle(answer(1, token=9), limit=64)
    seen.append(table.fingerprint())
    table.use(session, Index(5), 2)
    seen.append(table.fingerprint())
    assert len(set(seen)) == 7
    assert table.fingerprint() == seen[-1]
    table.remove(session)
    assert table.fingerprint() == 0
    assert table.of_client(ClientID("alice")) is None


def test_the_order_of_use_is_in_the_fingerprint():
    prints = []
    for order in ((1, 2), (2, 1)):
        table = SessionTable()
        sessions = {1: alice_s(1), 2: Session(SessionID(2), ClientID("bob"), "")}
        for session in sessions.values():
            table.add(session)
        for index, number in enumerate(order, start=3):
            table.use(sessions[number], Index(index))
        prints.append(table.fingerprint())
    assert prints[0] != prints[1]


def test_the_first_session_is_the_least_recently_used():
    table = SessionTable()
    alice, bob = alice_s(1), Session(SessionID(2), ClientID("bob"), "")
    table.add(alice)
    table.add(bob)
    assert [*table] == [alice, bob]
    table.use(alice, Index(3))
    assert [*table] == [bob, alice]
    assert table.get(SessionID(1)) is table.of_client(ClientID("alice")) is alice
    assert len(table) == 2


@pytest.mark.parametrize(
    ("again", "complaint"),
    [
        (Session(SessionID(1), ClientID("bob"), ""), "a session's number serves once"),
        (Session(SessionID(2), ClientID("alice"), ""), "a client has one session"),
    ],
)
def test_numbers_and_clients_are_there_once(again, complaint):
    table = SessionTable()
    table.add(alice_s())
    with pytest.raises(AssertionError, match=complaint):
        table.add(again)
