"""The figures of `metrics`, by bokeh: their time runs together, and each point says what it is.

Like the chart of terms (chart.py) they are made once, and the page fills their sources. Importing
this loads no bokeh.
"""

from __future__ import annotations

from typing import Any

from raftlock_widgets.chart import NEUTRAL, Chart, clock_axis, packed, plain_plot

__all__ = ["FIGURES", "make_figures"]

HEIGHT = 128

FIGURES = ("lag", "failovers", "waits", "latency")
"""The names of the figures, from top to bottom; so are their sources in static/metrics.js."""

_TITLES = {
    "lag": "Committed entries not yet applied, by node",
    "failovers": "Without a leader: from its loss to the next one's first entry, ms",
    "waits": "Time in a queue until the answer, ms",
    "latency": "Time until an answer, ms",
}
_TIPS = {
    "lag": [("", "@node is @y behind at @x{0.0} s")],
    "failovers": [("", "@before lost, @node leads term @term: @y{0} ms at @x{0.0} s")],
    "waits": [("", "@node: @what, @status after @y{0} ms at @x{0.0} s")],
    "latency": [("", "@node: @what, @status after @y{0} ms at @x{0.0} s")],
}
_COLUMNS = ("x", "y", "node", "what", "status", "before", "term", "color", "marker")


def make_figures() -> Chart:
    """The figures, still empty. Raises `ImportError` where bokeh is not installed."""
    from bokeh.layouts import column
    from bokeh.models import Range1d

    together = Range1d(start=0, end=10, name="together")
    figures = [_figure(name, together) for name in FIGURES]
    return packed(column(*figures, name="figures", sizing_mode="stretch_width"))


def _figure(name: str, together: Any) -> Any:  # noqa: ANN401 - bokeh has no types
    from bokeh.models import (
        BasicTicker,
        ColumnDataSource,
        DataRange1d,
        Grid,
        HoverTool,
        LinearAxis,
        Scatter,
        Step,
    )

    plot = plain_plot(
        f"plot-{name}",
        HEIGHT,
        title=_TITLES[name],
        x_range=together,
        y_range=DataRange1d(start=0, min_interval=1, range_padding=0.12, name=f"range-{name}"),
        min_border_left=46,
        min_border_right=8,
    )
    title: Any = plot.title
    title.update(name=f"title-{name}", text_font_size="11.5px")
    few = BasicTicker(desired_num_ticks=4, min_interval=1, num_minor_ticks=0)
    plot.add_layout(clock_axis(f"time-{name}"), "below")
    plot.add_layout(LinearAxis(name=f"values-{name}", ticker=few), "left")
    plot.add_layout(Grid(name=f"grid-{name}", dimension=1, ticker=few))
    axes: Any = plot.select({"type": LinearAxis})
    for axis in axes:
        axis.major_label_text_font_size = "11px"
    source = ColumnDataSource(data={each: [] for each in _COLUMNS}, name=name)
    if name == "lag":
        lines = ColumnDataSource(data={"x": [], "y": []}, name="lag-line")
        step = Step(x="x", y="y", mode="after", line_color=NEUTRAL, line_width=1.5, name="step")
        plot.add_glyph(lines, step)
    dots = plot.add_glyph(
        source,
        Scatter(
            x="x",
            y="y",
            size=8,
            marker={"field": "marker"},
            line_color=NEUTRAL,
            fill_color={"field": "color"},
            name=f"dots-{name}",
        ),
    )
    plot.add_tools(HoverTool(renderers=[dots], tooltips=_TIPS[name]))
    return plot
