"""The rules of the house: who may import whom, and what firmware is made of."""

import ast
from pathlib import Path

import pytest

from tools.checkout import ROOT
from tools.version.build import build

FIRMWARE = ROOT / "firmware"
MODULES = sorted(path.stem for path in FIRMWARE.glob("*.py") if path.stem != "__init__")
# What each module may import of ours; `app` may import everything, and nobody `app`.
ALLOWED = {
    "config": {"config_network", "config_values"},
    "config_network": {"config_values", "ethernet_boards"},
    "config_values": set(),
    "ethernet_boards": set(),
    "log": set(),
    "http1": set(),
    "slots": set(),
    "tasks": set(),
    "link": {"log"},
    "routes": {"log"},
    "address": set(),
    "wifi": {"log", "address"},
    "ethernet": {"log", "address"},
    "failover": {"log"},
    "supervisor": {"log", "link", "tasks"},  # whose states it compares
    "job": set(),
    "workers": {"log", "job", "tasks"},
    "listener": {"log"},
    "wire": {"slots"},
    "body": {"http1"},
    "response": {"slots"},
    "service": {"body", "http1", "response"},
    "connection": {"http1", "slots", "log", "wire", "response", "service"},
    "server": {"connection", "listener", "service", "slots", "log", "tasks"},
    "app": set(MODULES) - {"app"},
}
PURE = {"http1", "slots", "link", "failover"}
IMPURE_NAMES = {"asyncio", "socket", "time.ticks_ms", "machine", "network"}
HARDWARE = {"network", "machine", "esp32"}


def imports_of(module):
    """Every name a module imports, as `module` or `module.name`."""
    for node in ast.walk(ast.parse((FIRMWARE / f"{module}.py").read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            yield node.module


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_its_place_allows(module):
    ours = {name.split(".")[1] for name in imports_of(module) if name.startswith("firmware.")}
    assert ours <= ALLOWED[module]


@pytest.mark.parametrize("module", sorted(PURE))
def test_a_pure_module_has_no_clock_and_no_io(module):
    assert not IMPURE_NAMES & set(imports_of(module))


@pytest.mark.parametrize("module", MODULES)
def test_only_connection_with_its_service_and_routes_know_microdot(module):
    assert module in ("connection", "service", "routes") or "microdot" not in set(
        imports_of(module)
    )


@pytest.mark.parametrize("module", MODULES)
def test_only_the_edge_knows_the_hardware(module):
    assert module in ("wifi", "ethernet", "address") or not HARDWARE & set(imports_of(module))


@pytest.mark.parametrize("module", MODULES)
def test_no_import_is_tried(module):
    tree = ast.parse((FIRMWARE / f"{module}.py").read_text())
    tries = [node for node in ast.walk(tree) if isinstance(node, ast.Try)]
    inside = [type(child) for node in tries for part in node.body for child in ast.walk(part)]
    assert ast.Import not in inside and ast.ImportFrom not in inside


@pytest.mark.parametrize("module", MODULES)
def test_nothing_happens_at_import(module):
    tree = ast.parse((FIRMWARE / f"{module}.py").read_text())
    definitions = (ast.Import, ast.ImportFrom, ast.Assign, ast.ClassDef, ast.FunctionDef)
    for node in tree.body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        assert is_docstring or isinstance(node, (*definitions, ast.AsyncFunctionDef))


def test_a_second_build_compiles_nothing_and_a_stale_file_goes(tmp_path):
    board = build(board=tmp_path / "board")
    stale = board / "firmware" / "gone.mpy"
    stale.write_bytes(b"")
    times = {path: path.stat().st_mtime_ns for path in board.rglob("*.mpy") if path != stale}
    build(board=board)
    assert not stale.exists()
    assert times == {path: path.stat().st_mtime_ns for path in board.rglob("*.mpy")}


def test_build_makes_what_the_flash_holds():
    names = {path.relative_to(build()).as_posix() for path in Path(build()).rglob("*.*")}
    assert {"main.py", "boot.py", "firmware/app.mpy", "lib/microdot/microdot.mpy"} <= names
