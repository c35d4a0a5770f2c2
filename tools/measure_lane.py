"""How long a click takes to show, with the kernel idle and at work, by the lane and without it.

    .venv/bin/python tools/measure_lane.py

Clicks Freeze and Thaw of one node in turn, in a real JupyterLab in Chromium, and waits until the
ring shows it. The picture itself stays 60 ms behind. Without the lane the page's own connection is
cut, so that clicks go through the kernel's channel.
"""

from __future__ import annotations

import re
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, WebSocketRoute, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.lab import CHROMIUM_FLAGS, Lab, NotebookPage, notebook  # noqa: E402
from tools.setup_browser import find_chromium  # noqa: E402

START = """
from raftlock import Cluster
cluster = Cluster(nodes=5, timing="lan", seed=7)
cluster.wait_for_leader()
cluster.dashboard()
"""
CELLS = {
    "idle": "",
    "sleeping": "import time; time.sleep(8)",
    "computing": "n = 0\nfor i in range(10**8): n += i",
}
CLICKS = 20
PATIENCE_MS = 15_000

CLICK = """
([name, state, patience]) => new Promise((resolve) => {
  const node = document.querySelector('[data-testid=node-n5]');
  const began = performance.now();
  const done = () => { watch.disconnect(); resolve(performance.now() - began); };
  const watch = new MutationObserver(() => { if (node.dataset.state === state) done(); });
  watch.observe(node, { attributes: true });
  setTimeout(done, patience);
  document.querySelector(`[data-testid=${name}]`).click();
})
"""


def measured(opened: NotebookPage, cell: str) -> list[float]:
    """Milliseconds from click to picture."""
    page = opened.page
    times: list[float] = []
    for number in range(CLICKS):
        if cell and number % 4 == 0:  # a cell that is at work, as often as one is needed
            page.evaluate("() => window.jupyterapp.commands.execute('notebook:interrupt-kernel')")
            page.wait_for_timeout(500)
            opened.run_cell(list(CELLS).index(cell), wait=False)
            page.wait_for_timeout(300)
        name, state = ("freeze", "frozen") if number % 2 == 0 else ("thaw", "up")
        times.append(float(page.evaluate(CLICK, [name, state, PATIENCE_MS])))
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:interrupt-kernel')")
    page.wait_for_timeout(1000)
    return times


def prepared(page: Page, lab: Lab, *, with_lane: bool) -> NotebookPage:
    """A dashboard with a node chosen."""
    if not with_lane:
        cut = re.compile(r"127\.0\.0\.1:\d+/$")
        page.route_web_socket(cut, _refuse)
    opened = NotebookPage(page, lab)
    opened.open("lane.ipynb")
    opened.run_cell(0)
    page.locator("[data-testid^=node-][data-role=leader]").first.wait_for(state="attached")
    page.get_by_test_id("node-n5").click()
    wanted = "yes" if with_lane else "no"
    page.locator(f".raftlock[data-lane={wanted}]").first.wait_for()
    page.wait_for_timeout(1500)
    return opened


def _refuse(route: WebSocketRoute) -> None:
    route.close()


def main() -> int:
    """Print the medians side by side."""
    chromium = find_chromium()
    lab = Lab(Path(tempfile.mkdtemp()))
    sources = [START, *(source for source in CELLS.values() if source)]
    (lab.folder / "lane.ipynb").write_text(notebook(*sources), encoding="utf-8")
    found: dict[tuple[str, bool], list[float]] = {}
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=list(CHROMIUM_FLAGS)
            )
            for with_lane in (True, False):
                page = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
                opened = prepared(page, lab, with_lane=with_lane)
                for name, source in CELLS.items():
                    found[name, with_lane] = measured(opened, name if source else "")
                page.context.close()
                lab.end_sessions()
            browser.close()
    finally:
        lab.stop()
    print(f"click to picture, median and worst of {CLICKS}, ms")
    print(f"{'kernel':10} {'lane':>14} {'no lane':>16}")
    for name in CELLS:
        told = [
            f"{statistics.median(found[name, lane]):7.0f} {max(found[name, lane]):6.0f}"
            for lane in (True, False)
        ]
        print(f"{name:10} {told[0]:>14} {told[1]:>16}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
