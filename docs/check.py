"""See that the reference of the built site has every public name: `python docs/check.py build/docs/html`.

Members of enums are among them.
"""

import enum
import importlib
import inspect
import sys
import zlib
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "src" / "wsframe"
COMMANDS = {"wsframe.cli", "wsframe.demo"}  # run, not imported: they have a page of their own
WITH_MODULES = ("asyncio", "compat", "sync")  # packages whose modules are imported by name, too


def modules() -> list[str]:
    """Name the public modules."""
    found = {"wsframe"}
    for path in PACKAGE.iterdir():
        if path.suffix == ".py" or (path / "__init__.py").exists():
            found |= {f"wsframe.{path.stem}"} if path.stem[0] != "_" else set()
    for package in WITH_MODULES:
        found |= {f"wsframe.{package}.{path.stem}" for path in (PACKAGE / package).glob("[!_]*.py")}
    return sorted(found - COMMANDS)


def names_of(module: object) -> list[str]:
    """Name what a module has for its users: its classes and functions, and all of a `typing` module."""
    is_typing = module.__name__.endswith(".typing")
    exported = getattr(module, "__all__", None)
    return [
        name
        for name, value in vars(module).items()
        if (name[0] != "_" if exported is None else name in exported)
        and (is_typing or inspect.isclass(value) or inspect.isroutine(value))
        and (exported is not None or getattr(value, "__module__", "") == module.__name__)
    ]


def documented(inventory: Path) -> set[str]:
    """Read the names in an objects.inv."""
    body = inventory.read_bytes().split(b"\n", 4)[4]
    return {line.split(" ", 1)[0] for line in zlib.decompress(body).decode().splitlines()}


def main(site: str) -> int:
    """Print what is missing."""
    there = documented(Path(site, "objects.inv"))
    aliases: dict[int, list[str]] = {}  # what several modules have is documented once
    for module in modules():
        value = importlib.import_module(module)
        if module.count(".") == 1 or module.startswith("wsframe.compat."):  # the others share a page
            aliases[id(value)] = [module]
        for name in names_of(value):
            thing = getattr(value, name)
            aliases.setdefault(id(thing), []).append(f"{module}.{name}")
            for member in thing if isinstance(thing, enum.EnumMeta) else ():
                aliases.setdefault(id(member), []).append(f"{module}.{name}.{member.name}")
    missing = [names[0] for names in aliases.values() if there.isdisjoint(names)]
    for name in missing:
        print(f"not in the reference: {name}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
