"""The small parts of the requester, one by one."""

import pytest

from raftlock.client.protocol.effects import Answered, Endpoint, Failed
from raftlock.client.protocol.frames import read_answer, request_for
from raftlock.client.protocol.line import Line
from raftlock.client.protocol.memory import ANSWERS_MAX, LEFT_MAX, UNKNOWN_MAX, Memory
from raftlock.client.protocol.pending import Pending, error_of, no_answer
from raftlock.client.protocol.session import OPEN_MAX, Session
from raftlock.errors import (
    ErrorCode,
    InvalidArgument,
    RemoteProtocolError,
    Timeout,
    Unavailable,
    WaitCancelled,
    WaitTimedOut,
)
from raftlock.transport.codec import ErrorInfo, Request, Response
from raftlock.transport.values import encode
from raftlock.types import (
    ClientID,
    Command,
    Index,
    LockID,
    LockOperation,
    Outcome,
    OutcomeStatus,
    SessionID,
)

ACQUIRE = Command(LockOperation.ACQUIRE, LockID("build"), ClientID("alice"), request_id="mine")


def pending(command=ACQUIRE, number=1):
    return Pending(number, command.op.value if command else "get_status", command, 10_000)


def outcome(status, op=LockOperation.ACQUIRE, token=7, **rest):
    return Outcome(status, op, LockID("build"), token=Index(token), **rest)


REFUSED = outcome(OutcomeStatus.REFUSED, code=ErrorCode.LOCK_HELD, message="bob holds it")


# --- endpoints ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "host", "port", "text"),
    [
        ("127.0.0.1:4711", "127.0.0.1", 4711, "127.0.0.1:4711"),
        ("[::1]:4711", "::1", 4711, "[::1]:4711"),
        (("localhost", 1), "localhost", 1, "localhost:1"),
        (Endpoint("n1", 65_535), "n1", 65_535, "n1:65535"),
    ],
)
def test_endpoints(given, host, port, text):
    found = Endpoint.parse(given)
    assert (found.host, found.port, str(found)) == (host, port, text)


@pytest.mark.parametrize(
    "given", ["", "n1", "n1:", ":1", "n1:0", "n1:65536", "n1:-1", "n1:1e3", "n1:٣", ("n1", 0)]
)
def test_what_is_no_endpoint(given):
    with pytest.raises(InvalidArgument, match="host:port"):
        Endpoint.parse(given)


# --- sessions ----------------------------------------------------------------------------------


def test_a_session_s_numbers():
    session = Session(SessionID(5))
    assert session.lowest_unanswered == 1
    assert [session.take() for _ in range(3)] == [1, 2, 3]
    session.settle(2)
    assert session.lowest_unanswered == 1
    session.settle(1)
    assert session.lowest_unanswered == 3
    session.settle(3)
    session.settle(3)
    assert session.lowest_unanswered == 4


def test_a_session_takes_only_so_many():
    session = Session(SessionID(5))
    for _ in range(OPEN_MAX):
        assert not session.is_full
        session.take()
    assert session.is_full
    session.settle(30)
    assert not session.is_full


def test_what_the_service_may_have_let_go():
    session = Session(SessionID(5))
    for _ in range(OPEN_MAX):
        session.settle(session.take())
    assert not session.is_forgotten(1)
    session.settle(session.take())
    assert session.is_forgotten(1)
    assert not session.is_forgotten(2)


# --- the connection ----------------------------------------------------------------------------


def test_a_line():
    line = Line()
    assert not line.is_present(0)
    assert line.begin(Endpoint("n1", 1), 100) == 1
    assert line.is_present(1)
    assert not line.is_open
    line.opened(5)
    assert (line.is_open, line.decided_at) == (True, 5)
    frame = line.frame_for(17)
    assert line.call_of(frame) == 17
    assert line.end() == Endpoint("n1", 1)
    assert not line.is_open
    assert line.call_of(frame) == 0
    assert line.begin(Endpoint("n2", 1), 100) == 2
    assert line.frame_for(17) != frame
    assert not line.is_present(1)


# --- memory ------------------------------------------------------------------------------------


def test_memory_is_bounded():
    memory = Memory()
    for each in range(UNKNOWN_MAX):
        assert memory.keep_unknown(str(each), pending(number=each)) is None
    assert memory.keep_unknown("one more", pending()).number == 0
    assert memory.unknown("0") is None
    assert memory.take_unknown("1").number == 1
    assert memory.unknown("1") is None
    for each in range(ANSWERS_MAX + 1):
        memory.keep_answer(str(each), pending(), Answered(each, 0))
    assert memory.answer("0") is None
    assert memory.answer("1")[1].number == 1
    assert Memory().forget_oldest() is None
    for each in range(LEFT_MAX + 1):
        memory.note_left(str(each))
    memory.note_left("1")
    assert not memory.has_left("0")
    assert memory.has_left("1")


def test_memory_of_holds():
    memory = Memory()
    memory.note(pending(number=1), Answered(1, 0), 0)
    memory.note(pending(number=1), Answered(1, 0, outcome(OutcomeStatus.GRANTED)), 0)
    assert memory.token(LockID("build")) == 7
    assert memory.token(LockID("other")) == 0
    memory.note(pending(number=2), Answered(2, 0, outcome(OutcomeStatus.RENEWED)), 0)
    assert memory.take_back(2) == []
    assert memory.take_back(1) == [("build", 7)]
    assert memory.take_back(1) == []
    memory.note(pending(number=3), Answered(3, 0, outcome(OutcomeStatus.GRANTED)), 0)
    memory.note(pending(number=4), Answered(4, 0, outcome(OutcomeStatus.GRANTED)), 0)
    assert memory.take_back(3) == [], "two callers know of it"
    memory.note(pending(number=5), Answered(5, 0, outcome(OutcomeStatus.RELEASED)), 0)
    assert memory.token(LockID("build")) == 0


# --- frames ------------------------------------------------------------------------------------


def test_requests():
    assert request_for(3, "get_status", None, {}) == Request(3, "get_status", {})
    look = {"lock_id": "build"}
    assert request_for(3, "get_lock_info", None, look) == Request(3, "get_lock_info", look)
    params = {"lock_id": "build", "client_id": "alice", "request_id": "mine"}
    assert request_for(3, "acquire", ACQUIRE, {}) == Request(3, "acquire", params)


def test_answers():
    granted = outcome(OutcomeStatus.GRANTED)
    assert read_answer(Response(1, encode(granted)), of_lock_table=True).outcome == granted
    assert read_answer(Response(1, {"id": "n1"}), of_lock_table=False).result == {"id": "n1"}


@pytest.mark.parametrize(
    "response",
    [
        Response(1, error=ErrorInfo(101, "LOCK_HELD", "bob holds it")),
        Response(
            1,
            encode(
                outcome(OutcomeStatus.REFUSED, code=ErrorCode.LOCK_HELD, message="bob holds it")
            ),
        ),
    ],
    ids=["as an error", "as an outcome"],
)
def test_a_refusal_is_the_same_either_way(response):
    answer = read_answer(response, of_lock_table=True)
    assert (answer.code, answer.message, answer.outcome) == (101, "bob holds it", None)


@pytest.mark.parametrize("result", [{}, {"status": "granted"}, {"status": 1, "op": "acquire"}])
def test_what_is_no_outcome(result):
    with pytest.raises(RemoteProtocolError):
        read_answer(Response(1, result), of_lock_table=True)


# --- words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "status", "kind"),
    [
        (LockOperation.ACQUIRE, OutcomeStatus.GRANTED, None),
        (LockOperation.ACQUIRE, OutcomeStatus.TIMED_OUT, WaitTimedOut),
        (LockOperation.ACQUIRE, OutcomeStatus.CANCELLED, WaitCancelled),
        (LockOperation.ENQUEUE_WAITER, OutcomeStatus.CANCELLED, WaitCancelled),
        (LockOperation.CANCEL_WAIT, OutcomeStatus.CANCELLED, None),
        (LockOperation.RELEASE, OutcomeStatus.RELEASED, None),
    ],
)
def test_what_a_final_outcome_means(op, status, kind):
    call = pending(Command(op, LockID("build"), ClientID("alice"), request_id="mine"))
    error = error_of(call, outcome(status, op))
    assert error is None if kind is None else type(error) is kind
    if error is not None:
        assert "build" in error.message
        assert error.details == {"request_id": "mine", "lock": "build"}


def test_the_service_s_own_words_go_first():
    call = pending()
    error = error_of(call, outcome(OutcomeStatus.TIMED_OUT, message="too late"))
    assert error.message == "too late"
    assert isinstance(
        Failed(1, error_of(call, outcome(OutcomeStatus.CANCELLED, message="why"))).error,
        WaitCancelled,
    )


def test_who_asked_earlier_is_not_told_that_nothing_was_asked():
    error = no_answer(pending(), "", asked_before=True)
    assert isinstance(error, Timeout)
    assert "asked earlier under the same request id" in error.message


@pytest.mark.parametrize(
    ("command", "attempts", "kind", "words"),
    [
        (ACQUIRE, 0, Unavailable, "Acquire of 'build': no node took it"),
        (ACQUIRE, 1, Timeout, "request_id='mine'"),
        (None, 0, Unavailable, "Get_status: no node took it"),
        (None, 1, Timeout, "ask again"),
    ],
)
def test_what_is_said_when_no_answer_came(command, attempts, kind, words):
    call = pending(command)
    call.attempts = attempts
    for trouble in ("", "n1 refused"):
        error = no_answer(call, trouble)
        assert type(error) is kind
        assert words in error.message
        assert ("Last heard: n1 refused." in error.message) is bool(trouble)
