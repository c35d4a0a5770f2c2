"""Behind a base URL and a token, as on a hub or a Binder; and a JupyterLab without our settings."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.lab import Lab, NotebookPage, notebook

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
