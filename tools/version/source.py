"""Python source files, whatever editor has written them: their text, and what they say.

A board reads UTF-8 and nothing else; Python also reads a byte-order mark, and what a comment in
the first two lines names (PEP 263).
"""

import ast
import io
import tokenize
import warnings
from pathlib import Path

from tools.terminal import CommandError

DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_OTHER_MARKS = (b"\xff\xfe", b"\xfe\xff")  # UTF-16: Notepad's "Unicode"


def read(path: Path) -> bytes:
    """Its text as a board reads it, in UTF-8; CommandError at what can't be read."""
    content = path.read_bytes()
    if content.startswith(_OTHER_MARKS):
        raise CommandError(f"{path}, line 1: UTF-16; save it as UTF-8")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    except SyntaxError as error:
        raise _undecodable(path, content, "utf-8") or CommandError(f"{path}, line 1: {error.msg}")
    try:
        return content.decode(encoding).encode("utf-8")
    except UnicodeDecodeError:
        raise _undecodable(path, content, encoding) or CommandError(f"{path}: not {encoding}")


def parse(path: Path) -> ast.Module:
    """CommandError with file and line if it is not Python."""
    text = read(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's own, about what a board does not mind
            return ast.parse(text.decode("utf-8"))
    except SyntaxError as error:
        raise CommandError(f"{path}, line {error.lineno or 1}: {error.msg}")
    except ValueError as error:  # a null byte
        raise CommandError(f"{path}, line {text[: text.find(0)].count(10) + 1}: {error}")
    except (RecursionError, MemoryError):
        raise CommandError(f"{path}: nested too deeply")


def walk(tree: ast.AST) -> list[ast.AST]:
    """What `ast.walk` finds, in a third of its time."""
    found = [tree]
    for node in found:
        found += children(node)
    return found


def children(node: ast.AST) -> list[ast.AST]:
    found = []
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, ast.AST):
            found.append(value)
        elif isinstance(value, list):
            found += [each for each in value if isinstance(each, ast.AST)]
    return found


def beside(lines: list[str], node: ast.stmt) -> tuple[str, str]:
    """What stands in its first line before a statement, and in its last one behind it."""
    first = lines[node.lineno - 1].encode()
    last = lines[(node.end_lineno or node.lineno) - 1].encode()
    return first[: node.col_offset].decode(), last[node.end_col_offset :].decode()


def strip_annotations(tree: ast.Module) -> ast.Module:
    """The tree without what mpy-cross has no use for."""
    for node in walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return tree


def replace(lines: list[str], node: ast.stmt, statement: str) -> None:
    """Puts one line in the place of a statement, and empty ones below it; the others stay."""
    end = node.end_lineno or node.lineno
    lines[node.lineno - 1 : end] = ["\n"] * (end - node.lineno + 1)
    lines[node.lineno - 1] = f"{' ' * node.col_offset}{statement}\n"


def _undecodable(path: Path, content: bytes, encoding: str) -> CommandError | None:
    """Where the first byte is that the encoding does not have."""
    name = encoding.removesuffix("-sig").upper()
    try:
        content.decode(encoding)
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = len(before) - before.rfind(b"\n")
        place = f"{path}, line {line}, column {column}"
        octet = f"0x{content[error.start]:02x}"
        return CommandError(f"{place}: byte {octet} is not {name}; save the file as UTF-8")
    return None
