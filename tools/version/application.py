"""What of an application goes onto a board besides main.py.

The modules and packages beside main.py that it imports, what they import in turn, and the folder
app/ with all that is in it: pages, templates, modules.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from tools.terminal import Refused

FOLDER = "app"
# Beside main.py, but not the application's: they are here for this computer, or come anyway.
_OTHERS = {"boot", "main", "firmware", "host_tests", "tools"}


def find(main: Path) -> list[Path]:
    """Its files without main.py; Refused with one line if one is not Python."""
    files = set(_contents(main.parent / FOLDER))
    asked: set[str] = set()
    sources = [main, *(file for file in files if file.suffix == ".py")]
    while sources:
        names = _imported_names(sources.pop()) - asked - _OTHERS
        asked |= names
        found = {file for name in names for file in _module(main.parent, name)} - files
        files |= found
        sources += found
    return sorted(files)


def _imported_names(source: Path) -> set[str]:
    """The first parts of what a file imports: `a` for `from a.b import c`."""
    try:
        tree = ast.parse(source.read_bytes())
    except SyntaxError as error:
        raise Refused(f"{source}, line {error.lineno}: {error.msg}")
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def _module(folder: Path, name: str) -> Iterator[Path]:
    """The files of the module or package `name`; none if it is MicroPython's."""
    if (folder / f"{name}.py").is_file():
        yield folder / f"{name}.py"
    else:
        yield from (file for file in _contents(folder / name) if file.suffix == ".py")


def _contents(folder: Path) -> Iterator[Path]:
    """Every file below a folder but hidden ones and what Python leaves."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part[0] == "." or part == "__pycache__" for part in parts):
            yield path
