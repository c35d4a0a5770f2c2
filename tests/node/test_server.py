"""The desk: what clients are answered, and that a refusal changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from raftlock.errors import ErrorCode, RemoteProtocolError
from raftlock.node.server import ClientDesk, Conversation
from raftlock.node.watching import Watches
from raftlock.raft.effects import Resolution
from raftlock.transport.values import decode
from raftlock.types import (
    ClientID,
    Command,
    Index,
    LockID,
    LockInfo,
    LockOperation,
    LockStats,
    Micros,
    Millis,
    NodeID,
    NodeRole,
    Outcome,
    OutcomeStatus,
    ProposalID,
    ProposalResult,
    RaftStatus,
    SessionID,
    Term,
)


class Line:
    def __init__(self) -> None:
        self.frames: list[dict[str, object]] = []

    def send(self, text: str) -> None:
        self.frames.append(json.loads(text))


class Host:
    """A node that keeps what is proposed, to be answered by the test."""

    def __init__(self) -> None:
        self.proposed: list[tuple[Command, Callable[[ProposalResult], None]]] = []
        self.reads: list[Callable[[Resolution], None]] = []
        self.heard: list[SessionID] = []
        self.us = 0
        self.watches = Watches()

    def propose(self, command: Command, result: Callable[[ProposalResult], None]) -> None:
        self.proposed.append((command, result))

    def read(self, result: Callable[[Resolution], None]) -> None:
        self.reads.append(result)

    def keep_alive(self, session: SessionID, result: Callable[[Resolution], None]) -> None:
        self.heard.append(session)
        self.reads.append(result)

    def session_lives(self, session: SessionID) -> bool:
        return session == 9

    @property
    def session_ttl_ms(self) -> Millis:
        return Millis(10_000)

    def lock_info(self, lock_id: LockID) -> LockInfo:
        return LockInfo(lock_id, ClientID("alice"), Index(7), Millis(0), None, 0, ttl=Millis(5_000))

    def lock_stats(self) -> LockStats:
        return LockStats(held=2, acquired=5)

    def status(self) -> RaftStatus:
        return RaftStatus(
            id=NodeID("n1"),
            role=NodeRole.FOLLOWER,
            term=Term(3),
            leader_id=NodeID("n2"),
            last_log_index=Index(4),
            last_log_term=Term(3),
            commit_index=Index(4),
            last_applied=Index(4),
        )

    def address_of(self, node: NodeID) -> str:
        return f"127.0.0.1:{4000 + int(node[1:])}"

    def wall_ms(self) -> Millis:
        return Millis(1_700_000_000_000)

    def machine_us(self) -> Micros:
        return Micros(self.us)

    def enter(self, function: Callable[[], None]) -> None:
        function()


class Counter:
    """One client at one desk."""

    def __init__(self) -> None:
        self.host = Host()
        self.desk = ClientDesk(self.host)
        self.line = Line()
        self.talk: Conversation = self.desk.open(ClientID("alice"), self.line)

    def ask(self, call: str, **params: object) -> None:
        self.talk.frame(json.dumps({"id": 1, "call": call, "params": params}))

    def answer(self, status: OutcomeStatus, **fields: object) -> None:
        command, result = self.host.proposed.pop()
        outcome = Outcome(
            status,
            command.op,
            command.lock_id,
            command.client_id,
            command.session_id,
            command.sequence,
            **fields,  # type: ignore[arg-type]
        )
        result(ProposalResult(status is not OutcomeStatus.REFUSED, data=outcome))

    def error(self) -> dict[str, object]:
        error = self.line.frames[-1]["error"]
        assert isinstance(error, dict)
        return error


@pytest.fixture
def counter() -> Counter:
    return Counter()


ACQUIRE = {"lock_id": "printer", "ttl": 5_000, "session_id": 9, "sequence": 1}


def test_an_acquire_is_proposed_with_the_proposers_wall_clock(counter: Counter) -> None:
    counter.ask("acquire", **ACQUIRE)
    command = counter.host.proposed[0][0]
    assert command.op is LockOperation.ACQUIRE
    assert (command.client_id, command.proposed_at) == ("alice", 1_700_000_000_000)
    counter.answer(OutcomeStatus.GRANTED, token=Index(7))
    result = counter.line.frames[-1]["result"]
    assert isinstance(result, dict)
    assert (result["status"], result["token"]) == ("granted", 7)


def test_a_wait_is_told_its_place_and_later_the_end(counter: Counter) -> None:
    counter.ask("acquire", **ACQUIRE, wait=True, wait_timeout=5_000)
    counter.answer(OutcomeStatus.QUEUED, position=2)
    assert counter.line.frames[-1]["event"] == "queued"
    final = Outcome(
        OutcomeStatus.GRANTED,
        LockOperation.ACQUIRE,
        LockID("printer"),
        ClientID("alice"),
        SessionID(9),
        1,
        token=Index(12),
    )
    counter.desk.tell([final])
    counter.desk.tell([final])  # told once
    assert len(counter.line.frames) == 2
    assert "event" not in counter.line.frames[-1]


def test_who_leads_is_in_the_answer_of_who_does_not(counter: Counter) -> None:
    counter.ask("acquire", **ACQUIRE)
    counter.answer(OutcomeStatus.REFUSED, code=ErrorCode.NOT_LEADER, message="n1 does not lead.")
    assert counter.error()["name"] == "NOT_LEADER"
    assert counter.error()["details"] == {"leader": "n2", "address": "127.0.0.1:4002"}


def test_waiters_are_sent_to_the_new_leader(counter: Counter) -> None:
    counter.ask("acquire", **ACQUIRE, wait=True)
    counter.answer(OutcomeStatus.QUEUED)
    counter.desk.lose_leadership()
    counter.desk.lose_leadership()
    assert counter.error()["name"] == "NOT_LEADER"
    assert len(counter.line.frames) == 2


def test_a_closed_line_is_told_nothing(counter: Counter) -> None:
    counter.ask("acquire", **ACQUIRE, wait=True)
    counter.answer(OutcomeStatus.QUEUED)
    counter.talk.closed()
    counter.desk.lose_leadership()
    assert len(counter.line.frames) == 1


@pytest.mark.parametrize(
    ("call", "params", "name", "sentence"),
    [
        ("fly", {}, "INVALID_ARGUMENT", "no call 'fly'"),
        ("end_session", {"session_id": 9}, "INVALID_ARGUMENT", "no call"),
        ("acquire", {**ACQUIRE, "ttl": 0}, "INVALID_TTL", "ttl must be"),
        ("acquire", {**ACQUIRE, "ttl": "long"}, "INVALID_ARGUMENT", "do not fit"),
        ("acquire", {**ACQUIRE, "colour": "red"}, "INVALID_ARGUMENT", "do not fit"),
        ("acquire", {**ACQUIRE, "lock_id": "x" * 300}, "INVALID_ARGUMENT", "256 characters"),
        ("acquire", {**ACQUIRE, "client_id": "bob"}, "PERMISSION_DENIED", "belongs to 'alice'"),
        ("acquire", {"lock_id": "printer", "ttl": 5_000}, "INVALID_ARGUMENT", "session first"),
        ("release", {"lock_id": "x", "session_id": 9}, "INVALID_ARGUMENT", "fencing token"),
        ("keep_alive", {}, "INVALID_ARGUMENT", "session_id must be a whole number"),
        ("keep_alive", {"session_id": True}, "INVALID_ARGUMENT", "must be a whole number"),
        ("keep_alive", {"session_id": 0}, "INVALID_ARGUMENT", "from 1 on"),
        ("keep_alive", {"session_id": -1}, "INVALID_ARGUMENT", "from 1 on"),
        ("keep_alive", {"session_id": 9, "lock_id": "x"}, "INVALID_ARGUMENT", "no param"),
        ("get_lock_info", {}, "INVALID_ARGUMENT", "lock_id must be a text"),
        ("get_lock_info", {"lock_id": ""}, "INVALID_ARGUMENT", "must not be empty"),
        ("get_lock_info", {"lock_id": "x", "ttl": 1}, "INVALID_ARGUMENT", "no param 'ttl'"),
    ],
)
def test_a_wrong_request_is_answered_and_proposes_nothing(
    counter: Counter, call: str, params: dict[str, object], name: str, sentence: str
) -> None:
    counter.ask(call, **params)
    assert counter.error()["name"] == name
    assert sentence in str(counter.error()["message"])
    assert not counter.host.proposed
    assert not counter.host.reads
    assert not counter.host.heard


def test_what_is_no_frame_closes_the_connection(counter: Counter) -> None:
    with pytest.raises(RemoteProtocolError):
        counter.talk.frame("{")


def test_too_many_requests_are_answered_and_pass_again_later(counter: Counter) -> None:
    for _ in range(4_000):
        counter.ask("get_status")
    counter.ask("get_status")
    assert counter.error()["name"] == "RATE_LIMITED"
    counter.host.us += 1_000
    counter.ask("get_status")
    assert "result" in counter.line.frames[-1]


def test_status_is_answered_from_here(counter: Counter) -> None:
    counter.ask("get_status")
    result = counter.line.frames[-1]["result"]
    assert isinstance(result, dict)
    assert (result["id"], result["role"], result["term"]) == ("n1", "follower", 3)
    assert (result["locks"]["held"], result["locks"]["acquired"]) == (2, 5)
    assert decode(RaftStatus, result).locks == LockStats(held=2, acquired=5)


def test_a_look_at_a_lock_waits_until_the_table_may_be_read(counter: Counter) -> None:
    counter.ask("get_lock_info", lock_id="printer")
    assert not counter.line.frames
    assert not counter.host.proposed, "it is no entry of the log"
    counter.host.reads.pop()(Resolution(ProposalID("1"), accepted=True))
    assert counter.line.frames[-1]["result"] == {
        "lock_id": "printer",
        "owner_id": "alice",
        "version": 7,
        "acquired_at": "1970-01-01T00:00:00Z",
        "expires_at": "0001-01-01T00:00:00Z",
        "waiter_count": 0,
        "last_modified": "0001-01-01T00:00:00Z",
        "ttl": 5_000,
    }


@pytest.mark.parametrize("code", [ErrorCode.NOT_LEADER, ErrorCode.NO_LEADER])
def test_a_look_is_sent_to_the_leader(counter: Counter, code: ErrorCode) -> None:
    counter.ask("get_lock_info", lock_id="printer")
    refused = Resolution(ProposalID("1"), accepted=False, code=code, message="n1 does not lead.")
    counter.host.reads.pop()(refused)
    assert counter.error()["name"] == code.name
    assert counter.error()["message"] == "n1 does not lead."
    assert counter.error()["details"] == {"leader": "n2", "address": "127.0.0.1:4002"}


def test_whoever_opens_a_session_is_told_how_long_it_lives_unheard(counter: Counter) -> None:
    counter.ask("open_session", request_id="r")
    counter.answer(OutcomeStatus.SESSION_OPENED)
    result = counter.line.frames[-1]["result"]
    assert isinstance(result, dict)
    assert (result["status"], result["ttl"]) == ("session_opened", 10_000)


def test_a_keep_alive_is_answered_once_the_leader_is_sure_to_lead(counter: Counter) -> None:
    counter.ask("keep_alive", session_id=9)
    assert counter.host.heard == [9]
    assert not counter.line.frames
    assert not counter.host.proposed, "it is no entry of the log"
    counter.host.reads.pop()(Resolution(ProposalID("1"), accepted=True))
    assert counter.line.frames[-1]["result"] == {"session_id": 9}


def test_a_keep_alive_of_a_session_that_has_ended_says_so(counter: Counter) -> None:
    counter.ask("keep_alive", session_id=8)
    counter.host.reads.pop()(Resolution(ProposalID("1"), accepted=True))
    assert counter.error()["name"] == "SESSION_EXPIRED"
    assert "open a new one" in str(counter.error()["message"])


def test_a_keep_alive_is_sent_to_the_leader(counter: Counter) -> None:
    counter.ask("keep_alive", session_id=9)
    code = ErrorCode.NOT_LEADER
    counter.host.reads.pop()(Resolution(ProposalID("1"), accepted=False, code=code))
    assert counter.error()["name"] == "NOT_LEADER"
    assert counter.error()["details"] == {"leader": "n2", "address": "127.0.0.1:4002"}
