"""The trace: what happened, in order, and the picture and the sentences that are made of it.

Everything that is shown, judged or shared comes from here; this room knows only the vocabulary.
Keyframes (full dumps from which a simulation goes on) are made by the driver and will stand beside
`story`: a picture is a fold and needs none.
"""

from raftlock.trace.export import Trace, read
from raftlock.trace.frame import Cursor, FrameSource
from raftlock.trace.messages import label, message_fields, message_type
from raftlock.trace.recorder import Recorder
from raftlock.trace.sentences import sentence
from raftlock.trace.situation import Situation, situation
from raftlock.trace.story import Story
from raftlock.trace.view import ClusterView

__all__ = [
    "ClusterView",
    "Cursor",
    "FrameSource",
    "Recorder",
    "Situation",
    "Story",
    "Trace",
    "label",
    "message_fields",
    "message_type",
    "read",
    "sentence",
    "situation",
]
