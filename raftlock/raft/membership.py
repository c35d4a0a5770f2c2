"""Changes of membership: section 6 of the paper, chapter 4 of the thesis.

The members stand in the log. A node goes by the latest configuration in its log, committed or
not. If the voters change, the cluster passes through a joint configuration, in which every decision
needs a majority of the old voters and one of the new; once that is committed, the leader leaves it
by itself. So at no moment can two majorities decide without sharing a node. A learner has the log
and no vote: whoever joins does so as one first, and gets its vote when it has caught up.
"""

from __future__ import annotations

from raftlock.errors import ErrorCode
from raftlock.raft import replication
from raftlock.raft.core import Core
from raftlock.raft.effects import ChangeMembers, Resolution
from raftlock.types.membership import Configuration

__all__ = ["change", "settle"]


def change(core: Core, event: ChangeMembers) -> None:
    """Begin to go over to other members; accepted once the first entry of it is in the log."""
    core.out.action = "ChangeMembers"
    if core.state.leadership is None:
        core.out.resolve(core.not_leader(event.proposal_id))
        return
    before, target = core.configuration, Configuration(event.voters, event.learners)
    named = target.voters + target.learners
    if not target.voters or not all(named) or len(set(named)) != len(named):
        text = "A cluster needs a voter, and each member one name and one part."
        _refuse(core, event, ErrorCode.INVALID_ARGUMENT, text)
        return
    if core.leadership.handover is not None or not _is_settled(core):
        text = "Another change is under way: ask again when it is done."
        _refuse(core, event, ErrorCode.BUSY, text)
        return
    if set(target.voters) != set(before.voters):
        target = Configuration(target.voters, target.learners, before.voters)
    entry = replication.append_own(core, configuration=target)
    core.state.proposals[entry.index] = event.proposal_id
    core.out.resolve(
        Resolution(
            event.proposal_id,
            accepted=True,
            index=entry.index,
            term=entry.term,
            stamp=entry.stamp,
            leader_id=core.node_id,
        )
    )
    replication.ask_all(core)


def settle(core: Core) -> None:
    """Leave a joint configuration once it is committed; and office, once that has gone to others.

    A leader without a vote of its own goes on until the configuration that says so is committed
    (paper section 6): before that, only it can bring that about.
    """
    state = core.state
    index, configuration = state.configurations[-1]
    if state.leadership is None or not core.rules.configuration_holds(index, state.commit_index):
        return
    if configuration.is_joint:
        core.out.action = "LeaveJoint"
        after = Configuration(configuration.voters, configuration.learners)
        replication.append_own(core, configuration=after)
        replication.ask_all(core)
    elif core.node_id not in configuration.voters:
        replication.ask_all(core)  # the others learn what is committed
        core.out.action = "LeaveOffice"
        core.step_down()


def _is_settled(core: Core) -> bool:
    """Whether the last change is done. A joint configuration that is committed is left at once."""
    index, _ = core.state.configurations[-1]
    own = core.leadership.first_index
    return core.rules.may_change_members(max(index, own), core.state.commit_index)


def _refuse(core: Core, event: ChangeMembers, code: ErrorCode, message: str) -> None:
    core.out.resolve(
        Resolution(
            event.proposal_id,
            accepted=False,
            leader_id=core.node_id,
            code=code,
            message=message,
        )
    )
