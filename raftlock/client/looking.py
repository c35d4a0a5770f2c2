"""The calls that change nothing: how the locks stand, how the cluster does, when to come back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from raftlock.client.asking import Asking
from raftlock.client.engine import Connector, Engine
from raftlock.client.protocol import Endpoint
from raftlock.client.testimony import GET_LOCK_INFO, Look, Testimony
from raftlock.client.watch import LockEvent, watch
from raftlock.errors import RemoteProtocolError
from raftlock.transport import limits
from raftlock.transport.original import from_original
from raftlock.transport.values import decode
from raftlock.types.commands import BackoffAdvice, LockInfo
from raftlock.types.events import Json
from raftlock.types.ids import Millis
from raftlock.types.status import RaftStatus

__all__ = ["Health", "LockPage", "Looking"]


@dataclass(frozen=True, slots=True)
class LockPage:
    """Some of the locks that were asked for, by name; `total` of them there are.

    If `has_more`, ask again with ``offset=next_offset``. Locks may come and go in between.
    """

    locks: tuple[LockInfo, ...]
    total: int
    has_more: bool
    next_offset: int


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a node can serve, and `why` or why not. `behind` entries it has yet to apply."""

    healthy: bool
    why: str
    node: str
    role: str
    term: int
    leader: str
    behind: int


class Looking:
    """The part of a client that asks and changes nothing.

    Unless `stale` is asked for, an answer is true: what it tells held at some moment between the
    call and its return. With `stale` any node answers at once from what it has applied, which may
    be out of date.
    """

    _engine: Engine
    _asking: Asking
    _testimony: Testimony
    _connector: Connector

    @abstractmethod
    def _request_id(self, given: str | None) -> str:
        """The id that was given, or a fresh one."""

    @abstractmethod
    def _present_endpoints(self) -> tuple[Endpoint, ...]:
        """Where nodes are now."""

    async def status(self, *, timeout: float | None = None) -> RaftStatus:
        """How the node that this client talks to sees the cluster, and what its table has done."""
        return decode(RaftStatus, await self._question("get_status", {}, timeout))

    async def health(self, *, timeout: float | None = None) -> Health:
        """Whether the node that this client talks to knows a leader."""
        told = await self._question("health", {}, timeout)
        try:
            return Health(**told)  # type: ignore[arg-type]  # a node's own words, shown to people
        except TypeError:
            raise RemoteProtocolError("The node told its health in other words.") from None

    async def get_lock_info(
        self, lock_id: str, *, stale: bool = False, timeout: float | None = None
    ) -> LockInfo:
        """How the lock stands: who holds it with which token, and who waits.

        A lock that nobody holds has an empty owner; use `find_lock` to be told if there is none.
        """
        name = limits.check_lock_id(lock_id)
        if stale:
            told = await self._question(GET_LOCK_INFO, {"lock_id": name, "stale": True}, timeout)
            return from_original(LockInfo, told)
        look = Look(name, self._request_id(None))
        time_ms = self._asking.time_for(None, timeout)
        self._testimony.looks(look, time_ms)
        try:
            answered = await self._engine.ask(GET_LOCK_INFO, None, time_ms, params=look.params())
            info = from_original(LockInfo, dict(answered.result or {}))
        except BaseException as error:
            self._testimony.saw_nothing(look, error)
            raise
        self._testimony.saw(look, info)
        return info

    async def find_lock(
        self, lock_id: str, *, stale: bool = False, timeout: float | None = None
    ) -> LockInfo:
        """How the lock stands; `LockNotFound` if nobody holds it or waits for it."""
        params: dict[str, Json] = {"lock_id": limits.check_lock_id(lock_id), "must_exist": True}
        if stale:
            params["stale"] = True
        return from_original(LockInfo, await self._question(GET_LOCK_INFO, params, timeout))

    async def get_locks(
        self,
        lock_id: str = "",
        *,
        owner_id: str = "",
        held: bool | None = None,
        contested: bool | None = None,
        expires_within: float | None = None,
        metadata: Mapping[str, str] | None = None,
        limit: int = limits.PAGE_LIMIT_DEFAULT,
        offset: int = 0,
        stale: bool = False,
        timeout: float | None = None,
    ) -> LockPage:
        """The locks that are held or waited for, by name, a page at a time.

        `lock_id` and `owner_id` are patterns (``jobs/*``); `expires_within` is seconds; all pairs
        of `metadata` must be there. A page has at most `limit` locks (1,000), and fewer if they
        would not fit into a frame.
        """
        wanted: dict[str, Json] = {}
        if lock_id:
            wanted["lock_id"] = lock_id
        if owner_id:
            wanted["owner_id"] = owner_id
        if held is not None:
            wanted["held"] = held
        if contested is not None:
            wanted["contested"] = contested
        if expires_within is not None:
            wanted["expires_within"] = limits.millis_from_seconds("expires_within", expires_within)
        if metadata:
            wanted["metadata"] = dict(limits.check_metadata(metadata))
        params: dict[str, Json] = {"filter": wanted, "limit": limit, "offset": offset}
        if stale:
            params["stale"] = True
        told = await self._question("get_locks", params, timeout)
        locks, total, end = told.get("locks"), told.get("total"), told.get("next_offset")
        if not isinstance(locks, list) or not isinstance(total, int) or not isinstance(end, int):
            raise RemoteProtocolError("A page of locks has locks, total and next_offset.")
        infos = tuple(from_original(LockInfo, one) for one in locks)
        return LockPage(infos, total, bool(told.get("has_more")), end)

    async def get_backoff_advice(
        self, lock_id: str, *, stale: bool = False, timeout: float | None = None
    ) -> BackoffAdvice:
        """When to ask again for the lock, from how long it is usually held and who waits."""
        params: dict[str, Json] = {"lock_id": limits.check_lock_id(lock_id)}
        if stale:
            params["stale"] = True
        return decode(BackoffAdvice, await self._question("get_backoff_advice", params, timeout))

    def watch(self, lock_id: str = "", *, after: int | None = None) -> AsyncIterator[LockEvent]:
        """What becomes of the locks that match a pattern (``jobs/*``; all), change by change.

        From now on, or from the changes after an index on: go on after the `index` of the last one
        you were told of. It has a connection of its own and goes on at the next node if one is
        lost. Raises `Compacted` if what is asked for is no longer kept.
        """
        pattern = limits.check_pattern(lock_id, "lock_id")
        return watch(self._connector, self._present_endpoints, pattern, after)

    async def _question(
        self, call: str, params: Mapping[str, Json], timeout: float | None
    ) -> dict[str, Json]:
        time_ms: Millis = self._asking.time_for(None, timeout)
        answered = await self._engine.ask(call, None, time_ms, params=params)
        return dict(answered.result or {})
