"""The rules of the house for what does not run on a board: who may import whom."""

import ast
import importlib.metadata
import re
import subprocess
import sys

import pytest

from tools.__main__ import COMMANDS, FOR_CHECKOUTS
from tools.checkout import ROOT

# They run under MicroPython, or play a board: its path is what they make.
PLAYERS = {
    "host_tests/micropython/run_unit.py",
    "host_tests/serial/console.py",
    "tools/simulator/board.py",
    "tools/simulator/cpython.py",
    "tools/simulator/modules.py",
    "tools/simulator/unix.py",
    "tools/version/scripts/frozen.py",
    "tools/version/scripts/main.py",
}
SOURCES = sorted([*(ROOT / "tools").rglob("*.py"), *(ROOT / "host_tests").rglob("*.py")])


def name_of(source):
    return source.relative_to(ROOT).as_posix()


def importers_of(package):
    """The files outside host_tests/ that import something of a package."""
    importing = {
        name_of(source)
        for source in SOURCES
        if any(name.startswith(package) for name in imports_of(source))
    }
    return [name for name in importing if not name.startswith("host_tests/")]


def imports_of(source):
    """The modules that a file imports, as `a.b` for `from a import b`, too."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            yield str(node.module)


def test_each_command_has_a_module_and_each_module_a_command():
    modules = {path.stem for path in (ROOT / "tools" / "commands").glob("*.py")} - {"__init__"}
    assert modules == set(COMMANDS)


def test_a_command_is_imported_by_the_command_line_and_by_tests_only():
    assert importers_of("tools.commands") == []


def test_no_tool_needs_the_tests():
    assert importers_of("host_tests") == []


def test_no_tool_imports_what_windows_lacks():
    lacking = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}
    needing = {name_of(source) for source in SOURCES if lacking & set(imports_of(source))}
    assert [name for name in needing if not name.startswith(("host_tests/", "tools/bench/"))] == []


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_command_imports_only_what_its_target_installs(command):
    makefile = (ROOT / "Makefile").read_text()
    if re.search(rf"^{command}:.*\.venv/run", makefile, re.MULTILINE):
        lacking = modules_of("tools/board-requirements.txt", "host_tests/requirements.txt")
    elif re.search(rf"^{command}:.*\.venv/board", makefile, re.MULTILINE):
        lacking = modules_of("host_tests/requirements.txt")
    else:
        assert re.search(rf"^{command}:.*\.venv/check", makefile, re.MULTILINE)
        lacking = set()
    lines = f"import sys\nsys.modules.update(dict.fromkeys({lacking!r}))\n"
    lines += f"import tools.commands.{command}\n"
    subprocess.run([sys.executable, "-c", lines], cwd=ROOT, check=True, timeout=60)


def modules_of(*requirements):
    """What the packages that the files list are imported as."""
    text = "".join((ROOT / each).read_text() for each in requirements)
    listed = {name.lower() for name in re.findall(r"^([\w-]+)==", text, re.MULTILINE)}
    packages = importlib.metadata.packages_distributions().items()
    return {module for module, names in packages if listed & {name.lower() for name in names}}


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - set(FOR_CHECKOUTS)))
def test_a_command_needs_no_signal_that_windows_lacks(command):
    lines = "import signal\ndel signal.SIGKILL, signal.SIGHUP, signal.pthread_sigmask\n"
    lines += f"import tools.commands.{command}\n"
    subprocess.run([sys.executable, "-c", lines], cwd=ROOT, check=True, timeout=60)


def test_only_what_plays_a_board_changes_the_path():
    changing = {
        name_of(source)
        for source in SOURCES
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.path"
    }
    assert changing == PLAYERS
