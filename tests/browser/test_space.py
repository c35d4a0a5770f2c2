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
    marks = dashboard.at("spacetime").get_by_test_id("st-mark")
    arrows = dashboard.at("spacetime").get_by_test_id("st-arrow")
    expect(arrows.filter(has_text="RV✓").first).to_be_attached()
    commit = marks.filter(has_text="commits 2").first
    commit.focus()
    expect(dashboard.at("spacetime-words")).to_contain_text("commits 2")
    expect(arrows.and_(dashboard.at("spacetime").locator('[data-past="true"]'))).not_to_have_count(
        0
    )
    expect(marks.and_(dashboard.at("spacetime").locator('[data-past="false"]'))).not_to_have_count(
        0
    )
    opened.page.keyboard.press("ArrowUp")
    expect(dashboard.at("spacetime-words")).not_to_contain_text("commits 2")
    dashboard.click("spacetime-there")
    expect(dashboard.at("timeline")).to_have_attribute("data-live", "false")
    opened.check_quiet()


STALE = """
from raftlock.sim.gallery import scene
simulation = scene("stale-read", without_rule=True)
simulation.run(12)
simulation.client("dan").acquire("cellar")
simulation.dashboard()
"""


def test_the_history_names_the_answer_that_no_order_explains(opened: NotebookPage) -> None:
    dashboard = shown(opened, STALE)
    dashboard.click("tab-history")
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
