"""What five idle nodes cost a kernel: CPU and memory, both timings, with and without a dashboard.

    .venv/bin/python tools/measure_idle.py [--seconds 20] [--rounds 3]

Starts a JupyterLab and a headless Chromium of its own. Each figure is the median over the rounds of
the kernel process's own CPU time, as a share of one core; an idle kernel without a cluster is
measured in the same run, to compare with.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.lab import CHROMIUM_FLAGS, Lab, NotebookPage, notebook  # noqa: E402
from tools.setup_browser import find_chromium  # noqa: E402

CASES = {
    "no cluster": "pass",
    "lesson": "from raftlock import Cluster\ncluster = Cluster()\ncluster.wait_for_leader()",
    "lesson, dashboard": "from raftlock import Cluster\ncluster = Cluster()\ncluster.dashboard()",
    "lan": "from raftlock import Cluster\n"
    "cluster = Cluster(timing='lan')\ncluster.wait_for_leader()",
    "lan, dashboard": "from raftlock import Cluster\n"
    "cluster = Cluster(timing='lan')\ncluster.dashboard()",
}


def kernel_of(lab: Lab) -> psutil.Process:
    """The one kernel that runs."""
    children = psutil.Process(lab.pid).children(recursive=True)
    return next(child for child in children if "ipykernel_launcher" in " ".join(child.cmdline()))


def measure(browser: Browser, lab: Lab, source: str, seconds: float) -> tuple[float, float]:
    """CPU in percent of a core, and resident memory in MB, of a kernel that ran `source`."""
    (lab.folder / "idle.ipynb").write_text(notebook(source), encoding="utf-8")
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = NotebookPage(context.new_page(), lab)
    page.open("idle.ipynb")
    page.run_all()
    if "dashboard" in source:
        page.page.locator("[data-testid^=node-][data-role=leader]").wait_for(state="attached")
    page.page.wait_for_timeout(3_000)  # the chart has been drawn by then
    kernel = kernel_of(lab)
    before, began = kernel.cpu_times(), time.monotonic()
    page.page.wait_for_timeout(seconds * 1_000)
    after, passed = kernel.cpu_times(), time.monotonic() - began
    used = after.user + after.system - before.user - before.system
    memory = kernel.memory_info().rss / 1e6
    context.close()
    lab.end_sessions()
    return 100 * used / passed, memory


def main() -> int:
    """Measure each case in turn, round by round, and print the medians."""
    parser = argparse.ArgumentParser(description="CPU and memory of five idle nodes.")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in CASES}
    chromium = find_chromium()
    lab = Lab(Path(tempfile.mkdtemp()))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=list(CHROMIUM_FLAGS)
            )
            for number in range(options.rounds):
                for name, source in CASES.items():
                    found[name].append(measure(browser, lab, source, options.seconds))
                    cpu, memory = found[name][-1]
                    print(f"{number + 1}: {name:18} {cpu:5.1f} % {memory:6.0f} MB", flush=True)
            browser.close()
    finally:
        lab.stop()
    print(f"\nmedians of {options.rounds} rounds of {options.seconds:g} s")
    for name, rounds in found.items():
        cpu = statistics.median(cpu for cpu, _ in rounds)
        memory = statistics.median(memory for _, memory in rounds)
        print(f"{name:18} {cpu:5.1f} % of a core {memory:6.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
