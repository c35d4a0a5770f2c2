"""Five nodes, twenty clients and a dashboard that is looked at: what it costs, if it lasts.

    .venv/bin/python tools/soak_panels.py [--minutes 60] [--json FILE]

Starts a JupyterLab and a headless Chromium of its own, and loads a live cluster: twenty clients
wait for five locks, hold them for a moment and give them back, and each minute the leader is killed
and restarted. Each minute has a stretch without the page, so that what drawing costs the kernel is
compared with the same load in the same minute. Exits with 1 if a bound does not hold.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import CDPSession, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.lab import CHROMIUM_FLAGS, Lab, NotebookPage, notebook  # noqa: E402
from tools.measure_idle import kernel_of  # noqa: E402
from tools.setup_browser import find_chromium  # noqa: E402

LOOKED_AT_SECONDS = 45
AWAY_SECONDS = 15
SPREAD = 5
"""Between two frames events are taken to happen evenly: a frame counts as so many of them."""

BOUNDS = {
    "lag_p95_ms": 150,
    "drawing_percent": 10,
    "messages_a_second": 25,
    "frames_a_second": 30,
    "kernel_growth_percent": 5,
    "page_growth_percent": 5,
}
LEAST = {"frames_a_second"}

LOAD = """
import asyncio
from raftlock import Cluster
cluster = Cluster(nodes=5, timing="lan", name="soak")
cluster.wait_for_leader()

async def use(number):
    client = cluster.async_client(f"client-{number:02}")
    while True:
        try:
            held = await client.acquire(f"lock-{number % 5}", ttl=5, wait=True)
            await asyncio.sleep(0.3)
            await client.renew(held)
            await client.release(held)
        except Exception:
            pass
        await asyncio.sleep(0.2)

async def disturb():
    while True:
        await asyncio.sleep(60)
        leader = cluster.laboratory.leader
        if leader is None:
            continue
        await cluster.aio.kill(leader)
        await asyncio.sleep(3)
        await cluster.aio.restart(leader)

async def begin():
    global tasks
    tasks = [asyncio.ensure_future(use(k)) for k in range(20)] + [asyncio.ensure_future(disturb())]

cluster.runner.submit(begin()).result(10)
cluster.dashboard()
"""

WATCH = """
() => {
  const seen = (window.raftlockSoak = { lags: [], frames: 0, messages: 0, bytes: 0 });
  let before = 0;
  const tick = () => { seen.frames += 1; requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
  const root = document.querySelector('.raftlock');
  new MutationObserver(() => {
    const wall = Number(root.dataset.wall);
    // How long ago the frame was made, and for how long events had waited for it.
    if (wall && before) seen.lags.push([Date.now() - wall, wall - before]);
    before = wall;
  }).observe(root, { attributes: true, attributeFilter: ['data-seq'] });
}
"""

COUNT = """
const Plain = window.WebSocket;
window.raftlockSockets = { messages: 0, bytes: 0 };
window.WebSocket = class extends Plain {
  constructor(...given) {
    super(...given);
    if (!String(given[0]).includes('/channels')) return;
    this.addEventListener('message', (event) => {
      window.raftlockSockets.messages += 1;
      window.raftlockSockets.bytes += event.data.byteLength ?? event.data.length ?? 0;
    });
  }
};
"""


def cpu_seconds(process: psutil.Process) -> float:
    """What the process has used so far."""
    used = process.cpu_times()
    return float(used.user + used.system)


def task_seconds(session: CDPSession) -> float:
    """What the page's main thread has been busy with so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


def heap_mb(page: Page, session: CDPSession) -> float:
    """The page's heap after a collection."""
    session.send("HeapProfiler.collectGarbage")
    return float(page.evaluate("() => performance.memory.usedJSHeapSize")) / 1e6


class Minute:
    """What one minute showed."""

    def __init__(self, opened: NotebookPage, session: CDPSession, kernel: psutil.Process) -> None:
        page = opened.page
        page.evaluate("() => { Object.assign(window.raftlockSoak, { lags: [], frames: 0 }); }")
        sockets = page.evaluate("() => ({ ...window.raftlockSockets })")
        before, busy, began = cpu_seconds(kernel), task_seconds(session), time.monotonic()
        page.wait_for_timeout(LOOKED_AT_SECONDS * 1000)
        passed = time.monotonic() - began
        after = page.evaluate("() => ({ ...window.raftlockSoak, ...window.raftlockSockets })")
        self.lags = [age for late, gap in after["lags"] for age in ages(late, gap)]
        self.looked_at = 100 * (cpu_seconds(kernel) - before) / passed
        self.frames_a_second = after["frames"] / passed
        self.messages_a_second = (after["messages"] - sockets["messages"]) / passed
        self.bytes_a_second = (after["bytes"] - sockets["bytes"]) / passed
        self.page_busy = 100 * (task_seconds(session) - busy) / passed
        self.heap = heap_mb(page, session)
        self.memory = kernel.memory_info().rss / 1e6
        # Scrolled out of sight, the panels ask for nothing after a while.
        page.evaluate("() => { document.querySelector('.raftlock').style.display = 'none'; }")
        page.wait_for_timeout(11_000)
        before, began = cpu_seconds(kernel), time.monotonic()
        page.wait_for_timeout(AWAY_SECONDS * 1000)
        self.away = 100 * (cpu_seconds(kernel) - before) / (time.monotonic() - began)
        page.evaluate("() => { document.querySelector('.raftlock').style.display = ''; }")
        page.wait_for_timeout(2_000)

    def __str__(self) -> str:
        return (
            f"lag p95 {percentile(self.lags, 95):4.0f} ms,"
            f" kernel {self.looked_at:5.1f} % (unseen {self.away:5.1f} %),"
            f" page {self.page_busy:4.1f} %, {self.messages_a_second:4.1f} messages/s,"
            f" {self.bytes_a_second / 1000:5.1f} kB/s, {self.frames_a_second:4.1f} frames/s,"
            f" {self.memory:5.0f} MB, heap {self.heap:5.1f} MB"
        )


def ages(late: float, gap: float) -> list[float]:
    """How old the events of a frame are when they are seen: some had to wait for the frame."""
    return [late + gap * (part + 0.5) / SPREAD for part in range(SPREAD)]


def percentile(values: list[float], part: int) -> float:
    """The value that `part` percent of them do not exceed."""
    return sorted(values)[min(len(values) - 1, len(values) * part // 100)] if values else 0.0


def figures(minutes: list[Minute]) -> dict[str, Any]:
    """The medians over the minutes, and how memory grew after the first five of them."""
    lags = [lag for minute in minutes for lag in minute.lags]
    settled = minutes[min(5, len(minutes) - 1) :]

    def growth(name: str) -> float:
        third = max(1, len(settled) // 3)
        first = statistics.median(getattr(each, name) for each in settled[:third])
        last = statistics.median(getattr(each, name) for each in settled[-third:])
        return float(100 * (last / first - 1))

    def median(name: str) -> float:
        return float(statistics.median(getattr(each, name) for each in minutes))

    return {
        "minutes": len(minutes),
        "lag_p50_ms": percentile(lags, 50),
        "lag_p95_ms": percentile(lags, 95),
        "drawing_percent": statistics.median(each.looked_at - each.away for each in minutes),
        "kernel_percent": median("looked_at"),
        "messages_a_second": median("messages_a_second"),
        "kilobytes_a_second": median("bytes_a_second") / 1000,
        "frames_a_second": median("frames_a_second"),
        "page_percent": median("page_busy"),
        "last_minute_to_first_bytes": minutes[-1].bytes_a_second / minutes[0].bytes_a_second,
        "last_minute_to_first_page": minutes[-1].page_busy / minutes[0].page_busy,
        "kernel_growth_percent": growth("memory"),
        "page_growth_percent": growth("heap"),
        "kernel_mb": minutes[-1].memory,
        "heap_mb": minutes[-1].heap,
    }


def soak(minutes: int) -> dict[str, Any]:
    """Run the load under the dashboard for so many minutes."""
    chromium = find_chromium()
    lab = Lab(Path(tempfile.mkdtemp()))
    try:
        with sync_playwright() as playwright:
            flags = [*CHROMIUM_FLAGS, "--enable-precise-memory-info"]
            browser = playwright.chromium.launch(executable_path=chromium, args=flags)
            context = browser.new_context(viewport={"width": 1400, "height": 1000})
            context.add_init_script(COUNT)
            opened = NotebookPage(context.new_page(), lab)
            (lab.folder / "soak.ipynb").write_text(notebook(LOAD), encoding="utf-8")
            opened.open("soak.ipynb")
            opened.run_all()
            opened.page.locator("[data-testid^=node-][data-role=leader]").wait_for(state="attached")
            session = context.new_cdp_session(opened.page)
            session.send("Performance.enable")
            opened.page.evaluate(WATCH)
            opened.page.wait_for_timeout(5_000)
            seen: list[Minute] = []
            for number in range(minutes):
                seen.append(Minute(opened, session, kernel_of(lab)))
                print(f"{number + 1:3}: {seen[-1]}", flush=True)
            seq = opened.page.locator(".raftlock [data-event]").first.get_attribute("data-event")
            browser.close()
    finally:
        lab.stop()
    return figures(seen) | {"events": int(seq or 0)}


def main() -> int:
    """Print the figures beside their bounds."""
    parser = argparse.ArgumentParser(description="A dashboard over a loaded cluster, for long.")
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    found = soak(options.minutes)
    failed = 0
    print()
    for name, value in found.items():
        bound = BOUNDS.get(name)
        holds = bound is None or (value >= bound if name in LEAST else value <= bound)
        failed += not holds
        sign = "" if bound is None else f"  {'at least' if name in LEAST else 'at most'} {bound}"
        print(f"{name:28} {value:10.2f}{sign}{'' if holds else '  DOES NOT HOLD'}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
