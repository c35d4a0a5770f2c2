"""How much cluster time may pass while so much real time does: what was done to the clocks."""

from __future__ import annotations

from collections.abc import Mapping

from raftlock.trace.fields import number
from raftlock.types.events import Json

__all__ = ["Clocks"]

LEASE_PPM_MAX = 10_000
"""Up to this much a clock may run fast for leases to be safe (1 %); tokens hold at any rate."""


class Clocks:
    """The nodes' clocks: the fastest rate there has been, and when a leader's jumped ahead.

    A clock that runs slow or jumps while its node does not lead makes no lock expire early.
    """

    def __init__(self, header: Mapping[str, Json]) -> None:
        rates = header.get("rates_ppm")
        listed = rates if isinstance(rates, list) else []
        self._fastest_ppm = max((each for each in listed if isinstance(each, int)), default=0)
        self._fastest_ppm = max(self._fastest_ppm, 0)
        self._jumps: list[tuple[int, int]] = []

    def change(self, at: int, data: Mapping[str, Json], *, leads: bool) -> None:
        """A fault of kind ``clock``, at run time `at`, at a node that leads or does not."""
        self._fastest_ppm = max(self._fastest_ppm, number(data, "rate_ppm"))
        jump_ms = number(data, "jump_ms")
        if leads and jump_ms > 0:
            self._jumps.append((at, jump_ms))

    def passed_ms(self, since: int, until: int) -> int:
        """How many milliseconds of cluster time at most pass from `since` to `until`, in us."""
        ran = (until - since) * (1_000_000 + self._fastest_ppm) // 1_000_000_000 + 1
        # Told in the order of time: the last ones are those that may lie in between.
        for at, jump_ms in reversed(self._jumps):
            if at < since:
                break
            ran += jump_ms + 1
        return ran

    @property
    def margin_percent(self) -> int:
        """How far ahead of real time a clock may run: what is allowed, or what was done to one."""
        return -(-max(self._fastest_ppm, LEASE_PPM_MAX) // 10_000)

    @property
    def jumps(self) -> tuple[tuple[int, int], ...]:
        """When clocks jumped ahead, in microseconds of run time, and by how many milliseconds."""
        return tuple(self._jumps)

    def keep_leases(self, since: int) -> bool:
        """Whether a holder may count on its TTL for a hold that it asked for at `since`, in us."""
        if self._fastest_ppm > LEASE_PPM_MAX:
            return False
        return not self._jumps or self._jumps[-1][0] < since
