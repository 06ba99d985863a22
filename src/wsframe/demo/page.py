"""The results as a page to look at: the table and the chart, in one file that needs no network."""

from __future__ import annotations

import platform
from html import escape
from pathlib import Path

from .. import __version__, backend
from .rounds import CONNECTIONS, Row

HEAD = (
    *("server", "message", "depth"),
    *("msg/s alone", "msg/s under run", "CPU µs alone", "CPU µs under run", "gain"),
)
STYLE = """\
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1f2328; }
body { max-width: 66rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #d8dee4; text-align: right; }
th { vertical-align: bottom; }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; white-space: nowrap; }
td:last-child { font-weight: bold; color: #1f6feb; }
tr:nth-child(even) td { background: #f6f8fa; }
.wide { overflow-x: auto; }
svg { width: 100%; height: auto; min-width: 42rem; }
@media (prefers-color-scheme: dark) {
  body { color: #e6edf3; background: #0d1117; }
  th, td { border-color: #30363d; }
  td:last-child { color: #58a6ff; }
  tr:nth-child(even) td { background: #161b22; }
  svg { filter: invert(1) hue-rotate(180deg); mix-blend-mode: screen; }
}
@media (max-width: 42rem) { /* what is compared, without the rates */
  h1 { font-size: 1.4rem; }
  table { font-size: .75rem; width: 100%; }
  th, td { padding: .25rem; }
  th:nth-child(-n+2), td:nth-child(-n+2) { white-space: normal; }
  :is(th, td):is(:nth-child(4), :nth-child(5)) { display: none; }
}
"""


def write_page(rows: list[Row], chart: Path, notes: list[str]) -> Path:
    """Write the page beside the chart.

    Args:
        rows: the results.
        chart: the SVG, which the page takes in.
        notes: how this was measured, a paragraph each.

    Returns:
        The path of the page.
    """
    svg = chart.read_text("utf-8")
    body = [f"<tr>{_cells('th', HEAD)}</tr>"]
    for row in rows:
        costs = [f"{cost:.1f}" for cost in row.cpu_us() or ()] or ["-", "-"]
        rates = [f"{rate:,.0f}" for rate in row.rates()]
        cells = (row.program.name, row.message, str(row.depth), *rates, *costs, f"{row.gain():.2f}x")
        body.append(f"<tr>{_cells('td', cells)}</tr>")
    gains = [row.gain() for row in rows]
    summary = f"A message takes {min(gains):.1f} to {max(gains):.1f} times less CPU time of the server."
    python = f"{platform.python_implementation()} {platform.python_version()}, {platform.platform()}"
    paragraphs = [f"wsframe {__version__} ({backend}), {python}, {CONNECTIONS} connections.", *notes]
    page = chart.with_suffix(".html")
    page.write_text(
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>wsframe demo</title>'
        f"<style>{STYLE}</style>"
        f"<h1>Stock servers, alone and under <code>wsframe run</code></h1>\n<p>{summary}</p>\n"
        f'<div class="wide">{svg[svg.index("<svg") :]}</div>\n'
        f'<div class="wide"><table>{"".join(body)}</table></div>\n'
        + "".join(f"<p>{escape(text)}</p>\n" for text in paragraphs),
        "utf-8",
    )
    return page


def _cells(tag: str, texts: tuple[str, ...]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)
