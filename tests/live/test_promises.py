"""What is promised holds live, too: the checks look at a live trace as at a simulated one."""

from raftlock import Cluster
from raftlock.check.checker import check_history, check_trace


def test_a_live_run_breaks_no_promise(runtime: str) -> None:
    with Cluster(nodes=3, timing="lan", name="promises", runtime=runtime) as cluster:
        cluster.wait_for_leader()
        clients = [cluster.client(name) for name in ("ann", "ben", "cleo")]
        for round_number in range(12):
            waiting = [client.submit("wait", "door", ttl=10) for client in clients]
            for client, submission in zip(clients, waiting, strict=True):
                submission.result()
                client.release("door")
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
