"""A run retold in sentences, as panels tell it, and what was broken in it in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from raftlock.check.violation import Violation
from raftlock.sim.mutants import mutant_named
from raftlock.trace.sentences import tell
from raftlock.trace.view import ClusterView
from raftlock.types import Json, TraceEvent

__all__ = ["PROMISES", "explained", "rules_told", "told"]

PROMISES: Mapping[str, str] = {
    # Figure 3 of the paper
    "Election Safety": "at most one leader can be elected in a term (Figure 3)",
    "Leader Append-Only": "a leader never overwrites or drops entries of its own log (Figure 3)",
    "Log Matching": "logs that share an entry (index and term) agree up to it (Figure 3)",
    "Leader Completeness": "what was committed is in the log of every later leader (Figure 3)",
    "State Machine Safety": "no two nodes ever apply different entries at one index (Figure 3)",
    # what these rest on
    "one vote a term": "a node votes for one candidate a term, also over a restart (section 5.2)",
    "monotone": "terms, commit indexes and stamps never go back",
    "durability": "what is said is on disk before, and a disk keeps what it synced",
    "commit rule": "what is committed is on the disks of a majority (section 5.3)",
    "membership": "members change step by step, by both majorities meanwhile (section 6)",
    "cluster time": "between two entries no more cluster time passes than real time",
    # the locks
    "mutual exclusion": "nobody gets a lock that another still has",
    "fencing": "a token serves one hold, tokens grow, and a renewal keeps its token",
    "queue order": "waiters are granted by priority, then by arrival; none is lost, none too late",
    "TTL": "a hold ends when its time is up by the log, not before and not after",
    "exactly once": "a request that is repeated changes nothing",
    "answered once": "every call has one answer, in its time",
    "bounds": "no queue and no table grows beyond its limit",
    "lease ends first": "a client stops believing before the cluster gives its lock away",
    "stale write": "what a lock protects takes no write with an older token",
    # the whole
    "linearizability": "there is an order of all calls that explains every answer",
    "not judged": "a search for an order of all calls must come to its end",
    "liveness": "once the faults have ended, the cluster works again and finishes what it began",
    "assertion": "the program's own assertions hold",
}
"""What each property that a check can find broken promises."""


def told(header: Mapping[str, Json], events: Iterable[TraceEvent]) -> list[str]:
    """Every sentence of a run, with the time in seconds."""
    view = ClusterView(header)
    sentences = []
    for event in events:
        sentence = tell(event, view)
        view.apply(event)
        if sentence is not None:
            sentences.append(f"{event.t / 1_000_000:9.3f} s  {sentence.text}")
    return sentences


def rules_told(name: str) -> str:
    """Which rule the run broke on purpose, or that it broke none."""
    mutant = mutant_named(name) if name else None
    if mutant is None:
        return "The rules are the correct ones."
    return f"A rule is broken on purpose, {name}: {mutant.story}"


def explained(violation: Violation) -> list[str]:
    """What was broken, what had been promised, and whom it concerns."""
    lines = [f"{violation.property}: {violation.text}"]
    if violation.property in PROMISES:
        lines.append(f"  Promised was: {PROMISES[violation.property]}.")
    concerned = []
    if violation.nodes:
        concerned.append(", ".join(violation.nodes))
    if violation.index:
        concerned.append(f"index {violation.index}")
    if violation.terms:
        terms = ", ".join(str(term) for term in dict.fromkeys(violation.terms))
        concerned.append(f"term {terms}")
    if concerned:
        lines.append(f"  It concerns {'; '.join(concerned)} (event {violation.seq} of the trace).")
    return lines
