"""Clients of the lock service.

::

    aio.py         AsyncLockClient: the calls, what is believed to be held
    sync.py        LockClient: the same words for plain code; faces.py: what it gives out
    looking.py     the calls that change nothing; admin.py: those of administrators
    access.py      the file that says how to reach a cluster
    handle.py      `with` blocks, one handle of a client on a lock at a time; several.py: on several
    keeping.py     renews a block's lock, and warns before it is lost
    held.py lease.py           how long a holder may act
    submission.py testimony.py what panels and the trace are told
    asking.py clock.py         arguments in seconds; where time comes from
    engine.py      sockets and timers, as the protocol says
    protocol/      whom to ask what, when again, what to take back, without I/O
"""

from __future__ import annotations

from raftlock.client.access import Access, read_access
from raftlock.client.client import Address, AsyncAdmin, AsyncLockClient, LockClient
from raftlock.client.clock import Clock, MachineClock, Timer
from raftlock.client.faces import SyncHeld, SyncLockHandle, SyncLocksHandle, SyncSubmission
from raftlock.client.handle import LockHandle
from raftlock.client.held import Held
from raftlock.client.lease import Lease
from raftlock.client.looking import Health, LockPage
from raftlock.client.protocol import Endpoint, RetryPolicy
from raftlock.client.several import LocksHandle
from raftlock.client.submission import Submission

__all__ = [
    "Access",
    "Address",
    "AsyncAdmin",
    "AsyncLockClient",
    "Clock",
    "Endpoint",
    "Health",
    "Held",
    "Lease",
    "LockClient",
    "LockHandle",
    "LockPage",
    "LocksHandle",
    "MachineClock",
    "RetryPolicy",
    "Submission",
    "SyncHeld",
    "SyncLockHandle",
    "SyncLocksHandle",
    "SyncSubmission",
    "Timer",
    "read_access",
]
