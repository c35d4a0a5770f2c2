"""The front end's texts, read from static/.

A widget can load one text of JavaScript. That one is `LOADER`; it gets the others as a mapping from
file name to text and puts them together in the page.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["LOADER", "STATIC", "modules", "style"]

STATIC = Path(__file__).parent / "static"
LOADER = STATIC / "loader.js"
STYLES = STATIC / "styles"
"""A sheet a panel; before them base.css, with what all share, and after them narrow.css."""


@cache
def style() -> str:
    """The style sheets, as one text."""
    place = {"base.css": 0, "narrow.css": 2}
    sheets = sorted(STYLES.glob("*.css"), key=lambda path: (place.get(path.name, 1), path.name))
    return "\n".join(path.read_text(encoding="utf-8") for path in sheets)


@cache
def modules() -> dict[str, str]:
    """Every module but the loader, by file name."""
    return {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted(STATIC.glob("*.js"))
        if path != LOADER
    }
