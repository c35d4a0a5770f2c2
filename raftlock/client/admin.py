"""Looks after a cluster: who leads, who belongs to it. Needs the cluster's own token."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

from raftlock.client.looking import Looking
from raftlock.errors import (
    Busy,
    Compacted,
    InvalidArgument,
    NoLeader,
    NotLeader,
    RemoteProtocolError,
    Timeout,
    UnknownNode,
)
from raftlock.transport.limits import check_node_id
from raftlock.transport.values import as_object, decode
from raftlock.types.events import Json
from raftlock.types.ids import NodeID
from raftlock.types.membership import Configuration
from raftlock.types.status import RaftStatus

__all__ = ["Administering", "Members", "members_with"]

LOOK_SECONDS = 0.05
CHANGE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Members:
    """Who belongs to the cluster, as the leader knows it, and where nodes are reached.

    A change of members is over once they are `decided` and the configuration is not joint.
    """

    configuration: Configuration
    decided: bool
    addresses: Mapping[str, str]


class Administering(Looking):
    """The part of a client that looks after nodes; only for a client that was made as one."""

    async def members(self, *, timeout: float | None = None) -> Members:
        """Who belongs to the cluster, and where."""
        told = await self._question("get_members", {}, timeout)
        addresses = as_object(told.get("addresses"), "addresses")
        found = as_object(told.get("configuration"), "configuration")
        known = {name: str(text) for name, text in addresses.items()}
        return Members(decode(Configuration, found), told.get("decided") is True, known)

    async def transfer_leadership(self, node: str = "", *, timeout: float = 30.0) -> str:
        """Hand leadership to `node`, or to who is furthest; gives the new leader's name.

        Raises `Timeout` if the target does not take over in time: then the old leader goes on.
        """
        if node:
            check_node_id(node)
        async with self._within(timeout, f"{node or 'Another node'}, as leader,"):
            before = (await self._leading()).id
            if node == before:
                return node
            await self.begin_transfer(node, timeout=timeout)
            while True:
                leads = (await self._leading()).id
                if leads == node if node else leads != before:
                    return leads
                await asyncio.sleep(LOOK_SECONDS)

    async def begin_transfer(self, node: str = "", *, timeout: float | None = None) -> None:
        """Ask the leader to hand over; it has told the other to stand when this returns."""
        await self._question("transfer_leadership", {"node": node}, timeout)

    async def begin_members(
        self, voters: Sequence[str], learners: Sequence[str], *, timeout: float | None = None
    ) -> None:
        """Ask the leader to go over to these members; it has begun when this returns.

        Raises `Busy` while another change is under way, or leadership is being handed over.
        """
        params: dict[str, Json] = {"voters": list(voters), "learners": list(learners)}
        await self._question("change_members", params, timeout)

    async def add_node(self, node: str, *, timeout: float = CHANGE_SECONDS) -> None:
        """Make a node that runs a member: as a learner first, with a vote once it has the log."""
        name = check_node_id(node)
        async with self._within(timeout, f"{node}, as a member,"):
            if name not in (await self._decided()).voters:
                await self._become(lambda now: members_with(now, learner=name))
                await self._caught_up(name)
            await self._become(lambda now: members_with(now, voter=name))

    async def add_learner(self, node: str, *, timeout: float = CHANGE_SECONDS) -> None:
        """Make a node a member that is sent the log and has no vote."""
        name = check_node_id(node)
        async with self._within(timeout, f"{node}, as a learner,"):
            await self._become(lambda now: members_with(now, learner=name))

    async def remove_node(self, node: str, *, timeout: float = CHANGE_SECONDS) -> None:
        """Take a node out of the members, also one that is down, or leads. Stop it afterwards."""
        name = check_node_id(node)
        async with self._within(timeout, f"The cluster without {node}"):
            now = await self._decided()
            if name not in now.members:
                there = ", ".join(now.members)
                raise UnknownNode(f"{node} is no member: the members are {there}.")
            if now.voters == (name,):
                raise InvalidArgument(f"{node} is the only voter: add another one first.")
            await self._become(lambda now: members_with(now, gone=name))

    async def snapshot(
        self, *, timeout: float | None = None
    ) -> AsyncIterator[tuple[dict[str, int], bytes]]:
        """The lock table as the leader has it, part by part, each with index, term, stamp, size."""
        offset, place = 0, dict[str, int]()
        while not place or offset < place["size"]:
            params: dict[str, Json] = {"offset": offset, "index": place.get("index", 0)}
            told = await self._question("get_snapshot", params, timeout)
            data = told.pop("data", None)
            numbers = {name: value for name, value in told.items() if type(value) is int}
            if not isinstance(data, str) or numbers.keys() != {"index", "term", "stamp", "size"}:
                raise RemoteProtocolError("A part of a table has its place and its data.")
            if place and numbers != place:
                raise Compacted("The leader changed meanwhile: begin anew.")
            place, part = numbers, b64decode(data)
            if not part:
                raise RemoteProtocolError("A part of a table is not empty.")
            offset += len(part)
            yield place, part

    # ---- how it is done ----

    async def _become(self, change: Callable[[Configuration], Configuration]) -> None:
        while True:
            now = await self._decided()
            wanted = change(now)
            if set(wanted.voters) == set(now.voters) and set(wanted.learners) == set(now.learners):
                return
            try:
                await self.begin_members(wanted.voters, wanted.learners)
            except (Busy, NoLeader, NotLeader):
                await asyncio.sleep(LOOK_SECONDS)  # it hands over, or another change is under way

    async def _leading(self) -> RaftStatus:
        """The leader's own status; the client goes to whoever leads."""
        return decode(RaftStatus, await self._question("get_status", {"of_leader": True}, None))

    async def _decided(self) -> Configuration:
        """The members, once no change of them is under way."""
        while True:
            members = await self.members()
            if members.decided and not members.configuration.is_joint:
                return members.configuration
            await asyncio.sleep(LOOK_SECONDS)

    async def _caught_up(self, node: NodeID) -> None:
        while True:
            status = await self._leading()
            peer = status.replication.get(node)
            if peer is not None and peer.match_index >= status.commit_index:
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _within(self, seconds: float, what: str) -> _Within:
        return _Within(seconds, what)


class _Within:
    """A time limit that says what did not come about."""

    def __init__(self, seconds: float, what: str) -> None:
        self._limit = asyncio.timeout(seconds)
        self._text = f"{what} did not come within {seconds:g} s: look with status, and ask again."

    async def __aenter__(self) -> None:
        await self._limit.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: object, trace: object
    ) -> None:
        try:
            await self._limit.__aexit__(kind, error, trace)  # type: ignore[arg-type]
        except TimeoutError:
            raise Timeout(self._text) from None


def members_with(
    now: Configuration,
    *,
    voter: NodeID | None = None,
    learner: NodeID | None = None,
    gone: NodeID | None = None,
) -> Configuration:
    """Those members with one more, or one fewer, or one in another part."""
    moved = {voter, learner, gone}
    voters = [name for name in now.voters if name not in moved]
    learners = [name for name in now.learners if name not in moved]
    voters += [voter] if voter else []
    learners += [learner] if learner else []
    return Configuration(tuple(voters), tuple(learners))
