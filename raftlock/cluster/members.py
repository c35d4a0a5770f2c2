"""The verbs that change who belongs to a live cluster, and who leads it, from beginning to end.

Each is made of what the laboratory can do at once (`add`, `change_members`, `remove`, `wipe`,
`transfer`) and waits until the cluster itself has agreed. All times are the cluster's own: a verb
that has not come to its end within a minute of it raises `Timeout`.
"""

from __future__ import annotations

from collections.abc import Callable

from raftlock.client.admin import members_with
from raftlock.cluster.lab import VERB_SECONDS, Laboratory
from raftlock.errors import Busy, InvalidArgument, NoLeader, NotLeader, Timeout, UnknownNode
from raftlock.trace.members import decides
from raftlock.trace.situation import leader_in
from raftlock.trace.view import ClusterView
from raftlock.types.ids import Micros, NodeID
from raftlock.types.membership import Configuration

__all__ = ["add_node", "remove_node", "transfer_leadership", "wipe"]

Change = Callable[[Configuration], Configuration]
"""From the present members to those that are wanted."""


async def transfer_leadership(lab: Laboratory, target: str = "", *, by: str = "cell") -> NodeID:
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


async def add_node(lab: Laboratory, name: str, *, by: str = "cell") -> None:
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


async def remove_node(lab: Laboratory, name: str, *, by: str = "cell") -> None:
    """Take a node out of the members, and stop it for good; also one that is down, or leads."""
    _must_move(lab)
    node = NodeID(name)
    if node not in (*lab.nodes, *lab.members().members):
        there = ", ".join(lab.nodes)
        raise UnknownNode(f"There is no node {name[:40]!r}: the nodes are {there}.")
    await _become(lab, lambda now: members_with(now, gone=node), _end(lab), by)
    if node in lab.nodes:
        await lab.remove(name, by=by)


async def wipe(lab: Laboratory, name: str, *, as_voter: bool = False, by: str = "cell") -> NodeID:
    """Take a node's disk; gives the name of who begins anew in its place (`Laboratory.wipe`).

    While a majority is there, the cluster lets the old node go and takes the new one in as a
    learner; `add_node` gives it its vote.
    """
    _must_move(lab)
    becomes = await lab.wipe(name, as_voter=as_voter, by=by)
    if not as_voter and decides(lab.members(), _awake(lab)):
        old = NodeID(name)
        await _become(lab, lambda now: members_with(now, gone=old, learner=becomes), _end(lab), by)
    return becomes


async def _become(lab: Laboratory, change: Change, end: Micros, by: str) -> None:
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
            pause = 1_000 * lab.settings.timing.heartbeat_ms
            await lab.clock.sleep_until(Micros(lab.clock.now_us() + pause))


def _decided(lab: Laboratory) -> Configuration | None:
    """The members, if there is a leader and no change of them is under way."""
    leader = lab.running(lab.leader() or "")
    if leader is None:
        return None
    raft = leader.raft
    index, members = raft.members
    own = raft.log.term_at(raft.commit_index) == raft.current_term
    return None if members.is_joint or index > raft.commit_index or not own else members


def _has_caught_up(lab: Laboratory, name: NodeID) -> bool:
    leader = lab.running(lab.leader() or "")
    if leader is None:
        return False
    status = leader.status()
    peer = status.replication.get(name)
    return peer is not None and peer.match_index >= status.commit_index


def _awake(lab: Laboratory) -> set[NodeID]:
    running = {name: lab.running(name) for name in lab.nodes}
    return {name for name, node in running.items() if node is not None and not node.frozen}


def _must_move(lab: Laboratory) -> None:
    if lab.clock.paused:
        raise InvalidArgument("The cluster is paused, so it can agree on nothing: resume() it.")


def _end(lab: Laboratory) -> Micros:
    return Micros(lab.clock.now_us() + round(VERB_SECONDS * 1_000_000))


def _left(lab: Laboratory, end: Micros) -> float:
    return max(0, end - lab.clock.now_us()) / 1_000_000
