"""Shared locks and permits over real sockets, with real clients and their handles."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from raftlock import Cluster, FencedResource, LockClient, errors
from raftlock.check.checker import check_history, check_trace


def holders(client: LockClient, lock: str) -> list[str]:
    return [one.client_id for one in client.get_lock_info(lock).holders]


@pytest.mark.processes
def test_readers_and_writers_and_no_promise_broken(trio: Cluster) -> None:
    readers = [trio.client(name) for name in ("ann", "ben", "cleo")]
    writer = trio.client("dora")
    held = [each.acquire("page", 60, shared=True) for each in readers]
    assert all(each.shared for each in held)
    assert holders(writer, "page") == ["ann", "ben", "cleo"]
    waiting = writer.enqueue_waiter("page", 60)
    with pytest.raises(errors.LockHeld):
        trio.client("eve").acquire("page", shared=True)
    trio.kill(trio.wait_for_leader())
    readers[0].renew(held[0], 90)
    for client, hold in zip(readers, held, strict=True):
        client.release(hold)
    got = waiting.result()
    assert got is not None, "it waited, and has it"
    assert got.token > max(each.token for each in held)
    assert writer.get_lock_info("page").holders == ()
    trio.run_until(lambda _view: True)
    header, told = trio.recorder.header, list(trio.recorder.events)
    assert check_trace(header, told) == []
    assert check_history(header, told) == []


def test_a_semaphore_lets_in_as_many_as_it_has_permits(trio: Cluster) -> None:
    clients = [trio.client(f"c{number}") for number in range(6)]
    inside: list[set[int]] = []
    now: set[int] = set()

    def work(client: LockClient) -> int:
        with client.lock("pool", 60, wait=True, wait_timeout=60, permits=2) as held:
            now.add(held.slot)
            inside.append({*now})
            slot = held.slot
            client.get_lock_info("pool")
            now.discard(slot)
        return slot

    with ThreadPoolExecutor() as pool:
        slots = list(pool.map(work, clients))
    assert set(slots) == {1, 2}
    assert max(map(len, inside)) == 2, "two at once, and never more"


def test_each_permit_is_fenced_for_itself(trio: Cluster) -> None:
    resource = FencedResource()
    ann, ben, cleo = (trio.client(name) for name in ("ann", "ben", "cleo"))
    first, second = ann.acquire("pool", 60, permits=2), ben.acquire("pool", 60, permits=2)
    for held in (second, first):  # in whatever order they come
        resource.admit("pool", held.token, slot=held.slot)
    ann.release(first)
    third = cleo.acquire("pool", 60, permits=2)
    resource.admit("pool", third.token, slot=third.slot)
    with pytest.raises(errors.StaleToken):
        resource.admit("pool", first.token, slot=first.slot)
    resource.admit("pool", second.token, slot=second.slot)


def test_terms_are_checked_at_home_and_by_the_service(trio: Cluster) -> None:
    ann, ben = trio.client("ann"), trio.client("ben")
    with pytest.raises(errors.InvalidArgument, match="not both"):
        ann.acquire("pool", shared=True, permits=2)
    with pytest.raises(errors.InvalidArgument, match="from 1 to 1000"):
        ann.acquire("pool", permits=1_001)
    ann.acquire("pool", 60, permits=2)
    with pytest.raises(errors.InvalidArgument, match="2 permits"):
        ben.acquire("pool", permits=3)
    with pytest.raises(errors.InvalidArgument, match="2 permits"):
        ann.acquire("pool", shared=True)


def test_who_shares_a_lock_does_not_write(trio: Cluster) -> None:
    trio.client("ann").acquire("page", 60, shared=True)
    with pytest.raises(errors.InvalidArgument, match="to write, acquire it alone"):
        trio.write("ann", "page")


def test_a_handle_and_a_place_in_the_queue_take_terms(trio: Cluster) -> None:
    ann, ben, cleo = (trio.client(name) for name in ("ann", "ben", "cleo"))
    with ann.lock("page", 60, shared=True) as held:
        writing = ben.enqueue_waiter("page", 60)
        reading = cleo.enqueue_waiter("page", 60, shared=True)
        waits = [(one.client_id, one.shared) for one in ann.get_lock_info("page").waiters_info]
        assert waits == [("ben", False), ("cleo", True)]
        ben.cancel_wait("page")
        with pytest.raises(errors.WaitCancelled):
            writing.result()
        assert reading.result().token > held.token


def test_locks_are_found_by_any_of_their_holders(trio: Cluster) -> None:
    for name in ("ann", "ben"):
        trio.client(name).acquire("page", 60, shared=True)
    found = trio.client("ann").get_locks(owner_id="ben").locks
    assert [(lock.lock_id, lock.holder_count) for lock in found] == [("page", 2)]
