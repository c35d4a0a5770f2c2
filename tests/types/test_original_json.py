"""The five types with tags in the original: samples by hand, as Go's encoding/json writes them."""

import json

import pytest

from raftlock.transport.original import from_original, to_original
from raftlock.types import (
    ClientID,
    Command,
    Index,
    LockID,
    LockInfo,
    LockOperation,
    Millis,
    NodeID,
    PersistentState,
    SessionID,
    SnapshotMetadata,
    Term,
    WaiterInfo,
)

BOB = WaiterInfo(ClientID("bob"), Millis(1_714_558_830_120), Millis(1_714_558_890_120), 5, 0)

SAMPLES = [
    (
        '{"op":"release","lock_id":"printer","client_id":"alice"}',
        Command(LockOperation.RELEASE, LockID("printer"), ClientID("alice")),
    ),
    (
        (
            '{"op":"acquire","lock_id":"printer","client_id":"alice","ttl":10000,"version":7,'
            '"priority":-5,"timeout":2000,"wait":true,"wait_timeout":60000,"request_id":"r-1",'
            '"metadata":{"job":"7","owner":"größe"}}'
        ),
        Command(
            op=LockOperation.ACQUIRE,
            lock_id=LockID("printer"),
            client_id=ClientID("alice"),
            ttl=Millis(10_000),
            version=Index(7),
            priority=-5,
            timeout=Millis(2_000),
            wait=True,
            wait_timeout=Millis(60_000),
            request_id="r-1",
            metadata={"job": "7", "owner": "größe"},
        ),
    ),
    (
        (
            '{"client_id":"bob","enqueued_at":"2024-05-01T10:20:30.12Z",'
            '"timeout_at":"2024-05-01T10:21:30.12Z","priority":5,"position":0}'
        ),
        BOB,
    ),
    (
        (
            '{"client_id":"","enqueued_at":"0001-01-01T00:00:00Z",'
            '"timeout_at":"0001-01-01T00:00:00Z","priority":0,"position":0}'
        ),
        WaiterInfo(ClientID(""), None, None, 0, 0),
    ),
    (
        (
            '{"lock_id":"printer","owner_id":"alice","version":7,'
            '"acquired_at":"2024-05-01T10:20:30Z","expires_at":"2024-05-01T10:20:40.001Z",'
            '"waiter_count":1,"waiters_info":[{"client_id":"bob",'
            '"enqueued_at":"2024-05-01T10:20:30.12Z","timeout_at":"2024-05-01T10:21:30.12Z",'
            '"priority":5,"position":0}],"metadata":{"job":"7"},'
            '"last_modified":"2024-05-01T10:20:30.999Z"}'
        ),
        LockInfo(
            lock_id=LockID("printer"),
            owner_id=ClientID("alice"),
            version=Index(7),
            acquired_at=Millis(1_714_558_830_000),
            expires_at=Millis(1_714_558_840_001),
            waiter_count=1,
            waiters_info=(BOB,),
            metadata={"job": "7"},
            last_modified=Millis(1_714_558_830_999),
        ),
    ),
    (
        (
            '{"lock_id":"printer","owner_id":"","version":0,"acquired_at":"0001-01-01T00:00:00Z",'
            '"expires_at":"0001-01-01T00:00:00Z","waiter_count":0,'
            '"last_modified":"0001-01-01T00:00:00Z"}'
        ),
        LockInfo(LockID("printer"), ClientID(""), Index(0), None, None, 0),
    ),
    (
        '{"current_term":3,"voted_for":"n2"}',
        PersistentState(Term(3), NodeID("n2")),
    ),
    ('{"current_term":0,"voted_for":""}', PersistentState()),
    (
        '{"last_included_index":42,"last_included_term":3}',
        SnapshotMetadata(Index(42), Term(3)),
    ),
]

OURS = [
    (
        (
            '{"op":"open_session","lock_id":"","client_id":"alice","session_id":3,"sequence":2,'
            '"lowest_unanswered":1,"proposed_at":1714558830120}'
        ),
        Command(
            LockOperation.OPEN_SESSION,
            client_id=ClientID("alice"),
            session_id=SessionID(3),
            sequence=2,
            lowest_unanswered=1,
            proposed_at=Millis(1_714_558_830_120),
        ),
    ),
    (
        '{"last_included_index":42,"last_included_term":3,"last_included_stamp":9000}',
        SnapshotMetadata(Index(42), Term(3), Millis(9_000)),
    ),
]


def written(value):
    return json.dumps(to_original(value), ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize(("text", "value"), SAMPLES)
def test_the_originals_json_is_written_and_read(text, value):
    assert written(value) == text
    assert from_original(type(value), json.loads(text)) == value


@pytest.mark.parametrize(("text", "value"), OURS)
def test_what_is_added_comes_last_and_is_read_back(text, value):
    assert written(value) == text
    assert from_original(type(value), json.loads(text)) == value
