"""What becomes of the modules that every board loads."""

import ast
import sys
from collections import Counter
from typing import Any
from unittest import mock

import pytest

from tools.checkout import ROOT
from tools.version import build, join, names, tracebacks

FIRMWARE = ROOT / "firmware"
HTTP1 = """\
from time import ticks_ms

_LEN = 3


def cut(text):
    return text[:_LEN]
"""
WIRE = """\
from time import (
    ticks_diff,
    ticks_ms,
)

from firmware.http1 import cut

_LEN = 1


def send(text):
    return cut(text) + text[:_LEN]
"""
BODY = """\
def read():
    from firmware.http1 import cut

    return cut("abcd")
"""
TEXTS = {f"firmware/{each}.py": "" for each in join.MEMBERS} | {
    "firmware/http1.py": HTTP1,
    "firmware/wire.py": WIRE,
    "firmware/body.py": BODY,
}
HTTP1_LINES = HTTP1.count("\n")
CORE = ast.parse(
    join.join(
        {f"firmware/{each}.py": (FIRMWARE / f"{each}.py").read_text() for each in join.MEMBERS},
        join.MEMBERS,
    )[join.PATH]
)


TABLE_SIZES = (97, 127, 167, 223, 293)  # MicroPython's, py/map.c


def bound_in(tree):
    """The names that a module binds."""
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (each.asname or each.name for each in node.names)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            nodes = [name for each in targets for name in ast.walk(each)]
            yield from (name.id for name in nodes if isinstance(name, ast.Name))


def members(*joined):
    return join.join(TEXTS, joined)


def write(folder, **texts):
    """The sources of a version whose application is of these files."""
    found = build.sources(ROOT, build.find_microdot(), ROOT / "main.py")
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
        found[f"{name}.py"] = folder / f"{name}.py"
    return found


def test_what_has_one_name_in_two_modules_stays_two_things():
    core = members("http1", "wire")["firmware/core.py"].replace("from time", "from board_time")
    made: dict[str, Any] = {}
    with mock.patch.dict(sys.modules, board_time=mock.Mock()):
        exec(core, made)
    assert made["send"]("abcd") == "abca"


def test_the_built_in_functions_that_it_uses_are_names_of_its_own():
    text = "def f(text: bytes) -> object:\n    print(len(text), str)\n    raise ValueError\n"
    core = join.join(TEXTS | {"firmware/wire.py": text}, ["wire"])["firmware/core.py"]
    assert core.startswith("from builtins import len, str; \n")


def test_its_table_of_names_is_not_nearly_full():
    found = build.sources(ROOT, build.find_microdot(), ROOT / "main.py")
    core = ast.parse(build.reduce(found)["firmware/core.mpy"])
    is_folded = [isinstance(node, ast.Assign) and names.is_folded(node) for node in core.body]
    left = [node for node, is_gone in zip(core.body, is_folded, strict=True) if not is_gone]
    count = len(list(bound_in(ast.Module(left, [])))) + len(("__name__", "__file__"))
    size = next(size for size in TABLE_SIZES if size >= count)
    assert 100 < count < 0.9 * size


def test_each_line_stays_and_what_was_imported_once_is_not_again():
    core = members("http1", "wire")["firmware/core.py"].split("\n")
    assert len(core) == HTTP1_LINES + WIRE.count("\n") + 1
    assert core[HTTP1_LINES:][:6] == ["from time import ticks_diff", *("", "", "", "", "")]


def test_the_others_import_from_the_one_module():
    joined = members("http1", "wire")
    assert "firmware/http1.py" not in joined and "firmware/wire.py" not in joined
    assert "    from firmware.core import cut" in joined["firmware/body.py"]


def test_a_member_that_is_left_out_is_imported_and_keeps_its_lines():
    joined = members("wire")
    assert joined["firmware/http1.py"] == TEXTS["firmware/http1.py"]
    assert joined["firmware/core.py"].startswith("\n" * HTTP1_LINES + "from time")
    assert "from firmware.http1 import cut" in joined["firmware/core.py"]


def test_the_demo_has_all_of_them_in_one(tmp_path):
    found = write(tmp_path)
    assert join.choose(found) == list(join.MEMBERS)
    planned = build.plan(ROOT, build.find_microdot(), ROOT / "main.py")
    assert "firmware/core.mpy" in planned and "firmware/wire.mpy" not in planned


@pytest.mark.parametrize(
    "text",
    [
        "from firmware.pieces import X",
        "from firmware import pieces",
        "import firmware as fw\n\ndef f():\n    return fw.pieces.X",
        "import firmware.body\n\nX = firmware.pieces.X",
        "if __import__('firmware.pieces'):\n    pass",
    ],
)
def test_what_an_application_imports_stays_with_what_that_imports(tmp_path, text):
    left = set(join.MEMBERS) - set(join.choose(write(tmp_path, main=text)))
    assert left == {"pieces", "encode", "tasks", "http1"}


def test_so_does_what_a_compiled_file_of_it_may_import(tmp_path):
    found = write(tmp_path)
    (tmp_path / "own.mpy").write_bytes(b"M\x06\x00\x08firmware\x04tasks\x00")
    found["lib/own.mpy"] = tmp_path / "own.mpy"
    assert set(join.MEMBERS) - set(join.choose(found)) == {"tasks"}


def test_and_what_its_own_copy_of_microdot_imports(tmp_path):
    found = write(tmp_path, extra="from firmware.tasks import wake")
    found["lib/microdot/extra.py"] = found.pop("extra.py")
    assert set(join.MEMBERS) - set(join.choose(found)) == {"tasks"}


def test_where_all_are_left_out_there_is_no_such_module(tmp_path):
    found = write(tmp_path, main="".join(f"import firmware.{each}\n" for each in join.MEMBERS))
    assert join.choose(found) == []
    planned = build.plan(ROOT, build.find_microdot(), tmp_path / "main.py")
    assert "firmware/core.mpy" not in planned and "firmware/wire.mpy" in planned


def test_each_line_that_a_build_writes_is_found_in_the_sources(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "BOARD", tmp_path / "board")
    build.build(board=build.BOARD)
    whole = (tmp_path / "core.py").read_text().splitlines()
    assert len(whole) > 3000
    texts = {each: (FIRMWARE / f"{each}.py").read_text().splitlines() for each in join.MEMBERS}
    for at, text in enumerate(whole, 1):
        module, line = join.find_place(at)
        assert texts[module][line - 1] == text


def test_the_body_of_each_function_of_the_one_module_is_on_its_line():
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = [node for node in ast.walk(CORE) if isinstance(node, definitions)]
    assert len(found) > 300
    for node in found:
        module, line = join.find_place(node.body[0].lineno)
        name = tracebacks.find_function(FIRMWARE / f"{module}.py", line)
        assert node.name in (name, f"{name}_{module}")


def test_a_line_behind_the_last_one_is_of_no_module():
    assert join.find_place(10**6)[0] == join.NAME


def imports_of_ours(module):
    tree = ast.parse((FIRMWARE / f"{module}.py").read_text())
    imports = [node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {name[len("firmware.") :] for name in imports if name.startswith("firmware.")}


def test_each_member_finds_what_it_imports_in_those_before_it_or_in_what_imports_none():
    for at, member in enumerate(join.MEMBERS):
        others = imports_of_ours(member) - set(join.MEMBERS[:at])
        assert not others & set(join.MEMBERS)
        assert not any(map(imports_of_ours, others))


def test_no_name_of_the_one_module_means_two_things():
    bound = Counter(bound_in(CORE))
    assert [name for name, count in bound.items() if count > 1] == []
