"""Histories of a lock that does what it should, made up from a seed: legal by their making."""

from random import Random

from raftlock.check.history import Answer, Operation


class PlainLock:
    """A lock in one place, with a clock that everybody sees."""

    def __init__(self):
        self.owner, self.token, self.until = "", 0, 0

    def do(self, client, op, version, ttl, now):
        if self.owner and now >= self.until:
            self.owner = ""
        if op == "acquire":
            return self.acquire(client, now + ttl)
        if not self.owner:
            return Answer("lock_not_held")
        if self.owner != client:
            return Answer("not_lock_owner")
        if self.token != version:
            return Answer("version_mismatch")
        if op == "release":
            self.owner = ""
            return Answer("released", version)
        self.until = max(self.until, now + ttl)
        return Answer("renewed", version)

    def acquire(self, client, until):
        if self.owner not in ("", client):
            return Answer("lock_held")
        if self.owner == client:
            self.until = max(self.until, until)
        else:
            self.owner, self.token, self.until = client, self.token + 1, until
        return Answer("granted", self.token)


def made_up(seed, *, clients, length, slack, pause, ttl=20, lost_percent=0):
    """A history of `length` operations in ticks of a millisecond.

    Each takes effect up to `slack` ticks after its call, and is answered up to `slack` later, or
    never; its client pauses for up to `pause` ticks before the next.
    """
    random = Random(seed)
    free_at = {f"c{number}": random.randint(0, pause) for number in range(clients)}
    spans = []
    for _ in range(length):
        client = min(free_at, key=free_at.get)
        call = free_at[client]
        effect = call + random.randint(0, slack)
        returned = effect + random.randint(0, slack)
        spans.append((effect, len(spans), client, call, returned))
        free_at[client] = returned + 1 + random.randint(0, pause)
    lock, known, history = PlainLock(), dict.fromkeys(free_at, 0), []
    for effect, _, client, call, returned in sorted(spans):
        op, version = "acquire", known[client]
        if version:
            op = random.choice(("release", "release", "renew", "acquire"))
        answer = lock.do(client, op, version, ttl, effect)
        is_lost = random.randrange(100) < lost_percent
        known[client] = answer.token if op != "release" and not is_lost else 0
        if is_lost and op == "renew":
            continue
        history.append(
            Operation(
                client,
                op,
                "printer",
                (call * 1_000, 0),
                None if is_lost else (returned * 1_000, 0),
                None if is_lost else answer,
                {"version": version if op != "acquire" else 0, "ttl": ttl},
            )
        )
    return history
