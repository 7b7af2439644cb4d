"""Tracebacks of a board, with modules, lines and functions as the sources have them."""

import ast
import functools
import re
from pathlib import Path

from tools.checkout import ROOT
from tools.version import join, source

_START = b'  File "'
_PLACE = re.compile(rb'^  File "firmware\.([\w.]+)", line (\d+), in ([\w<>]+)', re.MULTILINE)
# As the last words of a run have it, if its end is in the same block.
_SHORT_PLACE = re.compile(rb"firmware\.%s:(\d+)(?=\D)" % join.NAME.encode())


class Tracebacks:
    """What a board says, as it comes.

    What was built has other names for functions (`names.py`), and modules that have become
    one (`join.py`).
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, block: bytes) -> bytes:
        """What can be shown now: of a traceback, whole lines."""
        text = self._rest + block
        end = text.rfind(b"\n") + 1
        last = text[end:]
        self._rest = last if last[: len(_START)] == _START[: len(last)] else b""
        shown = _PLACE.sub(_name, text[: len(text) - len(self._rest)])
        return _SHORT_PLACE.sub(_short_name, shown)


def find_function(file: Path, line: int) -> str:
    """The innermost function or class of a source around a line; "" outside of any."""
    found = ""
    for node in _definitions(file):
        # A frame is never at its own `def`: there the outer one runs.
        if node.lineno < line <= (node.end_lineno or line):
            found = node.name  # they come from the outside in
    return found


def _name(match: re.Match[bytes]) -> bytes:
    module, line = match[1].decode(), int(match[2])
    if module == join.NAME:
        module, line = join.find_place(line)
    path = ROOT.joinpath("firmware", *module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    said = match[3].decode()
    name = (said[0] != "<" and find_function(file, line)) or said
    return f'  File "firmware.{module}", line {line}, in {name}'.encode()


def _short_name(match: re.Match[bytes]) -> bytes:
    return "firmware.{}:{}".format(*join.find_place(int(match[1]))).encode()


@functools.cache
def _definitions(file: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    tree = ast.parse(file.read_bytes()) if file.exists() else ast.Module([], [])
    return [node for node in ast.walk(tree) if isinstance(node, source.DEFINITION)]
