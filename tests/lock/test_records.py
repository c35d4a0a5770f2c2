from __future__ import annotations

import json

import pytest

from raftlock.lock.records import FingerprintSum, as_json, fingerprint, fingerprint_of
from raftlock.lock.rules import Hold
from raftlock.types import ClientID, Index, LockOperation, Millis, Outcome, OutcomeStatus


def hold(**fields) -> Hold:
    return Hold(ClientID("alice"), Index(7), Millis(9), Millis(5), **fields)


def test_a_record_is_its_fields():
    assert as_json(hold(metadata={"a": "b"})) == {
        "owner_id": "alice",
        "token": 7,
        "deadline": 9,
        "ttl": 5,
        "metadata": {"a": "b"},
        "acquired_at": 0,
        "granted_stamp": 0,
        "shared": False,
        "permits": 0,
        "slot": 0,
    }
    assert as_json([None, (True, "x")]) == [None, [True, "x"]]


def test_words_and_numbers_of_enumerations_are_plain_json():
    outcome = Outcome(OutcomeStatus.GRANTED, LockOperation.ACQUIRE)
    text = json.dumps(as_json(outcome))
    assert json.loads(text)["status"] == "granted"
    assert json.loads(text)["code"] == 1


def test_a_float_has_no_place_in_a_record():
    with pytest.raises(AssertionError, match="no part of a record"):
        as_json(1.5)


def test_a_fingerprint_is_of_what_decides():
    assert fingerprint(hold()) == fingerprint(hold(acquired_at=Millis(99)))
    assert fingerprint(hold()) != fingerprint(hold(metadata={"acquired_at": "99"}))
    assert fingerprint(hold()) != fingerprint(None)
    assert fingerprint([1, 2]) != fingerprint([2, 1])
    assert 0 <= fingerprint("é") < 2**64
    assert fingerprint([1], [2]) != fingerprint([1, 2], [])
    assert fingerprint(hold(), 1) != fingerprint(1, hold())


def test_an_empty_field_changes_no_fingerprint():
    assert fingerprint(hold()) == fingerprint(hold(granted_stamp=Millis(0)))
    assert fingerprint(hold()) != fingerprint(hold(granted_stamp=Millis(1)))


def test_a_sum_looks_only_at_what_changed_and_at_no_order():
    records = {"a": 5, "b": 2**64 - 1}
    asked: list[str] = []

    def of(key: str) -> int | None:
        asked.append(key)
        return records.get(key)

    one, other = FingerprintSum[str](), FingerprintSum[str]()
    assert one.value(of) == 0
    for key in ("a", "b"):
        one.note(key)
    assert one.value(of) == 4
    for key in ("b", "a"):
        other.note(key)
        other.value(of)
    assert other.value(of) == 4
    asked.clear()
    del records["a"]
    one.note("a")
    one.note("never there")
    assert one.value(of) == 2**64 - 1
    assert one.value(of) == 2**64 - 1
    assert sorted(asked) == ["a", "never there"]
    records["a"] = 6
    one.note("a")
    assert one.value(of) == 5


def test_a_fingerprint_of_numbers_is_of_each_and_of_their_order():
    prints = {fingerprint_of(numbers) for numbers in ((), (1,), (1, 2), (2, 1), (12,), (2**64, 0))}
    assert len(prints) == 6
    assert fingerprint_of((1, 2)) == 15_555_602_500_777_525_134, "on every platform"
