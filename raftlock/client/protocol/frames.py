"""Requests as they leave and answers as they come, between the wire's frames and the requester."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from raftlock.transport.codec import Request, Response, command_to_params
from raftlock.transport.values import decode
from raftlock.types.answers import Outcome, OutcomeStatus
from raftlock.types.commands import Command
from raftlock.types.events import Json

__all__ = ["Answer", "read_answer", "request_for"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a frame says: an `outcome` of the lock table, any other `result`, or an error's `code`.

    A refusal is the same whether it came as an error or as an outcome.
    """

    outcome: Outcome | None = None
    result: Mapping[str, Json] | None = None
    code: int | None = None
    message: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


def request_for(
    frame_id: int, call: str, command: Command | None, params: Mapping[str, Json]
) -> Request:
    """The frame that asks for `call` with its `params`, or for `command` under that word."""
    return Request(frame_id, call, params if command is None else command_to_params(command))


def read_answer(response: Response, *, of_lock_table: bool) -> Answer:
    """What `response` says; raises `RemoteProtocolError` if it is not an answer to that call."""
    if response.error is not None:
        error = response.error
        return Answer(code=error.code, message=error.message, details=error.details)
    if not of_lock_table:
        return Answer(result=response.result)
    outcome = decode(Outcome, dict(response.result or {}))
    if outcome.status is OutcomeStatus.REFUSED:
        return Answer(code=int(outcome.code), message=outcome.message)
    return Answer(outcome=outcome)
