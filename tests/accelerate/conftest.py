"""Most tests here are about uvicorn's own classes."""

from __future__ import annotations

from support.own_classes import uvicorn_keeps_its_classes

__all__ = ["uvicorn_keeps_its_classes"]
