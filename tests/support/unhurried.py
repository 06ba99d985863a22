"""Writes that are coalesced however busy the machine is."""

from __future__ import annotations

from typing import Any

import pytest

from wsframe.accelerate.hosts._shared.coalesce import Output


def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coalesce writes however long after each other they come."""
    make = Output.__init__

    def unhurried(self: Any, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        self._gap = 60

    monkeypatch.setattr(Output, "__init__", unhurried)
