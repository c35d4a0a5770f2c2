"""Several locks at once, through real clients: judged lock by lock like everything else."""

from __future__ import annotations

import pytest

from raftlock import Cluster, errors
from raftlock.check.history import lock_history
from raftlock.check.linearizability import Verdict, judge_each
from raftlock.check.objects import LockObject
from tests.live.helpers import events


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
