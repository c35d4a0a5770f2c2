"""What real clients of a real cluster were told has an order that explains it."""

from __future__ import annotations

import pytest

from raftlock import Cluster, errors
from raftlock.check.history import lock_history
from raftlock.check.linearizability import Verdict, judge_each
from raftlock.check.objects import LockObject
from tests.live.helpers import events, until


@pytest.mark.processes
def test_the_answers_of_a_live_cluster_are_linearizable(cluster: Cluster) -> None:
    alice, bob, carol = (cluster.client(name) for name in ("alice", "bob", "carol"))
    alice.acquire("printer", ttl=60)
    waiting = [bob.submit("wait", "printer", ttl=60), carol.submit("wait", "printer", ttl=60)]
    leader = cluster.wait_for_leader()
    until(cluster, lambda view: len(view.nodes[leader].locks["printer"]["queue"]) == 2)
    cluster.kill(leader)
    alice.renew("printer", ttl=60)
    alice.release("printer")
    first = waiting[0].result()
    with pytest.raises(errors.LockHeld):
        alice.acquire("printer", ttl=60)
    bob.release("printer")
    assert waiting[1].result().token > first.token
    bob.acquire("door", ttl=1)
    waited = alice.acquire("door", ttl=60, wait=True)
    with pytest.raises(errors.ServiceError):
        bob.renew("door", ttl=60)
    with pytest.raises(errors.WaitTimedOut):
        carol.acquire("door", ttl=60, wait=True, wait_timeout=1)

    told = events(cluster, "client_call", "client_return", "belief")
    found = judge_each(lock_history(told), LockObject())
    assert [(each.lock, each.verdict) for each in found] == [
        ("door", Verdict.LEGAL),
        ("printer", Verdict.LEGAL),
    ], [each.text for each in found]

    token = waited.token
    falsified = [
        event._replace(data={**event.data, "token": first.token})
        if event.kind == "client_return" and event.data.get("token") == token
        else event
        for event in told
    ]
    found = judge_each(lock_history(falsified), LockObject())
    assert [each.verdict for each in found] == [Verdict.ILLEGAL, Verdict.LEGAL], [
        each.text for each in found
    ]
