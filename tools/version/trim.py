"""Microdot without what is never called here, which costs a board some 8 KB of heap.

Its own server goes, whose place httpd32 takes; and the functions, methods and plain variables whose
names appear neither in the application, nor in the firmware, nor in the rest of Microdot.  What
remains is Microdot's, line for line, so that a traceback tells in which function.
"""

import ast
import functools
import re
from collections.abc import Container, Iterable, Iterator
from typing import cast

from tools.version import source

# Each reads requests from a connection of its own, or writes a response to one.
_SERVER = ("start_server", "run", "handle_request", "create", "_safe_readline", "write", "complete")
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_PLAIN = (ast.Constant, ast.Attribute, ast.Dict, ast.List, ast.Tuple)
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


def trim(text: str, package: str, others: Iterable[str]) -> tuple[str, str]:
    """The sources of `microdot.microdot` and of the package, for a board.

    others  the sources of all other modules that it holds
    """
    used = {name for other in others for name in _used(other)}
    used |= {name.lstrip(".") for name in used}  # of the module: microdot.abort
    exports = _exports(ast.parse(package))
    if "*" in used:
        used |= exports
    tree = ast.parse(text)
    defined = dict(_definitions(tree))
    own = {node: set(_names(node)) for node in defined}
    used.update(_names(tree, defined))
    left = {node: name for node, name in defined.items() if not _is_server(node, name, tree.body)}
    while True:
        unused = [
            node
            for node, name in left.items()
            if name not in used.union(*(own[each] for each in left if each is not node))
        ]
        if not unused:
            dropped = defined.keys() - left.keys()
            return _without(text, dropped), _without_exports(package, exports - used)
        for node in unused:
            del left[node]


def _definitions(tree: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    """Functions and plain variables of the module and of its classes, but Python's own.

    The name of an attribute has a dot before it.
    """
    groups = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    for node in (node for body in groups for node in body):
        name = ""
        if isinstance(node, _FUNCTION):
            name = node.name
        elif isinstance(node, ast.Assign) and isinstance(node.value, _PLAIN):
            target = node.targets[0]
            name = target.id if isinstance(target, ast.Name) else ""
        if name and not name.startswith("__"):
            yield node, name if node in tree.body else f".{name}"


def _is_server(node: ast.stmt, name: str, body: list[ast.stmt]) -> bool:
    return isinstance(node, _FUNCTION) and name.lstrip(".") in _SERVER and node not in body


@functools.cache
def _used(text: str) -> frozenset[str]:
    return frozenset(_names(ast.parse(text)))


def _names(tree: ast.AST, dropped: Container[ast.AST] = ()) -> Iterator[str]:
    """Every name that is used, by syntax or in a text, but for docstrings and prose.

    An attribute comes with a dot before it.
    """
    nodes = source.children(tree)
    for node in nodes:
        if node in dropped or _is_docstring(node):
            continue
        nodes += source.children(node)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield f".{node.attr}"
        elif isinstance(node, ast.alias):
            yield node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            for name in _IDENTIFIER.findall(node.value) if " " not in node.value else ():
                yield from (name, f".{name}")


def _exports(package: ast.Module) -> set[str]:
    """What the package imports from its module."""
    return {name.name for node in _imports(package) for name in node.names}


def _imports(package: ast.Module) -> list[ast.ImportFrom]:
    return [node for node in package.body if isinstance(node, ast.ImportFrom)]


def _without_exports(package: str, unused: set[str]) -> str:
    lines = package.splitlines(keepends=True)
    for node in _imports(ast.parse(package)):
        left = [name.name for name in node.names if name.name not in unused]
        blank = _blank(lines, node, node.lineno)
        if left:
            lines[blank] = f"from {node.module} import {', '.join(left)}\n"
    return "".join(lines)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _without(text: str, dropped: Iterable[ast.stmt]) -> str:
    lines = text.splitlines(keepends=True)
    for node in dropped:
        decorators = node.decorator_list if isinstance(node, _FUNCTION) else []
        _blank(lines, node, min([node.lineno, *(each.lineno for each in decorators)]))
    return "".join(lines)


def _blank(lines: list[str], node: ast.stmt, first: int) -> int:
    """Empties the lines of a statement; where the first is."""
    end = cast(int, node.end_lineno)
    lines[first - 1 : end] = ["\n"] * (end - first + 1)
    return first - 1
