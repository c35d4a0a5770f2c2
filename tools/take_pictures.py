"""Takes the pictures in docs/images: the dashboard at work, in JupyterLab's light and dark theme.

    .venv/bin/python tools/take_pictures.py [--scenes]

With `--scenes` instead those of each scene at its last stop, as a hall sees it; they go into
docs/images/scenes. Look at them before you commit them.
"""

import argparse
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from raftlock import scenes  # noqa: E402
from tests.browser.lab import CHROMIUM_FLAGS, Lab, NotebookPage, notebook  # noqa: E402
from tools.check_contrast import THEMES, change_theme  # noqa: E402
from tools.setup_browser import find_chromium  # noqa: E402

IMAGES = ROOT / "docs" / "images"

START = """
from raftlock import Cluster
cluster = Cluster(nodes=5, seed=4)
cluster.dashboard()
"""

STORY = """
first = cluster.wait_for_leader()
cluster.kill(first)
cluster.wait_for_leader()
cluster.restart(first)
alice, bob, carol = (cluster.client(name) for name in ("alice", "bob", "carol"))
alice.acquire("printer", ttl=45)
bob.submit("wait", "printer", ttl=30)
carol.submit("wait", "printer", ttl=30, priority=5)
bob.acquire("build/main", ttl=40)
others = [node for node in cluster.nodes if node not in (first, cluster.leader)]
cluster.cut(others[0], others[1])
alice.renew("printer", ttl=60)
"""


def take(browser: Browser, lab: Lab, theme: str) -> None:
    """One picture of the dashboard, and nothing around it."""
    (lab.folder / "picture.ipynb").write_text(notebook(START, STORY), encoding="utf-8")
    context = browser.new_context(viewport={"width": 1440, "height": 1500}, device_scale_factor=1.5)
    page = NotebookPage(context.new_page(), lab)
    page.open("picture.ipynb")
    page.page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})",
        THEMES[theme],
    )
    page.run_cell(0)
    page.page.locator("[data-testid^=node-][data-role=leader]").wait_for(state="attached")
    page.run_cell(1)
    panel = page.page.locator("[data-testid=raftlock-dashboard]")
    panel.locator("[data-testid^=waiter-printer-]").nth(1).wait_for()
    panel.scroll_into_view_if_needed()
    page.page.wait_for_timeout(1_200)  # the next heartbeats are on their way
    IMAGES.mkdir(parents=True, exist_ok=True)
    panel.screenshot(path=IMAGES / f"dashboard-{theme}.png")
    context.close()
    lab.end_sessions()


def take_scene(page: NotebookPage, name: str) -> None:
    """A scene at its last stop, in both themes."""
    lab, view = page.lab, page.page
    text = f"from raftlock import scene\nscene({name!r}).presenter()"
    (lab.folder / f"{name}.ipynb").write_text(notebook(text), encoding="utf-8")
    page.open(f"{name}.ipynb")
    page.run_cell(0)
    panel = view.locator(".raftlock").last
    scenes = panel.locator("[data-testid=scenes]")
    last = scenes.locator("[data-testid^=scene-stop-]").last
    last.click()
    stop = (last.get_attribute("data-testid") or "").removeprefix("scene-stop-")
    panel.locator(f"[data-testid=scenes][data-stop='{stop}']").wait_for(state="attached")
    for theme in THEMES:
        change_theme(view, theme)
        panel.scroll_into_view_if_needed()
        view.mouse.move(0, 0)
        view.wait_for_timeout(800)
        small(panel.screenshot(), IMAGES / "scenes" / f"{name}-{theme}.png")


def small(png: bytes, path: Path) -> None:
    """The upper part, and few colours and pixels: enough to see what it is about."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    upper = picture.crop((0, 0, picture.width, picture.width * 3 // 4))
    path.parent.mkdir(parents=True, exist_ok=True)
    few = upper.resize((800, 600), Image.LANCZOS).quantize(64, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def main() -> int:
    """Take them all."""
    parser = argparse.ArgumentParser(description="The pictures in docs/images.")
    parser.add_argument("--scenes", action="store_true", help="those of the scenes instead")
    of_scenes = parser.parse_args().scenes
    chromium = find_chromium()
    lab = Lab(Path(tempfile.mkdtemp()))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=list(CHROMIUM_FLAGS)
            )
            if of_scenes:
                page = NotebookPage(browser.new_page(viewport={"width": 1600, "height": 1500}), lab)
                for each in scenes():
                    take_scene(page, each.name)
                    lab.end_sessions()
            else:
                for theme in THEMES:
                    take(browser, lab, theme)
            browser.close()
    finally:
        lab.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
