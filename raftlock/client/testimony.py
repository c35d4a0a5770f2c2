"""What a client says for the trace: what it asked, what it was told, what it believes it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from raftlock.client.lease import Lease
from raftlock.errors import (
    ErrorCode,
    LockHeld,
    RaftLockError,
    ServiceError,
    SessionExpired,
    Timeout,
)
from raftlock.transport.codec import command_to_params
from raftlock.types.answers import Outcome
from raftlock.types.commands import Command, LockInfo, LockOperation
from raftlock.types.events import Json, Note
from raftlock.types.ids import ClientID, Index, LockID, Millis

__all__ = ["GET_LOCK_INFO", "Look", "Observer", "Testimony"]

Observer = Callable[[Note], object]
"""Hears each note at the moment it is true; it must return at once."""


GET_LOCK_INFO = "get_lock_info"
"""The word, on the wire and in the trace, for a look at a lock."""


@dataclass(frozen=True, slots=True)
class Look:
    """A question how a lock stands. Its id is for the trace: the service needs none."""

    lock_id: LockID
    request_id: str

    def params(self) -> dict[str, Json]:
        """What the node is told."""
        return {"lock_id": self.lock_id}


class Testimony:
    """Tells `observer`, if there is one, in the kinds and fields of `raftlock.types.events`."""

    def __init__(self, client_id: ClientID, observer: Observer | None) -> None:
        self._client_id = client_id
        self._observer = observer

    def looks(self, look: Look, time_ms: Millis) -> None:
        """The client asks how a lock stands, and is ready to wait for so long."""
        self._tell("client_call", {**self._of_look(look), "time_ms": time_ms})

    def saw(self, look: Look, info: LockInfo) -> None:
        """It was told how the lock stands."""
        owner, token = info.owner_id, info.version
        text = f"{owner} holds it, token {token}" if owner else "nobody holds it"
        if info.holder_count > 1:
            text = f"{info.holder_count} hold it, {owner} longest, with token {token}"
        told: dict[str, Json] = {"status": "ok", "text": text, "result": "info"}
        if info.holders:
            told["holders"] = [
                {"client": each.client_id, "token": each.version} for each in info.holders
            ]
            told["holder_count"] = info.holder_count
        self._tell("client_return", {**self._of_look(look), **told, "owner": owner, "token": token})

    def saw_nothing(self, look: Look, error: BaseException) -> None:
        """It was not told how the lock stands."""
        self._tell("client_return", {**self._of_look(look), **_told_of(error)})

    def calls(self, command: Command, time_ms: Millis, again: str = "") -> None:
        """The client asks for a change, and is ready to wait for so long in all.

        `again` is the id of the request that it wants done by this one, of which it knows nothing.
        """
        for place, one in enumerate(_each(command)):
            part = f"{again}/{place}" if again and command.lock_ids else again
            self._calls_one(one, time_ms, part)

    def _calls_one(self, command: Command, time_ms: Millis, again: str) -> None:
        arguments = command_to_params(command)
        if again:
            arguments["again"] = again
        for told_already in ("client_id", "lock_id", "request_id"):
            arguments.pop(told_already, None)
        self._tell("client_call", {**self._about(command), **arguments, "time_ms": time_ms})

    def answered(self, command: Command, outcome: Outcome) -> None:
        """It was told that its request was done."""
        if command.lock_ids:
            for one in _each(command):
                token = outcome.tokens.get(one.lock_id, Index(0))
                self.answered(one, replace(outcome, token=token, tokens={}))
            return
        text = outcome.status.value
        if outcome.token:
            text = f"{text}, token {outcome.token}"
        told: dict[str, Json] = {"status": "ok", "text": text, "result": outcome.status.value}
        if outcome.token:
            told |= {"token": outcome.token, "expired": outcome.expired}
        if outcome.slot:
            told["slot"] = outcome.slot
        self._tell("client_return", {**self._about(command), **told})

    def failed(self, command: Command, error: BaseException) -> None:
        """It was told that its request was refused, or cannot know what became of it."""
        for one in _each(command):
            told = _told_of(error)
            if command.lock_ids and isinstance(error, LockHeld):
                # One of them is held, and only a sentence says which: of none it is certain.
                told["code"] = int(ErrorCode.TOO_MANY)
            self._tell("client_return", {**self._about(one), **told})

    def believes(self, lock_id: LockID, lease: Lease | None) -> None:
        """It believes that it holds the lock until then, or that it does not."""
        data: dict[str, Json] = {"client": self._client_id, "lock": lock_id, "token": 0, "until": 0}
        if lease is not None:
            data |= {"token": lease.token, "until": lease.until * 1_000}
        self._tell("belief", data)

    def _about(self, command: Command) -> dict[str, Json]:
        return {
            "client": self._client_id,
            "op": command.op.value,
            "lock": command.lock_id,
            "request_id": command.request_id,
        }

    def _of_look(self, look: Look) -> dict[str, Json]:
        return {
            "client": self._client_id,
            "op": GET_LOCK_INFO,
            "lock": look.lock_id,
            "request_id": look.request_id,
        }

    def _tell(self, kind: str, data: dict[str, Json]) -> None:
        if self._observer is not None:
            self._observer(Note(kind, data))


def _each(command: Command) -> tuple[Command, ...]:
    """A request for several locks at once as so many requests: each lock has its own history."""
    if not command.lock_ids:
        return (command,)
    return tuple(
        replace(
            command,
            op=LockOperation.ACQUIRE,
            lock_id=lock_id,
            lock_ids=(),
            request_id=f"{command.request_id}/{place}",
        )
        for place, lock_id in enumerate(command.lock_ids)
    )


def _told_of(error: BaseException) -> dict[str, Json]:
    # Only the service's own word that it was refused is a failure; the rest is open.
    open_end = not isinstance(error, RaftLockError) or isinstance(error, Timeout | SessionExpired)
    text = error.message if isinstance(error, RaftLockError) else "given up by its caller"
    told: dict[str, Json] = {"status": "unknown" if open_end else "fail", "text": text}
    if isinstance(error, ServiceError):
        told["code"] = int(error.code)
    return told
