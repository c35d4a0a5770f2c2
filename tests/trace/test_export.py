import json

import pytest

from raftlock.errors import InvalidArgument
from raftlock.trace.export import (
    INTEGER_MAX,
    LINE_LENGTH_MAX,
    Trace,
    decode_event,
    decode_header,
    encode_event,
    encode_header,
    parse_lines,
    read,
    write_lines,
)
from raftlock.types import Micros, NodeID, TraceEvent
from tests.trace import sample
from tests.trace.telling import Teller

EVENT = TraceEvent(
    3, Micros(1_500_000), NodeID("n1"), "term", 4, {"term": 4}, 2, "UpdateTerm", 1_700_000_000_000
)
LINE = (
    '{"seq":3,"t":1500000,"node":"n1","kind":"term","term":4,"data":{"term":4},"cause":2,'
    '"rule":"UpdateTerm","wall":1700000000000}'
)
SHORT = '{"seq":3,"t":0,"node":"","kind":"note","term":0,"data":{"text":"a"}}'
HEADER = '{"format":"raftlock trace","version":1,"dropped":0,"name":"x"}'


def test_an_event_is_one_line_of_fixed_form():
    assert encode_event(EVENT) == LINE
    assert decode_event(LINE) == EVENT


def test_what_says_nothing_is_left_out():
    event = TraceEvent(3, Micros(0), NodeID(""), "note", 0, {"text": "a"})
    assert encode_event(event) == SHORT
    assert decode_event(SHORT) == event


def test_the_order_in_which_data_was_made_does_not_matter():
    one = {"to": "n2", "type": "T", "fields": {"b": 1, "a": [2, {"d": None, "c": True}]}}
    other = {"fields": {"a": [2, {"c": True, "d": None}], "b": 1}, "type": "T", "to": "n2"}
    assert encode_event(_event("send", one)) == encode_event(_event("send", other))


@pytest.mark.parametrize(
    "text", ['"quotes"\\', "line\nend\r", "\u2028\u2029", "→ é 🔒", "\ud800", "\x00</script>"]
)
def test_any_text_survives_and_the_line_stays_one_line_of_ascii(text):
    event = _event("note", {"text": text})
    line = encode_event(event)
    assert line.isascii()
    assert len(line.splitlines()) == 1
    assert decode_event(line) == event


def test_the_whole_sample_survives():
    teller = Teller()
    for _ in sample.chapters(teller):
        pass
    trace = parse_lines(teller.recorder.to_lines())
    assert trace.events == tuple(teller.recorder.events)
    again = [encode_header(trace.header, trace.dropped), *map(encode_event, trace.events)]
    assert again == teller.recorder.to_lines()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"text": 1.5}, "float has no place in a trace"),
        ({"text": ("a",)}, "tuple has no place in a trace"),
        ({"text": b"a"}, "bytes has no place in a trace"),
        ({"text": {1: 2}}, "the key 1 must be a text"),
        ({"text": [INTEGER_MAX + 1]}, "an integer must lie within 2^53 of zero"),
    ],
)
def test_what_is_not_json_is_not_written(data, reason):
    with pytest.raises(InvalidArgument) as caught:
        encode_event(_event("note", data))
    assert caught.value.message == reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "not JSON: Expecting value at column 1"),
        ('{"seq":1', "not JSON: Expecting ',' delimiter at column 9"),
        ("[1]", "a line must be a JSON object"),
        ("[" * 100_000, "the JSON is nested too deep"),
        ('"' + "a" * LINE_LENGTH_MAX + '"', "a line has at most 1048576 characters"),
        (SHORT.replace('"t":0', '"t":0.5'), "0.5 is not an integer"),
        (SHORT.replace('"t":0', '"t":NaN'), "NaN is not an integer"),
        (SHORT.replace('"t":0', f'"t":{2**53}'), "an integer must lie within 2^53 of zero"),
        (SHORT.replace('"t":0', f'"t":{"9" * 5000}'), "an integer must lie within 2^53 of zero"),
        (SHORT.replace('"t":0', '"t":-1'), "the field t must be an integer from 0 on"),
        (SHORT.replace('"t":0', '"t":true'), "the field t must be an integer from 0 on"),
        (SHORT.replace('"t":0', '"seq":0'), "a key stands twice in an object"),
        (SHORT.replace('"t":0', '"time":0'), "unknown field 'time'"),
        (SHORT.replace(',"t":0', ""), "the field t is missing"),
        (SHORT.replace('"node":""', '"node":1'), "the field node must be a text"),
        (SHORT.replace('{"text":"a"}', '["a"]'), "the field data must be an object"),
        (SHORT.replace("note", "riddle"), "there is no event kind 'riddle'"),
        (SHORT.replace('"text":"a"', '"text":1'), "note.text must be a text"),
    ],
)
def test_a_bad_line_is_refused_with_the_reason(line, reason):
    with pytest.raises(InvalidArgument) as caught:
        decode_event(line)
    assert caught.value.message == reason


def test_the_header_is_the_first_line():
    line = encode_header({"seed": 7, "nodes": ["n1"], "version": 9}, 12)
    assert line == '{"format":"raftlock trace","version":1,"dropped":12,"nodes":["n1"],"seed":7}'
    assert decode_header(line) == ({"seed": 7, "nodes": ["n1"]}, 12)
    assert encode_header({}) == '{"format":"raftlock trace","version":1,"dropped":0}'


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{}", "this is not a raftlock trace"),
        (SHORT, "this is not a raftlock trace"),
        (HEADER.replace(":1,", ":0,"), "the version must be an integer from 1 on"),
        (HEADER.replace(":1,", ":true,"), "the version must be an integer from 1 on"),
        (
            HEADER.replace(":1,", ":2,"),
            "the trace has version 2 and this raftlock reads up to 1: use a newer raftlock",
        ),
        (HEADER.replace(":0,", ":-3,"), "the field dropped must be an integer from 0 on"),
    ],
)
def test_a_bad_header_is_refused_with_the_reason(line, reason):
    with pytest.raises(InvalidArgument) as caught:
        decode_header(line)
    assert caught.value.message == reason


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "The trace is empty: not even its header is there."),
        ([SHORT], "Line 1 of the trace: this is not a raftlock trace."),
        ([HEADER, SHORT, "{"], "Line 3 of the trace: not JSON: "),
        ([HEADER, SHORT, SHORT], "Line 3 of the trace: event 3 comes after event 3."),
        (
            [HEADER.replace(":0,", ":3,"), SHORT],
            "Line 2 of the trace: event 3 comes after event 3.",
        ),
    ],
)
def test_a_bad_trace_is_refused_with_its_line(lines, reason):
    with pytest.raises(InvalidArgument) as caught:
        parse_lines(lines)
    assert caught.value.message.startswith(reason)


def test_a_file_is_written_whole_and_read(tmp_path):
    path = tmp_path / "run.trace"
    write_lines(path, [HEADER, LINE])
    assert path.read_bytes() == f"{HEADER}\n{LINE}\n".encode()
    assert read(str(path)) == Trace({"name": "x"}, (EVENT,), 0)
    assert [child.name for child in tmp_path.iterdir()] == ["run.trace"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "run.trace"
    path.write_text("old")
    with pytest.raises(InvalidArgument):
        write_lines(path, (encode_event(_event("note", {"text": x})) for x in ("a", 1.5)))
    assert path.read_text() == "old"
    assert [child.name for child in tmp_path.iterdir()] == ["run.trace"]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\xff\xfe", "The trace is not text in UTF-8."),
        (b"", "The trace is empty: not even its header is there."),
        (HEADER.encode() + b"\n" + LINE[:-1].encode(), "Line 2 of the trace: not JSON: "),
        (b"x" * (LINE_LENGTH_MAX + 5), "Line 1 of the trace: a line has at most "),
    ],
)
def test_a_bad_file_is_refused(tmp_path, raw, reason):
    path = tmp_path / "run.trace"
    path.write_bytes(raw)
    with pytest.raises(InvalidArgument) as caught:
        read(path)
    assert caught.value.message.startswith(reason)


def test_a_file_without_a_last_line_end_is_whole(tmp_path):
    path = tmp_path / "run.trace"
    path.write_text(f"{HEADER}\n{LINE}")
    assert read(path).events == (EVENT,)


def test_data_of_another_mapping_is_written_too():
    from types import MappingProxyType

    event = _event("note", MappingProxyType({"text": "a"}))
    assert json.loads(encode_event(event))["data"] == {"text": "a"}


def _event(kind, data):
    return TraceEvent(1, Micros(0), NodeID(""), kind, 0, data)
