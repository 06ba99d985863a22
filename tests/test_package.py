"""What the package promises before a byte is decoded."""

import subprocess
import sys
import sysconfig
from importlib.metadata import metadata, version

import pytest

import wsframe


def run(code, **env):
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60, check=True
    )


def test_version_is_the_one_installed():
    assert version("wsframe") == wsframe.__version__


def test_core_has_no_dependencies():
    required = metadata("wsframe").get_all("Requires-Dist") or []
    assert [line for line in required if "extra ==" not in line] == []


def test_every_public_name_exists():
    for name in wsframe.__all__:
        assert hasattr(wsframe, name), name


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this CPython has its GIL")
def test_importing_compiled_modules_keeps_the_gil_disabled():
    code = """
import sys, pkgutil, importlib, wsframe._c
for module in pkgutil.iter_modules(wsframe._c.__path__):
    importlib.import_module("wsframe._c." + module.name)
print(wsframe.backend[0], sys._is_gil_enabled())
"""
    assert run(code).stdout == "c False\n"
