"""The files that a Python file names when it sends or opens them, from its syntax."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

# Their first argument names a file or a folder.
_OPENERS = {"send_file", "open", "Template", "initialize", "listdir", "ilistdir", "stat"}
_WRITING = set("wax+")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_MOST = 16  # texts of one expression
Text = tuple[str, bool]  # the text that an expression begins with, and whether that is all of it
UNSEEN: Text = ("", False)
Names = dict[str, list[Text]]


class Mention(NamedTuple):
    """A path that a file names in a call of `function`; up to its last "/" if more follows it.

    "" if it can't be told; what a function of the application's gives is the function's affair.
    """

    path: str
    line: int
    function: str


def find(tree: ast.Module) -> list[Mention]:
    """The paths in calls of send_file, open and the like; not of files that are written."""
    return list(_mentions(tree, {}))


def _mentions(scope: ast.AST, outer: Names) -> Iterator[Mention]:
    """Those in a module or function, where the names of `outer` are known, too."""
    inside = list(_inside(scope))
    arguments = [node.arg for node in inside if isinstance(node, ast.arg)]
    outer = outer | dict.fromkeys(arguments, [UNSEEN])
    names = outer | _texts(inside, outer)
    for node in inside:
        if isinstance(node, _FUNCTIONS):
            yield from _mentions(node, names)
        elif isinstance(node, ast.Call):
            function = getattr(node.func, "id", getattr(node.func, "attr", ""))
            argument = next(iter([*node.args, *(each.value for each in node.keywords)]), None)
            if function in _OPENERS and argument and not _writes(node) and not _streams(node):
                texts = _join([argument, *_endings(node)], names)
                for path in sorted({_path(text) for text in texts}):
                    if path or not isinstance(getattr(argument, "func", None), ast.Name):
                        yield Mention(path, node.lineno, function)


def _inside(scope: ast.AST) -> Iterator[ast.AST]:
    """What is in a module or function, and of the functions in it only themselves."""
    for node in ast.iter_child_nodes(scope):
        yield node
        if not isinstance(node, _FUNCTIONS):
            yield from _inside(node)


def _path(text: Text) -> str:
    path, is_whole = text
    return path if is_whole else path[: path.rfind("/") + 1]


def _endings(call: ast.Call) -> list[ast.expr]:
    """What send_file puts behind the name of a file: `file_extension=".gz"`."""
    return [each.value for each in call.keywords if each.arg == "file_extension"]


def _streams(call: ast.Call) -> bool:
    """Whether send_file is given what to send: the name only tells the type then."""
    return any(each.arg == "stream" for each in call.keywords)


def _writes(call: ast.Call) -> bool:
    """Whether it opens a file to write it: that is the application's own."""
    modes = [*call.args[1:2], *(each.value for each in call.keywords if each.arg == "mode")]
    return any(isinstance(mode, ast.Constant) and _WRITING & set(str(mode.value)) for mode in modes)


def _texts(nodes: list[ast.AST], outer: Names) -> Names:
    """The texts that names are given: `FOLDER = "pages"`, `path = FOLDER + "/" + name`."""
    found: Names = {}
    for node in nodes:
        for name, texts in _given(node, outer | found):
            found[name] = [*found.get(name, []), *texts][:_MOST]
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            found[name] = [(text, False) for text, _ in found.get(name, [UNSEEN])]
    return found


def _given(node: ast.AST, names: Names) -> Iterator[tuple[str, list[Text]]]:
    """Each name that a statement gives texts to."""
    if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if isinstance(target, ast.Name):
                yield target.id, _prefixes(node.value, names)
    elif isinstance(node, (ast.For, ast.AsyncFor)):
        yield from ((each.id, [UNSEEN]) for each in ast.walk(node.target) if hasattr(each, "id"))


def _prefixes(node: ast.expr, names: Names) -> list[Text]:
    """What an expression may begin with: a name may have been given several texts."""
    if isinstance(node, ast.Constant):
        return [(node.value, True)] if isinstance(node.value, str) else [UNSEEN]
    if isinstance(node, ast.Name):
        return names.get(node.id, [UNSEEN])
    if isinstance(node, ast.JoinedStr):
        return _join(node.values, names)
    if isinstance(node, ast.FormattedValue):
        return _prefixes(node.value, names)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _join([node.left, node.right], names)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return [(text.split("%")[0], False) for text, _ in _prefixes(node.left, names)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "format":
            return [(text.split("{")[0], False) for text, _ in _prefixes(node.func.value, names)]
    chosen: dict[type, list[ast.expr]] = {
        ast.IfExp: [getattr(node, "body", node), getattr(node, "orelse", node)],
        ast.BoolOp: getattr(node, "values", []),
    }
    return [text for each in chosen.get(type(node), []) for text in _prefixes(each, names)] or [
        UNSEEN
    ]


def _join(parts: list[ast.expr], names: Names) -> list[Text]:
    """What may stand one behind the other; no more is known behind what is not."""
    found: list[Text] = [("", True)]
    for part in parts:
        texts = _prefixes(part, names)
        whole = [text for text, is_whole in found if is_whole]
        found = [text for text in found if not text[1]]
        found += [(text + more, is_whole) for text in whole for more, is_whole in texts]
    return found[:_MOST]
