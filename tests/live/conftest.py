"""A fast cluster over real websockets, stopped again whatever happens: in each of the runtimes.

Every test is made for nodes in this process. For nodes that are processes, `make live` makes all of
those that can be (a test that `needs` what they lack says so); the usual run makes the ones that
are marked, since each takes seconds to start.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from raftlock import Cluster
from raftlock.errors import NotInThisRuntime

RUNTIMES = {"kernel": {"inside", "time", "messages"}, "process": set[str]()}
"""What each runtime has that another lacks: the nodes' insides, time that can be slowed and
stopped, single messages."""

EVERYTHING = os.environ.get("RAFTLOCK_RUNTIMES") == "all"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "runtime" not in metafunc.fixturenames:
        return
    needed = {need for mark in metafunc.definition.iter_markers("needs") for need in mark.args}
    assert needed <= RUNTIMES["kernel"], f"nothing is called {needed - RUNTIMES['kernel']}"
    marked = {mark.name for mark in metafunc.definition.iter_markers()}
    able = ["kernel"]
    if needed <= RUNTIMES["process"] and (EVERYTHING or marked & {"processes", "connected"}):
        able.append("process")
    can_be = not needed and {"cluster", "trio"} & {*metafunc.fixturenames}
    if "connected" in marked or (EVERYTHING and can_be):
        able.append("connected")
    metafunc.parametrize("runtime", able)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """What only who runs the nodes can do ends a test of connected ones, as far as it came.

    Those that are marked need nothing of that kind, and are made to their end.
    """
    try:
        return (yield)
    except NotInThisRuntime as cannot:
        runtime = getattr(item, "callspec", None) and item.callspec.params.get("runtime")
        if runtime != "connected" or item.get_closest_marker("connected"):
            raise
        pytest.skip(f"somebody else runs these nodes: {cannot.message}")


@pytest.fixture
def cluster(runtime: str) -> Iterator[Cluster]:
    yield from started(runtime, 5, 7)


@pytest.fixture
def trio(runtime: str) -> Iterator[Cluster]:
    yield from started(runtime, 3, 11)


def started(runtime: str, nodes: int, seed: int) -> Iterator[Cluster]:
    """A cluster of that runtime, with a leader."""
    if runtime != "connected":
        with Cluster(nodes=nodes, timing="lan", seed=seed, runtime=runtime) as made:
            made.wait_for_leader()
            yield made
        return
    with Cluster(nodes=nodes, timing="lan", seed=seed, runtime="process", name="theirs") as theirs:
        theirs.wait_for_leader()
        access = theirs.laboratory.access
        with Cluster.connect(
            access.endpoints, cluster=access.cluster, token=access.token, name="ours"
        ) as made:
            made.wait_for_leader()
            yield made
