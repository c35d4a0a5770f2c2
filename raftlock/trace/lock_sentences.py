"""What happened to a lock, in a sentence: one entry may end a hold, a wait and begin another."""

from __future__ import annotations

from collections.abc import Mapping

from raftlock.trace.fields import names, number, rows, shorten, text
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


def _clients(data: Mapping[str, Json]) -> list[str]:
    return [text(waiter, "client") for waiter in rows(data, "queue")]


def _endings(data: Mapping[str, Json], before: Mapping[str, Json], why: list[str]) -> list[str]:
    """A hold that is over."""
    old, lock = shorten(text(before, "owner")), shorten(text(data, "lock"))
    if "expired" in why:
        return [f"{old}'s time on {lock} has run out"]
    if "revoked" in why:
        return [f"{lock} is taken from {old} by an administrator"]
    if "released" in why:
        return [f"{old} releases {lock}"]
    return []


def _waits(data: Mapping[str, Json], before: Mapping[str, Json], why: list[str]) -> list[str]:
    """Who joined the queue, and who left it with empty hands."""
    lock, now, then = shorten(text(data, "lock")), _clients(data), _clients(before)
    stays = {*now, text(data, "owner")}
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
                where = f"{ordinal(place)} in the queue"
                parts.append(f"{shorten(client)} waits for {lock}{again}: {where}")
    return parts


def _priorities(lock: Mapping[str, Json]) -> dict[str, int]:
    """Who waits, in their order, with which priority."""
    return {text(each, "client"): number(each, "priority") for each in rows(lock, "queue")}


def _beginnings(data: Mapping[str, Json], before: Mapping[str, Json], why: list[str]) -> list[str]:
    """A hold that begins or goes on."""
    owner, lock = shorten(text(data, "owner")), shorten(text(data, "lock"))
    token, ttl = number(data, "token"), duration(number(data, "ttl"))
    if not owner:
        return []
    if "promoted" in why:
        return [f"{owner}, next in the queue, holds {lock} with token {token} for {ttl}"]
    if "granted" in why and token != number(before, "token"):
        return [f"{owner} holds {lock} with token {token} for {ttl}"]
    if "granted" in why or "renewed" in why:
        return [f"{owner} keeps {lock} for another {ttl}; its token stays {token}"]
    return []
