"""Nodes in the hands of an operator: a laboratory's can be broken from the command, no others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from raftlock import Cluster, errors
from tests.live.helpers import events, look, until
from tests.serve.processes import Nodes, run_here
from tests.serve.processes import until as until_true


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Nodes]:
    yield from started(tmp_path, "--laboratory")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Nodes]:
    yield from started(tmp_path)


def started(folder: Path, *flags: str) -> Iterator[Nodes]:
    nodes = Nodes(folder, 3, *flags)
    nodes.start()
    try:
        yield nodes
    finally:
        nodes.stop()


async def test_a_laboratory_is_split_healed_and_killed(lab: Nodes) -> None:
    leader = await lab.leader()
    rest = [name for name in lab.addresses if name != leader]
    code, told, _ = run_command(lab, "partition", leader, ",".join(rest))
    assert (code, told) == (0, f"Split: {leader} | {','.join(rest)}.\n")
    second = await lab.leader(other_than=leader)

    async def stepped_down() -> bool:
        status = await lab.status(leader)
        return status is not None and status.role.word == "follower"

    await until_true(stepped_down, f"{leader} has noticed that it is alone")
    assert run_command(lab, "heal")[:2] == (0, "All links are whole.\n")
    assert run_command(lab, "cut", leader, second, "--one-way")[:2] == (
        0,
        f"{leader} → {second} is cut.\n",
    )
    victim = next(name for name in rest if name != second)
    assert run_command(lab, "kill", victim)[0] == 0
    assert lab.processes[victim].wait(10) == -9
    code, told, _ = run_command(lab, "heal")
    assert (code, told) == (
        0,
        f"All links are whole. Not told, since they cannot be reached: {victim}.\n",
    )


async def test_mistakes_are_one_sentence(lab: Nodes) -> None:
    await lab.leader()
    for arguments, sentence in (
        (("kill", "n9"), "no node 'n9'"),
        (("cut", "n1", "n1"), "joins two nodes"),
        (("partition", "n1,n2,n3"), "separates nobody"),
    ):
        code, _, said = run_command(lab, *arguments)
        assert code == 2, said
        assert sentence in said


async def test_nodes_that_serve_people_cannot_be_broken_but_seen(served: Nodes) -> None:
    leader = await served.leader()
    for arguments in (("kill", leader), ("partition", leader), ("cut", "n1", "n2")):
        code, _, said = run_command(served, *arguments)
        assert code == 2
        assert "--laboratory" in said
    async with served.client("bob") as bob:
        held = await bob.acquire("door", ttl=60)
    with Cluster.connect(access=served.admin_file) as seen:
        assert seen.wait_for_leader() == leader
        # It begins in the middle: how the nodes stand is told, and nothing is claimed of before.
        until(seen, lambda view: all(node.locks for node in view.nodes.values()))
        assert look(seen, lambda view: view.node(leader).locks["door"]["token"]) == held.token
        assert look(seen, lambda view: len({node.hash for node in view.nodes.values()})) == 1
        assert {event.node for event in events(seen, "gap")} == set(served.addresses)
        with pytest.raises(errors.NotInThisRuntime, match="--laboratory"):
            seen.kill(leader)
        with pytest.raises(errors.NotInThisRuntime, match="--laboratory"):
            seen.partition([leader])
        assert look(seen, lambda view: view.network.groups) == ()
        seen.client("carol").acquire("gate", ttl=60)
        until(seen, lambda view: "gate" in view.node(leader).locks)
        moved = next(node for node in seen.nodes if node != leader)
        assert seen.transfer_leadership(moved) == moved


async def test_a_client_s_token_opens_no_node_to_be_seen(served: Nodes) -> None:
    await served.leader()
    with pytest.raises(errors.PermissionDenied):
        Cluster.connect(access=served.client_file)
    code, _, said = run_command(served, "heal", access=served.client_file)
    assert code == 2
    assert "token" in said


def run_command(nodes: Nodes, *arguments: str, access: Path | None = None) -> tuple[int, str, str]:
    return run_in_a_thread(*arguments, access=access or nodes.admin_file)


def run_in_a_thread(*arguments: str, access: Path) -> tuple[int, str, str]:
    """The command has a loop of its own, and the test's is running here."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run_here, *arguments, access=access).result()
