"""The panels' Python side, and that the front end's texts are all there."""

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from raftlock_widgets.frontend import LOADER, STATIC, STYLES, modules, style
from raftlock_widgets.panel import Panel, show

from raftlock.panels import Panels

from .stage import StageCluster


@pytest.fixture
def cluster() -> Iterator[StageCluster]:
    made = StageCluster()
    yield made
    made.runner.stop()


def test_the_panels_of_a_cluster_share_its_store(cluster):
    panels = [show(cluster, view) for view in ("dashboard", "ring")]
    assert [panel.view for panel in panels] == ["dashboard", "ring"]
    assert len({panel.store for panel in panels}) == 1
    assert panels[0].store.startswith("IPY_MODEL_")


def test_without_a_front_end_a_sentence_is_left(cluster):
    data, _ = show(cluster, "ring")._repr_mimebundle_()
    assert "the ring of a raftlock cluster" in data["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in data


def test_every_module_travels():
    on_disk = {path.name for path in STATIC.glob("*.js")}
    assert modules().keys() == on_disk - {LOADER.name}
    assert all(text.startswith("// ") for text in modules().values())


def test_every_import_names_a_module_that_is_there():
    for name, text in modules().items():
        for wanted in re.findall(r'from "([^"]+)"', text):
            assert wanted.startswith("./"), f"{name} imports {wanted}"
            assert wanted[2:] in modules(), f"{name} imports {wanted}"


def test_each_layout_that_python_names_is_known_in_the_browser():
    layouts = re.search(r"const LAYOUTS = \{(.*?)\n\};", modules()["main.js"], re.DOTALL).group(1)
    views = {name for name in vars(Panels) if not name.startswith("_")} - {"export", "picture"}
    assert set(re.findall(r"^  (\w+): \(", layouts, re.MULTILINE)) <= views
    assert Panel.view.default_value in views


def test_every_sheet_travels_and_the_narrow_one_comes_last():
    texts = [path.read_text(encoding="utf-8") for path in STYLES.glob("*.css")]
    assert all(text in style() for text in texts)
    assert style().endswith((STYLES / "narrow.css").read_text(encoding="utf-8"))


def test_the_front_end_is_small_enough_to_travel():
    assert sum(map(len, modules().values())) < 300_000


def test_importing_the_panels_loads_no_bokeh():
    code = "import sys, raftlock_widgets; sys.exit('bokeh' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
