"""Who belongs to the cluster, who leads it next, and what stands for the log, in a sentence."""

from __future__ import annotations

from raftlock.trace.fields import names, number, text
from raftlock.trace.told import GOOD, WARN, Told
from raftlock.trace.view import ClusterView
from raftlock.trace.words import and_list, entries_text, is_are
from raftlock.types import TraceEvent

__all__ = [
    "compact_line",
    "config_line",
    "install_line",
    "progress_line",
    "snapshot_line",
    "transfer_line",
]


def config_line(event: TraceEvent, view: ClusterView) -> Told | None:
    """The members change: told where they are changed, not where that is copied."""
    node, data = view.node(event.node), event.data
    voters, learners = names(data, "voters"), names(data, "learners")
    outgoing = names(data, "outgoing")
    if event.rule == "ChangeMembers" and outgoing:
        return Told(
            f"{event.node} begins to change the voters from {and_list(outgoing)} to"
            f" {and_list(voters)}: until that is done, every decision needs a majority of both."
        )
    if event.rule == "ChangeMembers":
        return _learners(learners, list(view.members_of(node).learners))
    if event.rule == "LeaveJoint":
        verb = "learns" if len(learners) == 1 else "learn"
        more = f"; {and_list(learners)} only {verb}" if learners else ""
        return Told(f"The cluster's voters are now {and_list(voters)}{more}.", GOOD)
    if node.configurations and number(data, "index") < node.configurations[-1][0]:
        both = "joint with those of before" if outgoing else "again"
        return Told(
            f"{event.node} goes back to the members of before, since the entry with the new ones is"
            f" dropped: voters are {and_list(voters)} {both}.",
            WARN,
        )
    return None


def _learners(now: list[str], before: list[str]) -> Told | None:
    come = [name for name in now if name not in before]
    gone = [name for name in before if name not in now]
    parts = []
    if len(come) == 1:
        parts.append(f"{come[0]} joins as a learner: it is sent the log and has no vote.")
    elif come:
        parts.append(f"{and_list(come)} join as learners: they are sent the log and have no vote.")
    if gone:
        parts.append(f"{and_list(gone)} {is_are(gone)} no member any more.")
    return Told(" ".join(parts)) if parts else None


def transfer_line(event: TraceEvent, _view: ClusterView) -> Told | None:
    """A leader hands its office over."""
    name, target, what = event.node, text(event.data, "target"), text(event.data, "what")
    if what == "begun":
        return Told(f"{name} hands its office to {target}: it takes no requests meanwhile.")
    if what == "told":
        return Told(f"{target} has all of {name}'s log, so {name} tells it to stand at once.")
    return Told(f"{target} did not take over in time: {name} goes on leading.", WARN)


def snapshot_line(event: TraceEvent, _view: ClusterView) -> Told | None:
    """A node takes a snapshot of its own table."""
    stands = f"stands for {entries_text(1, number(event.data, 'index'))}"
    return Told(f"{event.node} takes a snapshot of its lock table: it {stands}.")


def compact_line(event: TraceEvent, view: ClusterView) -> Told | None:
    """What a snapshot stands for leaves the log; of an installed one its own sentence says so."""
    first, last = view.node(event.node).log.base + 1, number(event.data, "to")
    if event.rule != "TakeSnapshot" or last < first:
        return None
    which, stands = entries_text(first, last), "the snapshot stands for"
    them = "it" if first == last else "them"
    return Told(f"{event.node} drops {which} from its log: {stands} {them}.")


def install_line(event: TraceEvent, _view: ClusterView) -> Told | None:
    """A snapshot takes the place of a log and of a table."""
    name, stands = event.node, f"stands for {entries_text(1, number(event.data, 'index'))}"
    if event.rule == "Restart":
        return Told(f"{name} reads a snapshot from its disk: it {stands}.")
    return Told(f"{name} takes over the leader's snapshot, which {stands}.")


def progress_line(event: TraceEvent, view: ClusterView) -> Told | None:
    """A leader begins to send a snapshot: the follower lacks what is no longer in the log."""
    peer, stream = text(event.data, "peer"), text(event.data, "stream")
    node = view.node(event.node)
    if stream != "snapshot" or peer in node.sent:
        return None
    return Told(
        f"{event.node} sends {peer} its snapshot: {peer} lacks entries that are no longer in"
        f" {event.node}'s log."
    )
