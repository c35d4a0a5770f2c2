"""The vocabulary as a whole: all names are public, all values frozen, every JSON form is fixed."""

import dataclasses
import importlib
import pkgutil

import pytest

from raftlock import types
from raftlock.errors import ErrorCode, RemoteProtocolError
from raftlock.transport.values import decode, encode
from raftlock.types import (
    AppendEntriesArgs,
    AppendEntriesReply,
    ApplyMsg,
    BackoffAdvice,
    ClientID,
    Command,
    Configuration,
    Holder,
    HolderInfo,
    Index,
    IndexOffsetPair,
    InstallSnapshotArgs,
    InstallSnapshotReply,
    LockChange,
    LockID,
    LockInfo,
    LockOperation,
    LockRates,
    LockStats,
    LogEntry,
    Millis,
    NodeID,
    NodeRole,
    Outcome,
    OutcomeStatus,
    PeerConnectionStatus,
    PeerState,
    PendingProposal,
    PersistentState,
    ProposalID,
    ProposalResult,
    ProposalStats,
    QueuedWaiter,
    RaftStatus,
    RequestVoteArgs,
    RequestVoteReply,
    SessionID,
    Snapshot,
    SnapshotMetadata,
    SnapshotOperation,
    Term,
    TimeoutNow,
    WaiterInfo,
)

N1, N2 = NodeID("n1"), NodeID("n2")
PRINTER, ALICE, BOB = LockID("printer"), ClientID("alice"), ClientID("bob")

OUTCOME = Outcome(
    status=OutcomeStatus.GRANTED,
    op=LockOperation.ACQUIRE,
    lock_id=PRINTER,
    client_id=ALICE,
    session_id=SessionID(3),
    sequence=1,
    request_id="r-1",
    token=Index(7),
    ttl=Millis(10_000),
    stamp=Millis(4_200),
    enqueued_stamp=Millis(4_000),
    deadline=Millis(14_200),
    waiter_promoted=True,
)
OUTCOME_JSON = {
    "status": "granted",
    "op": "acquire",
    "lock_id": "printer",
    "client_id": "alice",
    "session_id": 3,
    "sequence": 1,
    "request_id": "r-1",
    "token": 7,
    "ttl": 10000,
    "stamp": 4200,
    "enqueued_stamp": 4000,
    "deadline": 14200,
    "position": 0,
    "expired": False,
    "waiter_promoted": True,
    "code": 1,
    "message": "",
}
WAITER = QueuedWaiter(BOB, 5, Index(8), Millis(70_000), Millis(4_100), "r-2")
WAITER_JSON = {
    "client_id": "bob",
    "priority": 5,
    "index": 8,
    "deadline": 70000,
    "enqueued_stamp": 4100,
    "request_id": "r-2",
}
CHANGE = LockChange(
    PRINTER, ALICE, Index(7), Millis(14_200), Millis(10_000), (WAITER,), ("granted", "queued")
)
CHANGE_JSON = {
    "lock_id": "printer",
    "owner_id": "alice",
    "token": 7,
    "deadline": 14200,
    "ttl": 10000,
    "waiters": [WAITER_JSON],
    "why": ["granted", "queued"],
}
COMMAND = b'{"op":"acquire","lock_id":"printer","client_id":"alice","ttl":10000}'
COMMAND_JSON = {"op": "acquire", "lock_id": "printer", "client_id": "alice", "ttl": 10000}

# Written by hand: what each type that has no tags in the original looks like on our wire.
SAMPLES = [
    (
        RequestVoteArgs(Term(4), N1, Index(9), Term(3), is_pre_vote=True),
        {
            "term": 4,
            "candidate_id": "n1",
            "last_log_index": 9,
            "last_log_term": 3,
            "is_pre_vote": True,
        },
    ),
    (
        RequestVoteReply(Term(4), vote_granted=True, request_term=Term(4)),
        {"term": 4, "vote_granted": True, "is_pre_vote": False, "request_term": 4},
    ),
    (
        AppendEntriesArgs(
            Term(4),
            N1,
            Index(6),
            Term(3),
            (LogEntry(Term(4), Index(7), COMMAND, Millis(4_200)),),
            Index(6),
            Millis(4_250),
        ),
        {
            "term": 4,
            "leader_id": "n1",
            "prev_log_index": 6,
            "prev_log_term": 3,
            "entries": [{"term": 4, "index": 7, "command": COMMAND_JSON, "stamp": 4200}],
            "leader_commit": 6,
            "cluster_time": 4250,
        },
    ),
    (
        AppendEntriesReply(
            Term(4),
            success=False,
            conflict_index=Index(5),
            conflict_term=Term(2),
            request_term=Term(4),
            prev_log_index=Index(6),
        ),
        {
            "term": 4,
            "success": False,
            "conflict_index": 5,
            "conflict_term": 2,
            "match_index": 0,
            "request_term": 4,
            "prev_log_index": 6,
        },
    ),
    (
        InstallSnapshotArgs(
            Term(4), N1, Index(6), Term(3), b"\x00\xffsnap", 65_536, False, Millis(4_000), 7
        ),
        {
            "term": 4,
            "leader_id": "n1",
            "last_included_index": 6,
            "last_included_term": 3,
            "data": "AP9zbmFw",
            "offset": 65536,
            "done": False,
            "last_included_stamp": 4000,
            "checksum": 7,
        },
    ),
    (
        InstallSnapshotReply(Term(4), Term(4), Index(6), 100),
        {
            "term": 4,
            "request_term": 4,
            "last_included_index": 6,
            "offset": 100,
            "match_index": 0,
        },
    ),
    (
        Configuration((N1,), (NodeID("n2"),), (N1, NodeID("n3"))),
        {"voters": ["n1"], "learners": ["n2"], "outgoing": ["n1", "n3"]},
    ),
    (
        LogEntry(Term(2), Index(3), configuration=Configuration((N1,))),
        {
            "term": 2,
            "index": 3,
            "stamp": 0,
            "configuration": {"voters": ["n1"], "learners": [], "outgoing": []},
        },
    ),
    (TimeoutNow(Term(4), N1), {"term": 4, "leader_id": "n1"}),
    (
        Snapshot(SnapshotMetadata(Index(6), Term(3), Millis(4_000)), b"\x00\xffsnap"),
        {
            "metadata": {
                "last_included_index": 6,
                "last_included_term": 3,
                "last_included_stamp": 4000,
            },
            "data": "AP9zbmFw",
        },
    ),
    (
        LogEntry(Term(2), Index(3), COMMAND, Millis(5)),
        {"term": 2, "index": 3, "command": COMMAND_JSON, "stamp": 5},
    ),
    (LogEntry(Term(2), Index(3)), {"term": 2, "index": 3, "stamp": 0}),
    (
        LogEntry(Term(2), Index(3), b"\xff\x00"),
        {"term": 2, "index": 3, "command_b64": "/wA=", "stamp": 0},
    ),
    (IndexOffsetPair(Index(3), 4_096), {"index": 3, "offset": 4096}),
    (
        ApplyMsg(
            command_valid=True,
            command=COMMAND,
            command_index=Index(7),
            command_term=Term(4),
            command_result_data=OUTCOME,
            outcomes=(OUTCOME,),
            changes=(CHANGE,),
        ),
        {
            "command_valid": True,
            "command": COMMAND_JSON,
            "command_index": 7,
            "command_term": 4,
            "command_result_data": OUTCOME_JSON,
            "command_result_error": "",
            "snapshot_valid": False,
            "snapshot": "",
            "snapshot_index": 0,
            "snapshot_term": 0,
            "outcomes": [OUTCOME_JSON],
            "changes": [CHANGE_JSON],
        },
    ),
    (OUTCOME, OUTCOME_JSON),
    (
        Outcome(
            OutcomeStatus.REFUSED,
            LockOperation.RELEASE,
            code=ErrorCode.NOT_LOCK_OWNER,
            message="bob owns it.",
        ),
        {
            "status": "refused",
            "op": "release",
            "lock_id": "",
            "client_id": "",
            "session_id": 0,
            "sequence": 0,
            "request_id": "",
            "token": 0,
            "ttl": 0,
            "stamp": 0,
            "enqueued_stamp": 0,
            "deadline": 0,
            "position": 0,
            "expired": False,
            "waiter_promoted": False,
            "code": 103,
            "message": "bob owns it.",
        },
    ),
    (WAITER, WAITER_JSON),
    (CHANGE, CHANGE_JSON),
    (
        BackoffAdvice(Millis(50), Millis(1_000), 1.5, 0.2, Millis(300)),
        {
            "initial_backoff": 50,
            "max_backoff": 1000,
            "multiplier": 1.5,
            "jitter_factor": 0.2,
            "estimated_availability_in": 300,
        },
    ),
    (
        BackoffAdvice(Millis(50), Millis(1_000), 2.0, 0.25),
        {
            "initial_backoff": 50,
            "max_backoff": 1000,
            "multiplier": 2.0,
            "jitter_factor": 0.25,
            "estimated_availability_in": None,
        },
    ),
    (
        RaftStatus(
            id=N1,
            role=NodeRole.LEADER,
            term=Term(4),
            leader_id=N1,
            last_log_index=Index(9),
            last_log_term=Term(4),
            commit_index=Index(8),
            last_applied=Index(8),
            replication={
                N2: PeerState(Index(9), Index(8), True, Millis(1_234), False, Index(1)),
            },
        ),
        {
            "id": "n1",
            "role": "leader",
            "term": 4,
            "leader_id": "n1",
            "last_log_index": 9,
            "last_log_term": 4,
            "commit_index": 8,
            "last_applied": 8,
            "snapshot_index": 0,
            "snapshot_term": 0,
            "replication": {
                "n2": {
                    "next_index": 9,
                    "match_index": 8,
                    "is_active": True,
                    "last_active": 1234,
                    "snapshot_in_progress": False,
                    "replication_lag": 1,
                }
            },
            "pre_vote": False,
        },
    ),
    (
        PeerState(Index(1), Index(0), False, None, True, Index(9)),
        {
            "next_index": 1,
            "match_index": 0,
            "is_active": False,
            "last_active": None,
            "snapshot_in_progress": True,
            "replication_lag": 9,
        },
    ),
    (
        PeerConnectionStatus(connected=False, last_error="refused", pending_rpcs=2),
        {"connected": False, "last_error": "refused", "last_active": None, "pending_rpcs": 2},
    ),
    (
        ProposalResult(
            success=True, data=OUTCOME, applied_at=Millis(1_700_000_000_123), duration=Millis(7)
        ),
        {
            "success": True,
            "error": "",
            "data": OUTCOME_JSON,
            "applied_at": 1700000000123,
            "duration": 7,
        },
    ),
    (
        ProposalStats(7, 1, 4, 2, 0, 0, Millis(12), Millis(40)),
        {
            "total_proposals": 7,
            "pending_proposals": 1,
            "successful_proposals": 4,
            "failed_proposals": 2,
            "cancelled_proposals": 0,
            "expired_proposals": 0,
            "average_latency": 12,
            "max_latency": 40,
        },
    ),
    (
        LockStats(1, 2, 1, 3, 9, 8, 7, 1, 6, 5, 1, 0, 4, Millis(16_000), Millis(9_000)),
        {
            "held": 1,
            "waiting": 2,
            "contested": 1,
            "sessions": 3,
            "acquired": 9,
            "renewed": 8,
            "released": 7,
            "expired": 1,
            "waits_begun": 6,
            "waits_granted": 5,
            "waits_timed_out": 1,
            "waits_cancelled": 0,
            "refused": 4,
            "hold_time_total": 16_000,
            "hold_time_longest": 9_000,
            "rates": None,
        },
    ),
    (
        Holder(ALICE, Index(7), Millis(9_000), Millis(8_000), 2),
        {"client_id": "alice", "token": 7, "deadline": 9_000, "ttl": 8_000, "slot": 2},
    ),
    (
        HolderInfo(ALICE, Index(7), None, Millis(9_000), Millis(8_000), Millis(500), 2),
        {
            "client_id": "alice",
            "version": 7,
            "slot": 2,
            "acquired_at": None,
            "expires_at": 9_000,
            "ttl": 8_000,
            "remaining": 500,
        },
    ),
    (
        LockRates(Millis(60_000), 5, 4, 3, 2, 1),
        {
            "over": 60_000,
            "acquired": 5,
            "renewed": 4,
            "released": 3,
            "expired": 2,
            "refused": 1,
        },
    ),
]

# These five have the original's JSON as well: test_original_json.py.
TAGGED = {Command, LockInfo, WaiterInfo, PersistentState, SnapshotMetadata}


@pytest.mark.parametrize(("value", "data"), SAMPLES, ids=lambda it: type(it).__name__)
def test_a_value_has_its_json_form(value, data):
    assert encode(value) == data
    assert decode(type(value), data) == value


def test_a_pending_proposal_is_shown_without_its_callback():
    proposal = PendingProposal(
        id=ProposalID("4-7"),
        index=Index(7),
        term=Term(4),
        operation=LockOperation.ACQUIRE,
        start_time=Millis(100),
        result=lambda _: None,
        deadline=None,
        command=COMMAND,
        client_id=ALICE,
        lock_id=PRINTER,
    )
    assert encode(proposal) == {
        "id": "4-7",
        "index": 7,
        "term": 4,
        "operation": "acquire",
        "start_time": 100,
        "deadline": None,
        "command": COMMAND_JSON,
        "client_id": "alice",
        "lock_id": "printer",
    }


def dataclasses_of_the_vocabulary():
    return [
        kind for name in types.__all__ if dataclasses.is_dataclass(kind := getattr(types, name))
    ]


def test_no_type_was_forgotten():
    shown = {type(value) for value, _ in SAMPLES} | TAGGED | {PendingProposal}
    assert {kind.__name__ for kind in dataclasses_of_the_vocabulary()} == {
        kind.__name__ for kind in shown
    }


@pytest.mark.parametrize("kind", dataclasses_of_the_vocabulary())
def test_values_are_frozen_and_slotted(kind):
    assert kind.__dataclass_params__.frozen
    assert "__slots__" in vars(kind)
    assert not hasattr(kind, "__dict__") or "__dict__" not in dir(object.__new__(kind))


@pytest.mark.parametrize(("value", "data"), SAMPLES, ids=lambda it: type(it).__name__)
def test_a_field_that_nobody_knows_is_refused(value, data):
    with pytest.raises(RemoteProtocolError):
        decode(type(value), {**data, "unheard_of": 1})


@pytest.mark.parametrize(("value", "data"), SAMPLES, ids=lambda it: type(it).__name__)
def test_a_field_of_another_type_is_refused(value, data):
    for name in data:
        for wrong in ([[]], {"a": []}, 0.5, "\x00wrong"):
            fits = isinstance(wrong, str | float) and type(wrong) is type(data[name])
            # A command is opaque: any object will do.
            if fits or (name == "command" and isinstance(wrong, dict)):
                continue
            with pytest.raises(RemoteProtocolError):
                decode(type(value), {**data, name: wrong})


def test_the_rooms_list_is_the_union_of_its_files_lists():
    files = [
        importlib.import_module(f"raftlock.types.{module.name}")
        for module in pkgutil.iter_modules(types.__path__)
    ]
    listed = [name for file in files for name in file.__all__]
    assert len(listed) == len(set(listed))
    assert sorted(types.__all__) == sorted(listed)
    for file in files:
        for name in file.__all__:
            assert getattr(types, name) is getattr(file, name)


def test_operations_are_the_originals_words():
    assert [op.value for op in LockOperation][:5] == [
        "acquire",
        "release",
        "renew",
        "enqueue_waiter",
        "cancel_wait",
    ]
    assert [op.value for op in LockOperation][5:] == [
        "open_session",
        "end_session",
        "revoke",
        "acquire_all",
    ]
    assert [op.value for op in SnapshotOperation] == ["create", "restore"]


def test_only_queued_is_not_final():
    assert [status for status in OutcomeStatus if not status.is_final] == [OutcomeStatus.QUEUED]


def test_how_long_a_hold_lasted_on_average():
    assert LockStats().hold_time_average == 0
    assert LockStats(released=2, expired=1, hold_time_total=Millis(10)).hold_time_average == 3


def test_an_estimate_is_written_where_there_is_one():
    queued = dataclasses.replace(OUTCOME, estimate=Millis(1_500))
    assert encode(queued)["estimate"] == 1_500
    assert decode(Outcome, encode(queued)) == queued
    assert "estimate" not in encode(OUTCOME)
