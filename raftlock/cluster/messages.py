"""What a hand can do to one message that is on its way in a live laboratory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftlock.errors import InvalidArgument
from raftlock.trace.messages import label, message_type
from raftlock.trace.touch import check_touch, gone, told_of_touch
from raftlock.transport.limits import millis_from_seconds
from raftlock.types.events import Json, Note
from raftlock.types.ids import Micros, NodeID

if TYPE_CHECKING:
    from raftlock.cluster.lab import Laboratory
    from raftlock.node.arrivals import Arrivals, Coming

__all__ = ["let_go", "message"]


async def message(
    lab: Laboratory, number: int, how: str, *, delay: float = 0.0, by: str = "cell"
) -> None:
    """Do to message `number` what `how` says; see `Cluster.message`."""
    delay_ms = millis_from_seconds("delay", delay)
    check_touch(how, delay_ms)
    node, arrivals, coming = _found(lab, number)
    if how == "release" and not coming.held:
        raise InvalidArgument(f"Message {number} is not held.")
    if how == "hold" and coming.held:
        raise InvalidArgument(f"Message {number} is held already: let it go.")
    about = _about(node, coming)
    fault: dict[str, Json] = {"what": "message", "by": by}
    fault |= told_of_touch(number, about, how, delay_ms)
    lab.recorder.emit(NodeID(""), Note("fault", fault))
    now = lab.clock.now_us()
    if how == "duplicate":
        due = Micros(now + 1_000 * delay_ms)
        _tell(lab, coming.sender, "dup", {**about, "deliver_at": due}, number)
        arrivals.copy(coming, due)
    elif how == "drop":
        arrivals.drop(coming)
        _tell(lab, node, "drop", {**about, "why": "taken"}, number)
    elif how == "hold":
        arrivals.hold(coming)
        _tell(lab, coming.sender, "due", {**about, "deliver_at": now, "held": True}, number)
    else:
        before = now if coming.held else max(coming.due, now)
        at = before + 1_000 * delay_ms if how == "delay" else now
        _move(lab, node, coming, Micros(at))


def let_go(lab: Laboratory) -> None:
    """Every message that is held goes on."""
    for node in lab.nodes:
        running = lab.running(node)
        for number in running.arrivals.held if running is not None else ():
            assert running is not None
            coming = running.arrivals.get(number)
            assert coming is not None
            _move(lab, node, coming, lab.clock.now_us())


def _move(lab: Laboratory, node: NodeID, coming: Coming, at: Micros) -> None:
    running = lab.running(node)
    assert running is not None
    told: dict[str, Json] = {**_about(node, coming), "deliver_at": at}
    _tell(lab, coming.sender, "due", told, coming.frame.id)
    running.arrivals.move(coming, at)


def _tell(lab: Laboratory, place: NodeID, kind: str, data: dict[str, Json], cause: int) -> None:
    lab.recorder.emit(place, Note(kind, data), cause=cause)


def _found(lab: Laboratory, number: int) -> tuple[NodeID, Arrivals, Coming]:
    for node in lab.nodes:
        running = lab.running(node)
        coming = running.arrivals.get(number) if running is not None else None
        if running is not None and coming is not None:
            return node, running.arrivals, coming
    raise gone(number)


def _about(node: NodeID, coming: Coming) -> dict[str, Json]:
    return {
        "id": coming.frame.id,
        "from": coming.sender,
        "to": node,
        "type": message_type(coming.frame.message),
        "label": label(coming.frame.message),
    }
