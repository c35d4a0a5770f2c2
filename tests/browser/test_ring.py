"""Faults on what one touches: messages, links, groups of nodes, in a real JupyterLab."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.lab import NotebookPage
from tests.browser.test_time import shown

ON_THE_WAY = """
from raftlock import Simulation
simulation = Simulation(nodes=3, seed=4)
simulation.wait_for_leader()
simulation.run(1)
simulation.client("ann").submit("acquire", "door", ttl=60)
entry = lambda view: [m for m in view.network.flights.values() if m.label == "AE·1" and not m.why]
simulation.run_until(entry)
message = entry(simulation.recorder.story.view)[0].id
simulation.dashboard()
"""

STANDS = "simulation.recorder.story.view.network.flights[message].held"


def test_a_message_is_held_and_let_go_by_keyboard_and_mouse(opened: NotebookPage) -> None:
    dashboard = shown(opened, ON_THE_WAY, f"print({STANDS})")
    listed = dashboard.at("on-their-way").get_by_role("button").filter(has_text="AE·1")
    listed.first.focus()
    opened.page.keyboard.press("Enter")
    expect(dashboard.at("inspector")).to_have_attribute("data-chosen", "message")
    expect(dashboard.at("inspector")).to_contain_text("prev log index")
    dashboard.click("message-hold")
    held = dashboard.at("ring").locator('[data-fate="held"]')
    expect(held).to_have_count(1)
    expect(dashboard.at("now")).to_contain_text("is held on its link")
    dashboard.click("pause")
    expect(dashboard.at("events")).to_contain_text("is committed")
    expect(held).to_have_count(1)
    held.first.dispatch_event("click")
    dashboard.click("message-release")
    expect(held).to_have_count(0)
    opened.check_quiet()


def test_a_link_is_made_slow_and_lossy_where_it_is_touched(opened: NotebookPage) -> None:
    dashboard = shown(opened, ON_THE_WAY)
    link = dashboard.at("link-n1-n2")
    link.locator(".rl-hit").dispatch_event("click")
    expect(dashboard.at("inspector")).to_have_attribute("data-chosen", "link")
    expect(dashboard.at("inspector")).to_contain_text("n1 – n2 whole")
    dashboard.at("link-delay").fill("300")
    dashboard.at("link-loss").fill("25")
    dashboard.click("set-link")
    expect(link).to_have_attribute("data-odd", "true")
    expect(link).to_contain_text("300 ms, loses 25 %")
    dashboard.at("link-delay").fill("")
    dashboard.click("set-link")
    expect(dashboard.at("error")).to_contain_text("Give the delay as a number.")
    dashboard.click("cut-there")
    expect(dashboard.at("inspector")).to_contain_text("cut from n1 to n2")
    dashboard.click("restore-this")
    expect(link).to_have_attribute("data-cut", "no")


def test_several_nodes_are_chosen_and_split_off(opened: NotebookPage) -> None:
    dashboard = shown(opened, ON_THE_WAY)
    for node in ("n1", "n2"):
        dashboard.node(node).focus()
        opened.page.keyboard.press("Shift+Enter")
    expect(dashboard.at("inspector")).to_contain_text("n1 and n2 are chosen")
    dashboard.click("group-split")
    expect(dashboard.at("links-now")).to_contain_text("Split: n1 n2 | n3.")
    # The same by dragging across the ground.
    box = dashboard.at("ring").bounding_box()
    assert box is not None
    opened.page.mouse.move(box["x"] + 2, box["y"] + box["height"] * 0.6)
    opened.page.mouse.down()
    opened.page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] - 2, steps=4)
    opened.page.mouse.up()
    expect(dashboard.at("inspector")).to_contain_text(re.compile("n2 and n3 are chosen"))
    dashboard.click("add-node")
    expect(dashboard.at("error")).to_be_visible()  # no majority: it says why it cannot join
    opened.check_quiet()
