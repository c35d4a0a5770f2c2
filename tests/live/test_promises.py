"""What is promised holds live, too: the checks look at a live trace as at a simulated one."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from raftlock import Cluster, LockClient
from raftlock.check.checker import check_history, check_trace


@pytest.mark.processes
def test_a_live_run_breaks_no_promise(runtime: str) -> None:
    with Cluster(nodes=3, timing="lan", name="promises", runtime=runtime) as cluster:
        cluster.wait_for_leader()
        clients = [cluster.client(name) for name in ("ann", "ben", "cleo")]

        def hold(client: LockClient) -> None:
            """Whoever comes first is first: each gives back what it was given."""
            client.acquire("door", ttl=10, wait=True)
            client.release("door")

        for round_number in range(12):
            with ThreadPoolExecutor() as pool:
                list(pool.map(hold, clients))
            if round_number == 5:
                leader = cluster.wait_for_leader()
                cluster.kill(leader)
                cluster.wait_for_leader()
                cluster.restart(leader)
        cluster.run_until(lambda _view: True)
        recorder = cluster.recorder
        header, events = recorder.header, list(recorder.events)
    assert recorder.dropped == 0
    assert check_trace(header, events) == []
    assert check_history(header, events) == []
