"""A run as one file: all of it is there, and nobody's text can do anything in it."""

import base64
import gzip
import itertools
import json
import re

import pytest
from raftlock_widgets.export import WHOLE_EVERY, frames_of, page_of

from raftlock import Simulation, broken

from .stage import StageCluster, lead

EVIL = "</script><script>alert(1)</script>"


@pytest.fixture(scope="module")
def run():
    made = Simulation(nodes=3, seed=3, timing="lan", name=EVIL)
    made.wait_for_leader()
    made.client(EVIL).acquire(EVIL, ttl=3)
    made.kill(made.leader)
    made.run(2)
    return made.recorder


def unpacked(page):
    (data,) = re.findall(r'<script type="text/plain" id="data">([\w+/=]*)</script>', page)
    return json.loads(gzip.decompress(base64.b64decode(data)))


def test_the_file_holds_the_modules_and_every_moment(run):
    inside = unpacked(page_of(run.header, list(run.events)))
    assert {"main.js", "offline.js"} <= inside["modules"].keys()
    frames = inside["run"]["frames"]
    assert frames[0][0] == 0
    assert frames[-1][0] == run.last_seq
    assert [seq for seq, _ in frames] == sorted({seq for seq, _ in frames})
    whole = [seq for seq, frame in frames if frame["full"]]
    assert all(b - a < WHOLE_EVERY + 100 for a, b in itertools.pairwise(whole))
    assert inside["run"]["track"][-1][0] <= run.last_seq


def test_a_whole_frame_of_the_file_is_the_picture_of_then(run):
    events = list(run.events)
    for seq, frame in frames_of(run.header, events):
        if frame.get("full") and seq:
            assert frame["t"] == events[seq - 1].t
            nodes = run.at(seq).view.nodes
            assert {node["id"]: node["term"] for node in frame["nodes"]} == {
                name: node.term for name, node in nodes.items()
            }


def test_texts_of_people_are_data_only(run):
    page = page_of(run.header, list(run.events))
    assert EVIL not in page
    assert page.count("<script") == 2
    assert EVIL in json.dumps(unpacked(page), ensure_ascii=False)


def test_the_file_asks_for_nothing(run):
    page = page_of(run.header, list(run.events))
    head = page.split('id="data"')[0]
    assert not re.findall(r"(?:src|href)=|https?://(?!www\.w3\.org)", head)


def test_a_live_cluster_and_a_simulation_write_it(tmp_path):
    path = broken("VoteAgain").export(tmp_path / "run.html")
    assert "without VoteAgain" in path.read_text(encoding="utf-8")
    from raftlock_widgets import export

    cluster = StageCluster()
    lead(cluster.recorder, "n2", 4)
    export(cluster, tmp_path / "live.html")
    cluster.runner.stop()
    last = unpacked((tmp_path / "live.html").read_text(encoding="utf-8"))["run"]["frames"][-1]
    assert last[0] == cluster.recorder.last_seq


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        broken("VoteAgain").export(tmp_path / "nowhere" / "run.html")
