"""Names of the firmware's own become names that every image of MicroPython has already.

A name that the image lacks costs some 24 bytes of a board's heap, for ever, and the table of
names doubles, by 4.5 KB, at 620 of them.  Attributes that we set, arguments, variables of modules
and functions that the application does not name are nobody else's business, so they take names that
are there anyway, as do classes.  Exceptions keep theirs, which stand in tracebacks, and methods of
a name that MicroPython has: somebody else's may be meant.  The lines stay, by which `tracebacks.py`
names the functions as the sources do.

A launcher starts older versions, too (`make rollback`): of those it can ask only what the launchers
of their time have named.
"""

import ast
import functools
import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeGuard

from tools.version import source

# In the stock images from 1.25 on; one that an image lacks costs what any other name costs.
IMAGE_NAMES = tuple(Path(__file__).with_name("image_names.txt").read_text().split())
_KEPT = {
    *("_sock", "pool_len", "is_clock_set"),  # what others set
    *("Listener", "Wire", "_try_send"),  # where `tools/simulator` puts what a board has instead
    *("ServedRequest", "Sock"),  # in messages to who uses them
}
_PUBLIC = ("run", "create_app", "Log")  # what an application calls with keywords
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
# A text or a comment as a whole, or a name: `tokenize` takes twenty times as long.
_PIECE = re.compile(
    r"""[A-Za-z]{0,2}("{3}|'{3}|"|')(?:\\.|(?!\1)[^\\])*\1|#[^\n]*|\b[A-Za-z_]\w*""", re.DOTALL
)


class _Names(NamedTuple):
    """Of our sources."""

    wanted: set[str]  # to be replaced, if nobody else knows them
    fixed: set[str]  # not to be replaced
    public: set[str]  # functions and classes that others may call
    words: set[str]  # all of them


def find(
    texts: Collection[str], foreign: Iterable[str], keeps_public: bool = False
) -> dict[str, str]:
    """Name to name of the image, for modules with these sources.

    foreign       sources of modules whose names stay: those that ours may extend, or that know ours
    keeps_public  whether functions and classes keep theirs, if they are public: of who uses them,
                  the source can't be read
    The same names get the same ones, as far as can be: a deploy sends what has changed.
    """
    known = _KEPT.union(*map(_read_foreign, foreign))
    ours = _read(tuple(texts))
    fixed = ours.fixed | ours.public if keeps_public else ours.fixed
    wanted = ours.wanted - fixed - known
    used = ours.words | fixed | known
    free = {name for name in IMAGE_NAMES if name not in used}
    names: dict[str, str] = {}
    for name in sorted(wanted - set(IMAGE_NAMES), key=_importance)[: len(free)]:
        at = int(hashlib.sha256(name.encode()).hexdigest(), 16) % len(IMAGE_NAMES)
        while IMAGE_NAMES[at] not in free:  # those that are not free have a place, too
            at = (at + 1) % len(IMAGE_NAMES)
        names[name] = IMAGE_NAMES[at]
        free.remove(IMAGE_NAMES[at])
    return names


@functools.lru_cache(32)
def _read_foreign(text: str) -> set[str]:
    """The words of a source, without those of its comments and docstrings."""
    lines = text.split("\n")  # as Python counts them
    try:
        nodes = source.walk(ast.parse(text))
    except SyntaxError:
        nodes = []
    for node in nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            before, after = source.beside(lines, node)
            if not before.strip() and not after.strip():
                source.replace(lines, node, "")
    code = _PIECE.sub(lambda match: match[0] if match[0][0] != "#" else "", "\n".join(lines))
    return set(_IDENTIFIER.findall(code))


@functools.lru_cache(1)  # who builds several applications has the same texts each time
def _read(texts: tuple[str, ...]) -> _Names:
    nodes = [
        node for text in texts for node in source.walk(source.strip_annotations(ast.parse(text)))
    ]
    defined = {node.name for node in nodes if _is_definition(node)}
    fixed = {name for node in nodes for name in _fixed(node, defined)} | _in_packages(nodes)
    attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
    ours = {node.attr for node in attributes if isinstance(node.ctx, ast.Store)} | defined
    fixed |= {node.attr for node in attributes} - ours
    words = {name for text in texts for name in _IDENTIFIER.findall(text)}
    wanted = {name for name in _variables(nodes) if len(name) > 2 and not name.endswith("__")}
    return _Names(wanted, fixed, {name for name in defined if name[0] != "_"}, words)


def replace(text: str, names: Mapping[str, str]) -> str:
    """The source with other names, line for line; what is in texts and comments stays."""
    return _PIECE.sub(lambda match: names.get(match[0], match[0]), text)


def _variables(nodes: Iterable[ast.AST]) -> Iterable[str]:
    """Names of attributes that are set, arguments, what is defined, variables of modules and
    classes.
    """
    for node in nodes:
        if _is_definition(node):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, (ast.Module, ast.ClassDef)):
            for each in node.body:
                if isinstance(each, ast.Assign) and not is_folded(each):
                    yield from (name.id for name in each.targets if isinstance(name, ast.Name))


def _fixed(node: ast.AST, defined: Collection[str]) -> Iterable[str]:
    """Names that others know: keywords, modules, methods of MicroPython's, in texts."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in _PUBLIC:
        yield from (node.name, *_keywords(node))
    elif isinstance(node, ast.keyword):
        yield node.arg or ""
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if not node.func.attr.startswith("_") and node.func.attr not in defined:
            yield node.func.attr  # it may be a method of MicroPython's: gc.threshold
    elif isinstance(node, ast.ImportFrom):
        yield from (node.module or "").split(".")
        is_ours = (node.module or "").startswith("firmware.")
        names = {each.name for each in node.names if not each.name.isupper()}
        yield from names.difference(defined) if is_ours else names
    elif isinstance(node, ast.Import):
        yield from (part for each in node.names for part in each.name.split("."))
    elif isinstance(node, ast.Constant):
        yield from _texts(node.value)


def _keywords(node: ast.FunctionDef | ast.ClassDef) -> Iterable[str]:
    """What it may be called with."""
    inits = [each for each in node.body if getattr(each, "name", "") == "__init__"]
    for function in inits if isinstance(node, ast.ClassDef) else [node]:
        if isinstance(function, ast.FunctionDef):
            yield from (each.arg for each in function.args.args)


def _in_packages(nodes: Iterable[ast.AST]) -> set[str]:
    """What is imported from a package, which may be a module of it."""
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    packages = {(node.module or "").rpartition(".")[0] for node in imports}
    return {each.name for node in imports if node.module in packages for each in node.names}


def _is_definition(node: ast.AST) -> TypeGuard[_Definition]:
    """Whether it defines what may have another name: not what Python calls, and no exception."""
    if isinstance(node, ast.ClassDef):
        return not any(ast.unparse(base).endswith(("Exception", "Error")) for base in node.bases)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return not node.name.endswith("__")
    return False


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
