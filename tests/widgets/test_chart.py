"""The figure of terms over time: the names and columns that the page fills are in it."""

import json
import re

import pytest

pytest.importorskip("bokeh")

from raftlock_widgets.chart import STAY, make_chart
from raftlock_widgets.frontend import modules


@pytest.fixture(scope="module")
def chart():
    return make_chart()


def named(item: object) -> dict[str, dict]:
    """Every model in a figure that has a name."""
    found: dict[str, dict] = {}

    def walk(value: object) -> None:
        if isinstance(value, dict):
            attributes = value.get("attributes")
            if isinstance(attributes, dict) and attributes.get("name"):
                found[attributes["name"]] = value
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(item)
    return found


def test_it_is_plain_json_and_the_library_is_of_the_same_version(chart):
    assert len(json.dumps(chart.item)) < 20_000
    assert chart.version.encode() in chart.library()


def test_every_model_that_the_page_asks_for_is_there(chart):
    names = named(chart.item).keys()
    asked = set(re.findall(r'named\("([\w-]+)"\)', modules()["chart.js"]))
    assert asked
    assert asked <= names
    assert {"follower", "candidate", "leader", "rises", "starts", "ends"} <= names


def test_the_columns_are_those_that_the_page_computes(chart):
    entries = named(chart.item)["leader"]["attributes"]["data"]["entries"]
    assert tuple(name for name, _ in entries) == STAY
    empty = re.search(r"const stay = \(\) => \(\{(.*?)\}\)", modules()["segments.js"]).group(1)
    assert tuple(re.findall(r"(\w+): \[\]", empty)) == STAY


def test_nothing_in_it_names_another_server(chart):
    assert "http" not in json.dumps(chart.item)
