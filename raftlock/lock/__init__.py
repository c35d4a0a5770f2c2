"""The lock table: a pure state machine over the log, and the rules it asks.

Start with `machine` (what an entry does), then `rules` (every safety rule, one method each).
"""

from raftlock.lock.commands import decode, describe, encode
from raftlock.lock.limits import Limits
from raftlock.lock.machine import LockMachine
from raftlock.lock.rules import AgeingRules, Hold, LockRules

__all__ = ["AgeingRules", "Hold", "Limits", "LockMachine", "LockRules"]
__all__ += ["decode", "describe", "encode"]
