"""Commands as careless clients would send them, from a seed: retries, late ones, wrong ones."""

from __future__ import annotations

import random
from dataclasses import replace

from raftlock.lock import LockMachine
from raftlock.types import ClientID, Command, Index, LockID, LockOperation, Millis, SessionID

CLIENTS = tuple(ClientID(name) for name in ("alice", "bob", "carol", "dave"))
LOCKS = tuple(LockID(name) for name in ("a", "a", "b", "c"))
OPERATIONS = (
    *[LockOperation.ACQUIRE] * 10,
    *[LockOperation.ENQUEUE_WAITER] * 4,
    *[LockOperation.RELEASE] * 4,
    *[LockOperation.RENEW] * 2,
    *[LockOperation.CANCEL_WAIT] * 2,
    LockOperation.REVOKE,
    LockOperation.OPEN_SESSION,
)


def holders_in(table: LockMachine) -> dict[LockID, list[tuple[ClientID, Index]]]:
    """Who has each lock that is held, and with which token."""
    locks = ((lock.lock_id, lock.holders) for lock in table.all())
    return {name: [(one.client_id, one.token) for one in holders] for name, holders in locks}


class Traffic:
    """Draws one command after another; it is told of holders, so that some of them succeed."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.sessions: dict[ClientID, SessionID] = {}
        self.sequence = dict.fromkeys(CLIENTS, 0)
        self.sent: list[Command] = []

    def opened(self, client_id: ClientID, session_id: SessionID) -> None:
        self.sessions[client_id] = session_id

    def next(self, holders: dict[LockID, list[tuple[ClientID, Index]]]) -> Command | None:
        """A command, or ``None`` for a tick."""
        draw = self.draw
        if draw.random() < 0.15:
            return None
        if self.sent and draw.random() < 0.2:
            return draw.choice(self.sent[-12:])
        command = self.command(draw.choice(OPERATIONS), draw.choice(LOCKS), holders)
        self.sent.append(command)
        return command

    def command(self, op, lock_id, holders) -> Command:
        draw = self.draw
        client_id, version = draw.choice(CLIENTS), Index(draw.randrange(60))
        if lock_id in holders and draw.random() < 0.8:
            owner, version = draw.choice(holders[lock_id])
            if op in (LockOperation.RELEASE, LockOperation.RENEW) and draw.random() < 0.9:
                client_id = owner
        command = Command(
            op,
            lock_id if op is not LockOperation.OPEN_SESSION else LockID(""),
            client_id,
            ttl=Millis(draw.choice((1, 200, 1_000, 3_000))),
            version=version,
            priority=draw.choice((0, 0, 1, 2)),
            timeout=Millis(draw.choice((1, 300, 2_000, 5_000, 20_000))),
            wait=draw.random() < 0.8,
            wait_timeout=Millis(draw.choice((1, 300, 2_000, 5_000, 20_000))),
            request_id=f"r{len(self.sent)}",
        )
        if op in (LockOperation.ACQUIRE, LockOperation.ENQUEUE_WAITER):
            command = self.on_terms(command)
        if op is LockOperation.REVOKE and draw.random() < 0.3:
            command = replace(command, version=Index(0))
        if op is LockOperation.OPEN_SESSION or draw.random() < 0.3:
            return command
        return self.numbered(command)

    def on_terms(self, command: Command) -> Command:
        """The lock "b" is read and written, "c" has two permits; and nobody is always right."""
        draw = self.draw
        if command.lock_id == "a" or draw.random() < 0.25:
            return command
        if command.lock_id == "b":
            return replace(command, shared=True)
        return replace(command, permits=draw.choice((2, 2, 2, 2, 2, 2, 3)))

    def numbered(self, command: Command) -> Command:
        """The same as a request of its client's session (which may have ended meanwhile)."""
        draw, client_id = self.draw, command.client_id
        session_id = self.sessions.get(client_id)
        if session_id is None:
            return command
        if draw.random() < 0.04:
            return Command(LockOperation.END_SESSION, session_id=session_id)
        self.sequence[client_id] += 1
        sequence = self.sequence[client_id]
        lowest = max(0, sequence - draw.randrange(12))
        return replace(command, session_id=session_id, sequence=sequence, lowest_unanswered=lowest)
