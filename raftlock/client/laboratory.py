"""Breaks a laboratory on purpose, from outside: nodes of ``raftlock serve --laboratory``.

Each node goes by its own table of the links, so a change is told to all of them; who cannot be
reached just now keeps the old one.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from raftlock.client.access import Access
from raftlock.client.client import AsyncAdmin
from raftlock.errors import RaftLockError, Timeout, Unavailable, UnknownNode
from raftlock.raft.random64 import Random64
from raftlock.transport.codec import Request, decode_response, encode_request
from raftlock.transport.handshake import Role
from raftlock.transport.limits import check_address
from raftlock.transport.links import Links
from raftlock.types.events import Json
from raftlock.types.ids import ClientID, NodeID

if TYPE_CHECKING:
    from raftlock.transport.websocket import ClientLink

__all__ = ["AsyncLaboratory", "dial_observed"]

ANSWER_SECONDS = 5.0


async def dial_observed(access: Access, host: str, port: int) -> ClientLink:
    """A connection to a node by ``raftlock.observe.v1``; raises what `dial_client` raises."""
    # Only here: importing raftlock must not load sockets.
    from raftlock.transport.websocket import dial_client

    return await dial_client(
        host,
        port,
        token=access.token,
        cluster=access.cluster,
        client=ClientID(f"observer-{secrets.token_hex(4)}"),
        role=Role.OBSERVE,
        ssl=access.tls(),
    )


class AsyncLaboratory:
    """The faults of one cluster. Needs the cluster's own token (``admin.json``).

    Raises `NotInThisRuntime` for nodes that serve people, `Unavailable` for those that are down.
    """

    def __init__(self, access: Access) -> None:
        self._access = access

    async def kill(self, node: str) -> None:
        """End the node's process at once; whoever started it may start it again."""
        addresses = await self._addresses()
        if node not in addresses:
            raise UnknownNode(f"There is no node {node[:40]!r}: they are {', '.join(addresses)}.")
        try:
            await self._call(addresses[node], "kill")
        except Unavailable:
            # It dies before it can answer. That it is gone is the answer.
            await self._must_be_down(node, addresses[node])

    async def cut(self, a: str, b: str, *, one_way: bool = False) -> list[str]:
        """Cut the link from `a` to `b`, and back unless `one_way`; gives who was not reached."""
        one, other = NodeID(a), NodeID(b)
        return await self._change(lambda links: links.cut(one, other, one_way=one_way))

    async def partition(self, groups: Sequence[Sequence[str]]) -> list[str]:
        """Let nodes talk within their group only; who is not named is in a group of the rest."""
        named = [[NodeID(node) for node in group] for group in groups]
        return await self._change(lambda links: links.partition(named))

    async def heal(self) -> list[str]:
        """Mend every link; gives who was not reached."""
        return await self._change(lambda links: links.heal())

    async def _change(self, change: Callable[[Links], None]) -> list[str]:
        addresses = await self._addresses()
        told = await self._from_anybody(addresses)
        links = Links((), Random64(0))
        links.learn(told)
        for node in addresses:
            if not links.joins(NodeID(node)):
                links.add(NodeID(node))  # it has joined since
        change(links)
        params: dict[str, Json] = {"links": links.told()}
        answers = await asyncio.gather(
            *(self._call(address, "set_links", params) for address in addresses.values()),
            return_exceptions=True,
        )
        missed = []
        for node, answer in zip(addresses, answers, strict=True):
            if isinstance(answer, Unavailable | Timeout):
                missed.append(node)
            elif isinstance(answer, BaseException):
                raise answer
        return missed

    async def _from_anybody(self, addresses: Mapping[str, str]) -> Mapping[str, Json]:
        last: RaftLockError = Unavailable("No node can be reached.")
        for address in addresses.values():
            try:
                return await self._call(address, "get_links")
            except (Unavailable, Timeout) as error:
                last = error
        raise last

    async def _addresses(self) -> dict[str, str]:
        async with AsyncAdmin.from_access(self._access) as admin:
            known = await admin.members(timeout=ANSWER_SECONDS)
        members = sorted(known.configuration.members)
        return {node: known.addresses[node] for node in members if node in known.addresses}

    async def _must_be_down(self, node: str, address: str) -> None:
        try:
            await self._call(address, "get_links")
        except Unavailable:
            return
        raise Timeout(f"{node} did not answer, and runs all the same: ask again.")

    async def _call(
        self, address: str, call: str, params: Mapping[str, Json] | None = None
    ) -> Mapping[str, Json]:
        link = await dial_observed(self._access, *check_address(address))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                link.send(encode_request(Request(1, call, params or {})))
                answer = decode_response(await link.recv())
        except TimeoutError:
            raise Timeout(f"{address} gave no answer in {ANSWER_SECONDS:g} s.") from None
        finally:
            link.abort()
        if answer.error is not None:
            raise answer.error.to_error()
        return answer.result or {}
