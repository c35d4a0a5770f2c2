"""The fast lane lets in who knows the secret, takes commands only, and does each of them once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
from raftlock_widgets import lane as module
from raftlock_widgets.lane import Lane, may_come
from raftlock_widgets.store import Store
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from .stage import StageCluster
from .test_store import Sent, cluster, say, sent, store

__all__ = ["cluster", "sent", "store"]  # fixtures

SECRET = "right"


def kill(number: int = 1) -> str:
    return json.dumps({"type": "do", "id": f"p-{number}", "verb": "kill", "args": {"node": "n1"}})


class Heard(list):
    """What a lane was told, each with how to answer it."""

    def __init__(self) -> None:
        super().__init__()
        self.something = asyncio.Event()

    def __call__(self, content, answer) -> None:
        self.append((dict(content), answer))
        self.something.set()


def run(story) -> None:
    """Let the story use a lane of its own, whose messages it is handed."""

    async def whole() -> None:
        heard = Heard()
        lane = Lane(heard)
        lane.token = SECRET
        assert await lane.start()
        try:
            async with asyncio.timeout(20):
                await story(lane, heard)
        finally:
            lane.stop()

    asyncio.run(whole())


def page(lane: Lane, **more):
    return connect(f"ws://127.0.0.1:{lane.port}/", **more)


async def greeted(connection, secret: str = SECRET) -> None:
    await connection.send(json.dumps({"token": secret}))
    assert json.loads(await connection.recv()) == {"type": "lane"}


async def closed_with(connection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as caught:
        await connection.recv()
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


def test_who_knows_the_secret_is_heard_and_answered():
    async def story(lane, heard):
        async with page(lane) as connection:
            await greeted(connection)
            await connection.send(kill())
            await heard.something.wait()
            content, answer = heard[0]
            assert content["verb"] == "kill"
            answer({"type": "done", "id": "p-1", "ok": True, "text": ""})
            assert json.loads(await connection.recv())["ok"] is True

    run(story)


@pytest.mark.parametrize("first", ['{"token": "wrong"}', "{}", "[]", "{", '{"token": 7}'])
def test_who_does_not_know_it_is_shown_out(first):
    async def story(lane, heard):
        async with page(lane) as connection:
            await connection.send(first)
            assert await closed_with(connection) == (1008, "the secret is another one")
        assert heard == []

    run(story)


def test_who_says_nothing_is_shown_out(monkeypatch):
    monkeypatch.setattr(module, "SECRET_SECONDS", 0.05)

    async def story(lane, heard):
        async with page(lane) as connection:
            assert await closed_with(connection) == (1008, "no secret came")

    run(story)


@pytest.mark.parametrize(
    "said",
    ["{", '{"type": "hello"}', '{"type": "ack", "seq": 1}', "[1]", "[" * 30_000],
)
def test_only_commands_go_this_way(said):
    async def story(lane, heard):
        async with page(lane) as connection:
            await greeted(connection)
            await connection.send(said)
            assert await closed_with(connection) == (1008, "only commands go this way")
        assert heard == []

    run(story)


def test_a_frame_that_is_too_long_ends_the_connection():
    async def story(lane, heard):
        async with page(lane) as connection:
            await greeted(connection)
            await connection.send('{"type": "do", "x": "' + "y" * module.FRAME_BYTES_MAX + '"}')
            assert (await closed_with(connection))[0] == 1009
        assert heard == []

    run(story)


def test_a_flood_is_answered_and_not_done():
    async def story(lane, heard):
        async with page(lane) as connection:
            await greeted(connection)
            for number in range(module.BURST + 20):
                await connection.send(kill(number))
            told = json.loads(await connection.recv())
            assert told["ok"] is False
            assert told["text"].startswith("That was too much at once")
        assert len(heard) < module.BURST + 20

    run(story)


def test_a_page_from_elsewhere_and_one_too_many_are_refused(monkeypatch):
    monkeypatch.setattr(module, "CONNECTIONS_MAX", 1)

    async def story(lane, heard):
        for origin, status in (("https://evil.example", 403), ("null", 403)):
            with pytest.raises(InvalidStatus) as caught:
                async with page(lane, origin=origin):
                    pass
            assert caught.value.response.status_code == status
        async with page(lane, origin="http://localhost:8888") as connection:
            await greeted(connection)
            with pytest.raises(InvalidStatus) as caught:
                async with page(lane):
                    pass
            assert caught.value.response.status_code == 503

    run(story)


def test_who_may_come():
    assert may_come("http://127.0.0.1:8888", proxied=False)
    assert may_come("http://[::1]:8888", proxied=False)
    assert may_come("https://hub.example", proxied=True)
    assert not may_come("https://hub.example", proxied=False)
    assert not may_come("http://localhost.evil.example", proxied=False)
    assert not may_come("http://[", proxied=False)


@pytest.fixture
def offered(store: Store, sent: Sent) -> Iterator[tuple[int, str]]:
    say(store, type="hello", page="p")
    (offer,) = sent.wait("lane")
    return offer["port"], offer["token"]


def test_a_command_over_the_lane_is_done_and_answered_there(
    cluster: StageCluster, store: Store, sent: Sent, offered
):
    async def story() -> list[dict]:
        async with connect(f"ws://127.0.0.1:{offered[0]}/") as connection:
            await greeted(connection, offered[1])
            await connection.send(kill())
            return [json.loads(await connection.recv()) for _ in range(2)]

    taken, done = asyncio.run(story())
    assert (taken["type"], done["type"], done["ok"]) == ("taken", "done", True)
    assert [verb for verb, _, _ in cluster.asked] == ["kill"]
    assert sent.of("done") == []
    # The page did not hear of it, and asks again the usual way: it is told, and that is all.
    say(store, **json.loads(kill()), page="p")
    assert sent.wait("done")[0]["text"] == "killed"
    assert len(cluster.asked) == 1


def test_what_is_asked_both_ways_at_once_is_answered_both_ways(
    cluster: StageCluster, store: Store, sent: Sent, offered
):
    wait = {"type": "do", "id": "p-9", "verb": "wait", "args": {}}

    async def story() -> dict:
        async with connect(f"ws://127.0.0.1:{offered[0]}/") as connection:
            await greeted(connection, offered[1])
            await connection.send(json.dumps(wait))
            assert json.loads(await connection.recv())["type"] == "taken"
            say(store, **wait, page="p")
            await asyncio.to_thread(sent.wait, "taken")
            cluster.runner.call_soon(cluster.gate.set)
            return json.loads(await connection.recv())

    assert asyncio.run(story())["ok"] is True
    assert sent.wait("done")[0]["ok"] is True
    assert len(cluster.asked) == 1


def test_the_port_closes_with_the_cluster(cluster: StageCluster, store: Store, offered):
    cluster.runner.stop()

    async def story() -> None:
        async with connect(f"ws://127.0.0.1:{offered[0]}/"):
            pass

    with pytest.raises(OSError, match=r"."):
        asyncio.run(story())
