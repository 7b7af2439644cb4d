"""Numbers of the firmware in the places of their names.

mpy-cross does that for a name that begins with "_", in its own module.  One that other modules
import is a variable on a board, in each of them, and is looked up at each use.
"""

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from tools.version import names, source

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


def fold(sources: Mapping[str, str], foreign: Iterable[str]) -> dict[str, str]:
    """The sources, by path, without the public constants that are numbers; line for line.

    foreign  sources of other modules: what they name stays
    """
    trees = {path: ast.parse(text) for path, text in sources.items()}
    inside = {path: source.walk(tree) for path, tree in trees.items()}
    nodes = [node for each in inside.values() for node in each]
    stored = Counter(_stored(nodes))
    kept = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    kept.update(name for text in foreign for name in _IDENTIFIER.findall(text))
    numbers = {
        name: value
        for tree in trees.values()
        for name, value in _constants(tree)
        if name not in kept and stored[name] == 1
    }
    return {path: _fold(sources[path], tree, inside[path], numbers) for path, tree in trees.items()}


def _stored(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The names of variables and arguments, as often as they are set."""
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.arg, ast.keyword)):
            yield node.arg or ""


def _constants(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The public ones whose value is there: `NAME = const(1)`."""
    for name, call in _calls(tree):
        value = call.args[0].value if isinstance(call.args[0], ast.Constant) else None
        if name[0] != "_" and isinstance(value, int):
            yield name, value


def _calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Name and call of each `NAME = const(…)` of the module."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            target, function = node.targets[0], node.value.func
            if isinstance(target, ast.Name) and isinstance(function, ast.Name):
                if function.id == "const":
                    yield target.id, node.value


def _fold(
    text: str, tree: ast.Module, nodes: Collection[ast.AST], numbers: Mapping[str, int]
) -> str:
    written = names.replace(text, {name: str(number) for name, number in numbers.items()})
    lines = written.splitlines(keepends=True)
    gone = {*numbers, "const"} if _is_all_folded(tree, nodes, numbers) else numbers.keys()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and gone & {each.name for each in node.names}:
            node.names = [each for each in node.names if each.name not in gone]
            source.replace(lines, node, ast.unparse(node) if node.names else "pass")
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if node.targets[0].id in numbers:
                source.replace(lines, node, "pass")
    return "".join(lines)


def _is_all_folded(tree: ast.Module, nodes: Iterable[ast.AST], numbers: Mapping[str, int]) -> bool:
    """Whether nothing calls `const` when the module runs: mpy-cross knows it without an import."""
    calls = [node for node in nodes if isinstance(node, ast.Name) and node.id == "const"]
    folded = [target for target, _ in _calls(tree) if target[0] == "_" or target in numbers]
    return len(calls) == len(folded)
