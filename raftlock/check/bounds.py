"""The limits that the lock table promises to keep, and what it refuses for them.

Those are here that a trace can show: what the fields of a command may be, how long a queue may
grow, how many locks and sessions there are.
"""

from __future__ import annotations

from collections.abc import Mapping

from raftlock.trace.fields import flag, number, text
from raftlock.types.events import Json

__all__ = ["LOCKS_MAX", "PERMITS_MAX", "SESSIONS_MAX", "WAITERS_MAX", "is_within_bounds"]

LOCKS_MAX = 10_000
SESSIONS_MAX = 10_000
WAITERS_MAX = 1_000

NAME_MAX = 256
LOCKS_AT_ONCE_MAX = 16
REQUEST_ID_MAX = 128
METADATA_MAX = 32
KEY_MAX = 64
VALUE_MAX = 256
TTL_MS_MAX = 24 * 60 * 60 * 1_000
WAIT_MS_MAX = 10 * 60 * 1_000
PRIORITY_MAX = 1_000
PERMITS_MAX = 1_000


def is_within_bounds(command: Mapping[str, Json]) -> bool:
    """Whether a command says nothing that the table must refuse whatever it holds."""
    op, client = text(command, "op"), text(command, "client_id")
    if len(text(command, "request_id")) > REQUEST_ID_MAX or not _metadata_fits(command):
        return False
    if op == "open_session":
        return _is_name(client)
    if op == "end_session":
        return number(command, "session_id") != 0 and (not client or _is_name(client))
    lowest, sequence = number(command, "lowest_unanswered"), number(command, "sequence")
    if number(command, "session_id") and not max(1, lowest) <= sequence:
        return False
    if op == "acquire_all" and not _names_fit(command):
        return False
    if op != "acquire_all" and not _is_name(text(command, "lock_id")):
        return False
    if not _terms_fit(op, command):
        return False
    timed = op in {"acquire", "acquire_all", "enqueue_waiter", "renew"}
    fits = not timed or _times_fit(op, command)
    return fits and _is_name(client)


def _names_fit(command: Mapping[str, Json]) -> bool:
    names = command.get("lock_ids")
    if not isinstance(names, list) or not 1 <= len(names) <= LOCKS_AT_ONCE_MAX:
        return False
    texts = {name for name in names if isinstance(name, str) and _is_name(name)}
    return len(texts) == len(names) and not text(command, "lock_id")


def _terms_fit(op: str, command: Mapping[str, Json]) -> bool:
    shared, permits = flag(command, "shared"), number(command, "permits")
    if op not in {"acquire", "enqueue_waiter"}:
        return not shared and not permits
    return permits <= PERMITS_MAX and not (shared and permits)


def _is_name(name: str) -> bool:
    return 1 <= len(name) <= NAME_MAX


def _metadata_fits(command: Mapping[str, Json]) -> bool:
    metadata = command.get("metadata")
    if not isinstance(metadata, dict):
        return True
    return len(metadata) <= METADATA_MAX and all(
        len(key) <= KEY_MAX and len(text(metadata, key)) <= VALUE_MAX for key in metadata
    )


def _times_fit(op: str, command: Mapping[str, Json]) -> bool:
    ttl, priority = number(command, "ttl"), number(command, "priority")
    wait = 1
    if op == "enqueue_waiter":
        wait, ttl = number(command, "timeout"), ttl or 1
    elif op == "acquire" and flag(command, "wait"):
        wait = number(command, "wait_timeout")
    in_time = 1 <= ttl <= TTL_MS_MAX and 1 <= wait <= WAIT_MS_MAX
    return in_time and abs(priority) <= PRIORITY_MAX
