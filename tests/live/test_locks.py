"""Locks through real clients: the way a program would use them."""

from __future__ import annotations

import pytest

from raftlock import Cluster, errors
from tests.live.helpers import events, look, others, until


def test_a_lock_is_held_by_one_and_told_so_to_the_other(trio: Cluster) -> None:
    alice, bob = trio.client("alice"), trio.client("bob")
    with alice.lock("printer", ttl=30) as held:
        assert held.token > 0
        assert 0 < held.remaining <= 30
        with pytest.raises(errors.LockHeld, match="alice"):
            bob.acquire("printer", ttl=10)
    assert bob.acquire("printer", ttl=10).token > held.token


@pytest.mark.processes
def test_a_waiter_is_promoted_with_a_larger_token(trio: Cluster) -> None:
    alice, bob = trio.client("alice"), trio.client("bob")
    first = alice.acquire("printer", ttl=60)
    waiting = bob.submit("wait", "printer", ttl=60)
    leader = trio.wait_for_leader()
    until(trio, lambda view: bool(view.nodes[leader].locks["printer"]["queue"]))
    alice.release("printer")
    assert waiting.result().token > first.token


def test_the_higher_priority_goes_first(trio: Cluster) -> None:
    leader = trio.wait_for_leader()
    trio.client("alice").acquire("printer", ttl=60)
    waiting = {}
    for count, (name, priority) in enumerate((("low", 0), ("high", 9), ("middle", 5)), 1):
        waiting[name] = trio.client(name).submit("wait", "printer", ttl=60, priority=priority)
        until(trio, lambda view, n=count: len(view.nodes[leader].locks["printer"]["queue"]) == n)
    queue = look(trio, lambda view: view.nodes[leader].locks["printer"]["queue"])
    assert [waiter["client"] for waiter in queue] == ["high", "middle", "low"]
    trio.client("alice").release("printer")
    assert waiting["high"].result().token
    assert not waiting["middle"].done


@pytest.mark.processes
def test_a_lock_expires_in_cluster_time_and_the_waiter_gets_it(trio: Cluster) -> None:
    alice, bob = trio.client("alice"), trio.client("bob")
    granted = alice.acquire("printer", ttl=1)
    waiting = bob.submit("wait", "printer", ttl=30)
    assert waiting.result().token > granted.token
    whys = [why for event in events(trio, "lock") for why in event.data["why"]]
    assert "expired" in whys
    with pytest.raises(errors.ServiceError):
        alice.renew("printer", ttl=10)


def test_renewing_keeps_the_token(trio: Cluster) -> None:
    alice = trio.client("alice")
    first = alice.acquire("printer", ttl=5)
    assert alice.renew("printer", ttl=60).token == first.token


def test_a_wait_can_time_out_and_be_cancelled(trio: Cluster) -> None:
    trio.client("alice").acquire("printer", ttl=60)
    with pytest.raises(errors.WaitTimedOut):
        trio.client("bob").acquire("printer", ttl=10, wait=True, wait_timeout=1)
    leader = trio.wait_for_leader()
    waiting = trio.client("carol").submit("wait", "printer", ttl=10)
    until(trio, lambda view: bool(view.nodes[leader].locks["printer"]["queue"]))
    trio.client("carol").cancel_wait("printer")
    with pytest.raises(errors.WaitCancelled):
        waiting.result()
    until(trio, lambda view: not view.nodes[leader].locks["printer"]["queue"])


@pytest.mark.connected
def test_a_held_lock_and_its_queue_survive_the_leader(cluster: Cluster) -> None:
    alice, bob = cluster.client("alice"), cluster.client("bob")
    held = alice.acquire("printer", ttl=60)
    waiting = bob.submit("wait", "printer", ttl=60)
    first = cluster.wait_for_leader()
    until(cluster, lambda view: bool(view.nodes[first].locks["printer"]["queue"]))
    cluster.kill(first)
    second = cluster.wait_for_leader()
    until(cluster, lambda view: bool(view.nodes[second].locks.get("printer", {}).get("queue")))
    assert not waiting.done
    alice.release("printer")
    assert waiting.result().token > held.token


def test_the_same_request_id_is_answered_the_same_across_leaders(cluster: Cluster) -> None:
    alice = cluster.client("alice")
    first = alice.acquire("printer", ttl=60, request_id="once")
    cluster.kill(cluster.wait_for_leader())
    cluster.wait_for_leader()
    again = alice.acquire("printer", ttl=60, request_id="once")
    assert again.token == first.token


def test_a_thread_that_waits_is_not_disturbed_by_a_cut_follower(cluster: Cluster) -> None:
    leader = cluster.wait_for_leader()
    follower = others(cluster, leader)[0]
    cluster.partition([follower], others(cluster, follower))
    with cluster.client("alice").lock("printer", ttl=10) as held:
        assert held.valid


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"lock_id": "x", "ttl": 0}, errors.InvalidTTL, "ttl must be from 1 s"),
        ({"lock_id": "x" * 10_000, "ttl": 5}, errors.InvalidArgument, "256 characters"),
        ({"lock_id": "", "ttl": 5}, errors.InvalidArgument, "must not be empty"),
        ({"lock_id": "x", "ttl": 5, "priority": 5_000}, errors.InvalidArgument, "priority"),
        ({"lock_id": "x", "ttl": float("nan")}, errors.InvalidArgument, "number of seconds"),
        (
            {"lock_id": "x", "ttl": 5, "metadata": {"k": "v" * 300}},
            errors.InvalidArgument,
            "256 characters",
        ),
    ],
)
def test_bad_input_is_refused_before_it_leaves(
    trio: Cluster, arguments: dict[str, object], error: type[Exception], sentence: str
) -> None:
    alice = trio.client("alice")
    alice.acquire("warm up", ttl=5)  # the session is open: nothing else needs an entry
    leader = trio.wait_for_leader()
    before = trio.status()[leader].last_log_index
    with pytest.raises(error, match=sentence):
        alice.acquire(**arguments)  # type: ignore[arg-type]
    assert trio.status()[leader].last_log_index == before


def test_a_client_whose_name_is_too_long_is_refused(trio: Cluster) -> None:
    with pytest.raises(errors.InvalidArgument, match="256 characters"):
        trio.client("a" * 300)
