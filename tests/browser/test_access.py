"""For those who see little, no colours, no motion, or use no mouse: measured on the page itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import ROOT, NotebookPage, notebook
from tests.browser.test_dashboard import Dashboard
from tools.check_contrast import STORY, change_theme, measured

STOPS_MAX = 150

ASKED = (ROOT / "tests" / "browser" / "access.js").read_text(encoding="utf-8")


def ask(page: Page, question: str) -> Any:
    """What access.js finds out."""
    return page.evaluate(f"() => ({ASKED}).{question}()")


@pytest.fixture
def dashboard(opened: NotebookPage) -> Iterator[Dashboard]:
    opened.page.set_viewport_size({"width": 1400, "height": 1900})
    text = notebook(f"{STORY}run.dashboard()")
    (opened.lab.folder / "access.ipynb").write_text(text, encoding="utf-8")
    opened.open("access.ipynb")
    opened.run_all()
    assert opened.errors() == []
    expect(opened.page.get_by_test_id("ring")).to_be_visible()
    yield Dashboard(opened)
    opened.check_quiet()


def test_it_can_be_read_in_both_themes_without_colours_and_in_a_narrow_window(
    dashboard: Dashboard,
) -> None:
    page = dashboard.page
    for theme in ("light", "dark"):
        change_theme(page, theme)
        found = measured(page)
        assert found["texts"] > 150
        assert found["findings"] == []
    # What the measure would miss, no green of it would be worth anything.
    page.add_style_tag(content=".raftlock .rl-title { color: #555 !important; }")
    assert any(each["what"] == "text" for each in measured(page)["findings"])

    # A role is a letter and a shape, a term a number, a fate a word: no colour is needed.
    letters = {
        role: dashboard.page.locator(f"[data-testid^=node-][data-role={role}][data-state=up]").first
        for role in ("leader", "follower")
    }
    expect(letters["leader"]).to_contain_text("L")
    expect(letters["follower"]).to_contain_text("F")
    for state in ("down", "frozen"):
        expect(page.locator(f"[data-testid^=node-][data-state={state}]").first).to_contain_text(
            "down" if state == "down" else "term"
        )
    committed, not_yet = ask(page, "borders")
    assert (committed, not_yet) == (["solid"], ["dashed"])

    page.emulate_media(reduced_motion="reduce")
    assert ask(page, "moving") == 0

    page.set_viewport_size({"width": 700, "height": 1900})
    page.wait_for_function("() => document.querySelector('.raftlock').clientWidth < 640")
    assert not ask(page, "wide")
    left, right = (
        page.locator("div.rl-left").bounding_box(),
        page.locator("div.rl-right").bounding_box(),
    )
    assert left is not None
    assert right is not None
    assert left["y"] + left["height"] <= right["y"] + 1


def stops(dashboard: Dashboard) -> list[dict[str, object]]:
    """Where Tab leads, from the top of the view until it leaves it."""
    page = dashboard.page
    page.evaluate("() => document.querySelector('.raftlock').focus()")
    found = []
    for _ in range(STOPS_MAX):
        page.keyboard.press("Tab")
        at = ask(page, "focused")
        if not at["inside"]:
            break
        found.append(at)
    return found


def reach(dashboard: Dashboard, target: Locator) -> None:
    """Go there by Tab alone."""
    page = dashboard.page
    for _ in range(STOPS_MAX):
        if target.evaluate(
            "e => e === document.activeElement || e.contains(document.activeElement)"
        ):
            return
        page.keyboard.press("Tab")
    raise AssertionError("Tab never came there")


def test_a_keyboard_is_enough(dashboard: Dashboard) -> None:
    page = dashboard.page
    found = stops(dashboard)
    assert len(found) < STOPS_MAX, "it never left the view"
    assert [each["name"] for each in found if not each["marked"]] == []
    assert [each["name"] for each in found if not each["seen"]] == []
    names = [each["name"] for each in found]
    missed = [name for name in ask(page, "reachable") if name not in names]
    assert missed == []

    # A story without a mouse: kill the leader, ask for a lock, go back, and live again.
    page.evaluate("() => document.querySelector('.raftlock').focus()")
    leader = dashboard.leader()
    reach(dashboard, dashboard.node(leader))
    page.keyboard.press("Enter")
    expect(dashboard.at("inspector")).to_have_attribute("data-node", leader)
    reach(dashboard, dashboard.at("kill"))
    page.keyboard.press("Enter")
    expect(dashboard.node(leader)).to_have_attribute("data-state", "down")
    reach(dashboard, dashboard.at("client-name"))
    page.keyboard.press("Control+a")
    page.keyboard.type("erin")
    reach(dashboard, dashboard.at("op-acquire"))
    page.keyboard.press("Enter")
    expect(dashboard.at("client-erin")).to_be_visible()
    page.evaluate("() => document.querySelector('.raftlock').focus()")
    reach(dashboard, dashboard.at("back"))
    page.keyboard.press("Enter")
    expect(dashboard.at("cursor")).not_to_contain_text("live")
    reach(dashboard, dashboard.at("go-live"))
    page.keyboard.press("Enter")
    expect(dashboard.at("cursor")).to_contain_text("live")
