"""What can be done to the clients of a live laboratory: they stand still, go on, and write late."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from raftlock.client.client import AsyncLockClient
from raftlock.errors import InvalidArgument, LockNotHeld
from raftlock.transport.limits import check_lock_id, millis_from_seconds
from raftlock.types.events import Json, Note
from raftlock.types.ids import ClientID, Index, LockID, Micros, NodeID

if TYPE_CHECKING:
    from raftlock.cluster.lab import Laboratory

__all__ = ["PREFIX", "Write", "freeze", "thaw", "write"]

PREFIX = "client:"
"""How a client is named where nodes are named, too: ``client:alice``."""

WRITE_US = 500
"""How long a client's write is on its way to what the lock protects."""


@dataclass(slots=True, eq=False)
class Write:
    """A write on its way to what a lock protects; `at` is when it `leaves`, or else arrives."""

    client: ClientID
    lock_id: LockID
    token: Index
    at: Micros
    leaves: bool = True


async def freeze(lab: Laboratory, place: str, *, by: str = "cell") -> None:
    """Stop a node, or a client, as a long garbage collection would: its clock runs on."""
    if not place.startswith(PREFIX):
        await lab.freeze(place, by=by)
        return
    client = _named(lab, place)
    if client.frozen:
        raise InvalidArgument(f"{place[:60]} is frozen already: thaw it.")
    _tell(lab, "", "fault", what="freeze", by=by, node=place)
    client.freeze()
    _tell(lab, place, "node", state="frozen", what="frozen")


async def thaw(lab: Laboratory, place: str, *, by: str = "cell") -> None:
    """Let it go on: first it does what it had decided before."""
    if not place.startswith(PREFIX):
        await lab.thaw(place, by=by)
        return
    client = _named(lab, place)
    if not client.frozen:
        raise InvalidArgument(f"{place[:60]} is not frozen.")
    _tell(lab, "", "fault", what="thaw", by=by, node=place)
    _tell(lab, place, "node", state="up", what="thawed")
    client.thaw()


async def write(lab: Laboratory, name: str, lock: str, work: float = 0.0) -> None:
    """A holder works for `work` seconds of the cluster's time, then writes; see `Cluster.write`.

    Whether it may is asked when it sets out. That is the point: what it was told may no longer be
    true when the write arrives.
    """
    client, lock_id = lab.client(name), check_lock_id(lock)
    held = client.held.get(lock_id)
    if held is None or not held.valid:
        raise LockNotHeld(
            f"{name[:60]} holds no {lock_id[:60]!r}, as far as it knows: acquire it, then write.",
            {"lock": lock_id},
        )
    at = Micros(lab.clock.now_us() + 1_000 * millis_from_seconds("work", work))
    under_way = Write(client.client_id, lock_id, held.token, at)
    lab.writes.append(under_way)
    # A frozen client sends nothing: what it had decided goes out first after the thaw.
    leaves = partial(_leaves, lab, under_way)
    lab.clock.call_at(at, partial(client.when_it_goes_on, leaves))


def _leaves(lab: Laboratory, under_way: Write) -> None:
    under_way.leaves, under_way.at = False, Micros(lab.clock.now_us() + WRITE_US)
    lab.clock.call_at(under_way.at, partial(_arrives, lab, under_way))


def _arrives(lab: Laboratory, arrived: Write) -> None:
    lab.writes.remove(arrived)
    lock, client, token = arrived.lock_id, arrived.client, arrived.token
    accepted = lab.resource.write(lock, token)
    _tell(lab, "", "storage", lock=lock, client=client, token=token, accepted=accepted)


def _named(lab: Laboratory, place: str) -> AsyncLockClient:
    client = lab.inside.clients.get(place.removeprefix(PREFIX))
    if client is None:
        raise InvalidArgument(f"There is no {place[:40]!r} yet: let it ask for something first.")
    return client


def _tell(lab: Laboratory, place: str, kind: str, **data: Json) -> None:
    lab.recorder.emit(NodeID(place), Note(kind, data))
