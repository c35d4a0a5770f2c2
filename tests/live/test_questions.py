"""What clients ask without changing anything, over real sockets."""

from __future__ import annotations

import pytest

from raftlock import Cluster, errors
from tests.live.helpers import others, until


def test_locks_are_found_by_what_is_asked_for(trio: Cluster) -> None:
    alice, bob, carol = (trio.client(name) for name in ("alice", "bob", "carol"))
    for number in range(5):
        alice.acquire(f"jobs/{number}", ttl=60 + number, metadata={"kind": "job", "n": str(number)})
    bob.acquire("printer", ttl=600)
    waiting = carol.enqueue_waiter("printer", 30)

    def names(*pattern: str, **wanted: object) -> list[str]:
        return [info.lock_id for info in carol.get_locks(*pattern, **wanted).locks]  # type: ignore[arg-type]

    assert names() == [*(f"jobs/{n}" for n in range(5)), "printer"]
    assert names("jobs/*") == [f"jobs/{n}" for n in range(5)]
    assert names("jobs/[13]") == ["jobs/1", "jobs/3"]
    assert names("JOBS/*") == []
    assert names(owner_id="b?b") == ["printer"]
    assert names(contested=True) == ["printer"]
    assert names("printer", contested=False) == []
    assert names(held=True, expires_within=100) == [f"jobs/{n}" for n in range(5)]
    assert names(held=False) == []
    assert names(metadata={"kind": "job", "n": "2"}) == ["jobs/2"]
    (info,) = carol.get_locks("printer").locks
    assert (info.owner_id, info.waiter_count) == ("bob", 1)
    assert info.waiters_info[0].client_id == "carol"
    waiting.cancel()


def test_pages(trio: Cluster) -> None:
    alice = trio.client("alice")
    for number in range(7):
        alice.acquire(f"lock {number}", ttl=60)
    seen, offset = [], 0
    for size in (3, 3, 1):
        page = alice.get_locks(limit=3, offset=offset)
        assert (len(page.locks), page.total) == (size, 7)
        seen += [info.lock_id for info in page.locks]
        offset = page.next_offset
        assert page.has_more == (offset < 7)
    assert seen == [f"lock {number}" for number in range(7)]
    assert alice.get_locks(offset=100).locks == ()
    assert len(alice.get_locks(limit=0).locks) == 7


def test_a_page_ends_where_a_frame_would(trio: Cluster) -> None:
    alice = trio.client("alice")
    metadata = {f"key {k}": "x" * 256 for k in range(32)}  # about 9 kB, counted as six times that
    for number in range(12):
        alice.acquire(f"lock {number:02}", ttl=60, metadata=metadata)
    names, offset, pages = [], 0, 0
    while True:
        page = alice.get_locks(limit=1_000, offset=offset)
        names += [info.lock_id for info in page.locks]
        offset, pages = page.next_offset, pages + 1
        if not page.has_more:
            break
    assert names == [f"lock {number:02}" for number in range(12)]
    assert pages > 1


@pytest.mark.parametrize(
    ("call", "params", "says"),
    [
        ("get_locks", {"limit": 1001}, "limit is a whole number from 0 to 1000"),
        ("get_locks", {"limit": True}, "limit"),
        ("get_locks", {"offset": -1}, "offset"),
        ("get_locks", {"filter": []}, "filter is an object"),
        ("get_locks", {"filter": {"held": 1}}, "held is true or false"),
        ("get_locks", {"filter": {"color": "red"}}, "no param 'color'"),
        ("get_locks", {"filter": {"lock_id": "x" * 257}}, "pattern"),
        ("get_locks", {"everything": True}, "no param 'everything'"),
        ("get_lock_info", {}, "lock_id"),
        ("get_lock_info", {"lock_id": "a", "stale": "yes"}, "stale is true or false"),
        ("get_backoff_advice", {"lock_id": "a", "more": 1}, "no param 'more'"),
    ],
)
def test_what_cannot_be_asked(trio: Cluster, call: str, params: dict, says: str) -> None:
    alice = trio.client("alice")
    with pytest.raises(errors.InvalidArgument, match=says):
        trio.runner.call(alice.aio._question(call, params, None))
    assert alice.get_lock_info("a").owner_id == "", "and the connection is as good as before"


def test_a_stale_answer_comes_from_whoever_is_asked(trio: Cluster) -> None:
    alice = trio.client("alice")
    held = alice.acquire("printer", ttl=60)
    leader = trio.wait_for_leader()
    until(trio, lambda view: all(node.applied == view.applied_high for node in view.nodes.values()))
    trio.kill(leader)
    trio.kill(others(trio, leader)[0])  # nobody can lead any more
    info = alice.get_lock_info("printer", stale=True)
    assert (info.owner_id, info.version) == ("alice", held.token)
    assert [one.lock_id for one in alice.get_locks(stale=True).locks] == ["printer"]
    assert alice.get_backoff_advice("printer", stale=True).estimated_availability_in > 0
    with pytest.raises((errors.Timeout, errors.NoLeader, errors.Unavailable)):
        alice.get_lock_info("printer", timeout=1)
    left = 200
    while alice.health().healthy:  # until the node has waited for its leader for long enough
        trio.run(0.05)
        left -= 1
        assert left > 0
    assert alice.health().why == "this node knows no leader"


def test_there_is_such_a_lock_or_it_says_so(trio: Cluster) -> None:
    alice = trio.client("alice")
    with pytest.raises(errors.LockNotFound, match="Nobody holds or waits for 'printer'"):
        alice.find_lock("printer")
    alice.acquire("printer", ttl=60)
    assert alice.find_lock("printer").owner_id == "alice"


def test_advice_follows_what_was_seen(trio: Cluster) -> None:
    alice, bob = trio.client("alice"), trio.client("bob")
    free = alice.get_backoff_advice("printer")
    assert free.estimated_availability_in == 0
    assert 0 < free.initial_backoff <= free.max_backoff
    alice.acquire("printer", ttl=40)
    # Nothing was ever given back, so the TTL is all that is known.
    first = bob.get_backoff_advice("printer")
    assert 39_000 < first.estimated_availability_in <= 40_000
    for _ in range(5):
        bob.acquire("scanner", ttl=40)
        bob.release("scanner")
    usual = bob.get_backoff_advice("printer")
    assert usual.estimated_availability_in < 5_000, "holds have been short so far"
    assert usual.initial_backoff < first.initial_backoff


def test_status_and_health(trio: Cluster) -> None:
    alice = trio.client("alice")
    for _ in range(3):
        alice.acquire("printer", ttl=60)
        alice.release("printer")
    alice.acquire("printer", ttl=60)
    status = alice.status()
    assert status.locks is not None
    assert (status.locks.acquired, status.locks.released, status.locks.held) == (4, 3, 1)
    assert status.locks.rates is not None
    assert 0 <= status.locks.rates.acquired <= 4
    assert status.replication.keys() == set(others(trio, status.id))
    health = alice.health()
    assert health.healthy
    assert health.why == f"{trio.leader} leads"
    assert health.behind == 0


def test_a_question_is_no_entry(trio: Cluster) -> None:
    alice = trio.client("alice")
    alice.acquire("printer", ttl=60)
    before = alice.status().last_log_index
    for _ in range(5):
        alice.get_locks()
        alice.get_backoff_advice("printer")
        alice.find_lock("printer")
    assert alice.status().last_log_index == before
