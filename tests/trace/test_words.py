import pytest

from raftlock.trace.words import and_list, duration, entries_text, is_are, ordinal, times


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], ""),
        (["n1"], "n1"),
        (["n1", "n2"], "n1 and n2"),
        (["n1", "n2", "n3"], "n1, n2 and n3"),
    ],
)
def test_a_list(names, words):
    assert and_list(names) == words


def test_a_verb():
    assert (is_are(["n1"]), is_are(["n1", "n2"])) == ("is", "are")


@pytest.mark.parametrize(
    ("number", "word"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"),
     (21, "21st"), (111, "111th"), (1000, "1000th")],
)  # fmt: skip
def test_a_place(number, word):
    assert ordinal(number) == word


@pytest.mark.parametrize(
    ("ms", "word"),
    [
        (0, "0 ms"),
        (212, "212 ms"),
        (1000, "1 s"),
        (2140, "2.1 s"),
        (2960, "3 s"),
        (90_000, "90 s"),
        (600_000, "10 min"),
        (3_600_000, "60 min"),
    ],
)
def test_a_time_span(ms, word):
    assert duration(ms) == word


@pytest.mark.parametrize(
    ("ppm", "word"), [(1_000_000, "1x"), (50_000, "0.05x"), (10_000, "0.01x"), (1_500_000, "1.5x")]
)
def test_a_factor(ppm, word):
    assert times(ppm) == word


def test_a_stretch_of_the_log():
    assert entries_text(7, 7) == "entry 7"
    assert entries_text(5, 7) == "entries 5 to 7"
