from collections import deque
from dataclasses import dataclass
from functools import partial

import pytest

from raftlock.raft.random64 import Random64
from raftlock.sim.clone import clone


class Thing:
    def __init__(self):
        self.items = [1, "a", None]
        self.friend = None
        self.method = self.hear
        self.heard = []

    def hear(self, word):
        self.heard.append(word)


@dataclass(frozen=True)
class Value:
    number: int


def test_a_copy_changes_by_itself():
    thing = Thing()
    thing.friend = thing
    thing.random = Random64(7)
    thing.more = {"k": [deque([1, 2], maxlen=2)], "set": {1, 2}, "pair": ([], 1)}
    copy = clone(thing)
    copy.items.append(2)
    copy.random.next()
    copy.more["k"][0].append(3)
    copy.more["pair"][0].append(1)
    copy.method("hello")
    partial(copy.hear, "again")()
    assert thing.items == [1, "a", None]
    assert thing.random.state == 7
    assert list(thing.more["k"][0]) == [1, 2]
    assert thing.more["pair"] == ([], 1)
    assert thing.heard == []
    assert copy.heard == ["hello", "again"]
    assert copy.friend is copy


def test_values_are_shared_and_so_is_what_is_named():
    value, shared = Value(1), Thing()
    both = [value, shared, shared, partial(shared.hear, "x")]
    copy = clone(both, {id(shared): shared})
    assert copy[0] is value
    assert copy[1] is shared
    copy[3]()
    assert shared.heard == ["x"]


def test_a_closure_is_refused():
    thing = Thing()
    thing.forgotten = lambda: thing.items
    with pytest.raises(AssertionError, match="would remember"):
        clone(thing)
