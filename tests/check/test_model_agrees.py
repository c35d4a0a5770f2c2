"""The model and the lock table, written apart from one another, come to the same."""

import json

import pytest

from raftlock.check.model import LockModel
from raftlock.lock import LockMachine
from raftlock.lock.commands import encode
from raftlock.lock.rules import AgeingRules, LockRules
from raftlock.raft.random64 import Random64
from raftlock.types.commands import Command
from raftlock.types.commands import LockOperation as Op
from raftlock.types.log import LogEntry

LOCKS = ("x", "y", "z")
OFTEN = (Op.ACQUIRE, Op.ENQUEUE_WAITER, Op.RELEASE, Op.RENEW)
USUAL = (1, 100, 500, 1_000, 2_000)
DONE = {"granted", "renewed", "released", "revoked", "refused"}


class Both:
    """Draws commands, good ones and bad ones, and applies each to both."""

    def __init__(self, seed, *, ages=False):
        self.random = Random64(seed)
        self.machine = LockMachine(AgeingRules() if ages else LockRules())
        self.model = LockModel(ages=ages)
        self.index = self.stamp = 0
        self.sessions = {0: ""}
        self.sequences = {}

    def one_of(self, *choices):
        return choices[self.random.below(len(choices))]

    def step(self):
        self.index += 1
        self.stamp += self.one_of(0, 0, 1, 5, 50, 400)
        data = b"" if self.random.below(10) == 0 else encode(self.command())
        applied = self.machine.apply(LogEntry(1, self.index, data, self.stamp))
        self.model.apply(self.index, self.stamp, json.loads(data) if data else {})
        own = applied.command_result_data
        if own is not None and own.status.value == "session_opened":
            self.sessions[own.session_id] = own.client_id
        return [own] if own is not None else [], list(applied.outcomes)

    def command(self):
        op = self.one_of(*Op, *OFTEN, *OFTEN, *OFTEN)
        lock = self.one_of(*LOCKS)
        held = self.machine.info(lock)
        client = self.one_of(*"abcd")
        one = self.one_of(*held.holders) if held and held.holders else None
        if one is not None and op in (Op.RELEASE, Op.RENEW) and self.random.below(4):
            client = one.client_id
        mine = [number for number, owner in self.sessions.items() if owner == client]
        session = mine[-1] if mine and self.random.below(5) else self.one_of(*self.sessions)
        sequence = max(self.sequences.get(session, 0) - 2, 1) + self.random.below(9)
        self.sequences[session] = max(self.sequences.get(session, 0), sequence)
        about_session = op in (Op.OPEN_SESSION, Op.END_SESSION)
        several = op is Op.ACQUIRE_ALL
        names = [each for each in LOCKS if self.random.below(2)] if several else []
        return Command(
            op,
            "" if about_session or (several and self.random.below(9)) else lock,
            client,
            ttl=self.one_of(*USUAL, *USUAL, 0, 90_000_000),
            version=one.token if one and self.random.below(5) else self.random.below(self.index),
            priority=self.one_of(*[0] * 9, 1, 1, -1, -1, 2_000),
            timeout=self.one_of(*USUAL, 0),
            wait=self.random.below(2) == 0,
            wait_timeout=self.one_of(*USUAL, 0),
            request_id=self.one_of("p", "q") if op is Op.OPEN_SESSION else f"r{self.index}",
            session_id=session,
            sequence=sequence,
            lowest_unanswered=max(self.one_of(*[1] * 19, 0), sequence - self.random.below(5)),
            lock_ids=tuple(names * (2 if self.random.below(20) == 0 else 1)),
            **self.terms(op, lock),
        )

    def terms(self, op, lock):
        """On which terms: "y" is shared by readers, "z" has two permits, and some ask otherwise."""
        asks = op in (Op.ACQUIRE, Op.ENQUEUE_WAITER) or self.random.below(50) == 0
        if lock == "x" or not asks or self.random.below(4) == 0:
            return {}
        if lock == "y":
            return {"shared": True, "permits": self.one_of(*[0] * 30, 2)}
        return {"permits": self.one_of(*[2] * 12, 3, 1_001)}

    def told(self, lock):
        change = self.machine.info(lock)
        if change is None:
            return [], []
        queue = [
            (each.client_id, each.index, each.deadline, (each.shared, each.permits))
            for each in change.waiters
        ]
        terms = (change.shared, change.permits)
        holds = [(one.client_id, one.token, one.deadline, one.slot) for one in change.holders]
        return [(*hold, terms) for hold in holds], queue

    def modelled(self, lock):
        state = self.model.lock(lock)
        queue = [(each.client, each.index, each.deadline, each.terms) for each in state.queue]
        holds = [
            (hold.client, hold.token, hold.deadline, hold.slot, hold.terms) for hold in state.holds
        ]
        return holds, queue


@pytest.mark.parametrize("ages", [False, True])
@pytest.mark.parametrize("seed", range(1, 9))
def test_both_come_to_the_same(seed, ages):
    both = Both(seed, ages=ages)
    for _ in range(300):
        own, others = both.step()
        for lock in LOCKS:
            assert both.told(lock) == both.modelled(lock)
        for outcome in (*own, *others):
            known = both.model.answers.get((outcome.client_id, outcome.request_id), [])
            if outcome.status.value in DONE:
                assert (outcome.status.value, outcome.token) in known


def test_what_is_drawn_has_all_that_matters():
    seen = set()
    for both in map(Both, range(1, 17)):
        for _ in range(300):
            own, others = both.step()
            seen |= {outcome.status.value for outcome in (*own, *others)}
            seen |= {"retry"} if both.model.was_retry else set()
            seen |= {"expired"} if both.model.expired else set()
            seen |= {len(both.model.lock(lock).holds) for lock in LOCKS}
    assert seen >= DONE | {0, 1, 2, 3} | {"queued", "timed_out", "cancelled", "retry", "expired"}
