"""The ratios as bars on a logarithmic scale."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
from matplotlib import colormaps
from matplotlib.figure import Figure

from bench.figures import times

# The same figures give the same file, and text stays text.
mpl.rcParams.update({"svg.hashsalt": "wsframe", "svg.fonttype": "none", "font.size": 8})

SCALE = {1: "as long as wsframe", 10: "10 times", 100: "100 times", 1000: "1000 times"}


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
    axes.set_title(title, fontsize=7, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
