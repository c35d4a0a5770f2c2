import pytest

from raftlock.trace.fields import flag, groups_of, names, number, rows, shorten, text, texts

DATA = {
    "text": "a",
    "number": 3,
    "float": 1.5,
    "true": True,
    "names": ["a", 1, "b"],
    "rows": [{"a": 1}, 2],
    "groups": [["a"], [], "x", [1, "b"]],
}


@pytest.mark.parametrize("key", ["missing", "number", "true", "names", "rows"])
def test_what_is_no_text_reads_as_empty(key):
    assert text(DATA, key) == ""


@pytest.mark.parametrize("key", ["missing", "text", "float", "true", "names"])
def test_what_is_no_integer_reads_as_zero(key):
    assert number(DATA, key) == 0


def test_what_fits_is_read():
    assert text(DATA, "text") == "a"
    assert number(DATA, "number") == 3
    assert flag(DATA, "true")
    assert not flag(DATA, "number")
    assert names(DATA, "names") == ["a", "b"]
    assert rows(DATA, "rows") == [{"a": 1}]
    assert groups_of(DATA) == [["a"], ["b"]]


def test_what_is_no_list_reads_as_an_empty_one():
    assert names(DATA, "missing") == rows(DATA, "text") == groups_of({}) == texts(None) == []


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("printer", "printer"),
        ("x" * 24, "x" * 24),
        ("x" * 25, "x" * 23 + "…"),
        ("<b>bold</b>", "<b>bold</b>"),
        ("two\nlines\x00\u202e", "two�lines��"),
        ("\ud800", "�"),
    ],
)
def test_a_name_from_outside_fits_one_line(name, short):
    assert shorten(name) == short
