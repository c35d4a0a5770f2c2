"""The status line: what the cluster can do now, and why nothing happens when nothing does."""

from __future__ import annotations

from typing import NamedTuple

from raftlock.trace.members import VOTER, decides
from raftlock.trace.nodes import NodeView
from raftlock.trace.view import FULL_SPEED, ClusterView
from raftlock.trace.words import and_list, is_are, times
from raftlock.types import NodeID

__all__ = ["BUSY", "OK", "PAUSED", "STUCK", "Situation", "leader_in", "situation"]

OK = "ok"
BUSY = "busy"
STUCK = "stuck"
PAUSED = "paused"


class Situation(NamedTuple):
    """The status line. `level`: ``ok`` locks can be had, ``busy`` soon, ``stuck`` not before
    somebody does something, ``paused`` nothing moves at all.
    """

    text: str
    level: str


def leader_in(view: ClusterView) -> NodeID | None:
    """The node that leads in `view`: it runs, and a majority of its voters follows it.

    Who cannot hear it any more is no follower, though it may not have noticed yet: a leader that
    was cut off from the majority can commit nothing, so it leads in its own eyes only. Learners
    follow, but do not count; and a leader that is being removed leads without a vote of its own.
    """
    for node in view.nodes.values():
        if node.role == "leader" and node.state == "up":
            following = [
                other.id
                for other in view.nodes.values()
                if other.state == "up"
                and (other.term, other.leader) == (node.term, node.id)
                and (other is node or view.network.both_ways(node.id, other.id))
            ]
            if decides(view.members_of(node), following):
                return NodeID(node.id)
    return None


def situation(view: ClusterView) -> Situation:
    """What the cluster can do now.

    It is judged from what an onlooker sees of the whole: who is up, who can talk to whom both ways,
    who believes to lead. A leader counts only if it reaches a majority, itself included.
    """
    if view.paused:
        return Situation("Paused: nothing moves until you resume.", PAUSED)
    found = _judge(view)
    if view.speed_ppm != FULL_SPEED:
        return Situation(f"{found.text} Running at {times(view.speed_ppm)}.", found.level)
    return found


def _judge(view: ClusterView) -> Situation:
    nodes = list(view.nodes.values())
    if not any(node.started for node in nodes):
        return Situation("The cluster is starting.", BUSY)
    if all(node.state == "down" for node in nodes):
        return Situation(_all_down(view), STUCK)
    up = [node for node in nodes if node.state == "up"]
    reach = {node.id: _reach(view, node, up) for node in up}
    able = [node for node in up if decides(view.configuration, reach[node.id])]
    if not able:
        return Situation(_no_majority(view, up, reach), STUCK)
    leaders = sorted((n for n in up if n.role == "leader"), key=lambda n: n.term, reverse=True)
    ruling = [leader for leader in leaders if _followed(view, leader, reach[leader.id])]
    others = "".join(_claim(n, stranded=n not in able) for n in leaders if n not in ruling[:1])
    if ruling:
        return _led(view, ruling[0], others)
    voters = [node for node in able if view.part(node.id) == VOTER]
    return _no_leader(voters, others, _frozen_leader(nodes))


def _reach(view: ClusterView, node: NodeView, up: list[NodeView]) -> list[str]:
    """The running nodes that `node` can ask and hear, itself included, in the cluster's order."""
    network = view.network
    return [o.id for o in up if o is node or network.both_ways(node.id, o.id)]


def _followed(view: ClusterView, leader: NodeView, reached: list[str]) -> bool:
    """Whether a majority of the voters that `leader` reaches would still take its word."""
    willing = [name for name in reached if view.node(name).term <= leader.term]
    return decides(view.configuration, willing)


def _total(view: ClusterView) -> str:
    """How many decide: ``5``, or ``5 voters`` where there are nodes without a vote."""
    voting = view.configuration.voting
    return f"{len(voting)} voters" if set(view.nodes) - set(voting) else str(len(voting))


def _all_down(view: ClusterView) -> str:
    if _is_lost(view):
        return "All nodes are down." + _LOST
    how_many = f"{view.majority} of {_total(view)}"
    if view.configuration.is_joint:
        how_many = "a majority of the old voters and of the new ones"
    return f"All nodes are down: restart {how_many} and they elect a leader."


_LOST = " Too many disks are lost: a majority can never come back, so start over."


def _is_lost(view: ClusterView) -> bool:
    """Whether so many voters have lost their disks that no majority can ever be there again."""
    left = [node.id for node in view.nodes.values() if node.fate not in ("wiped", "refused")]
    return not decides(view.configuration, left)


def _no_majority(view: ClusterView, up: list[NodeView], reach: dict[str, list[str]]) -> str:
    total, voting = _total(view), view.configuration.voting
    running = [node.id for node in up if node.id in voting]
    if view.configuration.is_joint:
        why = (
            f"No majority: while the voters change from {and_list(view.configuration.outgoing)} to"
            f" {and_list(view.configuration.voters)}, it takes a majority of both,"
        )
    elif not decides(view.configuration, running):
        only = f"only {and_list(running)}" if running else "none"
        why = f"No majority: {only} of {total} {is_are(running or ['none'])} running,"
    else:
        together = [[name for name in names if name in voting] for names in reach.values()]
        largest = max(together, key=len, default=[])
        why = (
            f"No majority: only {and_list(largest)} of {total} can talk to each other,"
            if len(largest) > 1
            else "No majority: no two nodes can talk to each other,"
        )
    why += " so nothing can commit."
    claims = [node.id for node in up if node.role == "leader"]
    if claims:
        verb = "believes it leads" if len(claims) == 1 else "believe they lead"
        why += f" {and_list(claims)} still {verb}."
    return why + _LOST if _is_lost(view) else why


def _no_leader(able: list[NodeView], others: str, frozen: NodeView | None) -> Situation:
    """A majority can talk, but none of it leads: an election is near, or on."""
    candidates = [node for node in able if node.role == "candidate"]
    opening = f"{others.strip()} " if others else "No leader: "
    if candidates:
        terms = {node.term for node in candidates}
        verb = "stands" if len(candidates) == 1 else "stand"
        if len(terms) == 1:
            who = and_list([node.id for node in candidates])
            return Situation(f"{opening}{who} {verb} for election in term {terms.pop()}.", BUSY)
        who = and_list([f"{node.id} (term {node.term})" for node in candidates])
        return Situation(f"{opening}{who} {verb} for election.", BUSY)
    if frozen and not others:
        opening = f"{frozen.id} leads term {frozen.term} but is frozen: "
    timers = [
        (node.timer.deadline, node.id)
        for node in able
        if node.timer and node.timer.kind == "election"
    ]
    first = f"the first election timer, {min(timers)[1]}'s," if timers else "an election timer"
    begins = f"n election begins when {first} runs out."
    return Situation(f"{opening}{'A' if others else 'a'}{begins}", BUSY)


def _led(view: ClusterView, leader: NodeView, others: str) -> Situation:
    led = f"{leader.id} leads term {leader.term}"
    if leader.log.term_at(leader.commit) != leader.term:
        return Situation(f"{led}: it commits once a majority has its first entry.{others}", BUSY)
    if leader.handover:
        text = f"{leader.id} hands its office to {leader.handover}: no lock can be had meanwhile."
        return Situation(text + others, BUSY)
    members = view.configuration
    changing = ""
    if members.is_joint:
        changing = (
            f" The voters change from {and_list(members.outgoing)} to {and_list(members.voters)}:"
            " until then it takes a majority of both."
        )
    return Situation(f"{led}: locks can be acquired.{changing}{others}", OK)


def _claim(node: NodeView, *, stranded: bool) -> str:
    """A node that leads in its own eyes only."""
    if stranded:
        return (
            f" {node.id} leads term {node.term} but cannot reach a majority: what it accepts will"
            " not commit."
        )
    return f" {node.id} still leads term {node.term}: it has not heard of a newer term yet."


def _frozen_leader(nodes: list[NodeView]) -> NodeView | None:
    return max(
        (node for node in nodes if node.state == "frozen" and node.role == "leader"),
        key=lambda node: node.term,
        default=None,
    )
