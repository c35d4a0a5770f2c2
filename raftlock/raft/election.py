"""Leader election: section 5.2 of the paper, and what 5.4.1 asks of a candidate's log."""

from __future__ import annotations

from raftlock.raft import replication
from raftlock.raft.core import Core
from raftlock.types.events import Json
from raftlock.types.ids import NodeID, Term
from raftlock.types.roles import NodeRole
from raftlock.types.rpc import RequestVoteArgs, RequestVoteReply

__all__ = [
    "election_timeout",
    "handle_request_vote",
    "handle_request_vote_reply",
    "own_vote_durable",
]


def election_timeout(core: Core) -> None:
    """Followers, rule 2, and candidates, rule 4: nothing heard in time, so stand for election."""
    core.out.action = "Timeout"
    core.out.note("timer_fire", {"timer": "election"})
    state = core.state
    # Candidates, rule 1: enter the next term, vote for oneself, reset the timer, ask all others.
    core.enter_term(Term(state.current_term + 1))
    core.become(NodeRole.CANDIDATE)
    core.vote_for(core.node_id)
    core.candidacy.own_vote_write = core.out.next_write
    core.reset_election_timer()
    _note_tally(core)
    core.out.action = "RequestVote"
    request = RequestVoteArgs(
        state.current_term, core.node_id, state.log.last_index, state.log.last_term
    )
    for peer in core.peers:
        # After the write: a candidate that forgot its own vote could give it to another.
        core.out.send_after(peer, request)


def own_vote_durable(core: Core, write: int) -> None:
    """A candidate's vote for itself counts from here on, if it is still standing."""
    core.out.action = "HandleRequestVoteResponse"
    candidacy = core.state.candidacy
    if candidacy is None or write < candidacy.own_vote_write:
        return
    if core.node_id not in candidacy.granted:
        _count_vote(core, core.node_id, granted=True)


def handle_request_vote(core: Core, sender: NodeID, args: RequestVoteArgs) -> None:
    """RequestVote, receiver: grant this term's one vote to a candidate with a fresh log."""
    core.hear_term(args.term)
    core.out.action = "HandleRequestVoteRequest"
    state, rules, log = core.state, core.rules, core.state.log
    granted = (
        # Rule 1: not in a term that is over.
        not rules.stale_vote_request(args.term, state.current_term)
        # Rule 2: not if the vote is given to another, ...
        and rules.may_vote(state.voted_for, args.candidate_id)
        # ... and not to a log that is behind this one.
        and rules.up_to_date(
            (args.last_log_term, args.last_log_index), (log.last_term, log.last_index)
        )
    )
    if granted:
        core.vote_for(args.candidate_id)
        if state.role is NodeRole.FOLLOWER:
            # Followers, rule 2: whoever grants a vote gives its candidate the time to win.
            core.reset_election_timer()
    reply = RequestVoteReply(state.current_term, granted, request_term=args.term)
    core.out.send_after(sender, reply)


def handle_request_vote_reply(core: Core, sender: NodeID, reply: RequestVoteReply) -> None:
    """Candidates, rule 2: count the votes of this election."""
    core.hear_term(reply.term)
    core.out.action = "HandleRequestVoteResponse"
    state, rules = core.state, core.rules
    if state.role is not NodeRole.CANDIDATE:
        return
    if rules.vote_reply_counts(reply.request_term, state.current_term):
        _count_vote(core, sender, granted=reply.vote_granted)


def _count_vote(core: Core, voter: NodeID, *, granted: bool) -> None:
    candidacy, rules = core.candidacy, core.rules
    if granted:
        candidacy.granted = rules.with_vote(candidacy.granted, voter)
    else:
        candidacy.refused = rules.with_vote(candidacy.refused, voter)
    _note_tally(core)
    if len(candidacy.granted) >= core.quorum:
        replication.become_leader(core)
    elif len(candidacy.refused) > len(core.config.voters) - core.quorum:
        # Too few are left to make a majority: stand back until the timer fires again.
        core.become(NodeRole.FOLLOWER)


def _note_tally(core: Core) -> None:
    granted: list[Json] = list(core.candidacy.granted)
    refused: list[Json] = list(core.candidacy.refused)
    core.out.note("tally", {"granted": granted, "refused": refused, "needed": core.quorum})
