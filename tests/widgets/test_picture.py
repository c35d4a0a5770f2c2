"""The picture that stands alone is well made, tells the state, and takes names as text only."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree as ET

import pytest
from raftlock_widgets.frontend import STATIC
from raftlock_widgets.picture import TERM_FILL, picture_of, run_time, words_of
from raftlock_widgets.still import bundle_of

from raftlock import Simulation
from raftlock.errors import InvalidArgument
from raftlock.trace.frame import FrameSource

from .stage import recorder


def frame_of(simulation):
    return FrameSource(simulation.recorder).full()


def drawn(svg):
    return ET.fromstring(svg)  # noqa: S314 - what we have written ourselves just now


def texts(svg):
    return [each.text or "" for each in drawn(svg).iter() if each.text]


@pytest.fixture(scope="module")
def simulation():
    made = Simulation(5, seed=3)
    made.wait_for_leader()
    made.client("<script>alert(1)</script>").acquire("a&b", ttl=60)
    made.client("bob").submit("wait", "a&b", ttl=60)
    made.run(1)
    made.cut("n1", "n2", one_way=True)
    made.kill(next(node for node in made.nodes if node != made.leader))
    made.run(0.1)
    return made


def test_it_tells_who_leads_who_is_down_and_who_holds_what(simulation):
    frame = frame_of(simulation)
    told = texts(picture_of(frame))
    assert told.count("leader") == 2  # the word beside the term, and the node
    assert "down" in told
    assert any(text.startswith("a&b: <script>alert(1)</s…, token 3") for text in told)
    assert any(text.endswith("waiting: bob") for text in told)
    assert frame["situation"]["text"] in words_of(frame)


def test_names_are_text_and_the_svg_is_well_formed(simulation):
    svg = picture_of(frame_of(simulation))
    assert "<script" not in svg
    bundle = bundle_of(frame_of(simulation), 'x" onload="y')
    assert 'onload="y"' not in bundle["text/html"]
    packed = re.search(r"base64,([^\"]+)", bundle["text/html"]).group(1)
    assert base64.b64decode(packed).decode() == bundle["image/svg+xml"] == svg


@pytest.mark.parametrize("nodes", [1, 3, 9])
def test_any_number_of_nodes_fits(nodes):
    simulation = Simulation(nodes, seed=1)
    svg = drawn(picture_of(frame_of(simulation)))
    width, height = float(svg.get("width")), float(svg.get("height"))
    circles = list(svg.iter("{http://www.w3.org/2000/svg}circle"))
    assert len(circles) == nodes
    for circle in circles:
        x, y, r = (float(circle.get(name)) for name in ("cx", "cy", "r"))
        assert r <= x <= width - r
        assert r <= y <= height - r


def test_a_trace_that_tells_nothing_has_a_picture_too():
    drawn(picture_of(FrameSource(recorder()).full()))


def test_a_term_has_the_colour_that_it_has_in_the_panels():
    palette = (STATIC / "palette.js").read_text(encoding="utf-8")
    fills = re.search(r"TERM_FILL = \[(.*?)\]", palette).group(1)
    assert tuple(re.findall(r"#[0-9a-f]{6}", fills)) == TERM_FILL


def test_times_are_written_as_the_panels_write_them():
    assert [run_time(t) for t in (0, 9_149_999, 61_000_000, 3_600_000_000)] == [
        "0:00.0",
        "0:09.1",
        "1:01.0",
        "60:00.0",
    ]


def test_a_picture_is_written_as_svg(simulation, tmp_path):
    path = simulation.picture(tmp_path / "now.svg")
    assert path.read_text(encoding="utf-8") == picture_of(frame_of(simulation))
    with pytest.raises(InvalidArgument, match=r"end now\.png in \.svg|'now.png'"):
        simulation.picture(tmp_path / "now.png")
