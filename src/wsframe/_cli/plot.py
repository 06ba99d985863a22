"""The latencies of one run or of two as a curve over the percentiles: SVG by hand, PNG by matplotlib."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

Curve = Sequence[tuple[float, float]]  # percentile, microseconds

WIDTH, HEIGHT, LEFT, BOTTOM = 720, 400, 70, 50
COLOURS = ("#1f6feb", "#b8bec8")
TICKS = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99)


def check_plot(file: Path) -> None:
    """Check that a plot can be drawn.

    Raises:
        ValueError: the name of the file does not end with .svg or .png, or a PNG lacks matplotlib.
    """
    if file.suffix not in (".svg", ".png"):
        raise ValueError(f"{file}: the name of a plot ends with .svg or .png")
    if file.suffix == ".png" and find_spec("matplotlib") is None:
        raise ValueError(f"{file}: a PNG needs matplotlib: pip install matplotlib, or name an .svg")


def write_plot(file: Path, curves: Mapping[str, Curve]) -> None:
    """Draw curves by their names; `check_plot` has checked the file."""
    if file.suffix == ".svg":
        file.write_text(svg(curves), "utf-8")
        return
    from matplotlib.figure import Figure

    axes = (figure := Figure(figsize=(9, 5), layout="constrained")).add_subplot()
    for (name, curve), colour in zip(curves.items(), COLOURS, strict=False):
        axes.plot(
            [_place(percent) for percent, _ in curve], [us for _, us in curve], label=name, color=colour
        )
    axes.set_xticks([_place(tick) for tick in TICKS], [f"{tick:g} %" for tick in TICKS])
    axes.set_yscale("log")
    axes.set_ylabel("latency, µs")
    axes.legend()
    figure.savefig(file, dpi=150)


def svg(curves: Mapping[str, Curve]) -> str:
    """Draw curves by their names; return the document."""
    points = [point for curve in curves.values() for point in curve if point[1] > 0] or [(50.0, 1.0)]
    low = math.floor(math.log10(min(us for _, us in points)))
    high = max(low + 1, math.ceil(math.log10(max(us for _, us in points))))
    right = max(_place(TICKS[-1]), max(_place(percent) for percent, _ in points))

    def x(percent: float) -> float:
        return LEFT + (WIDTH - LEFT - 20) * _place(percent) / right

    def y(us: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - 30) * (math.log10(max(us, 10**low)) - low) / (high - low)

    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
    parts = [
        f'{head} font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for tick in TICKS:
        parts.append(
            f'<path d="M{x(tick):.1f} 30V{HEIGHT - BOTTOM}" stroke="#e5e8ec"/>'
            f'<text x="{x(tick):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{tick:g} %</text>'
        )
    for power in range(low, high + 1):
        parts.append(
            f'<path d="M{LEFT} {y(10**power):.1f}H{WIDTH - 20}" stroke="#e5e8ec"/>'
            f'<text x="{LEFT - 8}" y="{y(10**power) + 4:.1f}" text-anchor="end">{10.0**power:,g} µs</text>'
        )
    for number, ((name, curve), colour) in enumerate(zip(curves.items(), COLOURS, strict=False)):
        path = " ".join(f"{x(percent):.1f},{y(us):.1f}" for percent, us in curve)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{LEFT + 10}" y="{46 + 16 * number}" fill="{colour}">{_escaped(name)}</text>')
    parts.append(
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 10}" text-anchor="middle">latency by percentile</text></svg>'
    )
    return "\n".join(parts)


def _place(percent: float) -> float:
    """Where a percentile is: each nine as wide as the one before."""
    return -math.log10(1 - min(percent, 99.9999) / 100)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
