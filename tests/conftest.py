"""The order of the tests: what is quick to fail comes first, the browser last.

While Playwright's browser is open, an event loop runs in the main thread, and no other can.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Property tests are judged by what they find, not by how busy the machine is.
settings.register_profile("raftlock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("raftlock")

BROWSER = Path(__file__).parent / "browser"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if BROWSER in Path(item.path).parents:
            item.add_marker(pytest.mark.browser)
    items.sort(key=lambda item: BROWSER in Path(item.path).parents)
