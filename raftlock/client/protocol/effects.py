"""What goes into a `Requester` and what comes out of it: values, so that no test needs a socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from raftlock.errors import InvalidArgument, RaftLockError
from raftlock.transport.codec import Request, Response
from raftlock.transport.limits import check_address
from raftlock.types.answers import Outcome
from raftlock.types.commands import Command
from raftlock.types.events import Json
from raftlock.types.ids import Millis

__all__ = [
    "Action",
    "Answered",
    "Cancel",
    "Close",
    "Connect",
    "Connected",
    "Disconnected",
    "Endpoint",
    "EndpointsChanged",
    "Event",
    "Failed",
    "Progress",
    "Random",
    "Received",
    "RetryPolicy",
    "Send",
    "Submit",
    "TimePassed",
]


class Random(Protocol):
    """Where chance comes from; `raftlock.raft.random64.Random64` is one."""

    def next(self) -> int:
        """A number from 0 up to 2**64 - 1."""

    def between(self, low: int, high: int) -> int:
        """A number from `low` up to and including `high`."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a node answers clients."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, address: str | tuple[str, int] | Endpoint) -> Endpoint:
        """Read ``"host:port"``, ``"[::1]:port"`` or a pair; raises `InvalidArgument`."""
        if isinstance(address, Endpoint):
            return address
        if not isinstance(address, tuple):
            return cls(*check_address(address))
        host, port = address
        if not host or not 0 < port < 1 << 16:
            raise InvalidArgument(f"An address is written host:port, not {str(address)[:80]!r}.")
        return cls(host, port)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long a client waits for what; all in milliseconds of its own clock.

    `answer_ms` is how long a connected node may be silent about a call before the next one is
    asked: longer than a commit, or no call would ever end. `probe_ms` is how often a client that
    only waits in queues asks where it stands, and so learns that its leader is cut off.
    `withdraw_ms` is how long it tries to take back what its caller no longer wants.
    """

    backoff_ms_min: int = 50
    backoff_ms_max: int = 1_000
    connect_ms: int = 2_000
    answer_ms: int = 3_000
    probe_ms: int = 6_000
    withdraw_ms: int = 30_000


# --- in: every event carries the client's clock, which must not go backwards --------------------


@dataclass(frozen=True, slots=True)
class Submit:
    """The caller asks. `number` names the call from here on; a number is used once.

    `call` is its word on the wire. What changes the lock table has its `command`; the session
    fields in it are the requester's to fill in. A question has its `params` instead: it changes
    nothing, so it needs no session and may be asked of every node in turn. At `deadline` the caller
    is answered, whatever is known.
    """

    now: Millis
    number: int
    call: str
    deadline: Millis
    command: Command | None = None
    params: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cancel:
    """The caller is gone. Whatever the call leaves at the service is taken back behind its back."""

    now: Millis
    number: int


@dataclass(frozen=True, slots=True)
class Connected:
    """`connection` stands, its handshake done."""

    now: Millis
    connection: int


@dataclass(frozen=True, slots=True)
class Disconnected:
    """`connection` could not be made, or has ended, and why in a few words.

    `denied` says that the node wants nothing to do with this client: a wrong token, say.
    """

    now: Millis
    connection: int
    reason: str = ""
    denied: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """A frame came in over `connection`."""

    now: Millis
    connection: int
    response: Response


@dataclass(frozen=True, slots=True)
class EndpointsChanged:
    """The nodes are elsewhere now."""

    now: Millis
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class TimePassed:
    """`Requester.wake_at` has come, or may have."""

    now: Millis


Event = Submit | Cancel | Connected | Disconnected | Received | EndpointsChanged | TimePassed


# --- out: to be performed in order -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Connect:
    """Dial `endpoint`, then put in `Connected` or `Disconnected` under this number."""

    connection: int
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Send:
    """Send this frame over `connection`. If that fails, put in `Disconnected`."""

    connection: int
    request: Request


@dataclass(frozen=True, slots=True)
class Close:
    """Close or give up `connection`. Nothing about it needs to be put in any more."""

    connection: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The call stands in a queue, at `outcome.position`. Its answer is still to come."""

    number: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Answered:
    """The call succeeded. `first_left` is when its first attempt left: a lease counts from there.

    A call on the lock table has its `outcome`; any other has its `result` as it came.
    """

    number: int
    first_left: Millis
    outcome: Outcome | None = None
    result: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The call ended with `error`; a `Timeout` means that its outcome is unknown."""

    number: int
    error: RaftLockError


Action = Connect | Send | Close | Progress | Answered | Failed
