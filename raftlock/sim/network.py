"""The network between simulated nodes: the laboratory's links, and what chance does on top."""

from __future__ import annotations

from dataclasses import dataclass

from raftlock.raft.random64 import Random64
from raftlock.sim.chance import PPM, chance, drawn_delay, go_into, keyed
from raftlock.sim.clone import clone
from raftlock.transport.links import Links
from raftlock.types.ids import Micros, NodeID

__all__ = ["Fate", "Network", "Weather"]


@dataclass(frozen=True, slots=True)
class Weather:
    """What chance does to each message of a run: chances in parts per million, microseconds.

    `delay_us` is the mean of a delay on top of the link's own, so that messages overtake each
    other. A stale message is held back for up to `stale_us`, over several terms.
    """

    loss_ppm: int = 0
    duplicate_ppm: int = 0
    delay_us: int = 0
    stale_ppm: int = 0
    stale_us: int = 2_500_000

    def __post_init__(self) -> None:
        """Chances are parts of a million."""
        assert all(0 <= each <= PPM for each in (self.loss_ppm, self.duplicate_ppm, self.stale_ppm))


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a message: when it arrives, if it is not lost, and when its copy does."""

    deliver_at: Micros
    lost: str = ""
    copy_at: Micros | None = None


class Network:
    """Decides the fate of each message.

    Fates are drawn by link and by the message's number on it: two runs that differ in one fault
    have the same weather everywhere else.
    """

    def __init__(self, nodes: tuple[NodeID, ...], seed: int, delay_us: int) -> None:
        self._seed = seed
        # `Links` draws too, for the jitter and the loss that a person sets on a link.
        self._draws = Random64(seed)
        self.links = Links(nodes, self._draws, delay_us=delay_us)
        self.weather = Weather()
        # Of each link: where its draws begin, and how many messages it has carried.
        self._streams: dict[tuple[NodeID, NodeID], int] = {}
        self._sent: dict[tuple[NodeID, NodeID], int] = {}
        self._next: dict[tuple[NodeID, NodeID], list[tuple[str, int]]] = {}

    def take_over(self, links: Links) -> None:
        """Have links as these are, faults and all."""
        self.links = clone(links, {id(links.random): self._draws})
        self.links.min_delay_us = 0

    def arrange(self, src: NodeID, dst: NodeID, what: str, delay_us: int, count: int) -> None:
        """Do that to the next `count` messages of a link: ``drop``, ``duplicate`` or ``hold``."""
        self.links.state(src, dst)  # both must be there
        self._next.setdefault((src, dst), []).extend([(what, delay_us)] * count)

    def is_open(self, src: NodeID, dst: NodeID) -> bool:
        """Whether what `src` sent can arrive now; from who is gone it can."""
        return src not in self.links.nodes or self.links.is_open(src, dst)

    def forget_arrangements(self) -> None:
        """From now on only chance decides."""
        self._next.clear()

    def fate(self, src: NodeID, dst: NodeID, now: Micros) -> Fate:
        """What becomes of a message that leaves now."""
        pair = (src, dst)
        if pair not in self._streams:
            self._streams[pair] = keyed(self._seed, src, dst).state
        self._sent[pair] = number = self._sent.get(pair, 0) + 1
        random = Random64(self._streams[pair])
        go_into(random, number)
        self._draws.state = random.next()
        plan = self.links.plan(src, dst, now)
        at, why = plan.deliver_at, plan.why
        weather = self.weather
        if weather.delay_us:
            at = Micros(at + drawn_delay(random, weather.delay_us))
        if chance(random, weather.stale_ppm):
            at = Micros(at + 100_000 + random.below(max(1, weather.stale_us)))
        if not why and chance(random, weather.loss_ppm):
            why = "loss"
        copy_at = None
        if chance(random, weather.duplicate_ppm):
            copy_at = Micros(at + drawn_delay(random, 20_000 + weather.delay_us))
        arranged = self._next.get(pair)
        if arranged:
            what, delay_us = arranged.pop(0)
            if what == "drop":
                why = why or "loss"
            elif what == "hold":
                at = Micros(at + delay_us)
            else:
                copy_at = Micros(at + delay_us)
        return Fate(at, why, None if why else copy_at)
