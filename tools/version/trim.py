"""Microdot without what nothing here calls, which costs a board some 7 KB of heap.

Its own server goes, whose place httpd32 takes; and the functions and methods whose names stand
nowhere in the application, in the firmware and in what is left of Microdot.  What remains is
Microdot's, line for line, so that tracebacks tell where.
"""

import ast
import re
from collections.abc import Iterable, Iterator

# Each reads requests from a connection of its own, or writes a response to one.
_SERVER = ("start_server", "run", "handle_request", "create", "_safe_readline", "write", "complete")
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


def trim(text: str, others: Iterable[str]) -> str:
    """The source of `microdot.microdot`, for a board that holds the modules `others` besides."""
    used = {name for other in others for name in _names(ast.parse(other))}
    tree = ast.parse(text)
    dropped: set[ast.AST] = {
        node for node in _functions(tree) if node.name in _SERVER and node not in tree.body
    }
    while True:
        kept = used | set(_names(tree, dropped))
        unused = {node for node in _functions(tree) if node.name not in kept} - dropped
        if not unused:
            return _without(text, dropped)
        dropped |= unused


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Those of the module, and the methods of its classes, but for Python's own (`__init__`)."""
    groups = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    for body in groups:
        for node in body:
            if isinstance(node, _FUNCTION) and not node.name.startswith("__"):
                yield node


def _names(tree: ast.AST, dropped: Iterable[ast.AST] = ()) -> Iterator[str]:
    """Every name that is used, by syntax or in a text, but for docstrings."""
    for node in ast.iter_child_nodes(tree):
        if node in dropped or _is_docstring(node):
            continue
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _IDENTIFIER.findall(node.value)
        yield from _names(node, dropped)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _without(text: str, dropped: Iterable[ast.AST]) -> str:
    lines = text.splitlines(keepends=True)
    for node in dropped:
        assert isinstance(node, _FUNCTION) and node.end_lineno
        first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
        lines[first - 1 : node.end_lineno] = ["\n"] * (node.end_lineno - first + 1)
    return "".join(lines)
