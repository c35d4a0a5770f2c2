"""Can everything be read? Each view in a real JupyterLab, in both themes, as the browser draws it.

    .venv/bin/python tools/check_contrast.py [--pictures FOLDER]

Prints what falls short of WCAG's AA (4.5 for text, 3 for large text and the outlines of controls),
and exits with 1 if anything does. What cannot be used at the moment is not judged.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.lab import CHROMIUM_FLAGS, Lab, NotebookPage, notebook  # noqa: E402
from tools.setup_browser import find_chromium  # noqa: E402

MEASURE = (ROOT / "tools" / "contrast.js").read_text(encoding="utf-8")
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

STORY = """
from raftlock import Simulation
run = Simulation(nodes=5, seed=7)
run.wait_for_leader()
run.client("alice").acquire("printer", ttl=30)
run.client("bob").submit("wait", "printer", priority=3)
run.client("carol").submit("wait", "printer")
run.run(1)
run.write("alice", "printer")
down = next(node for node in run.nodes if node != run.leader)
still = next(node for node in run.nodes if node not in (run.leader, down))
run.kill(down)
run.freeze(still)
run.link("n1", "n2", delay=0.2, loss=0.2)
run.cut("n2", "n3", one_way=True)
run.client("dave").submit("acquire", "scanner")
run.run(0.15)
"""
"""Something of everything: roles, who is down and frozen, links, queues, writes, messages."""

TABS = ("logs", "ledger", "spacetime", "history", "metrics", "scenes", "rules")
LAYOUTS = ("dashboard", "presenter")


def change_theme(page: Page, theme: str) -> None:
    """As by the menu: wait until the page, and the panels, have taken it on."""
    page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})",
        THEMES[theme],
    )
    page.wait_for_function(
        "dark => document.body.dataset.jpThemeLight === String(!dark)", arg=theme == "dark"
    )
    page.wait_for_function(
        "theme => [...document.querySelectorAll('.raftlock')]"
        ".every(e => e.dataset.theme === theme)",
        arg=theme,
    )
    page.wait_for_selector("#jupyterlab-splash", state="detached")  # it lies over all meanwhile


def measured(page: Page) -> dict[str, Any]:
    """The findings on the page as it is."""
    found: dict[str, Any] = page.evaluate(MEASURE)
    return found


def look(page: Page, folder: Path | None, theme: str, name: str) -> int:
    """Judge one view; how many findings."""
    found = measured(page)
    told = f"{theme:5} {name:12} {found['texts']:4} texts, {found['controls']:3} controls"
    print(f"{told}: {len(found['findings'])} fall short")
    for each in found["findings"]:
        print(f"    {each['ratio']:5} {each['what']} {each['where']} {each['text']!r}", end=" ")
        print(f"{each['ink']} on {each['ground']}")
    if folder is not None:
        page.locator(".raftlock").last.screenshot(path=folder / f"{name}-{theme}.png")
    return len(found["findings"])


def main() -> int:
    """Judge every view in both themes."""
    parser = argparse.ArgumentParser(description="Can everything be read, in both themes?")
    parser.add_argument("--pictures", type=Path, help="leave a picture of each view there")
    folder = parser.parse_args().pictures
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    chromium = find_chromium()
    lab = Lab(Path(tempfile.mkdtemp()))
    count = 0
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=list(CHROMIUM_FLAGS)
            )
            page = browser.new_page(viewport={"width": 1400, "height": 2000})
            for layout in LAYOUTS:
                opened = NotebookPage(page, lab)
                text = notebook(f"{STORY}run.{layout}()")
                (lab.folder / f"{layout}.ipynb").write_text(text, encoding="utf-8")
                opened.open(f"{layout}.ipynb")
                opened.run_all()
                page.locator(".raftlock[data-known]").last.wait_for()
                for theme in THEMES:
                    change_theme(page, theme)
                    if layout != "dashboard":
                        count += look(page, folder, theme, layout)
                        continue
                    for tab in TABS:
                        page.get_by_test_id(f"tab-{tab}").last.click()
                        page.wait_for_timeout(700)
                        count += look(page, folder, theme, tab)
            browser.close()
    finally:
        lab.stop()
    print(f"{count} in all.")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
