"""A fast cluster over real websockets, stopped again whatever happens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from raftlock import Cluster


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=5, timing="lan", seed=7) as made:
        made.wait_for_leader()
        yield made


@pytest.fixture
def trio() -> Iterator[Cluster]:
    with Cluster(nodes=3, timing="lan", seed=11) as made:
        made.wait_for_leader()
        yield made
