"""How Sphinx builds the site: `make docs`."""

import enum
import importlib
import os
import re
import sys
from pathlib import Path

# The pure twin: autodoc reads its signatures and annotations, the compiled one shows neither.
os.environ["WSFRAME_PURE"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import wsframe

project = "wsframe"
author = "the wsframe developers"
project_copyright = author
release = version = wsframe.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
default_role = "py:obj"
pygments_style = "friendly"
pygments_dark_style = "monokai"

html_theme = "furo"
html_title = f"wsframe {release}"
html_copy_source = False
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["site.css"]

myst_heading_anchors = 3
myst_enable_extensions = ["fieldlist"]

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_default_options = {"members": True}
autodoc_class_signature = "mixed"
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

linkcheck_ignore = [r"http://127\.0\.0\.1.*", r"http://localhost.*"]

# What asyncio calls on a protocol is no interface of the application.
CALLED_BY_ASYNCIO = {
    "buffer_updated",
    "connection_lost",
    "connection_made",
    "data_received",
    "eof_received",
    "get_buffer",
    "pause_writing",
    "resume_writing",
}

# A name that several modules have is documented by the first of them.
PAGES = {
    f"reference/{name.rpartition('.')[2]}": importlib.import_module(name)
    for name in (
        *("wsframe", "wsframe.asyncio", "wsframe.sync", "wsframe.connection", "wsframe.handshake"),
        *("wsframe.deflate", "wsframe.accelerate", "wsframe.asgi"),
    )
}
OWNERS = {}
for module in PAGES.values():
    for name in getattr(module, "__all__", ()):
        OWNERS.setdefault(id(getattr(module, name)), module)


def owner(module, name):
    """Find the module that documents a name of another one; None when that is the same."""
    thing = getattr(module, name)
    found = OWNERS.get(id(thing), module) if callable(thing) else module
    return None if found is module else found


def skip(app, what, name, obj, skipped, options):
    """Leave out what an application never calls, and what another page has."""
    if what == "class" and isinstance(obj, enum.Enum):
        return False  # each member, with its value
    if type(obj).__name__ == "_tuplegetter" and obj.__doc__.startswith("Alias for field number"):
        return True  # a field of a named tuple: the docstring of the class has it
    module = PAGES.get(app.env.docname)
    elsewhere = what == "module" and module and name in vars(module) and owner(module, name)
    return True if elsewhere or name in CALLED_BY_ASYNCIO else None


def public_bases(bases):
    """Return the bases that have a place in the reference, those of private ones in their place."""
    found = []
    for base in bases:
        if id(base) in OWNERS:
            found.append(f":py:class:`{OWNERS[id(base)].__name__}.{base.__name__}`")
        elif "._" in f"{base.__module__}.{base.__qualname__}":
            found += public_bases(base.__bases__)
        else:
            found.append(base)
    return list(dict.fromkeys(found))


def with_public_bases(app, name, obj, options, bases):
    """Show bases under the names by which they are imported."""
    found = public_bases(bases)
    bases[:] = [base for base in found if base is not object] or [object]


def tell_where(app, what, name, obj, options, lines):
    """Add to the page of a module which of its names are documented elsewhere."""
    if what != "module":
        return
    found = [(owner(obj, name), name) for name in getattr(obj, "__all__", ())]
    links = [f":py:obj:`~{module.__name__}.{name}` ({module.__name__})" for module, name in found if module]
    if links:
        lines += ["", f"Also here: {', '.join(links)}."]


def in_sphinx_s_words(app, what, name, obj, options, lines):
    """Change what reads well in `help` and not on a page; runs before napoleon."""
    changed = []
    for number, line in enumerate(lines):
        following = next(filter(None, lines[number + 1 :]), "")
        pair = re.fullmatch(r"( +)(\w+), (\w+): (.*)", line)
        if what == "module" and re.search(r"[^:]:$", line) and following.startswith("    "):  # a table
            changed += [line, ""]
            line = ".. code-block:: none"
        if pair and what == "class":
            changed.append(f"{pair[1]}{pair[2]}: {pair[4]}")
            line = f"{pair[1]}{pair[3]}: {pair[4]}"
        changed.append(line)
    lines[:] = changed


def setup(app):
    app.connect("autodoc-process-docstring", in_sphinx_s_words, priority=400)
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-bases", with_public_bases)
    app.connect("autodoc-process-docstring", tell_where)
