from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from raftlock.errors import LocalProtocolError, RemoteProtocolError
from raftlock.lock import decode, describe, encode
from raftlock.lock.commands import fields_of
from raftlock.lock.limits import COMMAND_BYTES_MAX, INTEGER_MAX
from raftlock.types import ClientID, Command, LockID, LockOperation, Millis, SessionID

# A few of each kind, not all of Unicode: Hypothesis needs seconds to learn that.
LETTERS = "ab<>&/{}\\\"' \n\0\x7féß漢\u2028\ufeff\U0001f512"
TEXT = st.text(LETTERS, max_size=20)
NUMBER = st.integers(0, INTEGER_MAX)
COMMANDS = st.builds(
    Command,
    op=st.sampled_from(LockOperation),
    lock_id=TEXT,
    client_id=TEXT,
    ttl=NUMBER,
    version=NUMBER,
    priority=st.integers(-INTEGER_MAX, INTEGER_MAX),
    timeout=NUMBER,
    wait=st.booleans(),
    wait_timeout=NUMBER,
    request_id=TEXT,
    metadata=st.dictionaries(TEXT, TEXT, max_size=4),
    session_id=NUMBER,
    sequence=NUMBER,
    lowest_unanswered=NUMBER,
    proposed_at=NUMBER,
)


def test_a_person_can_read_a_command_in_the_log():
    command = Command(
        LockOperation.ACQUIRE,
        LockID("build"),
        ClientID("zoë"),
        ttl=Millis(5000),
        wait=True,
        wait_timeout=Millis(60_000),
        metadata={"b": "2", "a": "1"},
        session_id=SessionID(3),
        sequence=1,
    )
    assert encode(command).decode() == (
        '{"op":"acquire","lock_id":"build","client_id":"zoë","ttl":5000,"wait":true,'
        '"wait_timeout":60000,"metadata":{"a":"1","b":"2"},"session_id":3,"sequence":1}'
    )
    assert decode(encode(command)) == command


def test_defaults_are_left_out():
    assert encode(Command(LockOperation.RELEASE)) == b'{"op":"release"}'
    assert decode(b'{"op":"release"}') == Command(LockOperation.RELEASE)


@settings(deadline=None)
@given(COMMANDS)
def test_decoding_gives_back_what_was_encoded(command):
    assert decode(encode(command)) == command


def test_half_a_surrogate_pair_is_our_own_mistake_when_we_write_it():
    with pytest.raises(LocalProtocolError, match="valid Unicode"):
        encode(Command(LockOperation.ACQUIRE, LockID("\ud800")))


@settings(deadline=None)
@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbf{}")
@example(b"[" * COMMAND_BYTES_MAX)
@example(b'{"op":' * 20_000)
@example(b'{"op":"acquire","ttl":' + b"9" * 10_000 + b"}")
@example(b"9" * 10_000)
def test_any_bytes_are_a_command_or_a_remote_protocol_error(data):
    try:
        decode(data)
    except RemoteProtocolError:
        assert describe(data) in ("?", "tick")
    else:
        assert describe(data) not in ("?", "tick")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(LETTERS + "\ud800", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(LETTERS, max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted(Command.__slots__)), JSON, max_size=6),
    st.sampled_from([None, *LockOperation]),
)
def test_any_object_is_a_command_or_a_remote_protocol_error(fields, op):
    if op is not None:
        fields["op"] = op.value
    data = json.dumps(fields).encode()
    try:
        command = decode(data)
    except RemoteProtocolError:
        return
    assert decode(encode(command)) == command


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "a command is JSON text, and these bytes are not"),
        (b"\xff", "a command is JSON text, and these bytes are not"),
        (b"{", "a command is JSON text, and these bytes are not"),
        (b"[]", "a command is a JSON object, and this is none"),
        (b"NaN", "a command is a JSON object, and this is none"),
        (b" " * (COMMAND_BYTES_MAX + 1), "a command has at most 131072 bytes, this one has 131073"),
        (b'{"op":"acquire","op":"renew"}', "a command names 'op' twice: name it once"),
        (b'{"op":"acquire","color":1}', "a command has no field 'color': leave it out"),
        (
            b'{"op":"acquire","metadata":{"a":"1","a":"2"}}',
            "a command names 'a' twice: name it once",
        ),
        (
            b'{"op":"steal"}',
            (
                "a command's op is one of acquire, release, renew, enqueue_waiter, cancel_wait, "
                "open_session, end_session, revoke, acquire_all, not 'steal'"
            ),
        ),
        (b'{"op":1}', "a command's op is a text, in valid Unicode"),
        (b'{"op":"acquire","lock_id":null}', "a command's lock_id is a text, in valid Unicode"),
        (
            b'{"op":"acquire","lock_id":"\\ud800"}',
            "a command's lock_id is a text, in valid Unicode",
        ),
        (
            b'{"op":"acquire","ttl":1.5}',
            "a command's ttl is a whole number from 0 to 9007199254740991",
        ),
        (
            b'{"op":"acquire","ttl":NaN}',
            "a command's ttl is a whole number from 0 to 9007199254740991",
        ),
        (
            b'{"op":"acquire","ttl":true}',
            "a command's ttl is a whole number from 0 to 9007199254740991",
        ),
        (
            b'{"op":"acquire","ttl":-1}',
            "a command's ttl is a whole number from 0 to 9007199254740991",
        ),
        (
            b'{"op":"acquire","priority":-9007199254740992}',
            "a command's priority is a whole number from -9007199254740991 to 9007199254740991",
        ),
        (b'{"op":"acquire","wait":1}', "a command's wait is true or false"),
        (b'{"op":"acquire","metadata":[]}', "a command's metadata is an object of texts"),
        (
            b'{"op":"acquire","metadata":{"a":1}}',
            "a command's metadata holds texts only, in valid Unicode",
        ),
        (
            b'{"op":"acquire","metadata":{"\\ud800":"a"}}',
            "a command's metadata holds texts only, in valid Unicode",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(data, message):
    with pytest.raises(RemoteProtocolError) as caught:
        decode(data)
    assert caught.value.message == message


def test_a_foreign_name_is_quoted_short_and_printable():
    data = json.dumps({"op": "acquire", "<b>é\n" + "x" * 1000: 1}).encode()
    with pytest.raises(RemoteProtocolError) as caught:
        decode(data)
    assert len(caught.value.message) < 100
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("op", "text"),
    [
        (LockOperation.ACQUIRE, "acq build→alice"),
        (LockOperation.RELEASE, "rel build←alice"),
        (LockOperation.RENEW, "renew build→alice"),
        (LockOperation.ENQUEUE_WAITER, "wait build→alice"),
        (LockOperation.CANCEL_WAIT, "cancel build→alice"),
        (LockOperation.OPEN_SESSION, "session alice"),
        (LockOperation.END_SESSION, "end session alice"),
    ],
)
def test_a_cell_of_the_log_shows_a_command_in_a_few_characters(op, text):
    command = Command(op, LockID("build"), ClientID("alice"), session_id=SessionID(7))
    assert describe(encode(command)) == text


def test_a_cell_of_the_log_cuts_long_names():
    command = Command(LockOperation.ACQUIRE, LockID("{lock}" * 9), ClientID("c" * 99))
    assert describe(encode(command)) == "acq {lock}{lock}{…→ccccccccccccc…"


def test_empty_bytes_are_a_tick_and_others_a_question_mark():
    assert describe(b"") == "tick"
    assert describe(b"{}") == "?"


def test_the_fields_of_a_command_are_those_that_it_uses():
    command = Command(LockOperation.ACQUIRE, LockID("build"), ClientID("alice"), ttl=Millis(5))
    told = {"op": "acquire", "lock_id": "build", "client_id": "alice", "ttl": 5}
    assert fields_of(encode(command)) == told
    assert fields_of(b"no command") == {}
