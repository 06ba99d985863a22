"""The switch between the twins, each time in an interpreter of its own."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path

import pytest
from support import twins
from support.processes import run
from support.twins import Impl

import wsframe

PACKAGE = Path(wsframe.__file__).parent
MODULES = tuple(sorted(file.name.partition(".")[0] for file in (PACKAGE / "_c").glob("*.pyi")))

compiled = pytest.mark.skipif(not twins.KERNELS, reason="no compiled twin here")

# Every function of the codec, by the module that it comes from.
REPORT = """
import wsframe, wsframe._backend as switch
print(wsframe.backend)
names = [name for name in switch.__all__ if name != "backend"]
print(*sorted({getattr(switch, name).__module__.split(".")[1] for name in names}))
print(*wsframe.MessageDecoder(wsframe.Role.CLIENT).feed(wsframe.encode_text("works")))
"""


def report(impl: Impl | None = None, **variables: str) -> tuple[list[str], str]:
    """What the package says of itself, and what it said on stderr."""
    done = run(REPORT, impl=impl, **variables)
    return done.stdout.splitlines(), done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package once more, for tests to break."""
    shutil.copytree(PACKAGE, tmp_path / "wsframe", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def extension(copy: Path, module: str) -> Path:
    return copy / "wsframe" / "_c" / f"{module}{sysconfig.get_config_var('EXT_SUFFIX')}"


@compiled
def test_fastest_kernel_is_the_default() -> None:
    assert report() == ([f"c-{twins.KERNELS[-1]}", "_c", "works"], "")


def test_each_twin_and_each_kernel_can_be_forced(impl: Impl) -> None:
    """The whole codec comes from one twin, and says so."""
    assert report(impl) == ([impl.name, "_py" if impl.pure else "_c", "works"], "")


@pytest.mark.parametrize("value", ["1", "yes"])
def test_the_pure_twin_can_be_forced(value: str) -> None:
    assert report(WSFRAME_PURE=value) == (["py", "_py", "works"], "")
    # Over the other variables, which speak of the compiled twin.
    done = report(WSFRAME_PURE=value, WSFRAME_REQUIRE_EXTENSIONS="1", WSFRAME_KERNEL="abacus")
    assert done == (["py", "_py", "works"], "")


@compiled
@pytest.mark.parametrize("value", ["", "0"])
def test_empty_or_0_variables_are_ignored(value: str) -> None:
    said = report(WSFRAME_PURE=value, WSFRAME_REQUIRE_EXTENSIONS=value, WSFRAME_KERNEL="")
    assert said == ([f"c-{twins.KERNELS[-1]}", "_c", "works"], "")


@compiled
@pytest.mark.parametrize("name", ["abacus", "AVX2", "c-scalar", " scalar"])
def test_unknown_kernel_raises_value_error(name: str) -> None:
    """An error that names those there are, not another kernel than was asked for."""
    done = run("import wsframe", status=1, WSFRAME_KERNEL=name)
    last = done.stderr.splitlines()[-1]
    assert last == f"ValueError: no kernel {name!r} on this CPU, only {', '.join(twins.KERNELS)}"


@compiled
def test_select_of_an_unknown_kernel_names_the_available_ones() -> None:
    from wsframe._c import kernel

    before = kernel.selected()
    with pytest.raises(ValueError, match="no kernel 'abacus' on this CPU, only scalar"):
        kernel.select("abacus")
    assert kernel.selected() == before
    assert kernel.available()[0] == "scalar"
    assert len(set(kernel.available())) == len(kernel.available())


@compiled
@pytest.mark.parametrize("module", MODULES)
def test_missing_compiled_module_falls_back_to_the_pure_twin(copy: Path, module: str) -> None:
    """All or nothing: the whole pure twin, and one line that says so."""
    extension(copy, module).unlink()
    said, complaint = report(PYTHONPATH=str(copy))
    assert said == ["py", "_py", "works"]
    assert len(complaint.splitlines()) == 1
    assert complaint.startswith("wsframe: no compiled modules (")
    assert module in complaint


@compiled
@pytest.mark.parametrize("module", MODULES)
def test_missing_required_extension_raises_import_error(copy: Path, module: str) -> None:
    extension(copy, module).unlink()
    done = run(REPORT, status=1, PYTHONPATH=str(copy), WSFRAME_REQUIRE_EXTENSIONS="1")
    assert "ImportError: " in done.stderr or "ModuleNotFoundError: " in done.stderr
    assert module in done.stderr.splitlines()[-1]
    assert done.stdout == ""


def test_package_without_compiled_modules_uses_the_pure_twin(copy: Path) -> None:
    for module in MODULES if twins.KERNELS else ():
        extension(copy, module).unlink()
    said, complaint = report(PYTHONPATH=str(copy))
    assert said == ["py", "_py", "works"]
    assert len(complaint.splitlines()) == (1 if sys.implementation.name == "cpython" else 0)
    assert report(PYTHONPATH=str(copy), WSFRAME_PURE="1") == (["py", "_py", "works"], "")
    done = run(REPORT, status=1, PYTHONPATH=str(copy), WSFRAME_REQUIRE_EXTENSIONS="1")
    assert done.stdout == ""


@compiled
def test_broken_compiled_module_falls_back_to_the_pure_twin(copy: Path) -> None:
    """A file that is no extension module is as good as none."""
    extension(copy, "message_decoder").write_bytes(b"not an extension module")
    said, complaint = report(PYTHONPATH=str(copy))
    assert said == ["py", "_py", "works"]
    assert len(complaint.splitlines()) == 1


def test_public_names_come_from_the_backend_module() -> None:
    from wsframe import _backend

    for name in _backend.__all__:
        if name in wsframe.__all__:
            assert getattr(wsframe, name) is getattr(_backend, name)
    assert {name for names in twins.MODULES.values() for name in names} <= set(_backend.__all__)
