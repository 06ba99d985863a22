"""Code in an interpreter of its own."""

from __future__ import annotations

import os
import subprocess
import sys

from support.twins import Impl


def environment(impl: Impl | None = None) -> dict[str, str]:
    """The variables of this process, with wsframe's own as a user has them or as a twin needs them."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("WSFRAME_")}
    if impl is not None and impl.pure:
        variables["WSFRAME_PURE"] = "1"
    elif impl is not None:
        variables |= {
            "WSFRAME_KERNEL": impl.name.removeprefix("c-"),
            "WSFRAME_REQUIRE_EXTENSIONS": "1",
        }
    return variables


def run(
    code: str,
    *arguments: str,
    impl: Impl | None = None,
    status: int = 0,
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    """Run code that uses one twin; it must end with this status."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment(impl) | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done
