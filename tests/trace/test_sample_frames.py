"""The sample that the browser's tests draw. After a change of the frames, write it anew with

    RAFTLOCK_REGEN=1 python -m pytest tests/trace/test_sample_frames.py

and look at what changed in sample_frames.json before keeping it.
"""

import json
import os
from pathlib import Path

from tests.trace import sample

SAMPLE = Path(__file__).with_name("sample_frames.json")


def written():
    """The sample as the file holds it: one frame a line, so that a change can be read."""
    built = sample.build()

    def dump(value):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    frames = ",\n".join(map(dump, built["frames"]))
    return (
        f'{{"header":{dump(built["header"])},\n"chapters":{dump(built["chapters"])},\n'
        f'"frames":[\n{frames}\n],\n"final":{dump(built["final"])}}}\n'
    )


def test_the_sample_is_what_the_frames_are_now():
    if os.environ.get("RAFTLOCK_REGEN"):
        SAMPLE.write_text(written(), encoding="utf-8")
    assert SAMPLE.read_text(encoding="utf-8") == written()


def test_the_sample_shows_what_the_browser_must_be_able_to_draw():
    built = sample.build()
    frames = built["frames"]
    nodes = [node for frame in frames for node in frame["nodes"]]
    assert {node["role"] for node in nodes} == {"follower", "candidate", "leader"}
    assert {node["state"] for node in nodes} == {"up", "down", "frozen"}
    assert any(node["tally"] for node in nodes)
    assert any(node["disk_busy"] for node in nodes)
    messages = [message for frame in frames for message in frame["messages"]]
    assert {"flying", "lost"} == {message["fate"] for message in messages}
    assert {"RV", "RV✓", "HB", "AE·1", "AE✓"} <= {message["label"] for message in messages}
    assert any(frame.get("groups") for frame in frames)
    assert any(log["cut_at"] for frame in frames for log in frame["logs"].values())
    assert any(
        len(row["queue"]) == 2 for frame in frames for t in frame["locks"].values() for row in t
    )
    assert any(client["holds"] for client in built["final"]["clients"])
    assert {event["level"] for event in built["final"]["events"]} == {
        "info",
        "good",
        "warn",
        "fault",
    }
