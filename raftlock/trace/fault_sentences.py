"""What befell a node or the network, and what was done to them, in a sentence."""

from __future__ import annotations

from raftlock.trace.fields import flag, groups_of, names, number, shorten, text
from raftlock.trace.network import LinkShape
from raftlock.trace.told import FAULT, INFO, WARN, Told
from raftlock.trace.view import FULL_SPEED, ClusterView
from raftlock.trace.words import and_list, duration, times
from raftlock.types import TraceEvent

__all__ = ["fault_line", "node_line"]


def node_line(event: TraceEvent, view: ClusterView) -> Told | None:
    """A node's or a client's life."""
    name, what = shorten(event.node.removeprefix("client:")), text(event.data, "what")
    if what == "started":
        return Told(f"{name} starts.")
    if what == "killed":
        node = view.node(event.node)
        if node.writes or node.log.undo:
            return Told(f"{name} was killed: what its disk had not synced is lost.", FAULT)
        return Told(f"{name} was killed: its disk keeps {_kept(view)}.", FAULT)
    if what == "restarted" and view.node(event.node).fate == "wiped":
        return Told(f"{name} is back with an empty disk: no term, no vote, no log.")
    if what == "restarted":
        if text(view.header, "modified"):
            return Told(f"{name} is back, with what its disk kept.")
        return Told(f"{name} is back, with the term, the vote and the log that its disk kept.")
    if what == "frozen":
        return Told(
            f"{name} is frozen: it handles nothing and sends nothing, but its clock runs on.", FAULT
        )
    if what == "thawed":
        return Told(f"{name} is thawed: what it had decided before goes out first.")
    return _member(name, what, text(event.data, "why").rstrip("."))


def _kept(view: ClusterView) -> str:
    """What a disk is good for; where a rule is broken, perhaps that one."""
    modified = text(view.header, "modified")
    return "what it had synced" if modified else "its term, its vote and its log"


def _member(name: str, what: str, why: str) -> Told | None:
    if what == "added":
        return Told(f"{name} starts with an empty disk: it is no member yet and has no vote.")
    if what == "removed":
        return Told(f"{name} is gone: it is switched off for good.")
    why = shorten(why[:1].lower() + why[1:], 160)
    if what == "stopped":
        return Told(f"{name} stops: {why or 'its disk failed'}.", FAULT)
    if what == "refused":
        return Told(f"{name} refuses to start: {why or 'its disk is damaged'}.", FAULT)
    return None  # wiped: the fault tells it, and who takes the place


def fault_line(event: TraceEvent, view: ClusterView) -> Told | None:
    """What somebody, or chance, does to the cluster."""
    data, what = event.data, text(event.data, "what")
    src, dst = shorten(text(data, "src")), shorten(text(data, "dst"))
    arrow = "→" if flag(data, "one_way") else "↔"
    if what == "cut":
        return Told(f"The link {src} {arrow} {dst} is cut.", FAULT)
    if what == "restore":
        return Told(f"The link {src} {arrow} {dst} works again.")
    if what == "partition":
        parts = " | ".join(and_list(group) for group in groups_of(data))
        return Told(f"The network is split: {parts}.", FAULT)
    if what == "heal":
        return Told("The network is whole again: every link is as it was at first.")
    if what == "link":
        shape = LinkShape(
            number(data, "delay_ms"), number(data, "jitter_ms"), number(data, "loss_ppm")
        )
        return _link(f"{src} → {dst}", shape, view.network.plain)
    if what == "pause":
        return Told("The cluster is paused: nothing moves until it is resumed.", WARN)
    if what == "resume":
        return Told("The cluster goes on.")
    if what == "speed":
        ppm = number(data, "speed_ppm")
        if not 0 < ppm < FULL_SPEED:
            return Told("The cluster runs at full speed.")
        slow = duration(FULL_SPEED * 1000 // ppm)
        return Told(f"The cluster runs at {times(ppm)}: one second of it takes {slow}.")
    if what == "message":
        return _message(src, dst, event)
    if what in _NEXT:
        return Told(f"What {src} sends {dst} next will {_NEXT[what]}.", FAULT)
    teller = _OF_A_NODE.get(what)
    if teller is None:
        return None  # kill, restart, freeze, thaw, add, remove: the node's own event tells them
    return teller(shorten(text(data, "node")), event)


_NEXT = {"drop": "be lost", "duplicate": "arrive twice", "hold": "be late"}


def _message(src: str, dst: str, event: TraceEvent) -> Told:
    how = text(event.data, "how")
    late = duration(number(event.data, "delay_ms"))
    words = {
        "now": "is hurried along: it arrives at once",
        "drop": "is taken off the wire",
        "delay": f"is delayed by {late}",
        "duplicate": f"will arrive a second time, {late} from now",
        "hold": "is held on its link until it is let go",
        "release": "is let go",
    }
    label = shorten(text(event.data, "label"))
    return Told(f"{src}'s {label} to {dst} {words.get(how, how)}.", FAULT)


_POINTS = {
    "before": "before anything of it is done",
    "written": "with it in the disk's cache",
    "synced": "with it on disk and nothing said of it",
    "sent": "once what it allows was sent",
}


def _crash_on_write(node: str, event: TraceEvent) -> Told:
    point = text(event.data, "point")
    return Told(f"{node} will crash at its next write, {_POINTS.get(point, point)}.", FAULT)


def _wipe(node: str, event: TraceEvent) -> Told:
    if flag(event.data, "as_voter"):
        return Told(
            f"The disk of {node} is lost, yet {node} keeps its vote: it has forgotten what it"
            " promised, so even what is committed may now be lost.",
            FAULT,
        )
    heir = shorten(text(event.data, "becomes"))
    return Told(
        f"The disk of {node} is lost, and with it all that {node} promised: it never comes back."
        f" {heir} takes its place, as a new node.",
        FAULT,
    )


def _members(_node: str, event: TraceEvent) -> Told:
    voters, learners = names(event.data, "voters"), names(event.data, "learners")
    more = f", and {and_list(learners)} to learn" if learners else ""
    return Told(f"The leader is asked for other members: {and_list(voters)} to vote{more}.")


def _transfer(node: str, _event: TraceEvent) -> Told:
    whom = node or "whoever has most of its log"
    return Told(f"The leader is asked to hand its office to {whom}.")


_DISK = {
    "fail_write": "will fail at its next write",
    "fail_sync": "will fail at its next sync",
    "full": "is full: it takes no more writes",
    "flip": "is damaged: a record in the middle is not what was written",
    "well": "has room again",
}


def _disk(node: str, event: TraceEvent) -> Told:
    fault = text(event.data, "fault")
    return Told(
        f"The disk of {node} {_DISK.get(fault, fault)}.", INFO if fault == "well" else FAULT
    )


def _clock(node: str, event: TraceEvent) -> Told:
    jump = number(event.data, "jump_ms")
    if jump:
        return Told(f"The clock of {node} jumps ahead by {duration(jump)}.", FAULT)
    rate = number(event.data, "rate_ppm")
    percent = times(abs(rate) * 100).removesuffix("x")
    if not rate:
        return Told(f"The clock of {node} runs right again.")
    return Told(
        f"The clock of {node} now runs {percent} % too {'fast' if rate > 0 else 'slow'}.", FAULT
    )


def _stranger(node: str, event: TraceEvent) -> Told:
    sort = shorten(text(event.data, "sort").replace("_", " "))
    return Told(f"A stranger knocks at the door of {node} ({sort}) and must not get in.", WARN)


_OF_A_NODE = {
    "crash_on_write": _crash_on_write,
    "wipe": _wipe,
    "members": _members,
    "transfer": _transfer,
    "disk": _disk,
    "clock": _clock,
    "stranger": _stranger,
}


def _link(link: str, shape: LinkShape, plain: LinkShape) -> Told:
    if shape == plain:
        return Told(f"The link {link} is as it was at first.")
    words = []
    if shape.delay_ms != plain.delay_ms or shape.jitter_ms:
        more = f", give or take {duration(shape.jitter_ms)}" if shape.jitter_ms else ""
        words.append(f"takes {duration(shape.delay_ms)}{more}")
    if shape.loss_ppm:
        percent = times(shape.loss_ppm * 100).removesuffix("x")
        words.append(f"loses {percent} % of its messages")
    return Told(f"The link {link} now {' and '.join(words)}.", FAULT)
