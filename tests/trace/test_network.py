import pytest

from raftlock.trace.network import (
    KEPT_FLIGHTS,
    KEPT_NEWS,
    LINGER,
    Flight,
    LinkShape,
    NetworkView,
)

PLAIN = LinkShape(delay_ms=200)


def network():
    return NetworkView(PLAIN)


def flight(number, label="AE·1", t0=0, t1=200):
    return Flight(number, "n1", "n2", "AppendEntries", label, t0, t1, {})


def test_a_link_is_cut_in_one_direction_or_both():
    net = network()
    net.cut("n1", "n2", one_way=True)
    assert not net.is_open("n1", "n2")
    assert net.is_open("n2", "n1")
    assert not net.both_ways("n2", "n1")
    net.cut("n1", "n2", one_way=False)
    assert not net.is_open("n2", "n1")
    net.restore("n1", "n2", one_way=True)
    assert net.is_open("n1", "n2")
    assert not net.both_ways("n1", "n2")
    net.restore("n1", "n2", one_way=False)
    assert net.both_ways("n1", "n2")


def test_a_partition_cuts_between_its_groups():
    net = network()
    net.partition([["n1", "n2"], ["n3"]])
    assert net.is_open("n1", "n2")
    assert not net.is_open("n1", "n3")
    assert net.is_open("n4", "n5"), "the unnamed are a group"
    assert not net.is_open("n4", "n1")
    net.partition([["n1"], ["n2", "n3"]])
    assert not net.is_open("n1", "n2"), "the newer partition holds"
    net.cut("n2", "n3", one_way=False)
    net.heal()
    assert all(net.is_open(a, b) for a in ("n1", "n2", "n3") for b in ("n1", "n2", "n3"))
    assert net.groups == ()


def test_a_link_has_a_shape_of_its_own_until_it_is_plain_again():
    net = network()
    slow = LinkShape(400, 50, 1000)
    net.reshape("n1", "n2", slow)
    assert net.shape("n1", "n2") == slow
    assert net.shape("n2", "n1") == PLAIN
    net.reshape("n1", "n2", PLAIN)
    assert net.shapes == {}
    net.reshape("n2", "n1", slow)
    net.heal()
    assert net.shapes == {}


@pytest.mark.parametrize(
    ("why", "now", "stop"),
    [
        ("loss", 0, 100),  # known when it left: it is seen to stop half-way
        ("cut", 0, 100),
        ("cut", 150, 150),  # cut while it flew
        ("down", 200, 200),  # nobody there when it came
        ("down", 0, 0),
        ("closed", 999, 200),
        ("loss", -5, 100),
    ],
)
def test_where_a_lost_message_stops(why, now, stop):
    net = network()
    net.send(1, flight(1))
    assert net.drop(2, 1, why, now).stop == stop
    assert net.flights[1].end == stop
    assert net.flights[1].why == why


def test_a_message_that_took_no_time_is_lost_on_the_spot():
    net = network()
    net.send(1, flight(1, t0=50, t1=50))
    assert net.drop(2, 1, "loss", 50).stop == 50


def test_what_was_never_seen_to_leave_is_ignored():
    net = network()
    assert net.deliver(7) is None
    assert net.drop(1, 7, "cut", 0) is None
    assert net.news_since(0) == []


def test_a_message_is_on_its_way_until_it_arrives():
    net = network()
    net.send(1, flight(1))
    net.send(2, flight(2))
    net.drop(3, 2, "loss", 0)
    assert [f.id for f in net.in_flight(0)] == [1, 2]
    assert net.deliver(1).end == 200
    assert [f.id for f in net.in_flight(100 + LINGER)] == [2]
    assert net.in_flight(101 + LINGER) == []


def test_a_loss_is_told_until_something_arrives():
    net = network()
    for number in (1, 2, 3):
        net.send(number, flight(number, "HB" if number == 1 else "AE·1"))
    net.drop(4, 1, "cut", 0)
    assert net.told == {}, "nobody misses a heartbeat"
    net.drop(5, 2, "cut", 0)
    assert net.told == {("n1", "n2"): "cut"}
    net.deliver(3)
    assert net.told == {}


def test_news_are_each_message_once_in_order():
    net = network()
    net.send(1, flight(1))
    net.send(2, flight(2))
    net.drop(3, 1, "loss", 0)
    assert [f.id for f in net.news_since(0)] == [1, 2]
    assert [f.id for f in net.news_since(1)] == [1, 2]
    assert [f.id for f in net.news_since(2)] == [1]
    assert net.news_since(3) == []


def test_news_are_remembered_for_a_while():
    net = network()
    for number in range(1, KEPT_NEWS + 3):
        net.send(number, flight(number))
        net.deliver(number)
    assert net.forgotten == 2
    assert len(net.news_since(2)) == KEPT_NEWS


def test_what_never_arrives_does_not_pile_up():
    net = network()
    for number in range(1, 3 * KEPT_FLIGHTS):
        net.send(number, flight(number, t0=number * LINGER, t1=number * LINGER))
        if number % 2:
            net.drop(number, number, "loss", number * LINGER)
        assert len(net.flights) <= KEPT_FLIGHTS
    assert max(net.flights) == 3 * KEPT_FLIGHTS - 1


def test_a_new_node_comes_into_a_group():
    view = NetworkView(LinkShape())
    view.join("n6", "")
    assert view.groups == ()
    view.partition([["n1", "n2"], ["n3"]])
    view.join("n6", "")
    view.join("n2.2", "n2")
    view.join("n2.2", "n3")
    assert view.groups == (("n1", "n2", "n2.2"), ("n3", "n6"))
    assert view.both_ways("n6", "n3")


def test_a_node_that_is_gone_has_no_links_and_no_group():
    view = NetworkView(LinkShape())
    view.partition([["n1"], ["n2", "n3"], ["n4"]])
    view.cut("n1", "n2", one_way=False)
    view.reshape("n1", "n3", LinkShape(9))
    view.reshape("n2", "n3", LinkShape(9))
    view.told["n1", "n2"] = "cut"
    view.forget("n1")
    assert (view.cuts, list(view.shapes), view.told) == (set(), [("n2", "n3")], {})
    assert view.groups == (("n2", "n3"), ("n4",))
    view.forget("n4")
    assert view.groups == ()
