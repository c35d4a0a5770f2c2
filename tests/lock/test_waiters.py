from __future__ import annotations

import pytest

from raftlock.lock import LockRules
from raftlock.lock.waiters import Waiter, WaitQueue
from raftlock.types import ClientID, Command, Index, LockOperation, Millis, QueuedWaiter, SessionID


def waiter(client: str, index: int, priority: int = 0, **fields) -> Waiter:
    place = QueuedWaiter(ClientID(client), priority, Index(index), Millis(9), Millis(0))
    command = Command(LockOperation.ACQUIRE, client_id=ClientID(client), **fields)
    return Waiter(place, command, Millis(0))


def queue_of(*waiters: Waiter) -> WaitQueue:
    queue = WaitQueue(LockRules())
    for one in waiters:
        queue.put(one)
    return queue


def names(queue: WaitQueue) -> list[str]:
    return [place.client_id for place in queue.places()]


def test_higher_priority_then_lower_index():
    queue = queue_of(waiter("a", 3), waiter("b", 2), waiter("c", 4, priority=1))
    assert names(queue) == ["c", "b", "a"]
    assert [queue.position(ClientID(name)) for name in "abc"] == [2, 1, 0]
    assert len(queue) == 3


def test_a_client_is_in_it_once():
    queue = queue_of(waiter("a", 1), waiter("b", 2), waiter("a", 3))
    assert names(queue) == ["b", "a"]
    assert queue.get(ClientID("a")).place.index == 3
    assert queue.get(ClientID("z")) is None


def test_removal_takes_just_that_one():
    queue = queue_of(waiter("a", 1), waiter("b", 2), waiter("c", 3))
    queue.remove(ClientID("b"))
    assert names(queue) == ["a", "c"]
    assert [one.place.client_id for one in queue] == ["a", "c"]
    with pytest.raises(AssertionError, match="b is not in the queue"):
        queue.remove(ClientID("b"))


def test_the_same_request_is_known_by_session_number_and_id():
    mine = waiter("a", 1, session_id=SessionID(1), sequence=2, request_id="r")
    assert mine.answers(mine.command)
    assert not mine.answers(Command(LockOperation.ACQUIRE, request_id="r"))
