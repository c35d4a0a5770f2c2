"""Whatever comes in: an answer, or that connection's end with a reason, and nobody else notices.

``RAFTLOCK_FUZZ=200000`` makes it long.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from raftlock.client.access import read_access
from raftlock.errors import PermissionDenied, RaftLockError, RemoteProtocolError
from raftlock.raft.random64 import Random64
from raftlock.transport.codec import (
    PeerFrame,
    command_to_params,
    decode_peer,
    decode_request,
    encode_peer,
)
from raftlock.transport.handshake import ClientHandshake, Role, ServerHandshake
from raftlock.transport.websocket import dial_client, dial_peer
from raftlock.types import (
    AppendEntriesArgs,
    Command,
    Index,
    LockOperation,
    LogEntry,
    Millis,
    NodeID,
    RequestVoteArgs,
    Term,
)
from tests.serve.processes import Nodes

FRAMES = int(os.environ.get("RAFTLOCK_FUZZ", "6000"))
OVER_SOCKETS = max(150, FRAMES // 20)
GROWTH_BYTES_MAX = 16 << 20
TOKEN = "the token of this cluster, 32 long"

REQUESTS = [
    {"id": 1, "call": "get_status", "params": {}},
    {"id": 2, "call": "health", "params": {}},
    {"id": 3, "call": "get_lock_info", "params": {"lock_id": "a", "stale": True}},
    {
        "id": 4,
        "call": "get_locks",
        "params": {"filter": {"lock_id": "*", "held": True}, "limit": 5},
    },
    {"id": 5, "call": "get_backoff_advice", "params": {"lock_id": "a"}},
    {"id": 6, "call": "watch", "params": {"lock_id": "[a-z", "after": 0}},
    {"id": 7, "call": "open_session", "params": {"request_id": "r"}},
    {"id": 8, "call": "keep_alive", "params": {"session_id": 1}},
    {"id": 9, "call": "revoke", "params": {"lock_id": "a"}},
    {"id": 10, "call": "change_members", "params": {"voters": ["n1"], "learners": []}},
    *(
        {
            "id": 20 + number,
            "call": op.value,
            "params": command_to_params(
                Command(
                    op,
                    "a",
                    "c",
                    ttl=Millis(5_000),
                    version=Index(3),
                    priority=1,
                    timeout=Millis(2_000),
                    wait=True,
                    wait_timeout=Millis(2_000),
                    request_id="r",
                    metadata={"k": "v"},
                    session_id=3,
                    sequence=1,
                    lowest_unanswered=1,
                )
            ),
        }
        for number, op in enumerate(LockOperation)
    ),
]
REQUESTS += [
    {**REQUESTS[-1], "call": "acquire", "params": {**REQUESTS[10]["params"], "shared": True}},
    {**REQUESTS[-1], "call": "acquire", "params": {**REQUESTS[10]["params"], "permits": 3}},
]
OBSERVERS = [
    {"id": 1, "call": "observe", "params": {"after": 3, "picture": True}},
    {"id": 2, "call": "observe", "params": {"after": 0}},
    {"id": 3, "call": "get_links", "params": {}},
    {"id": 4, "call": "set_links", "params": {"links": {"cuts": [["n1", "n2"]], "groups": []}}},
    {"id": 5, "call": "kill", "params": {}},
]
ENTRY = LogEntry(Term(2), Index(2), b"x", Millis(5))
MESSAGES = [
    PeerFrame(1, RequestVoteArgs(Term(2), NodeID("n2"), Index(1), Term(1))),
    PeerFrame(2, AppendEntriesArgs(Term(2), NodeID("n2"), Index(1), Term(1), (ENTRY,), Index(1))),
]
NASTY: list[object] = [
    None,
    True,
    -1,
    2**63,
    1e308,
    "",
    "x" * 300,
    "\ud800",
    [],
    {},
    [[]] * 9,
    "*" * 250,
]


class Mutator:
    """Draws frames that are nearly right."""

    def __init__(self, seed: int) -> None:
        self._random = Random64(seed)

    def frame(self, frames: list[str]) -> str:
        text = frames[self._random.below(len(frames))]
        match self._random.below(4):
            case 0:
                return self._bytes(text)
            case 1:
                return text[: self._random.below(len(text))]
            case 2:
                return text[:-1] + text
        return self._value(json.loads(text))

    def _bytes(self, text: str) -> str:
        found = list(text)
        for _ in range(1 + self._random.below(4)):
            found[self._random.below(len(found))] = chr(self._random.below(0x300))
        return "".join(found)

    def _value(self, frame: dict) -> str:
        target = frame
        while True:
            inner = [value for value in target.values() if isinstance(value, dict) and value]
            if not inner or self._random.below(2):
                break
            target = inner[self._random.below(len(inner))]
        key = sorted(target)[self._random.below(len(target))]
        if self._random.below(3) == 0:
            target["unheard_of"] = 1
        elif self._random.below(4) == 0:
            del target[key]
        else:
            target[key] = NASTY[self._random.below(len(NASTY))]
        return json.dumps(frame)


def texts() -> tuple[list[str], list[str]]:
    return [json.dumps(each) for each in REQUESTS], [encode_peer(each) for each in MESSAGES]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_frame_is_read_or_refused(seed: int):
    mutator, (requests, messages) = Mutator(seed), texts()
    read = longest = 0
    for _ in range(FRAMES):
        for frames, decode in ((requests, decode_request), (messages, decode_peer)):
            try:
                decode(mutator.frame(frames))
                read += 1
            except RemoteProtocolError as error:
                longest = max(longest, len(error.message))
    assert longest < 300, "a reason has to fit into a close frame, and to be readable"
    assert read > FRAMES // 10, "some of it is right all the same, and gets further in"


def test_a_handshake_is_made_or_refused():
    mutator, refused = Mutator(3), 0
    for number in range(FRAMES // 3):
        client = ClientHandshake(
            TOKEN, cluster="lab", role=Role.CLIENT, name="c", nonce=secrets.token_bytes(32)
        )
        server = ServerHandshake(
            TOKEN, cluster="lab", role=Role.CLIENT, name="n1", nonce=secrets.token_bytes(32)
        )
        hello = client.next(None)
        assert hello is not None
        try:
            if number % 2:
                challenge = server.next(mutator.frame([hello]))
                proof = client.next(challenge)
            else:
                proof = mutator.frame([str(client.next(server.next(hello)))])
            server.next(str(proof))
        except (RemoteProtocolError, PermissionDenied):
            refused += 1
            assert server.peer is None
    assert refused > FRAMES // 4


def memory_of(process: int) -> int:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def test_a_node_outlives_all_of_it(tmp_path: Path):
    nodes = Nodes(tmp_path, 1)
    nodes.start()
    try:
        await nodes.leader()
        access = read_access(nodes.client_file)
        token = read_access(nodes.admin_file).token
        host, _, port = nodes.addresses["n1"].partition(":")
        mutator, (requests, messages) = Mutator(4), texts()
        observers = [json.dumps(each) for each in OBSERVERS]
        before = 0
        async with nodes.client("alice") as alice:
            held = await alice.acquire("printer", ttl=600)
            for number in range(OVER_SOCKETS):
                frame = mutator.frame((messages, requests, requests, observers)[number % 4])
                match number % 4:
                    case 0:
                        await as_a_peer(host, int(port), token, access.cluster, frame)
                    case 1:
                        await as_a_client(host, int(port), access.token, access.cluster, frame)
                    case 2:
                        await as_a_stranger(nodes.addresses["n1"], frame)
                    case 3:
                        await as_an_observer(host, int(port), token, access.cluster, frame)
                if number == OVER_SOCKETS // 3:
                    before = memory_of(nodes.processes["n1"].pid)
            assert (await alice.renew(held)).token == held.token
            assert (await alice.get_lock_info("printer")).owner_id == "alice"
        assert memory_of(nodes.processes["n1"].pid) - before < GROWTH_BYTES_MAX
        assert "Traceback" not in nodes.log("n1")
        assert "failed on a frame" not in nodes.log("n1")
    finally:
        nodes.stop()


async def as_a_client(host: str, port: int, token: str, cluster: str, frame: str) -> None:
    link = await dial_client(host, port, token=token, cluster=cluster, client="mallory")
    try:
        with_limit = asyncio.timeout(5)
        async with with_limit:
            link.send(frame.encode("utf-8", "replace").decode())
            link.send('{"id":99,"call":"health","params":{}}')
            while json.loads(await link.recv()).get("id") != 99:
                pass  # an answer to what was nearly right
    except RaftLockError:
        pass  # the connection was closed, with a reason
    finally:
        await link.close()


async def as_an_observer(host: str, port: int, token: str, cluster: str, frame: str) -> None:
    link = await dial_client(
        host, port, token=token, cluster=cluster, client="mallory", role=Role.OBSERVE
    )
    try:
        async with asyncio.timeout(5):
            link.send(frame.encode("utf-8", "replace").decode())
            link.send('{"id":99,"call":"get_links","params":{}}')
            while json.loads(await link.recv()).get("id") != 99:
                pass  # what it observes, or an answer to what was nearly right
    except RaftLockError:
        pass  # the connection was closed, with a reason
    finally:
        await link.close()


async def as_a_peer(host: str, port: int, token: str, cluster: str, frame: str) -> None:
    link = await dial_peer(
        host, port, token=token, cluster=cluster, me=NodeID("n9"), them=NodeID("n1")
    )
    link.send(frame.encode("utf-8", "replace").decode())
    await link.close()


async def as_a_stranger(address: str, frame: str) -> None:
    try:
        async with connect(
            f"ws://{address}/", subprotocols=["raftlock.client.v1"], compression=None, proxy=None
        ) as socket:
            await socket.send(frame.encode("utf-8", "replace").decode())
            await asyncio.wait_for(socket.recv(), 5)
    except (ConnectionClosed, InvalidHandshake):
        pass
