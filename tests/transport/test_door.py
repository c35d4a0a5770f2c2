import pytest

from raftlock.errors import InvalidArgument, Unavailable
from raftlock.transport.door import ConnectionLimits, Door
from raftlock.transport.handshake import Party, Role
from raftlock.types import NodeID

BOUNDS = ConnectionLimits(clients=2, peers=2, handshakes=2, handshake_seconds=3.0)


def door():
    return Door(NodeID("n1"), BOUNDS)


def let_in(one, connection, name, role):
    one.arrived(connection, 0.0)
    return one.admit(connection, Party(name, role))


def test_strangers_are_few():
    one = door()
    assert [one.arrived(name, 1.0) for name in "abc"] == [True, True, False]
    one.left("c")
    assert one.admit("a", Party("alice", Role.CLIENT)) is None
    assert one.arrived("d", 1.0)
    assert one.all == ("a", "b", "d")


def test_a_handshake_has_a_deadline():
    one = door()
    one.arrived("a", 10.0)
    assert one.deadline("a") == 13.0
    one.left("a")
    assert one.deadline("a") == 0.0


def test_clients_are_counted_apart_from_peers():
    one = door()
    for name in "ab":
        let_in(one, name, name, Role.CLIENT)
    with pytest.raises(Unavailable, match="n1 has 2 clients already: ask another node"):
        let_in(one, "c", "c", Role.CLIENT)
    for name in ("n2", "n3"):
        let_in(one, name, name, Role.PEER)
    with pytest.raises(Unavailable, match="n1 has 2 peers already"):
        let_in(one, "n4", "n4", Role.PEER)
    assert (one.clients, one.peers) == (2, ("n2", "n3"))
    for name in (*"abc", "n2", "n3", "n4"):
        one.left(name)
    assert (one.clients, one.peers, one.all) == (0, (), ())
    let_in(one, "c", "c", Role.CLIENT)


def test_the_newest_connection_of_a_peer_counts():
    one = door()
    let_in(one, "old", "n2", Role.PEER)
    let_in(one, "other", "n3", Role.PEER)
    assert one.is_peer("old", NodeID("n2"))
    assert let_in(one, "new", "n2", Role.PEER) == "old"
    assert one.is_peer("new", NodeID("n2"))
    assert not one.is_peer("old", NodeID("n2"))
    one.left("old")
    assert one.is_peer("new", NodeID("n2"))


@pytest.mark.parametrize("role", Role)
def test_a_name_must_be_one(role):
    with pytest.raises(InvalidArgument):
        let_in(door(), "a", "../\x00", role)


def test_one_client_id_may_connect_twice():
    one = door()
    assert let_in(one, "a", "alice", Role.CLIENT) is None
    assert let_in(one, "b", "alice", Role.CLIENT) is None
    assert one.clients == 2
