"""What happened to a lock, in a sentence: one entry may end a hold, a wait and begin another."""

from __future__ import annotations

from collections.abc import Mapping

from raftlock.trace.fields import flag, names, number, rows, shorten, text
from raftlock.trace.tables import holders_of
from raftlock.trace.told import GOOD, INFO, WARN, Told
from raftlock.trace.view import ClusterView
from raftlock.trace.words import and_list, duration, ordinal
from raftlock.types import Json, TraceEvent

__all__ = ["lock_line"]

_NONE: Mapping[str, Json] = {}


def lock_line(event: TraceEvent, view: ClusterView) -> Told | None:
    """The sentence for a ``lock`` event; ``None`` at all nodes but the first to apply the entry."""
    node = view.node(event.node)
    if (node.id, node.applied) != (view.applied_by, view.applied_high):
        return None
    data, before = event.data, node.locks.get(text(event.data, "lock"), _NONE)
    why = names(data, "why")
    parts = [
        *_endings(data, before, why),
        *_waits(data, before, why),
        *_beginnings(data, before, why),
    ]
    if not parts:
        return None
    if not text(data, "owner"):
        parts[-1] += ": nobody holds it"
    level = WARN if {"expired", "revoked", "timed_out"} & {*why} else INFO
    return Told("; ".join(parts) + ".", GOOD if level == INFO and _begins(why) else level)


def _begins(why: list[str]) -> bool:
    return "granted" in why or "promoted" in why


def _tokens(data: Mapping[str, Json]) -> dict[int, str]:
    """Whose each token is."""
    return {number(one, "token"): text(one, "client") for one in holders_of(data)}


def _clients(data: Mapping[str, Json]) -> list[str]:
    return [text(waiter, "client") for waiter in rows(data, "queue")]


def _endings(data: Mapping[str, Json], before: Mapping[str, Json], why: list[str]) -> list[str]:
    """Holds that are over."""
    lock, now = shorten(text(data, "lock")), _tokens(data)
    gone = [shorten(client) for token, client in _tokens(before).items() if token not in now]
    old = and_list(gone or [shorten(text(before, "owner"))])
    if "expired" in why:
        return [f"{old}'s time on {lock} has run out"]
    if "revoked" in why:
        return [f"{lock} is taken from {old} by an administrator"]
    if "released" in why:
        return [f"{old} {'release' if len(gone) > 1 else 'releases'} {lock}"]
    return []


def _waits(data: Mapping[str, Json], before: Mapping[str, Json], why: list[str]) -> list[str]:
    """Who joined the queue, and who left it with empty hands."""
    lock, now, then = shorten(text(data, "lock")), _clients(data), _clients(before)
    stays = {*now, *_tokens(data).values()}
    left = [shorten(client) for client in then if client not in stays]
    parts = []
    if left and "timed_out" in why:
        verb = "has" if len(left) == 1 else "have"
        parts.append(f"{and_list(left)} {verb} waited for {lock} in vain")
    elif left and "session_ended" in why:
        whose = "whose session" if len(left) == 1 else "whose sessions"
        verb = "no longer waits" if len(left) == 1 else "no longer wait"
        parts.append(f"{and_list(left)}, {whose} ended, {verb} for {lock}")
    elif left and "cancelled" in why:
        verb = "waits" if len(left) == 1 else "wait"
        parts.append(f"{and_list(left)} no longer {verb} for {lock}")
    if "queued" in why:
        priorities = _priorities(before)
        for place, (client, priority) in enumerate(_priorities(data).items(), 1):
            again = "" if client not in priorities else " with another priority now"
            if priorities.get(client) != priority:
                where = f"{ordinal(place)} in the queue{_terms(rows(data, 'queue')[place - 1])}"
                parts.append(f"{shorten(client)} waits for {lock}{again}: {where}")
    return parts


def _priorities(lock: Mapping[str, Json]) -> dict[str, int]:
    """Who waits, in their order, with which priority."""
    return {text(each, "client"): number(each, "priority") for each in rows(lock, "queue")}


def _beginnings(data: Mapping[str, Json], before: Mapping[str, Json], why: list[str]) -> list[str]:
    """Holds that begin or go on."""
    lock, known = shorten(text(data, "lock")), _tokens(before)
    waited = {text(waiter, "client") for waiter in rows(before, "queue")}
    fresh = [one for one in holders_of(data) if number(one, "token") not in known]
    if _begins(why) and fresh:
        return [
            _holds(one, data, waited=text(one, "client") in waited or "granted" not in why)
            for one in fresh
        ]
    if "granted" not in why and "renewed" not in why:
        return []
    then = {number(one, "token"): number(one, "deadline") for one in holders_of(before)}
    kept = [
        one for one in holders_of(data) if then.get(number(one, "token")) != number(one, "deadline")
    ]
    return [
        f"{shorten(text(one, 'client'))} keeps {lock} for another {duration(number(one, 'ttl'))}; "
        f"its token stays {number(one, 'token')}"
        for one in (kept or holders_of(data))[:1]
    ]


def _holds(one: Mapping[str, Json], data: Mapping[str, Json], *, waited: bool) -> str:
    """That somebody holds a lock from now on, and with whom."""
    client, lock = shorten(text(one, "client")), shorten(text(data, "lock"))
    next_one = ", next in the queue," if waited else ""
    what = f"holds {lock}"
    if flag(data, "shared"):
        what = f"shares {lock}"
    elif number(data, "permits"):
        what = f"holds permit {number(one, 'slot')} of {number(data, 'permits')} of {lock}"
    told = f"{client}{next_one} {what} with token {number(one, 'token')}"
    return f"{told} for {duration(number(one, 'ttl'))}"


def _terms(waiter: Mapping[str, Json]) -> str:
    """What a waiter waits for, unless it is the lock alone."""
    if flag(waiter, "shared"):
        return ", to share it"
    return f", for one of {number(waiter, 'permits')} permits" if number(waiter, "permits") else ""
