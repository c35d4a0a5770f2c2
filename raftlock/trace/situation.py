"""The status line: what the cluster can do now, and why nothing happens when nothing does."""

from __future__ import annotations

from typing import NamedTuple

from raftlock.trace.nodes import NodeView
from raftlock.trace.view import FULL_SPEED, ClusterView
from raftlock.trace.words import and_list, is_are, times

__all__ = ["BUSY", "OK", "PAUSED", "STUCK", "Situation", "situation"]

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
        return Situation(
            f"All nodes are down: restart {view.majority} of {len(nodes)} and they elect a leader.",
            STUCK,
        )
    up = [node for node in nodes if node.state == "up"]
    reach = {node.id: _reach(view, node, up) for node in up}
    able = [node for node in up if len(reach[node.id]) >= view.majority]
    if not able:
        return Situation(_no_majority(view, up, reach), STUCK)
    leaders = sorted((n for n in up if n.role == "leader"), key=lambda n: n.term, reverse=True)
    ruling = [leader for leader in leaders if _followed(view, leader, reach[leader.id])]
    others = "".join(_claim(n, stranded=n not in able) for n in leaders if n not in ruling[:1])
    if ruling:
        return _led(ruling[0], others)
    return _no_leader(able, others, _frozen_leader(nodes))


def _reach(view: ClusterView, node: NodeView, up: list[NodeView]) -> list[str]:
    """The running nodes that `node` can ask and hear, itself included, in the cluster's order."""
    network = view.network
    return [o.id for o in up if o is node or network.both_ways(node.id, o.id)]


def _followed(view: ClusterView, leader: NodeView, reached: list[str]) -> bool:
    """Whether a majority of nodes that `leader` reaches would still take its word."""
    willing = [name for name in reached if view.node(name).term <= leader.term]
    return len(willing) >= view.majority


def _no_majority(view: ClusterView, up: list[NodeView], reach: dict[str, list[str]]) -> str:
    total = len(view.nodes)
    claims = [node for node in up if node.role == "leader"]
    if len(up) < view.majority:
        names = [node.id for node in up]
        running = (
            f"only {and_list(names)} of {total} {is_are(names)} running"
            if up
            else (f"none of {total} is running")
        )
        why = f"No majority: {running}, so nothing can commit."
    else:
        largest = max(reach.values(), key=len, default=[])
        why = (
            f"No majority: only {and_list(largest)} of {total} can talk to each other,"
            if len(largest) > 1
            else "No majority: no two nodes can talk to each other,"
        ) + " so nothing can commit."
    if claims:
        names = [node.id for node in claims]
        verb = "believes it leads" if len(names) == 1 else "believe they lead"
        why += f" {and_list(names)} still {verb}."
    return why


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


def _led(leader: NodeView, others: str) -> Situation:
    if leader.log.term_at(leader.commit) != leader.term:
        text = f"{leader.id} leads term {leader.term}: it commits once a majority has its first"
        return Situation(f"{text} entry.{others}", BUSY)
    text = f"{leader.id} leads term {leader.term}: locks can be acquired."
    return Situation(text + others, OK)


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
