"""The front end's texts, read from static/.

A widget can load one text of JavaScript. That one is `LOADER`; it gets the others as a mapping from
file name to text and puts them together in the page.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["LOADER", "STATIC", "STYLE", "modules"]

STATIC = Path(__file__).parent / "static"
LOADER = STATIC / "loader.js"
STYLE = STATIC / "style.css"


@cache
def modules() -> dict[str, str]:
    """Every module but the loader, by file name."""
    return {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted(STATIC.glob("*.js"))
        if path != LOADER
    }
