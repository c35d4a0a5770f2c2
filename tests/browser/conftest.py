"""One browser and one JupyterLab for all browser tests; a fresh page and kernel for each."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.lab import CHROMIUM_FLAGS, ROOT, Lab, NotebookPage

# An election at lesson speed takes up to 3 s, and a vote may split before it.
expect.set_options(timeout=20_000)


def chromium() -> str:
    spec = importlib.util.spec_from_file_location("setup_browser", ROOT / "tools/setup_browser.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = module.find_chromium()
    assert found is not None, "no Chromium: `make test` installs one, or says that it cannot"
    return str(found)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    lab = Lab(folder)
    yield lab
    lab.stop()


@pytest.fixture
def opened(browser: Browser, lab: Lab) -> Iterator[NotebookPage]:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(30_000)
    page = NotebookPage(context.new_page(), lab)
    yield page
    context.close()
    lab.end_sessions()
