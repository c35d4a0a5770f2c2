"""What a client does, without I/O: events and their time in, actions out.

::

    requester.py   whom to ask what, when again, what to take back
    effects.py     the events and the actions
    calls.py pending.py        calls without an answer, and in what words they fail
    route.py line.py           the search for the leader; the one connection
    session.py memory.py       sequence numbers; what is remembered of calls that are over
    frames.py      the wire's frames

A session is kept alive while something hangs on it (`Calls.needs_session`), by a call of the
requester's own when a third of its TTL has passed without any other. If it ended all the same, a
call that had not left before goes out in a new one; any other fails with `SessionExpired`, or with
`WaitCancelled` if that is its final answer: its place in the queue is lost, and whether to stand at
the end of it is for the caller to say.
"""

from __future__ import annotations

from raftlock.client.protocol.effects import (
    Action,
    Answered,
    Cancel,
    Close,
    Connect,
    Connected,
    Disconnected,
    Endpoint,
    EndpointsChanged,
    Event,
    Failed,
    Progress,
    Random,
    Received,
    RetryPolicy,
    Send,
    Submit,
    TimePassed,
)
from raftlock.client.protocol.requester import Requester

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
    "Requester",
    "RetryPolicy",
    "Send",
    "Submit",
    "TimePassed",
]
