"""Clocks that run fast, or jump: how much cluster time may pass, and when leases are claimed."""

import pytest

from raftlock.check.clocks import Clocks
from tests.check.stories import HEADER, NODES, Story
from tests.check.test_locks import Table, acquire, lock


@pytest.fixture
def story():
    told = Story()
    told.start(*NODES)
    told.elect("n1", 1, "n2")
    return told


def entries(story, stamp, *, at=2_000_000):
    """Two entries, made a second apart, whose stamps are so much apart."""
    story.append("n1", (1, 1, 100), rule="ClientRequest", at=1_000_000)
    yield
    story.append("n1", (1, 2, 100 + stamp), rule="ClientRequest", first=2, at=at)


def clock(story, node, **more):
    story.tell("", "fault", what="clock", by="", at=1_500_000, node=node, **more)


@pytest.mark.parametrize(
    ("node", "fault", "stamp", "broken"),
    [
        pytest.param("n1", {}, 1_001, False, id="real time"),
        pytest.param("n1", {}, 1_002, True, id="more than that"),
        pytest.param("n1", {"jump_ms": 500}, 1_500, False, id="a leader's clock jumped"),
        pytest.param("n1", {"jump_ms": 500}, 1_600, True, id="it did not jump as far"),
        pytest.param("n2", {"jump_ms": 500}, 1_500, True, id="it was another's clock"),
        pytest.param("n1", {"rate_ppm": 20_000}, 1_020, False, id="a fast clock"),
        pytest.param("n1", {"rate_ppm": 20_000}, 1_030, True, id="not as fast as that"),
        pytest.param("n1", {"rate_ppm": -20_000}, 1_010, True, id="a slow clock"),
    ],
)
def test_no_more_cluster_time_passes_than_the_clocks_allow(story, node, fault, stamp, broken):
    told = entries(story, stamp)
    next(told)
    if fault:
        clock(story, node, **fault)
    next(told, None)
    assert story.found() == (["cluster time"] if broken else [])


def test_a_jump_counts_where_it_was():
    clocks = Clocks(HEADER)
    clocks.change(5_000_000, {"jump_ms": 700}, leads=True)
    clocks.change(9_000_000, {"jump_ms": 50}, leads=False)
    assert clocks.passed_ms(4_000_000, 6_000_000) == 2_000 + 1 + 700 + 1
    assert clocks.passed_ms(6_000_000, 8_000_000) == 2_000 + 1
    assert clocks.passed_ms(8_000_000, 10_000_000) == 2_000 + 1


def test_the_header_tells_the_first_rates():
    clocks = Clocks(HEADER | {"rates_ppm": [-9_000, 3_000, 0]})
    assert clocks.passed_ms(0, 1_000_000) == 1_003 + 1


@pytest.mark.parametrize(
    ("fault", "claimed"),
    [
        ({}, True),
        ({"rate_ppm": 10_000}, True),
        ({"rate_ppm": 10_001}, False),
        ({"rate_ppm": -50_000}, True),
        ({"jump_ms": 1}, False),
    ],
)
def test_a_lease_is_claimed_as_long_as_clocks_are_fit_for_it(fault, claimed):
    table = believing(fault)
    assert table.found() == (["lease ends first"] if claimed else [])


def believing(fault, *, at=500_000):
    """Alice believes longer in her lease than the cluster keeps it."""
    table = Table()
    table.elect("n1", 1)
    table.entry(0, acquire("alice"), lock("alice", 1, 1_000))
    about = {"client": "alice", "lock": "printer", "token": 1}
    table.tell("client:alice", "belief", at=2_000, until=1_200_000, **about)
    if fault:
        table.tell("", "fault", what="clock", by="", at=at, node="n1", **fault)
    table.entry(1_001, None, lock())
    return table


def test_a_jump_before_the_lock_was_asked_for_excuses_nothing():
    assert believing({"jump_ms": 1}, at=500).found() == ["lease ends first"]


def test_tokens_hold_whatever_clocks_do():
    table = believing({"jump_ms": 1})
    table.entry(1_010, acquire("bob"), lock("bob", 3, 2_010))
    for client, token in (("bob", 3), ("alice", 1)):
        table.tell("", "storage", lock="printer", client=client, token=token, accepted=True)
    assert table.found() == ["stale write"]


def test_a_hold_is_not_ended_early_by_the_log_whatever_clocks_do():
    table = Table()
    table.elect("n1", 1)
    table.entry(0, acquire("alice"), lock("alice", 1, 1_000))
    table.tell("", "fault", what="clock", by="", at=500, node="n1", jump_ms=900)
    table.entry(900, None, lock() | {"why": ["expired"]})
    assert table.found() == ["TTL"]
