import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftlock.errors import InvalidArgument, PermissionDenied, RemoteProtocolError
from raftlock.transport.handshake import (
    WIRE_VERSION,
    ClientHandshake,
    Party,
    Role,
    ServerHandshake,
    check_cluster_token,
    client_token,
)

TOKEN = "the token of this cluster, 32 long"
OTHER = "the token of that cluster, 32 long"


def client(*, token=TOKEN, name="n1", server="n2", **named):
    given = {"cluster": "lab", "role": Role.PEER, "nonce": b"c" * 32, **named}
    return ClientHandshake(token, name=name, server=server, **given)


def server(*, token=TOKEN, name="n2", **named):
    given = {"cluster": "lab", "role": Role.PEER, "nonce": b"s" * 32, **named}
    return ServerHandshake(token, name=name, **given)


def talk(one, other):
    """All frames of the talk, until one side is through or raises."""
    frames = [one.next(None)]
    while not one.done:
        frames.append(other.next(frames[-1]))
        frames.append(one.next(frames[-1]))
    return frames[:-1]


def changed(frame, **fields):
    return json.dumps({**json.loads(frame), **fields})


@pytest.mark.parametrize("role", Role)
def test_both_prove_themselves(role):
    one, other = client(role=role), server(role=role)
    frames = talk(one, other)
    assert [json.loads(frame)["type"] for frame in frames] == [
        "hello",
        "challenge",
        "proof",
        "welcome",
    ]
    assert one.done
    assert other.done
    assert one.peer == Party("n2", Role.PEER)
    assert other.peer == Party("n1", role)


def test_a_client_need_not_know_whom_it_reaches():
    one = client(server="")
    talk(one, server(name="n7"))
    assert one.peer == Party("n7", Role.PEER)


def test_a_node_says_where_it_answers():
    one, other = client(address="10.0.0.1:7101"), server()
    talk(one, other)
    assert other.address == "10.0.0.1:7101"


@pytest.mark.parametrize("role", Role)
def test_while_the_token_changes_both_are_good(role):
    old, new, lost = TOKEN, OTHER, "a token that nobody knows any more, long"
    for token in (old, new):
        other = server(token=new, also=(old,), role=role)
        talk(client(token=token, role=role), other)
        assert other.done
    with pytest.raises(PermissionDenied):
        talk(client(token=lost, role=role), server(token=new, also=(old,), role=role))


def test_a_clients_token_opens_the_lock_service_and_nothing_else():
    given = client_token(TOKEN)
    assert client_token(given) == given
    assert TOKEN not in given
    other = server(role=Role.CLIENT)
    talk(client(token=given, role=Role.CLIENT), other)
    assert other.peer == Party("n1", Role.CLIENT)
    for role in (Role.PEER, Role.ADMIN):
        with pytest.raises(PermissionDenied, match=f"does not open the role {role}"):
            client(token=given, role=role)
    # Somebody who changes this program to try all the same has the wrong key.
    forged = client(token="x" * 32, role=Role.ADMIN)
    forged._key = given.encode()
    with pytest.raises(PermissionDenied):
        talk(forged, server(role=Role.ADMIN))


def test_the_token_is_never_said_nor_shown():
    one, other = client(), server()
    said = "".join(talk(one, other))
    for text in (said, repr(one), repr(other), repr(one.peer)):
        assert TOKEN not in text


def test_a_client_with_another_token_finds_out_first():
    one, other = client(token=OTHER), server()
    with pytest.raises(PermissionDenied, match="does not know this cluster's token"):
        talk(one, other)
    assert one.peer is None
    assert not other.done


def test_a_client_that_makes_up_a_proof_is_refused():
    one, other = client(), server()
    proof = one.next(other.next(one.next(None)))
    with pytest.raises(PermissionDenied, match="The proof is wrong"):
        other.next(changed(proof, proof="A" * 43 + "="))
    assert not other.done


def test_the_servers_own_proof_is_no_proof_of_the_clients():
    other = server()
    challenge = json.loads(other.next(client().next(None)))
    with pytest.raises(PermissionDenied):
        other.next(json.dumps({"type": "proof", "proof": challenge["proof"]}))


def test_a_server_cannot_hand_the_question_on_and_reflect_the_answer():
    # Mallory knows no token: she answers n1's hello with what n2 says to the same nonce, but n1
    # hears a name that she must not change.
    one, other = client(server="n2"), server(name="n3")
    with pytest.raises(PermissionDenied, match="This address is n3's, not n2's"):
        one.next(other.next(one.next(None)))
    one = client(server="n2")
    with pytest.raises(PermissionDenied):
        one.next(changed(server(name="n3").next(one.next(None)), name="n2"))


def test_a_talk_that_was_overheard_cannot_be_repeated():
    one = client()
    frames = talk(one, server())
    fresh = server(nonce=b"t" * 32)
    fresh.next(frames[0])
    with pytest.raises(PermissionDenied):
        fresh.next(frames[2])
    another = client(nonce=b"d" * 32)
    another.next(None)
    with pytest.raises(PermissionDenied):
        another.next(frames[1])


@pytest.mark.parametrize(
    "changes", [{"name": "n3"}, {"nonce": "A" * 43 + "="}, {"address": "10.0.0.66:1"}]
)
def test_what_the_hello_said_cannot_be_changed_on_the_way(changes):
    one, other = client(), server()
    challenge = other.next(changed(one.next(None), **changes))
    with pytest.raises(PermissionDenied):
        one.next(challenge)


def test_a_proof_for_one_role_is_none_for_the_other():
    one, other = client(role=Role.CLIENT), server(role=Role.PEER)
    with pytest.raises(PermissionDenied, match="opened for the role peer"):
        other.next(one.next(None))
    with pytest.raises(PermissionDenied):
        one.next(server().next(changed(client().next(None), name="n1")))


def test_a_node_of_another_cluster_is_refused():
    with pytest.raises(PermissionDenied, match="another cluster"):
        talk(client(cluster="other"), server())


def test_a_node_does_not_talk_to_itself():
    with pytest.raises(PermissionDenied, match="n2 is this node itself"):
        talk(client(name="n2"), server())
    talk(client(name="n2", role=Role.CLIENT), server(role=Role.CLIENT))


@pytest.mark.parametrize("version", [WIRE_VERSION + 1, 99])
def test_a_newer_version_gets_a_sentence(version):
    one, other = client(), server()
    hello = one.next(None)
    with pytest.raises(RemoteProtocolError, match=f"speaks version {version} .* update raftlock"):
        other.next(changed(hello, version=version, new_field=1))
    with pytest.raises(RemoteProtocolError, match=f"speaks version {version} .* update raftlock"):
        one.next(changed(server().next(hello), version=version))


@pytest.mark.parametrize("version", [0, -1, "1", True, None, 1.5])
def test_a_version_is_a_number(version):
    with pytest.raises(RemoteProtocolError, match="version"):
        server().next(changed(client().next(None), version=version))


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "proof"},
        {"type": 5},
        {"name": ""},
        {"name": "x" * 257},
        {"name": 5},
        {"name": "a\nb"},
        {"nonce": "AA=="},
        {"nonce": "ü"},
        {"nonce": 5},
        {"nonce": None},
        {"more": 1},
        {"role": ["peer"]},
        {"address": 5},
        {"address": "x" * 301},
        {"address": "a\nb"},
        {"key": None},
        {"key": "f" * 17},
    ],
)
def test_a_malformed_hello_is_refused(changes):
    with pytest.raises(RemoteProtocolError):
        server().next(changed(client().next(None), **changes))


@pytest.mark.parametrize("changes", [{"name": ""}, {"nonce": "AA=="}, {"type": "welcome"}])
def test_a_malformed_challenge_is_refused(changes):
    one = client(server="")
    with pytest.raises(RemoteProtocolError):
        one.next(changed(server().next(one.next(None)), **changes))


@pytest.mark.parametrize("proof", [None, 5, [], "", "ü", "\x00"])
def test_a_malformed_proof_is_none(proof):
    one, other = client(), server()
    one.next(other.next(one.next(None)))
    with pytest.raises((PermissionDenied, RemoteProtocolError)):
        other.next(json.dumps({"type": "proof", "proof": proof}))
    assert other.peer is None


def test_the_welcome_must_come():
    one, other = client(), server()
    one.next(other.next(one.next(None)))
    with pytest.raises(RemoteProtocolError, match="expects a welcome now"):
        one.next('{"type":"goodbye"}')


@given(st.text() | st.text('{}[]":,typehloversn0123456789'))
def test_any_text_is_refused(text):
    with pytest.raises(RemoteProtocolError):
        server().next(text)
    one = client()
    one.next(None)
    with pytest.raises(RemoteProtocolError):
        one.next(text)


@pytest.mark.parametrize("text", ["[]", "{}", "null", '{"type":"hello","a":[[]]}', "x" * 5_000])
def test_no_handshake_at_all(text):
    with pytest.raises(RemoteProtocolError):
        server().next(text)


def test_a_short_token_is_refused():
    assert check_cluster_token(TOKEN) == TOKEN.encode()
    with pytest.raises(InvalidArgument, match="at least 32 characters") as caught:
        client(token="secret")
    assert "secret'" not in caught.value.message
