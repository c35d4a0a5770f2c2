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


DIFFER = """
from raftlock import Simulation
simulation = Simulation(nodes=3, seed=4)
old = simulation.wait_for_leader()
simulation.run(1)
others = [node for node in simulation.nodes if node != old]
simulation.client("ann").acquire("door", ttl=60)
simulation.partition([old], others)
simulation.kill(others[0])
simulation.client("ann").submit("renew", "door")
simulation.run(2)
simulation.restart(others[0])
simulation.run(8)
simulation.dashboard()
"""


def test_logs_that_differ_are_shown_and_what_is_cut_off_leaves_a_ghost(
    opened: NotebookPage,
) -> None:
    dashboard = shown(opened, DIFFER, "simulation.heal()\nsimulation.run(3)")
    first = dashboard.at("cell-n1-1")
    first.focus()
    expect(dashboard.at("cell-words")).to_contain_text("written by n1")
    opened.page.keyboard.press("ArrowDown")
    expect(dashboard.at("cell-n2-1")).to_be_focused()
    expect(dashboard.at("cell-words")).to_contain_text("n2, entry 1, term 1: no-op")
    expect(dashboard.at("log").locator("th[data-odd]")).not_to_have_count(0)
    dashboard.click("tab-ledger")
    expect(dashboard.at("ledger").locator("tr[data-odd]")).not_to_have_count(0)
    dashboard.click("tab-logs")
    opened.run_cell(1)
    expect(dashboard.at("log").locator("th[data-odd]")).to_have_count(0)
    expect(dashboard.at("log").get_by_test_id("ghost")).to_have_count(0)
    opened.check_quiet()
