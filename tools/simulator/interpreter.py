"""MicroPython on this computer, as a process that does not outlive this one."""

import ctypes
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tools.terminal import CommandError

_PR_SET_PDEATHSIG = 1
_KILL = 9  # Windows has no name for it
_OLDEST = (1, 27)
# What its command does, for whose modules Python would take as long as MicroPython does to start.
_START = (
    "import sys; sys.path.append(sys.argv[1]); from micropython_run import run_main; "
    "sys.exit(run_main(['micropython', *sys.argv[2:]]))"
)


def micropython(heap: str) -> list[str]:
    """The command line of MicroPython for Unix with so much heap, as `208k`.

    It is that of the virtual environment, or else the one on PATH; CommandError if there is none,
    or one in which the played hardware can't stand before an import (48d96b400e of MicroPython).
    """
    found = find_spec("micropython_run")
    if found and found.origin:
        place = str(Path(found.origin).parent)
        return [sys.executable, "-I", "-S", "-c", _START, place, "-X", f"heapsize={heap}"]
    program = shutil.which("micropython")
    if program is None:
        raise CommandError(
            "PyPI has no MicroPython for this kind of computer; "
            "put a `micropython` on PATH, or use RUNTIME=cpython"
        )
    line = [program, "-c", "import sys; print(sys.implementation[1])"]
    told = subprocess.run(line, capture_output=True, text=True, check=False).stdout
    version = tuple(int(part) for part in re.findall(r"\d+", told)[:2])
    if version < _OLDEST:
        raise CommandError(
            f"{program} is older than MicroPython %d.%d; use a newer one, or RUNTIME=cpython"
            % _OLDEST
        )
    return [program, "-X", f"heapsize={heap}"]


def die_with_parent(number: int = _KILL) -> None:
    """In a child before it runs: the signal that it gets when this process ends.  On Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
