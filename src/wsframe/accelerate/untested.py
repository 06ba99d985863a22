"""Versions outside the tested range: left alone, unless all code that matters was tested in another one."""

from __future__ import annotations

import os

from .host import Host

__all__ = ["refusal", "untested"]


def refusal(host: Host, version: str | None) -> str:
    """Say why a version is left alone; empty when it may be accelerated, as a proof will confirm."""
    if version is None:
        return host.refusal(version)
    if host.covers(version) or _all_are_tried():
        return ""
    from .fingerprints import SourceError, code_of, known_code, unknown  # slow to import, and seldom needed

    known = known_code(host.name)
    if not known:
        return host.refusal(version)
    try:
        name = next(unknown(code_of(host, version), known), "")
    except SourceError as exc:
        return f"{host.refusal(version)}, and {exc}"
    return f"{host.refusal(version)}, and the code of {name} was never tested" if name else ""


def untested(host: Host, version: str) -> str:
    """Say what an accelerated version is, when it is not one that was tested."""
    if host.covers(version):
        return ""
    return "untested version" if _all_are_tried() else "untested version, same code"


def _all_are_tried() -> bool:
    return os.environ.get("WSFRAME_UNTESTED") == "1"
