"""When a leader gives up its office by itself: section 6.2 of the thesis, and a disk that is stuck.

Nobody else is known to lead then, and the term stays. What makes it safe to go on leading is in the
other sections; this one only keeps clients from waiting for a leader that can decide nothing.
"""

from __future__ import annotations

from raftlock.raft.core import Core
from raftlock.raft.state import Progress
from raftlock.types.ids import Millis

__all__ = ["still_leads"]


def still_leads(core: Core) -> bool:
    """Whether this leader may go on; if not, it has stepped down. Asked before each heartbeat."""
    if not core.config.check_quorum:
        return True
    state, rules = core.state, core.rules
    if rules.lost_majority(Millis(core.now - _majority_heard(core)), core.patience):
        core.out.action = "CheckQuorum"
        core.step_down()
        return False
    if state.writing:
        _, handed_out = state.writing[0]
        if rules.disk_is_stuck(Millis(core.now - handed_out), core.patience):
            core.out.action = "DiskStuck"
            core.step_down()
            return False
    return True


def _majority_heard(core: Core) -> Millis:
    """The latest moment since which a majority has been heard, this leader included."""
    elected_at = core.leadership.elected_at

    def heard(progress: Progress) -> Millis:
        return elected_at if progress.last_active is None else progress.last_active

    return Millis(core.reached(heard, core.now))
