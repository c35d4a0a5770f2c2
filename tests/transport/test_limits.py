import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftlock.errors import InvalidArgument, InvalidTTL, ServiceError
from raftlock.transport import limits
from raftlock.transport.limits import (
    TokenBucket,
    check_client_id,
    check_command,
    check_lock_id,
    check_metadata,
    check_node_id,
    check_priority,
    check_request_id,
    check_session_id,
    check_session_ttl,
    check_token,
    check_ttl,
    check_wait,
    is_loopback,
    millis_from_seconds,
)
from raftlock.types import ClientID, Command, Index, LockID, LockOperation, Micros, Millis

CHECKS = [
    check_client_id,
    check_lock_id,
    check_metadata,
    check_node_id,
    check_priority,
    check_request_id,
    check_token,
    check_ttl,
    check_wait,
]


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (check_lock_id, "p"),
        (check_lock_id, "x" * 256),
        (check_lock_id, "<img onerror=1>"),
        (check_lock_id, "größe 😀"),
        (check_client_id, "alice"),
        (check_node_id, "n1"),
        (check_node_id, "node-1.example_a"),
        (check_request_id, ""),
        (check_request_id, "r" * 128),
        (check_ttl, 1_000),
        (check_ttl, 86_400_000),
        (check_wait, 1_000),
        (check_wait, 600_000),
        (check_priority, -1_000),
        (check_priority, 1_000),
        (check_token, 1),
        (check_metadata, {}),
        (check_metadata, {"k" * 64: "v" * 256, "e": ""}),
        (check_metadata, {str(n): "" for n in range(32)}),
    ],
)
def test_what_is_within_bounds_passes(check, value):
    assert check(value) == value


def test_sessions_within_bounds_pass():
    assert check_session_id({"session_id": 2**53 - 1}) == 2**53 - 1
    assert [check_session_ttl(0.1), check_session_ttl(3_600)] == [100, 3_600_000]


@pytest.mark.parametrize(
    ("check", "value", "sentence"),
    [
        (check_lock_id, "", "lock_id must not be empty."),
        (check_lock_id, 5, "lock_id must be a text, not int."),
        (
            check_lock_id,
            "x" * 10_240,
            "lock_id may have 256 characters, but 'xxxxxxxxxxxxxxxxxxxxxxxx…' has 10240.",
        ),
        (check_lock_id, "a\nb", "lock_id must not have control characters: 'a\\u000ab'."),
        (check_lock_id, "\ud800", "lock_id must not have control characters: '\\ud800'."),
        (check_client_id, "\x1b[2J", "client_id must not have control characters: '\\u001b[2J'."),
        (
            check_node_id,
            "../n1",
            "and begin with a letter or digit: '../n1'.",
        ),
        (check_request_id, "r" * 129, "request_id may have 128 characters"),
        (check_request_id, None, "request_id must be a text, not NoneType."),
        (check_ttl, 0, "ttl must be from 1 s to 24 h, not 0 ms."),
        (check_ttl, 999, "ttl must be from 1 s to 24 h, not 999 ms."),
        (check_ttl, -5_000, "ttl must be from 1 s to 24 h, not -5 s."),
        (check_ttl, 86_400_001, "ttl must be from 1 s to 24 h, not 86400.001 s."),
        (check_ttl, 10**400, "ttl must be from 1 s to 24 h, not 100000000000000000000000… ms."),
        (check_ttl, True, "ttl must be a whole number, not True."),
        (check_ttl, "10", "ttl must be a whole number, not '10'."),
        (check_ttl, 1.5, "ttl must be a whole number, not 1.5."),
        (check_wait, 600_001, "wait_timeout must be from 1 s to 10 min, not 600.001 s."),
        (check_priority, 1_001, "priority must be from -1000 to 1000, not 1001."),
        (check_priority, -1_001, "priority must be from -1000 to 1000, not -1001."),
        (check_priority, 10**400, "priority must be from -1000 to 1000, not 1000000"),
        (check_session_ttl, 0, "session_ttl must be from 0.1 s to 1 h, not 0 ms."),
        (check_session_ttl, 3_601, "session_ttl must be from 0.1 s to 1 h, not 3601 s."),
        (check_session_id, {"session_id": 0}, "session_id must be the number of an open session"),
        (check_session_id, {"session_id": 2**53}, "session_id must be the number"),
        (check_session_id, {"session_id": "7"}, "session_id must be a whole number"),
        (check_session_id, {"session": 7}, "A keep-alive has no param"),
        (check_token, 0, "version must be the fencing token of the grant"),
        (check_token, 2**53, "version must be the fencing token of the grant"),
        (check_metadata, [("a", "b")], "metadata must be pairs of texts, not list."),
        (check_metadata, {str(n): "" for n in range(33)}, "may have 32 pairs, but 33 were given."),
        (check_metadata, {1: "a"}, "a key of metadata must be a text, not int."),
        (check_metadata, {"": "a"}, "a key of metadata must not be empty."),
        (check_metadata, {"k" * 65: "a"}, "a key of metadata may have 64 characters"),
        (check_metadata, {"k": "v" * 257}, "metadata 'k' may have 256 characters"),
        (check_metadata, {"k": None}, "metadata 'k' must be a text, not NoneType."),
    ],
)
def test_what_is_out_of_bounds_gets_one_sentence(check, value, sentence):
    with pytest.raises(ServiceError) as caught:
        check(value)
    assert sentence in caught.value.message
    assert len(caught.value.message) < 200
    assert caught.value.message.isprintable()
    assert isinstance(caught.value, InvalidArgument | InvalidTTL)


def test_a_wrong_ttl_has_its_own_class():
    with pytest.raises(InvalidTTL):
        check_ttl(0)


def test_a_number_that_python_does_not_write_out_is_refused_all_the_same():
    with pytest.raises(InvalidTTL, match="not a huge int ms"):
        check_ttl(10**5_000)


@pytest.mark.parametrize("check", CHECKS)
@given(
    value=st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=300)
    | st.binary()
    | st.lists(st.integers())
    | st.dictionaries(st.text() | st.integers(), st.text() | st.none())
)
def test_anything_passes_unchanged_or_is_refused(check, value):
    try:
        assert check(value) == value
    except (InvalidArgument, InvalidTTL) as error:
        assert len(error.message) < 250  # noqa: PT017 - a refusal is one of two right answers
        error.message.encode()


ACQUIRE = Command(
    LockOperation.ACQUIRE, LockID("printer"), ClientID("alice"), ttl=Millis(10_000), wait=True
)


@pytest.mark.parametrize(
    "command",
    [
        ACQUIRE,
        Command(LockOperation.OPEN_SESSION, client_id=ClientID("alice")),
        Command(LockOperation.END_SESSION, client_id=ClientID("alice")),
        Command(LockOperation.RELEASE, LockID("p"), ClientID("alice"), version=Index(7)),
        Command(
            LockOperation.RENEW, LockID("p"), ClientID("a"), version=Index(7), ttl=Millis(1_000)
        ),
        Command(LockOperation.ENQUEUE_WAITER, LockID("p"), ClientID("a"), timeout=Millis(1_000)),
        Command(LockOperation.CANCEL_WAIT, LockID("p"), ClientID("a")),
    ],
)
def test_a_good_command_passes(command):
    check_command(command)


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (Command(LockOperation.ACQUIRE, LockID("p"), ttl=Millis(1_000)), "client_id"),
        (Command(LockOperation.ACQUIRE, client_id=ClientID("a"), ttl=Millis(1_000)), "lock_id"),
        (Command(LockOperation.ACQUIRE, LockID("p"), ClientID("a")), "ttl"),
        (
            Command(
                LockOperation.ACQUIRE,
                LockID("p"),
                ClientID("a"),
                ttl=Millis(1_000),
                wait=True,
                wait_timeout=Millis(5),
            ),
            "wait_timeout",
        ),
        (
            Command(
                LockOperation.ACQUIRE,
                LockID("p"),
                ClientID("a"),
                ttl=Millis(1_000),
                priority=2_000,
            ),
            "priority",
        ),
        (
            Command(
                LockOperation.ACQUIRE,
                LockID("p"),
                ClientID("a"),
                ttl=Millis(1_000),
                metadata={"": ""},
            ),
            "metadata",
        ),
        (Command(LockOperation.RELEASE, LockID("p"), ClientID("a")), "version"),
        (Command(LockOperation.RENEW, LockID("p"), ClientID("a"), version=Index(1)), "ttl"),
        (Command(LockOperation.ENQUEUE_WAITER, LockID("p"), ClientID("a")), "timeout"),
        (
            Command(
                LockOperation.ENQUEUE_WAITER,
                LockID("p"),
                ClientID("a"),
                timeout=Millis(1_000),
                ttl=Millis(1),
            ),
            "ttl",
        ),
        (
            Command(LockOperation.CANCEL_WAIT, LockID("p"), ClientID("a"), request_id="r" * 129),
            "request_id",
        ),
    ],
)
def test_a_bad_command_names_its_field(command, field):
    with pytest.raises(ServiceError, match=field):
        check_command(command)


@pytest.mark.parametrize(
    ("seconds", "millis"), [(0, 0), (1, 1_000), (0.5, 500), (1.0004, 1_000), (-2, -2_000)]
)
def test_seconds_become_milliseconds(seconds, millis):
    assert millis_from_seconds("ttl", seconds) == millis


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, 1e300, 10**400, "5", None, True])
def test_what_is_no_number_of_seconds_is_refused(wrong):
    with pytest.raises(InvalidArgument, match="ttl must be a number of seconds"):
        millis_from_seconds("ttl", wrong)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - refused, that is the point
        ("", False),
        ("192.168.1.5", False),
        ("example.org", False),
    ],
)
def test_loopback(host, expected):
    assert is_loopback(host) == expected


class TestTokenBucket:
    def test_a_burst_then_the_rate(self):
        bucket = TokenBucket(Micros(0), rate=2_000, burst=4_000)
        assert sum(bucket.take(Micros(0)) for _ in range(5_000)) == 4_000
        assert not bucket.take(Micros(499))
        assert bucket.take(Micros(500))
        assert not bucket.take(Micros(500))
        assert sum(bucket.take(Micros(1_000_500)) for _ in range(5_000)) == 2_000

    def test_it_fills_no_further_than_the_burst(self):
        bucket = TokenBucket(Micros(0), rate=10, burst=5)
        assert sum(bucket.take(Micros(10**12)) for _ in range(20)) == 5

    def test_cost_weighs(self):
        bucket = TokenBucket(Micros(0), rate=1, burst=10)
        assert bucket.take(Micros(0), cost=8)
        assert not bucket.take(Micros(0), cost=3)
        assert bucket.take(Micros(0), cost=2)

    def test_a_clock_that_goes_back_gives_nothing(self):
        bucket = TokenBucket(Micros(1_000), rate=1, burst=1)
        assert bucket.take(Micros(1_000))
        assert not bucket.take(Micros(0))
        assert not bucket.take(Micros(1_000_999))
        assert bucket.take(Micros(1_001_000))

    def test_the_service_lets_2000_a_second_through(self):
        bucket = TokenBucket(Micros(0))
        assert sum(bucket.take(Micros(0)) for _ in range(5_000)) == limits.REQUESTS_BURST
