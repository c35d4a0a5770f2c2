"""The figure of terms and roles over time.

bokeh makes the figure here once; the page fills its sources from the frames it gets anyway (the
columns are named in static/segments.js). The library that draws it goes to the page through the
kernel's own channel, so nothing is asked of any other server. Importing this loads no bokeh.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["NEUTRAL", "Chart", "clock_axis", "make_chart", "packed", "plain_plot"]

STAY = ("x0", "x1", "y", "node", "term", "role", "color", "from")
HEIGHT = 136
NEUTRAL = "#808890"


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure as JSON, the bokeh version that made it, and the file that draws it."""

    item: dict[str, Any]
    version: str
    script: Path

    def library(self) -> bytes:
        """BokehJS, of the same version as the figure."""
        return self.script.read_bytes()


def make_chart() -> Chart:
    """The figure, still empty. Raises `ImportError` where bokeh is not installed."""
    return packed(_figure())


def packed(model: Any) -> Chart:  # noqa: ANN401 - bokeh has no types
    """A figure, or several, as the page is sent it."""
    import bokeh
    from bokeh.embed import json_item

    script = Path(bokeh.__file__).parent / "server" / "static" / "js" / "bokeh.min.js"
    if not script.exists():
        raise ImportError("bokeh is here without its JavaScript")
    return Chart(dict(json_item(model)), bokeh.__version__, script)


def clock_axis(name: str) -> Any:  # noqa: ANN401
    """An axis of run time: minutes and seconds."""
    from bokeh.models import BasicTicker, CustomJSTickFormatter, LinearAxis

    clock: Any = CustomJSTickFormatter(  # bokeh's own type of `formatter` is too narrow
        code="const s = Math.round(tick); return Math.floor(s / 60) + ':' "
        "+ String(((s % 60) + 60) % 60).padStart(2, '0')"
    )
    seconds = BasicTicker(desired_num_ticks=7, mantissas=[1, 2, 3, 6], base=10, min_interval=1)
    return LinearAxis(name=name, ticker=seconds, formatter=clock)


def plain_plot(name: str, height: int, **more: Any) -> Any:  # noqa: ANN401
    """A plot without a ground, a frame and tools: it stands on the page's own."""
    from bokeh.models import Plot

    return Plot(
        name=name,
        height=height,
        sizing_mode="stretch_width",
        toolbar_location=None,
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        output_backend="canvas",
        **more,
    )


def _figure() -> Any:  # noqa: ANN401 - bokeh has no types
    from bokeh.models import (
        BasicTicker,
        Grid,
        HoverTool,
        LinearAxis,
        Range1d,
    )

    plot = plain_plot(
        "plot",
        HEIGHT,
        x_range=Range1d(start=0, end=10),
        y_range=Range1d(start=0.5, end=1.5),
        min_border_left=28,
        min_border_right=6,
        min_border_top=4,
        min_border_bottom=20,
    )
    whole = BasicTicker(desired_num_ticks=5, min_interval=1, num_minor_ticks=0)
    plot.add_layout(clock_axis("time"), "below")
    plot.add_layout(
        LinearAxis(
            name="terms",
            ticker=whole,
            axis_label="term",
            axis_label_text_font_size="11px",
            axis_label_text_font_style="normal",
        ),
        "left",
    )
    plot.add_layout(Grid(name="grid", dimension=1, ticker=whole))
    axes: Any = plot.select({"type": LinearAxis})
    for axis in axes:
        axis.major_label_text_font_size = "11px"
    stays = _glyphs(plot)
    plot.add_tools(
        HoverTool(
            renderers=stays,
            line_policy="interp",
            tooltips=[("", "@node: @role in term @term, from @from{0.0} s")],
        )
    )
    return plot


def _glyphs(plot: Any) -> list[Any]:  # noqa: ANN401
    from bokeh.models import ColumnDataSource, Scatter, Segment, Text

    def source(name: str, columns: tuple[str, ...]) -> Any:  # noqa: ANN401
        return ColumnDataSource(data={column: [] for column in columns}, name=name)

    rises = Segment(
        x0="x",
        x1="x",
        y0="y0",
        y1="y1",
        line_color=NEUTRAL,
        line_width=1,
        line_alpha=0.6,
        name="rises-glyph",
    )
    plot.add_glyph(source("rises", ("x", "y0", "y1", "node")), rises)
    stays = []
    for role, width, dash in (("follower", 1.6, []), ("candidate", 2.6, [2, 2]), ("leader", 5, [])):
        stay = Segment(
            x0="x0",
            x1="x1",
            y0="y",
            y1="y",
            line_color={"field": "color"},
            line_width=width,
            line_dash=dash,
            line_cap="butt",
        )
        stays.append(plot.add_glyph(source(role, STAY), stay))
    starts = Scatter(
        x="x",
        y="y",
        size=7,
        marker="diamond",
        line_color=NEUTRAL,
        fill_color=NEUTRAL,
        name="starts-glyph",
    )
    plot.add_glyph(source("starts", ("x", "y", "term", "node")), starts)
    ends = Text(
        x="x",
        y="y",
        text={"field": "node"},
        x_offset=4,
        text_font_size="10px",
        text_baseline="middle",
        text_color=NEUTRAL,
        name="ends-glyph",
    )
    plot.add_glyph(source("ends", ("x", "y", "node")), ends)
    return stays
