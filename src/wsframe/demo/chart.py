"""The results as a bar chart."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .rounds import Row

BEFORE, AFTER = "#b8bec8", "#1f6feb"


def write_chart(rows: list[Row], directory: Path) -> list[Path]:
    """Write the chart as SVG and PNG; return the paths."""
    rates = [row.rates() for row in rows]
    costs = [cost for row in rows if (cost := row.cpu_us())]
    panels = [("messages per second", rates, [after / before for before, after in rates])]
    if len(costs) == len(rows):
        panels.insert(0, ("server CPU per message, µs", costs, [row.gain() for row in rows]))
    figure = Figure(figsize=(2.2 + 4.2 * len(panels), 1.4 + 0.55 * len(rows)), layout="constrained")
    for number, (title, pairs, gains) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), number + 1)
        axes.set_title(title, fontsize=11)
        _bars(axes, pairs, gains)
        names = [f"{row.program.name}\n{row.message}, depth {row.depth}" for row in rows]
        axes.set_yticks(range(len(rows)), names if number == 0 else [""] * len(rows), fontsize=9)
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(), frameon=False, loc="outside lower center", ncols=2
    )
    paths = [directory / f"wsframe-demo.{kind}" for kind in ("svg", "png")]
    for path in paths:
        figure.savefig(path, dpi=150)
    return paths


def _bars(axes: Axes, pairs: list[tuple[float, float]], gains: list[float]) -> None:
    for number, (label, color) in enumerate((("alone", BEFORE), ("under wsframe run", AFTER))):
        places = [row - 0.2 + 0.4 * number for row in range(len(pairs))]
        bars = axes.barh(places, [pair[number] for pair in pairs], 0.4, color=color, label=label)
    axes.bar_label(bars, [f"{gain:.1f}x" for gain in gains], padding=3, color=AFTER)
    axes.margins(x=0.15)
    axes.invert_yaxis()  # the first row on top
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
