"""What an administrator may ask of a node: who leads, who belongs to it, where they are.

The words stand beside those of ``raftlock.client.v1``, on a connection that was opened for the role
``admin`` with the cluster's own token. Who asks for a change looks at `get_status` afterwards: an
accepted change has begun, and is done when the configuration there is no longer joint.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from raftlock.errors import Compacted, InvalidArgument
from raftlock.raft.effects import Resolution
from raftlock.transport.codec import Request
from raftlock.transport.limits import MEMBERS_MAX, check_node_id
from raftlock.transport.values import encode
from raftlock.types.events import Json
from raftlock.types.ids import NodeID
from raftlock.types.log import SnapshotMetadata
from raftlock.types.membership import Configuration

__all__ = ["CHANGE_MEMBERS", "GET_MEMBERS", "TRANSFER_LEADERSHIP", "AdminDesk"]

TRANSFER_LEADERSHIP = "transfer_leadership"
CHANGE_MEMBERS = "change_members"
GET_MEMBERS = "get_members"
GET_SNAPSHOT = "get_snapshot"

CHUNK_BYTES = 96 * 1024
"""How much of a table fits into an answer, as base64."""

_PARAMS = {
    TRANSFER_LEADERSHIP: {"node"},
    CHANGE_MEMBERS: {"voters", "learners"},
    GET_MEMBERS: set[str](),
    GET_SNAPSHOT: {"offset", "index"},
}


class Host(Protocol):
    """What the desk needs of its node."""

    @property
    def addresses(self) -> Mapping[NodeID, str]:
        """Where nodes are reached."""
        ...

    def members(self) -> tuple[Configuration, bool]:
        """The members, and whether they are committed."""
        ...

    def table(self) -> tuple[SnapshotMetadata, bytes]:
        """The lock table as it is now, and the entry that left it so."""
        ...

    def transfer(self, target: NodeID, result: Callable[[Resolution], None]) -> None:
        """Hand leadership over."""
        ...

    def change_members(
        self,
        voters: tuple[NodeID, ...],
        learners: tuple[NodeID, ...],
        result: Callable[[Resolution], None],
    ) -> None:
        """Go over to these members."""
        ...


class AdminDesk:
    """Answers the administrators of one node."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._taken = (SnapshotMetadata(), b"")  # the last table that somebody began to read

    @property
    def calls(self) -> Collection[str]:
        """The words that are for administrators alone."""
        return _PARAMS.keys()

    def reads(self, request: Request) -> bool:
        """A table is begun to be read: only while a majority confirms who leads."""
        return request.call == GET_SNAPSHOT and not request.params.get("offset")

    def call(
        self, request: Request, result: Callable[[Resolution], None]
    ) -> Mapping[str, Json] | None:
        """Do it: the answer, or ``None`` if `result` will be called. Raises `InvalidArgument`."""
        unknown = request.params.keys() - _PARAMS[request.call]
        if unknown:
            name = min(unknown)[:40]
            raise InvalidArgument(f"{request.call} has no param {name!r}: leave it out.")
        if request.call == GET_MEMBERS:
            members, decided = self._host.members()
            told: dict[str, Json] = dict(self._host.addresses.items())
            return {"configuration": encode(members), "decided": decided, "addresses": told}
        if request.call == GET_SNAPSHOT:
            return self._part(request.params)
        if request.call == TRANSFER_LEADERSHIP:
            named = request.params.get("node", "")
            self._host.transfer(check_node_id(named) if named else NodeID(""), result)
        else:
            voters, learners = _names(request, "voters"), _names(request, "learners")
            self._host.change_members(voters, learners, result)
        return None

    def _part(self, params: Mapping[str, Json]) -> dict[str, Json]:
        """A part of the table, from `offset` on; the first one takes it as it is then."""
        offset, index = params.get("offset", 0), params.get("index", 0)
        if not isinstance(offset, int) or not isinstance(index, int) or offset < 0:
            raise InvalidArgument("offset and index are whole numbers.")
        if offset == 0:
            self._taken = self._host.table()
        place, data = self._taken
        if offset and index != place.last_included_index:
            raise Compacted("Another table was begun to be read meanwhile: begin anew.")
        return {
            "index": place.last_included_index,
            "term": place.last_included_term,
            "stamp": place.last_included_stamp,
            "size": len(data),
            "data": b64encode(data[offset : offset + CHUNK_BYTES]).decode(),
        }


def _names(request: Request, field: str) -> tuple[NodeID, ...]:
    given = request.params.get(field, [])
    if not isinstance(given, list) or len(given) > MEMBERS_MAX:
        raise InvalidArgument(f"{field} is a list of at most {MEMBERS_MAX} nodes.")
    return tuple(check_node_id(name) for name in given)
