"""What a Python file refers to, from its syntax: the modules it imports and the files it names."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

# Their first argument names a file or a folder.
_OPENERS = {"send_file", "open", "Template", "initialize", "listdir", "ilistdir", "stat"}
_WRITING = set("wax+")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
Text = tuple[str, bool]  # the text that an expression begins with, and whether that is all of it
Names = dict[str, list[Text]]
_FAILURES = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


class Import(NamedTuple):
    """One module that a file imports, as `a.b`; `from a import b` imports a and perhaps a.b.

    is_optional  whether the file goes on without it: inside `try`, or `if`
    """

    name: str
    line: int
    is_optional: bool


class Mention(NamedTuple):
    """A path that a file names in a call of `function`; up to its last "/" if more follows it.

    "" if it can't be told; what a function of the application's gives is the function's affair.
    """

    path: str
    line: int
    function: str


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


def find_mentions(tree: ast.Module) -> list[Mention]:
    """The paths in calls of send_file, open and the like; not of files that are written."""
    return list(_mentions(tree, {}))


def _mentions(scope: ast.AST, outer: Names) -> Iterator[Mention]:
    """Those in a module or function, where the names of `outer` are known, too."""
    inside = list(_inside(scope))
    names = outer | _texts(inside, outer)
    for node in inside:
        if isinstance(node, _FUNCTIONS):
            yield from _mentions(node, names)
        elif isinstance(node, ast.Call):
            function = getattr(node.func, "id", getattr(node.func, "attr", ""))
            argument = next(iter([*node.args, *(each.value for each in node.keywords)]), None)
            if function in _OPENERS and argument and not _writes(node) and not _streams(node):
                for path in sorted(_paths(argument, _endings(node), names)):
                    if path or not isinstance(getattr(argument, "func", None), ast.Name):
                        yield Mention(path, node.lineno, function)


def _inside(scope: ast.AST) -> Iterator[ast.AST]:
    """What is in a module or function, and of the functions in it only themselves."""
    for node in ast.iter_child_nodes(scope):
        yield node
        if not isinstance(node, _FUNCTIONS):
            yield from _inside(node)


def _paths(argument: ast.expr, endings: list[ast.expr], names: Names) -> set[str]:
    """What an argument may be: a name may have been given several texts."""
    own = names.get(argument.id, []) if isinstance(argument, ast.Name) else []
    found = set()
    for text in own or [_prefix(argument, names)]:
        path, is_whole = _join([text, *(_prefix(each, names) for each in endings)])
        found.add(path if is_whole else path[: path.rfind("/") + 1])
    return found


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
        if isinstance(node, ast.Assign):
            text = _prefix(node.value, outer | found)
            for target in node.targets:
                if isinstance(target, ast.Name) and text[0]:
                    found.setdefault(target.id, []).append(text)
    return found


def _prefix(node: ast.expr, names: Names) -> Text:
    """Of a name that was given several texts, the first."""
    if isinstance(node, ast.Constant):
        return (node.value, True) if isinstance(node.value, str) else ("", False)
    if isinstance(node, ast.Name):
        return names.get(node.id, [("", False)])[0]
    if isinstance(node, ast.JoinedStr):
        return _join([_prefix(part, names) for part in node.values])
    if isinstance(node, ast.FormattedValue):
        return _prefix(node.value, names)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _join([_prefix(node.left, names), _prefix(node.right, names)])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return _prefix(node.left, names)[0].split("%")[0], False
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "format":
            return _prefix(node.func.value, names)[0].split("{")[0], False
    return "", False


def _join(parts: list[Text]) -> Text:
    text = ""
    for part, is_whole in parts:
        text += part
        if not is_whole:
            return text, False
    return text, True
