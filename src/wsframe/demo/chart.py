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
    gains = [after / before for before, after in rates]
    panels = [("messages per second", rates, gains)]
    if len(costs) == len(rows):
        panels.insert(0, ("server CPU per message, µs", costs, [row.gain() for row in rows]))
    figure = Figure(figsize=(5.5 * len(panels), 4.2), layout="constrained")
    for number, (title, pairs, gains) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), number + 1)
        axes.set_title(title)
        _bars(axes, pairs, gains)
        labels = [f"{row.program.name}\ndepth {row.depth}".replace(", ", ",\n") for row in rows]
        axes.set_xticks(range(len(rows)), labels, fontsize=8)
    figure.axes[0].legend(frameon=False)
    paths = [directory / f"wsframe-demo.{kind}" for kind in ("svg", "png")]
    for path in paths:
        figure.savefig(path, dpi=150)
    return paths


def _bars(axes: Axes, pairs: list[tuple[float, float]], gains: list[float]) -> None:
    for number, (label, color) in enumerate((("alone", BEFORE), ("under wsframe run", AFTER))):
        places = [row - 0.2 + 0.4 * number for row in range(len(pairs))]
        bars = axes.bar(places, [pair[number] for pair in pairs], 0.4, color=color, label=label)
    axes.bar_label(bars, [f"{gain:.1f}x" for gain in gains], padding=2, color=AFTER)
    axes.margins(y=0.15)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)
