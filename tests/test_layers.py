"""Who may import whom, and what the twins share; read from the sources, so that the rules cannot rot."""

from __future__ import annotations

import ast
import inspect
import pydoc
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support import twins
from support.processes import run

import wsframe
from wsframe import Opcode, Role, _spec

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "wsframe"
EXTENSIONS = ROOT / "ext" / "wsframe" / "_c"
KERNELS = ROOT / "ext" / "kernels"

TWINS = sorted(file.stem for file in (PACKAGE / "_py").glob("*.py") if file.stem != "__init__")

compiled = pytest.mark.skipif(not twins.KERNELS, reason="no compiled twin here")
sources = pytest.mark.skipif(not KERNELS.exists(), reason="no sources here")

# Each room by its name in the package, and which rooms it may look into; "" is __init__ itself.
# A room that is not here is for users: it may look anywhere but into the twins, nobody here into it.
SHARED = {"_spec", "_errors"}
SANS_IO = {"_escape", "handshake", "deflate", "connection", "_http"}
BELOW = {"", "_backend", *SHARED, *SANS_IO}
ROOMS: dict[str, set[str]] = {
    "_spec": set(),
    "_errors": {"_spec"},
    "_py": {"_py", *SHARED},
    "_c": {"_c"},
    "_backend": {"_py", "_c"},
    "": {"_backend", *SHARED},
    **dict.fromkeys(SANS_IO, BELOW),
    "_sockets": {"_backend"},
    "_options": BELOW,
    "_typing": BELOW,
    "asyncio": {"asyncio", "_options", "_sockets", "_typing", *BELOW},
    "sync": {"sync", "_options", "_typing", *BELOW},
    "uvicorn": {"uvicorn", "asyncio", *BELOW},
    "asgi": {"asyncio", *BELOW},
    "compat": {"compat", "_backend", *SHARED},
    "accelerate": {"accelerate", "compat", "deflate", "uvicorn", "", "_backend", "_sockets", *SHARED},
}
# Sockets, threads, queues and clocks are the business of endpoints.
INPUT_AND_OUTPUT = {
    "asyncio",
    "multiprocessing",
    "queue",
    "sched",
    "select",
    "selectors",
    "signal",
    "socket",
    "socketserver",
    "ssl",
    "subprocess",
    "threading",
    "time",
}
# Distributions that may be imported at the top of a file, for without them it has no purpose.
HOSTS = {"uvicorn": {"uvicorn"}, "demo": {"matplotlib", "rich", "websockets", "uvicorn"}}
# Distributions that may be imported when a function needs them.
LAZY = {
    "_cli": {"matplotlib"},
    "_http": {"httptools", "werkzeug"},
    "asyncio": {"nats", "prometheus_client", "python_socks", "redis"},
    "sync": {"python_socks"},
}


class Import(NamedTuple):
    """One imported module, by its full name."""

    file: Path
    line: int
    name: str
    lazy: bool

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.name}"


def module_of(file: Path) -> list[str]:
    parts = list(file.relative_to(PACKAGE.parent).with_suffix("").parts)
    return parts[:-1] if parts[-1] == "__init__" else parts


def imports_of(file: Path) -> Iterator[Import]:
    """What running the file, or a function in it, imports; not what only a type checker reads."""
    package = module_of(file) if file.name == "__init__.py" else module_of(file)[:-1]

    def visit(node: ast.AST, lazy: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if (
                isinstance(child, ast.If)
                and "TYPE_CHECKING" in ast.unparse(child.test)
                and file.stem != "_backend"
            ):
                yield from (one for other in child.orelse for one in visit(other, lazy))
            elif isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(file, child.lineno, alias.name, lazy)
            elif isinstance(child, ast.ImportFrom):
                above = package[: len(package) - child.level + 1] if child.level else []
                base = ".".join([*above, *(child.module or "").split(".")]).strip(".")
                for alias in child.names:
                    deeper = PACKAGE.parent.joinpath(*base.split("."), alias.name)
                    is_module = deeper.is_dir() or deeper.with_suffix(".py").exists()
                    yield Import(file, child.lineno, f"{base}.{alias.name}" if is_module else base, lazy)
            else:
                inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from visit(child, lazy or inside)

    yield from visit(ast.parse(file.read_text("utf-8")), False)


def room_of(name: str) -> str:
    """The first name below wsframe."""
    return name.partition(".")[2].partition(".")[0]


FILES = sorted(PACKAGE.rglob("*.py"))
IMPORTS = [(room_of(".".join(module_of(file))), one) for file in FILES for one in imports_of(file)]


def test_import_reader_finds_known_imports() -> None:
    """A rule that sees nothing holds always."""
    seen = {(room, one.name) for room, one in IMPORTS}
    assert ("_backend", "wsframe._c.mask") in seen
    assert ("_backend", "wsframe._py.mask") in seen
    assert ("", "wsframe._spec") in seen
    assert ("_py", "wsframe._errors") in seen
    assert ("_py", "wsframe._py.mask") in seen
    assert ("_py", "threading") in seen
    assert not any(name.startswith("typing_extensions") for _, name in seen)


def test_packages_import_only_allowed_layers() -> None:
    wrong = []
    for room, one in IMPORTS:
        if one.name.partition(".")[0] != "wsframe":
            continue
        other = room_of(one.name)
        if room in ROOMS:
            wrong += [str(one)] if other not in ROOMS[room] else []
        elif other in ("_py", "_c") and (room, one.name) != ("_report", "wsframe._c.kernel"):
            wrong.append(str(one))
    assert wrong == []


def test_core_imports_no_third_party_distribution() -> None:
    wrong = []
    for room, one in IMPORTS:
        top = one.name.partition(".")[0]
        if top == "wsframe" or top in sys.stdlib_module_names:
            continue
        if one.lazy and (room == "accelerate" or top in LAZY.get(room, ())):
            continue
        # accelerate/hosts/<host>/: imported once the host is.
        if one.file.parent == PACKAGE / "accelerate" / "hosts" / top and one.file.name != "__init__.py":
            continue
        if top not in HOSTS.get(room, ()):
            wrong.append(str(one))
    assert wrong == []


def test_layers_below_endpoints_do_no_io() -> None:
    # A lock, and one pool of keys a thread; a clock; what runs, imported where a task waits for a message.
    allowed = {("_py", "threading"), ("_py", "time"), ("_py", "asyncio")}
    wrong = [
        str(one)
        for room, one in IMPORTS
        if room in {"_py", "_backend", "", *SHARED, *SANS_IO}
        and one.name.partition(".")[0] in INPUT_AND_OUTPUT
        and (room, one.name) not in allowed
    ]
    assert wrong == []


@pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="PyPy does not list all of its standard library"
)
def test_importing_wsframe_imports_only_the_codec() -> None:
    code = """
import sys
before = set(sys.modules)
import wsframe
new = set(sys.modules) - before
print(*sorted(name for name in new if hasattr(sys.modules[name], "__file__")))
"""
    new = run(code).stdout.split()
    assert "wsframe._backend" in new
    assert {name.partition(".")[0] for name in new} <= {"wsframe", *sys.stdlib_module_names}
    twin = "_c" if "wsframe._c" in new else "_py"
    rooms = {room_of(name) for name in new if name.partition(".")[0] == "wsframe"}
    assert rooms == {"", "_backend", "_errors", "_spec", twin}
    assert not {"asyncio", "socket", "ssl", "logging", "zlib"} & set(new)


# The other half of the house: C and Cython.


def lines_of(folder: Path, *suffixes: str) -> Iterator[tuple[Path, str]]:
    files = [file for file in sorted(folder.iterdir()) if file.suffix in suffixes]
    assert files
    for file in files:
        for line in file.read_text("utf-8").splitlines():
            yield file, line


@sources
def test_kernels_use_no_python_and_allocate_nothing() -> None:
    allowed = re.compile(
        r"<(std(int|def)|string)\.h>"  # libc
        r"|<([a-z]mmintrin|arm_neon|cpuid|intrin)\.h>"  # the compiler
        r"|<(sys/auxv|windows)\.h>"  # the system, asked for its CPU
    )
    own = {file.name for file in KERNELS.iterdir()}
    for file, line in lines_of(KERNELS, ".c", ".h"):
        if included := re.match(r"\s*#\s*include\s+(\S+)", line):
            what = included[1]
            assert allowed.fullmatch(what) or what.strip('"') in own, f"{file.name} includes {what}"
        assert not re.search(r"\b(malloc|calloc|realloc|alloca|free|Py[A-Z_]\w+)\b", line), (
            f"{file.name}: {line}"
        )


@sources
def test_compiled_twin_imports_only_allowed_modules() -> None:
    allowed = re.compile(
        r"wsframe\._c\.\w+|wsframe\._errors|wsframe\._spec|cpython(\.\w+)*|libc\.\w+|cython",
    )
    seen = set()
    for file, line in lines_of(EXTENSIONS, ".pyx", ".pxd"):
        if found := re.match(r"\s*from\s+(\S+)\s+c?import\s+(.*)", line):
            names = [found[1]]
            if found[1] == "wsframe":
                names = [f"wsframe.{name.strip()}" for name in found[2].split(",")]
        elif found := re.match(r"\s*c?import\s+(.*)", line):
            names = [name.split()[0] for name in found[1].split(",")]
        else:
            continue
        for name in names:
            seen.add(name)
            is_standard = name.partition(".")[0] in sys.stdlib_module_names
            assert allowed.fullmatch(name) or is_standard, f"{file.name} imports {name}"
    assert {"wsframe._errors", "wsframe._spec", "wsframe._c.kernel", "cpython.bytes"} <= seen


@sources
def test_only_the_kernel_module_uses_the_kernels() -> None:
    users = {
        file.name
        for file, line in lines_of(EXTENSIONS, ".pyx", ".pxd", ".h")
        if re.search(r"kernels/|wsf_kernels\(", line)
    }
    assert users == {"kernel.pyx", "kernel.pxd"}


def known_number(module: str, name: str) -> int | None:
    """Return the value of a name in the vocabulary, or in the pure twin of a module."""
    if name in Opcode.__members__:
        return Opcode[name]
    number = getattr(_spec, name, None)
    if number is None and module in TWINS:
        number = getattr(import_module(f"wsframe._py.{module}"), name, None)
    return number


NUMBER = re.compile(r"^\s+([A-Z][A-Z_0-9]*) = (0x[0-9A-Fa-f]+|\d+)$")


@sources
def test_constants_of_the_compiled_twin_match_the_spec() -> None:
    said = {}
    for file, line in lines_of(EXTENSIONS, ".pyx", ".pxd"):
        if found := NUMBER.match(line):
            name, number = found[1], int(found[2], 0)
            said[name] = (file.stem, number)
            known = known_number(file.stem, name)
            assert known is None or known == number, f"{file.name}: {name} = {number}, not {known}"
    assert {
        "FIN",
        "RSV",
        "OPCODE",
        "MASKED",
        "LENGTH_16",
        "MAX_LENGTH_16",
        "MAX_HEADER",
        "TEXT",
        "PONG",
    } <= set(said)
    # How much is put on the stack, or into a cache, or read at once, is the twin's own affair.
    own = {name for name, (file, _) in said.items() if known_number(file, name) is None}
    assert own <= {"STACK", "SHORT_CHARS", "MASKED_CHARS", "READ_SIZE", "PATIENCE"}
    header = (EXTENSIONS / "key_pool.h").read_text("utf-8")
    assert f"#define WSF_KEY_POOL {_spec.KEY_POOL}\n" in header


# The twins.


@sources
def test_twins_have_the_same_files() -> None:
    modules = {file.stem for file in EXTENSIONS.glob("*.pyx")}
    assert modules == {*TWINS, "kernel"}  # kernels have no twin, they have each other
    assert {file.stem for file in (PACKAGE / "_c").glob("*.pyi")} == modules
    assert {file.stem for file in EXTENSIONS.glob("*.pxd")} <= {*modules, "__init__"}


def definitions(text: str) -> dict[str, list[str]]:
    """Functions and classes of a source in their order, and the methods of each class."""
    order: dict[str, list[str]] = {"": []}
    inside = ""
    for line in text.splitlines():
        if not line.strip():
            continue
        if not line.startswith((" ", "#", ")", "@")):
            inside = ""
        found = re.match(
            r"(?P<indent> {4})?(?:@.*)?(?:"
            r"(?:cdef |cpdef )?class (?P<cls>\w+)"
            r"|(?:async )?def (?P<py>\w+)"
            r"|c(?:p)?def (?:inline )?[\w .]*?[ *](?P<c>\w+)\(.*)",
            line,
        )
        if not found or (line.endswith(")") and found["c"]):
            continue
        name = found["cls"] or found["py"] or found["c"]
        if found["indent"]:
            if inside:
                order[inside].append(name.lstrip("_"))
        else:
            order[""].append(name.lstrip("_"))
            if found["cls"]:
                inside = name.lstrip("_")
                order[inside] = []
    return order


@sources
@pytest.mark.parametrize("name", TWINS)
def test_twins_have_the_same_order(name: str) -> None:
    """What both have comes in one order, so that they can be read side by side."""
    pure = definitions((PACKAGE / "_py" / f"{name}.py").read_text("utf-8"))
    other = definitions((EXTENSIONS / f"{name}.pyx").read_text("utf-8"))
    if name == "utf8":
        return  # one function there, another here
    assert set(pure[""]) & set(other[""])
    for scope in pure.keys() & other.keys():
        common = set(pure[scope]) & set(other[scope])
        ours = [one for one in dict.fromkeys(pure[scope]) if one in common]
        theirs = [one for one in dict.fromkeys(other[scope]) if one in common]
        assert ours == theirs, scope or name


def test_definition_reader_finds_functions_and_methods() -> None:
    text = (
        "cdef extern from 'x.h':\n    int outside(int)\n"
        "cdef int one(int a) except -1:\n    pass\n\n"
        "cdef inline const uint8_t *two(int a):\n    pass\n\n"
        "cdef class Three:\n    cdef int four(self):\n        pass\n    def five(self):\n        pass\n"
        "def six():\n    pass\n"
    )
    assert definitions(text) == {"": ["one", "two", "Three", "six"], "Three": ["four", "five"]}


def exported(module: Any) -> set[str]:
    """Functions and classes that a module defines for others."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    }


@compiled
@pytest.mark.parametrize("name", TWINS)
def test_twins_export_the_same(name: str) -> None:
    """Whatever the compiled module shows to Python, the pure one has, and its stub says."""
    module, twin = import_module(f"wsframe._c.{name}"), import_module(f"wsframe._py.{name}")
    names = exported(module)
    assert names <= exported(twin)
    stub = ast.parse((PACKAGE / "_c" / f"{name}.pyi").read_text("utf-8"))
    said = {
        alias.asname for node in ast.walk(stub) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    said |= {node.name for node in stub.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    assert names <= said
    assert names >= set(twins.MODULES.get(name, ()))


FUNCTIONS = [(module, name) for module, names in twins.MODULES.items() for name in names]


@compiled
@pytest.mark.parametrize(("module", "name"), FUNCTIONS, ids=[name for _, name in FUNCTIONS])
def test_twins_have_the_same_signatures_and_docstrings(module: str, name: str) -> None:
    """A compiled docstring that begins with its signature, for editors, goes on as the pure one's."""
    ours = getattr(import_module(f"wsframe._py.{module}"), name)
    theirs = getattr(import_module(f"wsframe._c.{module}"), name)
    plain = bare_signature(ours)
    doc = inspect.getdoc(theirs)
    if not inspect.isclass(theirs):
        head, _, doc = doc.partition("\n\n")
        assert head == f"{name}{plain}"
    assert inspect.cleandoc(doc) == inspect.getdoc(ours)
    assert bare_signature(theirs) == plain


def bare_signature(function: Any) -> inspect.Signature:
    """Names, kinds and defaults, as a reader writes them."""
    signature = inspect.signature(function)
    plain = [parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()]
    return signature.replace(parameters=plain, return_annotation=signature.empty)


@compiled
@pytest.mark.parametrize(
    ("module", "name"), [("frame_decoder", "FrameDecoder"), ("message_decoder", "MessageDecoder")]
)
def test_twins_have_the_same_attributes(module: str, name: str) -> None:
    ours = getattr(import_module(f"wsframe._py.{module}"), name)
    theirs = getattr(import_module(f"wsframe._c.{module}"), name)
    public = {
        kind: {one for one in dir(kind(Role.CLIENT)) if not one.startswith("_")} for kind in (ours, theirs)
    }
    assert public[ours] == public[theirs]
    documented = set(
        re.findall(r"^    (\w+):", inspect.getdoc(ours).partition("Attributes:")[2], re.MULTILINE)
    )
    assert public[ours] - {"feed"} <= documented
    assert bare_signature(theirs(Role.CLIENT).feed) == bare_signature(ours(Role.CLIENT).feed)
    assert inspect.getdoc(theirs.feed) == inspect.getdoc(ours.feed)


PUBLIC_MODULES = [
    "wsframe",
    *(f"wsframe.{name}" for name in ("accelerate", "asgi", "asyncio", "connection", "deflate", "handshake")),
    *("wsframe.sync", "wsframe.uvicorn"),
]


def public_callables() -> Iterator[tuple[str, Any]]:
    """The functions, classes and methods that the reference has, for either twin."""
    callbacks = {"buffer_updated", "get_buffer"}  # of asyncio.BufferedProtocol
    for module in map(import_module, PUBLIC_MODULES):
        for name in module.__all__:
            value = getattr(module, name)
            # CPython has no signature for what it implements itself, before 3.13.
            if not callable(value) or (inspect.isclass(value) and issubclass(value, Exception | int)):
                continue
            yield f"{module.__name__}.{name}", value
            if inspect.isclass(value):
                for method in {one for one in dir(value) if one[0] != "_"} - callbacks:
                    if inspect.isroutine(getattr(value, method)):
                        yield f"{module.__name__}.{name}.{method}", getattr(value, method)


def test_every_public_function_has_a_signature() -> None:
    """Editors and inspect.signature show the arguments of compiled functions, too."""
    found = dict(public_callables())
    assert {"wsframe.MessageDecoder.feed", "wsframe.asyncio.Connection.send_nowait"} <= set(found)
    for name, value in found.items():
        assert inspect.signature(value), name


def test_public_names_are_documented() -> None:
    for name in wsframe.__all__:
        value = getattr(wsframe, name)
        if name != "backend":
            assert value.__doc__, name


@pytest.mark.skipif(sys.flags.optimize >= 2, reason="no docstrings")
def test_help_shows_the_docstrings_of_every_public_name() -> None:
    shown = re.sub(r"[ |]+", " ", pydoc.plain(pydoc.render_doc(wsframe)))
    for name in wsframe.__all__:
        if name != "backend":
            summary = (inspect.getdoc(getattr(wsframe, name)) or "").splitlines()
            assert summary, name
            assert all(" ".join(line.split()) in shown for line in summary if "|" not in line), name


def test_editors_read_the_annotated_twin() -> None:
    """Type checkers take the branch that is not compiled: its functions have annotations and docstrings."""
    tree = ast.parse((PACKAGE / "_backend.py").read_text("utf-8"))
    (switch,) = (node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(switch.test) == "not TYPE_CHECKING and _load() == '_c'"
    assert all(isinstance(one, ast.ImportFrom) and one.module[:3] == "_py" for one in switch.orelse)
