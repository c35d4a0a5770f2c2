import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftlock.errors import ErrorCode, RemoteProtocolError
from raftlock.transport import json_text
from raftlock.transport.values import as_object, decode, encode
from raftlock.types import (
    AppendEntriesArgs,
    ApplyMsg,
    BackoffAdvice,
    ClientID,
    Index,
    LockChange,
    LockID,
    LockOperation,
    LogEntry,
    Millis,
    NodeID,
    NodeRole,
    Outcome,
    OutcomeStatus,
    PeerState,
    PendingProposal,
    ProposalID,
    RaftStatus,
    Term,
)


def entry(command):
    return LogEntry(Term(1), Index(1), command)


NESTED = [
    b"{}",
    b'{"op":"acquire","metadata":{"a":"b"}}',
    '{"op":"größe","n":-5,"x":1.5}'.encode(),
    b'{"a":[[[]]]}',
]
NOT_NESTED = [
    b'{"op": "acquire"}',  # a space that nobody would write back
    b'{"a":1.50}',
    b'{"a":1,"a":2}',
    b'{"a":"\\u0041"}',
    b'{"a":"\\ud800"}',
    b'{"a":9007199254740992}',
    b'{"a":NaN}',
    b'{"a":{"b":{"c":{"d":{}}}}}',  # the frame would be too deep
    b"[1]",
    b"5",
    b'"x"',
    b"null",
    b"\xff\xfe",
    b"x",
]


@pytest.mark.parametrize("command", NESTED)
def test_a_command_is_nested_where_that_is_exact(command):
    data = encode(entry(command))
    assert data["command"] == json_text.read(command.decode(), size_max=1_000)
    assert decode(LogEntry, data) == entry(command)


@pytest.mark.parametrize("command", NOT_NESTED)
def test_any_other_command_is_base64(command):
    data = encode(entry(command))
    assert "command" not in data
    assert decode(LogEntry, data) == entry(command)


@given(st.binary())
def test_every_command_comes_back_byte_for_byte(command):
    assert decode(LogEntry, encode(entry(command))) == entry(command)


PLAIN = {"term": 1, "index": 1, "stamp": 0}


@pytest.mark.parametrize(
    "fields",
    [
        {"command": "e30="},
        {"command": 5},
        {"command": None},
        {"command": []},
        {"command": {}, "command_b64": "e30="},
        {"command_b64": ""},
        {"command_b64": 5},
        {"command_b64": None},
        {"command_b64": "e30"},
        {"command_b64": "e3 0="},
        {"command_b64": "ü"},
    ],
)
def test_a_command_in_no_right_form_is_refused(fields):
    with pytest.raises(RemoteProtocolError):
        decode(LogEntry, {**PLAIN, **fields})
    with pytest.raises(RemoteProtocolError):
        decode(
            AppendEntriesArgs,
            {
                "term": 1,
                "leader_id": "n1",
                "prev_log_index": 0,
                "prev_log_term": 0,
                "entries": [{**PLAIN, **fields}],
            },
        )


@pytest.mark.parametrize("value", [None, 5, "x", [], [PLAIN]])
def test_what_is_no_object_is_refused(value):
    with pytest.raises(RemoteProtocolError, match="LogEntry must be an object"):
        decode(LogEntry, value)
    with pytest.raises(RemoteProtocolError, match="A thing must be an object"):
        as_object(value, "A thing")


def test_every_kind_of_value_there_and_back():
    advice = BackoffAdvice(Millis(1), Millis(2), 1.5, 0.5, None)
    status = RaftStatus(
        *(NodeID("n1"), NodeRole.CANDIDATE, Term(1), NodeID(""), Index(1), Term(1)),
        *(Index(1), Index(1)),
        replication={NodeID("n2"): PeerState(Index(1), Index(1), True, None, False, Index(0))},
    )
    pair = LockChange(LockID("p"), ClientID("a"), Index(7), Millis(9), Millis(5), (), ("granted",))
    args = AppendEntriesArgs(
        Term(1), NodeID("n1"), Index(0), Term(0), (entry(b"{}"), entry(b"\xff"))
    )
    snapshot = ApplyMsg(snapshot_valid=True, snapshot=b"\x00")
    refused = Outcome(
        OutcomeStatus.REFUSED, LockOperation.RENEW, code=ErrorCode.LOCK_HELD, message="no"
    )
    for value in (advice, status, pair, args, snapshot, refused):
        data = encode(value)
        assert json_text.read(json_text.write(data), size_max=10_000) == data
        assert decode(type(value), data) == value
    assert encode(status)["role"] == "candidate"
    assert encode(refused)["code"] == 101


def test_what_cannot_be_written_is_left_out():
    class Waiting:
        """Stands in for a callback."""

        def __call__(self):
            """Do nothing."""

    result = Waiting()
    proposal = PendingProposal(
        *(ProposalID("1"), Index(1), Term(1), LockOperation.RENEW, Millis(0), result, None),
        *(b"", ClientID("a"), LockID("p")),
    )
    assert not encode(proposal).keys() & {"result", "command"}


@pytest.mark.parametrize("role", ["Leader", "", 2, None, ["leader"]])
def test_a_role_is_one_of_three_words(role):
    status = RaftStatus(
        NodeID("n1"),
        NodeRole.LEADER,
        Term(1),
        NodeID("n1"),
        Index(1),
        Term(1),
        Index(1),
        Index(1),
    )
    with pytest.raises(RemoteProtocolError, match="role must be follower, candidate or leader"):
        decode(RaftStatus, {**encode(status), "role": role})


def test_a_refusal_is_short_and_says_where():
    with pytest.raises(RemoteProtocolError) as caught:
        decode(LogEntry, {"term": "x" * 10_000, "index": 1})
    assert caught.value.message == "LogEntry term: Input should be a valid integer."
    with pytest.raises(RemoteProtocolError) as caught:
        decode(LogEntry, {"term": 1, "index": 1, "x" * 10_000: 1})
    assert len(caught.value.message) < 200


def test_what_is_not_json_is_refused():
    with pytest.raises(RemoteProtocolError, match="BackoffAdvice is not JSON"):
        decode(
            BackoffAdvice,
            {
                "initial_backoff": 1,
                "max_backoff": 1,
                "multiplier": math.nan,
                "jitter_factor": 0.5,
            },
        )


def test_a_field_that_is_missing_is_named():
    with pytest.raises(RemoteProtocolError, match="LogEntry index:"):
        decode(LogEntry, {"term": 1})
