"""What a client does, without I/O: events and their time in, actions out.

::

    requester.py   whom to ask what, when again, what to take back
    effects.py     the events and the actions
    calls.py pending.py        calls without an answer, and in what words they fail
    route.py line.py           the search for the leader; the one connection
    session.py memory.py       sequence numbers; what is remembered of calls that are over
    frames.py      the wire's frames

A session's keep-alive will be one more call of the requester's own, see `Calls.ask_myself`.
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
