"""Many short lives under random faults: whatever happens, these promises hold."""

import pytest

from raftlock.client.lease import Lease
from raftlock.client.protocol import Answered
from raftlock.errors import SessionExpired, Timeout
from raftlock.raft.random64 import Random64
from raftlock.types import Command, LockOperation, OutcomeStatus
from tests.client.world import NODES, Client, World

LOCKS = ("build", "deploy")
SEEDS = 120


class Life:
    def __init__(self, seed):
        self.random = Random64(seed)
        self.world = World(latency=(1, 200), seed=seed)
        names = ("alice", "bob", "carol")
        self.clients = [
            Client(self.world, name, seed=seed + place) for place, name in enumerate(names)
        ]
        self.open = []  # (client, number) of calls that nobody cancelled
        self.busy = {}  # (client, lock) -> the last call about it
        self.told = set()  # answers looked at
        self.holds = {}  # (client, lock) -> lease, as callers know them

    def one_of(self, choices):
        return choices[self.random.below(len(choices))]

    def live(self, turns=80):
        for _ in range(turns):
            self.world.run(self.random.between(0, 400))
            self.look()
            self.one_of(
                [
                    *[self.acquire] * 4,
                    *[self.release] * 2,
                    *[self.cancel] * 3,
                    self.change_leader,
                    self.change_leader,
                    self.lose_answers,
                    self.break_connections,
                    self.fall_silent,
                    self.kill,
                    self.end_a_session,
                ]
            )()

    def heal(self):
        self.world.down.clear()
        self.world.silent.clear()
        self.world.answers_lost = 0
        self.world.elect(self.world.leader or "n1")
        self.world.run(130_000, lambda: all(client.requester.is_settled for client in self.clients))

    # --- what callers do ---

    def acquire(self):
        client, lock = self.one_of(self.clients), self.one_of(LOCKS)
        if self.is_busy(client, lock):
            return
        wait_ms = self.one_of([0, 2_000, 8_000])
        ttl = self.one_of([1_000, 4_000, 60_000])
        number = client.acquire(lock, ttl, wait_ms=wait_ms)
        self.open.append((client, number))
        self.busy[client, lock] = number

    def release(self):
        if self.holds:
            places = list(self.holds)
            client, lock = self.one_of(places)
            if not self.is_busy(client, lock):
                lease = self.holds.pop((client, lock))
                self.busy[client, lock] = client.release(lease.token, lock)

    def cancel(self):
        if self.open:
            client, number = self.one_of(self.open)
            if number not in client.answers:
                self.open.remove((client, number))
                places = [place for place, call in self.busy.items() if call == number]
                self.busy.pop(next(place for place in places if place[0] is client))
                client.cancel(number)

    def is_busy(self, client, lock):
        """One program does one thing at a time with one lock; else it takes it from itself."""
        number = self.busy.get((client, lock))
        return number is not None and number not in client.answers

    # --- what goes wrong ---

    def change_leader(self):
        up = [node for node in NODES if node not in self.world.down | self.world.silent]
        known_to = [node for node in NODES if self.random.below(2)]
        self.world.elect(self.one_of([*up, None]), known_to)

    def lose_answers(self):
        self.world.answers_lost = self.random.below(4)

    def break_connections(self):
        self.world.disconnect_all()

    def fall_silent(self):
        if self.world.silent:
            self.world.silent.clear()
        else:
            self.world.silent.add(self.one_of(NODES))

    def kill(self):
        if self.world.down:
            self.world.down.clear()
        else:
            self.world.kill(self.one_of(NODES))

    def end_a_session(self):
        session = self.one_of(self.clients).requester.session_id
        if session and not self.random.below(4):
            self.world.propose(Command(LockOperation.END_SESSION, session_id=session))

    # --- what must hold ---

    def look(self):
        for client, number in tuple(self.open):
            answer = client.answers.get(number)
            if isinstance(answer, Answered) and (client, number) not in self.told:
                self.told.add((client, number))
                lease = Lease.counted_from(answer.first_left, answer.outcome)
                self.holds[client, answer.outcome.lock_id] = lease
        for (client, lock), lease in self.holds.items():
            if lease.valid(self.world.now):
                change = self.world.machine.info(lock)
                assert change is not None, f"{client.name} still believes in {lock}"
                assert (change.owner_id, change.token) == (client.name, lease.token)
                assert change.deadline >= lease.until


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_life(seed):
    life = Life(seed)
    life.live()
    life.heal()
    life.look()
    world = life.world
    for client in life.clients:
        assert client.requester.is_settled
        assert client.requester.wake_at is None
    for client, number in life.open:
        assert number in client.answers, "a caller was left without an answer"

    # Nobody stands in a queue, and a lock is held only by whoever was told so, or told that it
    # cannot be known.
    world.append(b"")
    for change in world.machine.all():
        assert change.waiters == ()
        owner = next(client for client in life.clients if client.name == change.owner_id)
        known = any(
            isinstance(answer, Answered)
            and answer.outcome.status is OutcomeStatus.GRANTED
            and answer.outcome.token == change.token
            for answer in owner.answers.values()
        )
        unknown = any(
            isinstance(getattr(answer, "error", None), Timeout | SessionExpired)
            for answer in owner.answers.values()
        )
        assert known or unknown, f"nobody knows of {change}"


def test_one_request_has_one_place_in_a_session_at_a_time():
    for seed in range(20):
        life = Life(1_000 + seed)
        life.live()
        life.heal()
        places = {}
        for command in life.world.asked:
            key = (command.client_id, command.request_id, command.session_id)
            places.setdefault(key, set()).add(command.sequence)
        assert all(len(found) == 1 for found in places.values())
