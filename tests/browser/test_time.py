"""Going back and forth, leaving rules out, and the keys, in a real JupyterLab."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.lab import NotebookPage, notebook
from tests.browser.test_dashboard import Dashboard

SIMULATION = """
from raftlock import Simulation
simulation = Simulation(nodes=3, seed=4)
simulation.dashboard()
"""

LATER = """
simulation.wait_for_leader()
simulation.client("ann").acquire("door", ttl=30)
simulation.kill(simulation.leader)
simulation.wait_for_leader()
"""

LIVE = """
from raftlock import Cluster
cluster = Cluster(nodes=3, seed=7)
cluster.presenter()
"""


IS_PAINTED = """() => {
  const track = document.querySelector('.raftlock-apart canvas.rl-track-paint');
  if (Math.abs(track.width - track.clientWidth) > 2) return false;
  const half = Math.floor(track.width / 2);
  return track.getContext('2d').getImageData(half, 0, half, 8).data.some((each) => each > 0);
}"""


def shown(opened: NotebookPage, *cells: str) -> Dashboard:
    (opened.lab.folder / "time.ipynb").write_text(notebook(*cells), encoding="utf-8")
    opened.open("time.ipynb")
    opened.run_cell(0)
    dashboard = Dashboard(opened)
    expect(dashboard.at("timeline")).to_have_attribute("data-live", "true")
    return dashboard


def test_a_simulation_stands_still_until_it_is_played(opened: NotebookPage) -> None:
    dashboard = shown(opened, SIMULATION)
    expect(dashboard.at("pause")).to_contain_text("Resume")
    dashboard.click("pause")
    leader = dashboard.leader()
    dashboard.click("pause")
    expect(dashboard.at("pause")).to_contain_text("Resume")
    dashboard.click("back")
    expect(dashboard.at("timeline")).to_have_attribute("data-live", "false")
    dashboard.click("to-start")
    expect(dashboard.node(leader)).to_have_attribute("data-term", "0")
    expect(dashboard.at("checks-sum")).to_contain_text("hold")


def test_what_is_done_in_the_past_is_a_branch_and_the_other_future_stays(
    opened: NotebookPage,
) -> None:
    dashboard = shown(opened, SIMULATION, LATER)
    opened.run_cell(1)
    second = dashboard.leader()
    expect(dashboard.at("checks")).to_have_attribute("data-state", "holds")
    dashboard.click("jump-back")
    dashboard.click("jump-back")
    first = dashboard.leader_but(second)
    other = next(name for name in ("n1", "n2", "n3") if name != first)
    dashboard.choose(other)
    dashboard.click("kill")
    expect(dashboard.node(other)).to_have_attribute("data-state", "down")
    expect(dashboard.at("branch").locator("option")).to_have_count(2)
    dashboard.at("branch").select_option("0")
    expect(dashboard.node(first)).to_have_attribute("data-state", "down")
    expect(dashboard.node(second)).to_have_attribute("data-role", "leader")


def test_a_rule_that_is_left_out_leads_to_what_it_breaks(opened: NotebookPage) -> None:
    dashboard = shown(opened, SIMULATION)
    dashboard.click("tab-rules")
    dashboard.at("find-rule").fill("vote asks often")
    expect(dashboard.at("rules").locator("li")).to_have_count(1)
    dashboard.click("break-VoteAgain")
    expect(dashboard.at("modified")).to_contain_text("VoteAgain")
    expect(dashboard.at("broken")).to_contain_text("one vote a term")
    dashboard.click("go-broken")
    expect(dashboard.at("timeline")).to_have_attribute("data-live", "false")
    expect(dashboard.at("cursor-words")).to_contain_text("votes for")
    dashboard.click("mend-VoteAgain")
    expect(dashboard.at("modified")).to_be_hidden()
    expect(dashboard.at("checks")).to_have_attribute("data-state", "holds")


def test_the_past_of_a_live_cluster_is_looked_at_while_it_goes_on(opened: NotebookPage) -> None:
    dashboard = shown(opened, LIVE)
    leader = dashboard.leader()
    panel = dashboard.at("raftlock-presenter")
    panel.focus()
    opened.page.keyboard.press("ArrowLeft")
    expect(dashboard.at("timeline")).to_have_attribute("data-live", "false")
    before = dashboard.at("cursor").inner_text().split(" of ")
    expect(dashboard.at("cursor")).not_to_have_text(" of ".join(before))  # the present went on
    assert dashboard.at("cursor").inner_text().startswith(before[0])
    opened.page.keyboard.press("k")
    expect(dashboard.at("error")).to_contain_text("You look at the past")
    opened.page.keyboard.press("l")
    expect(dashboard.at("timeline")).to_have_attribute("data-live", "true")
    opened.page.keyboard.press("k")
    expect(dashboard.node(leader)).to_have_attribute("data-state", "down")
    dashboard.leader_but(leader)
    opened.page.keyboard.press("r")
    expect(dashboard.node(leader)).to_have_attribute("data-state", "up")
    opened.page.keyboard.press("?")
    expect(dashboard.at("keys-list")).to_be_visible()
    expect(dashboard.at("keys")).to_have_attribute("aria-expanded", re.compile("true"))


def test_a_simulation_is_run_until_something_happens(opened: NotebookPage) -> None:
    dashboard = shown(opened, SIMULATION)
    dashboard.click("run-until")
    expect(dashboard.at("message")).to_contain_text("n1 leads term 1")
    expect(dashboard.at("pause")).to_contain_text("Resume")
    expect(dashboard.at("future-0")).to_have_count(0)
    dashboard.click("back")
    dashboard.node("n2").click()
    dashboard.click("kill")
    expect(dashboard.at("future-1")).to_have_attribute("aria-pressed", "true")
    dashboard.click("future-0")
    expect(dashboard.at("future-0")).to_have_attribute("aria-pressed", "true")
    expect(dashboard.node("n2")).to_have_attribute("data-state", "up")
    opened.check_quiet()


def test_a_live_run_goes_on_as_a_simulation_and_the_cluster_behind_it(
    opened: NotebookPage,
) -> None:
    dashboard = shown(opened, LIVE.replace("presenter", "dashboard"))
    leader = dashboard.leader()
    dashboard.click("back")
    expect(dashboard.at("simulate")).to_be_disabled()
    dashboard.click("go-live")
    dashboard.click("simulate")
    apart = opened.page.get_by_test_id("apart")
    expect(apart.get_by_test_id("timeline")).to_be_visible()
    expect(apart.get_by_test_id("simulate")).to_be_hidden()
    opened.page.wait_for_function(IS_PAINTED)  # though it was put together out of sight
    opened.page.set_viewport_size({"width": 1200, "height": 1000})
    opened.page.wait_for_function(IS_PAINTED)  # though time stands still
    expect(apart.get_by_test_id(f"node-{leader}")).to_have_attribute("data-role", "leader")
    expect(apart.get_by_test_id("pause")).to_contain_text("Resume")
    apart.get_by_test_id("to-start").click()
    expect(apart.get_by_test_id(f"node-{leader}")).to_have_attribute("data-term", "0")
    expect(apart.get_by_test_id("checks-sum")).to_contain_text("hold")
    apart.get_by_test_id("back-to-live").click()
    expect(dashboard.at("timeline").first).to_have_attribute("data-live", "true")
