"""The form of an event's data, kind by kind: what a trace from outside must have to be read.

A field may be missing unless it is marked as needed; fields that are not named here pass as they
are, so that an older reader can show what a newer writer adds.
"""

from __future__ import annotations

from collections.abc import Mapping

from raftlock.types import Json, TraceEvent

__all__ = ["fault_of"]

# One letter a type: s text, i integer, b true or false, n list of texts, g list of lists of texts,
# o object, r list of objects. A capital letter marks a field that is needed.
_FORMS: Mapping[str, Mapping[str, str]] = {
    "node": {"state": "S", "what": "S", "why": "s"},
    "gap": {"why": "S"},
    "fault": {
        "what": "S",
        "by": "s",
        "src": "s",
        "dst": "s",
        "one_way": "b",
        "groups": "g",
        "node": "s",
        "speed_ppm": "i",
        "id": "i",
        "label": "s",
        "how": "s",
        "delay_ms": "i",
        "jitter_ms": "i",
        "loss_ppm": "i",
        "becomes": "s",
        "as_voter": "b",
        "voters": "n",
        "learners": "n",
        "fault": "s",
        "sort": "s",
        "jump_ms": "i",
        "rate_ppm": "i",
    },
    "role": {"from": "S", "to": "S", "leader": "s", "cluster_time": "i"},
    "term": {"term": "I"},
    "vote": {"for": "S"},
    "tally": {"granted": "N", "refused": "N", "needed": "I"},
    "pre_vote": {"term": "I", "granted": "N", "refused": "N", "needed": "I"},
    "leader": {"leader": "S"},
    "timer_set": {"timer": "S", "deadline": "I", "duration": "I"},
    "timer_fire": {"timer": "S"},
    "write": {"write": "I", "term": "i", "voted_for": "s", "from": "i", "to": "i"}
    | {"snapshot": "i", "base": "i"},
    "fsync": {"write": "I"},
    "append": {"entries": "R"},
    "truncate": {"from": "I", "to": "i"},
    "commit": {"index": "I"},
    "config": {"index": "I", "voters": "N", "learners": "N", "outgoing": "N"},
    "transfer": {"target": "S", "what": "S"},
    "snapshot": {"index": "I", "term": "i", "bytes": "i"},
    "install": {"index": "I", "term": "i", "bytes": "i"},
    "restore": {"index": "I", "hash": "S"},
    "compact": {"to": "I"},
    "progress": {"peer": "S", "next": "I", "match": "I", "stream": "s"},
    "apply": {"index": "I", "term": "i", "stamp": "i", "op": "s", "hash": "s"},
    "lock": {
        "lock": "S",
        "owner": "S",
        "token": "I",
        "deadline": "I",
        "ttl": "I",
        "why": "N",
        "queue": "R",
        "shared": "b",
        "permits": "i",
        "slot": "i",
        "others": "r",
    },
    "send": {"to": "S", "type": "S", "label": "s", "fields": "o", "deliver_at": "i"},
    "deliver": {"id": "I", "from": "S", "type": "s", "label": "s"},
    "drop": {"id": "I", "from": "S", "to": "S", "type": "s", "label": "s", "why": "S"},
    "due": {
        "id": "I",
        "from": "S",
        "to": "S",
        "type": "s",
        "label": "s",
        "deliver_at": "i",
        "held": "b",
    },
    "dup": {"id": "I", "from": "S", "to": "S", "type": "s", "label": "s", "deliver_at": "i"},
    "client_call": {"client": "S", "op": "S", "lock": "s", "request_id": "S"},
    "client_return": {
        "client": "S",
        "op": "s",
        "request_id": "S",
        "status": "S",
        "text": "s",
        "result": "s",
        "token": "i",
        "owner": "s",
        "expired": "b",
        "code": "i",
        "slot": "i",
        "holders": "r",
        "holder_count": "i",
    },
    "belief": {"client": "S", "lock": "S", "token": "I", "until": "i"},
    "storage": {"lock": "S", "client": "S", "token": "I", "accepted": "B", "slot": "i"},
    "violation": {"property": "S", "text": "S", "index": "i", "nodes": "n"},
    "note": {"text": "S"},
}

_ENTRY = {"index": "I", "term": "I", "stamp": "i", "op": "s", "sum": "i", "command": "o"}
_TERMS = {"shared": "b", "permits": "i"}
_WAITER = {"client": "S", "priority": "i", "index": "i", "deadline": "i"} | _TERMS
_OTHER = {"client": "S", "token": "I", "deadline": "I", "ttl": "I", "slot": "i"}
_HOLDER = {"client": "S", "token": "I"}
_ROWS = {"entries": _ENTRY, "queue": _WAITER, "others": _OTHER, "holders": _HOLDER}

_WORDS = {
    "s": "a text",
    "i": "an integer",
    "b": "true or false",
    "n": "a list of texts",
    "g": "a list of lists of texts",
    "o": "an object",
    "r": "a list of objects",
}


def fault_of(event: TraceEvent) -> str:
    """What is wrong with the event's kind or data, in a few words; empty if nothing is."""
    form = _FORMS.get(event.kind)
    if form is None:
        return f"there is no event kind {event.kind[:40]!r}"
    return _fault(event.data, form, f"{event.kind}.")


def _fault(data: Mapping[str, Json], form: Mapping[str, str], where: str) -> str:
    for name, letter in form.items():
        kind = letter.lower()
        if name not in data:
            if letter != kind:
                return f"{where}{name} is missing"
        elif not _fits(data[name], kind):
            return f"{where}{name} must be {_WORDS[kind]}"
        elif kind == "r":
            fault = _rows_fault(data[name], name, where)
            if fault:
                return fault
    return ""


def _rows_fault(value: Json, name: str, where: str) -> str:
    assert isinstance(value, list), "checked before"
    for place, row in enumerate(value):
        assert isinstance(row, dict), "checked before"
        fault = _fault(row, _ROWS[name], f"{where}{name}[{place}].")
        if fault:
            return fault
    return ""


def _fits(value: Json, kind: str) -> bool:
    if kind == "s":
        return isinstance(value, str)
    if kind == "i":
        return type(value) is int
    if kind == "b":
        return isinstance(value, bool)
    if kind == "o":
        return isinstance(value, dict)
    inner = {"n": "s", "g": "n", "r": "o"}[kind]
    return isinstance(value, list) and all(_fits(item, inner) for item in value)
