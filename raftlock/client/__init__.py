"""Clients of the lock service.

::

    aio.py         AsyncLockClient: the calls, what is believed to be held
    sync.py        LockClient: the same words for plain code
    handle.py      `with` blocks, one handle of a client on a lock at a time
    held.py lease.py           how long a holder may act
    submission.py testimony.py what panels and the trace are told
    asking.py clock.py         arguments in seconds; where time comes from
    engine.py      sockets and timers, as the protocol says
    protocol/      whom to ask what, when again, what to take back, without I/O

Locks that renew themselves, and the warning before one is lost, get their place in handle.py.
"""

from __future__ import annotations

from raftlock.client.client import Address, AsyncLockClient, LockClient
from raftlock.client.clock import Clock, MachineClock, Timer
from raftlock.client.handle import LockHandle
from raftlock.client.held import Held
from raftlock.client.lease import Lease
from raftlock.client.protocol import Endpoint, RetryPolicy
from raftlock.client.submission import Submission
from raftlock.client.sync import SyncHeld, SyncLockHandle, SyncSubmission

__all__ = [
    "Address",
    "AsyncLockClient",
    "Clock",
    "Endpoint",
    "Held",
    "Lease",
    "LockClient",
    "LockHandle",
    "MachineClock",
    "RetryPolicy",
    "Submission",
    "SyncHeld",
    "SyncLockHandle",
    "SyncSubmission",
    "Timer",
]
