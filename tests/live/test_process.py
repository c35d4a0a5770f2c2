"""Nodes as processes beside the kernel, and nodes that somebody else runs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from raftlock import Cluster, errors
from raftlock.check.checker import check_trace
from raftlock.cluster.process import Processes
from raftlock.raft.rules import Rules
from raftlock.transport.handshake import client_token
from tests.live.helpers import events, look, until


@pytest.fixture
def trio() -> Iterator[Cluster]:
    with Cluster(nodes=3, timing="lan", runtime="process", name="theirs") as made:
        made.wait_for_leader()
        yield made


def pid_of(cluster: Cluster, node: str) -> int:
    lab = cluster.laboratory
    assert isinstance(lab, Processes)
    return lab._running[node].pid  # type: ignore[index]


def state_of(pid: int) -> str:
    """How the system sees a process: R or S if it lives, T if it stands still."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_to_kill_is_sigkill_and_to_freeze_is_sigstop(trio: Cluster) -> None:
    leader = trio.wait_for_leader()
    frozen = next(node for node in trio.nodes if node != leader)
    pid = pid_of(trio, frozen)
    trio.freeze(frozen)
    assert state_of(pid) == "T"
    assert look(trio, lambda view: view.node(frozen).state) == "frozen"
    trio.thaw(frozen)
    assert state_of(pid) in "RSD"
    pid = pid_of(trio, leader)
    trio.kill(leader)
    assert not Path(f"/proc/{pid}").exists()
    assert look(trio, lambda view: view.node(leader).state) == "down"
    trio.restart(leader)
    until(trio, lambda view: view.node(leader).leader not in {"", leader})


def test_a_process_that_ends_by_itself_is_told_of(trio: Cluster) -> None:
    node = trio.nodes[0]
    os.kill(pid_of(trio, node), 9)  # not by us, as far as the cluster knows
    until(trio, lambda view: view.node(node).state == "down")
    trio.restart(node)
    assert look(trio, lambda view: view.node(node).state) == "up"


def test_a_process_that_refuses_its_disk_says_why(trio: Cluster) -> None:
    node = trio.nodes[0]
    trio.kill(node)
    lab = trio.laboratory
    assert isinstance(lab, Processes)
    for file in (lab._home / node / "disk").iterdir():
        file.write_bytes(bytes(64) + file.read_bytes()[64:])
    with pytest.raises(errors.StorageError, match="did not start"):
        trio.restart(node)
    fate, why = look(trio, lambda view: (view.node(node).fate, view.node(node).why))
    assert fate == "refused"
    assert "disk" in why


def test_two_hands_at_one_node_start_it_once(trio: Cluster) -> None:
    node = trio.nodes[0]
    trio.kill(node)

    async def both() -> list[object]:
        restarts = [trio.laboratory.restart(node) for _ in range(2)]
        return await asyncio.gather(*restarts, return_exceptions=True)

    first, second = trio.runner.call(both())
    assert first is None
    assert isinstance(second, errors.InvalidArgument)
    assert node in trio.status()


def test_nothing_is_left_of_it(trio: Cluster) -> None:
    lab = trio.laboratory
    assert isinstance(lab, Processes)
    pids, folder = [pid_of(trio, node) for node in trio.nodes], lab._folder
    trio.freeze(trio.nodes[0])
    trio.stop()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert not folder.exists()


def test_they_end_with_whoever_started_them() -> None:
    """Also if that is killed: no node is left to hold a port for ever."""
    program = (
        "import sys, time; from raftlock import Cluster\n"
        "cluster = Cluster(nodes=2, timing='lan', runtime='process')\n"
        "cluster.freeze('n2')\n"
        "print(*(each.pid for each in cluster.laboratory._running.values()), flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2
        parent.kill()
        parent.wait()
    with Cluster(nodes=1, timing="lan") as clock:  # whose time passes, while they end
        clock.run_until(lambda _view: not any(map(runs, pids)), timeout=20)


def runs(pid: int) -> bool:
    try:
        return state_of(pid) != "Z"
    except FileNotFoundError:
        return False


def test_what_needs_the_kernel_s_clock_says_so(trio: Cluster) -> None:
    for verb in (trio.pause, trio.resume, trio.step, trio.simulate):
        with pytest.raises(errors.NotInThisRuntime, match="kernel"):
            verb()
    with pytest.raises(errors.NotInThisRuntime):
        trio.speed = 0.5
    with pytest.raises(errors.NotInThisRuntime):
        trio.message(1, "hold")
    with pytest.raises(errors.NotInThisRuntime, match="keep the rules"):
        Cluster(nodes=1, runtime="process", rules=Rules())
    with pytest.raises(errors.InvalidArgument, match="kernel or process"):
        Cluster(nodes=1, runtime="cloud")


def test_a_message_is_on_its_way_for_as_long_as_its_link_takes(trio: Cluster) -> None:
    leader = trio.wait_for_leader()
    other = next(node for node in trio.nodes if node != leader)
    trio.link(leader, other, delay=0.2)
    seen = look(trio, lambda view: view.seq)
    trio.client("alice").acquire("printer", ttl=10)
    until(trio, lambda view: "printer" in view.node(other).locks)
    sent = {e.seq: e for e in events(trio, "send") if e.node == leader and e.data["to"] == other}
    took = [
        event.t - sent[event.cause].t
        for event in events(trio, "deliver")
        if event.seq > seen and event.cause in sent and event.cause > seen
    ]
    assert took
    assert min(took) >= 200_000


def test_starting_over_begins_with_empty_disks(trio: Cluster) -> None:
    trio.client("alice").acquire("printer", ttl=60)
    trio.start_over()
    trio.wait_for_leader()
    assert trio.client("bob").acquire("printer", ttl=10).token


# ---- nodes that somebody else runs ----


def connect(theirs: Cluster, **given: str) -> Cluster:
    access = theirs.laboratory.access
    told = {"cluster": access.cluster, "token": access.token} | given
    return Cluster.connect(access.endpoints, **told)


def test_they_are_seen_asked_and_broken(trio: Cluster) -> None:
    with connect(trio) as ours:
        leader = ours.wait_for_leader()
        assert leader == trio.leader
        assert ours.nodes == trio.nodes
        assert ours.status()[leader].role.word == "leader"
        # They ran before: how they stand is told, and nothing is claimed of what was.
        assert {event.node for event in events(ours, "gap")} == set(ours.nodes)
        held = ours.client("alice").acquire("printer", ttl=10)
        until(trio, lambda view: view.node(leader).locks["printer"]["owner"] == "alice")
        assert held.token
        ours.partition([leader])
        second = ours.wait_for_leader()
        assert second != leader
        # Who comes later sees that they are split.
        with connect(trio, name="later") as later:
            until(later, lambda view: bool(view.network.groups))
        ours.heal()
        ours.kill(second)
        until(trio, lambda view: view.node(second).state == "down")
        trio.restart(second)
        until(ours, lambda view: view.node(second).state == "up")
    assert trio.wait_for_leader(), "to look no more stops nothing"


def test_who_joins_later_is_seen_and_who_left_is_seen_no_more(trio: Cluster) -> None:
    with connect(trio) as ours:
        ours.wait_for_leader()
        trio.add_node("n4")
        until(ours, lambda view: "n4" in view.nodes and view.node("n4").state == "up")
        assert ours.nodes == ("n1", "n2", "n3", "n4")
        held = ours.client("alice").acquire("printer", ttl=60)
        until(ours, lambda view: "printer" in view.node("n4").locks)
        assert look(ours, lambda view: view.node("n4").locks["printer"]["token"]) == held.token
        follower = next(name for name in ("n1", "n2", "n3") if name != ours.wait_for_leader())
        ours.cut("n4", follower)
        ours.restore("n4", follower)
        trio.remove_node(follower)
        until(ours, lambda view: follower not in view.nodes)
        assert follower not in ours.nodes
        assert ours.status().keys() == set(ours.nodes)
    header, told = ours.recorder.header, list(ours.recorder.events)
    assert check_trace(header, told) == []


def test_what_is_not_ours_is_left_to_who_runs_it(trio: Cluster) -> None:
    with connect(trio) as ours:
        for verb in (ours.restart, ours.freeze, ours.thaw, ours.wipe, ours.add_node):
            with pytest.raises(errors.NotInThisRuntime, match="Somebody else runs"):
                verb("n1" if verb != ours.add_node else "n9")
        with pytest.raises(errors.NotInThisRuntime, match="Somebody else runs"):
            ours.start_over()


def test_whom_the_door_stays_shut_for(trio: Cluster) -> None:
    access = trio.laboratory.access
    with pytest.raises(errors.PermissionDenied):
        connect(trio, token=client_token(access.token))
    with pytest.raises(errors.PermissionDenied):
        connect(trio, token="x" * 40)
    with pytest.raises(errors.InvalidArgument, match="Which nodes"):
        Cluster.connect(access.endpoints)
    with pytest.raises(errors.InvalidArgument, match="leave the others out"):
        Cluster.connect(access.endpoints, access="admin.json")
