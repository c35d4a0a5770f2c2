"""What the clients of an explored run do: ask, renew, write, release, and ask again in vain."""

from __future__ import annotations

from raftlock.errors import Timeout
from raftlock.raft.random64 import Random64
from raftlock.sim.actions import Action
from raftlock.sim.chance import chance, keyed
from raftlock.sim.client import SimClient
from raftlock.sim.profile import Profile
from raftlock.sim.world import World
from raftlock.types.events import Json
from raftlock.types.ids import LockID

__all__ = ["Workload"]

CALLS_PER_LOCK_MAX = 60
"""More would make the search for an order of the calls too long."""


class Workload:
    """Draws what clients do; each client from a stream of its own."""

    def __init__(self, profile: Profile, seed: int) -> None:
        self._profile = profile
        self._random = {
            f"c{number}": keyed(seed, "work", number) for number in range(profile.clients)
        }
        self._reads = {name: keyed(seed, "reads", name) for name in self._random}
        self._terms = {name: keyed(seed, "terms", name) for name in self._random}
        self._calls: dict[str, int] = {}
        self._written: set[tuple[LockID, int]] = set()
        self._retried: set[tuple[str, int]] = set()

    def tick(self, world: World) -> list[Action]:
        """What they do now; `world` is only looked at."""
        actions: list[Action] = []
        for name, random in self._random.items():
            client = world.clients.get(name)
            if (client is None or not client.frozen) and chance(random, self._profile.ask_ppm):
                action = self._act(name, client, random)
                if action is not None:
                    actions.append(action)
        return actions

    def _act(self, name: str, client: SimClient | None, random: Random64) -> Action | None:
        again = self._again(client, random) if client is not None else None
        if again is not None:
            return again
        lock = f"lock{random.below(self._profile.locks)}"
        if client is not None and client.held and random.below(3):
            lock = next(iter(client.held))
        if client is not None and random.below(4):
            fresh = self._first_write(client)
            if fresh is not None:
                return fresh
        busy = client is not None and sum(not ask.done for ask in client.asked.values()) > 1
        if chance(self._reads[name], self._profile.read_ppm):
            return None if busy else self._look(name, lock)
        if chance(self._terms[name], self._profile.several_ppm):
            return None if busy else self._at_once(name, lock)
        if client is not None and LockID(lock) in client.held:
            kind = random.below(10)
            if kind < 4:
                return {"do": "write", "client": name, "lock": lock, "work_us": self._work(random)}
            op = "release" if kind < 7 else "renew" if kind < 9 else "acquire"
        else:
            op = ("acquire", "wait", "acquire", "wait", "enqueue_waiter", "cancel")[random.below(6)]
        if busy or self._calls.get(lock, 0) >= CALLS_PER_LOCK_MAX:
            return None
        self._calls[lock] = self._calls.get(lock, 0) + 1
        told: dict[str, Json] = {"do": "ask", "client": name, "op": op, "lock": lock}
        if op != "release":
            told["ttl_ms"] = self._profile.ttl_ms + random.below(500)
        if op in {"wait", "enqueue_waiter"}:
            told |= {"wait_ms": 1_000 + random.below(1_500), "priority": random.below(3)}
        told["time_ms"] = self._profile.patience_ms // 4 + random.below(self._profile.patience_ms)
        return told | self._on_terms(name, lock, op)

    def _on_terms(self, name: str, lock: str, op: str) -> dict[str, Json]:
        """The first lock is read and written, the second has two permits, the third neither."""
        kind = int(lock.removeprefix("lock")) % 3
        asks = op in {"acquire", "wait", "enqueue_waiter"} and kind < 2
        if not asks or not chance(self._terms[name], self._profile.terms_ppm):
            return {}
        return {"shared": True} if kind == 0 else {"permits": 2}

    def _at_once(self, name: str, lock: str) -> Action | None:
        """Ask for all locks at once, or take one away from whoever has it."""
        locks = [f"lock{number}" for number in range(self._profile.locks)]
        revokes = self._terms[name].below(2) == 0
        for each in [lock] if revokes else locks:
            if self._calls.get(each, 0) >= CALLS_PER_LOCK_MAX:
                return None
        for each in [lock] if revokes else locks:
            self._calls[each] = self._calls.get(each, 0) + 1
        told: dict[str, Json] = {"do": "ask", "client": name}
        told["time_ms"] = self._profile.patience_ms
        if revokes:
            return {**told, "op": "revoke", "lock": lock}
        told |= {"op": "acquire_all", "lock": locks[0], "locks": [*locks]}
        return {**told, "ttl_ms": self._profile.ttl_ms}

    def _look(self, name: str, lock: str) -> Action | None:
        """Ask how a lock stands."""
        if self._calls.get(lock, 0) >= CALLS_PER_LOCK_MAX:
            return None
        self._calls[lock] = self._calls.get(lock, 0) + 1
        time_ms = self._profile.patience_ms // 2
        return {"do": "ask", "client": name, "op": "info", "lock": lock, "time_ms": time_ms}

    def _first_write(self, client: SimClient) -> Action | None:
        """Who has just got a lock mostly has something to write."""
        for lock, lease in client.held.items():
            if not lease.shared and (lock, lease.token) not in self._written:
                self._written.add((lock, lease.token))
                return {"do": "write", "client": client.name, "lock": lock, "work_us": 0}
        return None

    def _work(self, random: Random64) -> int:
        return (0, 5_000, 50_000, 300_000)[random.below(4)]

    def _again(self, client: SimClient, random: Random64) -> Action | None:
        """Ask once more for what timed out: it may have been done."""
        for ask in client.asked.values():
            key = (client.name, ask.number)
            command = ask.command
            if command is None or key in self._retried or not isinstance(ask.error, Timeout):
                continue
            self._retried.add(key)
            if ask.state == "taken back" or random.below(3) == 0:
                continue
            told: dict[str, Json] = {
                "do": "ask",
                "client": client.name,
                "op": "wait" if command.wait else command.op.value.removesuffix("_wait"),
                "lock": command.lock_id,
                "again": command.request_id,
                "ttl_ms": command.ttl or 1_000,
                "wait_ms": command.wait_timeout or command.timeout or 1_000,
                "priority": command.priority,
                "time_ms": self._profile.patience_ms,
            }
            if command.version:
                told["token"] = command.version
            if command.shared or command.permits:
                told |= {"shared": command.shared, "permits": command.permits}
            if command.lock_ids:
                told["locks"] = [*command.lock_ids]
            return told
        return None
