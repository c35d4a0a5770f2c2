"""What a lock protects refuses the tokens of the past."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from raftlock import FencedResource
from raftlock.errors import InvalidArgument, StaleToken


def test_tokens_only_grow():
    resource = FencedResource()
    resource.admit("a", 5)
    resource.admit("a", 5)  # the same holder writes again
    resource.admit("a", 9)
    with pytest.raises(StaleToken, match=r"Token 5 of 'a' is stale: 9 has written"):
        resource.admit("a", 5)
    resource.admit("b", 1)  # another lock
    assert (resource.highest("a"), resource.highest("b"), resource.highest("c")) == (9, 1, 0)


@pytest.mark.parametrize("token", [0, -1, True, "7"])
def test_what_is_no_token(token):
    with pytest.raises(InvalidArgument):
        FencedResource().admit("a", token)


def test_it_outlasts_a_restart(tmp_path: Path):
    path = tmp_path / "seen.json"
    FencedResource(path).admit("a", 7)
    with pytest.raises(StaleToken):
        FencedResource(path).admit("a", 6)
    path.write_text("[]")
    with pytest.raises(InvalidArgument, match="no file of a FencedResource"):
        FencedResource(path)


def test_a_write_under_way_is_finished_before_the_next_is_let_in():
    resource, order = FencedResource(), []
    inside, go = threading.Event(), threading.Event()

    def slow() -> None:
        with resource.writing("a", 1):
            inside.set()
            go.wait(20)
            order.append("old")

    thread = threading.Thread(target=slow)
    thread.start()
    inside.wait(20)
    other = threading.Thread(target=lambda: (resource.admit("a", 2), order.append("new")))
    other.start()
    assert order == []
    go.set()
    thread.join(20)
    other.join(20)
    assert order == ["old", "new"]
    with pytest.raises(StaleToken), resource.writing("a", 1):
        order.append("never")
    assert order == ["old", "new"]
