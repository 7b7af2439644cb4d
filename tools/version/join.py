"""The modules of the firmware that every board loads become one there, `firmware.core`.

Each module costs a board some 200 bytes of heap, before it does anything: the tables of its names
and of what it refers to, its variables, and the names of others that it imports.  The lines stay in
their order, and none is lost, so `find_place` tells where a line of the one module comes from.

What is joined is imported as `from firmware.module import name`, by the rest of the firmware.

The built-in functions that they use become names of the one module.  MicroPython asks a module
first, and remembers where in its table a name was, but not that it was not there: in one that is
nearly full it looks at dozens of others, each time (py/map.c, `mp_map_lookup`).
"""

import ast
import builtins
import functools
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from tools.checkout import ROOT
from tools.version import imports, names, source

NAME = "core"
PATH = f"firmware/{NAME}.py"
# In an order in which each finds what it imports.
MEMBERS = (
    *("http1", "encode", "heads", "slots", "tasks", "link"),
    *("listener", "wire", "linger", "request", "pieces", "response", "refusal"),
    *("kinds", "lasting", "intake", "exchange", "long_head", "farewell", "connection"),
    *("admission", "server"),
    *("job", "workers", "radio", "memory", "vigil", "health", "supervisor", "app"),
)
_REPLACED = {"open", "print"}  # what an application may put others in the place of
_IMPORT = re.compile(r"\bfrom firmware\.(\w+) import\b")
_WORD = re.compile(rb"\w+")


def choose(sources: Mapping[str, Path]) -> list[str]:
    """The members that become one, of a version: path on the board to source file.

    One that the application imports stays a module of its own, as does what that imports.
    """
    wanted = {name for path, file in sources.items() for name in _named(path, file)}
    for member in reversed(MEMBERS):
        if member in wanted:
            wanted.update(_modules(source.parse(sources[_path(member)])))
    return [each for each in MEMBERS if each not in wanted]


def join(texts: Mapping[str, str], joined: Collection[str]) -> dict[str, str]:
    """The sources, by path on the board, with the members `joined` in one of them."""
    trees = {member: ast.parse(texts[_path(member)]) for member in joined}
    defined = Counter(name for tree in trees.values() for name in _private_names(tree))
    known: set[str] = set()
    parts = []
    for member in MEMBERS:
        text = texts[_path(member)]
        if member in trees:
            own = [name for name in _private_names(trees[member]) if defined[name] > 1]
            text = names.replace(text, {name: f"{name}_{member}" for name in own})
            parts.append(_without_imports(text, joined, known))
        else:
            parts.append("\n" * text.count("\n"))
    whole = {path: text for path, text in texts.items() if path not in map(_path, joined)}
    core = _import_builtins(trees.values()) + "".join(parts)
    return {
        path: _IMPORT.sub(lambda match: _redirect(match, joined), text)
        for path, text in (whole | {PATH: core}).items()
    }


def show() -> bytes:
    """The sources here, one below the other: for a person who looks up a line of the one module."""
    return b"".join(source.read(ROOT / _path(member)) for member in MEMBERS)


def find_place(line: int) -> tuple[str, int]:
    """The module and the line of the sources here that a line of the one module comes from."""
    for member, length in _lengths():
        if line <= length:
            return member, line
        line -= length
    return NAME, line


@functools.cache
def _lengths() -> list[tuple[str, int]]:
    return [(member, source.read(ROOT / _path(member)).count(b"\n")) for member in MEMBERS]


def _path(member: str) -> str:
    return f"firmware/{member}.py"


def _named(path: str, file: Path) -> Iterator[str]:
    """The names in a file of an application that may be members; all words of a compiled one."""
    if path.startswith("firmware/"):
        return
    if file.suffix == ".mpy":
        yield from (word.decode() for word in _WORD.findall(file.read_bytes()))
    elif file.suffix == ".py" and b"firmware" in file.read_bytes():
        tree = source.parse(file)
        yield from _modules(tree)
        yield from _attributes(tree)


def _modules(tree: ast.Module) -> Iterator[str]:
    """The modules of the firmware that a file imports, or names in a text."""
    names = [each.name for each in imports.find_imports(tree)]
    texts = [node.value for node in source.walk(tree) if isinstance(node, ast.Constant)]
    for name in names + [text for text in texts if isinstance(text, str)]:
        if name.startswith("firmware."):
            yield name.split(".")[1]


def _attributes(tree: ast.Module) -> Iterator[str]:
    """What a file has of the package: `firmware.job`, which is loaded when it is asked for."""
    nodes = source.walk(tree)
    aliases = [each for node in nodes if isinstance(node, ast.Import) for each in node.names]
    known = {"firmware", *(each.asname or "" for each in aliases if each.name == "firmware")}
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in known:
                yield node.attr


def _private_names(tree: ast.Module) -> set[str]:
    """Functions, classes and variables of a module that no other one knows."""
    found = {node.name for node in tree.body if isinstance(node, source.DEFINITION)}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            found.update(each.id for each in node.targets if isinstance(each, ast.Name))
    return {name for name in found if name.startswith("_")}


def _import_builtins(trees: Iterable[ast.Module]) -> str:
    """The beginning of a line that makes those that are called, or named, names of the module."""
    nodes = [node for tree in trees for node in source.walk(source.strip_annotations(tree))]
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    names = [name for name in sorted(used & vars(builtins).keys()) if name[0].islower()]
    names = [name for name in names if name not in _REPLACED]
    return f"from builtins import {', '.join(names)}; " if names else ""


def _without_imports(text: str, joined: Collection[str], known: set[str]) -> str:
    """A member without what it imports of others, or what one before it has imported."""
    lines = text.splitlines(keepends=True)
    for node in ast.parse(text).body:
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        is_here = module.rpartition(".")[2] in joined and module.startswith("firmware.")
        names = {f"{module}.{ast.unparse(each)}": each for each in node.names if not is_here}
        left = [each for name, each in names.items() if name not in known]
        known.update(names)
        node.names = left
        source.replace(lines, node, ast.unparse(node) if left else "")
    return "".join(lines)


def _redirect(match: re.Match[str], joined: Collection[str]) -> str:
    return f"from firmware.{NAME} import" if match[1] in joined else match[0]
