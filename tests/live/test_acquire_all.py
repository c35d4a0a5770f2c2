"""Several locks at once, through real clients: judged lock by lock like everything else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from raftlock import Cluster, errors
from raftlock.check.history import lock_history
from raftlock.check.linearizability import Verdict, judge_each
from raftlock.check.objects import LockObject
from tests.live.helpers import events, until


def test_all_or_none_and_every_lock_has_its_history(trio: Cluster) -> None:
    alice, bob = trio.client("alice"), trio.client("bob")
    held = alice.acquire_all(["a", "b", "c"], ttl=60)
    assert list(held) == ["a", "b", "c"]
    assert len({each.token for each in held.values()}) == 3
    assert all(each.valid for each in held.values())
    with pytest.raises(errors.LockHeld, match="alice holds c"):
        bob.acquire_all(["x", "c", "y"], ttl=60)
    assert bob.get_locks(owner_id="bob").locks == ()
    trio.kill(trio.wait_for_leader())
    alice.renew(held["b"], ttl=90)
    alice.release(held["c"])
    theirs = bob.acquire_all(["c", "d"], ttl=60)
    assert theirs["c"].token > held["c"].token
    assert sorted(alice.held) == ["a", "b"]
    told = events(trio, "client_call", "client_return", "belief")
    found = judge_each(lock_history(told), LockObject())
    assert {each.lock for each in found} >= {"a", "b", "c", "d"}
    assert {each.verdict for each in found} == {Verdict.LEGAL}, [each.text for each in found]


@pytest.mark.parametrize("names", [[], ["a", "a"], ["a", ""], "abc" * 9])
def test_wrong_arguments_are_refused_at_home(trio: Cluster, names: list[str]) -> None:
    with pytest.raises(errors.InvalidArgument):
        trio.client("alice").acquire_all(names, ttl=60)


def test_all_for_the_length_of_a_block(trio: Cluster) -> None:
    ann, ben = trio.client("ann"), trio.client("ben")
    with ann.lock_all(["a", "b"], ttl=60) as held:
        assert held.valid
        assert not held.lost
        assert list(held.tokens) == ["a", "b"]
        assert len(set(held.tokens.values())) == 2
        assert 0 < held.remaining <= 60
        with pytest.raises(errors.LockHeld):
            ben.lock_all(["b", "c"], ttl=60).__enter__()
        with pytest.raises(errors.LockHeld, match="in another block already"):
            ann.lock_all(["b", "c"], ttl=60).__enter__()
        with ben.lock_all(["c"], ttl=60):
            pass  # what was refused before left nothing behind
    assert not held.valid
    assert ben.get_locks().locks == ()
    with ann.lock_all(["a", "b"], ttl=60):
        pass  # and a handle's block may be followed by another's


def test_one_that_is_lost_is_told_for_all_and_the_others_are_given_back(trio: Cluster) -> None:
    ann = trio.client("ann")
    handle = ann.lock_all(["a", "b"], ttl=60, renew=True)

    def block() -> None:
        with handle:
            ann.release("b")  # behind the block's back

    with pytest.raises(errors.LockLost, match="'b'"):
        block()
    assert handle.tokens == {}
    assert ann.get_locks().locks == ()


def test_an_error_of_the_block_s_own_goes_first(trio: Cluster) -> None:
    ann = trio.client("ann")

    def block() -> None:
        with ann.lock_all(["a", "b"], ttl=60):
            ann.release("a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        block()
    assert "'a'" in caught.value.__notes__[0]
    assert ann.get_locks().locks == ()


def test_who_asks_again_gets_all_once_they_are_free(trio: Cluster) -> None:
    ann, ben = trio.client("ann"), trio.client("ben")
    held = ann.acquire("b", ttl=60)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: ben.lock_all(["a", "b"], ttl=60, retry_for=60).__enter__())
        until(trio, lambda _view: "ben" in refused(trio))
        ann.release(held)
        assert list(waiting.result().tokens) == ["a", "b"]
    with pytest.raises(errors.InvalidArgument):
        ben.acquire_all(["x"], ttl=60, retry_for=1, request_id="mine")


def refused(cluster: Cluster) -> set[str]:
    """Who was refused a lock."""
    return {
        str(event.data["client"])
        for event in cluster.recorder.events
        if event.kind == "client_return" and event.data.get("status") == "fail"
    }
