"""The modules that a Python file imports, from its syntax."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

_FAILURES = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


class Import(NamedTuple):
    """One module that a file imports, as `a.b`; `from a import b` imports a and perhaps a.b.

    is_optional  whether the file goes on without it: inside `try`, or `if`
    """

    name: str
    line: int
    is_optional: bool


def find_imports(tree: ast.Module) -> list[Import]:
    return list(_imports(tree.body, False))


def _imports(nodes: list[ast.stmt], is_optional: bool) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, is_optional)
        elif isinstance(node, ast.ImportFrom):
            if node.module and not node.level:  # else it is in the package, which goes as a whole
                yield Import(node.module, node.lineno, is_optional)
                for alias in node.names:
                    yield Import(f"{node.module}.{alias.name}", node.lineno, True)
        elif isinstance(node, ast.Try):
            yield from _imports(node.body, is_optional or any(map(_catches, node.handlers)))
            for handler in node.handlers:
                yield from _imports(handler.body, True)
            yield from _imports(node.orelse + node.finalbody, is_optional)
        else:
            yield from _dynamic(node)
            inside = is_optional or isinstance(node, ast.If)
            for field in ("body", "orelse"):
                yield from _imports(getattr(node, field, []), inside)


def _dynamic(node: ast.stmt) -> Iterator[Import]:
    """`__import__("name")`."""
    if hasattr(node, "body"):
        return
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.args:
            name = call.args[0]
            if call.func.id == "__import__" and isinstance(name, ast.Constant):
                yield Import(str(name.value), call.lineno, True)


def _catches(handler: ast.ExceptHandler) -> bool:
    """Whether it catches a failed import."""
    if handler.type is None:
        return True
    names = [each.id for each in ast.walk(handler.type) if isinstance(each, ast.Name)]
    return bool(_FAILURES.intersection(names))
