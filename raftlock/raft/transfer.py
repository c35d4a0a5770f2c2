"""Handing leadership over: section 3.10 of the thesis.

The leader takes no more proposals, brings the target's log up to its own, and tells it to stand for
election at once. The target asks for votes in the leader's name, so nobody refuses for the leader's
sake. If nothing has come of it after an election timeout, the leader goes on as before.
"""

from __future__ import annotations

from raftlock.errors import ErrorCode
from raftlock.raft import election
from raftlock.raft.core import Core
from raftlock.raft.effects import Resolution, Transfer
from raftlock.raft.state import Handover
from raftlock.types.ids import NodeID, ProposalID
from raftlock.types.rpc import TimeoutNow

__all__ = ["begin", "give_up_if_late", "handle_timeout_now", "target_answered"]


def begin(core: Core, event: Transfer) -> bool:
    """Begin to hand over; true if the caller is to send everybody what it lacks."""
    core.out.action = "TransferLeadership"
    if core.state.leadership is None:
        core.out.resolve(core.not_leader(event.proposal_id))
        return False
    leadership, target = core.leadership, event.target or _furthest(core)
    if target == core.node_id:
        text = "It leads already."
        return _refuse(core, event.proposal_id, ErrorCode.INVALID_ARGUMENT, text)
    if target not in core.configuration.voters:
        text = f"{target or 'Nobody else'} has no vote: leadership can be handed to a voter only."
        return _refuse(core, event.proposal_id, ErrorCode.INVALID_ARGUMENT, text)
    if leadership.handover is not None:
        text = f"{core.node_id} is handing over to {leadership.handover.target} already."
        return _refuse(core, event.proposal_id, ErrorCode.BUSY, text)
    leadership.handover = Handover(target, core.now, event.proposal_id)
    core.out.note("transfer", {"target": target, "what": "begun"})
    return not target_answered(core, target)


def target_answered(core: Core, peer: NodeID) -> bool:
    """Tell the target to stand, if it has the whole log. Told anew with each of its answers."""
    handover, progress = core.leadership.handover, core.leadership.progress[peer]
    if handover is None or handover.target != peer:
        return False
    if not core.rules.may_take_over(progress.match_index, core.state.log.last_index):
        return False
    core.out.action = "TransferLeadership"
    if not handover.told:
        handover.told = core.leadership.has_told = True
        core.out.note("transfer", {"target": peer, "what": "told"})
        core.out.resolve(
            Resolution(handover.proposal_id, accepted=True, term=core.state.current_term)
        )
    core.out.send_now(peer, TimeoutNow(core.state.current_term, core.node_id))
    return True


def give_up_if_late(core: Core) -> None:
    """Go on as before, if the target has not taken over within an election timeout."""
    handover = core.leadership.handover
    if handover is None or core.now - handover.since < core.patience:
        return
    core.out.action = "TransferLeadership"
    core.leadership.handover = None
    core.out.note("transfer", {"target": handover.target, "what": "given up"})
    if not handover.told:
        text = f"{handover.target} did not catch up in time: {core.node_id} goes on leading."
        _refuse(core, handover.proposal_id, ErrorCode.TIMEOUT, text)


def handle_timeout_now(core: Core, sender: NodeID, args: TimeoutNow) -> None:
    """TimeoutNow, receiver: stand for election at once, if this term's leader asks for it."""
    core.hear_term(args.term)
    core.out.action = "HandleTimeoutNow"
    state = core.state
    if args.term == state.current_term and sender == state.leader_id:
        election.stand_for_leader(core)


def _furthest(core: Core) -> NodeID:
    """The voter that has most of the log, but this node itself; empty if there is none."""
    progress, voters = core.leadership.progress, core.configuration.voters
    others = [peer for peer in progress if peer in voters]
    return max(others, key=lambda peer: progress[peer].match_index, default=NodeID(""))


def _refuse(core: Core, proposal_id: ProposalID, code: ErrorCode, message: str) -> bool:
    core.out.resolve(
        Resolution(proposal_id, accepted=False, leader_id=core.node_id, code=code, message=message)
    )
    return False
