"""The space-time diagram in a real JupyterLab."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.lab import NotebookPage
from tests.browser.test_time import LATER, SIMULATION, shown


def test_the_diagram_grows_and_lights_what_led_to_an_event(opened: NotebookPage) -> None:
    dashboard = shown(opened, SIMULATION, LATER)
    dashboard.click("tab-spacetime")
    opened.run_cell(1)
    picture = dashboard.at("spacetime")
    marks, arrows = picture.get_by_test_id("st-mark"), picture.get_by_test_id("st-arrow")
    # It follows the end: the second election is in view, and what is far above is not drawn.
    expect(arrows.filter(has_text="RV✓").first).to_be_visible()
    chosen = marks.filter(has_text="heard nothing").last
    chosen.focus()
    expect(dashboard.at("spacetime-words")).to_contain_text("heard nothing")
    expect(dashboard.at("spacetime-words")).to_contain_text("can have led to it")
    expect(picture).to_have_attribute("data-lit", "true")
    expect(picture.locator('[data-past="false"]')).not_to_have_count(0)
    for _ in range(3):
        opened.page.keyboard.press("ArrowDown")
    expect(dashboard.at("spacetime-words")).not_to_contain_text("heard nothing")
    # A fold of heartbeats is drawn, and folded again.
    fold = picture.locator("[data-testid=st-fold][data-known]").last
    fold.focus()
    opened.page.keyboard.press("Enter")
    expect(picture.locator("[data-beat]")).not_to_have_count(0)
    opened.page.keyboard.press("Enter")
    expect(picture.locator("[data-beat]")).to_have_count(0)
    # An event leads to its moment; of what came later nothing is shown.
    last = marks.last
    later = last.get_attribute("data-seq")
    chosen.focus()
    seq = chosen.get_attribute("data-seq")
    opened.page.keyboard.press("Enter")
    expect(dashboard.at("timeline")).to_have_attribute("data-event", seq or "")
    expect(picture.locator(f'[data-seq="{later}"]')).to_have_count(0)
    dashboard.click("spacetime-live")
    expect(dashboard.at("timeline")).to_have_attribute("data-live", "true")
    expect(picture.locator(f'[data-seq="{later}"]')).to_have_count(1)
    opened.check_quiet()


STALE = """
from raftlock.sim.gallery import scene
simulation = scene("stale-read", without_rule=True)
simulation.run(12)
simulation.client("dan").acquire("cellar")
simulation.dashboard()
"""


CHOOSE_AT_ONCE = """
new MutationObserver((_, watch) => {
  const tab = document.querySelector('[data-testid=tab-history]');
  if (!tab) return;
  watch.disconnect();
  tab.click();
}).observe(document, { subtree: true, childList: true });
"""
"""Turn to the history before the first frame: what one has chosen stays, also in a scene."""


def test_the_history_names_the_answer_that_no_order_explains(opened: NotebookPage) -> None:
    opened.page.add_init_script(CHOOSE_AT_ONCE)
    dashboard = shown(opened, STALE)
    bars = dashboard.at("history").locator("[data-call]")
    expect(bars).to_have_count(4)
    expect(dashboard.at("history-verdict")).to_have_attribute("data-kind", "broken")
    dashboard.click("history-jump")
    expect(dashboard.page.locator("[data-stuck]")).to_be_focused()
    expect(dashboard.at("history-words")).to_contain_text("No order explains this answer.")
    opened.page.keyboard.press("ArrowDown")
    expect(dashboard.at("history-words")).to_contain_text("bob asked to acquire printer")
    expect(dashboard.at("history-words")).to_contain_text("Before: nobody holds it; after: bob")
    dashboard.at("history-lock").select_option("cellar")
    expect(bars).to_have_count(1)
    expect(dashboard.at("history-verdict")).to_have_attribute("data-kind", "holds")
    dashboard.at("history-lock").select_option("")
    dashboard.page.locator("[data-stuck]").focus()
    opened.page.keyboard.press("Enter")
    expect(dashboard.at("timeline")).to_have_attribute("data-live", "false")
    expect(dashboard.at("cursor")).to_have_text(re.compile(r"^0:05\.9 of"))
    expect(bars).to_have_count(3)  # of what came later nothing is shown
    opened.check_quiet()
