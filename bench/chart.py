"""The figures as bars: ratios on a logarithmic scale, servers on a linear one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
from matplotlib import colormaps
from matplotlib.figure import Figure

from bench.figures import times

# The same figures give the same file, and text stays text.
mpl.rcParams.update({"svg.hashsalt": "wsframe", "svg.fonttype": "none", "font.size": 8})

SCALE = {1: "1 (wsframe)", 10: "10", 100: "100", 1000: "1000"}
BEFORE, AFTER = "#9aa5b1", "#2563eb"


def draw(rows: Mapping[str, Mapping[str, float]], title: str, path: Path) -> None:
    """Write an SVG: a group of bars for each work, in it one for each peer."""
    names = dict.fromkeys(name for ratios in rows.values() for name in ratios)
    colours = dict(zip(names, colormaps["tab10"].colors, strict=False))
    figure = Figure(figsize=(8, 10), layout="constrained")
    axes = figure.subplots()
    place, groups = 0.0, {}
    for work, ratios in rows.items():
        groups[work] = place + (len(ratios) - 1) / 2
        for name, ratio in ratios.items():
            axes.barh(place, ratio - 1, left=1, height=0.9, color=colours[name])
            axes.text(max(ratio, 1) * 1.04, place, f"{name} {times(ratio)}", va="center", fontsize=6)
            place += 1
        place += 0.8
    axes.axvline(1, color="black", linewidth=1)
    axes.set(xscale="log", xlim=(0.5, 1500), ylim=(place - 0.8, -1))
    axes.set_xticks(list(SCALE), list(SCALE.values()))
    axes.set_xticks([], minor=True)
    axes.set_yticks(list(groups.values()), list(groups))
    axes.set_xlabel(
        "time for the same work, as a multiple of wsframe's time; logarithmic scale, less is better"
    )
    _finish(figure, title, path)


def draw_servers(
    panels: Mapping[str, Mapping[str, tuple[float, float]]], title: str, path: Path, names: tuple[str, str]
) -> None:
    """Write an SVG: a panel for each load, in it two bars for each server.

    Args:
        panels: for each load the seconds of CPU that a message costs each server, before and after.
        title: below the panels.
        path: of the file.
        names: of before and after.
    """
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    for axes, (load, servers) in zip(
        figure.subplots(1, len(panels), sharey=True), panels.items(), strict=True
    ):
        for place, pair in enumerate(servers.values()):
            for shift, seconds, colour, name in zip((-0.2, 0.2), pair, (BEFORE, AFTER), names, strict=True):
                label = name if place == 0 else None
                axes.barh(place + shift, seconds * 1e6, height=0.36, color=colour, label=label)
                axes.text(seconds * 1e6, place + shift, f" {seconds * 1e6:.3g}", va="center", fontsize=7)
        axes.set(title=load, xlabel="CPU time of the server per message, µs (less is better)")
        axes.set_yticks(range(len(servers)), list(servers))
        axes.set_ylim(len(servers) - 0.5, -0.5)
        axes.margins(x=0.12)
        axes.legend(frameon=False, loc="lower right")
    _finish(figure, title, path)


def _finish(figure: Figure, title: str, path: Path) -> None:
    figure.supxlabel(title, fontsize=7, color="#555555")
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
