"""The names that a module has most often come first in it.

An instruction names an attribute, a global variable or a method by its place in the module's table
of names, where each gets its place when it is first met.  One of the first 128 takes one byte, else
two (py/bc.h, DECODE_UINT), for each of some thousand instructions that a board keeps in its heap,
and for each time that one runs.
"""

import ast
import builtins
from collections import Counter
from collections.abc import Iterator

from tools.version import source

_FIRST = 128 - 4  # the module's file, its own name, and what `put_first` names besides


def put_first(text: str) -> str:
    """The source with those names at its beginning, as attributes that nobody ever asks for.

    The lines stay.  One that begins with what has a block of its own stays as it is.
    """
    tree = source.strip_annotations(ast.parse(text))
    counts = Counter(_names(tree))
    if len(counts) <= _FIRST or hasattr(tree.body[0], "body"):  # nothing stands before an `if`
        return text
    often = [name for name, _ in counts.most_common(_FIRST)]
    return f"__name__ or _.{'.'.join(often)}; {text}"


def _names(tree: ast.Module) -> Iterator[str]:
    """All that are in the table, as often as they are met; not the variables of a function."""
    nodes = source.walk(tree)
    known = {*vars(builtins), *(name for node in tree.body for name in _bound(node))}
    known.remove("__debug__")  # no attribute has that name
    for node in nodes:
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, (ast.arg, ast.keyword)) and node.arg:  # not `**`
            yield node.arg
        elif isinstance(node, ast.Name) and node.id in known:
            yield node.id
        elif isinstance(node, source.DEFINITION):
            yield node.name


def _bound(node: ast.stmt) -> Iterator[str]:
    """The variables that a statement of a module sets."""
    if isinstance(node, source.DEFINITION):
        yield node.name
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from (each.asname or each.name for each in node.names)
    elif isinstance(node, ast.Assign):
        yield from (each.id for each in node.targets if isinstance(each, ast.Name))
