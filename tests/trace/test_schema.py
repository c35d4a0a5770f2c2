import pytest

from raftlock.trace.schema import _FORMS, fault_of
from raftlock.types import KINDS, Micros, NodeID, TraceEvent


def fault(kind, **data):
    data = {name.removesuffix("_"): value for name, value in data.items()}
    return fault_of(TraceEvent(1, Micros(0), NodeID(""), kind, 0, data))


def test_every_kind_has_its_form():
    assert _FORMS.keys() == KINDS.keys()


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        ("riddle", {}, "there is no event kind 'riddle'"),
        ("term", {}, "term.term is missing"),
        ("term", {"term": "4"}, "term.term must be an integer"),
        ("term", {"term": True}, "term.term must be an integer"),
        ("vote", {"for": 4}, "vote.for must be a text"),
        ("fault", {"what": "cut", "one_way": 1}, "fault.one_way must be true or false"),
        ("fault", {"what": "partition", "groups": ["n1"]}, "fault.groups must be a list of lists"),
        ("tally", {"granted": [1]}, "tally.granted must be a list of texts"),
        ("tally", {"granted": "n1"}, "tally.granted must be a list of texts"),
        ("send", {"to": "n1", "type": "T", "fields": []}, "send.fields must be an object"),
        ("append", {"entries": [1]}, "append.entries must be a list of objects"),
        ("append", {"entries": [{"index": 1, "term": 1}, {"index": 2}]},
         "append.entries[1].term is missing"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(kind, data, reason):
    assert fault(kind, **data).startswith(reason)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("term", {"term": 4, "more": 1.5}),
        ("fault", {"what": "partition", "groups": [["n1"], []]}),
        ("append", {"entries": []}),
        ("append", {"entries": [{"index": 1, "term": 1, "stamp": 0, "op": ""}]}),
        ("send", {"to": "n1", "type": "T", "fields": {"term": 1}}),
    ],
)
def test_what_fits_has_no_fault(kind, data):
    assert fault(kind, **data) == ""
