"""The space-time diagram in a real JupyterLab."""

from __future__ import annotations

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
