"""What happened and why, in a real JupyterLab."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.lab import NotebookPage
from tests.browser.test_time import SIMULATION, shown


def test_what_happened_is_explained_by_the_paper_and_the_code(opened: NotebookPage) -> None:
    dashboard = shown(
        opened,
        SIMULATION.replace("simulation.dashboard", "simulation.run(3)\nsimulation.dashboard"),
    )
    expect(dashboard.at("now")).to_contain_text("Entry 1 is committed")
    dashboard.click("why")
    expect(dashboard.at("why-box")).to_contain_text("Entry 1 is committed")
    expect(dashboard.at("why-paper")).to_contain_text("Figure 2, Leaders, rule 4")
    expect(dashboard.at("why-place")).to_contain_text("raftlock/raft/commitment.py:")
    expect(dashboard.at("why-source")).to_contain_text("def advance_commit_index")
    # From the list one comes to the reason of any line, by the keyboard too.
    dashboard.at("events").focus()
    opened.page.keyboard.press("Home")
    opened.page.keyboard.press("ArrowDown")
    first = dashboard.at("events").locator("li").nth(1)
    expect(first.locator("button")).to_be_focused()
    opened.page.keyboard.press("Enter")
    expect(dashboard.at("why-box")).to_contain_text(first.locator("button").inner_text())
    dashboard.click("why-there")
    expect(dashboard.at("timeline")).to_have_attribute("data-live", "false")
    expect(dashboard.at("timeline")).to_have_attribute(
        "data-event", re.compile(rf"^{first.get_attribute('data-seq')}$")
    )
    dashboard.click("why-close")
    expect(dashboard.at("why-box")).to_be_hidden()
    opened.check_quiet()
