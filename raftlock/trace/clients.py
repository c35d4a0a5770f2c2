"""The clients as the trace shows them: what each is doing now, and what each believes it holds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from raftlock.trace.fields import shorten

__all__ = ["Belief", "ClientView", "doing"]

KEPT_CALLS = 20
"""How many unanswered requests of one client are kept."""

_DOING = {
    "acquire": "asks for {}",
    "enqueue_waiter": "asks to wait for {}",
    "release": "asks to release {}",
    "renew": "asks to renew {}",
    "revoke": "asks to take {} from its holder",
    "cancel_wait": "asks to stop waiting for {}",
    "get_lock_info": "asks who holds {}",
    "open_session": "asks for a session",
    "end_session": "asks to end its session",
}


@dataclass(frozen=True, slots=True)
class Belief:
    """A lock that a client believes it holds, with its token, `until` (µs of run time)."""

    lock: str
    token: int
    until: int


@dataclass(slots=True)
class ClientView:
    """One client; `calls` are its unanswered requests by request id, in the order asked.

    `last` is what the latest answer came to (ok, fail or unknown) and `last_text` its words.
    """

    id: str
    state: str = "up"
    calls: dict[str, str] = field(default_factory=dict)
    holds: dict[str, Belief] = field(default_factory=dict)
    last: str = ""
    last_text: str = ""

    def copy(self) -> ClientView:
        """The same client, to go on apart."""
        return replace(self, calls=dict(self.calls), holds=dict(self.holds))

    def ask(self, request: str, words: str) -> None:
        """The client made a request; of those nobody ever answers only the last are kept."""
        self.calls[request] = words
        if len(self.calls) > KEPT_CALLS:
            del self.calls[next(iter(self.calls))]

    @property
    def doing(self) -> str | None:
        """What the client waits for now, in words; ``None`` if it waits for no answer."""
        return next(reversed(self.calls.values())) if self.calls else None


def doing(op: str, lock: str) -> str:
    """A request in words that follow the client's name, such as ``asks for printer``."""
    return _DOING.get(op, op.replace("_", " ") + " {}").format(shorten(lock)).strip()
