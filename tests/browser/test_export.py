"""An exported run in a real browser, from a file, without a network."""

import base64
import re

from playwright.sync_api import expect
from raftlock_widgets import export

from raftlock import Simulation, broken


def opened(browser, path):
    """The file in a page of its own that can reach nothing; and what went wrong there."""
    page = browser.new_context(offline=True, viewport={"width": 1200, "height": 1000}).new_page()
    wrong = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(path.as_uri())
    return page, wrong


def test_a_file_opens_offline_and_goes_back_and_forth(browser, tmp_path):
    run = Simulation(nodes=3, seed=4)
    leader = run.wait_for_leader()
    run.client("</script><b>ann").acquire("door", ttl=30)
    run.kill(leader)
    second = run.wait_for_leader()
    export(run, tmp_path / "run.html")
    page, wrong = opened(browser, tmp_path / "run.html")
    expect(page.get_by_test_id(f"node-{second}")).to_have_attribute("data-role", "leader")
    expect(page.get_by_test_id(f"node-{leader}")).to_have_attribute("data-state", "down")
    expect(page.get_by_test_id("chart")).to_have_attribute("data-ready", "yes")
    page.get_by_test_id("jump-back").click()
    page.get_by_test_id("jump-back").click()
    expect(page.get_by_test_id(f"node-{leader}")).to_have_attribute("data-role", "leader")
    expect(page.get_by_test_id("cursor-words")).to_contain_text("opens term 1")
    page.get_by_test_id("to-start").click()
    expect(page.get_by_test_id(f"node-{leader}")).to_have_attribute("data-term", "0")
    page.get_by_test_id("scrub").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("timeline")).not_to_have_attribute("data-event", "0")
    page.get_by_test_id("pause").click()  # it plays, from there
    expect(page.get_by_test_id(f"node-{leader}")).to_have_attribute(
        "data-role", re.compile("candidate|leader"), timeout=15_000
    )
    assert wrong == []


def test_a_broken_promise_leads_to_its_event(browser, tmp_path):
    export(broken("VoteAgain"), tmp_path / "run.html")
    page, wrong = opened(browser, tmp_path / "run.html")
    expect(page.get_by_test_id("modified")).to_contain_text("VoteAgain")
    expect(page.get_by_test_id("broken")).to_contain_text("one vote a term")
    page.get_by_test_id("to-start").click()
    expect(page.get_by_test_id("broken")).to_be_hidden()
    page.get_by_test_id("jump-kind").select_option("term")
    page.get_by_test_id("jump-on").click()
    expect(page.get_by_test_id("cursor-words")).not_to_be_empty()
    assert wrong == []


def test_a_panel_is_saved_as_a_picture(browser, tmp_path):
    """From the file too: what is saved stands alone, as SVG and as PNG at twice the size."""
    run = Simulation(nodes=3, seed=4)
    run.wait_for_leader()
    run.client("<b>&ann").acquire("door", ttl=30)
    export(run, tmp_path / "run.html")
    page, wrong = opened(browser, tmp_path / "run.html")
    expect(page.get_by_test_id("lock-door")).to_be_visible()
    saved = {}
    for kind in ("svg", "png"):
        page.get_by_test_id("save-what").focus()  # then it offers what is seen
        page.get_by_test_id("save-what").select_option(label="Locks")
        with page.expect_download() as download:
            page.get_by_test_id(f"save-{kind}").click()
        assert re.fullmatch(rf"simulation_locks_[\d-]+\.{kind}", download.value.suggested_filename)
        saved[kind] = tmp_path / f"locks.{kind}"
        download.value.save_as(saved[kind])
    assert saved["png"].read_bytes().startswith(b"\x89PNG")
    alone = browser.new_context(offline=True).new_page()
    alone.goto(saved["svg"].as_uri())  # a page that was not well formed would say so
    expect(alone.get_by_text("<b>&ann").first).to_be_visible()
    whole = alone.evaluate("document.documentElement.viewBox.baseVal.width")
    size = alone.evaluate(
        "async (url) => { const i = new Image(); i.src = url; await i.decode(); return i.width; }",
        "data:image/png;base64," + base64.b64encode(saved["png"].read_bytes()).decode(),
    )
    assert size == 2 * whole
    assert wrong == []
