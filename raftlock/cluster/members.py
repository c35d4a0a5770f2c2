"""The verbs that change who belongs to a live cluster, and who leads it, from beginning to end.

Each is made of what the laboratory can do at once (`add`, `change_members`, `remove`, `wipe`,
`transfer`) and waits until the cluster itself has agreed. All times are the cluster's own: a verb
that has not come to its end within a minute of it raises `Timeout`.
"""

from __future__ import annotations

from collections.abc import Callable

from raftlock.client.admin import members_with
from raftlock.cluster.base import VERB_SECONDS, Lab
from raftlock.errors import Busy, InvalidArgument, NoLeader, NotLeader, Timeout, UnknownNode
from raftlock.trace.members import decides
from raftlock.trace.situation import leader_in
from raftlock.trace.view import ClusterView
from raftlock.types.ids import Micros, NodeID
from raftlock.types.membership import Configuration

__all__ = ["add_node", "remove_node", "transfer_leadership", "wipe"]

AGAIN_US = 50_000
"""How long it waits before it asks again."""

Change = Callable[[Configuration], Configuration]
"""From the present members to those that are wanted."""


async def transfer_leadership(lab: Lab, target: str = "", *, by: str = "cell") -> NodeID:
    """Hand leadership to `target`, or to whoever is furthest; gives the new leader's name."""
    _must_move(lab)
    end = _end(lab)
    before = lab.leader()
    await lab.transfer(target, by=by)

    def done(view: ClusterView) -> bool:
        leader = leader_in(view)
        old = view.node(before or "")
        if old.role == "leader" and not old.handover:
            raise Timeout(f"{target or 'The target'} did not take over in time: {before} leads.")
        return leader == target if target else leader not in {before, None}

    await lab.until(done, _left(lab, end), f"{target or 'Another node'}, as leader,")
    leader = lab.leader()
    assert leader is not None, "it was just seen"
    return leader


async def add_node(lab: Lab, name: str, *, by: str = "cell") -> None:
    """Start a node and make it a member: as a learner first, with a vote once it has the log.

    If it is there already, as who took a wiped node's place is, it is given its vote.
    """
    _must_move(lab)
    node, end = NodeID(name), _end(lab)
    if node not in lab.nodes:
        await lab.add(name, by=by)
    if node not in lab.members().voters:
        await _become(lab, lambda now: members_with(now, learner=node), end, by)
        what = f"{name}, with all of the log,"
        await lab.until(lambda _view: _has_caught_up(lab, node), _left(lab, end), what)
    await _become(lab, lambda now: members_with(now, voter=node), end, by)


async def remove_node(lab: Lab, name: str, *, by: str = "cell") -> None:
    """Take a node out of the members, and stop it for good; also one that is down, or leads."""
    _must_move(lab)
    node = NodeID(name)
    if node not in (*lab.nodes, *lab.members().members):
        there = ", ".join(lab.nodes)
        raise UnknownNode(f"There is no node {name[:40]!r}: the nodes are {there}.")
    await _become(lab, lambda now: members_with(now, gone=node), _end(lab), by)
    if node in lab.nodes:
        await lab.remove(name, by=by)


async def wipe(lab: Lab, name: str, *, as_voter: bool = False, by: str = "cell") -> NodeID:
    """Take a node's disk; gives the name of who begins anew in its place (`Lab.wipe`).

    While a majority is there, the cluster lets the old node go and takes the new one in as a
    learner; `add_node` gives it its vote.
    """
    _must_move(lab)
    becomes = await lab.wipe(name, as_voter=as_voter, by=by)
    if not as_voter and decides(lab.members(), _awake(lab)):
        old = NodeID(name)
        await _become(lab, lambda now: members_with(now, gone=old, learner=becomes), _end(lab), by)
    return becomes


async def _become(lab: Lab, change: Change, end: Micros, by: str) -> None:
    """Wait until the members are as `change` makes them, and that is committed.

    The leader is asked again if it was lost before.
    """
    while True:
        what = "The change of members"
        await lab.until(lambda _view: _decided(lab) is not None, _left(lab, end), what)
        now = _decided(lab)
        if now is None:
            continue
        wanted = change(now)
        if set(wanted.voters) == set(now.voters) and set(wanted.learners) == set(now.learners):
            return
        try:
            await lab.change_members(wanted.voters, wanted.learners, by=by)
        except (Busy, NoLeader, NotLeader):
            # It hands over, or has just lost its office: soon there is another leader to ask.
            await lab.clock.sleep_until(Micros(lab.clock.now_us() + AGAIN_US))


def _decided(lab: Lab) -> Configuration | None:
    """The members, if there is a leader and no change of them is under way."""
    view = lab.recorder.view
    leader = view.node(lab.leader() or "")
    members = view.members_of(leader)
    index = leader.configurations[-1][0] if leader.configurations else 0
    own = leader.role == "leader" and leader.log.term_at(leader.commit) == leader.term
    return None if members.is_joint or index > leader.commit or not own else members


def _has_caught_up(lab: Lab, name: NodeID) -> bool:
    leader = lab.recorder.view.node(lab.leader() or "")
    _, match = leader.progress.get(name, (0, 0))
    return leader.role == "leader" and match >= leader.commit


def _awake(lab: Lab) -> set[NodeID]:
    view = lab.recorder.view
    return {name for name in lab.nodes if view.node(name).state == "up"}


def _must_move(lab: Lab) -> None:
    if lab.clock.paused:
        raise InvalidArgument("The cluster is paused, so it can agree on nothing: resume() it.")


def _end(lab: Lab) -> Micros:
    return Micros(lab.clock.now_us() + round(VERB_SECONDS * 1_000_000))


def _left(lab: Lab, end: Micros) -> float:
    return max(0, end - lab.clock.now_us()) / 1_000_000
