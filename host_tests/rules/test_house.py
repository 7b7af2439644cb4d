"""The rules of the house: who may import whom, and what firmware is made of."""

import ast
import re

import pytest

from tools.checkout import ROOT
from tools.version import join
from tools.version.build import build

FIRMWARE = ROOT / "firmware"
# Each by its name: `update` is a package, and `update.plan` a module in it.  Without what is no
# module of a board: manifest.py is for those who build an image.
FILES = {
    ".".join(path.relative_to(FIRMWARE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in FIRMWARE.rglob("*.py")
}
MODULES = sorted(FILES.keys() - {"__init__", "manifest"})
# What each module imports of ours, no more and no less; nobody imports `app`.
IMPORTS = {
    # pure
    "http1": set(),
    "heads": {"http1"},
    "chunked": {"http1"},
    "encode": {"http1"},
    "slots": set(),
    "link": set(),
    "failover": set(),
    # sockets
    "listener": set(),
    "sock": {"heads", "heartbeat", "tasks", "wire"},
    "wire": {"slots"},
    "linger": {"slots", "wire"},
    "long_head": {"heads", "slots", "wire"},
    "heartbeat": set(),
    "body": {"chunked", "heads", "http1", "slots", "tasks", "wire"},
    "stream": {"heads", "http1"},
    "pieces": {"encode", "heartbeat", "tasks"},
    "response": {"encode", "pieces", "slots"},
    "static": set(),
    "request": {"sock", "static", "stream"},
    "refusal": {"encode", "http1", "pieces", "request", "slots"},
    "farewell": {"encode", "linger", "refusal", "slots"},
    "lasting": {"slots"},
    "intake": {"body", "http1", "pieces", "slots", "wire"},
    "exchange": {
        "http1",
        "intake",
        "kinds",
        "pieces",
        "refusal",
        "request",
        "response",
        "slots",
    },
    "kinds": {"response", "static"},
    "connection": {"encode", "farewell", "linger", "long_head", "slots", "wire"},
    "admission": {"slots", "tasks"},
    "server": {
        "access",
        "admission",
        "application",
        "connection",
        "exchange",
        "farewell",
        "heads",
        "lasting",
        "listener",
        "slots",
        "tasks",
    },
    "access": set(),
    "application": {"body", "refusal", "request", "stream"},
    "status": {"encode", "kept_log", "metrics", "radio", "refusal"},
    "metrics": set(),
    "kept_log": set(),
    # work
    "job": {"tasks"},
    "workers": {"job", "log", "tasks", "thread"},
    "thread": {"job", "log"},
    # network
    "address": set(),
    "wifi": {"address", "reasons"},
    "reasons": set(),
    "ethernet": {"address"},
    "supervisor": {"link", "tasks"},
    # care
    "health": {"last_words", "link", "ping", "probe", "sntp", "vigil"},
    "vigil": set(),
    "last_words": set(),
    "ping": set(),
    "probe": set(),
    "sntp": set(),
    "safe_mode": {"last_words"},
    "update": {"update.delivery", "update.proof", "update.restart"},
    "update.alone": {
        "log",
        "settings",
        "startup",
        "update",
        "update.client",
        "update.restart",
    },
    "update.client": set(),
    "update.delivery": {
        "update.flash",
        "update.inventory",
        "update.plan",
        "update.proof",
        "update.switch",
    },
    "update.flash": set(),
    "update.inventory": {"update.flash"},
    "update.plan": {"update.proof"},
    "update.proof": set(),
    "update.restart": {"last_words"},
    "update.switch": {"update.flash", "update.restart"},
    "trial": {"last_words"},
    # the rest
    "config": {"config.network", "config.values"},
    "config.network": {"config.values", "config.ethernet_boards"},
    "config.values": set(),
    "config.ethernet_boards": set(),
    "log": set(),
    "memory": {"radio"},
    "radio": set(),
    "settings": {"config"},
    "routes": set(),
    "tasks": set(),
    "index": set(),
    "heap": set(),
    "startup": {
        "ethernet",
        "failover",
        "frames",
        "health",
        "job",
        "link",
        "log",
        "memory",
        "routes",
        "server",
        "supervisor",
        "uploads",
        "wifi",
        "workers",
    },
    "uploads": set(),
    "frames": {"heartbeat", "sock"},
    "own": {"status", "update"},
    "app": {"own", "settings", "startup", "trial"},
}
# Of these, what is loaded when it is needed for the first time.
LATER = {
    "status": {"kept_log", "metrics"},
    "workers": {"thread"},
    "wifi": {"reasons"},
    "health": {"last_words", "ping", "probe", "sntp"},
    "update": {"update.delivery", "update.restart"},
    "update.restart": {"last_words"},
    "trial": {"last_words"},
    "server": {"access", "application"},
    "startup": {"frames", "uploads"},
    "app": {"own", "trial"},
    "own": {"status", "update"},
}
PURE = {"http1", "heads", "chunked", "encode", "slots", "link", "failover", "vigil"}
IMPURE_NAMES = {"asyncio", "socket", "os", "time", "time.ticks_ms", "machine", "network", "esp32"}
KNOW_MICRODOT = {
    "application",
    "exchange",
    "frames",
    "intake",
    "kinds",
    "refusal",
    "request",
    "stream",
    "routes",
    "own",
    "safe_mode",
    "status",
}
KNOW_HARDWARE = {
    "heap",
    "wifi",
    "ethernet",
    "address",
    "memory",
    "radio",
    "health",
    "last_words",
    "sntp",
    "status",
    "trial",
    "update",
    "update.alone",
    "update.restart",
}
HARDWARE = {"network", "machine", "esp32"}


def imports_of(module):
    """Every module that a module imports, and every name of one, as `module.name`."""
    for node in ast.walk(ast.parse(FILES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            if not node.module.startswith("time"):
                yield node.module


def ours_of(module):
    """The modules of ours that a module imports; `from firmware.update import flash` is one of
    `update.flash`.
    """
    for node in ast.walk(ast.parse(FILES[module].read_text())):
        if isinstance(node, ast.Import):
            names = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(f"{node.module}.{alias.name}", str(node.module)) for alias in node.names]
        else:
            continue
        for name, source in names:
            if name.startswith("firmware."):
                name, source = name.partition(".")[2], source.partition(".")[2]
                yield name if name in FILES or not source else source


def modules_of(module):
    """The modules outside of ours that it imports, without what is in them."""
    return {name.split(".")[0] for name in imports_of(module)}


def test_each_module_has_its_place_in_the_table():
    assert set(MODULES) == set(IMPORTS)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_what_its_place_says_and_nothing_else(module):
    assert set(ours_of(module)) == IMPORTS[module]


@pytest.mark.parametrize("module", MODULES)
def test_what_is_one_module_on_a_board_is_imported_in_the_form_that_is_replaced(module):
    members = {f"firmware.{member}" for member in join.MEMBERS}
    for node in ast.walk(ast.parse(FILES[module].read_text())):
        names = {alias.name for alias in getattr(node, "names", ())}
        if isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{name}" for name in names}
        assert not members & names


@pytest.mark.parametrize(
    ("name", "modules"),
    [
        ("INTERNAL_LEN", ("radio", "heap")),
        ("MICRODOT_MAX_LEN", ("body", "startup")),
        ("MIN_TIMEOUT_S", ("last_words", "update.alone")),
        ("MAX_TIMEOUT_S", ("last_words", "update.alone")),
    ],
)
def test_a_number_that_two_modules_need_is_the_same_in_both(name, modules):
    found = [re.search(rf"^_?{name} = (.+\))", FILES[each].read_text(), re.M) for each in modules]
    assert len({each and each[1] for each in found}) == 1 and found[0]


def test_the_modules_import_each_other_in_no_circle():
    left = {module: ours - LATER.get(module, set()) for module, ours in IMPORTS.items()}
    while left:
        last = {module for module, ours in left.items() if not ours & set(left)}
        assert last, f"in a circle: {sorted(left)}"
        left = {module: ours for module, ours in left.items() if module not in last}


@pytest.mark.parametrize("module", sorted(PURE))
def test_a_pure_module_has_no_clock_and_no_io(module):
    assert not IMPURE_NAMES & set(imports_of(module))
    assert IMPORTS[module] <= PURE


def test_only_the_seam_and_applications_know_microdot():
    assert {module for module in MODULES if "microdot" in modules_of(module)} == KNOW_MICRODOT


def test_only_the_edge_memory_and_the_care_know_the_hardware():
    assert {module for module in MODULES if HARDWARE & modules_of(module)} == KNOW_HARDWARE


@pytest.mark.parametrize("module", MODULES)
def test_no_import_is_tried(module):
    tree = ast.parse(FILES[module].read_text())
    tries = [node for node in ast.walk(tree) if isinstance(node, ast.Try) and node.handlers]
    inside = [type(child) for node in tries for part in node.body for child in ast.walk(part)]
    assert ast.Import not in inside and ast.ImportFrom not in inside


@pytest.mark.parametrize("module", MODULES)
def test_nothing_happens_at_import(module):
    tree = ast.parse(FILES[module].read_text())
    definitions = (ast.Import, ast.ImportFrom, ast.Assign, ast.ClassDef, ast.FunctionDef)
    for node in tree.body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        assert is_docstring or isinstance(node, (*definitions, ast.AsyncFunctionDef))


def test_a_traceback_names_a_module_as_a_board_knows_it_already(tmp_path):
    """The path of the source would be one more name on the heap, for each module."""
    board = build(board=tmp_path / "board")
    for path, name in (
        ("firmware/core", b"core"),
        ("firmware/body", b"body"),
        ("lib/microdot/microdot", b"microdot"),
    ):
        compiled = (board / f"{path}.mpy").read_bytes()
        assert name + b".py" not in compiled
        assert b"." + name in compiled


def test_a_second_build_compiles_nothing_and_a_stale_file_goes(tmp_path):
    board = build(board=tmp_path / "board")
    stale = board / "firmware" / "gone.mpy"
    stale.write_bytes(b"")
    times = {path: path.stat().st_mtime_ns for path in board.rglob("*.mpy") if path != stale}
    build(board=board)
    assert not stale.exists()
    assert times == {path: path.stat().st_mtime_ns for path in board.rglob("*.mpy")}


def test_build_makes_what_the_flash_holds():
    board = build()
    names = {path.relative_to(board).as_posix() for path in board.rglob("*.*")}
    assert {"main.py", "boot.py", "firmware/core.mpy", "lib/microdot/microdot.mpy"} <= names


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_its_unit_file(module):
    """`update.plan` has test_update_plan.py; what is in `config` is tested through it."""
    name = "config" if module.startswith("config.") else module.replace(".", "_")
    assert (ROOT / "host_tests" / "unit" / f"test_{name}.py").is_file()


@pytest.mark.parametrize("path", sorted((ROOT / "host_tests" / "unit").glob("*.py")), ids=str)
def test_a_unit_file_has_400_lines_at_most(path):
    assert len(path.read_text().splitlines()) <= 400
