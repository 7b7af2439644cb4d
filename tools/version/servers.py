"""Finds where an application starts Microdot's own server, whose place httpd32 takes."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

_CLASS = "Microdot"
_METHODS = ("run", "start_server")


class Start(NamedTuple):
    """A call of such a method, as `app.run`, of the application that is called `app`."""

    call: str
    app: str
    line: int


def find(tree: ast.Module, is_main: bool) -> Start | None:
    """The first that is sure to be reached; not one in a branch, which may be for elsewhere."""
    apps = set(_apps(tree))
    for node in _reached(tree.body, is_main):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = ast.unparse(node.func.value)
            if node.func.attr in _METHODS and name in apps:
                return Start(f"{name}.{node.func.attr}", name, node.lineno)
    return None


def _apps(tree: ast.Module) -> Iterator[str]:
    """What a file calls its applications."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            if ast.unparse(node.value.func).rpartition(".")[2] == _CLASS:
                yield from (ast.unparse(target) for target in node.targets)


def _reached(nodes: list[ast.stmt], is_main: bool) -> Iterator[ast.AST]:
    for node in nodes:
        if isinstance(node, ast.If):
            if is_main and "__name__" in ast.unparse(node.test):
                yield from _reached(node.body, is_main)
        elif isinstance(node, ast.Try):
            yield from _reached(node.body + node.finalbody, is_main)
        elif hasattr(node, "body"):
            yield from _reached(node.body, is_main)
        else:
            yield from ast.walk(node)
