"""Names of the firmware's variables become names that every image of MicroPython has already.

A name that the image lacks costs some 24 bytes of a board's heap, for ever, and the table of
names doubles, by 4.5 KB, at 620 of them.  Attributes that we set, arguments, variables of modules
and private functions are nobody else's business, so they take names that are there anyway.  Public
functions and classes keep theirs.  The lines stay, by which `tracebacks.py` names the functions as
the sources do.
"""

import ast
import functools
import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TypeGuard

from tools.version import source

# In the stock images from 1.25 on; one that an image lacks costs what any other name costs.
IMAGE_NAMES = tuple(Path(__file__).with_name("image_names.txt").read_text().split())
_DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
# What others set: an option of its client's socket, what Python leaves of the pool, the clock, and
# the buffer of a played socket.
_KEPT = {"_sock", "pool_len", "is_clock_set", "_try_send"}
_PUBLIC = ("run", "create_app")  # functions that an application calls with keywords
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
# A text or a comment as a whole, or a name: `tokenize` takes twenty times as long.
_PIECE = re.compile(
    r"""[A-Za-z]{0,2}("{3}|'{3}|"|')(?:\\.|(?!\1)[^\\])*\1|#[^\n]*|\b[A-Za-z_]\w*""", re.DOTALL
)


def find(texts: Collection[str], foreign: Iterable[str]) -> dict[str, str]:
    """Name to name of the image, for modules with these sources.

    foreign  sources of modules whose names stay: those that ours may extend, or that know ours
    The same names get the same ones, as far as can be: a deploy sends what has changed.
    """
    known = _KEPT.union(*(_IDENTIFIER.findall(text) for text in foreign))
    ours, fixed, words = _read(tuple(texts))
    wanted = ours - fixed - known
    used = words | fixed | known
    free = {name for name in IMAGE_NAMES if name not in used}
    names: dict[str, str] = {}
    for name in sorted(wanted - set(IMAGE_NAMES), key=_importance)[: len(free)]:
        at = int(hashlib.sha256(name.encode()).hexdigest(), 16) % len(IMAGE_NAMES)
        while IMAGE_NAMES[at] not in free:  # those that are not free have a place, too
            at = (at + 1) % len(IMAGE_NAMES)
        names[name] = IMAGE_NAMES[at]
        free.remove(IMAGE_NAMES[at])
    return names


@functools.lru_cache(1)  # who builds several applications has the same texts each time
def _read(texts: tuple[str, ...]) -> tuple[set[str], set[str], set[str]]:
    """Of these sources: names of ours, among them some that are to stay; those; and all words."""
    nodes = [node for text in texts for node in source.walk(ast.parse(text))]
    fixed = {name for node in nodes for name in _fixed(node)}
    attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
    ours = {node.attr for node in attributes if isinstance(node.ctx, ast.Store)}
    ours |= {node.name for node in nodes if _is_private(node)}
    fixed |= {node.attr for node in attributes} - ours
    words = {name for text in texts for name in _IDENTIFIER.findall(text)}
    return {name for name in _variables(nodes) if len(name) > 2}, fixed, words


def replace(text: str, names: Mapping[str, str]) -> str:
    """The source with other names, line for line; what is in texts and comments stays."""
    return _PIECE.sub(lambda match: names.get(match[0], match[0]), text)


def _variables(nodes: Iterable[ast.AST]) -> Iterable[str]:
    """Names of attributes that are set, arguments, private functions, variables of modules and
    classes.
    """
    for node in nodes:
        if _is_private(node):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, (ast.Module, ast.ClassDef)):
            for each in node.body:
                if isinstance(each, ast.Assign) and not is_folded(each):
                    yield from (name.id for name in each.targets if isinstance(name, ast.Name))


def _fixed(node: ast.AST) -> Iterable[str]:
    """Names that others know: of public functions, keywords, what is imported, in texts."""
    if isinstance(node, _DEFINITION) and not _is_private(node):
        yield node.name
        if isinstance(node, ast.FunctionDef) and node.name in _PUBLIC:
            yield from (each.arg for each in node.args.args)
    elif isinstance(node, ast.keyword):
        yield node.arg or ""
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if not node.func.attr.startswith("_"):  # it may be a method of MicroPython's: gc.threshold
            yield node.func.attr
    elif isinstance(node, ast.ImportFrom):
        yield from (node.module or "").split(".")
    elif isinstance(node, ast.alias) and not node.name.isupper():
        yield from node.name.split(".")
    elif isinstance(node, ast.Constant):
        yield from _texts(node.value)


def _is_private(node: ast.AST) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Whether it defines a function or method that only its module calls."""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    return node.name.startswith("_") and not node.name.endswith("__")


def _texts(value: object) -> Iterable[str]:
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if isinstance(text, str) and " " not in text:  # else it is prose
        yield from _IDENTIFIER.findall(text)


def is_folded(node: ast.Assign) -> bool:
    """Whether mpy-cross puts the value in the place of the name: `_NAME = const(1)`."""
    is_private = all(isinstance(name, ast.Name) and name.id[0] == "_" for name in node.targets)
    return is_private and getattr(getattr(node.value, "func", None), "id", "") == "const"


def _importance(name: str) -> tuple[int, str]:
    """Names with an underscore come first: an image seldom has them, but many short words."""
    return (-("_" in name), name)
