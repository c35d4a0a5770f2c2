"""Which node to ask next: the leader if it is known, else one after the other, ever less often."""

from __future__ import annotations

from raftlock.client.protocol.effects import Endpoint, Random, RetryPolicy
from raftlock.types.ids import Millis

__all__ = ["Route"]


class Route:
    """A client's search for the leader.

    The search goes in rounds. Within a round no endpoint is asked twice, and a hint to one that
    has been asked already is not followed: nodes that name each other, or a leader that has just
    died, cannot send a client in circles. Between rounds, and after every answer that helps
    nobody, there is a pause, twice as long each time, half of it drawn by lot so that many clients
    do not come back in step. A real answer ends the search.
    """

    def __init__(
        self, endpoints: tuple[Endpoint, ...], random: Random, policy: RetryPolicy
    ) -> None:
        self._endpoints = endpoints
        self._random = random
        self._policy = policy
        self._asked: set[Endpoint] = set()  # in this round, in vain
        self._hint: Endpoint | None = None
        self._hints_followed = 0  # in this round
        self._place = 0  # where in the list the round goes on
        self._pauses = 0  # since the last real answer
        self.leader: Endpoint | None = None
        """Whom the client believes to lead."""
        self.not_before = Millis(0)
        """When the next connection may be tried, on the client's clock."""

    def change(self, endpoints: tuple[Endpoint, ...]) -> None:
        """The nodes are elsewhere now: what was learned of the places that are gone is dropped."""
        self._endpoints = endpoints
        self._asked.intersection_update(endpoints)
        self._place = 0
        if self.leader not in endpoints:
            self.leader = None
        if self._hint not in endpoints:
            self._hint = None

    def next(self, now: Millis) -> Endpoint | None:
        """Whom to ask now that `not_before` has come; ``None`` if there is nobody (it moves on)."""
        hint, self._hint = self._hint, None
        for candidate in (hint, self.leader):
            if candidate is not None and candidate not in self._asked:
                return candidate
        for step in range(len(self._endpoints)):
            place = (self._place + step) % len(self._endpoints)
            if self._endpoints[place] not in self._asked:
                self._place = place
                return self._endpoints[place]
        self._pause(now)
        return None

    def answered(self, endpoint: Endpoint) -> None:
        """`endpoint` gave a real answer: it leads, and the search is over."""
        self.leader = endpoint
        self._asked.clear()
        self._hints_followed = 0
        self._pauses = 0

    def unreachable(self, endpoint: Endpoint, now: Millis) -> None:
        """`endpoint` refused a connection, broke it, or was silent: on to the next one at once."""
        self._give_up_on(endpoint)
        if self._round_is_over:
            self._pause(now)

    def knows_no_leader(self, endpoint: Endpoint, now: Millis, hint: Endpoint | None) -> None:
        """`endpoint` does not lead; `hint` is whom it believes to, at once if that is news."""
        self._give_up_on(endpoint)
        if (
            hint is not None
            and hint not in self._asked
            and self._hints_followed <= len(self._endpoints)
        ):
            self._hints_followed += 1
            self._hint = hint
        else:
            # It has not heard of a new leader yet, so the next one probably has not either.
            self._pause(now)

    def pause_ms(self, times: int) -> int:
        """How long to wait when something has been in vain `times` times, from 1 on."""
        policy = self._policy
        full = min(policy.backoff_ms_max, policy.backoff_ms_min << min(times - 1, 16))
        return full // 2 + self._random.between(0, full - full // 2)

    @property
    def _round_is_over(self) -> bool:
        return self._asked.issuperset(self._endpoints)

    def _give_up_on(self, endpoint: Endpoint) -> None:
        self._asked.add(endpoint)
        if self.leader == endpoint:
            self.leader = None

    def _pause(self, now: Millis) -> None:
        self._pauses += 1
        self.not_before = Millis(now + self.pause_ms(self._pauses))
        if self._round_is_over:
            self._asked.clear()
            self._hints_followed = 0
            self._place += 1
