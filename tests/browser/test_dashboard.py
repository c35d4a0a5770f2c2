"""The dashboard in a real JupyterLab, used the way a student uses it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, WebSocketRoute, expect

from tests.browser.lab import WIDGET, NotebookPage, notebook

START = """
from raftlock import Cluster
cluster = Cluster(nodes=5, seed=7)
cluster.dashboard()
"""

COUNT_SLIDES = """
() => {
  const plain = Element.prototype.animate;
  window.slid = 0;
  Element.prototype.animate = function (...given) {
    window.slid += 1;
    return plain.apply(this, given);
  };
}
"""

MARKUP = "<img src=x onerror=alert(1)>"


class Dashboard:
    """What a person sees and clicks in one dashboard."""

    def __init__(self, opened: NotebookPage) -> None:
        self.opened = opened
        self.page = opened.page
        self.lanes: list[WebSocketRoute] = []

    def watch_lane(self, route: WebSocketRoute) -> None:
        """The page's own connection to the cluster goes through here, to be cut."""
        self.lanes.append(route)
        route.connect_to_server()

    def at(self, testid: str) -> Locator:
        return self.page.get_by_test_id(testid).first

    def click(self, testid: str) -> None:
        self.at(testid).click()

    def node(self, node: str) -> Locator:
        return self.at(f"node-{node}")

    def leader(self) -> str:
        """Wait until exactly one running node is drawn as the leader, and give its name."""
        leaders = self.page.locator("[data-testid^=node-][data-role=leader][data-state=up]")
        expect(leaders).to_have_count(1)
        name = leaders.get_attribute("data-testid")
        assert name is not None
        return name.removeprefix("node-")

    def leader_but(self, before: str) -> str:
        """Wait for a leader that is not `before`."""
        others = f"[data-testid^=node-][data-role=leader]:not([data-testid=node-{before}])"
        expect(self.page.locator(others)).to_have_count(1)
        name = self.page.locator(others).get_attribute("data-testid")
        assert name is not None
        return name.removeprefix("node-")

    def term(self, node: str) -> int:
        return int(self.node(node).get_attribute("data-term") or 0)

    def choose(self, node: str) -> None:
        self.node(node).click()
        expect(self.at("inspector")).to_have_attribute("data-node", node)

    def ask(self, op: str, client: str, lock: str = "printer", **fields: float | str) -> None:
        self.at("client-name").fill(client)
        self.at("lock-name").fill(lock)
        for name, value in fields.items():
            self.at(name).fill(str(value))
        self.click(f"op-{op}")


@pytest.fixture
def dashboard(opened: NotebookPage) -> Iterator[Dashboard]:
    # A name of its own: what an earlier page still had to save cannot meet this one.
    name = f"dashboard-{secrets.token_hex(4)}.ipynb"
    (opened.lab.folder / name).write_text(
        notebook(
            START,
            "import time; time.sleep(4)",
            "sum(i * i for i in range(4_000_000))",
            "import asyncio; await asyncio.sleep(30)",
        )
    )
    made = Dashboard(opened)
    opened.page.route_web_socket(re.compile(r"127\.0\.0\.1:\d+/$"), made.watch_lane)
    opened.open(name)
    opened.run_cell(0)
    expect(opened.page.get_by_test_id("ring")).to_be_visible()
    yield made
    assert not [error for error in opened.errors() if "CancelledError" not in error]
    opened.check_quiet()


def test_the_first_notebook_runs_from_top_to_bottom(opened: NotebookPage) -> None:
    opened.open("notebooks/01-a-cluster-in-one-cell.ipynb")
    opened.run_all()
    assert opened.errors() == []
    dashboard = Dashboard(opened)
    dashboard.at("ring").scroll_into_view_if_needed()  # out of sight it is sent nothing
    dashboard.leader()
    expect(dashboard.at("situation")).to_contain_text("locks can be acquired")
    # What stands for the panels where no kernel runs lies beside them, out of sight.
    stills = opened.page.locator(".raftlock-still")
    expect(stills.first).to_be_attached()
    assert not any(each.is_visible() for each in stills.all())
    opened.check_quiet()


def test_a_killed_leader_is_followed_by_another_in_a_higher_term(dashboard: Dashboard) -> None:
    first = dashboard.leader()
    term = dashboard.term(first)
    dashboard.choose(first)
    dashboard.click("kill")
    expect(dashboard.node(first)).to_have_attribute("data-state", "down")
    second = dashboard.leader_but(first)
    assert dashboard.term(second) > term
    expect(dashboard.at("events")).to_contain_text(f"{first} was killed")
    dashboard.click("restart")
    expect(dashboard.node(first)).to_have_attribute("data-role", "follower")
    expect(dashboard.node(first)).to_have_attribute("data-term", str(dashboard.term(second)))


def test_a_frozen_node_is_drawn_frozen_and_thaws(dashboard: Dashboard) -> None:
    leader = dashboard.leader()
    follower = "n1" if leader != "n1" else "n2"
    dashboard.choose(follower)
    dashboard.click("freeze")
    expect(dashboard.node(follower)).to_have_attribute("data-state", "frozen")
    dashboard.click("thaw")
    expect(dashboard.node(follower)).to_have_attribute("data-state", "up")


def test_a_cut_link_is_drawn_cut_and_mended(dashboard: Dashboard) -> None:
    dashboard.leader()
    dashboard.at("link-from").select_option("n1")
    dashboard.at("link-to").select_option("n3")
    dashboard.click("cut-one-way")
    link = dashboard.at("link-n1-n3")
    expect(link).to_have_attribute("data-cut", "one way")
    expect(dashboard.at("links-now")).to_contain_text("n1 → n3")
    dashboard.click("cut-both")
    expect(link).to_have_attribute("data-cut", "both ways")
    dashboard.click("restore")
    expect(link).to_have_attribute("data-cut", "no")


def test_an_arrowhead_cuts_its_direction(dashboard: Dashboard) -> None:
    dashboard.leader()
    dashboard.at("way-n2-n4").locator(".rl-hit").click()
    expect(dashboard.at("link-n2-n4")).to_have_attribute("data-cut", "one way")
    dashboard.at("way-n2-n4").locator(".rl-hit").click()
    expect(dashboard.at("link-n2-n4")).to_have_attribute("data-cut", "no")


def test_a_majority_goes_on_without_the_rest_and_heals(dashboard: Dashboard) -> None:
    leader = dashboard.leader()
    friend = "n1" if leader != "n1" else "n2"
    for node in ("n1", "n2", "n3", "n4", "n5"):
        wanted = "A" if node in (leader, friend) else "B"
        chip = dashboard.at(f"group-{node}")
        for _ in range(3):
            if chip.get_attribute("data-group") != wanted:
                chip.click()
        expect(chip).to_have_attribute("data-group", wanted)
    dashboard.click("partition")
    dashboard.leader_but(leader)
    dashboard.click("heal")
    expect(dashboard.node(leader)).to_have_attribute("data-role", "follower")
    dashboard.leader()


def test_two_clients_one_lock_a_queue_and_the_hand_over(dashboard: Dashboard) -> None:
    dashboard.leader()
    expect(dashboard.at("no-locks")).to_be_visible()
    dashboard.ask("wait", "alice", ttl=60)
    row = dashboard.at("lock-printer")
    expect(row).to_have_attribute("data-owner", "alice")
    token = int(row.get_attribute("data-token") or 0)
    dashboard.ask("wait", "bob", ttl=60)
    expect(dashboard.at("waiter-printer-bob")).to_be_visible()
    dashboard.ask("wait", "carol", ttl=60, priority=5)
    waiters = row.locator("[data-testid^=waiter-printer-]")
    expect(waiters).to_have_count(2)
    expect(waiters.first).to_have_attribute("data-testid", "waiter-printer-carol")
    dashboard.ask("cancel", "carol")
    expect(waiters).to_have_count(1)
    dashboard.page.evaluate(COUNT_SLIDES)
    dashboard.ask("release", "alice")
    expect(row).to_have_attribute("data-owner", "bob")
    assert dashboard.page.evaluate("window.slid") > 0  # from the queue to the holder's place
    assert int(row.get_attribute("data-token") or 0) > token
    expect(dashboard.at("client-bob")).to_contain_text("printer")


def test_a_lock_that_is_read_by_two_and_one_with_permits(dashboard: Dashboard) -> None:
    dashboard.leader()
    dashboard.at("terms").select_option("shared")
    dashboard.ask("acquire", "alice", ttl=60)
    dashboard.ask("acquire", "bob", ttl=60)
    row = dashboard.at("lock-printer")
    expect(row.locator("[data-testid^=holder-printer-]")).to_have_text(["alice", "bob"])
    expect(row).to_contain_text("shared")
    expect(dashboard.at("belief-bob-printer")).to_have_attribute("data-sign", "same")
    dashboard.at("terms").select_option("")
    dashboard.ask("wait", "carol", ttl=60)
    expect(dashboard.at("waiter-printer-carol")).to_be_visible()
    dashboard.at("terms").select_option("shared")
    dashboard.ask("wait", "dave", ttl=60)
    expect(dashboard.at("waiter-printer-dave")).to_contain_text("shared")
    dashboard.ask("write", "alice")
    expect(dashboard.at("error")).to_contain_text("to write, acquire it alone")
    dashboard.ask("release", "alice")
    dashboard.ask("release", "bob")
    expect(row).to_have_attribute("data-owner", "carol")
    expect(row.locator("[data-testid^=holder-printer-]")).to_have_count(1)
    dashboard.at("terms").select_option("2")
    for name in ("alice", "bob"):
        dashboard.ask("acquire", name, ttl=60, lock="pool")
    expect(dashboard.at("lock-pool")).to_contain_text("2 of 2 permits")
    dashboard.ask("acquire", "carol", ttl=60, lock="pool")
    expect(dashboard.at("error")).to_contain_text("holds pool")


def test_a_lock_runs_out_before_ones_eyes(dashboard: Dashboard) -> None:
    dashboard.leader()
    dashboard.ask("acquire", "alice", ttl=2)
    expect(dashboard.at("lock-printer")).to_have_attribute("data-owner", "alice")
    expect(dashboard.at("no-locks")).to_be_visible()
    expect(dashboard.at("events")).to_contain_text("has run out")


BAD_INPUT = [
    ({"client": "alice", "ttl": 0}, "ttl must be from 1 s"),
    ({"client": "alice", "lock": "x" * 10_000, "ttl": 10}, "256 characters"),
    ({"client": "", "lock": "printer"}, "Name a client"),
]


def test_bad_input_is_one_sentence_in_the_panel(dashboard: Dashboard) -> None:
    dashboard.leader()
    for fields, sentence in BAD_INPUT:
        dashboard.ask("acquire", **fields)  # type: ignore[arg-type]
        expect(dashboard.at("error")).to_contain_text(sentence)
        expect(dashboard.at("no-locks")).to_be_visible()


def test_markup_in_a_name_is_only_text(dashboard: Dashboard) -> None:
    dashboard.leader()
    dashboard.page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    dashboard.ask("acquire", MARKUP, lock="<b>bold</b>", ttl=60)
    expect(dashboard.at("lock-<b>bold</b>")).to_have_attribute("data-owner", MARKUP)
    expect(dashboard.at("locks")).to_contain_text("<img")
    panel = dashboard.page.locator("[data-testid=raftlock-dashboard]")
    expect(panel.locator("img")).to_have_count(0)
    expect(panel.locator("b", has_text=re.compile("^bold$"))).to_have_count(0)


def test_slow_paused_and_going_on(dashboard: Dashboard) -> None:
    dashboard.leader()
    dashboard.click("pause")
    expect(dashboard.at("situation")).to_contain_text("Paused")
    clock = dashboard.at("fact-time")
    stopped = clock.inner_text()
    dashboard.ask("acquire", "alice", ttl=60)
    expect(dashboard.at("no-locks")).to_be_visible()
    assert clock.inner_text() == stopped
    dashboard.click("pause")
    expect(dashboard.at("lock-printer")).to_have_attribute("data-owner", "alice")
    speed = dashboard.at("speed")
    speed.evaluate(
        "input => { input.value = input.min;"
        " input.dispatchEvent(new Event('input', {bubbles: true}));"
        " input.dispatchEvent(new Event('change', {bubbles: true})); }"
    )
    expect(dashboard.at("speed-label")).to_contain_text("10 ms")


def test_without_a_majority_the_line_says_why_and_starting_over_helps(
    dashboard: Dashboard,
) -> None:
    leader = dashboard.leader()
    for node in [node for node in ("n1", "n2", "n3", "n4", "n5") if node != leader][:3]:
        dashboard.choose(node)
        dashboard.click("kill")
        expect(dashboard.node(node)).to_have_attribute("data-state", "down")
    expect(dashboard.at("situation")).to_contain_text("majority")
    dashboard.click("start-over")
    dashboard.leader()
    for node in ("n1", "n2", "n3", "n4", "n5"):
        expect(dashboard.node(node)).to_have_attribute("data-state", "up")
    expect(dashboard.at("situation")).to_contain_text("locks can be acquired")


BUSY = f"() => {WIDGET}.sessionContext.session.kernel.status === 'busy'"

FRAMES = """() => new Promise(resolve => {
  const clock = document.querySelector('[data-testid=fact-time]');
  const seen = []; let last = performance.now(); let widest = 0;
  const watch = new MutationObserver(() => {
    const now = performance.now(); widest = Math.max(widest, now - last); last = now;
    seen.push(clock.innerText);
  });
  watch.observe(clock, {subtree: true, childList: true, characterData: true});
  setTimeout(() => { watch.disconnect(); resolve({changes: seen.length, widest}); }, 2500);
})"""


@pytest.mark.parametrize("cell", [1, 2])
def test_the_picture_moves_while_a_cell_blocks_and_a_click_waits_its_turn(
    dashboard: Dashboard, cell: int
) -> None:
    dashboard.leader()
    dashboard.opened.run_cell(cell, wait=False)
    dashboard.page.wait_for_function(BUSY)
    if cell == 1:
        seen = dashboard.page.evaluate(FRAMES)
        assert seen["changes"] >= 10, seen
    dashboard.choose("n3")
    dashboard.click("kill")
    expect(dashboard.node("n3")).to_have_attribute("data-state", "down")


def test_a_click_is_answered_while_a_cell_awaits(dashboard: Dashboard) -> None:
    dashboard.leader()
    dashboard.opened.run_cell(3, wait=False)
    dashboard.page.wait_for_function(BUSY)
    dashboard.choose("n3")
    dashboard.click("kill")
    expect(dashboard.node("n3")).to_have_attribute("data-state", "down", timeout=10_000)
    dashboard.page.evaluate(
        "async () => window.jupyterapp.commands.execute('notebook:interrupt-kernel')"
    )


def test_a_command_during_a_long_cell_does_not_wait_for_it(dashboard: Dashboard) -> None:
    """It goes over the page's own connection; where there is none, it waits, and says so."""
    dashboard.leader()
    expect(dashboard.at("raftlock-dashboard")).to_have_attribute("data-lane", "yes")
    dashboard.opened.run_cell(1, wait=False)
    running = dashboard.page.locator(".jp-Cell").nth(1).locator(".jp-InputPrompt")
    expect(running).to_have_text(re.compile(r"\*"))
    dashboard.choose("n3")
    dashboard.click("kill")
    expect(dashboard.node("n3")).to_have_attribute("data-state", "down")
    expect(running).to_have_text(re.compile(r"\*"))  # the cell is still at it
    expect(running).not_to_have_text(re.compile(r"\*"))

    for route in dashboard.lanes:
        route.close()
    expect(dashboard.at("raftlock-dashboard")).to_have_attribute("data-lane", "no")
    dashboard.opened.run_cell(1, wait=False)
    dashboard.choose("n4")
    message = dashboard.page.get_by_test_id("message")
    dashboard.click("kill")
    expect(message.filter(has_text="queued").first).to_be_visible()
    expect(dashboard.node("n4")).to_have_attribute("data-state", "down")


def test_a_reload_of_the_page_shows_the_dashboard_again(dashboard: Dashboard) -> None:
    leader = dashboard.leader()
    dashboard.choose(leader)
    dashboard.click("kill")
    expect(dashboard.node(leader)).to_have_attribute("data-state", "down")
    dashboard.opened.save()
    dashboard.page.reload()
    dashboard.opened.wait_for_kernel()
    expect(dashboard.node(leader)).to_have_attribute("data-state", "down")
    dashboard.click("start-over") if dashboard.at("start-over").is_enabled() else None
    dashboard.leader()


def test_running_the_cell_again_replaces_the_cluster(dashboard: Dashboard) -> None:
    leader = dashboard.leader()
    dashboard.choose(leader)
    dashboard.click("kill")
    expect(dashboard.node(leader)).to_have_attribute("data-state", "down")
    dashboard.opened.run_cell(0)
    for node in ("n1", "n2", "n3", "n4", "n5"):
        expect(dashboard.node(node)).to_have_attribute("data-state", "up")
    dashboard.leader()


def test_the_chart_remembers_an_election_that_is_over(dashboard: Dashboard) -> None:
    dashboard.leader()
    chart = dashboard.at("chart")
    expect(chart).to_be_visible()
    expect(chart.locator("canvas, .bk-Figure, .bk-Canvas").first).to_be_attached()
