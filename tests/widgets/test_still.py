"""A notebook that is read without a kernel shows how things last stood, and no error."""

from __future__ import annotations

import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook

BEGIN = """
from raftlock import Cluster
cluster = Cluster(3, timing="lan", seed=3)
cluster.wait_for_leader()
cluster.dashboard()
"""
KILL = """
lost = cluster.leader
cluster.kill(lost)
cluster.wait_for_leader()
lost
"""


@pytest.fixture(scope="module")
def executed():
    notebook = new_notebook(cells=[new_code_cell(text) for text in (BEGIN, KILL, "cluster.stop()")])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    return notebook


def test_the_last_picture_is_in_the_output_of_the_cell_that_showed_the_panels(executed):
    lost = executed.cells[1].outputs[-1].data["text/plain"].strip("'")
    panel, still = executed.cells[0].outputs
    assert "application/vnd.jupyter.widget-view+json" in panel.data
    assert f"{lost} down" in still.data["text/plain"]
    assert "<svg" in still.data["image/svg+xml"]
    assert len(still.data["text/html"]) < 40_000


@pytest.mark.parametrize("with_state", [True, False])
def test_nbconvert_shows_it(executed, with_state):
    copy = executed.copy()
    if not with_state:
        copy.metadata = {key: value for key, value in copy.metadata.items() if key != "widgets"}
    page, _ = HTMLExporter().from_notebook_node(copy)
    assert page.count('class="raftlock-still"') == 1
    assert "data:image/svg+xml;base64," in page
