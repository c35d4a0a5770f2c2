"""Something that is done to a run, as a short text: ``12.1:kill:n1``.

First comes the second of run time, then the verb, then what the verb is about: the fields that it
always has in their order, and others as ``field=value``, all with commas. ``~214`` behind the time
says that it is done after so many happenings, though others are due at that time as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from urllib.parse import quote, unquote

from raftlock.errors import InvalidArgument
from raftlock.sim.actions import VERBS, Action
from raftlock.trace.fields import texts
from raftlock.types.events import Json

__all__ = ["FIELDS", "act_of", "read_act", "read_seconds", "seconds_of"]

SECONDS_MAX = 1_000_000

_PLACES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("kill", "restart", "freeze", "thaw", "wipe", "add", "remove"), ("node",)),
    **dict.fromkeys(("cut", "restore", "link", "drop", "duplicate", "hold"), ("src", "dst")),
    "transfer": ("node",),
    "clock": ("node",),
    "crash_on_write": ("node", "point"),
    "disk": ("node", "fault"),
    "stranger": ("node", "sort"),
    "ask": ("client", "op", "lock"),
    "write": ("client", "lock"),
    "take_back": ("client",),
    "note": ("text",),
}
"""The fields that stand first, without their names; all of them are texts."""

_TEXTS = {"by", "request_id", "again", "node", "src", "dst", "client", "op", "lock", "text"}
_TEXTS |= {"point", "fault", "sort", "how"}
_NUMBERS = {"kept", "delay_us", "jitter_us", "loss_ppm", "duplicate_ppm", "mean_delay_us"}
_NUMBERS |= {"stale_ppm", "stale_us", "count", "work_us", "number", "ttl_ms", "wait_ms", "time_ms"}
_NUMBERS |= {"priority", "token", "jump_ms", "rate_ppm", "left", "id", "permits"}
_FLAGS = {"one_way", "torn", "as_voter", "shared"}
_NAMES = {"voters", "learners", "locks"}
_OTHERS = {"metadata"}

FIELDS = _TEXTS | _NUMBERS | _FLAGS | _NAMES | _OTHERS | {"groups"}
"""All that an action may say of itself."""

_WHEN = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,6})?)(?:~([0-9]{1,9}))?")


def seconds_of(micros: int) -> str:
    """Microseconds as seconds, exactly: ``1.25``."""
    text = f"{Decimal(micros) / 1_000_000:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def read_seconds(what: str, text: str) -> int:
    """Seconds as microseconds, exactly. Raises `InvalidArgument`, which names `what`."""
    found = _WHEN.fullmatch(text)
    if found is None or found[2] is not None or Decimal(found[1]) > SECONDS_MAX:
        raise InvalidArgument(f"{what}={text[:40]!r}: a number of seconds, please, like 1.25.")
    return int(Decimal(found[1]) * 1_000_000)


def act_of(line: Action) -> str:
    """A line of a script as a text."""
    when = seconds_of(int(str(line["t"])))
    if line.get("early"):
        when += f"~{line['after']}"
    verb = str(line["do"])
    about = list(_about(verb, line))
    return ":".join([when, verb, *([",".join(about)] if about else [])])


def read_act(act: str) -> dict[str, Json]:
    """The line of a script that a text means. Raises `InvalidArgument`, naming what is wrong."""
    pieces = act.split(":", 2)
    when = _WHEN.fullmatch(pieces[0])
    if when is None or Decimal(when[1]) > SECONDS_MAX:
        raise _wrong(act, "it begins with a number of seconds and a colon")
    line: dict[str, Json] = {"t": int(Decimal(when[1]) * 1_000_000), "after": 0}
    if when[2] is not None:
        line |= {"after": int(when[2]), "early": True}
    verb = pieces[1] if len(pieces) > 1 else ""
    if verb not in VERBS:
        raise _wrong(act, f"there is no verb {verb[:24]!r}; there are {', '.join(sorted(VERBS))}")
    line["do"] = verb
    if len(pieces) < 3:
        return line
    places = _PLACES.get(verb, ())
    for number, word in enumerate(pieces[2].split(",")):
        name, equals, value = word.partition("=")
        if equals:
            line[name] = _value(act, name, value)
        elif number < len(places):
            line[places[number]] = unquote(word)
        else:
            raise _wrong(act, f"{word[:24]!r} should be field=value")
    return line


def _about(verb: str, line: Action) -> Iterator[str]:
    places = [name for name in _PLACES.get(verb, ()) if isinstance(line.get(name), str)]
    if places != list(_PLACES.get(verb, ()))[: len(places)]:
        places = []
    for name in places:
        yield quote(str(line[name]), safe="")
    for name, value in line.items():
        if name in {"t", "do", "after", "early", *places}:
            continue
        yield f"{name}={_told(name, value)}"


def _told(name: str, value: Json) -> str:
    if name in _TEXTS and isinstance(value, str):
        return quote(value, safe="")
    if name in _NAMES:
        return "+".join(quote(each, safe="") for each in texts(value))
    if name == "groups" and isinstance(value, list):
        return "/".join(_told("voters", group) for group in value)
    return quote(json.dumps(value, ensure_ascii=False, separators=(",", ":")), safe="")


def _value(act: str, name: str, value: str) -> Json:
    if name in _TEXTS:
        return unquote(value)
    if name in _NAMES:
        return [unquote(each) for each in value.split("+") if each]
    if name == "groups":
        return [_value(act, "voters", group) for group in value.split("/")]
    if name not in _NUMBERS | _FLAGS | _OTHERS:
        raise _wrong(act, f"there is no field {name[:24]!r}")
    try:
        read: Json = json.loads(unquote(value))
    except ValueError:
        raise _wrong(act, f"{name} cannot be {value[:24]!r}") from None
    if name in _NUMBERS and type(read) is not int:
        raise _wrong(act, f"{name} must be a whole number, not {value[:24]!r}")
    if name in _FLAGS and type(read) is not bool:
        raise _wrong(act, f"{name} must be true or false, not {value[:24]!r}")
    return read


def _wrong(act: str, why: str) -> InvalidArgument:
    return InvalidArgument(f"The act {act[:60]!r} cannot be read: {why}.")
