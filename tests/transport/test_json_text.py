import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftlock.errors import LocalProtocolError, RemoteProtocolError
from raftlock.transport.json_text import read, write
from raftlock.transport.limits import INTEGER_MAX, KEYS_MAX

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-INTEGER_MAX, INTEGER_MAX)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab"), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_read_back(value):
    text = write(value)
    assert read(text, size_max=1_000_000, depth_max=100) == value
    assert write(read(text, size_max=1_000_000, depth_max=100)) == text


@given(st.text() | st.text('{}[]":,\\ud8truefalsn0123456789.eE+-'))
def test_any_text_is_read_or_refused(text):
    try:
        value = read(text, size_max=10_000)
    except RemoteProtocolError as error:
        assert len(error.message) < 200  # noqa: PT017 - a refusal is one of two right answers
    else:
        assert value == json.loads(text)


def test_it_is_written_short_and_readable():
    assert write({"b": 1, "a": ["größe", None, True]}) == '{"b":1,"a":["größe",null,true]}'


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_json_is_not_written(value):
    with pytest.raises(LocalProtocolError):
        write([value])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Not JSON"),
        ("{", "Not JSON"),
        ("\ufeff{}", "Not JSON"),
        ('{"a":1,}', "Not JSON"),
        ('"\x00"', "Not JSON"),
        ("{'a':1}", "Not JSON"),
        ("1 2", "Not JSON"),
        ("NaN", "NaN is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
        ("1e999", "too large"),
        (str(INTEGER_MAX + 1), "beyond"),
        (str(-INTEGER_MAX - 1), "beyond"),
        ("9" * 5_000, "beyond"),
        ('{"a":1,"b":2,"a":1}', "same key twice"),
        ('[{"a":{"b":1,"\\u0062":2}}]', "same key twice"),
        ('"\\ud800"', "half a surrogate"),
        ('{"\\uDFFF":1}', "half a surrogate"),
        ('"\ud800"', "not Unicode"),
        ("[" * 9 + "]" * 9, "deeper than 8"),
        ('{"a":' * 9 + "1" + "}" * 9, "deeper than 8"),
        ("[" * 5_000 + "]" * 5_000, "deeper than 8"),
        ("[" * 100_000, "deeper than 8"),
        (json.dumps({str(n): n for n in range(KEYS_MAX + 1)}), "keys"),
        ('"' + "ü" * 60_000 + '"', "120002 bytes; 110000 are allowed"),
    ],
)
def test_refused(text, why):
    with pytest.raises(RemoteProtocolError, match=why):
        read(text, size_max=110_000)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (str(INTEGER_MAX), INTEGER_MAX),
        (str(-INTEGER_MAX), -INTEGER_MAX),
        (" [1.5, -0] ", [1.5, 0]),
        ("[" * 8 + "]" * 8, [[[[[[[[]]]]]]]]),
        ('"\\ud83d\\ude00"', "😀"),
        (json.dumps({str(n): n for n in range(KEYS_MAX)}), {str(n): n for n in range(KEYS_MAX)}),
    ],
)
def test_read(text, value):
    assert read(text, size_max=len(text)) == value
