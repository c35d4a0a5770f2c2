"""A run retold in sentences, as panels tell it."""

from __future__ import annotations

from raftlock.sim.run import Outcome
from raftlock.trace.sentences import tell
from raftlock.trace.view import ClusterView

__all__ = ["told"]


def told(outcome: Outcome) -> list[str]:
    """Every sentence of the run, with the time in seconds."""
    recorder = outcome.recorder
    view = ClusterView(recorder.header)
    sentences = []
    for event in recorder.events:
        sentence = tell(event, view)
        view.apply(event)
        if sentence is not None:
            sentences.append(f"{event.t / 1_000_000:9.3f} s  {sentence.text}")
    return sentences
