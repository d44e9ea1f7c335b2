"""The charts of the report as inline SVG, in colours that the page sets: they follow its light and dark theme."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from xray_backup.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# matplotlib knows no CSS: it draws in these colours, and the page's own take their place.
_COLOURS = {
    "#000001": "currentColor",
    "#000002": "var(--line)",
    "#000003": "var(--series-1)",
    "#000004": "var(--series-2)",
    "#000005": "var(--series-3)",
}
_TEXT, _LINE, *_SERIES = _COLOURS
_MARKERS = ("o", "s", "^")
# Inches; as wide as a phone's page, so that the letters are as large there as on a desk.
_SIZE = (4.5, 2.8)

Series = Mapping[str, Sequence[float]]


def chart(name: str, times: Sequence[datetime], series: Series, marks: Mapping[str, Sequence[datetime]]) -> str:
    """One chart as an `<svg>` element.

    Args:
        name: begins each id in it, so that several can stand in one page.
        times: of the points, in order.
        series: values by what they are; the name stands in the legend where there are several.
        marks: times of events by their name; each is a dashed line.

    Raises:
        UsageError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("report draws with matplotlib: install the packages of glue/requirements.txt") from None
    style: Any = {
        "date.converter": "concise",
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "font.size": 10,
        "text.color": _TEXT,
        "axes.labelcolor": _TEXT,
        "xtick.color": _TEXT,
        "ytick.color": _TEXT,
        "grid.color": _LINE,
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot()
        _draw(axes, times, series)
        for label, moments in marks.items():
            for moment in moments:
                axes.axvline(moment, color=_TEXT, linewidth=0.8, linestyle=(0, (2, 3)), label=label)  # type: ignore[arg-type]
                label = f"_{label}"  # only the first one comes into the legend
        if len(series) + len(marks) > 1:
            figure.legend(
                loc="outside upper left", ncols=4, frameon=False, handlelength=1, columnspacing=0.8, fontsize=9
            )
        return _inline(figure, name)


def _draw(axes: Axes, times: Sequence[datetime], series: Series) -> None:
    from matplotlib.ticker import FuncFormatter

    # Beyond a few dozen points the markers would run into each other.
    size = 3.5 if len(times) <= 60 else 0
    for (label, values), colour, marker in zip(
        series.items(), _SERIES * len(series), _MARKERS * len(series), strict=False
    ):
        axes.plot(times, values, color=colour, marker=marker, markersize=size, linewidth=1.6, label=label)  # type: ignore[arg-type]
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axes.grid(axis="y", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.patch.set_visible(False)


def _inline(figure: Figure, name: str) -> str:
    figure.patch.set_visible(False)
    output = io.StringIO()
    figure.savefig(output, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = output.getvalue()
    svg = svg[svg.index("<svg") :]
    for drawn, wanted in _COLOURS.items():
        svg = svg.replace(drawn, wanted)
    # The size is the page's to set, the text its own; the label is on the figure around it.
    svg = re.sub(r'^<svg [^>]*?(viewBox="[^"]*")[^>]*>', r'<svg xmlns:xlink="http://www.w3.org/1999/xlink" \1>', svg)
    svg = re.sub(r"font: (\d+(?:\.\d+)?)px [^;\"]*", r"font-size: \1px", svg)
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg).strip()
