import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftlock.errors import LocalProtocolError, RemoteProtocolError
from raftlock.transport.original import (
    format_moment,
    from_original,
    parse_moment,
    to_original,
)
from raftlock.types import (
    ClientID,
    Command,
    Index,
    LockID,
    LockInfo,
    LockOperation,
    Millis,
    PersistentState,
    SnapshotMetadata,
    WaiterInfo,
)


@pytest.mark.parametrize(
    ("text", "millis", "back"),
    [
        ("1970-01-01T00:00:00Z", 0, None),
        ("1970-01-01T00:00:00.001Z", 1, None),
        ("1969-12-31T23:59:59.999Z", -1, None),
        ("2024-02-29T10:20:30.12Z", 1_709_202_030_120, None),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999, None),
        ("0999-01-01T00:00:00Z", -30_641_760_000_000, None),
        ("0001-01-01T00:00:00Z", None, None),
        # read only: what Go may write and this side would write otherwise
        ("2024-02-29T10:20:30.123456789Z", 1_709_202_030_123, "2024-02-29T10:20:30.123Z"),
        ("2024-02-29T10:20:30.000000001Z", 1_709_202_030_000, "2024-02-29T10:20:30Z"),
        ("2024-02-29T15:50:30.12+05:30", 1_709_202_030_120, "2024-02-29T10:20:30.12Z"),
        ("2024-02-29T03:20:30.12-07:00", 1_709_202_030_120, "2024-02-29T10:20:30.12Z"),
        ("2024-02-29T10:20:30-00:00", 1_709_202_030_000, "2024-02-29T10:20:30Z"),
        ("0001-01-01T02:00:00+02:00", None, "0001-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00.001Z", -62_135_596_799_999, "0001-01-01T00:00:00.001Z"),
    ],
)
def test_moments(text, millis, back):
    assert parse_moment(text) == millis
    assert format_moment(millis) == (back or text)


@given(st.integers(-62_135_596_799_999, 253_402_300_799_999))
def test_every_moment_comes_back(millis):
    assert parse_moment(format_moment(Millis(millis))) == millis


@pytest.mark.parametrize(
    "text",
    [
        None,
        0,
        "",
        "2024-02-29",
        "2024-02-29 10:20:30Z",
        "2024-02-29T10:20:30",
        "2024-02-29t10:20:30z",
        "2024-02-29T10:20:30.Z",
        "2024-02-29T10:20:30,5Z",
        "2024-02-29T10:20:30.1234567890Z",
        "2023-02-29T10:20:30Z",
        "2024-13-01T10:20:30Z",
        "2024-02-29T24:00:00Z",
        "2024-02-29T23:59:60Z",
        "2024-02-29T10:20:30+24:00",
        "2024-02-29T10:20:30+01:60",
        "2024-02-29T10:20:30+0100",
        "0000-01-01T00:00:00Z",
        "٢٠٢٤-02-29T10:20:30Z",
        "2024-02-29T10:20:30Z\n",
    ],
)
def test_no_moment(text):
    with pytest.raises(RemoteProtocolError):
        parse_moment(text)


def test_a_moment_beyond_the_calendar_cannot_be_written():
    with pytest.raises(LocalProtocolError):
        format_moment(Millis(10**17))


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Command, {"op": "acquire", "lock_id": "p"}),
        (Command, {"op": "steal", "lock_id": "p", "client_id": "a"}),
        (Command, {"op": "acquire", "lock_id": "p", "client_id": "a", "ttl": "10s"}),
        (Command, {"op": "acquire", "lock_id": "p", "client_id": "a", "OP": "acquire"}),
        (PersistentState, {"current_term": 3}),
        (PersistentState, {"current_term": 3, "voted_for": None}),
        (PersistentState, []),
        (SnapshotMetadata, {"last_included_index": 1.5, "last_included_term": 1}),
        (
            WaiterInfo,
            {"client_id": "a", "enqueued_at": 5, "timeout_at": 6, "priority": 0, "position": 0},
        ),
        (
            LockInfo,
            {
                "lock_id": "p",
                "owner_id": "",
                "version": 0,
                "acquired_at": "0001-01-01T00:00:00Z",
                "expires_at": "0001-01-01T00:00:00Z",
                "waiter_count": 0,
                "waiters_info": [5],
                "last_modified": "0001-01-01T00:00:00Z",
            },
        ),
    ],
)
def test_what_the_original_would_not_write_is_refused(kind, data):
    with pytest.raises(RemoteProtocolError):
        from_original(kind, data)


def test_the_commands_default_is_what_omitempty_leaves_out():
    assert to_original(Command(LockOperation.RENEW)) == {
        "op": "renew",
        "lock_id": "",
        "client_id": "",
    }


@given(st.none() | st.integers(-62_135_596_799_999, 253_402_300_799_999))
def test_a_lock_comes_back_with_its_waiters(millis):
    waiter = WaiterInfo(ClientID("bob"), millis, None, 5, 0)
    lock = LockInfo(
        lock_id=LockID("p"),
        owner_id=ClientID("alice"),
        version=Index(7),
        acquired_at=millis,
        expires_at=None,
        waiter_count=1,
        waiters_info=(waiter,),
    )
    data = to_original(lock)
    assert data["waiters_info"] == [to_original(waiter)]
    assert from_original(LockInfo, data) == lock
