"""A node's lines to the others: kept to members, made for others when there is something to say."""

from __future__ import annotations

import asyncio

from raftlock.errors import Unavailable
from raftlock.node.peers import Peers


class Line:
    def __init__(self) -> None:
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.sent: list[str] = []

    def send(self, text: str) -> bool:
        self.sent.append(text)
        return True

    def abort(self) -> None:
        if not self.closed.done():
            self.closed.set_result("cut")


class Net:
    """What is dialled, and what is lost."""

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.lines: dict[str, list[Line]] = {}
        self.lost: list[str] = []
        self.dials: list[str] = []
        self.peers = Peers("n1", self.dial, self.lost.append)

    async def dial(self, peer: str) -> Line:
        self.dials.append(peer)
        if peer in self.down:
            raise Unavailable(f"{peer} is down.")
        line = Line()
        self.lines.setdefault(peer, []).append(line)
        return line

    async def until(self, true: object) -> None:
        async with asyncio.timeout(10):
            while not true():  # type: ignore[operator] # noqa: ASYNC110 - a turn, and no time
                await asyncio.sleep(0)


async def test_members_have_lines_and_who_is_none_any_more_is_cut_off() -> None:
    net = Net()
    net.peers.follow(["n1", "n2", "n3"])
    await net.until(lambda: net.peers.send("n2", "hello") and net.peers.send("n3", "you"))
    assert sorted(net.dials) == ["n2", "n3"]
    net.peers.follow(["n1", "n3", "n4"])
    await net.until(lambda: net.peers.send("n4", "new"))
    await net.until(net.lines["n2"][0].closed.done)
    assert not net.lines["n3"][0].closed.done()
    assert net.lost == [], "it was cut here"
    await net.peers.abort()
    assert net.lines["n4"][0].closed.done()


async def test_a_broken_line_is_told_and_dialled_again() -> None:
    net = Net()
    net.peers.follow(["n2"])
    await net.until(lambda: net.peers.send("n2", "a"))
    net.lines["n2"][0].abort()
    await net.until(lambda: net.lost == ["n2"])
    await net.until(lambda: net.peers.send("n2", "b"))
    assert net.lines["n2"][1].sent == ["b"]
    await net.peers.abort()


async def test_who_is_no_member_gets_a_line_when_there_is_something_to_say() -> None:
    net = Net()
    net.peers.follow(["n2"])
    assert not net.peers.send("n9", "lost, but it brings a line about")
    await net.until(lambda: net.peers.send("n9", "an answer"))
    assert net.lines["n9"][0].sent == ["an answer"]
    net.lines["n9"][0].abort()
    await net.until(lambda: net.lost == ["n9"])
    await net.until(lambda: "n9" not in net.peers._tasks)
    assert net.dials.count("n9") == 1, "nobody keeps it up"
    net.down.add("n9")
    assert not net.peers.send("n9", "lost")
    await net.until(lambda: "n9" not in net.peers._tasks)
    assert net.dials.count("n9") == 2
    await net.peers.abort()


async def test_a_member_that_is_down_is_dialled_until_it_is_up() -> None:
    net = Net()
    net.down.add("n2")
    net.peers.follow(["n2"])
    await net.until(lambda: net.dials.count("n2") > 1)
    net.down.clear()
    await net.until(lambda: net.peers.send("n2", "there you are"))
    await net.peers.abort()


async def test_who_leaves_and_comes_back_at_once_has_one_line() -> None:
    net = Net()
    net.peers.follow(["n2"])
    await net.until(lambda: net.peers.send("n2", "a"))
    net.peers.follow([])
    net.peers.follow(["n2"])
    await net.until(lambda: len(net.lines["n2"]) == 2)
    await net.until(lambda: net.peers.send("n2", "b"))
    await net.until(net.lines["n2"][0].closed.done)
    assert net.peers.send("n2", "c")
    assert net.lines["n2"][1].sent[-1] == "c"
    await net.peers.abort()
