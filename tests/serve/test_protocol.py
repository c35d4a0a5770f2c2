"""A client written from docs/protocol.md alone: a websocket library, and nothing of ours."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import connect

from raftlock.errors import ErrorCode  # for the page alone: the client knows nothing of ours
from tests.house import ROOT
from tests.serve.processes import Nodes


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Client:
    """One connection to one node, and a session that goes along from node to node."""

    def __init__(self, access: dict, name: str) -> None:
        self.access, self.name = access, name
        self.key = access["token"].encode()
        self.number = self.sequence = self.session = 0
        self.socket = None
        self.news: list[dict] = []

    async def connect(self, address: str) -> None:
        if self.socket is not None:
            await self.socket.close()
        self.socket = await connect(
            f"ws://{address}/", subprotocols=["raftlock.client.v1"], compression=None, proxy=None
        )
        nonce = b64(secrets.token_bytes(32))
        cluster = self.access["cluster"]
        key_name = hmac.new(self.key, b"raftlock key name", hashlib.sha256).hexdigest()[:16]
        hello = {"type": "hello", "version": 1, "cluster": cluster, "role": "client"}
        hello |= {"name": self.name, "address": "", "key": key_name, "nonce": nonce}
        await self.socket.send(json.dumps(hello))
        challenge = json.loads(await self.socket.recv())

        def proof(direction: str) -> str:
            said = ["raftlock handshake 1", direction, cluster, "client", self.name]
            said += [challenge["name"], "", nonce, challenge["nonce"]]
            text = json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()
            return b64(hmac.new(self.key, text, hashlib.sha256).digest())

        assert challenge["proof"] == proof("server to client")
        await self.socket.send(json.dumps({"type": "proof", "proof": proof("client to server")}))
        assert json.loads(await self.socket.recv()) == {"type": "welcome"}

    async def ask(self, call: str, **params: object) -> int:
        self.number += 1
        assert self.socket is not None
        request = {"id": self.number, "call": call, "params": params}
        await self.socket.send(json.dumps(request))
        return self.number

    async def answer(self, number: int) -> dict:
        """The next that is told of a request, be it news or its answer."""
        while True:
            for told in self.news:
                if told["id"] == number:
                    self.news.remove(told)
                    return told
            assert self.socket is not None
            self.news.append(json.loads(await asyncio.wait_for(self.socket.recv(), 20)))

    async def call(self, call: str, **params: object) -> dict:
        """Ask whoever leads, until it has answered."""
        addresses = self.access["endpoints"]
        for attempt in range(200):
            if self.socket is None:
                try:
                    await self.connect(addresses[attempt % len(addresses)])
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
            told = await self.answer(await self.ask(call, **params))
            name = told.get("error", {}).get("name")
            if name == "NOT_LEADER" and "address" in told["error"]["details"]:
                await self.connect(told["error"]["details"]["address"])
            elif name in {"NOT_LEADER", "NO_LEADER"}:
                assert self.socket is not None
                await self.socket.close()
                self.socket = None
                await asyncio.sleep(0.05)
            else:
                return told
        raise AssertionError("nobody led")

    async def open(self) -> None:
        told = await self.call("open_session", request_id=secrets.token_hex(8))
        assert told["result"]["status"] == "session_opened"
        self.session = told["result"]["session_id"]

    def next(self) -> dict[str, object]:
        self.sequence += 1
        return {
            "session_id": self.session,
            "sequence": self.sequence,
            "lowest_unanswered": self.sequence,
            "request_id": secrets.token_hex(8),
        }


@pytest.fixture
async def two(tmp_path) -> AsyncIterator[tuple[Client, Client]]:
    nodes = Nodes(tmp_path, 3)
    nodes.start()
    try:
        await nodes.leader()
        access = json.loads(nodes.client_file.read_text())
        clients = Client(access, "ada"), Client(access, "grace ✦")
        for client in clients:
            await client.open()
        yield clients
        for client in clients:
            await client.socket.close()
    finally:
        nodes.stop()


async def test_acquire_wait_be_promoted_and_release(two: tuple[Client, Client]):
    ada, grace = two
    first = (await ada.call("acquire", lock_id="printer", ttl=60_000, **ada.next()))["result"]
    assert first["status"] == "granted"
    refused = await grace.call("acquire", lock_id="printer", ttl=60_000, **grace.next())
    assert (refused["error"]["code"], refused["error"]["name"]) == (101, "LOCK_HELD")
    began = time.monotonic()
    request = grace.next()
    wanted = {"lock_id": "printer", "ttl": 60_000, "wait": True, "wait_timeout": 30_000}
    number = await grace.ask("acquire", **wanted, **request)
    queued = await grace.answer(number)
    assert queued["event"] == "queued"
    assert queued["result"]["position"] == 0
    # A retry, over another connection: the same place, and the one final answer.
    await grace.connect(grace.socket.remote_address[0] + f":{grace.socket.remote_address[1]}")
    number = await grace.ask("acquire", **wanted, **request)
    assert (await grace.answer(number))["event"] == "queued"
    kept = await grace.call("keep_alive", session_id=grace.session)
    assert kept["result"] == {"session_id": grace.session}
    seen = (await ada.call("get_lock_info", lock_id="printer"))["result"]
    assert (seen["owner_id"], seen["version"], seen["waiter_count"]) == ("ada", first["token"], 1)
    assert seen["waiters_info"][0]["client_id"] == "grace ✦"
    released = await ada.call("release", lock_id="printer", version=first["token"], **ada.next())
    assert released["result"]["status"] == "released"
    granted = await grace.answer(number)
    assert granted["result"]["status"] == "granted"
    assert granted["result"]["token"] > first["token"]
    stood = granted["result"]["stamp"] - granted["result"]["enqueued_stamp"]
    assert 0 <= stood <= (time.monotonic() - began) * 1000 + 50
    again = await grace.answer(await grace.ask("acquire", **wanted, **request))
    assert again["result"]["token"] == granted["result"]["token"], "applied once"
    await grace.call(
        "release", lock_id="printer", version=granted["result"]["token"], **grace.next()
    )
    page = (await ada.call("get_locks", filter={"held": True}))["result"]
    assert page == {"locks": [], "total": 0, "has_more": False, "next_offset": 0}


async def test_cancel_and_time_out(two: tuple[Client, Client]):
    ada, grace = two
    first = (await ada.call("acquire", lock_id="door", ttl=60_000, **ada.next()))["result"]
    place = grace.next()
    number = await grace.ask("enqueue_waiter", lock_id="door", timeout=1_000, **place)
    assert (await grace.answer(number))["event"] == "queued"
    ended = await grace.answer(number)
    assert (ended["result"]["status"], ended["result"]["code"]) == ("timed_out", 403)
    number = await grace.ask("enqueue_waiter", lock_id="door", timeout=60_000, **grace.next())
    assert (await grace.answer(number))["event"] == "queued"
    cancelled = await grace.call("cancel_wait", lock_id="door", **grace.next())
    assert cancelled["result"]["status"] == "cancelled"
    ended = (await grace.answer(number))["result"]
    assert (ended["status"], ended["code"]) == ("cancelled", 404)
    several = {"lock_ids": ["x", "y"], "ttl": 60_000}
    both = (await ada.call("acquire_all", **several, **ada.next()))["result"]
    assert (both["status"], sorted(both["tokens"])) == ("granted", ["x", "y"])
    none = await grace.call("acquire_all", lock_ids=["z", "y"], ttl=60_000, **grace.next())
    assert none["error"]["name"] == "LOCK_HELD"
    assert (await grace.call("get_lock_info", lock_id="z"))["result"]["owner_id"] == ""
    renewed = await ada.call(
        "renew", lock_id="door", version=first["token"], ttl=90_000, **ada.next()
    )
    assert renewed["result"]["status"] == "renewed"
    assert renewed["result"]["token"] == first["token"]


REFUSED = [
    ("LOCK_HELD", "acquire", {"lock_id": "held", "ttl": 5_000}),
    ("LOCK_NOT_HELD", "release", {"lock_id": "free", "version": 1}),
    ("NOT_LOCK_OWNER", "release", {"lock_id": "held", "version": 1}),
    ("LOCK_NOT_FOUND", "get_lock_info", {"lock_id": "free", "must_exist": True}),
    ("INVALID_TTL", "acquire", {"lock_id": "a", "ttl": 999}),
    ("NOT_WAITING", "cancel_wait", {"lock_id": "held"}),
    ("INVALID_ARGUMENT", "acquire", {"lock_id": "", "ttl": 5_000}),
    ("INVALID_ARGUMENT", "acquire", {"lock_id": "a", "ttl": 5_000, "colour": "red"}),
    ("INVALID_ARGUMENT", "unheard_of", {}),
    ("PERMISSION_DENIED", "acquire", {"lock_id": "a", "ttl": 5_000, "client_id": "ada"}),
    ("PERMISSION_DENIED", "get_members", {}),
    ("SESSION_EXPIRED", "keep_alive", {"session_id": 999_999}),
]
LOOKS = {"get_lock_info", "get_members", "keep_alive"}


async def test_each_refusal_has_its_code(two: tuple[Client, Client]):
    ada, grace = two
    codes = {row.split("|")[2].strip(): int(row.split("|")[1]) for row in table_of_errors()}
    held = (await ada.call("acquire", lock_id="held", ttl=60_000, **ada.next()))["result"]
    for name, call, params in REFUSED:
        session = {} if call in LOOKS else grace.next()
        error = (await grace.call(call, **{**session, **params}))["error"]
        assert (error["name"], error["code"]) == (name, codes[name]), error
        assert error["message"]
    wrong = await ada.call(
        "renew", lock_id="held", version=held["token"] + 1, ttl=5_000, **ada.next()
    )
    assert wrong["error"]["code"] == codes["VERSION_MISMATCH"]
    assert (await ada.call("health"))["result"]["healthy"] is True


def table_of_errors() -> list[str]:
    page = (ROOT / "docs" / "protocol.md").read_text()
    return [line for line in page.splitlines() if line.startswith("| ") and line[2:5].isdigit()]


def test_the_page_has_every_code():
    told = {row.split("|")[2].strip(): int(row.split("|")[1]) for row in table_of_errors()}
    assert told == {code.name: int(code) for code in ErrorCode if code > 1}
