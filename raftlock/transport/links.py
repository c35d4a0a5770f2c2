"""The laboratory's link table: which node can reach which, how long it takes, what gets lost.

Pure: a sender asks `Links.plan` when a message would arrive and whether it does; whoever delivers
asks `Links.is_open` again when it arrives, since a cable cut meanwhile loses what is on it. All
times are microseconds of run time, all chances parts per million: no float, so that a run can be
repeated on any machine. A mistake in a call raises one sentence and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from raftlock.errors import InvalidArgument, UnknownNode
from raftlock.transport import json_text
from raftlock.transport.limits import MEMBERS_MAX, check_node_id
from raftlock.types import Json, Micros, NodeID

__all__ = ["PPM", "LinkState", "Links", "OpenRoads", "Plan", "RandomSource", "Roads"]

PPM = 1_000_000
"""Parts per million: a loss of `PPM` loses every message."""

_NOBODY = NodeID("")


@with_config(ConfigDict(extra="forbid", strict=True))
@dataclass(frozen=True, slots=True)
class _Told:
    """What `Links.told` gives, as it comes from outside."""

    nodes: list[str]
    plain: tuple[int, int, int]
    changed: list[tuple[str, str, bool, int, int, int]]
    groups: list[list[str]]


_LINKS = TypeAdapter(_Told)
_DELAY_US_MAX = 60 * 1_000_000


class RandomSource(Protocol):
    """What links draw from; `raftlock.raft.random64.Random64` is one."""

    def below(self, n: int, /) -> int:
        """A whole number from 0 to `n` - 1, each as likely."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of one message.

    It arrives at `deliver_at`, or would have, if `lost`; then `why` is ``cut`` or ``loss``.
    """

    deliver_at: Micros
    lost: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class LinkState:
    """One direction of a link: each message takes `delay_us` and up to `jitter_us` more."""

    src: NodeID
    dst: NodeID
    cut: bool = False
    delay_us: int = 0
    jitter_us: int = 0
    loss_ppm: int = 0


class Roads(Protocol):
    """What a node needs to know of the ways to other nodes."""

    @property
    def one_clock(self) -> bool:
        """Whether sender and receiver count by the same clock, so that a delay can be the other's
        to wait for.
        """
        ...

    def joins(self, node: NodeID) -> bool:
        """Whether there is any way to that node."""
        ...

    def is_open(self, src: NodeID, dst: NodeID) -> bool:
        """Whether a message can pass now."""
        ...

    def plan(self, src: NodeID, dst: NodeID, now_us: Micros) -> Plan:
        """What becomes of a message that leaves now."""
        ...


class OpenRoads:
    """Real networks: nothing is lost or delayed on purpose."""

    one_clock = False

    def joins(self, node: NodeID) -> bool:
        """There is a way to everybody."""
        return True

    def is_open(self, src: NodeID, dst: NodeID) -> bool:
        """As far as is known here."""
        return True

    def plan(self, src: NodeID, dst: NodeID, now_us: Micros) -> Plan:
        """It leaves at once."""
        return Plan(now_us)


class Links:
    """All links of a laboratory cluster, a direction at a time.

    `min_delay_us` holds for every link: a cluster sets it while its clock runs slower than real
    time, so that no message overtakes the clock. `version` grows with each change, so that a panel
    can see that there was one.
    """

    def __init__(
        self,
        nodes: Iterable[NodeID],
        random: RandomSource,
        *,
        delay_us: int = 0,
        jitter_us: int = 0,
        loss_ppm: int = 0,
    ) -> None:
        self._nodes = tuple(nodes)
        assert len(set(self._nodes)) == len(self._nodes)
        self._random = random
        _check_times(delay_us, jitter_us, loss_ppm)
        self._new = LinkState(
            _NOBODY, _NOBODY, delay_us=delay_us, jitter_us=jitter_us, loss_ppm=loss_ppm
        )
        self._plain = {
            (src, dst): replace(self._new, src=src, dst=dst)
            for src in self._nodes
            for dst in self._nodes
            if src != dst
        }
        self._now = dict(self._plain)
        self._group_of: dict[NodeID, int] = {}
        self._last: dict[tuple[NodeID, NodeID], Micros] = {}
        self.min_delay_us = 0
        self.version = 0

    # ---- asking ----

    @property
    def one_clock(self) -> bool:
        """A laboratory has one clock for all its nodes."""
        return True

    def joins(self, node: NodeID) -> bool:
        """Whether the node is one of theirs."""
        return node in self._nodes

    @property
    def random(self) -> RandomSource:
        """What they draw from."""
        return self._random

    @property
    def nodes(self) -> tuple[NodeID, ...]:
        """The nodes that these links join."""
        return self._nodes

    @property
    def groups(self) -> tuple[tuple[NodeID, ...], ...]:
        """The groups of the present partition; empty if there is none."""
        return tuple(
            tuple(node for node in self._nodes if self._group_of[node] == number)
            for number in sorted(set(self._group_of.values()))
        )

    def state(self, src: NodeID, dst: NodeID) -> LinkState:
        """How one direction stands, not counting the partition."""
        return self._now[self._pair(src, dst)]

    def changed(self) -> tuple[LinkState, ...]:
        """The directions that are not as they were at the start, for a panel to draw."""
        return tuple(state for pair, state in self._now.items() if state != self._plain[pair])

    def is_open(self, src: NodeID, dst: NodeID) -> bool:
        """Whether a message can pass from `src` to `dst` now. Ask again when it arrives."""
        pair = self._pair(src, dst)
        return not self._now[pair].cut and self._group_of.get(src) == self._group_of.get(dst)

    def plan(self, src: NodeID, dst: NodeID, now_us: Micros) -> Plan:
        """What becomes of a message that leaves now.

        Without jitter, messages of one direction arrive in the order in which they left, also
        when the delay was shortened in between.
        """
        pair = self._pair(src, dst)
        link = self._now[pair]
        delay = link.delay_us
        if link.jitter_us:
            delay += self._random.below(link.jitter_us + 1)
        arrival = Micros(now_us + max(delay, self.min_delay_us))
        if not link.jitter_us:
            arrival = max(arrival, self._last.get(pair, arrival))
        if not self.is_open(src, dst):
            return Plan(arrival, lost=True, why="cut")
        if link.loss_ppm and self._random.below(PPM) < link.loss_ppm:
            return Plan(arrival, lost=True, why="loss")
        self._last[pair] = max(arrival, self._last.get(pair, arrival))
        return Plan(arrival)

    # ---- changing ----

    def cut(self, src: NodeID, dst: NodeID, *, one_way: bool = False) -> None:
        """Let nothing pass from `src` to `dst`, nor back unless `one_way`."""
        self._change(src, dst, one_way=one_way, cut=True)

    def restore(self, src: NodeID, dst: NodeID, *, one_way: bool = False) -> None:
        """Undo `cut`. A partition between the two still stands: `heal` ends that."""
        self._change(src, dst, one_way=one_way, cut=False)

    def set(
        self,
        src: NodeID,
        dst: NodeID,
        *,
        delay_us: int | None = None,
        jitter_us: int | None = None,
        loss_ppm: int | None = None,
        one_way: bool = False,
    ) -> None:
        """Make a link slow or lossy, in both directions unless `one_way`; None changes nothing."""
        pair = self._pair(src, dst)
        changed: list[LinkState] = []
        for direction in (pair,) if one_way else (pair, (dst, src)):
            link = self._now[direction]
            delay = link.delay_us if delay_us is None else delay_us
            jitter = link.jitter_us if jitter_us is None else jitter_us
            loss = link.loss_ppm if loss_ppm is None else loss_ppm
            _check_times(delay, jitter, loss)
            changed.append(replace(link, delay_us=delay, jitter_us=jitter, loss_ppm=loss))
        self._now.update({(link.src, link.dst): link for link in changed})
        self.version += 1

    def partition(self, groups: Sequence[Sequence[NodeID]]) -> None:
        """Let nodes reach only those of their own group; who is not named forms one last group.

        The latest partition replaces the one before; cut links stay cut.
        """
        named: dict[NodeID, int] = {}
        for number, group in enumerate(groups):
            if isinstance(group, str):
                raise InvalidArgument(f"A group is a list of nodes, not the text '{group[:24]}'.")
            if not group:
                raise InvalidArgument("A group of a partition must not be empty.")
            for node in group:
                self._check_node(node)
                if node in named:
                    raise InvalidArgument(f"A partition may name {node} only once.")
                named[node] = number
        for node in self._nodes:
            named.setdefault(node, len(groups))
        if len(set(named.values())) < 2:
            raise InvalidArgument("A partition needs two groups, and this one separates nobody.")
        self._group_of = named
        self.version += 1

    def heal(self) -> None:
        """Make every link as it was at the start: nothing cut, no groups, plain delays, no loss."""
        self._now = dict(self._plain)
        self._group_of = {}
        self.version += 1

    def add(self, node: NodeID, *, beside: NodeID = _NOBODY) -> None:
        """Join one more node to all others, by links as they were at the start.

        While there is a partition, it comes into the group of `beside`, or else into the last one:
        that of the nodes that nobody named, if there were any.
        """
        if not node:
            raise InvalidArgument("A node needs a name.")
        if node in self._nodes:
            raise InvalidArgument(f"There is a node {node} already; give the new one another name.")
        if beside:
            self._check_node(beside)
        for other in self._nodes:
            for src, dst in ((other, node), (node, other)):
                self._plain[src, dst] = replace(self._new, src=src, dst=dst)
                self._now[src, dst] = self._plain[src, dst]
        if self._group_of:
            self._group_of[node] = self._group_of.get(beside, max(self._group_of.values()))
        self._nodes += (node,)
        self.version += 1

    def remove(self, node: NodeID) -> None:
        """Forget a node and all its links; a partition that then separates nobody ends."""
        self._check_node(node)
        self._nodes = tuple(other for other in self._nodes if other != node)
        for other in self._nodes:
            for pair in ((other, node), (node, other)):
                del self._plain[pair], self._now[pair]
                self._last.pop(pair, None)
        self._group_of.pop(node, None)
        if len(set(self._group_of.values())) < 2:
            self._group_of = {}
        self.version += 1

    # ---- between processes ----

    def told(self) -> dict[str, Json]:
        """All of it as JSON, for another process that has the same links (`learn`)."""
        plain = self._new
        return {
            "nodes": list(self._nodes),
            "plain": [plain.delay_us, plain.jitter_us, plain.loss_ppm],
            "changed": [
                [each.src, each.dst, each.cut, each.delay_us, each.jitter_us, each.loss_ppm]
                for each in self.changed()
            ],
            "groups": [list(group) for group in self.groups],
        }

    def learn(self, told: Mapping[str, Json]) -> None:
        """Be as another process `told`. Raises `InvalidArgument`, and then nothing has changed."""
        try:
            state = _LINKS.validate_json(json_text.write(dict(told)))
        except ValidationError:
            raise InvalidArgument("These are no links: see Links.told.") from None
        if len(state.nodes) > MEMBERS_MAX or len(set(state.nodes)) < len(state.nodes):
            raise InvalidArgument(f"Links join up to {MEMBERS_MAX} nodes, each named once.")
        delay, jitter, loss = state.plain
        fresh = Links(
            tuple(map(check_node_id, state.nodes)),
            self._random,
            delay_us=delay,
            jitter_us=jitter,
            loss_ppm=loss,
        )
        for src, dst, cut, *(delay, jitter, loss) in state.changed:
            a, b = NodeID(src), NodeID(dst)
            fresh.set(a, b, delay_us=delay, jitter_us=jitter, loss_ppm=loss, one_way=True)
            if cut:
                fresh.cut(a, b, one_way=True)
        if state.groups:
            fresh.partition([list(map(NodeID, group)) for group in state.groups])
        self._nodes, self._new, self._plain = fresh._nodes, fresh._new, fresh._plain
        self._now, self._group_of = fresh._now, fresh._group_of
        self._last = {pair: at for pair, at in self._last.items() if pair in self._plain}
        self.version += 1

    # ---- inside ----

    def _change(self, src: NodeID, dst: NodeID, *, one_way: bool, cut: bool) -> None:
        pair = self._pair(src, dst)
        for direction in (pair,) if one_way else (pair, (dst, src)):
            self._now[direction] = replace(self._now[direction], cut=cut)
        self.version += 1

    def _pair(self, src: NodeID, dst: NodeID) -> tuple[NodeID, NodeID]:
        pair = (src, dst)
        if pair not in self._plain:
            self._check_node(src)
            self._check_node(dst)
            raise InvalidArgument(f"A link joins two nodes; {src} was given twice.")
        return pair

    def _check_node(self, node: NodeID) -> None:
        if node not in self._nodes:
            known = ", ".join(self._nodes)
            raise UnknownNode(f"There is no node '{str(node)[:24]}'; the nodes are {known}.")


def _check_times(delay_us: int, jitter_us: int, loss_ppm: int) -> None:
    for name, value in (("delay", delay_us), ("jitter", jitter_us)):
        if not 0 <= value <= _DELAY_US_MAX:
            raise InvalidArgument(
                f"A link's {name} must be from 0 to 60 s, not {value / 1_000_000:.6g} s."
            )
    if not 0 <= loss_ppm <= PPM:
        raise InvalidArgument(f"A link's loss must be from 0 to 1, not {loss_ppm / PPM:.6g}.")
