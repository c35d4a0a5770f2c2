"""What can be done to the clients of a live laboratory: they stand still, go on, and write late."""

from __future__ import annotations

from functools import partial

from raftlock.client.client import AsyncLockClient
from raftlock.cluster.base import PREFIX, Lab, Write
from raftlock.errors import InvalidArgument, LockNotHeld
from raftlock.transport.limits import check_lock_id, millis_from_seconds
from raftlock.types.ids import Micros

__all__ = ["freeze", "thaw", "write"]

WRITE_US = 500
"""How long a client's write is on its way to what the lock protects."""


async def freeze(lab: Lab, place: str, *, by: str = "cell") -> None:
    """Stop a node, or a client, as a long garbage collection would: its clock runs on."""
    if not place.startswith(PREFIX):
        await lab.freeze(place, by=by)
        return
    client = _named(lab, place)
    if client.frozen:
        raise InvalidArgument(f"{place[:60]} is frozen already: thaw it.")
    lab.tell("", "fault", what="freeze", by=by, node=place)
    client.freeze()
    lab.tell(place, "node", state="frozen", what="frozen")


async def thaw(lab: Lab, place: str, *, by: str = "cell") -> None:
    """Let it go on: first it does what it had decided before."""
    if not place.startswith(PREFIX):
        await lab.thaw(place, by=by)
        return
    client = _named(lab, place)
    if not client.frozen:
        raise InvalidArgument(f"{place[:60]} is not frozen.")
    lab.tell("", "fault", what="thaw", by=by, node=place)
    lab.tell(place, "node", state="up", what="thawed")
    client.thaw()


async def write(lab: Lab, name: str, lock: str, work: float = 0.0) -> None:
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
    if held.shared:
        raise InvalidArgument(
            f"{name[:60]} shares {lock_id[:60]!r} with others, to read: to write, acquire it alone."
        )
    at = Micros(lab.clock.now_us() + 1_000 * millis_from_seconds("work", work))
    under_way = Write(client.client_id, lock_id, held.token, at, slot=held.slot)
    lab.writes.append(under_way)
    # A frozen client sends nothing: what it had decided goes out first after the thaw.
    leaves = partial(_leaves, lab, under_way)
    lab.clock.call_at(at, partial(client.when_it_goes_on, leaves))


def _leaves(lab: Lab, under_way: Write) -> None:
    under_way.leaves, under_way.at = False, Micros(lab.clock.now_us() + WRITE_US)
    lab.clock.call_at(under_way.at, partial(_arrives, lab, under_way))


def _arrives(lab: Lab, arrived: Write) -> None:
    lab.writes.remove(arrived)
    lock, client, token = arrived.lock_id, arrived.client, arrived.token
    accepted = lab.resource.write(lock, token, arrived.slot)
    slot = {"slot": arrived.slot} if arrived.slot else {}
    lab.tell("", "storage", lock=lock, client=client, token=token, accepted=accepted, **slot)


def _named(lab: Lab, place: str) -> AsyncLockClient:
    client = lab.clients.get(place.removeprefix(PREFIX))
    if client is None:
        raise InvalidArgument(f"There is no {place[:40]!r} yet: let it ask for something first.")
    return client
