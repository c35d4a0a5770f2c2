"""Every safety rule of the lock table, one method each: read them here, break them in a subclass.

The table asks its rules and holds no flag of its own. A broken lock service is a few lines::

    class AnyoneMayRelease(LockRules):
        def may_release(self, hold, client_id, version):
            return True

All replicas must follow the same rules: the table is a function of the log and of its rules.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from raftlock.types import ClientID, Index, Millis, Outcome, QueuedWaiter

__all__ = ["AgeingRules", "Hold", "LockRules"]


@dataclass(frozen=True, slots=True)
class Hold:
    """Who holds a lock, with which fencing token, and until when.

    `deadline` is cluster time in milliseconds, `ttl` the duration that led to it. `metadata` is
    what the holder said about itself; `acquired_at` (Unix milliseconds, the proposer's wall clock)
    is for people only. `granted_stamp` is the cluster time of the entry that granted it.

    It has the lock alone unless it is `shared`, or one of so many `permits`: then `slot` is the
    number of its permit, from 1 on, and no two holds of one moment have the same.
    """

    owner_id: ClientID
    token: Index
    deadline: Millis
    ttl: Millis
    metadata: Mapping[str, str] = field(default_factory=dict)
    acquired_at: Millis = Millis(0)
    granted_stamp: Millis = Millis(0)
    shared: bool = False
    permits: int = 0
    slot: int = 0


class LockRules:
    """The correct rules. Each docstring says what breaks without it."""

    # ------------------------------------------------------------------ time

    def expiry_clock(self, stamp: Millis, local_now: Millis) -> Millis:
        """The clock by which things come due: the entry's stamp, never this replica's own clock.

        Without it (``return local_now``) replicas that apply the same entry at different moments
        disagree about who holds a lock. Raft thesis section 6.3: time must come from the log.
        """
        return stamp

    def expires_between_entries(self, local_now: Millis) -> Millis | None:
        """By which clock locks expire while no entry comes: by none, only entries change the table.

        Each replica would find a lock's time over at a moment of its own (``return local_now``), as
        in the Go raftlock, whose ticker walks the table on every node. Between two entries one then
        still has a holder where another has none or the next one, with a token that the log never
        gave; a snapshot taken in between makes the difference last.
        """
        return None

    def is_due(self, now: Millis, deadline: Millis) -> bool:
        """Whether a deadline has passed: strictly after it, so that a TTL is never cut short."""
        return now > deadline

    # ---------------------------------------------------------------- tokens

    def token(self, last: Index, index: Index) -> Index:
        """The fencing token of a new grant: larger than every token before it, on any lock.

        `last` is the last token given, `index` the entry that grants. One entry can grant twice
        (it expires one hold and frees another), so the bare index would serve two holders; then a
        resource cannot tell the stale one from the new one.
        """
        return max(Index(last + 1), index)

    def kept_token(self, held: Index, fresh: Index) -> Index:
        """The token after a renewal or a re-acquire by the holder: the one it already has.

        A new one (`fresh`) would make the holder's own writes, under way with the old token, look
        stale.
        """
        return held

    # --------------------------------------------------------------- holders

    def may_take(self, hold: Hold, client_id: ClientID) -> bool:
        """Whether somebody else's held lock may be had: never. This is mutual exclusion."""
        return False

    def may_join(self, holds: Collection[Hold], waiter: QueuedWaiter) -> bool:
        """Whether a lock may be had beside those who hold it: shared by all, or by a free permit.

        Without it a reader sees what a writer is in the middle of, or there are more at once than
        there are permits. Who holds it alone is joined by nobody.
        """
        if waiter.shared:
            return all(hold.shared for hold in holds)
        return len(holds) < waiter.permits and all(hold.permits for hold in holds)

    def may_overtake(self, waiter: QueuedWaiter, first: QueuedWaiter) -> bool:
        """Whether a newcomer may join before the first of the queue: only if its turn is earlier.

        Else readers that keep coming starve a writer that waits.
        """
        return self.waiter_key(waiter) < self.waiter_key(first)

    def may_release(self, hold: Hold, client_id: ClientID, version: Index) -> bool:
        """A release must name the holder and its token.

        Without the token, a release that was delayed on the way would free a later hold of the
        same client.
        """
        return hold.owner_id == client_id and hold.token == version

    def may_renew(self, hold: Hold, client_id: ClientID, version: Index) -> bool:
        """A renewal must name the holder and its token, else it would prolong another hold."""
        return hold.owner_id == client_id and hold.token == version

    def extended(self, deadline: Millis, asked: Millis) -> Millis:
        """The deadline after a renewal or re-acquire: never earlier than it was.

        The holder may be counting on the longer one: its shorter request can be the older one.
        """
        return max(deadline, asked)

    # --------------------------------------------------------------- waiters

    def waiter_key(self, waiter: QueuedWaiter) -> tuple[int, ...]:
        """Waiters are granted in ascending order of this key: higher priority, then earlier entry.

        It is computed once, when the waiter takes its place. Equal keys go by `waiter.index`.
        """
        return (-waiter.priority, waiter.index)

    def keeps_place(self, waiter: QueuedWaiter, priority: int) -> bool:
        """Whether a client that asks again keeps its place: yes if it asks at equal priority.

        At another priority it gets the place of a newcomer, else it could queue up early at a low
        priority and jump ahead of its equals later.
        """
        return waiter.priority == priority

    def may_grant(self, now: Millis, waiter: QueuedWaiter) -> bool:
        """Whether a waiter may still be granted the lock: not once its own deadline has passed.

        Its client has given up by then and would never use, renew or release the lock.
        """
        return not self.is_due(now, waiter.deadline)

    def promotes(self, why: str) -> bool:
        """Whether a lock that came free (released, expired, revoked) goes to its next waiter.

        If not, waiters sleep beside a free lock: a lost wake-up.
        """
        return True

    # -------------------------------------------------------------- sessions

    def remembered(self, answer: Outcome | None) -> Outcome | None:
        """What a request is answered without being applied: its kept answer, if there is one.

        Forgetting it (``return None``) applies a retry as if it were a new request (Raft thesis
        section 6.3, Figure 6.1).
        """
        return answer

    def accepts_unknown_session(self) -> bool:
        """Whether a request of an unknown session is applied: no, it may have been already."""
        return False

    def keeps_sessions(self) -> bool:
        """Whether a snapshot has the sessions: yes, else a retry is applied a second time."""
        return True

    def ends_waits(self) -> bool:
        """Whether a session's waits end with it: yes, else locks go to clients that are gone."""
        return True


class AgeingRules(LockRules):
    """Waiting counts: every `ms_per_priority` in the queue is worth one step of priority.

    The strict order lets newcomers of high priority starve a waiter of low priority; here it needs
    at most as many steps as the priorities lie apart. All waiters age at the same rate, so their
    order never changes while they wait, and the key needs no clock. Not a broken rule.
    """

    ms_per_priority = 1_000

    def waiter_key(self, waiter: QueuedWaiter) -> tuple[int, ...]:
        """As if each had begun to wait earlier by `ms_per_priority` a step of its priority."""
        head_start = waiter.priority * self.ms_per_priority
        return (waiter.enqueued_stamp - head_start, waiter.index)
