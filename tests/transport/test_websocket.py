"""The ends of the wire over real websockets on loopback. Nothing here waits by the clock."""

import asyncio
import contextlib
import gc
import socket

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from raftlock.errors import (
    InvalidArgument,
    LocalProtocolError,
    PermissionDenied,
    RemoteProtocolError,
    Unavailable,
)
from raftlock.transport import limits, websocket
from raftlock.transport.codec import PeerFrame, decode_peer, encode_peer
from raftlock.transport.door import ConnectionLimits
from raftlock.transport.handshake import ClientHandshake, Role
from raftlock.transport.websocket import dial_client, dial_peer, new_token, serve
from raftlock.transport.websocket.server import FRAMES_A_TURN
from raftlock.types import ClientID, Index, NodeID, RequestVoteArgs, Term

HOST = "127.0.0.1"
TOKEN = new_token()
N1, N2, ALICE = NodeID("n1"), NodeID("n2"), ClientID("alice")
PEER, CLIENT = "raftlock.peer.v1", "raftlock.client.v1"


class Session:
    """A client's session: answers each frame, and remembers what it was told."""

    def __init__(self, node, name, link):
        self.node = node
        self.name = name
        self.link = link
        self.ended = asyncio.get_running_loop().create_future()

    def frame(self, text):
        self.node.client_frame(self, text)

    def closed(self):
        self.ended.set_result(None)


class Node:
    """What stands in for a node behind a port."""

    def __init__(self):
        self.peer_frames = asyncio.Queue()
        self.sessions = asyncio.Queue()
        self.client_frame = lambda session, text: session.link.send(f"echo {text}")

    async def serve(self, **kwargs):
        self.server = await serve(
            **{
                "token": TOKEN,
                "cluster": "lab",
                "node": N1,
                "on_peer_frame": lambda name, text: self.peer_frames.put_nowait((name, text)),
                "on_client": self.open,
                **kwargs,
            }
        )
        self.port = self.server.port
        return self

    def open(self, name, link):
        session = Session(self, name, link)
        self.sessions.put_nowait(session)
        return session

    async def peer(self, **kwargs):
        known = {"token": TOKEN, "cluster": "lab", "me": N2, "them": N1}
        return await dial_peer(HOST, self.port, **{**known, **kwargs})

    async def client(self, **kwargs):
        known = {"token": TOKEN, "cluster": "lab", "client": ALICE}
        return await dial_client(HOST, self.port, **{**known, **kwargs})

    async def raw(self, subprotocol=PEER, **kwargs):
        """A connection of the library's, to misbehave on."""
        return await connect(
            f"ws://{HOST}:{self.port}", subprotocols=[subprotocol], proxy=None, **kwargs
        )


@pytest.fixture
async def complaints():
    """What the event loop was told of errors that nobody handled."""
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    return told


@pytest.fixture
async def started(complaints):
    """Starts nodes, and looks after them that nothing is left behind."""
    nodes = []

    async def start(**kwargs):
        nodes.append(await Node().serve(**kwargs))
        return nodes[-1]

    yield start
    for node in nodes:
        await node.server.close()
    while left := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(left)
    gc.collect(1)  # all that a test makes is young
    assert complaints == []


@pytest.fixture
async def node(started):
    return await started()


async def talk_raw(connection, *, role=Role.PEER, name="n2", token=TOKEN):
    """Do the handshake by hand; the frames that were sent."""
    handshake = ClientHandshake(
        token, cluster="lab", role=role, name=name, nonce=b"c" * 32, server="n1"
    )
    sent = []
    frame = handshake.next(None)
    while frame is not None:
        sent.append(frame)
        await connection.send(frame)
        frame = handshake.next(await connection.recv())
    return sent


async def ends_with(connection):
    """How the server closes the connection: its code and reason."""
    async for _ in drained(connection):
        pass
    return connection.close_code, connection.close_reason


async def drained(connection):
    try:
        while True:
            yield await connection.recv()
    except ConnectionClosed:
        return


async def until(condition):
    """Let the loop run until the condition holds."""
    while not condition():  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0)


# ---- all is well ----


async def test_a_peer_sends_and_the_node_hears(node):
    link = await node.peer()
    assert link.peer.name == "n1"
    frame = encode_peer(PeerFrame(1, RequestVoteArgs(Term(1), N2, Index(0), Term(0))))
    assert [link.send(frame), link.send("second")] == [True, True]
    assert await node.peer_frames.get() == (N2, frame)
    assert await node.peer_frames.get() == (N2, "second")
    assert node.server.peers == (N2,)
    await link.close("done")
    assert await link.closed == "done"
    assert not link.send("third")


async def test_a_client_asks_and_is_answered(node):
    link = await node.client()
    session = await node.sessions.get()
    assert (session.name, session.link.peer) == ("alice", session.link.peer)
    assert link.send("hi")
    assert await link.recv() == "echo hi"
    assert session.link.send("news")
    assert await link.recv() == "news"
    assert node.server.clients == 1
    await link.close()
    await session.ended
    assert await session.link.closed == "The connection was closed."
    assert not session.link.send("too late")


async def test_a_peer_frame_may_be_large(node):
    link = await node.peer()
    assert link.send("x" * 3_000_000)
    assert (await node.peer_frames.get())[1] == "x" * 3_000_000


async def test_who_stops_waiting_for_the_end_does_no_harm(node):
    link = await node.peer()
    link.closed.cancel()
    link.abort()
    await until(lambda: not node.server.peers)


async def test_many_clients_at_once(node):
    links = await asyncio.gather(*(node.client(client=ClientID(f"c{n}")) for n in range(30)))
    for number, link in enumerate(links):
        link.send(str(number))
    assert [await link.recv() for link in links] == [f"echo {n}" for n in range(30)]
    await asyncio.gather(*(link.close() for link in links))


async def test_a_flood_of_one_client_lets_the_others_have_their_turn(started):
    turns, seen = 0, []

    class Greedy(Session):
        def frame(self, text):
            seen.append(turns)

    node = await started(on_client=lambda name, link: Greedy(node, name, link))
    loop = asyncio.get_running_loop()

    def turn():
        nonlocal turns
        turns += 1
        if len(seen) < 2_000:
            loop.call_soon(turn)

    link = await node.client()
    for number in range(2_000):
        link.send(str(number))
    loop.call_soon(turn)
    await until(lambda: len(seen) == 2_000)
    at_once = max(seen.count(each) for each in set(seen))
    assert at_once <= 2 * FRAMES_A_TURN
    await link.close()


async def test_nobody_pings_a_peer(node):
    link = await node.peer()
    session = await node.client()
    kept = {connection.subprotocol: connection for connection in node.server._door.all}
    assert kept[PEER].keepalive_task is None
    assert kept[CLIENT].keepalive_task is not None
    assert link._connection.keepalive_task is None
    assert session._connection.keepalive_task is not None
    link.abort()
    session.abort()


# ---- who may come in ----


@pytest.mark.parametrize("dial", ["peer", "client"])
async def test_another_token_is_refused_and_found_out_by_the_dialler(node, dial):
    with pytest.raises(PermissionDenied, match="does not know this cluster's token"):
        await getattr(node, dial)(token=new_token())


@pytest.mark.parametrize("dial", ["peer", "client"])
async def test_another_cluster_is_refused_by_the_server(node, dial):
    with pytest.raises(PermissionDenied, match=r"This node belongs to another cluster\."):
        await getattr(node, dial)(cluster="other")


async def test_a_dialler_knows_whom_it_wants(node):
    with pytest.raises(PermissionDenied, match="This address is n1's, not n3's"):
        await node.peer(them=NodeID("n3"))


async def test_a_made_up_proof_is_refused(node):
    connection = await node.raw()
    handshake = ClientHandshake(
        TOKEN, cluster="lab", role=Role.PEER, name="n2", nonce=b"c" * 32, server="n1"
    )
    await connection.send(handshake.next(None))
    await connection.recv()
    await connection.send('{"type":"proof","proof":"%s="}' % ("A" * 43))
    assert await ends_with(connection) == (
        1008,
        "The proof is wrong: the token is not this cluster's.",
    )
    assert node.server.peers == ()


async def test_an_overheard_handshake_cannot_be_repeated(node):
    honest = await node.raw()
    overheard = await talk_raw(honest)
    connection = await node.raw()
    await connection.send(overheard[0])
    await connection.recv()
    await connection.send(overheard[1])
    assert (await ends_with(connection))[0] == 1008
    assert node.server.peers == (N2,)
    await honest.close()


async def test_the_servers_own_proof_sent_back_is_refused(node):
    connection = await node.raw()
    handshake = ClientHandshake(
        TOKEN, cluster="lab", role=Role.PEER, name="n2", nonce=b"c" * 32, server="n1"
    )
    await connection.send(handshake.next(None))
    challenge = await connection.recv()
    proof = challenge[challenge.index('"proof"') :]
    await connection.send('{"type":"proof",' + proof)
    assert (await ends_with(connection))[0] == 1008


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("not json", 1002),
        ('{"type":"hello","type":"hello"}', 1002),
        ('{"type":"proof","proof":""}', 1002),
        (b"\x00", 1002),
        ("x" * (limits.HANDSHAKE_FRAME_BYTES_MAX + 1), 1009),
    ],
)
async def test_a_bad_first_frame_is_refused(node, frame, code):
    connection = await node.raw()
    await connection.send(frame)
    assert (await ends_with(connection))[0] == code


async def test_a_newer_peer_is_told_so(node):
    connection = await node.raw()
    await connection.send('{"type":"hello","version":2}')
    code, reason = await ends_with(connection)
    assert code == 1002
    assert reason.startswith("The other side speaks version 2 of the wire")


async def test_a_peer_may_not_speak_on_a_clients_connection(node):
    connection = await node.raw(CLIENT)
    with pytest.raises(ConnectionClosed):
        await talk_raw(connection, role=Role.PEER)
    assert (connection.close_code, connection.close_reason) == (
        1008,
        "This connection was opened for the role client.",
    )


async def test_a_name_that_is_none_is_refused(node):
    with pytest.raises(PermissionDenied, match="node id must be"):
        await node.peer(me=NodeID("../n2"))
    with pytest.raises(InvalidArgument, match="client_id must not be empty"):
        await node.client(client=ClientID(""))


@pytest.mark.parametrize("silent", ["http", "hello", "proof"])
async def test_who_is_slow_is_dropped(started, silent):
    node = await started(bounds=ConnectionLimits(handshake_seconds=0.05))
    if silent == "http":
        reader, writer = await asyncio.open_connection(HOST, node.port)
        writer.write(b"GET / HTTP/1.1\r\n")
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        return
    connection = await node.raw()
    if silent == "proof":
        handshake = ClientHandshake(
            TOKEN, cluster="lab", role=Role.PEER, name="n2", nonce=b"c" * 32
        )
        await connection.send(handshake.next(None))
    assert await ends_with(connection) == (1008, "The handshake took too long.")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:8888"])
async def test_a_web_page_is_refused(node, origin):
    with pytest.raises(InvalidStatus) as caught:
        await node.raw(origin=origin)
    assert caught.value.response.status_code == 403


async def test_compression_is_refused(node):
    connection = await node.raw(compression="deflate")
    assert connection.protocol.extensions == []
    await connection.close()


async def test_an_unknown_subprotocol_is_refused(node):
    with pytest.raises(InvalidStatus) as caught:
        await node.raw("graphql-ws")
    assert caught.value.response.status_code == 400


# ---- a bad frame closes its connection and touches nothing else ----


async def test_malformed_json_closes_with_a_reason(started):
    node = await started(on_peer_frame=lambda _, text: decode_peer(text))
    bystander = await node.client()
    link = await node.peer()
    link.send('{"id":1,"type":"gossip"}')
    assert await link.closed == "No such type of message."
    bystander.send("hi")
    assert await bystander.recv() == "echo hi"
    await bystander.close()


async def test_a_malformed_request_closes_with_a_reason(node):
    def refuse(_session, _text):
        raise RemoteProtocolError("This is no request. " + "ü" * 200)

    node.client_frame = refuse
    link = await node.client()
    session = await node.sessions.get()
    link.send("{")
    with pytest.raises(Unavailable, match="This is no request"):
        await link.recv()
    await session.ended
    assert link._connection.close_code == 1002


@pytest.mark.parametrize("subprotocol", [PEER, CLIENT])
async def test_a_binary_frame_is_refused(node, subprotocol):
    connection = await node.raw(subprotocol)
    await talk_raw(connection, role=Role.PEER if subprotocol == PEER else Role.CLIENT)
    await connection.send(b"{}")
    assert await ends_with(connection) == (1002, "Frames are text, and a binary one came.")


@pytest.mark.parametrize(
    ("subprotocol", "size"),
    [(PEER, limits.PEER_FRAME_BYTES_MAX), (CLIENT, limits.CLIENT_FRAME_BYTES_MAX)],
)
async def test_an_oversized_frame_is_refused(node, subprotocol, size):
    role = Role.PEER if subprotocol == PEER else Role.CLIENT
    connection = await node.raw(subprotocol)
    await talk_raw(connection, role=role)
    await connection.send("x" * size)  # as large as may be
    if role is Role.PEER:
        assert len((await node.peer_frames.get())[1]) == size
    await connection.send("x" * (size + 1))
    assert (await ends_with(connection))[0] == 1009


async def test_a_frame_too_large_is_not_even_sent(node):
    link = await node.client()
    with pytest.raises(LocalProtocolError, match="262146 bytes in a frame; 262144 are allowed"):
        link.send("ü" * (limits.CLIENT_FRAME_BYTES_MAX // 2 + 1))
    assert link.send("ü")
    assert await link.recv() == "echo ü"
    await link.close()


async def test_a_bug_in_the_node_is_told_and_ends_one_connection(node, complaints):
    def fail(_session, text):
        raise ZeroDivisionError(text)

    node.client_frame = fail
    link = await node.client()
    link.send("hi")
    with pytest.raises(Unavailable, match="The node failed on this frame"):
        await link.recv()
    context = complaints.pop()
    assert context["message"] == "n1 failed on a frame"
    assert isinstance(context["exception"], ZeroDivisionError)
    assert complaints == []


async def test_a_client_refuses_binary_frames_too(node):
    link = await node.client()
    (connection,) = node.server._door.all
    await connection.send(b"x")
    with pytest.raises(RemoteProtocolError, match="binary"):
        await link.recv()
    assert connection.close_code == 1003


# ---- how many ----


async def test_the_257th_client_is_refused_and_may_come_when_one_leaves(started):
    bounds = ConnectionLimits(clients=3)
    node = await started(bounds=bounds)
    assert ConnectionLimits().clients == 256
    links = [await node.client() for _ in range(3)]
    with pytest.raises(Unavailable, match="n1 has 3 clients already: ask another node"):
        await node.client()
    peer = await node.peer()  # peers are counted apart
    sessions = [node.sessions.get_nowait() for _ in range(3)]
    await links[0].close()
    await sessions[0].ended
    await links[0].closed
    links[0] = await node.client()
    for link in (*links, peer):
        link.abort()


async def test_strangers_are_few(started):
    node = await started(bounds=ConnectionLimits(handshakes=1))
    stranger = await node.raw()
    with pytest.raises(Unavailable):
        await node.client()
    await stranger.close()


# ---- the end of a node ----


async def test_a_killed_node_drops_everything_and_frees_its_port(node, started):
    peer, client = await node.peer(), await node.client()
    session = await node.sessions.get()
    stranger = await node.raw()
    half_open = socket.create_connection((HOST, node.port))
    node.server.abort()
    # The port is free before anything else runs.
    again = await started(port=node.port)
    assert again.port == node.port
    assert await peer.closed == "The connection broke (code 1006)."
    assert await client.closed == "The connection broke (code 1006)."
    with pytest.raises(Unavailable, match="The connection broke"):
        await client.recv()
    await session.ended
    assert (await ends_with(stranger))[0] == 1006
    half_open.close()
    link = await again.peer()
    link.abort()
    await node.server.close()
    assert (node.server.clients, node.server.peers) == (0, ())


async def test_a_killed_node_handles_nothing_more(node):
    peer, client = await node.peer(), await node.client()
    session = await node.sessions.get()
    peer.send("before")
    assert await node.peer_frames.get() == (N2, "before")
    # Both are in the node's buffers when it dies.
    peer.send("after")
    client.send("after")
    seen = []
    node.client_frame = lambda _, text: seen.append(text)
    node.server.abort()
    await asyncio.gather(peer.closed, client.closed, session.ended)
    assert node.peer_frames.empty()
    assert seen == []
    assert not session.link.send("answer")


async def test_a_node_may_be_killed_by_the_frame_it_handles(node):
    node.client_frame = lambda _session, _text: node.server.abort()
    link = await node.client()
    session = await node.sessions.get()
    link.send("kill")
    link.send("and go on")
    await session.ended
    assert "broke" in await link.closed


async def test_closing_twice_is_closing_once(node):
    await node.server.close()
    await node.server.close()
    with pytest.raises(Unavailable, match="Nobody answers at"):
        await node.client()


async def say_nothing(connection):
    """Stands in for a server's half of the handshake."""
    await connection.wait_closed()
    raise connection.protocol.close_exc


async def test_a_handshake_under_way_ends_with_the_node(node):
    node.server._authenticated = say_nothing
    dialling = asyncio.create_task(node.client())
    await until(lambda: [one for one in node.server._door.all if one.state.name == "OPEN"])
    node.server.abort()
    with pytest.raises(Unavailable):
        await dialling


async def test_a_client_that_proves_itself_as_the_node_dies_is_nobodys(node, monkeypatch):
    real = node.server._authenticated

    async def too_late(connection):
        party = await real(connection)
        node.server.abort()
        return party

    monkeypatch.setattr(node.server, "_authenticated", too_late)
    link = await node.client()
    await link.closed
    assert node.sessions.empty()


async def test_what_knocks_on_a_dead_node_is_dropped(node):
    node.server._running = False
    with pytest.raises(Unavailable):
        await node.client()


# ---- dialling ----


@pytest.mark.parametrize(
    ("code", "error"),
    [(1008, PermissionDenied), (1002, RemoteProtocolError), (1013, Unavailable)],
)
async def test_how_a_server_refuses(node, code, error):
    async def refuse(connection):
        await connection.close(code, "No.")
        raise connection.protocol.close_exc

    node.server._authenticated = refuse
    with pytest.raises(error, match=r"^No\.$"):
        await node.client()


async def test_nobody_there():
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    with pytest.raises(Unavailable, match="Nobody answers at"):
        await dial_client(HOST, port, token=TOKEN, cluster="lab", client=ALICE)


@contextlib.asynccontextmanager
async def stranger(answer):
    """The port of a server that gives raw bytes for an answer, or none, and hangs up."""
    handlers = []

    async def handle(reader, writer):
        handlers.append(asyncio.current_task())
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(handle, HOST, 0) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*handlers)


@pytest.mark.parametrize(
    ("answer", "error", "sentence"),
    [
        (b"", Unavailable, "hung up"),
        (b"SSH-2.0-x\r\n", RemoteProtocolError, "is no raftlock node"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", PermissionDenied, "HTTP 200"),
        (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", Unavailable, "HTTP 503"),
        # A node's address is its address.
        (
            b"HTTP/1.1 302 X\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            PermissionDenied,
            "HTTP 302",
        ),
    ],
)
async def test_something_else_is_there(answer, error, sentence):
    async with stranger(answer) as port:
        with pytest.raises(error, match=sentence):
            await dial_client(HOST, port, token=TOKEN, cluster="lab", client=ALICE)


async def test_somebody_who_says_nothing():
    bounds = ConnectionLimits(handshake_seconds=0.05)
    async with stranger(None) as port:
        with pytest.raises(Unavailable, match="did not answer the handshake in time"):
            await dial_peer(HOST, port, token=TOKEN, cluster="lab", me=N2, them=N1, bounds=bounds)


async def test_a_dial_that_is_given_up_leaves_nothing(node):
    node.server._authenticated = say_nothing
    dialling = asyncio.create_task(node.client())
    await until(lambda: [one for one in node.server._door.all if one.state.name == "OPEN"])
    dialling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dialling


async def test_a_proxy_for_the_web_is_not_used(node, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    link = await node.client()
    link.abort()


# ---- sessions of peers ----


async def test_a_peers_newest_connection_replaces_the_older(node):
    old = await node.peer()
    old.send("one")
    assert (await node.peer_frames.get())[1] == "one"
    new = await node.peer()
    assert "broke" in await old.closed
    new.send("two")
    assert await node.peer_frames.get() == (N2, "two")
    assert node.server.peers == (N2,)
    new.abort()


async def test_frames_of_a_replaced_connection_are_lost(node):
    old = await node.peer()
    taken = node.server._door._peers[N2]
    node.server._door._peers[N2] = object()
    old.send("late")
    await old.closed
    assert node.peer_frames.empty()
    assert taken.close_code == 1000


# ---- slow readers ----


async def test_a_client_that_does_not_read_is_cut_off(node):
    link = await node.client()
    session = await node.sessions.get()
    link._connection.transport.pause_reading()
    frame = "x" * 10_000
    transport = session.link._connection.transport
    while session.link.send(frame):
        assert transport.get_write_buffer_size() <= limits.SEND_QUEUE_BYTES_MAX + 2 * len(frame)
    await session.ended
    assert "broke" in await session.link.closed
    link.abort()


async def test_a_peer_that_does_not_read_loses_the_newest_frames(node):
    link = await node.peer()
    (connection,) = node.server._door.all
    connection.transport.pause_reading()
    transport = link._connection.transport
    frame = "x" * 10_000
    sent = 0
    while link.send(f"{sent} {frame}"):
        sent += 1
    for _ in range(1_000):
        assert not link.send(frame)
    assert transport.get_write_buffer_size() <= limits.SEND_QUEUE_BYTES_MAX + 2 * len(frame)
    connection.transport.resume_reading()
    heard = [int((await node.peer_frames.get())[1].split()[0]) for _ in range(sent)]
    assert heard == list(range(sent))
    await until(lambda: not transport.get_write_buffer_size())
    assert link.send("again")
    assert (await node.peer_frames.get())[1] == "again"


async def test_small_frames_are_counted_too(started):
    bounds = ConnectionLimits(queue_frames=5)
    node = await started(bounds=bounds)
    link = await node.peer(bounds=bounds)
    (connection,) = node.server._door.all
    connection.transport.pause_reading()
    transport = link._connection.transport
    while not transport.get_write_buffer_size():
        link.send("x" * 100_000)
    assert [link.send("x") for _ in range(7)] == [True] * 5 + [False] * 2


async def test_saying_goodbye_to_who_does_not_read_takes_no_longer_than_it_may(node, monkeypatch):
    monkeypatch.setattr(limits, "CLOSE_SECONDS_MAX", 0.05)
    link = await node.client()
    session = await node.sessions.get()
    link._connection.transport.pause_reading()
    transport = session.link._connection.transport
    while transport.get_write_buffer_size() < 500_000:
        assert session.link.send("x" * 10_000)
    await session.link.close("enough")
    await session.ended
    link.abort()


# ---- where ----


@pytest.mark.parametrize("host", ["0.0.0.0", "", "example.org"])  # noqa: S104 - refused
async def test_only_loopback_without_ssl(host):
    with pytest.raises(InvalidArgument, match="serve it with ssl"):
        await Node().serve(host=host)


async def test_who_knows_better_may(started):
    node = await started(host="0.0.0.0", allow_plain=True)  # noqa: S104 - asked for
    link = await node.client()
    link.abort()


async def test_ipv6(started):
    if not socket.has_ipv6:
        return
    try:
        node = await started(host="::1")
    except OSError:
        return  # the machine has none
    link = await dial_client("::1", node.port, token=TOKEN, cluster="lab", client=ALICE)
    link.abort()


async def test_a_port_in_use_is_an_os_error(node):
    with pytest.raises(OSError, match="in use"):
        await Node().serve(port=node.port)


async def test_a_node_of_no_name_is_not_served():
    with pytest.raises(InvalidArgument):
        await Node().serve(node="")
    with pytest.raises(InvalidArgument, match="token"):
        await Node().serve(token="short")


async def test_a_server_that_never_listened_can_be_closed():
    server = websocket.Server(
        token=TOKEN,
        cluster="lab",
        node=N1,
        on_peer_frame=lambda *_: None,
        on_client=lambda *_: None,
        bounds=ConnectionLimits(),
    )
    await server.close()


def test_tokens_are_long_and_fresh():
    tokens = {new_token() for _ in range(5)}
    assert len(tokens) == 5
    assert {len(token) for token in tokens} == {43}
