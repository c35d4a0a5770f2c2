"""The figures of a run, drawn by bokeh in a real JupyterLab."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.lab import NotebookPage
from tests.browser.test_time import LATER, SIMULATION, shown


def test_the_figures_are_drawn_and_say_what_is_missing(opened: NotebookPage) -> None:
    dashboard = shown(opened, SIMULATION, LATER + "simulation.run(2)")
    dashboard.click("tab-metrics")
    expect(dashboard.at("metrics")).to_have_attribute("data-ready", "yes")
    expect(dashboard.at("metrics-word")).to_contain_text("no leader was lost yet")
    opened.run_cell(1)
    expect(dashboard.at("metrics")).to_have_attribute("data-calls", "1")
    expect(dashboard.at("metrics")).to_have_attribute("data-failovers", "1")
    expect(dashboard.at("metrics").locator("canvas").first).to_be_visible()
    opened.check_quiet()
