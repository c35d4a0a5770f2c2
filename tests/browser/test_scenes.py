"""Scenes in a real JupyterLab: played, stopped, asked about, left, shared, and shown to a hall."""

from __future__ import annotations

from playwright.sync_api import expect

from raftlock import Scenario
from tests.browser.lab import NotebookPage, notebook
from tests.browser.test_dashboard import Dashboard

SIMULATION = """
from raftlock import Simulation
simulation = Simulation(nodes=3, seed=5, timing="lan")
simulation.dashboard()
"""

LIVE = """
from raftlock import Cluster
cluster = Cluster(nodes=3, seed=7)
cluster.presenter()
"""


def shown(opened: NotebookPage, *cells: str, run: str = "") -> Dashboard:
    (opened.lab.folder / "scenes.ipynb").write_text(notebook(*cells), encoding="utf-8")
    if run:
        lab = opened.lab
        parameter = Scenario.parse(run).parameter
        opened.page.goto(f"{lab.url}lab/tree/scenes.ipynb?token={lab.token}&{parameter}")
        opened.wait_for_kernel()
    else:
        opened.open("scenes.ipynb")
    opened.run_cell(0)
    return Dashboard(opened)


def test_a_scene_is_played_from_stop_to_stop_and_shared(opened: NotebookPage) -> None:
    dashboard = shown(opened, SIMULATION)
    dashboard.click("tab-scenes")
    scenes = dashboard.at("scenes")
    expect(scenes.locator(".rl-scenes-list li")).to_have_count(20)
    dashboard.click("open-gc-pause-overwrite")
    expect(scenes).to_have_attribute("data-stop", "0")
    expect(dashboard.at("pause")).to_contain_text("Resume")
    dashboard.click("scene-next")
    expect(scenes).to_have_attribute("data-stop", "1")  # it has stopped by itself
    expect(dashboard.at("scene-note")).to_contain_text("alice holds the file")
    expect(dashboard.at("pause")).to_contain_text("Resume")
    dashboard.click("scene-stop-3")
    expect(scenes).to_have_attribute("data-stop", "3")
    dashboard.click("answer-1")
    dashboard.click("reveal")
    expect(dashboard.at("answer-0")).to_have_attribute("data-right", "true")
    expect(dashboard.at("scene-why")).to_contain_text("compares tokens")
    dashboard.click("scene-without")
    expect(dashboard.at("modified")).to_contain_text("NeverFence")
    expect(scenes).to_have_attribute("data-stop", "0")
    dashboard.click("scene-stop-4")
    expect(dashboard.at("scene-end")).to_contain_text("Broken: stale write")
    dashboard.click("scene-back")
    expect(scenes).to_have_attribute("data-stop", "3")
    expect(dashboard.at("scene-teacher")).to_be_hidden()
    dashboard.click("scene-notes")
    expect(dashboard.at("scene-teacher")).to_contain_text("No lock service can prevent this")
    dashboard.choose("n1")
    dashboard.click("kill")
    expect(dashboard.at("scene-left")).to_be_visible()
    dashboard.click("share")
    expect(dashboard.at("share-text")).to_be_visible()
    text = dashboard.at("share-text").input_value()
    assert text.startswith("s=gc-pause-overwrite&off=NeverFence&keep=")
    dashboard.click("scene-return")
    expect(dashboard.at("scene-left")).to_be_hidden()
    dashboard.at("run-text").fill("s=tea")
    dashboard.click("open-run")
    expect(dashboard.at("error")).to_contain_text("There is no scene 'tea'")
    dashboard.at("run-text").fill(text)
    dashboard.click("open-run")
    expect(dashboard.at("message")).to_contain_text("This is gc-pause-overwrite")
    opened.check_quiet()


def test_a_rule_is_left_out_of_the_run_that_is_shown(opened: NotebookPage) -> None:
    dashboard = shown(
        opened, SIMULATION.replace(".dashboard", ".wait_for_leader()\nsimulation.dashboard")
    )
    dashboard.click("tab-rules")
    dashboard.at("find-rule").fill("ForgetVote")
    dashboard.click("leave-ForgetVote")
    expect(dashboard.at("modified")).to_contain_text("ForgetVote")
    expect(dashboard.at("broken")).to_contain_text("disk does not hold")
    expect(dashboard.at("leave-ForgetVote")).to_have_text("Put it back")
    dashboard.click("leave-ForgetVote")
    expect(dashboard.at("modified")).to_be_hidden()
    dashboard.at("find-rule").fill("NeverFence")
    dashboard.click("leave-NeverFence")
    expect(dashboard.at("offer")).to_contain_text("this run breaks no promise")
    dashboard.click("open-offer")
    expect(dashboard.at("broken")).to_contain_text("stale")


def test_in_a_hall_a_scene_stands_in_for_the_live_cluster(opened: NotebookPage) -> None:
    dashboard = shown(opened, LIVE, run="s=split-vote&off=VoteAgain")
    dashboard.leader()
    dashboard.click("choose-scene")
    dashboard.click("open-address")
    apart = opened.page.get_by_test_id("apart")
    expect(apart.get_by_test_id("scene-title")).to_have_text("A split vote")
    expect(apart.get_by_test_id("modified")).to_contain_text("VoteAgain")
    panel = apart.get_by_test_id("raftlock-presenter")
    panel.focus()
    opened.page.keyboard.press("PageDown")
    expect(apart.get_by_test_id("scenes")).to_have_attribute("data-stop", "1")
    opened.page.keyboard.press("n")
    expect(apart.get_by_test_id("scenes")).to_have_attribute("data-stop", "2")
    opened.page.keyboard.press("v")
    expect(apart.get_by_test_id("scene-why")).to_be_visible()
    opened.page.keyboard.press("b")
    expect(apart.get_by_test_id("scenes")).to_have_attribute("data-stop", "1")
    opened.page.keyboard.press("t")
    expect(apart.get_by_test_id("scene-teacher")).to_be_visible()
    opened.page.keyboard.press("c")
    expect(apart.get_by_test_id("hidden-controls")).to_be_visible()
    apart.get_by_test_id("back-to-live").click()
    expect(dashboard.at("scene-title")).to_be_hidden()
    dashboard.leader()
    opened.check_quiet()
