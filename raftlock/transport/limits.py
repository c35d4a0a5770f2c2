"""Every bound on what comes from outside: one table, one check a field, one sentence a refusal.

The bounds of fields are the original's (its ``server/constants.go``): ids of 256 characters, 32
pairs of metadata, a TTL of 1 s to 24 h, waits of 1 s to 10 min, priorities from -1000 to 1000. The
rest bounds memory: frames, connections, requests a second. Nothing here reads a clock or a socket;
clients, nodes and panels call the same checks, so that each says the same sentence.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Mapping

from raftlock.errors import InvalidArgument, InvalidTTL
from raftlock.types import (
    ClientID,
    Command,
    Index,
    LockID,
    LockOperation,
    Micros,
    Millis,
    NodeID,
    SessionID,
)
from raftlock.types.events import Json

__all__ = [
    "ADDRESS_CHARS_MAX",
    "CLIENTS_MAX",
    "CLIENT_FRAME_BYTES_MAX",
    "CLOSE_SECONDS_MAX",
    "DEPTH_MAX",
    "HANDSHAKES_MAX",
    "HANDSHAKE_FRAME_BYTES_MAX",
    "HANDSHAKE_SECONDS_MAX",
    "ID_CHARS_MAX",
    "INTEGER_MAX",
    "KEYS_MAX",
    "LOCKS_AT_ONCE_MAX",
    "MEMBERS_MAX",
    "METADATA_KEY_CHARS_MAX",
    "METADATA_PAIRS_MAX",
    "METADATA_VALUE_CHARS_MAX",
    "OBSERVE_FRAME_BYTES_MAX",
    "OBSERVE_QUEUE_BYTES_MAX",
    "OBSERVE_QUEUE_FRAMES_MAX",
    "PAGE_LIMIT_DEFAULT",
    "PAGE_LIMIT_MAX",
    "PEERS_MAX",
    "PEER_FRAME_BYTES_MAX",
    "PERMITS_MAX",
    "PRIORITY_MAX",
    "PRIORITY_MIN",
    "REPLY_BYTES_MAX",
    "REQUESTS_BURST",
    "REQUESTS_PER_SECOND",
    "REQUEST_ID_CHARS_MAX",
    "SEND_QUEUE_BYTES_MAX",
    "SEND_QUEUE_FRAMES_MAX",
    "SESSION_TTL_MS_MAX",
    "SESSION_TTL_MS_MIN",
    "TTL_MS_MAX",
    "TTL_MS_MIN",
    "WAIT_MS_MAX",
    "WAIT_MS_MIN",
    "TokenBucket",
    "check_address",
    "check_client_id",
    "check_command",
    "check_lock_id",
    "check_lock_ids",
    "check_metadata",
    "check_node_id",
    "check_pattern",
    "check_priority",
    "check_request_id",
    "check_session_id",
    "check_session_ttl",
    "check_slot",
    "check_terms",
    "check_token",
    "check_ttl",
    "check_wait",
    "is_loopback",
    "millis_from_seconds",
]

# ---- frames ----
CLIENT_FRAME_BYTES_MAX = 256 * 1024
PEER_FRAME_BYTES_MAX = 4 * 1024 * 1024
OBSERVE_FRAME_BYTES_MAX = 4 * 1024 * 1024
HANDSHAKE_FRAME_BYTES_MAX = 4 * 1024
DEPTH_MAX = 8  # a command's metadata in an entry in a peer frame is at depth 6
KEYS_MAX = 64  # in one object
INTEGER_MAX = 2**53 - 1  # what every reader of JSON, a browser too, keeps exactly
REPLY_BYTES_MAX = 192 * 1024
PAGE_LIMIT_DEFAULT = 100
PAGE_LIMIT_MAX = 1_000

# ---- connections ----
CLIENTS_MAX = 256
PEERS_MAX = 64
HANDSHAKES_MAX = 64
HANDSHAKE_SECONDS_MAX = 3.0
CLOSE_SECONDS_MAX = 1.0
SEND_QUEUE_FRAMES_MAX = 256
SEND_QUEUE_BYTES_MAX = 1024 * 1024
OBSERVE_QUEUE_FRAMES_MAX = 100_000
OBSERVE_QUEUE_BYTES_MAX = 32 * 1024 * 1024
REQUESTS_PER_SECOND = 2_000
REQUESTS_BURST = 4_000

# ---- fields ----
LOCKS_AT_ONCE_MAX = 16
MEMBERS_MAX = 100  # of a cluster; its decisions would be slow long before
ID_CHARS_MAX = 256
ADDRESS_CHARS_MAX = 256  # of a host: a name of the domain name system has at most 253
REQUEST_ID_CHARS_MAX = 128
METADATA_PAIRS_MAX = 32
METADATA_KEY_CHARS_MAX = 64
METADATA_VALUE_CHARS_MAX = 256
SESSION_TTL_MS_MIN = 100
SESSION_TTL_MS_MAX = 60 * 60 * 1_000
TTL_MS_MIN = 1_000
TTL_MS_MAX = 24 * 60 * 60 * 1_000
WAIT_MS_MIN = 1_000
WAIT_MS_MAX = 10 * 60 * 1_000
PERMITS_MAX = 1_000
"""Of one lock."""
PRIORITY_MIN = -1_000
PRIORITY_MAX = 1_000

_SHOWN_CHARS_MAX = 24
_NODE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _shown(value: object) -> str:
    """What was given, short enough for a sentence and harmless in it."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except ValueError:  # a number of thousands of digits, which Python does not write out
        text = f"a huge {type(value).__name__}"
    cut = text if len(text) <= _SHOWN_CHARS_MAX else text[:_SHOWN_CHARS_MAX] + "…"
    # ASCII escapes: control characters and half surrogates must not reach a terminal or a socket.
    safe = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in cut)
    return f"'{safe}'" if isinstance(value, str) else safe


def _check_text(field: str, value: object, chars_max: int) -> str:
    if not isinstance(value, str):
        raise InvalidArgument(f"{field} must be a text, not {type(value).__name__}.")
    if not value:
        raise InvalidArgument(f"{field} must not be empty.")
    if len(value) > chars_max:
        raise InvalidArgument(
            f"{field} may have {chars_max} characters, but {_shown(value)} has {len(value)}."
        )
    # Cc: control characters; Cs: halves of a surrogate pair, which UTF-8 cannot carry.
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in value):
        raise InvalidArgument(f"{field} must not have control characters: {_shown(value)}.")
    return value


def _check_integer(field: str, value: object) -> int:
    # True is an int in Python; nobody means priority 1 by it.
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidArgument(f"{field} must be a whole number, not {_shown(value)}.")
    return value


def check_lock_id(value: object) -> LockID:
    """The lock's name if it is one: 1 to 256 characters, none of them a control character."""
    return LockID(_check_text("lock_id", value, ID_CHARS_MAX))


def check_lock_ids(value: object) -> tuple[LockID, ...]:
    """The locks of one request: 1 to 16 names, each once."""
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= LOCKS_AT_ONCE_MAX:
        raise InvalidArgument(f"lock_ids are 1 to {LOCKS_AT_ONCE_MAX} names of locks.")
    names = tuple(map(check_lock_id, value))
    if len(set(names)) < len(names):
        raise InvalidArgument("lock_ids name each lock once.")
    return names


def check_client_id(value: object) -> ClientID:
    """The client's name if it is one: 1 to 256 characters, none of them a control character."""
    return ClientID(_check_text("client_id", value, ID_CHARS_MAX))


def check_node_id(value: object) -> NodeID:
    """The node's name if it is one: such that it can name a folder and a thread, too."""
    text = _check_text("node id", value, ID_CHARS_MAX)
    if not _NODE_ID.fullmatch(text):
        raise InvalidArgument(
            "node id must be 1 to 64 letters, digits, dots, dashes or underscores and begin with"
            f" a letter or digit: {_shown(text)}."
        )
    return NodeID(text)


def check_request_id(value: object) -> str:
    """The request id if it is one: up to 128 characters; an empty one means none was given."""
    return value if value == "" else _check_text("request_id", value, REQUEST_ID_CHARS_MAX)


def check_ttl(value: object) -> Millis:
    """A lock's time to live in milliseconds if it is from 1 s to 24 h, else `InvalidTTL`."""
    ttl = _check_integer("ttl", value)
    if not TTL_MS_MIN <= ttl <= TTL_MS_MAX:
        raise InvalidTTL(f"ttl must be from 1 s to 24 h, not {_seconds(ttl)}.")
    return Millis(ttl)


def check_wait(value: object, field: str = "wait_timeout") -> Millis:
    """How long to wait in the queue, in milliseconds, if it is from 1 s to 10 min."""
    wait = _check_integer(field, value)
    if not WAIT_MS_MIN <= wait <= WAIT_MS_MAX:
        raise InvalidArgument(f"{field} must be from 1 s to 10 min, not {_seconds(wait)}.")
    return Millis(wait)


def check_priority(value: object) -> int:
    """A waiter's priority if it is from -1000 to 1000; the higher is served first."""
    priority = _check_integer("priority", value)
    if not PRIORITY_MIN <= priority <= PRIORITY_MAX:
        raise InvalidArgument(
            f"priority must be from {PRIORITY_MIN} to {PRIORITY_MAX}, not {_shown(priority)}."
        )
    return priority


def check_terms(*, shared: object, permits: object) -> tuple[bool, int]:
    """On which terms a lock is asked for: alone, `shared`, or one of 1 to 1000 `permits`."""
    count = _check_integer("permits", permits)
    if not 0 <= count <= PERMITS_MAX:
        raise InvalidArgument(
            f"permits must be from 1 to {PERMITS_MAX}, or 0 for none, not {_shown(count)}."
        )
    if shared and count:
        raise InvalidArgument("A lock is shared or has permits, and not both: choose one.")
    return bool(shared), count


def check_slot(value: object) -> int:
    """The number of a permit: from 1 to 1000, or 0 where the lock is held alone."""
    slot = _check_integer("slot", value)
    if not 0 <= slot <= PERMITS_MAX:
        raise InvalidArgument(f"slot must be from 0 to {PERMITS_MAX}, not {_shown(slot)}.")
    return slot


def check_token(value: object) -> Index:
    """A fencing token (``version``) if it can be one: a whole number from 1 on."""
    token = _check_integer("version", value)
    if not 1 <= token <= INTEGER_MAX:
        raise InvalidArgument(
            f"version must be the fencing token of the grant, a number from 1 on,"
            f" not {_shown(token)}."
        )
    return Index(token)


def check_session_id(params: Mapping[str, Json]) -> SessionID:
    """The session that a keep-alive is for, its only param: a whole number from 1 on."""
    for name in params:
        if name != "session_id":
            raise InvalidArgument(f"A keep-alive has no param {_shown(name)}: leave it out.")
    session = _check_integer("session_id", params.get("session_id"))
    if not 1 <= session <= INTEGER_MAX:
        raise InvalidArgument(
            f"session_id must be the number of an open session, from 1 on, not {_shown(session)}."
        )
    return SessionID(session)


def check_session_ttl(value: object) -> Millis:
    """How long a session lives unheard, in milliseconds, of seconds from 0.1 to 3600."""
    ttl = millis_from_seconds("session_ttl", value)
    if not SESSION_TTL_MS_MIN <= ttl <= SESSION_TTL_MS_MAX:
        raise InvalidArgument(f"session_ttl must be from 0.1 s to 1 h, not {_seconds(ttl)}.")
    return ttl


def check_metadata(value: object) -> Mapping[str, str]:
    """A lock's metadata if it is at most 32 pairs of texts, 64 and 256 characters long."""
    if not isinstance(value, Mapping):
        raise InvalidArgument(f"metadata must be pairs of texts, not {type(value).__name__}.")
    if len(value) > METADATA_PAIRS_MAX:
        raise InvalidArgument(
            f"metadata may have {METADATA_PAIRS_MAX} pairs, but {len(value)} were given."
        )
    checked: dict[str, str] = {}
    for key, text in value.items():
        name = _check_text("a key of metadata", key, METADATA_KEY_CHARS_MAX)
        field = f"metadata {_shown(name)}"
        checked[name] = "" if text == "" else _check_text(field, text, METADATA_VALUE_CHARS_MAX)
    return checked


def check_command(command: Command) -> None:
    """Check every field that the command's operation uses.

    A server calls this before it proposes; a refusal is answered and changes nothing.
    """
    check_client_id(command.client_id)
    check_request_id(command.request_id)
    if command.op in (LockOperation.OPEN_SESSION, LockOperation.END_SESSION):
        return
    if command.op is LockOperation.ACQUIRE_ALL:
        check_lock_ids(command.lock_ids)
    else:
        check_lock_id(command.lock_id)
    if command.op is LockOperation.REVOKE and command.version:
        check_token(command.version)
    if command.op in (LockOperation.RELEASE, LockOperation.RENEW):
        check_token(command.version)
    if command.op in (LockOperation.ACQUIRE, LockOperation.ACQUIRE_ALL, LockOperation.RENEW):
        check_ttl(command.ttl)
    if command.op is LockOperation.ACQUIRE_ALL:
        check_metadata(command.metadata)
    if command.op in (LockOperation.ACQUIRE, LockOperation.ENQUEUE_WAITER):
        check_priority(command.priority)
        check_metadata(command.metadata)
        check_terms(shared=command.shared, permits=command.permits)
    # 0 stands for "not given" where the service has a default of its own.
    if command.op is LockOperation.ACQUIRE and command.wait and command.wait_timeout:
        check_wait(command.wait_timeout)
    if command.op is LockOperation.ENQUEUE_WAITER:
        check_wait(command.timeout, "timeout")
        if command.ttl:
            check_ttl(command.ttl)


def millis_from_seconds(field: str, value: object) -> Millis:
    """Whole milliseconds of a number of seconds that a person gave."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InvalidArgument(f"{field} must be a number of seconds, not {_shown(value)}.")
    # Written so that NaN is refused, which is less than nothing and more than nothing.
    if not abs(value) <= INTEGER_MAX // 1_000:
        raise InvalidArgument(f"{field} must be a number of seconds, not {_shown(value)}.")
    return Millis(round(value * 1_000))


def check_pattern(text: object, field: str) -> str:
    """A pattern of ids, as `fnmatch` has them; empty: not asked for."""
    if not isinstance(text, str) or len(text) > ID_CHARS_MAX:
        raise InvalidArgument(f"{field} is a pattern of at most {ID_CHARS_MAX} characters.")
    return text


def check_address(text: object) -> tuple[str, int]:
    """Read ``"host:port"`` or ``"[::1]:port"``; raises `InvalidArgument`."""
    host, _, digits = str(text).rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    port = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else 0
    if not host or not 0 < port < 1 << 16 or len(host) > ADDRESS_CHARS_MAX:
        raise InvalidArgument(f"An address is written host:port, not {str(text)[:80]!r}.")
    return host, port


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach what listens at `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _seconds(millis: int) -> str:
    if 1_000 <= abs(millis) <= INTEGER_MAX:
        return f"{millis / 1_000:.15g} s"
    return f"{_shown(millis)} ms"


class TokenBucket:
    """Lets `rate` requests a second through, and a burst of `burst` after a pause.

    The caller hands in the time, microseconds of any clock that does not go back.
    """

    def __init__(
        self, now: Micros, rate: int = REQUESTS_PER_SECOND, burst: int = REQUESTS_BURST
    ) -> None:
        assert rate > 0
        assert burst > 0
        self._rate = rate
        self._full = burst * 1_000_000
        self._level = self._full  # millionths of a request, so that all is whole numbers
        self._seen = now

    def take(self, now: Micros, cost: int = 1) -> bool:
        """Whether `cost` more requests may pass now; if so they are counted."""
        self._level = min(self._full, self._level + max(0, now - self._seen) * self._rate)
        self._seen = max(self._seen, now)
        if self._level < cost * 1_000_000:
            return False
        self._level -= cost * 1_000_000
        return True
