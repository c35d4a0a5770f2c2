"""A node's lock table as its ``lock`` events tell it: who holds what, together with whom."""

from __future__ import annotations

from collections.abc import Mapping

from raftlock.trace.fields import flag, number, rows, text
from raftlock.types import Json

__all__ = ["SHOWN_HOLDERS", "SHOWN_LOCKS", "SHOWN_WAITERS", "holders_of", "lock_rows"]

SHOWN_LOCKS = 40
SHOWN_WAITERS = 20
SHOWN_HOLDERS = 20
"""What a frame holds at most of each: of locks those first by name, else those first in turn."""


def holders_of(data: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    """All who hold the lock that a ``lock`` event tells of, each as one of the `others` is told."""
    owner = text(data, "owner")
    first: list[Mapping[str, Json]] = [{**data, "client": owner}] if owner else []
    return [*first, *rows(data, "others")]


def lock_rows(locks: Mapping[str, Mapping[str, Json]]) -> list[Json]:
    """The rows of a node's table, by name, from its ``lock`` events."""
    return [
        {
            "lock": lock,
            "owner": text(data, "owner"),
            "token": number(data, "token"),
            "deadline": number(data, "deadline"),
            "ttl": number(data, "ttl"),
            "queue": [
                {
                    "client": text(waiter, "client"),
                    "priority": number(waiter, "priority"),
                    "index": number(waiter, "index"),
                    "deadline": number(waiter, "deadline"),
                    **_terms(waiter),
                }
                for waiter in rows(data, "queue")[:SHOWN_WAITERS]
            ],
            **_terms(data),
            **_others(data),
        }
        for lock, data in sorted(locks.items())[:SHOWN_LOCKS]
    ]


def _terms(of: Mapping[str, Json]) -> dict[str, Json]:
    """On which terms a lock is held or waited for; nothing if by one client alone."""
    if flag(of, "shared"):
        return {"shared": True}
    return {"permits": number(of, "permits")} if number(of, "permits") else {}


def _others(data: Mapping[str, Json]) -> dict[str, Json]:
    """Who holds the lock beside its owner, the first of them, and how many do in all."""
    others = rows(data, "others")
    slot: dict[str, Json] = {"slot": number(data, "slot")} if number(data, "slot") else {}
    if not others:
        return slot
    shown: list[Json] = [
        {
            "client": text(one, "client"),
            "token": number(one, "token"),
            "deadline": number(one, "deadline"),
            "ttl": number(one, "ttl"),
            **({"slot": number(one, "slot")} if number(one, "slot") else {}),
        }
        for one in others[:SHOWN_HOLDERS]
    ]
    return {**slot, "others": shown, "holders": 1 + len(others)}
