"""Other servers for MicroPython, fetched from PyPI into build/, as `peers.txt` pins them."""

import shutil
import subprocess
import sys
from pathlib import Path

from tools.checkout import ROOT
from tools.version.build import compile_module

_PINNED = Path(__file__).parent / "peers.txt"
_FETCHED = ROOT / "build" / "peers"
_KEPT = _FETCHED / _PINNED.name  # what was pinned when they were fetched
_MODULES = ("biplane", "uhttp/server")


def are_here() -> bool:
    """Whether those that are pinned are in build/."""
    return _KEPT.exists() and _KEPT.read_bytes() == _PINNED.read_bytes()


def fetch() -> None:
    """Fetches them unless they are here; without PyPI they are not."""
    if are_here():
        return
    shutil.rmtree(_FETCHED, ignore_errors=True)
    line = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    line += ["--no-deps", "--no-compile", "--require-hashes", "--target", str(_FETCHED)]
    if not subprocess.run([*line, "-r", str(_PINNED)]).returncode:
        shutil.copy(_PINNED, _KEPT)


def compile_into(folder: Path) -> None:
    """Compiles them, as all that is measured, if they are here."""
    for name in _MODULES if are_here() else ():
        compile_module(_FETCHED / f"{name}.py", folder / f"{name}.mpy")
