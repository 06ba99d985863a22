"""Messages on stderr, when stderr is closed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

from support import fake_library


def test_closed_stderr_does_not_break_the_import(library):
    fake_library.set_version(library, "9")
    code = textwrap.dedent(f"""
        import sys
        from wsframe import accelerate
        accelerate.hosts.__path__.append({str(library / "hosts")!r})
        accelerate.install()
        sys.stderr.close()
        import fakehost.user
        sys.exit(7 if fakehost.user.speed() == "slow" else 1)
    """)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(library / "lib"), *sys.path])}
    assert subprocess.run([sys.executable, "-c", code], env=environ).returncode == 7
