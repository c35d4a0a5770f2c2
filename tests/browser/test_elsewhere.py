"""Behind a base URL and a token, as on a hub or a Binder; and a JupyterLab without our settings."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.lab import NOTEBOOK, VOILA, Lab, NotebookPage, notebook

START = "from raftlock import Cluster\ncluster = Cluster(nodes=3)\ncluster.dashboard()"


def test_behind_a_base_url_and_a_token(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "hub.ipynb").write_text(notebook(START))
    lab = Lab(tmp_path, base_url="/hub/user/ada/")
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    try:
        opened = NotebookPage(context.new_page(), lab)
        opened.open("hub.ipynb")
        opened.run_all()
        leader = opened.page.locator("[data-testid^=node-][data-role=leader]")
        expect(leader).to_have_count(1)
        leader.click()
        opened.page.get_by_test_id("kill").click()
        expect(opened.page.locator("[data-testid^=node-][data-state=down]")).to_have_count(1)
        expect(opened.page.get_by_test_id("chart").locator("canvas").first).to_be_attached()
        opened.check_quiet()
    finally:
        context.close()
        lab.stop()


def used(page: Page) -> None:
    """A cluster elects a leader, and a click kills it."""
    leader = page.locator("[data-testid^=node-][data-role=leader]")
    expect(leader).to_have_count(1)
    leader.click()
    page.get_by_test_id("kill").click()
    expect(page.locator("[data-testid^=node-][data-state=down]")).to_have_count(1)
    stills = page.locator(".raftlock-still")
    assert not any(each.is_visible() for each in stills.all())


def test_in_notebook_7(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "plain.ipynb").write_text(notebook(START))
    server = Lab(tmp_path, app=NOTEBOOK)
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    try:
        opened = NotebookPage(context.new_page(), server)
        opened.page.goto(f"{server.url}notebooks/plain.ipynb?token={server.token}")
        opened.wait_for_kernel()
        opened.run_all()
        used(opened.page)
        opened.check_quiet(allowed=["reading 'schema'"])  # Notebook's own, without our panels too
    finally:
        context.close()
        server.stop()


def test_in_voila(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "plain.ipynb").write_text(notebook(START))
    server = Lab(tmp_path, app=VOILA)
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    try:
        # What Voila itself asks of others, its icons, is its own affair.
        context.route(lambda url: "127.0.0.1" not in url, lambda route: route.abort())
        page = context.new_page()
        page.goto(f"{server.url}voila/render/plain.ipynb?token={server.token}")
        used(page)
    finally:
        context.close()
        server.stop()
