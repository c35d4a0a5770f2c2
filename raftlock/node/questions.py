"""What clients ask of a node without changing anything, and how it is answered.

By default an answer is linearizable: the leader gives it from its applied table, once Raft has made
sure that this table is no thing of the past (`Driver.read`). With ``stale`` any node answers at
once from its own table: quick, of use where many only look, and possibly out of date.
"""

from __future__ import annotations

from collections.abc import Mapping

from raftlock.errors import InvalidArgument, LockNotFound
from raftlock.node.looks import LockFilter, Look, Page
from raftlock.transport.limits import (
    INTEGER_MAX,
    PAGE_LIMIT_DEFAULT,
    PAGE_LIMIT_MAX,
    REPLY_BYTES_MAX,
    check_lock_id,
    check_metadata,
    check_pattern,
)
from raftlock.transport.original import to_original
from raftlock.types.commands import BackoffAdvice, LockInfo
from raftlock.types.events import Json
from raftlock.types.ids import LockID, Millis, NodeID
from raftlock.types.roles import NodeRole
from raftlock.types.status import RaftStatus

__all__ = ["GET_BACKOFF_ADVICE", "GET_LOCKS", "LOOKS", "advice_for", "health_of", "look_at"]
__all__ += ["leader_known", "look_from", "page_of"]

GET_LOCK_INFO = "get_lock_info"
GET_LOCKS = "get_locks"
GET_BACKOFF_ADVICE = "get_backoff_advice"

LOOKS = {GET_LOCK_INFO, GET_LOCKS, GET_BACKOFF_ADVICE}
"""The calls that look at the lock table."""

_OF_ONE = {"lock_id", "stale", "must_exist"}
_OF_MANY = {"filter", "limit", "offset", "stale"}
_FILTER = {"lock_id", "owner_id", "held", "contested", "expires_within", "metadata"}

BACKOFF_MS_MIN = 50
BACKOFF_MS_MAX = 60_000


def look_from(call: str, params: Mapping[str, Json]) -> Look:
    """What is asked, checked; raises `InvalidArgument`."""
    _only(call, params, _OF_MANY if call == GET_LOCKS else _OF_ONE)
    stale = _flag(params, "stale")
    if call != GET_LOCKS:
        must_exist = _flag(params, "must_exist")
        return Look(call, check_lock_id(params.get("lock_id")), bool(stale), bool(must_exist))
    wanted = params.get("filter", {})
    if not isinstance(wanted, dict):
        raise InvalidArgument("filter is an object of what is wanted.")
    _only("filter", wanted, _FILTER)
    metadata = wanted.get("metadata")
    chosen = LockFilter(
        check_pattern(wanted.get("lock_id", ""), "lock_id"),
        check_pattern(wanted.get("owner_id", ""), "owner_id"),
        _flag(wanted, "held"),
        _flag(wanted, "contested"),
        _number(wanted, "expires_within", INTEGER_MAX),
        None if metadata is None else check_metadata(metadata),
    )
    limit = _number(params, "limit", PAGE_LIMIT_MAX) or PAGE_LIMIT_DEFAULT
    offset = _number(params, "offset", INTEGER_MAX) or 0
    return Look(call, LockID(""), bool(stale), filter=chosen, limit=limit, offset=offset)


def page_of(page: Page) -> dict[str, Json]:
    """The answer: as many of the locks as fit into a frame, and whether there are more."""
    told: list[Json] = []
    size = 0
    for info in page.locks:
        one = to_original(info)
        size += _size(one)
        if told and size > REPLY_BYTES_MAX:
            break
        told.append(one)
    end = page.offset + len(told)
    return {"locks": told, "total": page.total, "has_more": end < page.total, "next_offset": end}


def look_at(look: Look, info: LockInfo) -> dict[str, Json]:
    """The answer about one lock. Raises `LockNotFound` if there is none, and one must be."""
    if look.must_exist and not info.owner_id and not info.waiter_count:
        raise LockNotFound(
            f"Nobody holds or waits for {look.lock_id[:60]!r}: acquire makes it.",
            {"lock": look.lock_id},
        )
    return to_original(info)


def advice_for(available_in: Millis) -> BackoffAdvice:
    """When to ask again for a lock that will be free in about so many milliseconds.

    First after half of that, since it is a guess from how long holds usually last; never at once,
    and never so late that a lock which nobody wants any more is left alone.
    """
    first = min(max(available_in // 2, BACKOFF_MS_MIN), BACKOFF_MS_MAX // 4)
    longest = min(max(2 * available_in, 4 * first), BACKOFF_MS_MAX)
    return BackoffAdvice(Millis(first), Millis(longest), 2.0, 0.25, available_in)


def leader_known(status: RaftStatus) -> NodeID:
    """Whom the node hears from as its leader, itself perhaps; empty while it asks for votes."""
    if status.role is NodeRole.LEADER:
        return status.id
    return NodeID("") if status.pre_vote else status.leader_id


def health_of(status: RaftStatus) -> dict[str, Json]:
    """Whether the node can serve, and why not."""
    leader = leader_known(status)
    behind = max(0, status.commit_index - status.last_applied)
    return {
        "healthy": bool(leader),
        "why": f"{leader} leads" if leader else "this node knows no leader",
        "node": status.id,
        "role": str(status.role),
        "term": status.term,
        "leader": leader,
        "behind": behind,
    }


def _only(what: str, params: Mapping[str, Json], known: set[str]) -> None:
    for name in params:
        if name not in known:
            raise InvalidArgument(
                f"{what} has no param {name[:40]!r}: it knows {', '.join(sorted(known))}."
            )


def _flag(params: Mapping[str, Json], name: str) -> bool | None:
    value = params.get(name)
    if value is not None and not isinstance(value, bool):
        raise InvalidArgument(f"{name} is true or false.")
    return value


def _number(params: Mapping[str, Json], name: str, most: int) -> int | None:
    value = params.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise InvalidArgument(f"{name} is a whole number from 0 to {most}.")
    return value


def _size(told: Json) -> int:
    """About how many bytes it takes as JSON, never fewer."""
    if isinstance(told, str):
        return 6 * len(told) + 3
    if isinstance(told, dict):
        return 2 + sum(_size(name) + _size(value) + 1 for name, value in told.items())
    if isinstance(told, list):
        return 2 + sum(map(_size, told))
    return 24
