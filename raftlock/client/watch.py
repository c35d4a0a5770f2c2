"""Watching locks: what becomes of them, one change after the other, across nodes and leaders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from raftlock.client.engine import Connector
from raftlock.client.protocol import Endpoint
from raftlock.errors import Compacted, PermissionDenied, RaftLockError, RemoteProtocolError
from raftlock.trace.fields import rows
from raftlock.transport.codec import Request, Response, decode_response, encode_request
from raftlock.types.events import Json

__all__ = ["LockEvent", "OtherHolder", "watch"]

PAUSE_SECONDS_MIN = 0.05
PAUSE_SECONDS_MAX = 2.0


@dataclass(frozen=True, slots=True)
class OtherHolder:
    """One who holds a lock together with its owner; `ttl` in seconds, `slot` as in `Held.slot`."""

    client_id: str
    token: int
    ttl: float
    slot: int = 0


@dataclass(frozen=True, slots=True)
class LockEvent:
    """One change of one lock, as the log decided it.

    `index` is the entry's: one entry may change several locks. `why` has one or more of granted,
    renewed, released, revoked, expired, queued, cancelled, timed_out, session_ended, promoted. An
    empty `owner_id` means that nobody holds it now; `token` is the holder's, `ttl` in seconds.
    Where it is `shared`, or has `permits`, the owner is who has held it longest, with the permit
    `slot`, and `others` are the rest.
    """

    index: int
    lock_id: str
    owner_id: str
    token: int
    ttl: float
    waiting: int
    why: tuple[str, ...]
    shared: bool = False
    permits: int = 0
    slot: int = 0
    others: tuple[OtherHolder, ...] = ()


async def watch(
    connector: Connector,
    endpoints: Callable[[], tuple[Endpoint, ...]],
    lock_id: str,
    after: int | None,
) -> AsyncIterator[LockEvent]:
    """Every change from index `after` on; a node that is lost is replaced by the next.

    All of an entry's changes come before it counts as told, so that none is lost in between.
    """
    pause, place, told = PAUSE_SECONDS_MIN, 0, _Told(after)
    while True:
        known = endpoints()
        endpoint = known[place % len(known)]
        place += 1
        try:
            async for event in _one(connector, endpoint, lock_id, told):
                pause = PAUSE_SECONDS_MIN
                yield event
        except (Compacted, PermissionDenied, RemoteProtocolError):
            raise
        except (RaftLockError, OSError):
            await asyncio.sleep(pause)
            pause = min(2 * pause, PAUSE_SECONDS_MAX)


class _Told:
    """How far it has come: all of every entry up to `after`, and some changes of the next one."""

    def __init__(self, after: int | None) -> None:
        self.after = after
        self.index = 0
        self.locks: set[str] = set()

    def is_news(self, event: LockEvent) -> bool:
        """Whether it was not told before; from now on it was."""
        if event.index > self.index:
            # Entries come in their order: the one before is complete.
            self.after = max(self.after or 0, self.index, event.index - 1)
            self.index, self.locks = event.index, set()
        if event.lock_id in self.locks or event.index < self.index:
            return False
        self.locks.add(event.lock_id)
        return True


async def _one(
    connector: Connector, endpoint: Endpoint, lock_id: str, told: _Told
) -> AsyncIterator[LockEvent]:
    """What one node tells, until it is lost."""
    link = await connector(endpoint)
    try:
        params: dict[str, Json] = {"lock_id": lock_id}
        if told.after is not None:
            params["after"] = told.after
        link.send(encode_request(Request(1, "watch", params)))
        while True:
            response = decode_response(await link.recv())
            if response.error is not None:
                raise response.error.to_error()
            if response.event == "watching":
                if told.after is None:
                    told.after = _whole(response.result or {}, "after")
                continue
            event = _event(response)
            if told.is_news(event):
                yield event
    finally:
        await link.close()


def _event(response: Response) -> LockEvent:
    result = response.result or {}
    why = result.get("why")
    texts = [
        result.get("lock_id"),
        result.get("owner_id"),
        *(why if isinstance(why, list) else [0]),
    ]
    if not all(isinstance(each, str) for each in texts):
        raise RemoteProtocolError("A change of a lock names it, its owner and why.")
    return LockEvent(
        _whole(result, "index"),
        str(texts[0]),
        str(texts[1]),
        _whole(result, "version"),
        _whole(result, "ttl") / 1_000,
        _whole(result, "waiting"),
        tuple(map(str, texts[2:])),
        result.get("shared") is True,
        _whole(result, "permits") if "permits" in result else 0,
        _whole(result, "slot") if "slot" in result else 0,
        tuple(map(_other, rows(result, "others"))),
    )


def _other(told: Mapping[str, Json]) -> OtherHolder:
    slot = _whole(told, "slot") if "slot" in told else 0
    ttl = _whole(told, "ttl") / 1_000
    return OtherHolder(str(told.get("client_id")), _whole(told, "version"), ttl, slot)


def _whole(told: Mapping[str, Json], name: str) -> int:
    value = told.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise RemoteProtocolError(f"{name} of a change is a whole number.")
    return value
