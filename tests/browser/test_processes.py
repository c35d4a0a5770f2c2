"""Nodes as processes, and nodes that somebody else runs, in the same panels."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.lab import NotebookPage, notebook
from tests.browser.test_dashboard import Dashboard

PROCESSES = """
from raftlock import Cluster
cluster = Cluster(nodes=3, runtime="process", name="theirs")
cluster.dashboard()
"""

CONNECTED = """
access = cluster.laboratory.access
ours = Cluster.connect(access.endpoints, cluster=access.cluster, token=access.token, name="ours")
ours.dashboard()
"""


def test_processes_are_killed_frozen_and_split_like_any_node(opened: NotebookPage) -> None:
    dashboard = shown(opened, 0)
    first = dashboard.leader()
    dashboard.ask("acquire", "alice")
    expect(dashboard.at("locks")).to_contain_text("alice")
    dashboard.choose(first)
    dashboard.click("kill")
    expect(dashboard.node(first)).to_have_attribute("data-state", "down")
    second = dashboard.leader_but(first)
    dashboard.click("restart")
    expect(dashboard.node(first)).to_have_attribute("data-state", "up")
    dashboard.choose(second)
    dashboard.click("freeze")
    expect(dashboard.node(second)).to_have_attribute("data-state", "frozen")
    dashboard.leader_but(second)
    dashboard.click("thaw")
    expect(dashboard.node(second)).to_have_attribute("data-role", "follower")
    # What processes cannot do is not offered: their time is nobody's to stop.
    for testid in ("pause", "speed", "simulate", "run-until"):
        expect(dashboard.at(testid)).to_be_hidden()
    dashboard.click("to-start")
    expect(dashboard.at("pause")).to_be_visible()  # here it leads back to the present
    dashboard.click("pause")
    expect(dashboard.at("timeline")).to_have_attribute("data-live", "true")
    expect(dashboard.at("checks")).to_have_attribute("data-state", "holds")
    opened.check_quiet()


def test_nodes_that_somebody_else_runs_are_seen_and_not_started(opened: NotebookPage) -> None:
    dashboard = shown(opened, 0, 1)
    ours = opened.page.locator("[data-testid=raftlock-dashboard]").nth(1)
    leader = ours.locator("[data-testid^=node-][data-role=leader][data-state=up]")
    expect(leader).to_have_count(1)
    leader.click()
    # They ran before anybody looked: of that nothing is claimed.
    expect(ours.get_by_test_id("checks")).to_have_attribute("data-state", "unknown")
    for testid in ("kill", "transfer", "partition"):
        expect(ours.get_by_test_id(testid)).to_be_visible()
    for testid in ("restart", "freeze", "wipe", "add-node", "start-over", "pause"):
        expect(ours.get_by_test_id(testid)).to_be_hidden()
    name = str(leader.get_attribute("data-testid"))
    ours.get_by_test_id("kill").click()
    expect(ours.get_by_test_id(name)).to_have_attribute("data-state", "down")
    dashboard.at("ring").scroll_into_view_if_needed()  # out of sight it is sent nothing
    expect(dashboard.at(name)).to_have_attribute("data-state", "down")
    opened.check_quiet()


def shown(opened: NotebookPage, *cells: int) -> Dashboard:
    (opened.lab.folder / "processes.ipynb").write_text(notebook(PROCESSES, CONNECTED))
    opened.open("processes.ipynb")
    for cell in cells:
        opened.run_cell(cell)
    dashboard = Dashboard(opened)
    expect(dashboard.at("ring")).to_be_visible()
    return dashboard
