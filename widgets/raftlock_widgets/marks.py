"""The marks one can go to: those of the track, and where a promise broke, which the checks say."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import merge
from typing import NamedTuple

from raftlock.trace.parts.track import KINDS, Track
from raftlock.trace.recorder import Recorder
from raftlock.trace.story import Story
from raftlock_widgets.checks import Checks

__all__ = ["KINDS", "Mark", "marks_in", "marks_of", "marks_since", "track_of"]


class Mark(NamedTuple):
    """An event that somebody may look for."""

    seq: int
    t: int
    kind: str
    node: str
    term: int
    text: str


def marks_in(story: Story, kind: str) -> Iterable[Mark]:
    """The marks of a kind, in the order of their events."""
    track = (Mark(*mark) for part in story.parts if isinstance(part, Track) for mark in part.marks)
    marked = (mark for mark in track if mark.kind == kind)
    if kind != "violation":
        return marked
    found = (
        Mark(seq, t, "violation", "", 0, words)
        for part in story.parts
        if isinstance(part, Checks)
        for seq, t, words in part.broken()
    )
    return merge(marked, found)


def marks_of(recorder: Recorder, kind: str) -> list[Mark]:
    """The same of a recording."""
    return list(marks_in(recorder.story, kind))


def marks_since(recorder: Recorder, kind: str, seq: int) -> list[Mark]:
    """Those after event `seq`."""
    if kind != "violation":
        fresh: list[Mark] = []
        for mark in reversed(track_of(recorder).marks):
            if mark[0] <= seq:
                break
            if mark[2] == kind:
                fresh.append(Mark(*mark))
        return fresh[::-1]
    return [mark for mark in marks_of(recorder, kind) if mark.seq > seq]


def track_of(recorder: Recorder) -> Track:
    """The track of a recording that has one."""
    return next(part for part in recorder.story.parts if isinstance(part, Track))
