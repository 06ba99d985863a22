"""The code of a library that is replaced or relied on, and whether it was tested in some version.

The fingerprint of a function is a hash of its source without docstrings and annotations, the same on every
CPython. `hosts/NAME/known_code.py` has those of the tested versions; `tests/hosts/fingerprints.py` writes it.
The files of the library are read, not imported, and only where its version is outside the tested range.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterable, Iterator
from hashlib import sha256
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path

from .host import Host, imported_as

__all__ = ["SourceError", "code_of", "known_code", "unknown"]

SIZE = 8  # hexadecimal digits
# Statements that do nothing, or are not in the tree of every CPython.
LEFT_OUT = frozenset({"annotation", "ctx", "kind", "type_comment", "type_params"})
ALL = "*"  # of a class: all its functions

Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = ast.Module | ast.ClassDef


class SourceError(Exception):
    """The source of a library cannot be read."""


def known_code(name: str) -> dict[str, set[str]]:
    """Return the fingerprints of the tested versions of a host; empty where none were taken."""
    try:
        text: str = import_module(f"{__package__}.hosts.{name}.known_code").CODE
    except ImportError:
        return {}
    known: dict[str, set[str]] = {}
    path = ""
    for line in text.splitlines():
        if line.startswith(" "):
            name, *fingerprints = line.split()
            known.setdefault(_site(path, name), set()).update(fingerprints)
        else:
            path = line
    return known


def code_of(host: Host, version: str, folder: str | None = None) -> dict[str, str]:
    """Take the fingerprints of what is replaced in a version, and of what that relies on.

    Args:
        host: the library.
        version: which decides on the parts.
        folder: that holds the package; looked for on the path when left out.

    Returns:
        A fingerprint for each "module:Class.function" or "module:name"; of what is not there, an empty one.

    Raises:
        SourceError: there is no source.
    """
    home = _home(imported_as(host.name), folder)
    wanted: dict[str, set[str]] = {}
    for part in host.parts_of(version):
        for path, names in (*part.seams.items(), *part.bypasses, *part.relies_on):
            if path.partition(".")[0].partition(":")[0] == imported_as(host.name):
                wanted.setdefault(path, set()).update(names)
    return dict(_fingerprints(_Library(home), wanted))


def unknown(found: dict[str, str], known: dict[str, set[str]]) -> Iterator[str]:
    """Name the functions whose fingerprint is not known, or that do not exist."""
    for site, fingerprint in found.items():
        if fingerprint not in known.get(site, set()) and (fingerprint or site in known):
            yield site.replace(":", ".")


def _home(package: str, folder: str | None) -> Path:
    if folder is not None:
        return Path(folder, package)
    places = getattr(sys.modules.get(package), "__path__", None)
    if places is None:
        spec = PathFinder.find_spec(package)  # not by the import hook, which may be importing it now
        places = spec.submodule_search_locations if spec else None
    for place in places or ():
        if os.path.isdir(place):
            return Path(place)
    raise SourceError("there is no source of it")


def _fingerprints(library: _Library, wanted: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    for path, names in sorted(wanted.items()):
        module, _, name = path.partition(":")
        scopes = library.classes(module, name) if name else [library.module(module)]
        if name:
            names = names | {"__init__"}  # it makes what the methods rely on
        if ALL in names:
            own = [
                one.name for scope in scopes[:1] for one in _statements(scope) if isinstance(one, Function)
            ]
            names = (names - {ALL}).union(own)
        for one in sorted(names):
            found = next(filter(None, (_definitions(scope, one) for scope in scopes)), [])
            text = "\n".join(map(_text_of, found))
            fingerprint = sha256(text.encode()).hexdigest()[:SIZE] if text else ""
            yield _site(path, one), fingerprint


def _site(path: str, name: str) -> str:
    return f"{path}{'.' if ':' in path else ':'}{name}"


class _Library:
    """The modules of a package, parsed when they are needed.

    Args:
        home: its folder.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._modules: dict[str, ast.Module] = {}

    def module(self, name: str) -> ast.Module:
        """Parse a module; one that is not there is empty."""
        if name not in self._modules:
            self._modules[name] = self._parsed(name)
        return self._modules[name]

    def classes(self, module: str, name: str) -> list[Scope]:
        """Find a class, and those of the package that it inherits from."""
        found: list[Scope] = []
        for statement in _definitions(self.module(module), name):
            if isinstance(statement, ast.ClassDef):
                found.append(statement)
                for base in statement.bases:
                    if isinstance(base, ast.Name):
                        found += self.classes(module, base.id)
            elif isinstance(statement, ast.ImportFrom):
                other = self._imported(module, statement)
                found += self.classes(other, name) if other else []
        return found

    def _imported(self, module: str, statement: ast.ImportFrom) -> str:
        """Name the module of the package that something is imported from; none for those of others."""
        if not statement.level:
            name = statement.module or ""
            return name if name.partition(".")[0] == self._home.name and name != module else ""
        parts = module.split(".")
        is_package = self._home.joinpath(*parts[1:]).is_dir()
        parts = parts[: len(parts) - statement.level + is_package]
        return ".".join([*parts, statement.module]) if statement.module else ""

    def _parsed(self, module: str) -> ast.Module:
        place = self._home.joinpath(*module.split(".")[1:])
        for file in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
            if file.is_file():
                try:
                    return ast.parse(file.read_bytes())
                except (OSError, SyntaxError, ValueError) as exc:
                    raise SourceError(f"the source of {module} cannot be read") from exc
        if not self._home.joinpath("__init__.py").is_file():
            raise SourceError("there is no source of it")
        return ast.Module([], [])


def _statements(scope: ast.AST) -> Iterator[ast.stmt]:
    """List what is executed in a scope, under whatever condition."""
    for child in ast.iter_child_nodes(scope):
        if isinstance(child, (ast.If, ast.Try, ast.ExceptHandler, ast.With)):
            yield from _statements(child)
        elif isinstance(child, ast.stmt):
            yield child


def _definitions(scope: Scope, name: str) -> list[ast.stmt]:
    return [statement for statement in _statements(scope) if name in _names(statement)]


def _names(statement: ast.stmt) -> Iterable[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return (statement.name,)
    if isinstance(statement, ast.Assign):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
        return (statement.target.id,)
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
    return ()


def _text_of(node: object) -> str:
    """Write a tree as text, the same on every CPython; `ast.unparse` and `ast.dump` do not."""
    if isinstance(node, list):
        return f"[{','.join(map(_text_of, node))}]"
    if isinstance(node, ast.ClassDef):  # as a name of a module: its functions are named by themselves
        return "class"
    if isinstance(node, ast.AnnAssign):
        return _text_of(ast.Assign([node.target], node.value)) if node.value else ""
    if isinstance(node, Function):
        kind = "" if isinstance(node, ast.FunctionDef) else "async "
        parts = [_text_of(part) for part in (node.args, node.decorator_list, _code(node.body))]
        return f"{kind}{node.name}({','.join(parts)})"
    if isinstance(node, ast.AST):
        fields = [(name, getattr(node, name, None)) for name in node._fields if name not in LEFT_OUT]
        parts = [f"{name}={_text_of(value)}" for name, value in fields if value not in (None, [])]
        return f"{type(node).__name__}({','.join(parts)})"
    return repr(node)


def _code(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return statements without their docstring."""
    first = body[0]
    return body[isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) :]
