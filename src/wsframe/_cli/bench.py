"""`wsframe bench`: put a load on a server, and print rates and latencies."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from ..demo.documents import documents
from .histogram import PERCENTILES, upper_end
from .load import Load, Result, measure
from .opening import connect_options, failure
from .plot import Curve, check_plot, write_plot
from .progress import Progress

DOCUMENTS = 512
INTERRUPTED = 130  # the exit status of a shell
BUSY = 0.9  # of a CPU: then the client is the bottleneck
PLOT = (*range(0, 100, 2), 99.0, 99.5, 99.9, 99.95, 99.99)


def run(options: argparse.Namespace) -> int:
    """Run the command; return the exit status: 1 if a connection or a reply is missing, 130 after Ctrl-C."""
    progress, result, interrupted = Progress(), Result(), False
    try:
        load = Load(
            options.uri,
            options.connections,
            options.depth,
            messages_of(options),
            options.seconds,
            options.rate,
            connect_options(options),
        )
        load.connect()  # raises what is wrong with the arguments
        before = _earlier(options.compare) if options.compare else None
        _check_files(options)
        try:
            asyncio.run(measure(load, lambda result: progress.show(_line(load, result)), result))
        except KeyboardInterrupt:  # what there is so far is worth a look
            interrupted = True
        finally:
            progress.clear()
    except (OSError, ValueError, ImportError) as exc:
        print(f"wsframe: {failure(exc, options.uri)}", file=sys.stderr)
        return 2
    if not result.received:
        for what, count in result.errors.items():
            print(f"wsframe: {what}: {count:,}", file=sys.stderr)
        return INTERRUPTED if interrupted else 1
    facts = facts_of(load, result)
    written = _write(options, facts, before)  # first: nobody may read the rest
    print(json.dumps(facts, indent=2) if options.json else table(facts, before))
    return 2 if not written else INTERRUPTED if interrupted else 1 if result.errors else 0


def _check_files(options: argparse.Namespace) -> None:
    """Check what is written at the end, before the load.

    Raises:
        ValueError: a directory or a package is missing, or the suffix is wrong.
    """
    if options.plot:
        check_plot(options.plot)
    for file in (options.output, options.plot):
        if file and not file.parent.is_dir():
            raise ValueError(f"{file}: there is no such directory")
        if file and file.is_dir():
            raise ValueError(f"{file}: that is a directory")


def _write(options: argparse.Namespace, facts: dict[str, Any], before: dict[str, Any] | None) -> bool:
    """Write the files; return whether that was possible."""
    try:
        if options.output:
            options.output.write_text(json.dumps(facts, indent=2) + "\n", "utf-8")
        if options.plot:
            curves = {"this run": curve_of(facts)} | ({"before": curve_of(before)} if before else {})
            write_plot(options.plot, curves)
    except OSError as exc:
        print(f"wsframe: {exc.filename or options.output}: {exc.strerror}", file=sys.stderr)
        return False
    return True


def _earlier(file: Path) -> dict[str, Any]:
    """Read what `--output` wrote.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is something else.
    """
    try:
        facts = json.loads(file.read_text("utf-8"))
        table(facts, facts)
        curve_of(facts)
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
        raise ValueError(f"{file}: not written by `wsframe bench --output`") from None
    return facts  # type: ignore[no-any-return]


def messages_of(options: argparse.Namespace) -> list[str | bytes]:
    """Make what is sent: the lines of a file, documents, or one message of a size.

    Raises:
        OSError: the file cannot be read.
        ValueError: it has no lines, or is not UTF-8.
    """
    if options.messages:
        try:
            texts = options.messages.read_text("utf-8").split("\n")
        except UnicodeDecodeError as exc:
            raise ValueError(f"{options.messages}: not UTF-8: {exc.reason} at byte {exc.start:,}") from None
        if not texts[-1]:  # what follows the last newline
            texts.pop()
        if not texts:
            raise ValueError(f"{options.messages}: there is no message in it")
    elif options.documents:
        texts = [document.decode() for document in documents(options.documents, DOCUMENTS)]
    else:
        texts = [("0123456789" * (options.size // 10 + 1))[: options.size]]
    return [text.encode() for text in texts] if options.binary else texts


def facts_of(load: Load, result: Result) -> dict[str, Any]:
    """Describe a run for programs; latencies in microseconds."""
    latency = result.latency
    share = result.cpu / result.seconds if result.seconds else 0.0
    return {
        "uri": load.uri,
        "connections": result.opened,
        "connections_wanted": load.connections,
        "depth": load.depth if not load.rate else None,
        "rate": load.rate or None,
        "seconds": round(result.seconds, 3),
        "sent": result.sent,
        "received": result.received,
        "received_late": result.late,
        "messages_per_second": round(result.rate, 1),
        "mean_us": round(latency.mean / 1000, 1),
        "percentiles_us": {f"{percent:g}": latency.percentile(percent) / 1000 for percent in PERCENTILES},
        "errors": dict(result.errors),
        "client_cpu": round(share, 3),
        "client_is_the_bottleneck": share > BUSY,
        "histogram_us": [[upper_end(one) / 1000, latency.counts[one]] for one in sorted(latency.counts)],
    }


def table(facts: dict[str, Any], before: dict[str, Any] | None) -> str:
    """Write a run for people, beside an earlier one if there is any."""
    rows = [("messages/s", facts["messages_per_second"], before and before["messages_per_second"])]
    rows += [("mean, us", facts["mean_us"], before and before["mean_us"])]
    for percent, us in facts["percentiles_us"].items():
        name = "maximum, us" if percent == "100" else f"{percent} %, us"
        rows.append((name, us, before and before["percentiles_us"].get(percent)))
    lines = [f"{'':<14}{'this run':>14}" + (f"{'before':>14}{'ratio':>8}" if before else "")]
    for name, now, then in rows:
        beside = f"{then:>14,.1f}{now / then:>7.2f}x" if then else ""
        lines.append(f"{name:<14}{now:>14,.1f}{beside}")
    late, opened, wanted = facts["received_late"], facts["connections"], facts["connections_wanted"]
    lines.append(
        f"{facts['received'] - late:,} replies in {facts['seconds']:.1f} s"
        + (f" and {late:,} later" if late else "")
        + f" on {opened:,}{f' of {wanted:,}' if opened < wanted else ''} connections; "
        f"this client used {facts['client_cpu']:.0%} of a CPU"
    )
    if facts["client_is_the_bottleneck"]:
        lines.append(
            "the client is the bottleneck: the server could do more. Run one on another machine, too"
        )
    lines += [f"error: {what}: {count:,}" for what, count in facts["errors"].items()]
    return "\n".join(lines)


def curve_of(facts: dict[str, Any]) -> Curve:
    """Take the percentiles to draw from the buckets of a run."""
    buckets, total = facts["histogram_us"], facts["received"]
    curve, seen = [], 0
    wanted = [percent for percent in PLOT if total * (1 - percent / 100) >= 1]
    for us, count in buckets:
        seen += count
        while wanted and seen >= total * wanted[0] / 100:
            curve.append((wanted.pop(0), us))
    return curve


def _line(load: Load, result: Result) -> str:
    if not result.sent:
        return f"{result.opened:,} of {load.connections:,} connections are open"
    p99 = result.latency.percentile(99) / 1000
    return f"{result.seconds:5.1f} s  {result.rate:>12,.0f} messages/s  99 %: {p99:,.0f} us"
