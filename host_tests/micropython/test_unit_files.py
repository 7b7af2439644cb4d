"""Runs every unit file on the real MicroPython as well."""

import subprocess
from pathlib import Path

import pytest

from tools.checkout import ROOT
from tools.simulator.interpreter import micropython
from tools.version.build import compile_microdot

UNIT = ROOT / "host_tests" / "unit"
_HEAP = "2M"  # the tests are compiled on the heap, too


@pytest.mark.parametrize("name", sorted(path.stem for path in UNIT.glob("test_*.py")))
def test_unit_file_passes_on_micropython(name):
    lib = ROOT / "build" / "microdot"
    compile_microdot(lib)
    runner = Path(__file__).parent / "run_unit.py"
    line = [*micropython(_HEAP), str(runner), str(ROOT), str(lib), name]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 failed" in done.stdout and not done.stdout.startswith("0 passed"), done.stdout
